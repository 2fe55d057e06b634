"""Sudoku puzzles: made from a seed, graded by the length of their chain of thought, or read from a file.

Words: a *puzzle* has exactly one solution.  Its *chain length* is the number of tokens of the trace of its search
(`tokens.trace_length`).  A *variant* of a puzzle has its digits renamed and its rows and columns permuted so that boxes
stay boxes; it is as valid as the puzzle, but the search takes another way through it, so its chain length differs.
"""

from __future__ import annotations

import csv
import heapq
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from exactformer.constructions.machines.sudoku.search import DIGITS, EMPTY, Boxes, Search
from experiments.sudoku.tokens import trace_length

NEAR = 2**0.25
"""A puzzle belongs to a chain length if its own differs from it by no larger factor."""
HARDEST = 64
"""This many of the hardest puzzles found so far are kept, to look for hard ones among their variants."""


class PuzzleError(ValueError):
    """A file of puzzles that cannot be read, or puzzles that cannot be made."""


@dataclass(frozen=True)
class Puzzle:
    """``givens`` and ``solution`` have one character for each cell, row by row; in givens, `.` is an empty cell."""

    givens: str
    solution: str
    chain_length: int


def graded(boxes: Boxes, givens: str) -> Puzzle:
    """The puzzle with its solution and chain length.

    Errors: PuzzleError if it has no solution; whether it has more than one is not asked.

    >>> graded(Boxes(2, 2), "1...34..4..2...3")
    Puzzle(givens='1...34..4..2...3', solution='1234342143122143', chain_length=20)
    """
    search = Search(boxes, givens)
    length = trace_length(search)
    if search.solution is None:
        raise PuzzleError(f"the puzzle {givens} has no solution")
    return Puzzle(givens, search.solution, length)


def solutions(boxes: Boxes, givens: Sequence[str], limit: int, shuffle: random.Random | None = None) -> list[str]:
    """Up to ``limit`` solutions, the first ones in ascending order of digits, or in random order with ``shuffle``.

    Digits are bits of masks here: most of the work of making a puzzle is to find out whether it has one solution.

    >>> len(solutions(Boxes(2, 2), "................", 1000))
    288
    """
    side, units = boxes.side, boxes.units
    rows, columns, blocks = used = [[0] * side for _ in range(3)]
    symbols = list(givens)
    for cell, symbol in enumerate(symbols):
        if symbol != EMPTY:
            bit = 1 << boxes.digits.index(symbol)
            for kind, unit in zip(used, units[cell], strict=True):
                if kind[unit] & bit:
                    return []
                kind[unit] |= bit
    empty = [cell for cell, symbol in enumerate(symbols) if symbol == EMPTY]
    found: list[str] = []

    def extend() -> None:
        best, best_count, best_free = -1, side + 1, 0
        for cell in empty:
            if symbols[cell] == EMPTY:
                row, column, block = units[cell]
                free = ~(rows[row] | columns[column] | blocks[block]) & ((1 << side) - 1)
                if (count := free.bit_count()) < best_count:
                    best, best_count, best_free = cell, count, free
                    if count < 2:
                        break
        if best < 0:
            found.append("".join(symbols))
            return
        row, column, block = units[best]
        digits = [digit for digit in range(side) if best_free >> digit & 1]
        if shuffle is not None:
            shuffle.shuffle(digits)
        for digit in digits:
            bit = 1 << digit
            rows[row], columns[column], blocks[block] = rows[row] ^ bit, columns[column] ^ bit, blocks[block] ^ bit
            symbols[best] = DIGITS[digit]
            extend()
            symbols[best] = EMPTY
            rows[row], columns[column], blocks[block] = rows[row] ^ bit, columns[column] ^ bit, blocks[block] ^ bit
            if len(found) >= limit:
                return

    extend()
    return found


def dig(boxes: Boxes, solution: str, rng: random.Random, clues: int) -> str:
    """Givens with this one solution: cells emptied in random order, until ``clues`` are left or none can be emptied."""
    symbols, left = list(solution), boxes.cells
    for cell in rng.sample(range(boxes.cells), boxes.cells):
        if left <= clues:
            break
        symbol, symbols[cell] = symbols[cell], EMPTY
        if len(solutions(boxes, symbols, 2)) == 1:
            left -= 1
        else:
            symbols[cell] = symbol
    return "".join(symbols)


def fresh(boxes: Boxes, rng: random.Random) -> str:
    """The givens of a puzzle: half of the time no clue can be left out, else a random share of the cells is empty."""
    (solution,) = solutions(boxes, EMPTY * boxes.cells, 1, rng)
    return dig(boxes, solution, rng, rng.choice((0, rng.randrange(boxes.cells))))


