"""A folded machine does what the two-way machine does, step by step (folding.py)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from random import Random

import pytest

from exactformer.constructions.machines.busy_beaver import read_busy_beaver
from exactformer.constructions.machines.folding import FoldingError, fold, fold_tape, two_way_machine_of, unfold_tape
from exactformer.constructions.machines.library import LIBRARY
from exactformer.constructions.machines.machine import Move
from exactformer.constructions.machines.run import Configuration, MissingTransition, StepLimit, configurations, trace
from exactformer.constructions.machines.two_way import (
    HALT,
    Entry,
    Squares,
    TwoWayConfiguration,
    TwoWayMachine,
    two_way_configurations,
)
from tests.machines.busy_beavers import BEAVERS, Beaver

STEPS = 60
SAMPLE = read_busy_beaver("1RB---_0LA1LB")


def random_two_way_machine(rng: Random) -> TwoWayMachine:
    """1-6 states and 2-4 symbols; one entry in ten halts and one in twenty is undefined."""
    states, symbols = "ABCDEF"[: rng.randint(1, 6)], "0123"[: rng.randint(2, 4)]

    def entry() -> str:
        kind = rng.random()
        following = "Z" if kind < 0.1 else rng.choice(states)
        return "---" if kind > 0.95 else rng.choice(symbols) + rng.choice("LR") + following

    return read_busy_beaver("_".join("".join(entry() for _ in symbols) for _ in states))


def random_tape(rng: Random, machine: TwoWayMachine) -> Squares:
    """Blank, or any symbols on the squares -4..4."""
    if rng.random() < 0.3:
        return {}
    drawn = {square: rng.choice(machine.symbols) for square in range(-rng.randint(0, 4), rng.randint(1, 5))}
    return {square: symbol for square, symbol in drawn.items() if symbol != "0"}


def pairs_of_configurations(
    machine: TwoWayMachine, squares: Squares, steps: int
) -> Iterator[tuple[TwoWayConfiguration, Configuration]]:
    """The two machines' configurations after steps 0, 1, ..; ValueError when one halts before the other."""
    folded = configurations(fold(machine), fold_tape(machine, squares), max_steps=10**9)
    two_way = two_way_configurations(machine, squares)
    return zip(islice(two_way, steps + 1), islice(folded, steps + 1), strict=True)


def check_agreement(machine: TwoWayMachine, squares: Squares, steps: int) -> bool:
    """Compare the two machines step by step, and tell whether they halted."""
    state = machine.states[0]
    for two_way, folded in pairs_of_configurations(machine, squares, steps):
        state, (cell,), (tape,) = two_way.state, folded.heads, folded.tapes
        assert cell == abs(two_way.head)
        assert unfold_tape(machine, tape) == two_way.squares
        assert folded.state in states_that_mean(two_way)
        # Blank is at most the last cell, when the head has just got there.
        assert "_" not in (tape if cell < len(tape) - 1 else tape[:-1])
    return state == HALT


def states_that_mean(two_way: TwoWayConfiguration) -> set[str]:
    """The states that the folded machine may then be in: on square 0, with either sign."""
    if two_way.step == 0:
        return {"start"}
    if two_way.state == HALT:
        return {"halt"}
    return {two_way.state + sign for sign, there in (("+", two_way.head >= 0), ("-", two_way.head <= 0)) if there}


@pytest.mark.parametrize("seed", range(40))
def test_folded_and_original_agree_step_by_step(seed: int) -> None:
    rng = Random(seed)
    halted = 0
    for _ in range(100):
        machine = random_two_way_machine(rng)
        halted += check_agreement(machine, random_tape(rng, machine), STEPS)
    assert 20 < halted < 95


@pytest.mark.parametrize("beaver", BEAVERS, ids=str)
def test_folded_busy_beavers(beaver: Beaver) -> None:
    machine = read_busy_beaver(beaver.text)
    assert check_agreement(machine, {}, beaver.steps + 1)
    run = trace(fold(machine), "")
    assert run.steps == beaver.steps
    assert run.cells == max(-beaver.leftmost, beaver.rightmost) + 1
    assert len(unfold_tape(machine, run.output)) == beaver.marks


@pytest.mark.parametrize("move", Move)
def test_moves_that_stay_are_folded_too(move: Move) -> None:
    """No text has them: three steps on each blank square, of which only the last moves, up to a square with 1."""
    at_0, at_1 = Entry("1", Move.STAY, "B"), Entry("0", Move.STAY, HALT)
    machine = TwoWayMachine("stay", ((at_0, at_1), (None, Entry("0", Move.STAY, "C")), (Entry("1", move, "A"), None)))
    assert check_agreement(machine, {2: "1", -2: "1"}, STEPS)
    assert check_agreement(machine, {}, STEPS) == (move is Move.STAY)


