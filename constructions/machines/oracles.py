"""What the machines of the library should compute, in plain Python: one oracle and one word generator each.

An *oracle* maps a word to the output word, or to None if the word is not a valid input of the machine.  A
*generator* draws a valid word; its ``size`` is the largest length, in symbols, of each number or block in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from exactformer.constructions.machines.sudoku.search import EMPTY, Boxes, solve

Oracle = Callable[[str], str | None]
WordGenerator = Callable[[Random, int], str]


def binary_addition(word: str) -> str | None:
    """The sum, without leading zeros.

    >>> binary_addition("110+101"), binary_addition("00+0"), binary_addition("1+")
    ('1011', '0', None)
    """
    numbers = re.fullmatch(r"([01]+)\+([01]+)", word)
    return format(int(numbers[1], 2) + int(numbers[2], 2), "b") if numbers else None


def binary_multiplication(word: str) -> str | None:
    """The product, without leading zeros.

    >>> binary_multiplication("101*11"), binary_multiplication("00*1")
    ('1111', '0')
    """
    numbers = re.fullmatch(r"([01]+)\*([01]+)", word)
    return format(int(numbers[1], 2) * int(numbers[2], 2), "b") if numbers else None


def increment(word: str) -> str | None:
    """The number plus 1, in the same width unless it overflows.

    >>> increment("0011"), increment("11")
    ('0100', '100')
    """
    return format(int(word, 2) + 1, f"0{len(word)}b") if re.fullmatch("[01]+", word) else None


def binary_counter(word: str) -> str | None:
    """2^n for any n bits."""
    return "1" + "0" * len(word) if re.fullmatch("[01]+", word) else None


def unary_doubling(word: str) -> str | None:
    return word + word if re.fullmatch("1*", word) else None


def palindrome(word: str) -> str | None:
    return _answer(word == word[::-1]) if re.fullmatch("[01]*", word) else None


def balanced_brackets(word: str) -> str | None:
    if not re.fullmatch("[()]*", word):
        return None
    depths = [word[:length].count("(") - word[:length].count(")") for length in range(len(word) + 1)]
    return _answer(min(depths) == 0 == depths[-1])


def copy(word: str) -> str | None:
    return f"{word}#{word}" if re.fullmatch("[01]*", word) else None


def reverse(word: str) -> str | None:
    return word[::-1] if re.fullmatch("[ab]*", word) else None


def bit_sort(word: str) -> str | None:
    return "".join(sorted(word)) if re.fullmatch("[01]*", word) else None


def rewrite(word: str) -> str | None:
    return word + "1" * (len(word) % 2) if re.fullmatch("1*", word) else None


def unary_to_binary(word: str) -> str | None:
    return format(len(word), "b") if re.fullmatch("1*", word) else None


def three_equal_blocks(word: str) -> str | None:
    n = len(word) // 3
    return _answer(word == "a" * n + "b" * n + "c" * n) if re.fullmatch("[abc]*", word) else None


def words_over(letters: str, shortest: int = 0) -> WordGenerator:
    """Words of uniform length from ``shortest`` to the size, with uniform letters."""
    return lambda rng, size: _word(rng, letters, shortest, size)


def pairs_of_bits(between: str) -> WordGenerator:
    """Two binary numbers of at least one bit with ``between`` between them."""
    return lambda rng, size: _word(rng, "01", 1, size) + between + _word(rng, "01", 1, size)


def palindrome_words(rng: Random, size: int) -> str:
    """A palindrome half of the time, else any word."""
    half = _word(rng, "01", 0, size // 2)
    word = half + half[::-1] if rng.random() < 0.5 else half + half[::-1][1:]
    return word if rng.random() < 0.5 else _word(rng, "01", 0, size)


def bracket_words(rng: Random, size: int) -> str:
    """A balanced word half of the time, else any word."""
    if rng.random() < 0.5:
        return _word(rng, "()", 0, size)
    word, depth = "", 0
    for left in range(2 * rng.randint(0, size // 2), 0, -1):
        opens = depth == 0 or (depth < left and rng.random() < 0.5)
        word, depth = word + ")("[opens], depth + (1 if opens else -1)
    return word


def block_words(rng: Random, size: int) -> str:
    """Three equal blocks a third of the time, three blocks a third of the time, else any word."""
    if rng.random() < 1 / 3:
        return _word(rng, "abc", 0, size)
    n = rng.randint(0, size)
    a, b, c = (n, n, n) if rng.random() < 0.5 else (n, rng.randint(0, size), rng.randint(0, size))
    return "a" * a + "b" * b + "c" * c


def sudoku(boxes: Boxes) -> Oracle:
    """The first solution that a depth-first search finds, or `!`.

    >>> sudoku(Boxes(2, 2))("1...34..4..2...3"), sudoku(Boxes(2, 2))("11.............."), sudoku(Boxes(2, 2))("12")
    ('1234342143122143', '!', None)
    """
    return lambda word: (solve(boxes, word) or "!") if boxes.is_puzzle(word) else None


def puzzles(boxes: Boxes) -> WordGenerator:
    """A solved grid with up to half of its cells emptied, row by row; in a third of the grids one digit is wrong."""

    def shuffled(rng: Random, groups: int, each: int) -> list[int]:
        """Rows, or columns: groups in any order, and those of each group."""
        order = [rng.sample(range(each), each) for _ in range(groups)]
        return [group * each + one for group in rng.sample(range(groups), groups) for one in order[group]]

    def draw(rng: Random, size: int) -> str:
        digits = rng.sample(boxes.digits, boxes.side)
        rows = shuffled(rng, boxes.columns, boxes.rows)
        columns = shuffled(rng, boxes.rows, boxes.columns)
        # Each row is the one before, shifted by a box; each band begins with one more shift.
        grid = [digits[(r * boxes.columns + r // boxes.rows + c) % boxes.side] for r in rows for c in columns]
        if rng.random() < 1 / 3:
            grid[rng.randrange(boxes.cells)] = rng.choice(digits)
        for cell in rng.sample(range(boxes.cells), rng.randint(0, min(boxes.cells, size * boxes.side // 2))):
            grid[cell] = EMPTY
        return "".join(grid)

    return draw


def _word(rng: Random, letters: str, shortest: int, longest: int) -> str:
    return "".join(rng.choices(letters, k=rng.randint(shortest, max(shortest, longest))))


def _answer(yes: bool) -> str:
    return "1" if yes else "0"
