"""The transition as a table: right for compiled machines, and every kind of wrong neuron is noticed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest

from exactformer.constructions.machines.library import LIBRARY, load_machine
from exactformer.constructions.machines.machine import Action, Move, TuringMachine
from exactformer.constructions.transformer.encoding import signed_binary
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.annotation.annotation import annotate
from exactformer.verify.annotation.content import (
    MOVE_CODES,
    Bit,
    Code,
    Content,
    Equals,
    Ghost,
    If,
    MoveCode,
    One,
    Zero,
)
from exactformer.verify.annotation.ghosts import TokenClass
from exactformer.verify.annotation.mlps import PlacedMlp
from exactformer.verify.annotation.rows import Rows, Step
from exactformer.verify.annotation.steps import Delta, says_step, wrong_step
from exactformer.verify.sweep import draw_case


def steps(machine: TuringMachine) -> dict[str, Step]:
    """The transition's obligations at run tokens, by register."""
    network = construct(Paradigm.COT, machine, 4)
    annotation = annotate(Paradigm.COT, Shape.of(machine, 4), network.registers)
    return {
        register: found
        for number, layer in enumerate(network.layers, start=1)
        for register, found in PlacedMlp(layer.mlp, network.registers).obligations(annotation, TokenClass.RUN, number)
        if isinstance(found, Step)
    }


@pytest.mark.parametrize("name", [name for name in LIBRARY if load_machine(name).tapes < 3])
def test_compiled_machines_are_right(name: str) -> None:
    machine = load_machine(name)
    found = steps(machine)
    assert len(found) == 1 + 2 * machine.tapes
    for register, step in found.items():
        assert wrong_step(Delta.of(machine), step) is None
        assert differing(machine, step) == set(), register


def differing(machine: TuringMachine, step: Step) -> set[tuple[int, ...]]:
    """The readings (q, symbols) for which the neurons, one by one, add something else than delta says."""
    name = next(iter({one for one in ("q'", "a'", "m'") if one in str(step.after)}))
    tape = 0 if name == "q'" else int(str(step.after).split(f"{name}_")[1][0]) - 1
    tapes = [0 if content == Code(Ghost("q")) else int(str(content).split("g_")[1][0]) for _, content, _ in step.read]
    found = set()
    starts = np.cumsum([0, *(width for *_, width in step.read)]).tolist()
    for reading in product(range(len(machine.states)), *[range(len(machine.alphabet))] * machine.tapes):
        inputs = [
            bit
            for place, (*_, width) in zip(tapes, step.read, strict=True)
            for bit in signed_binary(reading[place], width)
        ]
        added = [0] * step.width
        for neuron in step.rows.neurons(starts):
            active = max(0, neuron.bias + sum(weight * inputs[c] for c, weight in neuron.inputs))
            for place, weight in neuron.outputs:
                added[place] += weight * active
        action = machine.transitions.get(
            (machine.states[reading[0]], tuple(machine.alphabet[symbol] for symbol in reading[1:]))
        )
        wanted: tuple[int, ...] = (0,) * step.width
        if action is not None and name == "q'":
            wanted = signed_binary(machine.state_index(action.state), step.width)
        elif action is not None and name == "a'":
            wanted = signed_binary(machine.symbol_index(action.written[tape]), step.width)
        elif action is not None:
            wanted = MOVE_CODES[(Move.LEFT, Move.STAY, Move.RIGHT).index(action.moves[tape])]
        if tuple(added) != wanted:
            found.add(reading)
    return found


MACHINE = load_machine("balanced-brackets")
"""Two tapes, six states in three bits, six symbols in three: not every code occurs."""


MEANT = {"state'": "q'", "written": "a'_2", "moved": "enc_move(m'_1)"}


@cache
def step_of(register: str = "state'") -> Step:
    (found,) = (step for step in steps(MACHINE).values() if MEANT[register] in str(step.after))
    return found


