"""The smallest context of a few runs, against trying every N."""

from __future__ import annotations

from random import Random

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.turing.fitting import check_context, longest_sequence, smallest_context
from exactformer.constructions.turing.paradigm import ContextError, Paradigm, position_bits_for
from exactformer.constructions.turing.tokens import cot_tokens, scot_segments
from tests.machine_table import CASES, Case

PARADIGMS = pytest.mark.parametrize("paradigm", Paradigm, ids=lambda paradigm: paradigm.value)


def naive_longest(paradigm: Paradigm, run: Run, position_bits: int) -> int:
    if paradigm is Paradigm.COT:
        return len(cot_tokens(run.machine, run, position_bits).tokens)
    return max(len(segment.tokens) for segment in scot_segments(run.machine, run, position_bits))


def naive_smallest(paradigm: Paradigm, runs: list[Run]) -> int:
    """The first N at which every run fits the r that N asks for."""
    context, bits, longest = 0, 0, 1
    while longest > context:
        context += 1
        if position_bits_for(context, paradigm) != bits:
            bits = position_bits_for(context, paradigm)
            longest = max(naive_longest(paradigm, run, bits) for run in runs)
    return context


@PARADIGMS
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_smallest_context_is_the_smallest(case: Case, paradigm: Paradigm) -> None:
    runs = [trace(case.machine, case.word)]
    smallest = smallest_context(paradigm, runs)
    assert smallest == naive_smallest(paradigm, runs)
    assert check_context(paradigm, runs, smallest) == position_bits_for(smallest, paradigm)
    with pytest.raises(ContextError, match=f"give --context {smallest} or more"):
        check_context(paradigm, runs, smallest - 1)


@PARADIGMS
def test_the_smallest_context_of_several_runs(paradigm: Paradigm) -> None:
    rng = Random(1)
    for _ in range(40):
        runs = [trace(case.machine, case.word) for case in rng.sample(CASES, 3)]
        assert smallest_context(paradigm, runs) == naive_smallest(paradigm, runs)


@PARADIGMS
def test_the_smallest_context_where_blocks_come_and_go(paradigm: Paradigm) -> None:
    machine = load_machine("rewrite")
    found = set()
    for ones in range(0, 400, 7):
        runs = [trace(machine, "1" * ones)]
        assert smallest_context(paradigm, runs) == naive_smallest(paradigm, runs)
        found.add(position_bits_for(smallest_context(paradigm, runs), paradigm))
    assert len(found) > 2


def test_a_context_that_holds_a_longer_sequence_need_not_hold_this_one() -> None:
    # 13 steps: at r = 2 there are six blocks of 4, at r = 4 three of 6; neither r can hold them, r = 6 can
    run = trace(load_machine("rewrite"), "1" * 12)
    lengths = {r: longest_sequence(Paradigm.COT, run, r) for r in (2, 4, 6)}
    assert lengths == {2: 14 + 13 + 24 + 14, 4: 14 + 13 + 18 + 14, 6: 14 + 13 + 16 + 14}
    assert smallest_context(Paradigm.COT, [run]) == 57


def test_the_error_names_the_sequence_and_what_to_give() -> None:
    run = trace(load_machine("increment"), "1")
    with pytest.raises(ContextError) as caught:
        check_context(Paradigm.COT, [run], 10)
    assert str(caught.value) == (
        "the chain of thought of increment on '1' has 11 tokens when positions have r = 4 bits, as in a context of 10, "
        "and does not fit: give --context 11 or more"
    )
    run = trace(load_machine("rewrite"), "1" * 41)
    assert longest_sequence(Paradigm.COT, run, 4) > (shorter := longest_sequence(Paradigm.COT, run, 8))
    with pytest.raises(ContextError) as caught:
        check_context(Paradigm.COT, [run], 16)
    assert str(caught.value) == (
        f"the chain of thought of rewrite on {'1' * 37!r}... (41 symbols) has 189 tokens when positions have r = 4 "
        f"bits, as in a context of 16, and does not fit: give --context {shorter} or more, where r = 8 and it has "
        f"{shorter} tokens"
    )
    with pytest.raises(ContextError, match="a context of 0 tokens holds nothing"):
        check_context(Paradigm.COT, [run], 0)
