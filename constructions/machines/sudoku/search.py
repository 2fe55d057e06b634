"""Depth-first search for the solution of a Sudoku, line by line.

Broesamle and Eckstein 2026 (arXiv 2605.18079) train transformers on traces of this search; the machines of this folder
do the same search.

Words: a *cell* is numbered from 0, row by row.  A *puzzle* is a word with one character for each cell, a digit or `.`
for a cell that is empty.  The *candidates* of an empty cell are the digits that its row, its column and its box do not
have yet.  A *line* is one decision of the search: a cell with the candidates that have not failed there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

EMPTY = "."
DIGITS = "123456789"


@dataclass(frozen=True)
class Boxes:
    """The shape of a Sudoku: each box has ``rows`` rows and ``columns`` columns; the grid has rows * columns of both.

    >>> Boxes(3, 3).side, Boxes(2, 3).digits, Boxes(2, 2).units[5]
    (9, '123456', (1, 1, 0))
    """

    rows: int
    columns: int

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1 or self.side > len(DIGITS):
            raise ValueError(
                f"Boxes of {self.rows} x {self.columns} cells have no Sudoku: give at least 1 x 1, and at most "
                f"{len(DIGITS)} cells in all"
            )

    @property
    def side(self) -> int:
        return self.rows * self.columns

    @property
    def cells(self) -> int:
        return self.side**2

    @property
    def digits(self) -> str:
        return DIGITS[: self.side]

    @cached_property
    def units(self) -> tuple[tuple[int, int, int], ...]:
        """The row, column and box of each cell; boxes are numbered row by row, too."""
        places = [divmod(cell, self.side) for cell in range(self.cells)]
        return tuple((r, c, r // self.rows * self.rows + c // self.columns) for r, c in places)

    def is_puzzle(self, word: str) -> bool:
        return len(word) == self.cells and set(word) <= set(self.digits + EMPTY)


@dataclass(frozen=True)
class Line:
    """``candidates`` are left to be tried at ``cell``, the first of them now; without any, the branch has failed."""

    cell: int
    candidates: str


class Grid:
    """A grid that is being filled: where each digit is, and which digits each row, column and box has."""

    def __init__(self, boxes: Boxes) -> None:
        self.boxes = boxes
        self.symbols = [EMPTY] * boxes.cells
        self._used: tuple[list[set[str]], ...] = tuple([set() for _ in range(boxes.side)] for _ in range(3))

    def candidates(self, cell: int) -> str:
        used = [kind[unit] for kind, unit in zip(self._used, self.boxes.units[cell], strict=True)]
        return "".join(digit for digit in self.boxes.digits if not any(digit in each for each in used))

    def write(self, cell: int, digit: str) -> None:
        self.symbols[cell] = digit
        for kind, unit in zip(self._used, self.boxes.units[cell], strict=True):
            kind[unit].add(digit)

    def erase(self, cell: int) -> None:
        for kind, unit in zip(self._used, self.boxes.units[cell], strict=True):
            kind[unit].discard(self.symbols[cell])
        self.symbols[cell] = EMPTY

    def most_constrained(self) -> tuple[int, str] | None:
        """The first of the empty cells with the fewest candidates, and its candidates; None if no cell is empty."""
        found = None
        for cell, symbol in enumerate(self.symbols):
            if symbol == EMPTY:
                candidates = self.candidates(cell)
                if found is None or len(candidates) < len(found[1]):
                    found = cell, candidates
        return found


@dataclass
class Search:
    """The search on one puzzle: iterate over its lines; then ``solution`` is the solved grid, or None if there is none.

    Next is the first of the empty cells with the fewest candidates; its digits are tried in ascending order.  When a
    digit has failed and others remain, the cell has another line, with the rest.

    >>> search = Search(Boxes(2, 2), "1...34..4..2...3")
    >>> [(line.cell, line.candidates) for line in search][:3], search.solution
    ([(1, '2'), (3, '4'), (2, '3')], '1234342143122143')
    """

    boxes: Boxes
    puzzle: str
    solution: str | None = None

    def __iter__(self) -> Iterator[Line]:
        """Errors: ValueError if the puzzle does not have this shape."""
        if not self.boxes.is_puzzle(self.puzzle):
            raise ValueError(
                f"{self.puzzle!r} is not a puzzle of {self.boxes.side} x {self.boxes.side} cells: "
                f"give {self.boxes.cells} characters, each one of {self.boxes.digits + EMPTY}"
            )
        grid = Grid(self.boxes)
        for cell, symbol in enumerate(self.puzzle):
            if symbol != EMPTY:
                if symbol not in grid.candidates(cell):
                    return
                grid.write(cell, symbol)
        open_lines: list[Line] = []
        while found := grid.most_constrained():
            line = Line(*found)
            yield line
            while not line.candidates:
                if not open_lines:
                    return
                failed = open_lines.pop()
                grid.erase(failed.cell)
                line = Line(failed.cell, failed.candidates[1:])
                if line.candidates:
                    yield line
            grid.write(line.cell, line.candidates[0])
            open_lines.append(line)
        self.solution = "".join(grid.symbols)


def solve(boxes: Boxes, puzzle: str) -> str | None:
    """The first solution that the search finds, or None if there is none."""
    search = Search(boxes, puzzle)
    for _ in search:
        pass
    return search.solution