def changed(array: str, place: int, change: Callable[[int], int]) -> Callable[[Rows], Rows]:
    def change_rows(rows: Rows) -> Rows:
        values = getattr(rows, array).copy()
        values[place] = change(int(values[place]))
        return replace(rows, **{array: values})

    return change_rows


def put(array: str, place: int, value: int) -> Callable[[Rows], Rows]:
    return changed(array, place, lambda _: value)


def without_outputs(neuron: int, keep: int = 0) -> Callable[[Rows], Rows]:
    """All outputs of a neuron but the first ``keep`` are left out."""

    def change_rows(rows: Rows) -> Rows:
        own = np.flatnonzero(rows.out_neuron == neuron)[keep:]
        left = np.setdiff1d(np.arange(len(rows.out_neuron)), own)
        return replace(rows, **{name: getattr(rows, name)[left] for name in ("out_neuron", "out_offset", "out_weight")})

    return change_rows


def one_more(reading: tuple[int, ...], widths: tuple[int, ...]) -> Callable[[Rows], Rows]:
    """A neuron more, that adds 1 to the first coordinate for one reading of the registers."""

    def change_rows(rows: Rows) -> Rows:
        bits = [(place, b) for place, width in enumerate(widths) for b in range(width)]
        weights = [1 if reading[place] >> b & 1 else -1 for place, b in bits]
        return Rows(
            np.append(rows.bias, 1 - len(bits)),
            np.append(rows.in_start, rows.in_start[-1] + len(bits)),
            np.append(rows.place, [place for place, _ in bits]),
            np.append(rows.offset, [b for _, b in bits]),
            np.append(rows.weight, weights),
            np.append(rows.out_neuron, len(rows.bias)),
            np.append(rows.out_offset, 0),
            np.append(rows.out_weight, 1),
        )

    return change_rows


def twice(rows: Rows) -> Rows:
    """The outputs of the first neuron are listed twice."""
    own = np.flatnonzero(rows.out_neuron == 0)
    named = {name: np.append(getattr(rows, name), getattr(rows, name)[own]) for name in OUTPUTS}
    return replace(rows, **named)


OUTPUTS = ("out_neuron", "out_offset", "out_weight")

ONE_READING = "a neuron does not fire for exactly one reading"
WRONG_ROWS: dict[str, tuple[str, Callable[[Rows], Rows]]] = {
    "a weight of 0": (ONE_READING, changed("weight", 0, lambda _: 0)),
    "a weight of 2": (ONE_READING, changed("weight", 0, lambda w: 2 * w)),
    "a bias one more": (ONE_READING, changed("bias", 1, lambda b: b + 1)),
    "a bias one less": (ONE_READING, changed("bias", 1, lambda b: b - 1)),
    "a bit read twice, another not": (ONE_READING, changed("offset", 0, lambda b: 1 - b)),
    "a bit of another register": (ONE_READING, changed("place", 0, lambda p: 1 - p)),
    "a weight negated: another reading": ("for state", changed("weight", 0, lambda w: -w)),
    "an output negated": ("for state", changed("out_weight", 0, lambda w: -w)),
    "an output of 2": ("for state", changed("out_weight", 0, lambda w: 2 * w)),
    "an output to another coordinate": ("for state", changed("out_offset", 0, lambda c: 1 - c)),
    "an output of another neuron": ("for state", changed("out_neuron", 0, lambda n: n + 1)),
    "outputs twice": ("for state", twice),
    "a neuron without outputs": ("for state", without_outputs(3)),
    "a neuron with one output only": ("for state", without_outputs(3, keep=1)),
}


@pytest.mark.parametrize("title", WRONG_ROWS)
@pytest.mark.parametrize("register", MEANT)
def test_wrong_neurons_are_noticed(register: str, title: str) -> None:
    complaint, change = WRONG_ROWS[title]
    step = step_of(register)
    assert wrong_step(Delta.of(MACHINE), step) is None
    wrong = replace(step, rows=change(step.rows))
    said = wrong_step(Delta.of(MACHINE), wrong)
    assert said is not None
    assert said.startswith(complaint)