def test_the_folded_machine_written_by_hand() -> None:
    """-1 and 1 share cell 1: a, b, c, d are the pairs 00, 01, 10, 11 of (right, left)."""
    rows = [
        (each.state, each.heads[0], "".join(each.tapes[0]))
        for each in configurations(fold(SAMPLE), fold_tape(SAMPLE, {1: "1"}))
    ]
    assert rows == [
        ("start", 0, "0c"),
        ("B+", 1, "1c"),
        ("B+", 0, "1c"),
        ("B-", 1, "1c"),
        ("A-", 2, "1c_"),
        ("B-", 1, "1cb"),
        ("A-", 2, "1cb"),
        ("halt", 2, "1cb"),
    ]


@pytest.mark.parametrize("text", ["1RB1LB_1LA1RZ", "1RA2LA---", "1RA2LA3RA4LA5RA6LA7RA8LA9RA0LA"])
def test_sizes(text: str) -> None:
    machine = read_busy_beaver(text)
    folded, n, q = fold(machine), len(machine.symbols), len(machine.states)
    assert len(folded.alphabet) == 1 + n + n * n
    assert folded.alphabet == (folded.blank, *folded.input_alphabet)
    assert len(folded.states) == 2 * q + 2
    assert len(folded.transitions) == q * (2 * n + 2 * (n * n + 1)) + n + 1


@pytest.mark.parametrize("seed", range(20))
def test_every_halting_run_has_an_output(seed: int) -> None:
    """If a word begins with something other than a letter, whatever follows, no run is stuck or leaves a blank
    inside."""
    rng = Random(seed)
    halted = 0
    for _ in range(100):
        machine = random_two_way_machine(rng)
        folded = fold(machine)
        word = rng.choice(machine.symbols) + "".join(rng.choices(folded.input_alphabet, k=rng.randint(0, 6)))
        with suppress(StepLimit):
            run = trace(folded, word, STEPS)
            assert len(run.output) in (run.cells, run.cells - 1)
            halted += 1
    assert halted > 10


def test_a_word_that_begins_with_a_letter_is_stuck_at_once() -> None:
    with pytest.raises(MissingTransition, match=r"After 0 steps .* is in state 'start' reading a"):
        trace(fold(SAMPLE), "ab", STEPS)


def test_no_run_from_a_folded_tape_moves_left_in_cell_0() -> None:
    folded = fold(SAMPLE)
    assert not [
        situation
        for situation, action in folded.transitions.items()
        if Move.LEFT in action.moves and situation[1][0].isdigit()
    ]


def test_fold_tape_and_unfold_tape_are_inverse() -> None:
    rng = Random(8)
    for _ in range(300):
        machine = random_two_way_machine(rng)
        squares = random_tape(rng, machine)
        word = fold_tape(machine, squares)
        assert unfold_tape(machine, word) == squares
        assert len(word) == (1 + max(map(abs, squares)) if squares else 0)
        assert set(word) <= set(fold(machine).input_alphabet)
        folded = fold(machine)
        letters = [symbol for symbol in folded.input_alphabet if symbol.isalpha()]
        word = "".join([rng.choice(machine.symbols), *rng.choices(letters[1:], k=rng.randint(1, 5))])
        assert fold_tape(machine, unfold_tape(machine, word)) == word


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        pytest.param("a", "Cell 0 holds 'a', which is not a digit of", id="no home cell"),
        pytest.param("0a1", "Cell 2 holds '1', which is not a letter for two symbols of", id="two home cells"),
        pytest.param("2", "Cell 0 holds '2', which is not a digit of", id="digit the machine does not have"),
        pytest.param("0e", "Cell 1 holds 'e', which is not a letter", id="letter the machine does not have"),
    ],
)
def test_what_is_no_folded_tape_is_refused(cells: str, message: str) -> None:
    with pytest.raises(FoldingError, match=message):
        unfold_tape(SAMPLE, cells)


def test_what_is_no_tape_is_refused() -> None:
    with pytest.raises(FoldingError, match="Square -1 holds '2': use the symbols 0 1"):
        fold_tape(SAMPLE, {-1: "2"})


def test_a_folding_is_recognised_by_its_name_and_its_rows() -> None:
    assert two_way_machine_of(fold(SAMPLE)) == SAMPLE
    assert two_way_machine_of(replace(fold(SAMPLE), name="folded-1RB---_0LA1RB")) is None
    assert two_way_machine_of(replace(fold(SAMPLE), name=SAMPLE.name)) is None


@pytest.mark.parametrize("name", ["folded-", "folded-paper", "folded-1RB1LQ", "paper"])
def test_other_machines_are_no_foldings(name: str) -> None:
    assert two_way_machine_of(replace(LIBRARY["copy"].machine, name=name)) is None
