"""Folding: a two-way machine as a one-way `TuringMachine` that takes the same steps, one for one.

The tape is folded at square 0: cell 0, the *home cell*, holds square 0 alone, and cell c >= 1 the squares c and
-c, on its *right* and its *left* track.

    square  ... -3 -2 -1  0  1  2  3 ...             cell   0  1  2  3 ...
                                                     right  0  1  2  3
                                                     left     -1 -2 -3

* Symbols.  The home cell holds a digit, the symbol of square 0.  No other cell does, so the machine recognises the
  home cell by it.  A cell c >= 1 holds a letter, which stands for the pair of its two symbols.  The blank ``_``
  is in cells that the head never left, and is read as two blank squares.
* States.  Besides ``start`` and ``halt`` there are ``A+``, ``A-``, ``B+``, ...: the letter is the two-way
  machine's state, the sign says on which track the head is.  On the home cell either sign will do.  On the
  left track, the moves L and R change places; from the home cell both go right, and set the sign.
* The first step, from ``start``, is the only one that can find the home cell blank; it leaves a digit there.
* A step into ``halt`` forgets the sign, and nothing else.

Every step writes a digit or a letter, and a head moves one cell at a time.  So the cells up to the last one left are
never blank again, and the head's own cell is blank only if it is the last: the output of *every* halting run is a word
over the input alphabet, which has all digits and letters.  Thus an input is a folded tape, `fold_tape`, and every
content of finitely many squares is one (the empty word is the blank tape): "for every input" means "for every starting
tape".  A word that starts with a letter is not a folded tape, and the run from it gets stuck at once.  A word with a
digit further in is not one either, and what the machine does with it is not a run of the two-way machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import Final

from exactformer.constructions.machines.busy_beaver import read_busy_beaver
from exactformer.constructions.machines.folded_rows import SIGNS, STOPPED, CellNames, home_view, rows, rows_of, views
from exactformer.constructions.machines.machine import Action, MachineError, TuringMachine
from exactformer.constructions.machines.text import MachineTextError
from exactformer.constructions.machines.two_way import BLANK, HALT, Squares, TwoWayMachine

START: Final = "start"
NEVER_LEFT: Final = "_"
"""The blank of the one-way machine."""

_PREFIX: Final = "folded-"

# 10 symbols have 100 pairs: 52 letters of ASCII, and the first 48 of Latin Extended-A.
_LETTERS: Final = ascii_letters + "".join(map(chr, range(0x100, 0x130)))


class FoldingError(MachineError):
    """Cells that are not a folded tape of the machine, or squares that are not a tape of it."""


def fold(machine: TwoWayMachine) -> TuringMachine:
    """The one-way machine, called folded-NAME, that takes the steps of ``machine``.

    >>> folded = fold(read_busy_beaver("1RB1LB_1LA1RZ"))
    >>> folded.name, folded.states, folded.alphabet
    ('folded-1RB1LB_1LA1RZ', ('start', 'A+', 'A-', 'B+', 'B-', 'halt'), ('_', '0', '1', 'a', 'b', 'c', 'd'))
    """
    symbols = machine.symbols
    names = CellNames(NEVER_LEFT, {symbol: symbol for symbol in symbols}, _letters(machine))

    def step(state: str, read: tuple[str, ...]) -> Action:
        entry = machine.entry(state, read[0])
        return Action(STOPPED if entry.state == HALT else entry.state, (entry.written,), (entry.move,))

    first = [home_view(cell, read, names) for cell, read in ((NEVER_LEFT, BLANK), *names.home.items())]
    return TuringMachine(
        name=_PREFIX + machine.name,
        tapes=1,
        states=(START, *(state + sign for state in machine.states for sign in SIGNS), HALT),
        halting=HALT,
        alphabet=(NEVER_LEFT, *symbols, *names.pairs.values()),
        input_alphabet=(*symbols, *names.pairs.values()),
        transitions=dict(
            [
                *rows_of(START, machine.states[0], [first], step, HALT),
                *rows(machine.states, [views(names, symbols, BLANK)], step, HALT),
            ]
        ),
    )


def fold_tape(machine: TwoWayMachine, squares: Squares) -> str:
    """The shortest input of the folded machine that is this tape.

    Errors: FoldingError, when a symbol is not one of the machine.

    >>> fold_tape(read_busy_beaver("1RB1LB_1LA1RZ"), {-2: "1", 1: "1"}), fold_tape(read_busy_beaver("1RA1LA"), {})
    ('0cb', '')
    """
    for square, symbol in squares.items():
        if symbol not in machine.symbols:
            raise FoldingError(f"Square {square} holds {symbol!r}: use the symbols {' '.join(machine.symbols)}.")
    if not squares:
        return ""
    letters, end = _letters(machine), max(map(abs, squares))
    pairs = ((squares.get(cell, BLANK), squares.get(-cell, BLANK)) for cell in range(1, end + 1))
    return squares.get(0, BLANK) + "".join(letters[pair] for pair in pairs)


def unfold_tape(machine: TwoWayMachine, cells: Sequence[str]) -> Squares:
    """The two-way tape that ``cells`` hold: an input or output word of the folded machine, or its tape in between.

    Errors: FoldingError, when they are not a folded tape.

    >>> unfold_tape(read_busy_beaver("1RB1LB_1LA1RZ"), "0cb") == {-2: "1", 1: "1"}
    True
    """
    pairs: dict[str, tuple[str, str]] = {letter: pair for pair, letter in _letters(machine).items()}
    pairs[NEVER_LEFT] = BLANK, BLANK
    squares: dict[int, str] = {}
    for cell, symbol in enumerate(cells):
        if cell == 0 and symbol in (*machine.symbols, NEVER_LEFT):
            squares[0] = BLANK if symbol == NEVER_LEFT else symbol
        elif cell > 0 and symbol in pairs:
            squares[cell], squares[-cell] = pairs[symbol]
        else:
            wanted = "a letter for two symbols" if cell else "a digit"
            raise FoldingError(f"Cell {cell} holds {symbol!r}, which is not {wanted} of {machine.name}.")
    return {square: symbol for square, symbol in squares.items() if symbol != BLANK}


def two_way_machine_of(machine: TuringMachine) -> TwoWayMachine | None:
    """The two-way machine that ``machine`` is the folding of, as its name says; None if it is not a folding.

    A folding's name alone does not make a machine one: its rows have to be those of the folding.
    """
    if not machine.name.startswith(_PREFIX):
        return None
    try:
        two_way = read_busy_beaver(machine.name.removeprefix(_PREFIX))
    except MachineTextError:
        return None
    return two_way if fold(two_way) == machine else None


def _letters(machine: TwoWayMachine) -> dict[tuple[str, str], str]:
    """The letter of each pair (symbol on the right track, symbol on the left track)."""
    pairs = ((right, left) for right in machine.symbols for left in machine.symbols)
    return dict(zip(pairs, _LETTERS, strict=False))
