"""Puzzles have one solution and depend on the seed alone; files of puzzles are read, or refused with one sentence."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactformer.constructions.machines.sudoku.search import EMPTY, Boxes, solve
from experiments.sudoku.puzzles import (
    PuzzleError,
    dig,
    fresh,
    graded,
    nearest,
    puzzles,
    read_puzzles,
    solutions,
    spread,
    variant,
)

SHAPES = st.sampled_from((Boxes(2, 2), Boxes(1, 5), Boxes(2, 3), Boxes(3, 2)))
FOUR = Boxes(2, 2)
NINE = Boxes(3, 3)
WELL_KNOWN = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"


@given(SHAPES, st.integers(0, 10**9))
def test_puzzles_and_their_variants_have_one_solution(boxes: Boxes, seed: int) -> None:
    rng = random.Random(seed)
    givens = fresh(boxes, rng)
    (solution,) = solutions(boxes, givens, 2)
    assert solve(boxes, givens) == solution
    other = variant(boxes, givens, rng)
    assert len(solutions(boxes, other, 2)) == 1
    assert other.count(EMPTY) == givens.count(EMPTY)


def test_no_clue_of_a_puzzle_that_is_dug_to_the_end_can_be_left_out() -> None:
    (solution,) = solutions(FOUR, EMPTY * 16, 1, random.Random(1))
    givens = dig(FOUR, solution, random.Random(1), 0)
    clues = [cell for cell, symbol in enumerate(givens) if symbol != EMPTY]
    assert clues
    for cell in clues:
        assert len(solutions(FOUR, givens[:cell] + EMPTY + givens[cell + 1 :], 2)) == 2


def test_solutions_are_counted_up_to_the_limit() -> None:
    assert len(solutions(FOUR, EMPTY * 16, 5)) == 5
    assert solutions(FOUR, "11" + EMPTY * 14, 5) == []
    assert len(solutions(NINE, WELL_KNOWN, 2)) == 1


def test_the_same_seed_gives_the_same_puzzles() -> None:
    def some(seed: int) -> list[str]:
        return [puzzle.givens for puzzle in islice(puzzles(FOUR, random.Random(seed)), 20)]

    assert some(1) == some(1) != some(2)


def test_puzzles_are_spread_over_the_lengths_that_are_asked_for() -> None:
    found = spread(puzzles(Boxes(1, 5), random.Random(1)), (8, 16, 32, 64), 5, frozenset())
    assert Counter(nearest((8, 16, 32, 64), each.chain_length) for each in found) == dict.fromkeys((8, 16, 32, 64), 5)
    assert len({each.givens for each in found}) == 20
    excluded = frozenset(each.givens for each in found)
    others = spread(puzzles(Boxes(1, 5), random.Random(1)), (8, 16, 32, 64), 5, excluded)
    assert excluded.isdisjoint(each.givens for each in others)


def test_a_puzzle_that_comes_again_is_not_taken_again() -> None:
    (solution,) = solutions(FOUR, EMPTY * 16, 1)
    one, other = (graded(FOUR, dig(FOUR, solution, random.Random(seed), 12)) for seed in (1, 2))
    assert one.chain_length == other.chain_length == 8
    assert spread([one, one, other], (8,), 2, frozenset()) == [one, other]


def test_too_few_puzzles_of_a_length_are_an_error() -> None:
    with pytest.raises(PuzzleError, match="too few puzzles by chain length: 1 near 500 tokens are missing"):
        spread(islice(puzzles(FOUR, random.Random(1)), 50), (500,), 1, frozenset())


def test_a_puzzle_without_solution_has_no_grade() -> None:
    with pytest.raises(PuzzleError, match="has no solution"):
        graded(FOUR, "11" + EMPTY * 14)


def written(folder: Path, text: str) -> Path:
    path = folder / "puzzles.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_files_of_puzzles_are_read(tmp_path: Path) -> None:
    zeros = WELL_KNOWN.replace(".", "0")
    path = written(tmp_path, f"# from a newspaper\n\n{WELL_KNOWN}  # easy\n{zeros}\n")
    assert read_puzzles(path, NINE) == [WELL_KNOWN, WELL_KNOWN]
    path = written(tmp_path, f"quizzes,solutions\n{zeros},{solve(NINE, WELL_KNOWN)}\n")
    assert read_puzzles(path, NINE) == [WELL_KNOWN]


REFUSED = {
    "an empty file": ("", "has no puzzle"),
    "comments alone": ("# nothing\n", "has no puzzle"),
    "a header alone": ("quizzes,solutions\n", "has no puzzle"),
    "a line that is too short": ("1234\n", "line 1: '1234' is not a puzzle of 4 x 4 cells; give 16 characters"),
    "a digit that is too large": ("5" + 15 * ".", "each a digit from 1 to 4"),
    "two equal digits in a row": ("# one\n11" + 14 * ".", "line 2: the puzzle has no solution"),
    "an empty grid": (16 * "0", "line 1: the puzzle has more than one solution"),
    "another solution": (
        "quizzes,solutions\n1234341221434..1,1234341221434231\n",
        "line 2: the solution is 1234341221434321, not '1234341221434231'",
    ),
    "no UTF-8": ("\xff", "is not a text"),
}


@pytest.mark.parametrize("title", REFUSED)
def test_a_file_that_cannot_be_used_is_refused(title: str, tmp_path: Path) -> None:
    text, message = REFUSED[title]
    path = tmp_path / "puzzles.txt"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(PuzzleError, match=message) as caught:
        read_puzzles(path, FOUR)
    assert "\n" not in str(caught.value)
