"""Every command's report, at every width: all of it is there, in lines that fit; and reports speak facts.

Each report is computed once; what is laid out here at each width is what `console.show` prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from exactformer.certificates.certify_all import UniversalBundle, certify_all
from exactformer.certificates.command_line import console
from exactformer.certificates.command_line.main import cli
from exactformer.certificates.files import Written
from exactformer.certificates.reports import every_run, on_inputs
from exactformer.certificates.reports.facts import findings_for_all, findings_on_runs
from exactformer.certificates.reports.layout import Facts, Line, Part, Table, as_text, laid_out
from exactformer.certificates.reports.tokens import legend
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import sequences_of
from exactformer.verify.arithmetic.models import parse_arithmetic
from tests.certificates.certified import Sample, bundle
from tests.certificates.universal import UniversalSample
from tests.command_line.interrupts import network_in
from tests.command_line.invoking import invoke

pytestmark = pytest.mark.usefixtures("walked_once")

WIDTHS = (40, 80, 200)
WORDS = ("{network}", "--spec", "hardmax", "--words", "(a|b)*", "--last", "--out", "{folder}")
FEW = ("--keys", "2", "--scores=0..8", "--values=0..1")
COMMANDS = {
    "approximate": ("--function", "polynomial", "--n", "2", "--epsilon", "1", "--p", "1", "--out", "{folder}"),
    "arithmetics": (),
    "audit": ("increment", "--context", "2^4..2^8", "--formats", "bf16,e5m2"),
    "batch": ("increment", "nonsense", "--contexts", "4,5", "--workers", "1", "--out", "{folder}/batch"),
    "check": ("{certificate}", "--machine", "increment"),
    "compare": ("--context", "2,4", "--dim", "1"),
    "contextual-mapping": ("--layer", "bilinear", "--n", "2", "--delta", "1/4"),
    "convert": ("1RB1LB_1LA1RZ", "--to", "jflap", "--out", "{folder}/beaver.jff"),
    "counterexample": ("--arithmetic", "rounded:fixed8", "--context", "2^4", "--machine", "rewrite"),
    "export": ("{certificate}", "--to", "safetensors", "--out", "{folder}/exported"),
    "kernel": ("flash-2-bf16", *FEW, "--out", "{folder}"),
    "kernel, refuted": ("eager-bf16", *FEW, "--tolerance", "0.001", "--out", "{folder}/refuted"),
    "kernel --sweep": ("flash-2-bf16", *FEW, "--sweep", "block=1,2"),
    "lemmas": ("--only", "rounding.denominator", "--width", "4"),
    "lemmas --mutate": ("--mutate", "--only", "gadget.copy", "--width", "1"),
    "machines": (),
    "report": ("{certificate}", "--html", "{folder}/page.html"),
    "run": ("binary-counter", "00", "--paradigm", "scot"),
    "sweep": ("--machines", "2", "--out", "{folder}/sweep.jsonl", "--workers", "1"),
    "validate": ("binary-addition",),
    "verify": (*WORDS, "--length", "5", "--arithmetic", "fp32"),
    "verify, not shown": (*WORDS, "--length", "9", "--arithmetic", "rounded:fixed4/fixed4"),
}
"""For ``certify`` there are reports of each verdict below."""
WRITTEN = Written(Path("out/a.certificate.json"), Path("out/a.0123.weights.json"), b"a certificate", kept=False)
LITTLE = ("rewrite", 16, "rounded:fixed8/fixed8")
"""Two tapes; in this arithmetic three tokens that tie do not give 1."""
BUNDLES = {
    "proved": UniversalSample("proved", "rewrite", 16, "fused:bf16", "proved"),
    "assumed": UniversalSample("assumed", *LITTLE, "proved", "assumed", assumed_writes=2),
    "refuted": UniversalSample("refuted", *LITTLE, "refuted"),
    "inconclusive": UniversalSample("inconclusive", "rewrite", 16, "exact", "inconclusive"),
    "tokens proved": UniversalSample("tokens proved", *LITTLE, "tokens proved"),
}
"""One machine and context, so that its proof is made once."""

GIVEN = (
    Sample("certified", "increment", ("1",), "fused:bf16", "certified"),
    Sample("refuted", "increment", ("1",), "fused:bf16", "refuted", beta=1),
    Sample("inconclusive", "increment", ("1",), "exact", "inconclusive"),
    Sample("summarized", "binary-counter", ("0",), "fused:bf16", "certified", paradigm=Paradigm.SCOT),
)


@cache
def bundle_of(title: str) -> UniversalBundle:
    """A certificate of each verdict."""
    sample = BUNDLES[title]
    made = certify_all(replace(sample.request, tokens=sample.verdict == "tokens proved"))
    assert made.verdict.value == sample.verdict
    return made


def words(text: str) -> list[str]:
    """Without what a list repeats for each row."""
    return re.split(r"[\s,:|]+", text)


def require_well_laid_out(parts: list[Part]) -> None:
    """At each width: no line is too long, unless it is one word; and all words of the wide report are there."""
    wide = "\n".join(line.text for line in laid_out(parts, None))
    assert "\N{HORIZONTAL ELLIPSIS}" not in wide
    tables = [part for part in parts if isinstance(part, Table)]
    first = {word for table in tables for word in words(table.columns[0].title)}  # what a list is of, it does not say
    for width in WIDTHS:
        lines = [line.text for line in laid_out(parts, width)]
        for line in lines:
            assert len(line) <= width or len(re.split(r"[ ]{2,}|: ", line.strip())) <= 2, line
        assert set(words(wide)) - first <= set(words("\n".join(lines)))
    for table in tables:
        keys = [
            tuple(cell for column, cell in zip(table.columns, row, strict=True) if column.key) for row in table.rows
        ]
        assert len(set(keys)) == len(keys) > 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("reports")
    invoke("certify", "increment", "--input", "1", "--out", found)
    return found


def parts_of(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[Part]:
    """What a command shows by the console."""
    found: list[Part] = []

    def keeping(parts: list[Part], width: int | None) -> Iterator[Line]:
        listed = list(parts)
        found.extend(listed)
        return laid_out(listed, width)

    monkeypatch.setattr(console, "laid_out", keeping)
    outcome = invoke(*arguments)
    assert outcome.err == ""
    assert as_text(found) == outcome.out  # in a pipe nothing is wrapped, and nothing else is printed
    return found


def test_every_command_is_here() -> None:
    assert {re.split("[ ,]", name)[0] for name in COMMANDS} | {"certify"} == set(cli.commands)


@pytest.mark.parametrize("name", COMMANDS)
def test_reports_are_well_laid_out(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    (certificate,) = folder.glob("increment*.certificate.json")
    stands_for = {"folder": folder, "certificate": certificate, "network": network_in(folder)}
    arguments = [argument.format(**stands_for) for argument in COMMANDS[name]]
    require_well_laid_out(parts_of(monkeypatch, re.split("[ ,]", name)[0], *arguments))


@pytest.mark.parametrize("title", BUNDLES)
def test_reports_about_all_inputs_are_well_laid_out(title: str) -> None:
    require_well_laid_out(list(every_run.report_for_all(bundle_of(title), WRITTEN)))


@pytest.mark.parametrize("sample", GIVEN, ids=str)
def test_reports_about_given_inputs_are_well_laid_out(sample: Sample) -> None:
    require_well_laid_out(list(on_inputs.report(bundle(sample), WRITTEN)))


# ---------------------------------------------------------------------------- what they say


@pytest.mark.parametrize("title", [title for title in BUNDLES if title != "refuted"])
def test_facts_for_all_inputs_are_sentences(title: str) -> None:
    for found in findings_for_all(bundle_of(title)):
        for sentence in found.sentences:
            assert sentence.endswith(".")
            assert not re.search(r"\d ms\b|obligation|pattern|\bnow\b", sentence)


@pytest.mark.parametrize("sample", GIVEN, ids=str)
def test_facts_of_runs_are_sentences(sample: Sample) -> None:
    found = findings_on_runs(bundle(sample))
    assert all(sentence.endswith(".") for each in found for sentence in each.sentences)


def test_where_tokens_are_proved_no_row_looks_like_a_failure() -> None:
    parts = list(every_run.report_for_all(bundle_of("tokens proved"), WRITTEN))
    heads = next(part for part in parts if isinstance(part, Table))
    assert [column.title for column in heads.columns][-1] == "from exact inputs"
    said = {row[-1] for row in heads.rows}
    assert "none" not in " ".join(said)
    assert any("may drift" in one for one in said)
    legend_of_heads = next(part for part in parts if isinstance(part, Facts) and part.rows[0][0] == "separation")
    text = " ".join(text for _, text in legend_of_heads.rows)
    assert (
        "may drift: even then it may give another value; the drift bounds above cover that, for every number of "
        "ties" in text
    )


def test_what_is_only_proved_for_some_ties_is_said() -> None:
    request = replace(BUNDLES["refuted"], assumed_writes=3).request
    made = replace(certify_all(request), counterexample=None)
    heads = next(part for part in every_run.report_for_all(made, WRITTEN) if isinstance(part, Table))
    (cells,) = {row[-2:] for row in heads.rows if row[3] != "1"}
    assert cells == ("1..2 only", "none")


def test_heads_of_many_tapes_can_be_told_apart_in_a_narrow_terminal() -> None:
    lines = [line.text for line in laid_out(every_run.report_for_all(bundle_of("proved"), WRITTEN), 40)]
    assert {"bitA_1", "bitA_2", "bitB_1", "bitB_2"} <= {line.split(",")[0] for line in lines}


@pytest.mark.parametrize("paradigm", Paradigm)
def test_the_legend_explains_every_family_of_tokens(paradigm: Paradigm) -> None:
    """All families occur in a run that is long enough: those of a vocabulary are those of the legend."""
    machine = load_machine("binary-counter")
    run = trace(machine, "000")
    sequences = sequences_of(paradigm, run, 6)
    shown = {token.family for sequence in sequences for token in sequence.tokens}
    assert shown == {family.name for family in construct(paradigm, machine, 6).vocabulary.families}
    text = " ".join(f"{title} {text}" for title, text in legend(sequences, machine.tapes).rows)
    assert shown <= set(re.findall(r"[A-Z]{3,}", text))


def test_the_arithmetic_without_rounding_is_explained() -> None:
    made = bundle_of("inconclusive")
    assert made.made.universal.model == parse_arithmetic("exact")
    assert "name an arithmetic that rounds" in every_run.what_is_missing(made)
