"""``certify NETWORK.json --sequences FILE``: verdicts, exit codes, what is written; bad input in one sentence."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import exactformer as ef
from tests.command_line.invoking import files_in, invoke
from tests.given.test_documents import COUNTER

SEQUENCES = "- tokens: [a, a, b]\n  asked: {2: a}\n- tokens: [b, a, b]\n  asked: next tokens\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ef.save_transformer(COUNTER, tmp_path / "counter.json")
    (tmp_path / "right.yaml").write_text("- tokens: [a, a, b]\n  asked: {2: a}\n- tokens: [b]\n")
    (tmp_path / "wrong.json").write_text('[{"tokens": ["a", "a", "b"], "asked": {"2": "b"}}]')
    (tmp_path / "next.yaml").write_text("- tokens: [a, a]\n  asked: next tokens\n")
    return tmp_path


def certify(folder: Path, sequences: str, *more: str) -> tuple[int, str, str]:
    done = invoke("certify", folder / "counter.json", "--sequences", folder / sequences, "--out", folder / "out", *more)
    return done.code, done.out, done.err


def test_certified(folder: Path) -> None:
    code, out, err = certify(folder, "right.yaml")
    assert (code, err) == (0, "")
    assert out.startswith("CERTIFIED\nOn 2 given sequences, the softmax transformer of these weights, in the ")
    for line in ("proved", "checked on these runs", "assumed"):
        assert f"\n{line}\n" in out
    assert "counter.2-sequences.fused-bf16." in out
    names = files_in(folder / "out")
    assert [name.split(".")[0] for name in names] == ["counter", "counter"]
    assert sum(name.endswith(".certificate.json") for name in names) == 1
    assert certify(folder, "next.yaml")[0] == 0
    assert len(files_in(folder / "out")) == 3  # both certificates are about one network


def test_refuted(folder: Path) -> None:
    code, out, _ = certify(folder, "wrong.json", "--arithmetic", "rounded:fp32/bf16", "--beta", "2")
    assert code == 1
    assert out.startswith("REFUTED\n")
    assert "In sequence 0, at position 2, the logit of 'a' is at least that of 'b', however the sums are" in out


def test_inconclusive_and_json(folder: Path) -> None:
    ef.save_transformer(ef.Transformer.build("ab", [[2**100], [0]], [[2**100], [0]], []), folder / "loud.json")
    done = invoke("certify", folder / "loud.json", "--sequences", folder / "next.yaml", "--out", folder, "--json")
    assert done.code == 3
    said = json.loads(done.out)
    assert said["verdict"] == "inconclusive"
    assert said["certificate"]["softmax"] == {"drift": [], "margin": None}
    assert Path(said["files"]["certificate"]).read_bytes()


def test_files_are_kept_unless_forced(folder: Path) -> None:
    certify(folder, "right.yaml")
    path = next((folder / "out").glob("*.certificate.json"))
    path.write_text("mine")
    code, out, err = certify(folder, "right.yaml")
    assert (code, out) == (2, "")
    assert "exists and is kept" in err
    assert certify(folder, "right.yaml", "--force")[0] == 0
    assert path.read_text() != "mine"


@dataclass(frozen=True)
class Bad:
    """A file of sequences, or options, and what the one line on stderr says."""

    title: str
    sequences: str
    says: str
    options: tuple[str, ...] = ()
    code: int = 2

    def __str__(self) -> str:
        return self.title


GOOD = "[{tokens: [a]}]"
BAD = (
    Bad("no YAML", "{[", "are neither JSON nor YAML"),
    Bad("no list", "tokens: [a]", "are not a list; give a list of {tokens: [..], asked: {position: token}}"),
    Bad("another field", "[{tokens: [a], expect: b}]", "sequence 0 has other fields than tokens and asked"),
    Bad("no tokens", "[{asked: {0: a}}]", "sequence 0 has other fields than tokens and asked"),
    Bad("tokens in a text", "[{tokens: a a}]", "sequence 0: tokens is not a list"),
    Bad("a number", "[{tokens: [a, 1]}]", "sequence 0: the token 1 is not a text; write it in quotes"),
    Bad(
        "a truth value for a position", "[{tokens: [a], asked: {yes: a}}]", "sequence 0: position True is not one of 0"
    ),
    Bad("a text for a position", "[{tokens: [a], asked: {x: a}}]", "sequence 0: the position 'x' is not a number"),
    Bad("a position too large", "[{tokens: [a], asked: {1: a}}]", "sequence 0: position 1 is not one of 0 to 0"),
    Bad("an unknown token", "[{tokens: [c]}]", "sequence 0: the token 'c' is not in the vocabulary"),
    Bad(
        "a position twice",
        "[{tokens: [a], asked: {0: a, 0: b}}]",
        "a key is given twice in the mapping that begins on line 1",
    ),
    Bad("a position twice in JSON", '[{"tokens": ["a"], "asked": {"0": "a", "0": "b"}}]', "a key is given twice"),
    Bad("a position in two ways", "[{tokens: [a], asked: {0: a, '00': b}}]", "sequence 0: a position is given twice"),
    Bad("nothing", "[]", "there is no sequence; give at least one"),
    Bad("an arithmetic that is none", GOOD, "unknown arithmetic 'floats'", ("--arithmetic", "floats")),
    Bad("a beta that is not a power", GOOD, "give auto or a power of two", ("--beta", "3")),
    Bad("a context", GOOD, "--context is for a MACHINE", ("--context", "8")),
    Bad("inputs", GOOD, "--input is for a MACHINE", ("--input", "a")),
    Bad("all inputs", GOOD, "--all-inputs is for a MACHINE", ("--all-inputs",)),
    Bad("steps", GOOD, "is not judged because of +head", ("--arithmetic", "fused:bf16+head64"), 4),
    Bad(
        "scores in a format, exactly", GOOD, "because of a format of scores in exact", ("--arithmetic", "exact@bf16"), 4
    ),
    Bad("many sequences", json.dumps([{"tokens": ["a"]}] * (2**12 + 1)), "4,097 sequences; at most 4,096", (), 4),
    Bad(
        "many tokens",
        json.dumps([{"tokens": ["a"] * (2**15 + 1)}]),
        "need 32,769 tokens; this checker computes up to 32,768",
        (),
        4,
    ),
    Bad("many pairs", json.dumps([{"tokens": ["a"] * (2**11 + 1)}]), "need 4,198,401 exponentials", (), 4),
    Bad("a format too small", GOOD, "rounded:fp32/fp32@fp16", ("--arithmetic", "rounded:fp32/fp32@fp16"), 4),
)


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_bad_input(bad: Bad, folder: Path) -> None:
    (folder / "bad.yaml").write_text(bad.sequences)
    code, out, err = certify(folder, "bad.yaml", *bad.options)
    assert (code, out) == (bad.code, "")
    assert bad.says in err
    assert len(err.splitlines()) == 1 or err.startswith("Usage")
    assert not (folder / "out").exists()


def test_files_that_are_not_there_or_no_network(folder: Path) -> None:
    done = invoke("certify", folder / "none.json", "--sequences", folder / "right.yaml")
    assert (done.code, done.out) == (2, "")
    assert "cannot be read: No such file or directory" in done.err
    assert certify(folder, "none.yaml")[0] == 2
    done = invoke("certify", folder / "wrong.json", "--sequences", folder / "right.yaml")
    assert (done.code, done.out) == (2, "")
    assert "network has to be an object with the fields" in done.err
    for field, says in (
        ('"width":9007199254740992', "it has to be from 1 to 1,048,576"),
        ('"width":1,"width":2', "twice"),
    ):
        text = (folder / "counter.json").read_text()
        (folder / "bad.json").write_text(re.sub(r'"width":\d+', field, text))
        done = invoke("certify", folder / "bad.json", "--sequences", folder / "right.yaml")
        assert (done.code, done.out, says in done.err) == (2, "", True)
