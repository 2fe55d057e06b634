"""``exactformer compare``: words, CSV and JSON say the same, conditions are said, drawings are the same bytes."""

from __future__ import annotations

import csv
import io
import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from exactformer.constructions.contextual.grid import Grid
from exactformer.verify.contextual.audit import Condition, Cost
from tests.command_line.invoking import files_in, invoke

FEW = ("compare", "--context", "2,4,8")


def rows_of(*arguments: str) -> list[dict[str, Any]]:
    return list(json.loads(invoke(*arguments, "--json").out)["rows"])


def cells(out: str, n: int) -> list[str]:
    """The first line of a table about n, without its bars."""
    return next(line for line in out.splitlines() if line.split()[:1] == [str(n)]).replace("|", "").split()


def test_csv_and_json_are_the_same_rows() -> None:
    table, document = invoke(*FEW, "--csv"), invoke(*FEW, "--json")
    assert (table.code, document.code, table.err, document.err) == (0, 0, "", "")
    lines, rows = list(csv.DictReader(io.StringIO(table.out))), json.loads(document.out)["rows"]
    assert lines == [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    assert [(row["d"], row["n"], row["delta"]) for row in rows] == [
        (d, n, delta) for d in (1, 2) for n, delta in ((2, "1/4"), (4, "1/6"), (8, "1/10"))
    ]


def test_a_row_says_what_the_counts_and_the_audit_say() -> None:
    row = next(row for row in rows_of(*FEW) if (row["n"], row["d"]) == (8, 2))
    cost = Cost(Grid(8, 2, Fraction(1, 10)))
    assert (row["high_ids_significand_bits"], row["high_ids_distinct_needs_bits"]) == (120, cost.distinct_bits)
    assert row["high_blocks"] == str(cost.blocks)
    assert (row["high_parameters_dense"], row["high_largest_parameter"]) == (str(cost.dense), None)
    assert row["high_largest_parameter_bit_length"] == int(cost.largest.largest).bit_length()
    assert (row["high_largest_global"], row["high_largest_global_bit_length"]) == (str(100**9), 60)
    (audited,) = json.loads(
        invoke("audit", "--dims", "1,6,5", "--context", "8", "--arithmetic", "fused:bf16", "--json").out
    )["rows"]
    for name in ("layers", "heads", "width", "parameters_dense", "parameters_nonzero", "beta"):
        assert row[f"ternary_{name}"] == audited[name]
    largest = max(int(value) for name, value in audited.items() if name in {"largest_query", "largest_mlp_bias"})
    assert row["ternary_largest_parameter"] == str(largest)
    assert row["ternary_parameters_significand_bits"] == audited["weights_significand_bits"]
    assert row["ternary_activations_significand_bits"] == audited["activations_significand_bits"] == 1


def test_the_words_are_those_of_the_rows() -> None:
    said = invoke("compare", "--context", "2,64", "--dim", "1").out
    first, last = rows_of("compare", "--context", "2,64", "--dim", "1")
    assert (last["high_ids_significand_bits"], last["high_parameters_significand_bits_but_dismissal"]) == (786, 787)
    high = ["stated", "137,415", "3,160,545", "<", "2^1175", "787", "786", "-", "8,388,608"]
    assert cells(said, 64) == [
        "64",
        "1/66",
        *high,
        *(f"{int(last[f'ternary_{name}']):,}" for name in ("layers", "parameters_dense", "largest_parameter")),
        *(str(last[f"ternary_{name}_significand_bits"]) for name in ("parameters", "activations")),
        last["ternary_beta"],
    ]
    assert "At n = 64, d = 1, delta = 1/66 ids need 786 significand bits to be exact, and with fewer than 393" in said
    assert "none of e5m2, e4m3fn, bf16, fp16, fp32, fp64 keeps them distinct" in said
    assert "The largest parameter is < 2^1175 (dismissal); without the dismissal it is < 2^786 (ends of the" in said
    assert "activations 1 bit, scores 5 bits, parameters 3 bits and at most 16, with beta = 128, at n = 64" in said
    assert (first["high_ids_significand_bits"], first["high_blocks"], first["ternary_layers"]) == (12, "23", 13)
    assert "From n = 2 to n = 64: bits of ids 12 to 786, blocks 23 to 137,415," in said


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_every_report_says_that_tasks_differ_and_nothing_is_proved(extra: tuple[str, ...]) -> None:
    said = invoke(*FEW, *extra).out
    assert "A comparison of magnitudes and precision, not of equal tasks" in said
    assert "Assumed, and not proved here: that the networks are right" in said
    assert "units of delta" in said
    assert "delta = 1/(n + 2), the largest for which Lemma 6 is stated (n < 1/delta - 1), so it shrinks with n" in said


def test_rows_say_where_lemma_6_is_not_stated_and_where_there_is_no_grid() -> None:
    arguments = ("compare", "--delta", "1/8", "--context", "6,7,8,9", "--dim", "1")
    said, rows = invoke(*arguments).out, rows_of(*arguments)
    assert [row["lemma_6"] for row in rows] == ["stated", "beyond", "beyond", "none"]
    assert rows[1]["why"] == Condition.BEYOND.value
    assert rows[3]["why"] == "n = 9 tokens cannot be distinct among 8 grid columns (d = 1, delta = 1/8)"
    assert {value for name, value in rows[3].items() if name.startswith("high_")} == {None}
    assert all(row["ternary_beta"] == "128" for row in rows)
    assert "delta = 1/8 for every n" in said
    assert f"lemma 6, beyond: {Condition.BEYOND.value}" in said
    assert f"lemma 6, none: there is nothing to compare, because {rows[3]['why']}" in said
    assert cells(said, 9)[:4] == ["9", "1/8", "none", "-"]
    assert "At n = 8, d = 1, delta = 1/8 ids need" in said


def test_nothing_to_compare_is_said() -> None:
    outcome = invoke("compare", "--delta", "1/2", "--context", "3", "--dim", "1")
    assert outcome.code == 0
    assert "No row has a grid with n distinct columns" in outcome.out


def test_coarsest_grids_and_positional_encoding() -> None:
    coarsest = rows_of("compare", "--delta", "coarsest", "--context", "2,9", "--dim", "2")
    assert [(row["delta"], row["lemma_6"]) for row in coarsest] == [("1/2", "beyond"), ("1/3", "beyond")]
    plain, encoded = (
        rows_of("compare", "--delta", "1/6", "--context", "4", "--dim", "1", *extra)[0]
        for extra in ((), ("--positional",))
    )
    assert (plain["high_tokenwise_layers"], encoded["high_tokenwise_layers"]) == ("69", str(25 + 2 + 4 * 6**4))
    assert encoded["high_ids_significand_bits"] > plain["high_ids_significand_bits"]
    said = invoke("compare", "--delta", "1/6", "--context", "4", "--positional").out
    assert "?" in cells(said.partition("d = 2")[2], 4)[-8]
    assert "(fp64: not decided)" in said


def test_numbers_and_formats_are_shown_as_far_as_they_are_known() -> None:
    said = invoke("compare", "--delta", "1/8", "--context", "2,4", "--dim", "1").out
    assert (cells(said, 2)[9], cells(said, 4)[9]) == ("fp32=", "fp32")
    for row in rows_of(*FEW):
        lengths = {name.removesuffix("_bit_length"): bits for name, bits in row.items() if name.endswith("_bit_length")}
        assert len(lengths) == 6 + 10
        for name, bits in lengths.items():
            assert (row[name] is None) == (bits > 64)
            assert row[name] is None or int(Fraction(row[name])).bit_length() == bits


def test_bits_that_are_known_within_bounds_are_shown_so() -> None:
    (row,) = rows_of("compare", "--delta", "coarsest", "--context", "9", "--dim", "1")
    assert (row["high_ids_significand_bits_at_least"], row["high_ids_significand_bits"]) == (61, 63)
    assert "61..63" in cells(invoke("compare", "--delta", "coarsest", "--context", "9", "--dim", "1").out, 9)


def test_an_arithmetic_that_is_not_right_is_not_called_right() -> None:
    arguments = ("compare", "--context", "64", "--dim", "1", "--arithmetic", "rounded:bf16/bf16")
    said, (row,) = invoke(*arguments).out, rows_of(*arguments)
    assert row["ternary_verdict"] == "inconclusive"
    assert f"{row['ternary_beta']} (inconclusive)" in said
    assert "In rounded:bf16/bf16 the ternary construction is not shown to be right" in said


def test_a_machine_has_its_own_size() -> None:
    named = rows_of("compare", "--machine", "rewrite", "--context", "8", "--dim", "1")[0]
    audited = json.loads(invoke("audit", "rewrite", "--context", "8", "--arithmetic", "fused:bf16", "--json").out)
    assert named["ternary_parameters_dense"] == audited["rows"][0]["parameters_dense"]
    assert named["ternary_parameters_dense"] != rows_of(*FEW)[2]["ternary_parameters_dense"]


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_drawings_are_the_same_bytes(kind: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.{kind}" for n in (1, 2, 3)]
    for file, dimension in zip(files, ("1,2", "1,2", "1,3"), strict=True):
        assert invoke(*FEW, "--dim", dimension, "--plot", file).code == 0
    first, second, other = (file.read_bytes() for file in files)
    assert first == second != other
    assert len(first) > 10_000
    if kind == "svg":
        text = first.decode()
        for label in ("tokens n", "significand bits (dashed: activations)", "high precision, d = 2: ids", "ternary"):
            assert f"<!-- {label} -->" in text


def test_without_matplotlib_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    outcome = invoke(*FEW, "--plot", tmp_path / "a.svg")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "Error: --plot needs matplotlib: install exactformer with the extra [bench]\n"


BAD = {
    "both a machine and sizes": ("compare --machine increment --dims 1,2,3", "--dims K,Q,G"),
    "unknown machine": ("compare --machine incremen", "did you mean increment"),
    "delta 1": ("compare --delta 1/1", "--delta '1/1': give 1/M with M from 2 to 10000"),
    "delta that is not a fraction": ("compare --delta 0.25", "as-stated or coarsest"),
    "delta that is not 1/M": ("compare --delta 2/5", "give 1/M"),
    "delta too fine": ("compare --delta 1/10001", "to 10000"),
    "no coordinate": ("compare --dim 0", "'0': give numbers of coordinates from 1 to 8"),
    "too many coordinates": ("compare --dim 1,9", "from 1 to 8"),
    "one token": ("compare --context 1,2", "n = 1: the contextual mapping is stated for n >= 2"),
    "too many tokens": (
        "compare --context 2^11",
        "give numbers of tokens from 1 to 2^10",
    ),
    "range downwards": ("compare --context 2^3..2^1", "ascending ranges of powers of two"),
    "unknown arithmetic": ("compare --arithmetic fused:bf17", "bf17"),
    "two outputs": ("compare --csv --json", "not both"),
    "no kind of drawing": ("compare --context 4 --plot {folder}/a.pdf", ".svg or .png"),
    "folder that cannot be": ("compare --context 4 --plot /proc/b/a.svg", "cannot write to /proc/b: "),
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
