"""The smallest context of a few runs, against trying every N (spec 1.3)."""

from __future__ import annotations

from random import Random

import pytest

from constructions.machines.run import Run, trace
from constructions.turing.fitting import check_context, smallest_context
from constructions.turing.paradigm import ContextError, position_bits_for
from tests.machine_table import CASES, Case


def naive_smallest(runs: list[Run]) -> int:
    """The first N at which every run fits the r that N asks for."""
    context = 1
    while any(context < LENGTH for run in runs):
        context += 1
    return context


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_smallest_context_is_the_smallest(case: Case) -> None:
    runs = [trace(case.machine, case.word)]
    smallest = smallest_context(runs)
    assert smallest == naive_smallest(runs)
    assert check_context(runs, smallest) == position_bits_for(smallest)
    with pytest.raises(ContextError, match=f"give --context {smallest} or more"):
        check_context(runs, smallest - 1)


def test_the_smallest_context_of_several_runs() -> None:
    rng = Random(1)
    for _ in range(40):
        runs = [trace(case.machine, case.word) for case in rng.sample(CASES, 3)]
        assert smallest_context(runs) == naive_smallest(runs)


@pytest.mark.parametrize("ones", range(0, 400, 7))
def test_the_smallest_context_where_blocks_come_and_go(ones: int) -> None:
    runs = [trace(CASES[31].machine, "1" * ones)]
    assert runs[0].machine.name == "rewrite"
    assert smallest_context(runs) == naive_smallest(runs)
