"""The Sudoku machines (sudoku/): their texts, what they write, the order of their search and the cells they use."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from functools import cache
from itertools import islice, permutations, product
from random import Random

import pytest

from exactformer.constructions.machines import library
from exactformer.constructions.machines.assembler.assemble import assemble
from exactformer.constructions.machines.assembler.language import ProgramError
from exactformer.constructions.machines.library import LIBRARY
from exactformer.constructions.machines.machine import Situation, TuringMachine
from exactformer.constructions.machines.run import (
    Configuration,
    InputError,
    MissingTransition,
    Run,
    configurations,
    trace,
)
from exactformer.constructions.machines.sudoku import __main__ as write_texts
from exactformer.constructions.machines.sudoku.program import sudoku_program
from exactformer.constructions.machines.sudoku.search import Boxes, Grid, Line, Search, solve

FOUR, NINE = Boxes(2, 2), Boxes(3, 3)
MAX_STEPS = 10_000_000
GOES_BACK = "..4......3....1."
"""A puzzle with a solution, where digits fail."""


@cache
def machine_for(boxes: Boxes) -> TuringMachine:
    """From the library, if it has one; else assembled."""
    name = f"sudoku-{boxes.side}x{boxes.side}"
    return LIBRARY[name].machine if boxes in (FOUR, NINE) else assemble(sudoku_program(boxes))


def run_of(boxes: Boxes, puzzle: str) -> Run:
    return trace(machine_for(boxes), puzzle, MAX_STEPS)


# Search: a second statement of what it does, which shares nothing with it.


def candidates_of(boxes: Boxes, grid: list[str], cell: int) -> str:
    """The digits that no cell of the same row, column or box has."""
    row, column = divmod(cell, boxes.side)
    seen = {
        grid[other]
        for other in range(boxes.side**2)
        for r, c in [divmod(other, boxes.side)]
        if r == row
        or c == column
        or (r // boxes.rows, c // boxes.columns) == (row // boxes.rows, column // boxes.columns)
    }
    return "".join(digit for digit in "123456789"[: boxes.side] if digit not in seen)


def lines_of(boxes: Boxes, grid: list[str]) -> Generator[Line, None, bool]:
    """The empty cell with the fewest candidates, the first of those; its digits in ascending order.

    It is listed with all of them, and after each that has failed with the rest, if there is a rest.  The result is
    whether the grid has been solved.
    """
    empty = [cell for cell, symbol in enumerate(grid) if symbol == "."]
    if not empty:
        return True
    cell = min(empty, key=lambda each: (len(candidates_of(boxes, grid, each)), each))
    candidates = candidates_of(boxes, grid, cell)
    yield Line(cell, candidates)
    for place, digit in enumerate(candidates):
        if place > 0:
            yield Line(cell, candidates[place:])
        grid[cell] = digit
        if (yield from lines_of(boxes, grid)):
            return True
        grid[cell] = "."
    return False


@cache
def all_grids() -> tuple[str, ...]:
    """All solved 4 x 4 grids: rows and columns and boxes have four digits each."""
    rows = ["".join(digits) for digits in permutations("1234")]
    bands = [a + b for a, b in product(rows, rows) if len(set(a[:2] + b[:2])) == len(set(a[2:] + b[2:])) == 4]
    return tuple(
        top + bottom
        for top, bottom in product(bands, bands)
        if all(len({top[c], top[c + 4], bottom[c], bottom[c + 4]}) == 4 for c in range(4))
    )


def drawn_puzzle(rng: Random, boxes: Boxes, givens: int, conflicts: bool = True) -> str:
    """Random digits in random cells; without ``conflicts``, digits that are candidates, so fewer where none is."""
    grid = ["."] * boxes.cells
    for cell in rng.sample(range(boxes.cells), givens):
        choices = boxes.digits if conflicts else candidates_of(boxes, grid, cell)
        grid[cell] = rng.choice(choices) if choices else "."
    return "".join(grid)


def is_short(boxes: Boxes, puzzle: str) -> bool:
    """Whether its search has few lines."""
    return len(list(islice(Search(boxes, puzzle), 400))) < 400


def drawn_grid(rng: Random, empty: int) -> str:
    """A solved 4 x 4 grid, without the digits of some cells."""
    grid = list(rng.choice(all_grids()))
    for cell in rng.sample(range(16), empty):
        grid[cell] = "."
    return "".join(grid)


def completions(puzzle: str) -> list[str]:
    """All solutions of a 4 x 4 puzzle."""
    return [grid for grid in all_grids() if all(p in (".", g) for p, g in zip(puzzle, grid, strict=True))]


def test_there_are_288_grids_and_the_search_sees_them_all() -> None:
    """Counted by trying all candidates of the most constrained cell, and so on for each of them."""

    def count(grid: Grid) -> int:
        found = grid.most_constrained()
        if found is None:
            assert "".join(grid.symbols) in all_grids()
            return 1
        cell, candidates = found
        total = 0
        for digit in candidates:
            grid.write(cell, digit)
            total += count(grid)
            grid.erase(cell)
        return total

    grid = Grid(FOUR)
    assert count(grid) == len(all_grids()) == 288
    assert grid.symbols == ["."] * 16
    assert all(grid.candidates(cell) == "1234" for cell in range(16))


def test_what_is_found_is_a_solution_and_nothing_is_found_only_where_there_is_none() -> None:
    rng, solved = Random(0), 0
    for givens in range(17):
        for _ in range(30):
            puzzle = drawn_puzzle(rng, FOUR, givens, conflicts=rng.random() < 0.2)
            found, solutions = solve(FOUR, puzzle), completions(puzzle)
            assert found in solutions if solutions else found is None, puzzle
            solved += found is not None
    assert 100 < solved < 400


@pytest.mark.parametrize("boxes", [FOUR, Boxes(1, 4), Boxes(4, 1), Boxes(2, 3), Boxes(3, 2), NINE], ids=str)
def test_the_lines_of_the_search_are_those_of_the_statement(boxes: Boxes) -> None:
    rng, failed, again = Random(1), 0, 0
    fewest, most = boxes.cells // 8, boxes.cells // 2
    drawn = [drawn_puzzle(rng, boxes, rng.randint(fewest, most), conflicts=False) for _ in range(90 // boxes.side)]
    for puzzle in [*(puzzle for puzzle in drawn if is_short(boxes, puzzle)), *[GOES_BACK] * (boxes.side == 4)]:
        search, statement, grid = Search(boxes, puzzle), list[Line](), list(puzzle)
        lines = lines_of(boxes, grid)
        solved = yield_into(statement, lines)
        assert list(search) == statement
        assert search.solution == ("".join(grid) if solved else None)
        failed += sum(not line.candidates for line in statement)
        again += len(statement) - len({line.cell for line in statement})
    assert failed > 1
    assert again > 1 or boxes in (Boxes(1, 4), Boxes(4, 1))


def yield_into(found: list[Line], lines: Generator[Line, None, bool]) -> bool:
    """Puts the lines into ``found``, and says whether they end in a solution."""
    while True:
        try:
            found.append(next(lines))
        except StopIteration as end:
            return bool(end.value)


def test_two_equal_digits_end_the_search_before_it_begins() -> None:
    """Also where the grid is full."""
    for puzzle in ("1.......1.......", "1234341221434322"):
        search = Search(FOUR, puzzle)
        assert (list(search), search.solution) == ([], None)


@pytest.mark.parametrize(
    ("rows", "columns"), [(0, 3), (3, 0), (-2, -2), (2, 5), (10, 1)], ids=lambda number: str(number)
)
def test_boxes_of_no_sudoku_are_refused(rows: int, columns: int) -> None:
    with pytest.raises(
        ValueError, match=rf"^Boxes of {rows} x {columns} cells have no Sudoku: give at least 1 x 1, and"
    ):
        Boxes(rows, columns)


def test_a_word_that_is_no_puzzle_has_no_search() -> None:
    with pytest.raises(ValueError, match=r"'12' is not a puzzle of 4 x 4 cells: give 16 characters, each one of 1234"):
        next(iter(Search(FOUR, "12")))


def test_the_program_needs_two_digits() -> None:
    assert solve(Boxes(1, 1), ".") == "1"
    with pytest.raises(ProgramError) as refused:
        sudoku_program(Boxes(1, 1))
    assert str(refused.value) == "The Sudoku program counts with the digits 1 and 2: give boxes of at least 2 cells."


# The machines.


def test_the_texts_of_the_library_are_what_the_program_assembles_to(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("sudoku-4x4", "sudoku-9x9")
    texts = [LIBRARY[name].path.read_bytes() for name in names]
    monkeypatch.setattr(library, "_TEXTS", tmp_path_factory.mktemp("texts"))
    write_texts.main()
    for name, text in zip(names, texts, strict=True):
        assert LIBRARY[name].path.read_bytes() == text, name


@pytest.mark.parametrize(("name", "words"), [("sudoku-4x4", 60), ("sudoku-9x9", 12)])
def test_examples_and_drawn_words_give_what_the_oracle_says(name: str, words: int) -> None:
    entry, rng = LIBRARY[name], Random(5)
    drawn = {*entry.examples, *(entry.draw(rng, 9) for _ in range(words))}
    outputs = {word: entry.oracle(word) for word in drawn}
    assert sum(output == "!" for output in outputs.values()) > 1
    for word, output in outputs.items():
        assert output is not None
        assert trace(entry.machine, word, MAX_STEPS).output == output, word


@pytest.mark.parametrize(
    ("boxes", "puzzle", "lines", "solved"),
    [
        pytest.param(FOUR, "11..............", 0, False, id="conflict in a row"),
        pytest.param(FOUR, "1...........1...", 0, False, id="conflict in a column, first and last row"),
        pytest.param(FOUR, "..........4....4", 0, False, id="conflict in the last box"),
        pytest.param(FOUR, "1234341243212144", 0, False, id="conflict in the last cell, none empty"),
        pytest.param(FOUR, "123....4........", 1, False, id="a cell without candidates"),
        pytest.param(FOUR, "...4...334......", 14, False, id="no solution, which takes a search"),
        pytest.param(FOUR, ".....4.1..4..1..", 14, False, id="no solution, another search"),
        pytest.param(FOUR, "1234341221434321", 0, True, id="full grid"),
        pytest.param(FOUR, "." * 16, 16, True, id="empty grid"),
        pytest.param(FOUR, GOES_BACK, 16, True, id="the search goes back"),
        pytest.param(NINE, "." * 81, 81, True, id="9 x 9, empty grid"),
        pytest.param(NINE, "." * 80 + "1", 90, True, id="9 x 9, one digit"),
        pytest.param(NINE, "12345678." + "........9" + "." * 63, 1, False, id="9 x 9, a cell without candidates"),
    ],
)
def test_hard_cases(boxes: Boxes, puzzle: str, lines: int, solved: bool) -> None:
    search = Search(boxes, puzzle)
    assert (len(list(search)), search.solution is not None) == (lines, solved)
    assert run_of(boxes, puzzle).output == (search.solution or "!")


def test_puzzles_with_one_or_two_cells_empty() -> None:
    """Half of them with a digit that is drawn anew."""
    rng, solved = Random(2), 0
    for number in range(150):
        puzzle = list(drawn_grid(rng, 1 + number % 2))
        if number % 4 < 2:
            puzzle[rng.randrange(16)] = rng.choice("1234.")
        solutions = completions("".join(puzzle))
        assert run_of(FOUR, "".join(puzzle)).output in (solutions or ["!"])
        solved += len(solutions) > 0
    assert 75 < solved < 150


def test_puzzles_with_any_number_of_digits() -> None:
    """Most transitions that are ever used are used here; thousands of other puzzles used 1349 of the 3395.

    The others are for symbols that the assembler does not know to be impossible.
    """
    rng, used = Random(9), set[Situation]()
    machine = machine_for(FOUR)
    for number in range(180):
        puzzle = drawn_puzzle(rng, FOUR, rng.randint(0, 16), conflicts=number % 3 == 0)
        run = run_of(FOUR, puzzle)
        assert run.output == (solve(FOUR, puzzle) or "!"), puzzle
        used |= set(situations(run))
    assert used <= set(machine.transitions)
    assert len(used) > 1150


def situations(run: Run) -> Iterator[Situation]:
    """The state and the symbols under the heads before each step."""
    tapes = [dict(enumerate(run.word)), *(dict[int, str]() for _ in range(4))]
    state, heads = run.machine.initial, (0,) * run.machine.tapes
    for action, after in zip(run.actions, run.heads, strict=True):
        yield state, tuple(tape.get(head, run.machine.blank) for tape, head in zip(tapes, heads, strict=True))
        for tape, head, symbol in zip(tapes, heads, action.written, strict=True):
            tape[head] = symbol
        state, heads = action.state, after


OTHERS = (Boxes(1, 4), Boxes(4, 1), Boxes(2, 3), Boxes(3, 2))


@pytest.mark.parametrize("boxes", OTHERS, ids=str)
def test_machines_for_other_boxes(boxes: Boxes) -> None:
    rng, outputs = Random(3), set[str]()
    for number in range(6):
        puzzle = drawn_puzzle(rng, boxes, rng.randint(boxes.side, 2 * boxes.side), conflicts=number % 2 == 0)
        assert run_of(boxes, puzzle).output == (solve(boxes, puzzle) or "!"), puzzle
        outputs.add(run_of(boxes, puzzle).output)
    assert "!" in outputs
    assert len(outputs) > 1


def digits_written(run: Run) -> Iterator[tuple[int, str]]:
    """The digits that the run writes on empty cells of the grid, each with its cell, in their order."""
    grid: dict[int, str] = {}
    heads = (0, *(head for _, head, *_ in run.heads))
    for head, action in zip(heads, run.actions, strict=False):
        symbol = action.written[1]
        if grid.get(head) == "." and symbol in run.machine.input_alphabet[:-2]:
            yield (head - 1) // 2, symbol
        grid[head] = symbol


def puzzles_that_go_back() -> list[tuple[Boxes, str]]:
    """Puzzles where a digit fails and another is tried."""
    rng, found = Random(4), [(FOUR, GOES_BACK), (FOUR, "...4...334......"), (NINE, "." * 80 + "1")]
    for boxes in (Boxes(2, 3), Boxes(3, 2), NINE):
        givens = rng.choices(range(boxes.cells // 6, boxes.cells // 3), k=20)
        drawn = [(boxes, drawn_puzzle(rng, boxes, number, conflicts=False)) for number in givens]
        found += sorted((each for each in drawn if is_short(*each)), key=lambda each: lines_again(*each))[-2:]
    return found


def lines_again(boxes: Boxes, puzzle: str) -> int:
    """How many lines are about a cell that had a line before."""
    lines = list(Search(boxes, puzzle))
    return len(lines) - len({line.cell for line in lines})


@pytest.mark.parametrize(("boxes", "puzzle"), puzzles_that_go_back(), ids=str)
def test_the_machine_writes_the_digits_of_the_lines(boxes: Boxes, puzzle: str) -> None:
    assert lines_again(boxes, puzzle) > 1
    expected = [(line.cell, line.candidates[0]) for line in Search(boxes, puzzle) if line.candidates]
    assert list(digits_written(run_of(boxes, puzzle))) == expected


@pytest.mark.parametrize("length", [0, 1, 2, 15, 17, 18, 40])
def test_a_word_of_another_length_gets_the_machine_stuck(length: int) -> None:
    is_stuck(FOUR, (GOES_BACK * 3)[:length])
    is_stuck(FOUR, ("1234341221434321" * 3)[:length])


@pytest.mark.parametrize("place", range(16))
def test_a_word_with_an_output_symbol_gets_the_machine_stuck(place: int) -> None:
    is_stuck(FOUR, GOES_BACK[:place] + "!" + GOES_BACK[place + 1 :])


def test_a_9x9_word_that_is_no_puzzle_gets_the_machine_stuck() -> None:
    for word in ("." * 80, "." * 82, "." * 80 + "!", "1234341221434321"):
        is_stuck(NINE, word)


def is_stuck(boxes: Boxes, word: str) -> None:
    """Before the search begins: the head of main is where the reading of the word ends."""
    assert LIBRARY[f"sudoku-{boxes.side}x{boxes.side}"].oracle(word) is None
    latest = deque[Configuration](maxlen=1)
    with pytest.raises(MissingTransition):
        latest.extend(configurations(machine_for(boxes), word))
    last = latest.pop()
    assert last.heads[0] == next((at for at, symbol in enumerate(word) if symbol == "!"), min(len(word), boxes.cells))
    assert len(last.tapes[0]) <= max(len(word), boxes.cells + 1)


def test_a_digit_that_is_too_large_is_no_input() -> None:
    with pytest.raises(InputError, match=r"Symbol 3 of the input '125' is '5', which is not an input symbol"):
        trace(machine_for(FOUR), "125")


# Cells.


def cells_of_tapes(boxes: Boxes, depth: int) -> tuple[int, ...]:
    """How many cells of each tape a run on a puzzle uses, where at most ``depth`` cells have a guess at a time.

    main: while the puzzle is read, and when the solution is written, the head comes to the cell after the last one of
    the puzzle: cells + 1.  In the search, with g guesses, main has `^` in cell 0, the guesses in cells 1 .. 2g and the
    mode in cell 2g + 1.  With mode `>` the limit is put into cell 2g + 1 + side + 1, and the head is never right of
    it: it moves right only until it is on the limit, and the limit only to the left.  A new guess puts the mode into
    cell 2g + 3, which is not right of that; the other routines only go back to cells that are used.  The mode is `>` at
    the start, with g = 0, and after each guess, so that the last cell is 2 * depth + side + 2.

    grid: `^`, and for each cell of the puzzle its symbol and the blank after it, which is cell 2 * cells; one more, to
    which the head moves when the last symbol has been copied.  After that it goes from blank to blank, up to 2 * cells.

    rows, columns, boxes: `^`, `side` groups of one header and `side` bits, and `$`, from which no head moves right.

    Of the three the last is always the shortest, because side + 1 <= 2 * side.
    """
    units = 2 + boxes.side * (boxes.side + 1)
    return max(boxes.cells + 1, 2 * depth + boxes.side + 3), 2 + 2 * boxes.cells, units, units, units


def cells_at_most(boxes: Boxes, empty: int) -> int:
    """Cells of a run on a puzzle with so many empty cells, as no others have a guess."""
    return max(cells_of_tapes(boxes, empty))


def depth_of(lines: list[Line]) -> int:
    """The most cells that have a guess at a time: one with another line takes the guesses after it off."""
    guesses: list[int] = []
    depth = 0
    for line in lines:
        if line.cell in guesses:
            del guesses[guesses.index(line.cell) :]
        guesses += [line.cell] * (line.candidates != "")
        depth = max(depth, len(guesses))
    return depth


@pytest.mark.parametrize(
    ("boxes", "puzzles"), [(FOUR, 60), *((boxes, 6) for boxes in OTHERS), (NINE, 4)], ids=lambda each: str(each)
)
def test_the_cells_of_each_tape(boxes: Boxes, puzzles: int) -> None:
    rng = Random(6)
    drawn = [drawn_puzzle(rng, boxes, rng.randint(0, boxes.cells // 3), conflicts=False) for _ in range(puzzles)]
    drawn = [puzzle for puzzle in drawn if is_short(boxes, puzzle)]
    assert drawn
    for puzzle in ("." * boxes.cells, *drawn):
        run = run_of(boxes, puzzle)
        depth = depth_of(list(Search(boxes, puzzle)))
        assert tuple(1 + max(heads) for heads in zip(*run.heads, strict=True)) == cells_of_tapes(boxes, depth), puzzle
        assert run.cells == max(cells_of_tapes(boxes, depth)) <= cells_at_most(boxes, puzzle.count("."))


def test_givens_that_are_in_conflict_need_no_search() -> None:
    run = run_of(FOUR, "11..............")
    assert tuple(1 + max(heads) for heads in zip(*run.heads, strict=True)) == (17, *cells_of_tapes(FOUR, 0)[1:])


def test_the_empty_grid_needs_the_most_cells() -> None:
    for boxes, cells in ((FOUR, 39), (Boxes(2, 3), 81), (NINE, 174)):
        assert run_of(boxes, "." * boxes.cells).cells == cells_at_most(boxes, boxes.cells) == cells
    assert [cells_at_most(NINE, 81 - givens) for givens in range(7)] == [174, 172, 170, 168, 166, 164, 164]