def readings(occurring: bool) -> Iterator[tuple[int, ...]]:
    """Numbers that fit the registers, for which delta says nothing; and that are, or are not, codes that occur."""
    step = step_of()
    entries = {entry for entry, _ in Delta.of(MACHINE).entries}
    for reading in product(*(range(1 << width) for *_, width in step.read)):
        occurs = reading[0] < len(MACHINE.states) and all(one < len(MACHINE.alphabet) for one in reading[1:])
        if occurs == occurring and reading not in entries:
            yield reading


def test_a_step_where_delta_says_nothing_is_noticed() -> None:
    step = step_of()
    widths = tuple(width for *_, width in step.read)
    assert step.read[0][1] == Code(Ghost("q")), "the state is read first"
    listed = list(readings(occurring=True))
    assert len(listed) > 10
    for reading in listed:
        said = wrong_step(Delta.of(MACHINE), replace(step, rows=one_more(reading, widths)(step.rows)))
        assert said is not None
        assert said.startswith(f"for state {reading[0]} and symbols {reading[1:]} the neurons add (1, 0, 0)")


def test_what_never_occurs_may_be_anything() -> None:
    step = step_of()
    widths = tuple(width for *_, width in step.read)
    listed = list(readings(occurring=False))
    assert len(listed) > 10
    for reading in listed:
        assert wrong_step(Delta.of(MACHINE), replace(step, rows=one_more(reading, widths)(step.rows))) is None


def but(place: int, content: Content) -> Callable[[Step], Step]:
    """What one of the registers read holds is another content."""

    def change_step(step: Step) -> Step:
        read = list(step.read)
        name, _, width = read[place]
        read[place] = name, content, width
        return replace(step, read=tuple(read))

    return change_step


BLANK = Code(Ghost("blank"))


def symbol(written: int = 1, ghost: str = "g_1", tape: int = 1, otherwise: Content = BLANK) -> Content:
    return If(Equals(f"written_{tape}", written), Code(Ghost(ghost)), otherwise)


def blank_again(step: Step) -> tuple[str, Content, int]:
    """The register of the second tape in the place of the first one's."""
    (_, _, width), (name, _, _) = step.read[1:]
    return name, BLANK, width


WRONG_READS: dict[str, Callable[[Step], Step]] = {
    "the state of another time": but(0, Code(Ghost("q'"))),
    "the symbol of another tape": but(1, symbol(ghost="g_2", tape=2)),
    "written on one tape, a symbol of the other": but(1, symbol(ghost="g_2")),
    "the symbol where nothing was written": but(1, symbol(written=0)),
    "nothing where nothing was written": but(1, symbol(otherwise=Zero())),
    "the symbol written, not read": but(1, Code(Ghost("a_1"))),
    "a flag": but(1, One()),
    "a tape that the machine has not": but(1, symbol(ghost="g_3", tape=3)),
    "a tape that is read, as blank again": lambda step: replace(step, read=(*step.read[::2], blank_again(step))),
    "one tape is not read": lambda step: replace(step, read=step.read[:-1]),
}


@pytest.mark.parametrize("title", WRONG_READS)
def test_neurons_that_read_something_else_are_noticed(title: str) -> None:
    said = wrong_step(Delta.of(MACHINE), WRONG_READS[title](step_of()))
    assert said == "the neurons do not read the state and the symbol of every tape"


def test_a_tape_that_reads_blank_occurs_blank_only() -> None:
    """Tokens that address no cell: a neuron for another symbol there may add anything, one for the blank may not."""
    step = but(1, BLANK)(step_of())
    assert wrong_step(Delta.of(MACHINE), step) is None
    widths = tuple(width for *_, width in step.read)
    for reading in readings(occurring=True):
        said = wrong_step(Delta.of(MACHINE), replace(step, rows=one_more(reading, widths)(step.rows)))
        assert (said is None) == (reading[1] != 0)


