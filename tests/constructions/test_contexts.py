"""The contexts that cells and steps ask for, against real runs and against trying everything."""

from __future__ import annotations

from random import Random

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import Action, Move, Situation, TuringMachine
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.turing.contexts import (
    ContextLength,
    least_context_for_space,
    least_context_for_steps,
    longest_segment,
)
from exactformer.constructions.turing.fitting import longest_sequence, smallest_context
from exactformer.constructions.turing.paradigm import ContextError, Paradigm, position_bits_for
from exactformer.constructions.turing.tokens import cot_length, scot_segments
from exactformer.verify.sweep import draw_case
from tests.machine_table import CASES, Case


def waiting_machine(steps: int) -> TuringMachine:
    """A machine that stays in cell 0 for this many steps and leaves its input, which may not be empty."""
    states = tuple(f"q{step}" for step in range(steps + 1))
    rows: dict[Situation, Action] = {
        (states[step], ("a",)): Action(states[step + 1], ("a",), (Move.STAY,)) for step in range(steps)
    }
    return TuringMachine("waiting", 1, states, states[-1], ("_", "a"), ("a",), rows)


def naive_segment(end: int, position_bits: int, behind: int, steps: int | None) -> int:
    """Tokens of a segment, laid out one by one: prompt up to index ``end``, a trace that halts after ``steps`` or is
    capped, and the tokens after it."""
    place, runs = end, 0
    while True:
        place, runs = place + 1, runs + 1
        if runs == steps or place >= 4 * end:
            return place + 1 + behind
        if runs % position_bits == 0:
            place += position_bits + 2


@pytest.mark.parametrize("position_bits", [4, 6, 8, 16])
@pytest.mark.parametrize("cells", [*range(1, 9), 30])
def test_the_longest_segment_is_the_longest_of_all_that_are_possible(cells: int, position_bits: int) -> None:
    ends = [length + 1 for length in range(cells + 1)] + [length + 2 for length in range(1, cells + 1)]
    possible = {
        naive_segment(end, position_bits, behind, steps)
        for end in ends
        for steps, behind in [(None, now + 3) for now in range(1, cells + 1)]
        + [(steps, output + 2) for steps in range(1, 4 * end) for output in range(cells + 1)]
    }
    assert longest_segment(cells, position_bits) == max(possible)


@pytest.mark.parametrize("position_bits", [4, 6, 10])
@pytest.mark.parametrize("cells", [*range(1, 13), 20, 41])
def test_a_machine_that_waits_reaches_the_longest_segment(cells: int, position_bits: int) -> None:
    run = trace(waiting_machine(8 * (cells + 2)), "a" * cells)
    assert run.cells == cells
    assert max(map(len, scot_segments(run.machine, run, position_bits))) == longest_segment(cells, position_bits)


def test_a_machine_that_counts_reaches_the_longest_segment() -> None:
    run = trace(load_machine("binary-counter"), "0" * 8)
    for position_bits in (4, 6, 8):
        assert longest_sequence(Paradigm.SCOT, run, position_bits) == longest_segment(9, position_bits)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_run_of_the_library_has_a_longer_segment(case: Case) -> None:
    no_longer(trace(case.machine, case.word))


@pytest.mark.parametrize("seed", range(10))
def test_no_random_run_has_a_longer_segment(seed: int) -> None:
    for index in range(20):
        no_longer(draw_case(seed=40 + seed, index=index).run)


def no_longer(run: Run) -> None:
    for position_bits in (4, 6, 8):
        assert longest_sequence(Paradigm.SCOT, run, position_bits) <= longest_segment(run.cells, position_bits)


@pytest.mark.parametrize("position_bits", [4, 6, 16, 28])
def test_the_longest_segment_is_about_five_times_the_cells(position_bits: int) -> None:
    beyond = {longest_segment(cells, position_bits) - 5 * cells - 12 for cells in range(1, 500)}
    assert (min(beyond), max(beyond)) == (0, position_bits + 2)


def test_the_context_for_the_space_is_the_smallest() -> None:
    for cells in range(1, 400):
        context = least_context_for_space(cells)
        enough = [tokens for tokens in range(1, 3000) if tokens >= at_its_own_bits(cells, tokens)]
        assert context == ContextLength(enough[0], position_bits_for(enough[0], Paradigm.SCOT))


def at_its_own_bits(cells: int, tokens: int) -> int:
    return longest_segment(cells, position_bits_for(tokens, Paradigm.SCOT))


@pytest.mark.parametrize("cells", [1, 2, 7, 47, 48, 49, 50])
def test_a_run_in_that_space_fits_its_context(cells: int) -> None:
    run = trace(waiting_machine(8 * (cells + 2)), "a" * cells)
    assert smallest_context(Paradigm.SCOT, [run]) == least_context_for_space(cells).tokens


def test_the_context_for_the_steps_is_the_smallest_of_a_run() -> None:
    rng = Random(5)
    for ones in (0, 3, *rng.sample(range(4, 400), 30)):
        run = trace(load_machine("rewrite"), "1" * ones)
        context = least_context_for_steps(ones, run.steps, len(run.output))
        smallest = smallest_context(Paradigm.COT, [run])
        assert context == ContextLength(smallest, position_bits_for(smallest, Paradigm.COT))


def test_the_context_for_the_steps_is_the_smallest_also_where_it_is_a_power_of_4() -> None:
    found = set()
    for steps in range(1, 140):
        context = least_context_for_steps(1, steps, 2)
        lengths = {bits: cot_length(1, steps, 2, bits) for bits in (2, 4, 6, 8, 10)}
        enough = [tokens for tokens in range(1, 500) if tokens >= lengths[position_bits_for(tokens)]]
        assert context == ContextLength(enough[0], position_bits_for(enough[0]))
        found.add(context.tokens)
    assert {16, 64, 256} & found


def test_the_five_state_busy_beaver() -> None:
    """47,176,870 steps in 12,244 cells, folded; the segments follow the cells, the chain of thought the steps."""
    assert least_context_for_space(12_244) == ContextLength(61_249, 16)
    assert least_context_for_steps(0, 47_176_870, 12_244) == ContextLength(97_735_758, 28)


def test_impossible_bounds_are_refused() -> None:
    with pytest.raises(ContextError, match="a run in 0 cells is not possible"):
        longest_segment(0, 4)
    with pytest.raises(ContextError, match="a run in -1 cells is not possible"):
        least_context_for_space(-1)
    with pytest.raises(ContextError, match=r"a run of \d+ (cells|steps) may need more than 2\^64 tokens"):
        least_context_for_space(1 << 62)
    with pytest.raises(ContextError, match=r"a run of \d+ (cells|steps) may need more than 2\^64 tokens"):
        least_context_for_steps(0, 1 << 64, 0)
