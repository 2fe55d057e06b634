"""What counts as a success: nothing but findings that are all successes; nobody forges one."""

from __future__ import annotations

from typing import Any

import pytest

from exactformer.verify.lemmas.outcome import (
    Budget,
    Checked,
    Disproved,
    Established,
    Finding,
    ForgedOutcome,
    Open,
    conclude,
)
from exactformer.verify.solver import all_of, any_of, boolean

PROVED, REFUTED = Budget(600).prove(all_of([])), Budget(600).prove(boolean("b"))
CHECKED = Budget(600).exhaust("numbers", range(3), lambda _: None)
VIOLATED = Budget(600).exhaust("numbers", range(3), lambda n: f"n = {n}" if n == 2 else None)
UNKNOWN, NOTHING = Budget(0).prove(all_of([])), Budget(600).exhaust("numbers", [], lambda _: None)

CONCLUSIONS: dict[str, tuple[list[Finding], type]] = {
    "one proof": ([PROVED], Established),
    "one enumeration": ([CHECKED], Established),
    "a proof and an enumeration": ([PROVED, CHECKED], Established),
    "nothing at all": ([], Open),
    "no time for one of them": ([PROVED, UNKNOWN, PROVED], Open),
    "an enumeration of nothing": ([PROVED, NOTHING], Open),
    "a counterexample after what is open": ([UNKNOWN, VIOLATED], Disproved),
    "a model of the solver": ([PROVED, REFUTED], Disproved),
}


@pytest.mark.parametrize("title", CONCLUSIONS)
def test_conclusions(title: str) -> None:
    findings, outcome = CONCLUSIONS[title]
    assert isinstance(conclude(findings), outcome)


def test_counts_what_was_decided() -> None:
    outcome = conclude([PROVED, CHECKED, CHECKED])
    assert isinstance(outcome, Established)
    assert (outcome.queries, outcome.cases, len(outcome.evidence)) == (1, 6, 3)


def test_a_counterexample_is_shown() -> None:
    assert conclude([VIOLATED]) == Disproved("n = 2")
    assert conclude([REFUTED]) == Disproved("b = 0")


def test_without_time_nothing_is_decided() -> None:
    assert conclude([Budget(0).prove(any_of([]))]) == Open("the budget of 0 s is spent")
    assert conclude([Budget(0).exhaust("numbers", range(3), lambda _: None)]) == Open("the budget of 0 s is spent")


def test_nobody_forges_a_success() -> None:
    make_checked: Any = Checked
    make_established: Any = Established
    with pytest.raises(ForgedOutcome):
        make_checked("all", 1, None)
    with pytest.raises(ForgedOutcome):
        make_established(1, 1, (), None)
    with pytest.raises(TypeError):
        make_established(1, 1, ())
