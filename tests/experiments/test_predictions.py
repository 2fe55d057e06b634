"""What the report says about made-up results, and how intervals come out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")

from experiments.sudoku.evaluation import Part, Solved, Written
from experiments.sudoku.plan import Arm, Precision
from experiments.sudoku.predictions import Outcome, Prediction, by_depth, by_mode, by_precision, pairs, predictions
from experiments.sudoku.rates import Interval, RunResult, by_length, fall, over_seeds, rate, wilson, written_by_position
from experiments.sudoku.tokens import Mode
from tests.experiments.plans import ARM

LENGTHS = (16, 32, 64)
SHALLOW = replace(ARM, name="CoT 2", layers=2)
DEEP = replace(ARM, name="CoT 4", layers=4)
EXACT = replace(SHALLOW, name="CoT 2 fp32", precision=Precision.FP32)
SUMMARIZED = replace(SHALLOW, name="SCoT 2", mode=Mode.SCOT)


def solved(*rates: float) -> tuple[Solved, ...]:
    """Results with 100 puzzles at each length."""
    return tuple(
        Solved(length, number < 100 * share, 10, 1, 10)
        for length, share in zip(LENGTHS, rates, strict=True)
        for number in range(100)
    )


def runs(arm: Arm, *rates_of_seeds: Sequence[float]) -> list[RunResult]:
    return [RunResult(arm, seed, 1000, solved(*rates), ()) for seed, rates in enumerate(rates_of_seeds, start=1)]


AS_PREDICTED = [
    *runs(SHALLOW, (0.8, 0.4, 0.1), (0.81, 0.4, 0.1), (0.8, 0.41, 0.1)),
    *runs(DEEP, (1, 0.8, 0.6), (1, 0.8, 0.61), (1, 0.82, 0.6)),
    *runs(EXACT, (0.8, 0.41, 0.1), (0.8, 0.4, 0.11), (0.8, 0.4, 0.1)),
    *runs(SUMMARIZED, (0.9, 0.9, 0.9), (0.92, 0.9, 0.91), (0.91, 0.9, 0.9)),
]
OPPOSITE = [
    *runs(SHALLOW, (0.8, 0.8, 0.9), (0.81, 0.8, 0.9), (0.8, 0.8, 0.9)),
    *runs(DEEP, (0.3, 0.3, 0.4), (0.3, 0.31, 0.4), (0.3, 0.3, 0.42)),
    *runs(EXACT, (1, 1, 1), (1, 1, 1), (1, 1, 1)),
    *runs(SUMMARIZED, (0.9, 0.5, 0.1), (0.9, 0.5, 0.12), (0.91, 0.5, 0.1)),
]
NOTHING_LEARNED = [result for arm in (SHALLOW, DEEP, EXACT, SUMMARIZED) for result in runs(arm, *3 * [(0, 0, 0)])]
NOISE = [
    *runs(SHALLOW, (0.1, 0.2, 0.5), (0.9, 0.5, 0.2), (0.5, 0.5, 0.5)),
    *runs(DEEP, (0.9, 0.5, 0.2), (0.1, 0.2, 0.5), (0.5, 0.5, 0.5)),
    *runs(EXACT, (0.9, 0.9, 0.8), (0.1, 0.1, 0.3), (0.5, 0.5, 0.5)),
    *runs(SUMMARIZED, (0.9, 0.5, 0.2), (0.1, 0.2, 0.5), (0.5, 0.5, 0.5)),
]
ONE_SEED = [result for result in AS_PREDICTED if result.seed == 1]
RESULTS = {
    "as predicted": (AS_PREDICTED, 3 * [Outcome.SUPPORTED]),
    "the opposite": (OPPOSITE, 3 * [Outcome.CONTRADICTED]),
    "nothing is learned": (NOTHING_LEARNED, 3 * [Outcome.UNDECIDED]),
    "seeds differ too much": (NOISE, 3 * [Outcome.UNDECIDED]),
    "a single seed": (ONE_SEED, 3 * [Outcome.UNDECIDED]),
    "chain of thought alone": (runs(SHALLOW, *3 * [(0.8, 0.4, 0.1)]), [Outcome.SUPPORTED, *2 * [Outcome.UNDECIDED]]),
}


@pytest.mark.parametrize("title", RESULTS)
def test_predictions_are_judged_by_the_results(title: str) -> None:
    results, expected = RESULTS[title]
    assert [prediction.outcome for prediction in predictions(results, LENGTHS)] == expected


def test_what_is_measured_is_said() -> None:
    first, second, third = predictions(AS_PREDICTED, LENGTHS)
    assert [finding.what for finding in first.findings] == [
        "CoT 2, fall from short to long",
        "CoT 4, fall from short to long",
        "CoT 2 fp32, fall from short to long",
        "CoT 4 less CoT 2, rate",
    ]
    assert str(first.findings[-1]) == "CoT 4 less CoT 2, rate: +0.37 [+0.36, +0.37], in line with the prediction"
    assert [finding.what for finding in second.findings] == [
        "SCoT 2, fall from short to long",
        "CoT 2 less SCoT 2, fall",
    ]
    assert [finding.what for finding in third.findings] == ["CoT 2 fp32 less CoT 2, rate", "CoT 4 less CoT 2, rate"]


def test_a_prediction_about_which_nothing_was_measured_is_undecided() -> None:
    assert Prediction("", "", ()).outcome is Outcome.UNDECIDED


def test_arms_are_compared_if_they_differ_in_one_respect() -> None:
    arms = [SHALLOW, DEEP, EXACT, SUMMARIZED, replace(DEEP, name="wide", width=32)]
    assert set(pairs(arms, "layers")) == {(SHALLOW, DEEP), (DEEP, SHALLOW)}
    assert set(pairs(arms, "precision")) == {(SHALLOW, EXACT), (EXACT, SHALLOW)}


def test_rates_by_length() -> None:
    some = solved(0.8, 0.4, 0.1)
    assert by_length(some, LENGTHS) == {16: (80, 100), 32: (40, 100), 64: (10, 100)}
    assert rate(some, LENGTHS) == pytest.approx(1.3 / 3)
    assert fall(some, LENGTHS) == pytest.approx(0.7)


def test_what_is_written_by_position_is_that_of_the_longest_chains() -> None:
    written = [
        Written(Part.LINE, 16, 0, True),
        Written(Part.LINE, 64, 0, True),
        Written(Part.LINE, 64, 7, False),
        Written(Part.LINE, 60, 8, True),
        Written(Part.LINE, 66, 63, False),
        Written(Part.SUMMARY, 66, 8, True),
        Written(Part.OUTPUT, 66, 66, False),
        Written(Part.OUTPUT, 16, 16, True),
    ]
    assert list(written_by_position(written, LENGTHS, 8).items()) == [
        ("lines from 0", (1, 2)),
        ("lines from 8", (1, 1)),
        ("lines from 56", (0, 1)),
        ("output", (0, 1)),
        ("summary", (1, 1)),
    ]


def test_pairs_come_with_the_arm_that_should_be_better_first() -> None:
    arms = [SHALLOW, DEEP, EXACT, SUMMARIZED]
    assert by_depth(arms) == [(DEEP, SHALLOW)]
    assert by_precision(arms) == [(EXACT, SHALLOW)]
    assert by_mode(arms) == [(SUMMARIZED, SHALLOW)]


def test_intervals() -> None:
    """Student's factor for three values is 4.3027; Wilson's interval for 5 of 10, from Brown, Cai and DasGupta."""
    interval = over_seeds([1, 2, 3])
    assert interval.high - interval.mean == pytest.approx(4.3027 / math.sqrt(3), abs=1e-4)
    assert over_seeds([0.5]) == Interval(0.5, -math.inf, math.inf)
    assert wilson(5, 10).low == pytest.approx(0.2366, abs=1e-4)
    assert wilson(5, 10).high == pytest.approx(0.7634, abs=1e-4)
    assert wilson(10, 10).high == pytest.approx(1)
