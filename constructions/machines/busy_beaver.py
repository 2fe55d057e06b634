"""The standard text format of busy beavers: ``1RB1LC_1RC1RB_1RD0LE_1LA1LD_1RZ0LA``, described in README.md.

States are separated by ``_``; each has one *entry* for every symbol, of three characters: the symbol written,
``L`` or ``R``, the next state; or ``---`` if it is undefined.
"""

from __future__ import annotations

import re
from itertools import accumulate
from string import ascii_uppercase, digits
from typing import Final, NoReturn

from exactformer.constructions.machines.machine import Move
from exactformer.constructions.machines.text import MachineTextError
from exactformer.constructions.machines.two_way import HALT, Entry, TwoWayMachine

UNDEFINED: Final = "---"
HALTING_LETTERS: Final = "HZ"
"""Either means halting, unless the machine has so many states that it is one of them."""


def looks_like_busy_beaver(text: str) -> bool:
    """Whether ``text`` is meant as one, right or wrong, and not as a file's name or another format.

    >>> looks_like_busy_beaver("1RB1LB_1LA1RQ"), looks_like_busy_beaver("1RB1LB.yaml")
    (True, False)
    """
    return re.fullmatch(r"[-_]*[0-9][LR][A-Z][^./]*", text) is not None


def read_busy_beaver(text: str, source: str | None = None) -> TwoWayMachine:
    """The machine that ``text`` describes, which is also its name; ``source`` is what errors call the text.

    Errors: MachineTextError, whose message starts with "source:1:column: ".

    >>> machine = read_busy_beaver("1RB1LB_1LA1RZ")
    >>> machine.entry("B", "1")
    Entry(written='1', move=<Move.RIGHT: 'R'>, state='halt')
    """
    return _Reader(text, source or text).machine()


class _Reader:
    """One text being read; every method that finds a fault raises MachineTextError at its column."""

    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source

    def machine(self) -> TwoWayMachine:
        rows = self.rows()
        states, symbols = ascii_uppercase[: len(rows)], digits[: len(rows[0]) // 3]
        ends = accumulate(len(row) + 1 for row in rows)
        return TwoWayMachine(
            self.text,
            tuple(
                tuple(
                    self.entry(end - len(row) - 1 + 3 * index, states, symbols, f"state {state} on {symbol}")
                    for index, symbol in enumerate(symbols)
                )
                for state, row, end in zip(states, rows, ends, strict=True)
            ),
        )

    def rows(self) -> list[str]:
        """The text of each state, of three characters for each symbol."""
        if space := re.search(r"\s", self.text):
            self.fail(space.start(), "there is a space or line end: write the states in one line, with '_' between.")
        rows = self.text.split("_")
        symbols = len(rows[0]) // 3
        column = 0
        for number, row in enumerate(rows):
            if number == len(ascii_uppercase):
                self.fail(column, f"there are {len(rows)} states: a text can name 26, A to Z.")
            state = ascii_uppercase[number]
            if not row:
                self.fail(column, f"state {state} has no entries: write them, or remove a '_'.")
            if len(row) % 3:
                self.fail(column, f"{row!r} of state {state} is not made of entries of three characters, as in 1RB.")
            if not 2 <= len(row) // 3 <= len(digits):
                self.fail(column, f"state {state} has {len(row) // 3} entries: give one for each of 2 to 10 symbols.")
            if len(row) != 3 * symbols:
                self.fail(
                    column,
                    f"state {state} has {len(row) // 3} entries and state A has {symbols}: "
                    "give each state one entry for each symbol.",
                )
            column += len(row) + 1
        return rows

    def entry(self, start: int, states: str, symbols: str, where: str) -> Entry | None:
        entry = self.text[start : start + 3]
        if entry == UNDEFINED:
            return None
        written, move, state = entry[0], entry[1], entry[2]
        if written not in symbols:
            self.fail(
                start,
                f"{entry!r}, {where}, writes {written!r}: use one of the symbols {' '.join(symbols)}, or "
                f"{UNDEFINED} for an undefined entry.",
            )
        if move not in "LR":
            self.fail(start + 1, f"{entry!r}, {where}, moves {move!r}: use L or R.")
        if state not in states + HALTING_LETTERS:
            self.fail(
                start + 2,
                f"{entry!r}, {where}, goes to {state!r}: use one of the states {' '.join(states)}, or Z to halt.",
            )
        return Entry(written, Move(move), state if state in states else HALT)

    def fail(self, start: int, reason: str) -> NoReturn:
        raise MachineTextError(self.source, 1, start + 1, reason)
