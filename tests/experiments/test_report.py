"""The report says what the results are, and the construction's numbers are those of machines that solve the puzzles."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")
pytest.importorskip("matplotlib", reason="the extra [train] is not installed")

from exactformer.constructions.machines.sudoku.search import Boxes
from experiments.sudoku.construction import construction_numbers
from experiments.sudoku.evaluation import Part, Solved, Written
from experiments.sudoku.plan import PlanError, PuzzleSet
from experiments.sudoku.puzzles import Puzzle, puzzles, spread
from experiments.sudoku.rates import RunResult
from experiments.sudoku.report import write_report
from experiments.sudoku.tokens import Mode
from tests.experiments.plans import PLAN

EVALUATION = spread(islice(puzzles(PLAN.boxes, random.Random(1)), 2000), (8, 16), 2, frozenset())
WRITTEN = (Written(Part.LINE, 16, 0, True), Written(Part.LINE, 16, 2, False), Written(Part.LINE, 16, 6, True))
SUMMARY = Written(Part.SUMMARY, 16, 6, True)
RESULTS = [
    RunResult(
        arm,
        1,
        1234,
        tuple(Solved(each.chain_length, each.chain_length < 10, 50, 1, 77) for each in EVALUATION),
        WRITTEN + (SUMMARY,) * (arm.mode is Mode.SCOT),
    )
    for arm in PLAN.arms
]


def test_the_report_says_what_the_results_are(tmp_path: Path) -> None:
    text = write_report(PLAN, RESULTS, EVALUATION, tmp_path).read_text(encoding="utf-8")
    for mode in ("CoT", "SCoT"):
        assert f"| {mode} 1 layer | 1,234 | 2/2 | 0/2 | 0.50 [-inf, inf] | +1.00 [-inf, +inf] |" in text
        assert f"| learned, {mode} 1 layer | 1 | 16 | 2 | 64 | 77 |" in text
    assert "| share that is right | lines from 0 (2) | lines from 6 (1) | summary (1) |" in text
    assert "| CoT 1 layer | 0.50 [-inf, inf] | 1.00 [-inf, inf] |  |" in text
    assert "| SCoT 1 layer | 0.50 [-inf, inf] | 1.00 [-inf, inf] | 1.00 [-inf, inf] |" in text
    assert "| SCoT 1 layer less CoT 1 layer | +0.00 [-inf, +inf] | +0.00 [-inf, +inf] |  |" in text
    assert text.count("undecided") >= 3
    assert (tmp_path / "results.csv").read_text(encoding="utf-8").splitlines() == [
        "arm,seed,parameters,chain length,solved,puzzles",
        "CoT 1 layer,1,1234,8,2,2",
        "CoT 1 layer,1,1234,16,0,2",
        "SCoT 1 layer,1,1234,8,2,2",
        "SCoT 1 layer,1,1234,16,0,2",
    ]


def test_the_same_results_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_report(PLAN, RESULTS, EVALUATION, tmp_path / name)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "other")
    )
    assert first == second
    assert first["accuracy.png"].startswith(b"\x89PNG")
    assert len(first) == 5


def test_the_constructed_transformers_grow_with_the_chain_without_summaries_alone() -> None:
    boxes = Boxes(1, 5)
    hard = Puzzle("..1.4.54.....3.51.......1", "3215425413142355134243521", 87)
    easy = next(each for each in puzzles(boxes, random.Random(1)) if each.chain_length < 10)
    numbers = {(each.mode, each.chain_length): each for each in construction_numbers(boxes, [easy, hard])}
    short, long = (numbers[Mode.COT, each.chain_length] for each in (easy, hard))
    assert short.steps < long.steps < long.context
    assert short.layers < long.layers
    short, long = (numbers[Mode.SCOT, each.chain_length] for each in (easy, hard))
    assert (short.cells, short.context, short.layers, short.width) == (
        long.cells,
        long.context,
        long.layers,
        long.width,
    )


def test_a_machine_that_gives_another_solution_is_noticed() -> None:
    wrong = Puzzle("..1.4.54.....3.51.......1", "4215325413142355134243521", 87)
    with pytest.raises(ValueError, match="sudoku-5x5 gives 3215425413142355134243521"):
        construction_numbers(Boxes(1, 5), [wrong])


def test_puzzles_are_wanted_for_a_length() -> None:
    with pytest.raises(PlanError, match="1 puzzle or more"):
        PuzzleSet((8.0,), 0)
