"""``exactformer audit``: words, CSV and JSON say the same; drawings are the same bytes; bad input is one sentence."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from exactformer.certificates.checker.kernels.recipe import FIELDS
from tests.command_line.invoking import files_in, invoke

pytestmark = pytest.mark.usefixtures("walked_once")

FEW = ("audit", "rewrite", "--context", "2^4..2^8,2^24,2^25", "--formats", "bf16,fp16/bf16")


def test_csv_and_json_are_the_same_rows() -> None:
    table, document = invoke(*FEW, "--csv"), invoke(*FEW, "--json")
    assert (table.code, document.code, table.err, document.err) == (0, 0, "", "")
    lines = list(csv.DictReader(io.StringIO(table.out)))
    rows = json.loads(document.out)["rows"]
    assert len(lines) == len(rows) == 2 * 2 * 7
    assert lines == [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    row = next(row for row in rows if (row["arithmetic"], row["context"]) == ("rounded:bf16/bf16", "256"))
    assert (row["verdict"], row["failing"], row["writes"], row["beta"]) == ("inconclusive", "61", "60", "128")
    assert (row["scale_query"], row["scale_key"], row["largest_query"], row["largest_key"]) == ("16", "8", "16", "8")
    assert (row["layers"], row["width"], row["heads"]) == (28, 195, 6)
    proved = next(row for row in rows if (row["arithmetic"], row["context"]) == ("fused:bf16/fp32/bf16", "256"))
    assert (proved["verdict"], proved["failing"], proved["real_beta_above"]) == ("proved", None, "92")


def test_what_verdicts_rest_on_is_said() -> None:
    separations = "The hardmax network of {} is right: look-ups separate by 2, all other heads by 1"
    bounds = {
        "increment --context 64": ("increment", "proved", "increment writes no cell more than 4 times"),
        "increment --context 64 --paradigm scot": (
            "increment",
            "context",
            "No cell is written more than N times in a segment:",
        ),
        "rewrite --context 64": ("rewrite", "context", "no smaller bound is known for rewrite"),
        "--dims 1,6,5 --context 64": ("each of these machines", "context", "is known for each of these machines"),
    }
    for arguments, (name, grounds, bound) in bounds.items():
        said, document = (invoke("audit", *arguments.split(), *more).out for more in ((), ("--json",)))
        read = json.loads(document)
        assert read["observed"] == []
        assert any(bound in one for one in read["proved"])
        (assumed,) = read["assumed"]
        assert separations.format(name) in assumed
        assert f"\nassumed\n  - {assumed}\n" in said
        assert all(f"\n  - {one}\n" in said for one in read["proved"])
        assert {row["most_writes_grounds"] for row in read["rows"]} == {grounds}


def test_contexts_that_no_input_fits_are_named() -> None:
    said = {text: invoke("audit", "reverse", "--context", text).out for text in ("9", "6,9,64", "64")}
    why = "reverse takes at least 5 steps to halt, and their chain of thought is longer than 9 tokens"
    sentence = f"\n  - Rows up to N = 9 are about no input: {why}.\n"
    assert {text: sentence in out for text, out in said.items()} == {"9": True, "6,9,64": True, "64": False}


def test_an_arithmetic_in_which_no_beta_is_admitted_is_unsupported() -> None:
    outcome = invoke("audit", "rewrite", "--context", "64", "--arithmetic", "rounded:fp16/fp16@float(2,0,1)")
    assert (outcome.code, outcome.out) == (4, "")
    assert "not exact in float(2,0,1)" in outcome.err


def test_the_words_say_what_the_rows_say() -> None:
    said = invoke("audit", "rewrite", "--formats", "bf16").out
    rows = json.loads(invoke("audit", "rewrite", "--formats", "bf16", "--json").out)["rows"]
    fused = [row for row in rows if row["arithmetic"] == "fused:bf16/fp32/bf16"]
    proved = [int(row["context"]) for row in fused if row["verdict"] == "proved"]
    assert f"N = 2^4..2^{max(proved).bit_length() - 1}: proved at beta = 128, |W_Q| <= 16, |W_K| <= 8" in said
    assert "inconclusive: they hold up to 16,777,216 writes of one cell" in said
    assert {row["writes"] for row in fused if row["verdict"] == "inconclusive"} == {"16777216"}
    assert "a sum of 16,777,217 ones in fp32 is not shown to be exact in every order" in said
    assert "61 rounded weights of 1/61 do not sum to 1, even if nothing leaks" in said
    largest = max(int(value) for row in fused for name, value in row.items() if name.startswith("largest_m"))
    assert f"every |parameter| <= {largest};" in said


def test_sizes_say_what_a_machine_of_that_size_says() -> None:
    """increment has fewer transitions than its sizes allow; in segments its bound on writes is not used."""
    about = ("--paradigm", "scot", "--context", "2^20", "--json")
    machine = json.loads(invoke("audit", "increment", *about).out)["rows"]
    sizes = json.loads(invoke("audit", "--dims", "1,6,5", *about).out)["rows"]
    different = {name for one, other in zip(machine, sizes, strict=True) for name in one if one[name] != other[name]}
    assert different <= {"parameters_nonzero", "hidden_width", "parameters_dense", "vocabulary"}
    assert "parameters_nonzero" in different


def test_summarized_chains_of_thought_have_their_own_sizes() -> None:
    rows = [
        json.loads(invoke("audit", "increment", "--paradigm", p, "--context", "256", "--json").out)["rows"][0]
        for p in ("cot", "scot")
    ]
    assert [row["width"] for row in rows] == [148, 202]


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_drawings_are_the_same_bytes(kind: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.{kind}" for n in (1, 2)]
    for file in files:
        assert invoke(*FEW, "--plot", file).code == 0
    first, second = (file.read_bytes() for file in files)
    assert first == second
    assert len(first) > 10_000
    other = tmp_path / f"3.{kind}"
    invoke(*FEW[:-1], "bf16,e5m2", "--plot", other)
    assert other.read_bytes() != first


def test_without_matplotlib_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    outcome = invoke(*FEW, "--plot", tmp_path / "a.svg")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "Error: --plot needs matplotlib: install exactformer with the extra [bench]\n"


def test_all_contexts_four_formats_two_models() -> None:
    formats = "fp32,bf16,e4m3fn,fixed12"
    outcome = invoke("audit", "--dims", "3,9,5", "--formats", formats, "--csv")
    assert outcome.out.count("\n") == 1 + 61 * 4 * 2


BAD = {
    "neither machine nor sizes": ("audit", "--dims K,Q,G"),
    "both": ("audit increment --dims 1,2,3", "--dims K,Q,G"),
    "unknown machine": ("audit incremen", "did you mean increment"),
    "two sizes": ("audit --dims 1,2", "--dims 1,2: give tapes, states and tape symbols"),
    "no second state": ("audit --dims 1,1,2", "from 1,2,2 to 8,4096,4096"),
    "sizes beyond": ("audit --dims 9,2,2", "from 1,2,2 to 8,4096,4096"),
    "sizes that are not numbers": ("audit --dims a,b,c", "--dims a,b,c"),
    "range downwards": ("audit increment --context 2^9..2^4", "ascending ranges of powers of two"),
    "range beyond": ("audit increment --context 2^4..2^65", "from 1 to 2^64"),
    "range of numbers": ("audit increment --context 4..64", "'4..64'"),
    "context too large": ("audit increment --context 18446744073709551617", "from 1 to 2^64"),
    "context 0": ("audit increment --context 0", "from 1 to 2^64"),
    "no context": ("audit increment --context ,", "''"),
    "unknown format": ("audit increment --formats bf17", "'bf17'"),
    "weights that no fp32 accumulator holds": ("audit increment --formats fixed60", "accumulator fp32"),
    "unknown model": ("audit increment --models flash", "known are rounded and fused"),
    "two outputs": ("audit increment --csv --json", "not both"),
    "no kind of drawing": ("audit increment --context 64 --plot {folder}/a.pdf", ".svg or .png"),
    "folder that cannot be": ("audit increment --context 64 --plot /proc/b/a.svg", "cannot write to /proc/b: "),
}


@pytest.mark.parametrize("title", BAD)
def test_bad_input_is_one_sentence(title: str, tmp_path: Path) -> None:
    arguments, says = BAD[title]
    outcome = invoke(*arguments.format(folder=tmp_path).split())
    assert (outcome.code, outcome.out) == (2, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith("Error: ")
    assert says in line
    assert files_in(tmp_path) == []


def test_any_arithmetic_can_be_audited() -> None:
    rows = json.loads(
        invoke(
            "audit",
            "rewrite",
            "--context",
            "2^8",
            "--arithmetic",
            "kernel:cpu-bf16",
            "--arithmetic",
            "fused:bf16+head64",
            "--json",
        ).out
    )["rows"]
    assert [row["arithmetic"] for row in rows] == [
        "fused:bf16/fp32/bf16+head256+exp20-one+online512+wide+reciprocal",
        "fused:bf16/fp32/bf16+head64",
    ]
    assert [(row["beta"], row["scale_query"], row["scale_key"]) for row in rows] == [
        ("128", "64", "32"),
        ("128", "32", "32"),
    ]
    refused = invoke("audit", "rewrite", "--arithmetic", "fused:bf16+bogus")
    assert (refused.code, refused.out) == (2, "")
    assert "unknown step '+bogus'" in refused.err


def test_arithmetics_lists_steps_and_kernels() -> None:
    listed, document = invoke("arithmetics"), json.loads(invoke("arithmetics", "--json").out)
    assert listed.code == 0
    for step in document["steps"]:
        assert step["step"] in listed.out
        assert step["computes"] in listed.out
    for kernel in document["kernels"]:
        assert f"{kernel['name']} = {kernel['arithmetic']}" in listed.out
        assert all(f"believed: {one}" in listed.out for one in kernel["believed"])
    assert tuple(document["fields_of_recipes"]) == FIELDS
    for recipe in document["recipes"]:
        assert recipe["name"] in listed.out
        assert recipe["describes"] in listed.out
