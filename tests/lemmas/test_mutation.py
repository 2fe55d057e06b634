"""Every single change of a weight is noticed by the lemma about it, or changes nothing anywhere."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from exactformer.constructions.transformer.gadgets import Copy, Neuron, when
from exactformer.verify.lemmas.gadget_lemmas import Scene
from exactformer.verify.lemmas.gadgets import claim_about
from exactformer.verify.lemmas.mutation import FAMILIES, Tally, mutants, tally, try_mutant
from exactformer.verify.lemmas.outcome import Budget
from exactformer.verify.verdict import Fate

WIDTH = 3
MANY_NEURONS = ("gadget.map", "gadget.decrement", "gadget.move")
"""With three bits they have some 2,700 mutants, of the same kinds as with two."""


@cache
def tallied(identifier: str) -> Tally:
    """What becomes of all mutants of a lemma."""
    return tally(identifier, 2 if identifier in MANY_NEURONS else WIDTH, 600)


@pytest.mark.parametrize("identifier", FAMILIES)
def test_no_change_is_missed(identifier: str) -> None:
    found = tallied(identifier)
    assert found.missed == 0, found.survivors
    assert found.kill_rate == "100 %"
    assert found.caught > found.equivalent
    for one in found.survivors:
        assert one.fate is Fate.EQUIVALENT
        assert "the same at all" in one.because


def test_the_equivalent_changes_of_a_copy_are_flags_wanted_at_0_more_strongly() -> None:
    # relu(... - f) and relu(... - 2f) agree where the rest is at most 1.
    found = tallied("gadget.copy")
    assert {one.mutant.change.split(": ")[1] for one in found.survivors} == {"input 12 weight -1 -> -2"}
    assert Scene(WIDTH).stop.offset == 12


def test_every_weight_bias_and_neuron_is_changed() -> None:
    unit = Neuron(((0, 1), (1, -1)), -2, ((2, 2),))
    changes = {mutant.change: mutant.neurons for mutant in mutants([unit, unit])}
    assert len(changes) == 2 * (1 + 2 + 2 * 3 + 4)
    assert changes["neuron 0 left out"] == (unit,)
    assert changes["neuron 1: bias -2 -> -1"] == (unit, replace(unit, bias=-1))
    assert changes["neuron 0: input 1 weight -1 -> 0"][0].inputs == ((0, 1), (1, 0))
    assert changes["neuron 0: output 2 weight 2 -> -2"][0].outputs == ((2, -2),)


def test_a_lemma_with_a_gap_misses_changes() -> None:
    """Without the case of failing conditions nobody notices a neuron that does not look at its condition."""
    x = Scene(2)
    claim = claim_about(Copy(x.source, x.target, when(unless=(x.stop,))), "copy")
    weaker = replace(claim, cases=claim.cases[:1])
    blind = next(m for m in mutants(claim.neurons) if m.change == f"neuron 0: input {x.stop.offset} weight -1 -> 0")
    assert try_mutant(weaker, blind, Budget(600)).fate is Fate.MISSED
    assert try_mutant(claim, blind, Budget(600)).fate is Fate.CAUGHT


def test_without_time_a_change_is_missed() -> None:
    x = Scene(2)
    claim = claim_about(Copy(x.source, x.target), "copy")
    mutant = next(mutants(claim.neurons))
    assert try_mutant(claim, mutant, Budget(0)).fate is Fate.MISSED


def test_the_kill_rate_is_100_only_when_nothing_is_missed() -> None:
    assert Tally("x", 999, 5, 1, ()).kill_rate == "99 %"
    assert Tally("x", 999, 5, 0, ()).kill_rate == "100 %"
    assert Tally("x", 0, 5, 0, ()).kill_rate == "-"
