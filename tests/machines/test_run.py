"""The reference simulator (run.py), against the oracles of the library and a second, naive simulator."""

from __future__ import annotations

import copy
import pickle
from collections import defaultdict
from dataclasses import dataclass, replace
from random import Random

import pytest

from exactformer.constructions.machines.library import load_machine, machine_named
from exactformer.constructions.machines.machine import Action, MachineError, Move, Situation, TuringMachine
from exactformer.constructions.machines.random_machines import random_machine, random_word
from exactformer.constructions.machines.run import (
    Configuration,
    InputError,
    MissingTransition,
    OutputError,
    StepLimit,
    configurations,
    output_word,
    steps_of,
    trace,
)
from tests.machine_table import CASES, Case


def one_step(symbol: str, move: Move = Move.STAY) -> TuringMachine:
    """A machine that writes ``symbol`` in cell 0 of tape 1 over an a, moves, and halts."""
    transitions: dict[Situation, Action] = {("go", ("a",)): Action("done", (symbol,), (move,))}
    return TuringMachine("one-step", 1, ("go", "done"), "done", ("_", "a", "b", "x"), ("a", "b"), transitions)


def last_of(machine: TuringMachine, word: str) -> Configuration:
    *_, last = configurations(machine, word)
    return last


@pytest.mark.parametrize("case", CASES, ids=str)
def test_output_is_the_oracles(case: Case) -> None:
    assert trace(case.machine, case.word).output == case.output


@pytest.mark.parametrize("case", CASES, ids=str)
def test_trace_and_configurations_agree(case: Case) -> None:
    run = trace(case.machine, case.word)
    snapshots = list(configurations(case.machine, case.word))
    assert [each.step for each in snapshots] == list(range(run.steps + 1))
    assert steps_of(case.machine, case.word) == run.steps
    assert [list(configurations(case.machine, case.word, since=step)) for step in (1, run.steps)] == [
        snapshots[1:],
        snapshots[-1:],
    ]
    assert snapshots[0].state == case.machine.initial
    assert snapshots[-1].state == case.machine.halting
    assert [each.state for each in snapshots[1:]] == [action.state for action in run.actions]
    assert [each.heads for each in snapshots[1:]] == list(run.heads)
    assert output_word(case.machine, snapshots[-1].tapes[0]) == run.output
    assert max(map(len, snapshots[-1].tapes)) == run.cells
    assert (run.machine, run.word) == (case.machine, case.word)


def naive_run(machine: TuringMachine, word: str, steps: int) -> list[tuple[str, list[int], list[dict[int, str]]]]:
    """The snapshots after steps 0, 1, ..., written without looking at run.py."""
    tapes: list[dict[int, str]] = [defaultdict(lambda: machine.blank) for _ in range(machine.tapes)]
    tapes[0].update(enumerate(word))
    state, heads, seen = machine.initial, [0] * machine.tapes, []
    for _ in range(steps + 1):
        cells = [{c: s for c, s in tape.items() if s != machine.blank} for tape in tapes]
        seen.append((state, list(heads), cells))
        if state == machine.halting:
            break
        action = machine.transitions[state, tuple(tape[head] for tape, head in zip(tapes, heads, strict=True))]
        for tape, head, symbol in zip(tapes, heads, action.written, strict=True):
            tape[head] = symbol
        shift = {Move.LEFT: -1, Move.STAY: 0, Move.RIGHT: 1}
        heads = [max(0, head + shift[move]) for head, move in zip(heads, action.moves, strict=True)]
        state = action.state
    return seen


@pytest.mark.parametrize("seed", range(60))
def test_random_machines_run_as_the_naive_simulator_says(seed: int) -> None:
    rng, limit = Random(seed), 200
    machine = random_machine(rng)
    word = random_word(rng, machine)
    snapshots = []
    try:
        for each in configurations(machine, word, limit):
            snapshots.append(each)
    except StepLimit:
        assert len(snapshots) == limit + 1
    expected = naive_run(machine, word, limit)
    assert len(snapshots) == len(expected)
    for each, (state, heads, cells) in zip(snapshots, expected, strict=True):
        assert (each.state, list(each.heads)) == (state, heads)
        filled = [{c: s for c, s in enumerate(tape) if s != machine.blank} for tape in each.tapes]
        assert filled == cells
    if snapshots[-1].state != machine.halting:
        with pytest.raises(StepLimit):
            trace(machine, word, limit)
    elif machine.blank in "".join(snapshots[-1].tapes[0]).rstrip(machine.blank):
        with pytest.raises(OutputError, match="the blank inside"):
            trace(machine, word, limit)
    else:
        run = trace(machine, word, limit)
        assert [list(heads) for heads in run.heads] == [heads for _, heads, _ in expected[1:]]
        assert run.cells == max([len(word), *(1 + max(heads) for _, heads, _ in expected)])