def test_registers_in_another_order_are_the_same() -> None:
    step = step_of()
    order = [2, 0, 1]
    place = np.array([order.index(one) for one in range(3)])[step.rows.place]
    other = replace(step, read=tuple(step.read[one] for one in order), rows=replace(step.rows, place=place))
    assert wrong_step(Delta.of(MACHINE), other) is None
    assert wrong_step(Delta.of(MACHINE), replace(other, rows=step.rows)) is not None


@pytest.mark.parametrize("register", MEANT)
def test_what_another_register_is_to_hold_is_noticed(register: str) -> None:
    for other in MEANT.keys() - {register}:
        step = replace(step_of(register), after=step_of(other).after)
        if step.width == step_of(other).width:
            assert wrong_step(Delta.of(MACHINE), step) is not None


@pytest.mark.parametrize("place", range(0, len(MACHINE.transitions), 3))
def test_another_machine_is_noticed(place: int) -> None:
    """One entry of the transition function is another, or left out."""
    key, action = list(MACHINE.transitions.items())[place]
    moves = (Move.STAY if action.moves[0] is not Move.STAY else Move.RIGHT, action.moves[1])
    written = (
        action.written[0],
        MACHINE.alphabet[(MACHINE.symbol_index(action.written[1]) + 1) % len(MACHINE.alphabet)],
    )
    state = MACHINE.states[(MACHINE.state_index(action.state) + 1) % len(MACHINE.states)]
    others = {
        "state'": Action(state, action.written, action.moves),
        "written": Action(action.state, written, action.moves),
        "moved": Action(action.state, action.written, moves),
    }
    for register, other in others.items():
        table = replace(MACHINE, transitions={**MACHINE.transitions, key: other})
        assert wrong_step(Delta.of(table), step_of(register)) is not None
    less = {one: action for one, action in MACHINE.transitions.items() if one != key}
    assert wrong_step(Delta.of(replace(MACHINE, transitions=less)), step_of()) is not None


@pytest.mark.parametrize("seed", range(4))
def test_nothing_wrong_is_passed(seed: int) -> None:
    """Against the neurons evaluated one by one, with random changes: what is passed adds what delta says."""
    rng = random.Random(seed)
    machine = draw_case(seed=3, index=(0, 1, 3, 4)[seed]).run.machine
    all_steps, passed = list(steps(machine).values()), 0
    for _ in range(60):
        step = rng.choice(all_steps)
        array = rng.choice(("bias", "place", "offset", "weight", "out_neuron", "out_offset", "out_weight"))
        values = getattr(step.rows, array)
        place, old = rng.randrange(len(values)), rng.choice(values.tolist())
        if array in ("bias", "weight", "out_weight"):
            old = rng.choice((old, -old, old + 1))
        wrong = replace(step, rows=put(array, place, old)(step.rows))
        widths = [width for *_, width in step.read]
        if (wrong.rows.offset >= np.array(widths)[wrong.rows.place]).any():
            continue
        if wrong_step(Delta.of(machine), wrong) is None:
            passed += 1
            assert differing(machine, wrong) == set()
    assert passed


SAYS: dict[str, tuple[bool, Content]] = {
    "the next state": (True, If(Equals("has_entry", 1), Code(Ghost("q'")))),
    "the next move": (True, If(Equals("has_entry", 1), MoveCode("m'_2"))),
    "the state": (False, If(Equals("has_entry", 1), Code(Ghost("q")))),
    "the next state where there is none": (False, If(Equals("has_entry", 0), Code(Ghost("q'")))),
    "the next state always": (False, Code(Ghost("q'"))),
    "the next state or a flag": (False, If(Equals("has_entry", 1), Code(Ghost("q'")), One())),
    "a bit of the next state": (False, If(Equals("has_entry", 1), Bit(Ghost("q'"), 0))),
}


@pytest.mark.parametrize("title", SAYS)
def test_which_contents_say_what_delta_says(title: str) -> None:
    says, content = SAYS[title]
    assert says_step(content) == says
