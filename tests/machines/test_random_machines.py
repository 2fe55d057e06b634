"""The random machines (random_machines.py) follow their protocol."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import product
from random import Random

import pytest

from exactformer.constructions.machines.machine import Move, TuringMachine
from exactformer.constructions.machines.random_machines import random_machine, random_word
from tests.effort import calls


@cache
def sample() -> list[TuringMachine]:
    return [random_machine(Random(seed)) for seed in range(150)]


def test_the_seed_decides() -> None:
    assert random_machine(Random(5)) == random_machine(Random(5))
    assert random_machine(Random(5)) != random_machine(Random(6))


@pytest.mark.parametrize("seed", range(20))
def test_total_on_the_non_halting_states(seed: int) -> None:
    machine = sample()[seed]
    working = [state for state in machine.states if state != machine.halting]
    assert set(machine.transitions) == set(product(working, product(machine.alphabet, repeat=machine.tapes)))


def test_sizes_cover_the_protocol() -> None:
    assert {machine.tapes for machine in sample()} == {1, 3}
    assert {len(machine.states) for machine in sample()} == set(range(3, 12))
    assert {len(machine.input_alphabet) for machine in sample()} == set(range(1, 6))
    assert all(machine.alphabet == (machine.blank, *machine.input_alphabet) for machine in sample())


def test_frequencies() -> None:
    machine = random_machine(Random(3), tapes=3, states=10, letters=5)
    actions = list(machine.transitions.values())
    counts = Counter(action.state for action in actions)
    assert 0.03 < counts.pop("halt") / len(actions) < 0.07
    assert len(counts) == 10
    for k in range(3):
        moves = Counter(action.moves[k] for action in actions)
        written = Counter(action.written[k] for action in actions)
        assert set(moves) == set(Move)
        assert set(written) == set(machine.alphabet)
        assert max(moves.values()) < 1.2 * min(moves.values())
        assert max(written.values()) < 1.4 * min(written.values())


def test_sizes_can_be_given() -> None:
    machine = random_machine(Random(0), tapes=2, states=4, letters=3)
    assert (machine.tapes, len(machine.states), machine.input_alphabet) == (2, 5, ("a", "b", "c"))


def test_words() -> None:
    rng = Random(0)
    words = [random_word(rng, sample()[0]) for _ in range(300)]
    assert {len(word) for word in words} == set(range(1, 13))
    assert set("".join(words)) == set(sample()[0].input_alphabet)


def test_work_grows_with_the_number_of_transitions() -> None:
    transitions = 10 * 6**3
    assert calls(lambda: random_machine(Random(0), tapes=3, states=10, letters=5)) < 60 * transitions
