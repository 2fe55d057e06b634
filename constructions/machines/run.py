"""The reference simulator: what a Turing machine does, said as plainly as possible.

Words: a *step* is one use of the transition function; step t leads from configuration t-1 to configuration
t, so a run of T steps has configurations 0..T.  T >= 1, because the halting state is not the initial one.
Cells are counted from 0.  `configurations` and `trace` walk the same `_advance`, the only place that moves a
head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exactformer.constructions.machines.machine import Action, MachineError, Move, TuringMachine

DEFAULT_MAX_STEPS = 1_000_000
"""After this many steps a run is given up, unless the caller says otherwise."""


class InputError(MachineError):
    """A word with a symbol that is not an input symbol of the machine."""

    def __init__(self, machine: TuringMachine, word: str, position: int) -> None:
        self.machine, self.word, self.position = machine, word, position
        super().__init__(machine, word, position)

    def __str__(self) -> str:
        return (
            f"Symbol {self.position + 1} of the input {self.word!r} is {self.word[self.position]!r}, "
            f"which is not an input symbol of {self.machine.name}: "
            f"use only {' '.join(self.machine.input_alphabet)}."
        )


class MissingTransition(MachineError):
    """After ``step`` steps the run is at a state and symbols for which the machine has no transition."""

    def __init__(self, machine: TuringMachine, step: int, state: str, symbols: tuple[str, ...]) -> None:
        self.machine, self.step, self.state, self.symbols = machine, step, state, symbols
        super().__init__(machine, step, state, symbols)

    def __str__(self) -> str:
        return (
            f"After {self.step} steps {self.machine.name} is in state {self.state!r} reading "
            f"{' '.join(self.symbols)}, and has no transition for that: add one, or give a valid input."
        )


class StepLimit(MachineError):
    """The machine had not halted after ``max_steps`` steps."""

    def __init__(self, machine: TuringMachine, max_steps: int) -> None:
        self.machine, self.max_steps = machine, max_steps
        super().__init__(machine, max_steps)

    def __str__(self) -> str:
        return (
            f"{self.machine.name} has not halted after {self.max_steps} steps: raise the step limit, "
            "or check that it halts on this input."
        )


class OutputError(MachineError):
    """Tape 1 ends with a symbol that is not in the input alphabet: the constructions do not cover such a run."""

    def __init__(self, machine: TuringMachine, cell: int, symbol: str) -> None:
        self.machine, self.cell, self.symbol = machine, cell, symbol
        super().__init__(machine, cell, symbol)

    def __str__(self) -> str:
        what = "the blank inside the output" if self.symbol == self.machine.blank else "not an input symbol"
        return (
            f"{self.machine.name} halts with {self.symbol!r} in cell {self.cell} of tape 1, which is {what}: "
            "the output must be a word over the input alphabet followed by blanks."
        )


@dataclass(frozen=True)
class Configuration:
    """A machine between two steps.

    ``step`` counts the steps taken so far.  ``tapes[k]`` holds the cells of tape k from 0 to the last that a
    head has visited or the input occupies; all further cells are blank.
    """

    step: int
    state: str
    heads: tuple[int, ...]
    tapes: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Run:
    """A halting run of T steps: ``actions[t-1]`` is taken in step t, ``heads[t-1]`` the head cells after it.

    ``cells`` counts the cells used: 1 + the largest cell visited or holding input, over all tapes.
    """

    machine: TuringMachine
    word: str
    actions: tuple[Action, ...]
    heads: tuple[tuple[int, ...], ...]
    output: str
    cells: int

    @property
    def steps(self) -> int:
        return len(self.actions)


def trace(machine: TuringMachine, word: str, max_steps: int = DEFAULT_MAX_STEPS) -> Run:
    """The halting run on ``word``, of at most ``max_steps`` steps, without snapshots of the tapes.

    Errors: InputError, MissingTransition, StepLimit, OutputError.

    >>> from exactformer.constructions.machines.library import load_machine
    >>> run = trace(load_machine("binary-addition"), "110+101")
    >>> run.output, run.steps, run.cells
    ('1011', 31, 8)
    """
    tapes, heads = _start(machine, word)
    actions: list[Action] = []
    positions: list[tuple[int, ...]] = []
    for action in _advance(machine, tapes, heads, max_steps):
        actions.append(action)
        positions.append(tuple(heads))
    output = output_word(machine, tapes[0])
    return Run(machine, word, tuple(actions), tuple(positions), output, max(map(len, tapes)))


def steps_of(machine: TuringMachine, word: str, max_steps: int = DEFAULT_MAX_STEPS) -> int:
    """How many steps the halting run on ``word`` takes, whatever its output is.

    Errors: InputError, MissingTransition, StepLimit.
    """
    return sum(1 for _ in _advance(machine, *_start(machine, word), max_steps))


def configurations(
    machine: TuringMachine, word: str, max_steps: int = DEFAULT_MAX_STEPS, since: int = 0
) -> Iterator[Configuration]:
    """The configurations of the run on ``word``, from step ``since`` to the halting one, each when it is asked for.

    Errors, raised when the run gets there: InputError, MissingTransition, StepLimit.

    >>> from exactformer.constructions.machines.library import load_machine
    >>> for each in configurations(load_machine("rewrite"), "1"):
    ...     print(each.step, each.state, each.heads, each.tapes)
    0 sweep (0, 0) (('1',), ('_',))
    1 sweep (1, 0) (('1', '_'), ('1',))
    2 done (1, 0) (('1', '1'), ('_',))
    """
    tapes, heads = _start(machine, word)
    if since == 0:
        yield Configuration(0, machine.initial, tuple(heads), tuple(map(tuple, tapes)))
    for step, action in enumerate(_advance(machine, tapes, heads, max_steps), start=1):
        if step >= since:
            yield Configuration(step, action.state, tuple(heads), tuple(map(tuple, tapes)))


def output_word(machine: TuringMachine, tape: Sequence[str]) -> str:
    """The output on ``tape`` (cells of tape 1 from 0): trailing blanks removed, a word over Sigma.

    Errors: OutputError, naming the first cell at fault.
    """
    length = len(tape)
    while length > 0 and tape[length - 1] == machine.blank:
        length -= 1
    for cell, symbol in enumerate(tape[:length]):
        if symbol not in machine.input_alphabet:
            raise OutputError(machine, cell, symbol)
    return "".join(tape[:length])


def _start(machine: TuringMachine, word: str) -> tuple[list[list[str]], list[int]]:
    """The tapes and heads before the first step; every tape has the cell under its head."""
    for position, symbol in enumerate(word):
        if symbol not in machine.input_alphabet:
            raise InputError(machine, word, position)
    tapes = [list(word) or [machine.blank], *([machine.blank] for _ in range(machine.tapes - 1))]
    return tapes, [0] * machine.tapes


def _advance(machine: TuringMachine, tapes: list[list[str]], heads: list[int], max_steps: int) -> Iterator[Action]:
    """Take the steps one by one, changing ``tapes`` and ``heads`` in place, and yield what each did."""
    look_up, halting, blank = machine.transitions.get, machine.halting, machine.blank
    left, right = Move.LEFT, Move.RIGHT
    state, every_tape = machine.initial, range(machine.tapes)
    for step in range(max_steps):
        symbols = tuple([tapes[k][heads[k]] for k in every_tape])
        action = look_up((state, symbols))
        if action is None:
            raise MissingTransition(machine, step, state, symbols)
        written, moves = action.written, action.moves
        for k in every_tape:
            tape, head, move = tapes[k], heads[k], moves[k]
            tape[head] = written[k]
            if move is right:
                heads[k] = head + 1
                if head + 1 == len(tape):
                    tape.append(blank)
            elif move is left and head > 0:
                heads[k] = head - 1
        yield action
        state = action.state
        if state == halting:
            return
    raise StepLimit(machine, max_steps)
