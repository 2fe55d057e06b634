"""Turns a machine with one-way tapes into one with two-way tapes, for formats that have no others.

In cell 0 of a one-way tape, moving left stays.  The two-way machine has a *marked* symbol for each symbol, which occurs
only there: its first step marks square 0 of every tape, and when it reads a mark, a move to the left becomes none.
Then it takes the same steps, one for one.  A machine that never moves left needs no marks, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from exactformer.constructions.machines.formats.renaming import letters
from exactformer.constructions.machines.formats.tape_machine import TapeMachine
from exactformer.constructions.machines.machine import Action, Move, Situation


def with_two_way_tapes(machine: TapeMachine) -> TapeMachine:
    """The two-way machine.

    >>> left = TapeMachine("left", 1, ("go",), ("_", "1"), ("1",), {("go", ("1",)): Action("go", ("1",), (Move.LEFT,))},
    ...                    {}, two_way=False)
    >>> for situation, action in with_two_way_tapes(left).transitions.items():
    ...     print(*situation, action.state, action.written, *(move.value for move in action.moves))
    first ('1',) go ('b',) S
    go ('1',) go ('1',) L
    go ('b',) go ('b',) S
    """
    if not any(Move.LEFT in action.moves for action in machine.transitions.values()):
        return replace(machine, two_way=True)
    marked = marks(machine)
    first = next(name for name in _names("first") if name not in machine.states)
    return replace(
        machine,
        states=(first, *machine.states),
        symbols=(*machine.symbols, *marked.values()),
        transitions=dict([*_first_rows(machine, marked, first), *_rows(machine, marked)]),
        two_way=True,
    )


def marks(machine: TapeMachine) -> dict[str, str]:
    """The name of each symbol in square 0: a letter that is not a symbol."""
    free = (letter for letter in letters() if letter not in machine.symbols)
    return dict(zip(machine.symbols, free, strict=False))


def _names(wanted: str) -> Iterator[str]:
    yield wanted
    yield from (f"{wanted}{number}" for number in range(2, 1 << 20))


def _first_rows(machine: TapeMachine, marked: dict[str, str], first: str) -> Iterator[tuple[Situation, Action]]:
    """The first step: nothing is marked yet, and every head is in square 0."""
    for (state, read), action in machine.transitions.items():
        if state == machine.initial and all(symbol == machine.blank for symbol in read[1:]):
            yield (first, read), _in_square_0(action, (True,) * machine.tapes, marked)


def _rows(machine: TapeMachine, marked: dict[str, str]) -> Iterator[tuple[Situation, Action]]:
    """The other steps, with each head in square 0 or not."""
    for (state, read), action in machine.transitions.items():
        for there in product((False, True), repeat=machine.tapes):
            seen = tuple(marked[symbol] if at else symbol for symbol, at in zip(read, there, strict=True))
            yield (state, seen), _in_square_0(action, there, marked)


def _in_square_0(action: Action, there: tuple[bool, ...], marked: dict[str, str]) -> Action:
    written = tuple(marked[symbol] if at else symbol for symbol, at in zip(action.written, there, strict=True))
    moves = tuple(Move.STAY if at and move is Move.LEFT else move for move, at in zip(action.moves, there, strict=True))
    return Action(action.state, written, moves)