def variant(boxes: Boxes, givens: str, rng: random.Random) -> str:
    """The givens with digits renamed, and rows and columns permuted within and among their bands and stacks."""

    def permuted(size: int) -> list[int]:
        groups = rng.sample(range(boxes.side // size), boxes.side // size)
        return [group * size + line for group in groups for line in rng.sample(range(size), size)]

    rows, columns = permuted(boxes.rows), permuted(boxes.columns)
    renamed = str.maketrans(boxes.digits, "".join(rng.sample(boxes.digits, boxes.side)))
    return "".join(givens[row * boxes.side + column] for row in rows for column in columns).translate(renamed)


def puzzles(boxes: Boxes, rng: random.Random) -> Iterator[Puzzle]:
    """Puzzles without end: fresh ones and variants of the hardest so far in turn, so that chains get longer.

    The same puzzle may come again.
    """
    hardest: list[tuple[int, str]] = []
    while True:
        puzzle = graded(boxes, fresh(boxes, rng))
        yield puzzle
        heapq.heappush(hardest, (puzzle.chain_length, puzzle.givens))
        another = graded(boxes, variant(boxes, rng.choice(hardest)[1], rng))
        yield another
        heapq.heappush(hardest, (another.chain_length, another.givens))
        while len(hardest) > HARDEST:
            heapq.heappop(hardest)


def spread(source: Iterable[Puzzle], lengths: Sequence[float], each: int, excluded: frozenset[str]) -> list[Puzzle]:
    """For each of ``lengths``, ``each`` different puzzles: the first ones from the source that belong to it.

    ``excluded`` are givens that are not taken.

    Errors: PuzzleError if the source ends before all are found.
    """
    wanted = dict.fromkeys(lengths, each)
    taken: dict[str, Puzzle] = {}
    for puzzle in source:
        length = nearest(lengths, puzzle.chain_length)
        if length is not None and wanted[length] and puzzle.givens not in taken and puzzle.givens not in excluded:
            wanted[length] -= 1
            taken[puzzle.givens] = puzzle
            if not any(wanted.values()):
                return list(taken.values())
    missing = ", ".join(f"{count} near {length:.0f}" for length, count in wanted.items() if count)
    raise PuzzleError(f"too few puzzles by chain length: {missing} tokens are missing; ask for shorter or for fewer")


def nearest(lengths: Sequence[float], length: float) -> float | None:
    """The one of ``lengths`` with the smallest ratio to ``length``, None if none is near.

    >>> nearest((64, 91), 70), nearest((64, 91), 80), nearest((64, 91), 120)
    (64, 91, None)
    """
    best = min(lengths, key=lambda each: abs(math.log(each / length)))
    return best if max(best / length, length / best) <= NEAR else None


def read_puzzles(path: Path, boxes: Boxes) -> list[str]:
    """The givens in a file: a line for each puzzle, `0` or `.` for an empty cell, `#` before a comment.

    Or CSV with the header ``quizzes,solutions``; then the solutions are compared.

    Errors: PuzzleError with the line that is at fault; OSError.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise PuzzleError(f"{path} is not a text in UTF-8") from None
    rows: list[tuple[int, list[str]]]
    if lines and lines[0].replace(" ", "").lower() == "quizzes,solutions":
        rows = list(enumerate(csv.reader(lines[1:]), start=2))
    else:
        rows = [(number, [line.split("#")[0].strip()]) for number, line in enumerate(lines, start=1)]
    found = [_givens(f"{path}, line {number}", row, boxes) for number, row in rows if any(row)]
    if not found:
        raise PuzzleError(f"{path} has no puzzle: give a line of {boxes.cells} characters for each")
    return found


def _givens(place: str, row: Sequence[str], boxes: Boxes) -> str:
    """The givens of a row: a puzzle, or a puzzle and what is said to be its solution."""
    givens = row[0].strip().replace("0", EMPTY)
    if not boxes.is_puzzle(givens):
        raise PuzzleError(
            f"{place}: {givens!r} is not a puzzle of {boxes.side} x {boxes.side} cells; give {boxes.cells} characters, "
            f"each a digit from 1 to {boxes.side}, or 0 or . for an empty cell"
        )
    found = solutions(boxes, givens, 2)
    if len(found) != 1:
        raise PuzzleError(f"{place}: the puzzle has {'more than one solution' if found else 'no solution'}")
    if len(row) > 1 and row[1].strip() != found[0]:
        raise PuzzleError(f"{place}: the solution is {found[0]}, not {row[1].strip()!r}")
    return givens