def test_moving_left_in_cell_0_stays() -> None:
    assert trace(one_step("b", Move.LEFT), "a").heads == ((0,),)


@pytest.mark.parametrize(
    ("word", "move", "cells"),
    [("a", Move.STAY, 1), ("a", Move.RIGHT, 2), ("abba", Move.STAY, 4)],
    ids=["the cell written", "the cell moved to", "the cells of the input"],
)
def test_cells_used(word: str, move: Move, cells: int) -> None:
    assert trace(one_step("a", move), word).cells == cells


def test_trailing_blanks_are_no_output() -> None:
    assert trace(one_step("_", Move.RIGHT), "a").output == ""


def test_a_snapshot_does_not_change_when_the_run_goes_on() -> None:
    run = configurations(load_machine("increment"), "1")
    first = next(run)
    before = copy.deepcopy(first)
    list(run)
    assert first == before


def test_configurations_are_made_when_asked_for() -> None:
    forever = replace(one_step("a"), transitions={("go", ("a",)): Action("go", ("a",), (Move.STAY,))})
    run = configurations(forever, "a", max_steps=10**12)
    assert [next(run).step for _ in range(3)] == [0, 1, 2]


def test_the_step_limit_is_the_last_step_allowed() -> None:
    steps = trace(load_machine("increment"), "1011").steps
    assert trace(load_machine("increment"), "1011", max_steps=steps).output == "1100"
    with pytest.raises(StepLimit):
        trace(load_machine("increment"), "1011", max_steps=steps - 1)


@dataclass(frozen=True)
class Bad:
    title: str
    machine: TuringMachine
    word: str
    max_steps: int
    error: type[MachineError]
    message: str


BAD = (
    Bad(
        "symbol not in the input alphabet",
        one_step("a"),
        "axa",
        9,
        InputError,
        "Symbol 2 of the input 'axa' is 'x'",
    ),
    Bad("blank in the input", one_step("a"), "_", 9, InputError, "Symbol 1 of the input '_'"),
    Bad(
        "character not in the alphabet",
        one_step("a"),
        "a?",
        9,
        InputError,
        r"is '\?', which is not an input symbol",
    ),
    Bad(
        "no transition at the start",
        one_step("a"),
        "b",
        9,
        MissingTransition,
        "After 0 steps .* 'go' reading b",
    ),
    Bad("no transition later", load_machine("binary-addition"), "1+", 99, MissingTransition, "After 3 steps"),
    Bad("no steps allowed", one_step("a"), "a", 0, StepLimit, "not halted after 0 steps"),
    Bad(
        "too few steps",
        load_machine("increment"),
        "1011",
        3,
        StepLimit,
        "increment has not halted after 3 steps",
    ),
    Bad("blank inside the output", one_step("_"), "ab", 9, OutputError, "'_' in cell 0 .* the blank inside"),
    Bad(
        "work symbol in the output",
        one_step("x"),
        "ab",
        9,
        OutputError,
        "'x' in cell 0 .* not an input symbol",
    ),
)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.title)
def test_a_run_that_fails_says_why(bad: Bad) -> None:
    with pytest.raises(bad.error, match=bad.message) as caught:
        trace(bad.machine, bad.word, bad.max_steps)
    assert str(caught.value).endswith(".")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_errors_carry_what_is_wrong() -> None:
    with pytest.raises(MissingTransition) as caught:
        trace(load_machine("binary-addition"), "1+")
    error = caught.value
    assert (error.machine.name, error.step, error.state, error.symbols) == (
        "binary-addition",
        3,
        "seek",
        ("_", "_"),
    )


def test_rewrite_writes_one_cell_in_every_step() -> None:
    entry = machine_named("rewrite")
    run = trace(entry.machine, "1" * 61)
    assert run.steps == 62
    assert {heads[1] for heads in run.heads} == {0}


def test_last_configuration_is_halting() -> None:
    assert last_of(load_machine("copy"), "01").tapes[0][:5] == ("0", "1", "#", "0", "1")
