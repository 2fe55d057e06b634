"""Whole networks on whole runs: every token is the unique maximum, by a margin of at least 1."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random

import pytest

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.random_machines import random_machine, random_word
from exactformer.constructions.machines.run import OutputError, Run, StepLimit, trace
from exactformer.constructions.turing.construct import construct_cot, skeleton
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import cot_length, cot_tokens
from exactformer.verify.hardmax.observe import observe
from exactformer.verify.hardmax.prepared import PreparedNetwork
from tests.machine_table import CASES


def smallest_position_bits(run: Run) -> int:
    """The smallest even r such that the run's chain of thought fits 2**r positions."""
    return next(r for r in count(2, 2) if cot_length(len(run.word), run.steps, len(run.output), r) <= 2**r)


def margins(machine: TuringMachine, runs: list[Run], position_bits: int) -> tuple[int, ...]:
    """The least margin of each run."""
    prepared = PreparedNetwork(construct_cot(machine, position_bits))
    sequences = [cot_tokens(machine, run, position_bits) for run in runs]
    assert all(sequence.read == len(sequence) for sequence in sequences)
    return observe(prepared, sequences).margins


@pytest.mark.parametrize("more", [0, 2, 4], ids=["smallest r", "r + 2", "r + 4"])
@pytest.mark.parametrize("name", dict.fromkeys(case.name for case in CASES))
def test_every_token_of_the_library_is_predicted(name: str, more: int) -> None:
    cases = [case for case in CASES if case.name == name]
    runs = [trace(case.machine, case.word) for case in cases]
    at_smallest: dict[int, list[Run]] = {}
    for run in runs:
        at_smallest.setdefault(smallest_position_bits(run) + more, []).append(run)
    for position_bits, together in at_smallest.items():
        seen = margins(cases[0].machine, together, position_bits)
        assert [margin >= 1 for margin in seen] == [True] * len(together)


def random_runs(tapes: int, seed: int, number: int) -> Iterator[Run]:
    """Halting runs, of 2 to 150 steps and with a word as output, of machines and words drawn at random."""
    rng = Random(seed)
    while number > 0:
        machine = random_machine(rng, tapes=tapes, states=rng.randint(2, 10 if tapes < 3 else 4))
        try:
            run = trace(machine, random_word(rng, machine), 150)
        except (StepLimit, OutputError):
            continue
        if run.steps > 1:
            yield run
            number -= 1


@pytest.mark.parametrize("tapes", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_every_token_of_random_machines_is_predicted(tapes: int, seed: int) -> None:
    for run in random_runs(tapes, seed, 5):
        (margin,) = margins(run.machine, [run], smallest_position_bits(run))
        assert margin >= 1, (run.machine, run.word)


def test_random_runs_use_blocks_and_left_moves_in_cell_0() -> None:
    runs = [run for tapes in (1, 2, 3) for seed in range(4) for run in random_runs(tapes, seed, 5)]
    assert len(runs) == 60
    assert sum(run.steps > smallest_position_bits(run) for run in runs) >= 15
    stays = 0
    for run in runs:
        before = (0,) * run.machine.tapes
        for action, heads in zip(run.actions, run.heads, strict=True):
            moves = zip(action.moves, before, heads, strict=True)
            stays += sum((move.value, old, new) == ("L", 0, 0) for move, old, new in moves)
            before = heads
    assert stays >= 20


def test_machines_of_one_shape_share_all_but_the_transition_layer() -> None:
    copy, reverse = (next(case.machine for case in CASES if case.name == name) for name in ("copy", "reverse"))
    assert Shape.of(copy, 4) == Shape.of(reverse, 4)
    one, other = construct_cot(copy, 4), construct_cot(reverse, 4)
    same = [a.mlp is b.mlp and a.heads is b.heads for a, b in zip(one.layers, other.layers, strict=True)]
    assert same.count(False) == 1
    assert skeleton(Paradigm.COT, Shape.of(copy, 4)) is skeleton(Paradigm.COT, Shape.of(reverse, 4))
