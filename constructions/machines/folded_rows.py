"""The rows of a folding: what a one-way machine does on folded tapes, for any number of tapes and any names.

Words: a *cell* is one of a folded tape, as `folding` draws it: cell 0, the *home cell*, holds square 0, and cell
c >= 1 the squares c and -c, a *pair* (symbol on the right track, symbol on the left track).  A *sign* says which track
a head is on, and a state of the folding is a state of the two-way machine and a sign for each tape.  In the home cell
either sign will do; from there a move to either side goes right and sets the sign.  On the left track the moves L and R
change places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from exactformer.constructions.machines.machine import Action, Move, Situation

SIGNS: Final = "+-"
"""Right and left."""
MIRRORED: Final = {Move.LEFT: Move.RIGHT, Move.STAY: Move.STAY, Move.RIGHT: Move.LEFT}

STOPPED: Final = " "
"""The target of a step after which the machine stops; no state can have this name."""

Step = Callable[[str, tuple[str, ...]], Action]
"""What a two-way machine does in a state on the symbols read."""


@dataclass(frozen=True)
class CellNames:
    """The names of cells' contents in a folding; no two contents share a name.

    ``blank``: a cell that no head has left, which is two blank squares.
    """

    blank: str
    home: Mapping[str, str]
    pairs: Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class View:
    """A cell as a head with one sign sees it: its name, the symbol read, and what a step makes of it."""

    cell: str
    read: str
    after: Callable[[str, Move], tuple[str, Move, str]]
    """From the symbol written and the move: the cell's new name, the move of the folding, the sign after it."""


def views(names: CellNames, symbols: Sequence[str], blank: str) -> dict[str, list[View]]:
    """All cells of a tape with these symbols, for each sign."""
    home = [home_view(names.home[symbol], symbol, names) for symbol in symbols]
    pairs = [(right, left) for right in symbols for left in symbols]
    cells = [*((names.pairs[pair], pair) for pair in pairs), (names.blank, (blank, blank))]
    right = [_on_the_right(cell, pair, names) for cell, pair in cells]
    left = [_on_the_left(cell, pair, names) for cell, pair in cells]
    return {"+": home + right, "-": home + left}


def home_view(cell: str, read: str, names: CellNames) -> View:
    """The home cell, under any of its names."""

    def after(written: str, move: Move) -> tuple[str, Move, str]:
        onward = Move.STAY if move is Move.STAY else Move.RIGHT
        return names.home[written], onward, "-" if move is Move.LEFT else "+"

    return View(cell, read, after)


def _on_the_right(cell: str, pair: tuple[str, str], names: CellNames) -> View:
    right, left = pair
    return View(cell, right, lambda written, move: (names.pairs[written, left], move, "+"))


def _on_the_left(cell: str, pair: tuple[str, str], names: CellNames) -> View:
    right, left = pair
    return View(cell, left, lambda written, move: (names.pairs[right, written], MIRRORED[move], "-"))


def rows(
    states: Sequence[str], tapes: Sequence[dict[str, list[View]]], step: Step, halt: str
) -> Iterator[tuple[Situation, Action]]:
    """The steps in all states except ``halt``; states are named by the two-way machine's state and the signs."""
    for state in states:
        for signs in product(SIGNS, repeat=len(tapes)):
            of_tapes = [tape[sign] for tape, sign in zip(tapes, signs, strict=True)]
            yield from rows_of(state + "".join(signs), state, of_tapes, step, halt)


def rows_of(
    name: str, state: str, tapes: Sequence[Sequence[View]], step: Step, halt: str
) -> Iterator[tuple[Situation, Action]]:
    """The steps of the state ``name``, in which the two-way machine is in ``state`` and sees one of these."""
    for seen in product(*tapes):
        action = step(state, tuple(view.read for view in seen))
        done = [
            view.after(written, move) for view, written, move in zip(seen, action.written, action.moves, strict=True)
        ]
        signs = "".join(sign for _, _, sign in done)
        following = halt if action.state == STOPPED else action.state + signs
        cells, moves = tuple(cell for cell, _, _ in done), tuple(move for _, move, _ in done)
        yield (name, tuple(view.cell for view in seen)), Action(following, cells, moves)


def number_of_rows(states: int, symbols: Sequence[int]) -> int:
    """How many rows `rows` gives, from the number of symbols of each tape."""
    number = states
    for n in symbols:
        number *= 2 * (n + n * n + 1)
    return number
