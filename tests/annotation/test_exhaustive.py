"""Every one-tape machine with one working state and two symbols, on all inputs that fit; some with two."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from exactformer.constructions.machines.machine import Action, Move
from exactformer.constructions.turing.construct import construct
from exactformer.verify.annotation.evidence import Evidence
from tests.annotation import exhaustive
from tests.annotation.exhaustive import covered, examine, examine_all, how_many, machine


def test_machines_are_counted() -> None:
    assert (how_many(1), how_many(2)) == (13**2, 19**4)
    assert len({frozenset(machine(1, index).transitions.items()) for index in range(13**2)}) == 13**2


@pytest.mark.slow
def test_all_machines_with_one_working_state() -> None:
    found = examine_all(1, range(1, how_many(1)), 4)
    assert found.wrong == []
    assert (found.machines, found.with_inputs, found.inputs, found.tokens) == (168, 120, 387, 3576)


@pytest.mark.slow
def test_every_third_of_them_on_longer_inputs() -> None:
    found = examine_all(1, range(1, how_many(1), 3), 6)
    assert found.wrong == []
    assert (found.machines, found.with_inputs, found.inputs, found.tokens) == (56, 40, 525, 17055)


def test_the_machine_that_does_nothing() -> None:
    assert machine(1, 0).transitions == {}
    assert examine(machine(1, 0), 4, Evidence()).wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("position_bits", [4, 6])
def test_some_machines_with_two_working_states(position_bits: int) -> None:
    found = examine_all(2, Random(position_bits).sample(range(how_many(2)), 12), position_bits)
    assert found.wrong == []
    assert found.inputs > 20


def test_a_network_of_another_machine_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the proof, and by the tokens: what it writes is not what the machine does."""
    stop = Action("halt", ("1",), (Move.STAY,))
    one = replace(machine(1, 0), transitions={("q0", ("_",)): stop, ("q0", ("1",)): stop})
    other = replace(one, transitions={situation: replace(stop, written=("_",)) for situation in one.transitions})
    assert len(list(covered(one, 4))) > 1
    monkeypatch.setattr(exhaustive, "construct", lambda paradigm, _, r: construct(paradigm, other, r))
    wrong = examine(one, 4, Evidence()).wrong
    assert len(wrong) == 2
    assert "not proved" in wrong[0]
    assert "expected RUN" in wrong[1]
