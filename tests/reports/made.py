"""Small certificates of every kind and verdict, written once, for the tests of what reads certificates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import exactformer as ef
from tests.command_line.interrupts import network_in
from tests.command_line.invoking import invoke

INPUTS = ("certify", "increment", "--input", "11", "--input", "0")
EVERY = ("certify", "increment", "--all-inputs", "--context", "16")
TRANSDUCER = """
start: none
moves:
  none: {a: [some, a], b: [other, b]}
  some: {}
  other: {}
"""
SEQUENCES = "- tokens: [a, b, a]\n  asked: {2: TOKEN}\n"
FEW = ("--keys", "2", "--scores=0..8", "--values=0..1")
WORDS = ("--words", "(a|b)", "--length", "1", "--last", "--arithmetic", "fp32")


@dataclass(frozen=True)
class Made:
    """A certificate's file, its verdict, and what `check` has to be told."""

    path: Path
    verdict: str
    about: tuple[str, ...] = ()


MACHINE = ("--machine", "increment")
TITLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "runs, certified": ("certified", MACHINE),
    "runs, refuted": ("refuted", MACHINE),
    "runs, inconclusive": ("inconclusive", MACHINE),
    "runs, refuted at every beta": ("refuted", ("--machine", "rewrite")),
    "segments": ("certified", ("--machine", "binary-counter")),
    "every run, proved": ("proved", MACHINE),
    "every run, inconclusive": ("inconclusive", MACHINE),
    "every run, tokens proved": ("tokens proved", ("--machine", "rewrite")),
    "a theory": ("proved", ("--theory", "ngram")),
    "sequences, certified": ("certified", ()),
    "sequences, refuted": ("refuted", ()),
    "words, proved": ("proved", ()),
    "words, refuted": ("refuted", ()),
    "words, hardmax": ("proved", ()),
    "a transducer, proved": ("proved", ()),
    "a kernel, proved": ("proved", ()),
    "a kernel, refuted": ("refuted", ()),
    "an approximation": ("proved", ("--function", "polynomial")),
}


@cache
def made(title: str, folder: Path) -> Made:
    """The certificate of this title, in a folder of its own."""
    own = folder / title.replace(" ", "-").replace(",", "")
    own.mkdir()
    verdict, about = TITLES[title]
    _make(title, own)
    (path,) = own.glob("*.certificate.json")
    return Made(path, verdict, about)


def _make(title: str, own: Path) -> None:
    out = ("--out", str(own))
    match title:
        case "runs, certified":
            _done(*INPUTS, *out)
        case "runs, refuted":
            _done(*INPUTS, "--beta", "1", *out)
        case "runs, inconclusive":
            _done(*INPUTS, "--arithmetic", "exact", *out)
        case "runs, refuted at every beta":
            _done("certify", "rewrite", "--input", "1" * 10, "--arithmetic", "rounded:fixed6/fixed6", *out)
        case "segments":
            _done("certify", "binary-counter", "--input", "00", "--paradigm", "scot", *out)
        case "every run, proved":
            _done(*EVERY, *out)
        case "every run, inconclusive":
            _done(*EVERY, "--arithmetic", "exact", *out)
        case "every run, tokens proved":
            arithmetic = ("--arithmetic", "rounded:fixed8/fixed8", "--claim", "tokens")
            _done("certify", "rewrite", "--all-inputs", "--context", "16", *arithmetic, *out)
        case "a theory":
            network, theory = ef.ngram(letters="ab", n=1, context=16)
            ef.certify(network, theory, "rounded:fp32/bf16", context=16).write(own)
        case "an approximation":
            _done("approximate", "--function", "polynomial", "--n", "2", "--epsilon", "1", "--p", "1", *out)
        case _:
            _make_of_network(title, own, out)


def _make_of_network(title: str, own: Path, out: tuple[str, ...]) -> None:
    if title.startswith("a kernel"):
        recipe = ("flash-2-bf16", *FEW) if title == "a kernel, proved" else ("eager-bf16", *FEW, "--tolerance", "0.001")
        _done("kernel", *recipe, *out)
        return
    network = network_in(own)
    given = own / "given.yaml"
    if title.startswith("sequences"):
        given.write_text(SEQUENCES.replace("TOKEN", "a" if "certified" in title else "b"))
        _done("certify", str(network), "--sequences", str(given), *out)
        return
    spec = "hardmax"
    if title == "a transducer, proved":
        given.write_text(TRANSDUCER)
        spec = str(given)
    elif title != "words, hardmax":
        wanted = "word[-1]" if "proved" in title else "'b'"
        (own / "spec.py").write_text(f"def expected(word):\n    return [{wanted}]\n")
        spec = str(own / "spec.py")
    _done("verify", str(network), "--spec", spec, *WORDS, *out)


def _done(*arguments: str) -> None:
    outcome = invoke(*arguments)
    if outcome.err:
        raise RuntimeError(outcome.err)
