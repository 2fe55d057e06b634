"""Two-way machines of the busy beaver literature: one tape, infinite in both directions.

Words: a *square* is a place of the two-way tape, ..., -1, 0, 1, ...; a *cell* is always one of a one-way tape.
The head starts on square 0, in state A.  The states are the letters A, B, ..., and the symbols the digits
0, 1, ..., of which 0 is the blank.

An *undefined* entry is where the machine stops.  Stopping there counts as a step, which leaves the square and
the head as they are: so every run that halts does it in a step, and ``1RZ`` and ``---`` in one place give
runs of the same length, as usually counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import ascii_uppercase, digits
from typing import Final

from exactformer.constructions.machines.machine import IllFormedMachineError, Move

HALT: Final = "halt"
"""The state in which a machine has halted; it is not one of the letters."""

BLANK: Final = digits[0]

Squares = Mapping[int, str]
"""The content of a two-way tape: the symbols of the squares that are not blank."""


@dataclass(frozen=True)
class Entry:
    """One entry of the transition function: the symbol written, the move, and the next state or HALT."""

    written: str
    move: Move
    state: str


Table = tuple[tuple[Entry | None, ...], ...]
"""A row for each state, with an entry for each symbol read, or None if it is undefined."""


@dataclass(frozen=True)
class TwoWayMachine:
    """A deterministic two-way machine of 1 to 26 states and 2 to 10 symbols; the first state is the initial one.

    Making one that is not well formed raises IllFormedMachineError.

    >>> machine = TwoWayMachine("once", ((Entry("1", Move.LEFT, HALT), None),))
    >>> machine.states, machine.symbols
    (('A',), ('0', '1'))
    >>> machine.entry("A", "1")
    Entry(written='1', move=<Move.STAY: 'S'>, state='halt')
    """

    name: str
    table: Table

    def __post_init__(self) -> None:
        _validate(self)

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(ascii_uppercase[: len(self.table)])

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(digits[: len(self.table[0])])

    def entry(self, state: str, symbol: str) -> Entry:
        """What the machine does in ``state`` on ``symbol``; if that is undefined, it halts and changes nothing."""
        entry = self.table[self.states.index(state)][self.symbols.index(symbol)]
        return entry if entry is not None else Entry(symbol, Move.STAY, HALT)


@dataclass(frozen=True)
class TwoWayConfiguration:
    """A two-way machine between two steps; ``step`` counts the steps taken so far, ``head`` is a square."""

    step: int
    state: str
    head: int
    squares: Squares


def two_way_configurations(machine: TwoWayMachine, squares: Squares) -> Iterator[TwoWayConfiguration]:
    """The configurations of the run from ``squares``, from step 0 to the halting one, each when it is asked for.

    >>> machine = TwoWayMachine("once", ((Entry("1", Move.LEFT, HALT), None),))
    >>> for each in two_way_configurations(machine, {1: "1"}):
    ...     print(each.step, each.state, each.head, each.squares)
    0 A 0 {1: '1'}
    1 halt -1 {1: '1', 0: '1'}
    """
    state, head, tape, step = machine.states[0], 0, dict(squares), 0
    yield TwoWayConfiguration(step, state, head, dict(tape))
    while state != HALT:
        entry = machine.entry(state, tape.pop(head, BLANK))
        if entry.written != BLANK:
            tape[head] = entry.written
        state, head, step = entry.state, head + _SHIFT[entry.move], step + 1
        yield TwoWayConfiguration(step, state, head, dict(tape))


_SHIFT: Final = {Move.LEFT: -1, Move.STAY: 0, Move.RIGHT: 1}


def _validate(machine: TwoWayMachine) -> None:
    sizes = sorted({len(row) for row in machine.table})
    if not 1 <= len(machine.table) <= len(ascii_uppercase):
        raise IllFormedMachineError(f"{machine.name} has {len(machine.table)} states: make them 1 to 26.", "table")
    if len(sizes) > 1 or not 2 <= sizes[0] <= len(digits):
        given = " or ".join(map(str, sizes))
        raise IllFormedMachineError(
            f"A state of {machine.name} has {given} entries: give each one entry for each of 2 to 10 symbols.", "table"
        )
    for state, row in zip(machine.states, machine.table, strict=True):
        for symbol, entry in zip(machine.symbols, row, strict=True):
            if entry is None:
                continue
            if entry.written not in machine.symbols or entry.state not in (*machine.states, HALT):
                raise IllFormedMachineError(
                    f"In state {state} on {symbol}, {machine.name} writes {entry.written!r} and goes to "
                    f"{entry.state!r}: use {' '.join(machine.symbols)}, and {' '.join(machine.states)} {HALT}.",
                    "table",
                )
