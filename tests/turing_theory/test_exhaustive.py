"""One-tape machines with one or two working states and two symbols, on all inputs (`exhaustive` has the campaign)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from exactformer.constructions.machines.machine import Action, Move
from exactformer.constructions.theory import Theory, TrueToken
from exactformer.constructions.transformer.network import Mlp, Network
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from tests.turing_theory import exhaustive
from tests.turing_theory.differential import Comparison, compare
from tests.turing_theory.exhaustive import examine, examine_all, how_many, machine, starts


def test_machines_are_counted() -> None:
    assert (how_many(1), how_many(2)) == (13**2, 19**4)
    assert len({frozenset(machine(1, index).transitions.items()) for index in range(13**2)}) == 13**2
    assert [index for index in range(13**2) if not starts(machine(1, index))] == [0]


@pytest.mark.slow
def test_some_machines_with_one_working_state() -> None:
    found = examine_all(1, range(9, how_many(1), 80), 4)
    assert found.wrong == []
    assert found.machines == 2
    assert 0 < found.halting < found.sequences


@pytest.mark.slow
def test_a_machine_with_two_working_states() -> None:
    drawn = (index for index in iter(Random(4).sample(range(how_many(2)), 99)) if starts(machine(2, index)))
    found = examine_all(2, [next(drawn)], 4)
    assert found.wrong == []
    assert 0 < found.halting < found.sequences


@pytest.mark.slow
def test_a_machine_that_goes_on_in_summaries() -> None:
    found = examine(machine(1, 40), 4, Paradigm.SCOT, inputs=4)
    assert found.wrong == []
    assert (found.halting, found.sequences) == (0, 8)


def test_a_machine_without_rows_is_not_proved() -> None:
    assert not starts(machine(1, 0))
    (wrong,) = examine(machine(1, 0), 4).wrong
    assert "cannot be the case of any token" in wrong


def test_a_network_of_another_machine_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Action("halt", ("1",), (Move.STAY,))
    one = replace(machine(1, 0), transitions={("q0", ("_",)): stop, ("q0", ("1",)): stop})
    other = replace(one, transitions={situation: replace(stop, written=("_",)) for situation in one.transitions})
    monkeypatch.setattr(exhaustive, "construct", lambda paradigm, _, r: construct(paradigm, other, r))
    (wrong,) = examine(one, 4).wrong
    assert "not proved" in wrong


def test_what_is_not_as_proved_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is asked about another network than the evaluator: of that, the last layer has no neurons."""

    def elsewhere(network: Network, theory: Theory, sequences: Sequence[Sequence[TrueToken]]) -> Comparison:
        last = replace(network.layers[-1], mlp=Mlp.of(()))
        return compare(network, theory, sequences, replace(network, layers=(*network.layers[:-1], last)))

    monkeypatch.setattr(exhaustive, "compare", elsewhere)
    assert examine(machine(1, 9), 4).wrong
