"""The search of `search.py` as a program over five tapes, for a Sudoku of any shape of boxes up to side 9.

    main      ^ the puzzle; later the cells that have a guess, oldest first, each as its column and its row; a mode;
              and, while candidates are counted, a limit
    grid      ^ cell _ cell _ ..        the digits so far, with blanks between, on which the head can rest
    rows      ^ | o o .. o # o o .. o # .. $     one group for each row: which digits it has, o free, x used
    columns   the same for columns
    boxes     the same for boxes, row by row

A group begins with `|` if it is the first in its band of boxes (for columns: in its stack), else with `#`.  So the
three heads find the row, column and box of the next cell, or of a cell whose row and column are known, without
counting.

When routines meet, the symbol under the head of main, the *mode*, says what comes next:

    @   enter the given digits;
    >   a cell has got a digit: look for the empty cell with the fewest candidates;
    <   give the cell on top of main its next digit, the first one if it is empty.

The head of main also counts: it moves right once for each candidate of a cell, and stops at the limit, `x`.  The limit
is as far from the mode as the best cell so far has candidates.
"""

from __future__ import annotations

from exactformer.constructions.machines.assembler.assemble import assemble
from exactformer.constructions.machines.assembler.language import (
    Block,
    Call,
    Condition,
    Do,
    Halt,
    If,
    Leave,
    Loop,
    Program,
    ProgramError,
    Require,
    SymbolOn,
    Tape,
    While,
    do,
    each,
    on,
    together,
)
from exactformer.constructions.machines.sudoku.search import DIGITS, EMPTY, Boxes
from exactformer.constructions.machines.text import write_machine

BLANK = "_"
START, END = "^", "$"
FIRST, NEXT = "|", "#"
FREE, USED = "o", "x"
BEST = "*"
LIMIT = "x"
GIVENS, GO_ON, GO_BACK = "@", ">", "<"
UNSOLVABLE = "!"
UNITS = ("rows", "columns", "boxes")
SHAPES = (Boxes(2, 2), Boxes(3, 3))
"""The shapes of the library's machines."""


def text_of(boxes: Boxes) -> str:
    """The machine's text, as the library has it."""
    about = (
        "# Solves a Sudoku by depth-first search. Assembled: the program is sudoku/program.py, which says what the",
        "# tapes hold, and `python -m exactformer.constructions.machines.sudoku` writes this text again.",
    )
    return "\n".join((*about, write_machine(assemble(sudoku_program(boxes)))))


def sudoku_program(boxes: Boxes) -> Program:
    """The program that writes the solution of a puzzle of this shape, or `!` if it has none.

    On a word that is not a puzzle of this shape it gets stuck, before or at the word's end.

    Errors: ProgramError when the side is 1.
    """
    if boxes.side == 1:
        raise ProgramError("The Sudoku program counts with the digits 1 and 2: give boxes of at least 2 cells.")
    digits = boxes.digits
    groups = (START, END, FIRST, NEXT, FREE, USED)
    return Program(
        f"sudoku-{boxes.side}x{boxes.side}",
        (
            Tape("main", (*digits, EMPTY, START, LIMIT, GIVENS, GO_ON, GO_BACK, UNSOLVABLE)),
            Tape("grid", (*digits, EMPTY, START, BEST)),
            *(Tape(unit, groups) for unit in UNITS),
        ),
        BLANK,
        (*digits, EMPTY, UNSOLVABLE),
        {
            "solve": (
                Call("set_up"),
                Loop(
                    (
                        Call("rewind"),
                        If(
                            on("main", GO_BACK),
                            (Call("locate"), Call("next_digit")),
                            (
                                Call("visit"),
                                If(
                                    on("main", GIVENS),
                                    (do(main=(GO_ON, "S")),),
                                    (If(on("main", GO_ON), (Call("choose"),)),),
                                ),
                            ),
                        ),
                    )
                ),
            ),
            "set_up": _set_up(boxes),
            "rewind": _REWIND,
            "visit": _visit(boxes),
            "choose": _choose(digits),
            "locate": _locate(digits),
            "next_digit": _next_digit(digits),
            "write_solution": _write_solution(digits),
            "give_up": (Require(on("main", START)), do(main=(UNSOLVABLE, "S")), Halt()),
        },
    )


_HEADER = FIRST + NEXT + END
_FREE = on("rows", FREE) & on("columns", FREE) & on("boxes", FREE)
_ALL_RIGHT = do(rows="R", columns="R", boxes="R")
_RESTS = Require(on("grid", BLANK))
_MAIN_BLANK = Require(on("main", BLANK))


def _bit(unit: str) -> Condition:
    return on(unit, FREE + USED)


def _all_on(symbols: str, *units: str) -> Condition:
    """The heads of ``units``, of all three if none is named, are on one of ``symbols`` each."""
    first, *others = units or UNITS
    return on(first, symbols) & _all_on(symbols, *others) if others else on(first, symbols)


def _in_step(*units: str) -> Condition:
    """The heads of ``units`` are at the same place of their groups, as far as this shows."""
    return _all_on(FREE + USED, *units) | _all_on(_HEADER, *units)


def _in_group(*units: str) -> Condition:
    return _all_on(FREE + USED + _HEADER, *units)


def _cell(digits: str) -> Condition:
    return on("grid", digits + EMPTY)


def _set_up(boxes: Boxes) -> Block:
    """From the puzzle on main to the five tapes as above, with mode `@`, heads anywhere.

    The head of rows counts the digits of the puzzle by going back over its bits.
    """
    puzzle = on("main", boxes.digits + EMPTY)
    group_sizes = {"rows": boxes.rows, "columns": boxes.columns, "boxes": boxes.side // boxes.columns}

    def header(unit: str, number: int) -> tuple[str, str]:
        return (NEXT if number % group_sizes[unit] else FIRST), "R"

    new = Require(_all_on(BLANK))

    def group(number: int) -> Block:
        bits = (do(rows=(FREE, "R"), columns=(FREE, "R"), boxes=(FREE, "R")), new) * boxes.side
        return (do(**{unit: header(unit, number) for unit in UNITS}), new, *bits)

    return (
        Require(puzzle),
        do(grid=(START, "R"), rows=(START, "R"), columns=(START, "R"), boxes=(START, "R")),
        Require(on("grid", BLANK)),
        new,
        do(grid=(SymbolOn("main"), "R"), main=(START, "S")),
        Require(on("grid", BLANK)),
        *(step for number in range(boxes.side) for step in group(number)),
        do(rows=(END, "L"), columns=(END, "S"), boxes=(END, "S")),
        Loop(
            (
                Require(_bit("rows")),
                do(rows="L"),
                If(on("rows", FIRST + NEXT), (do(rows="L"),)),
                do(main="R", grid="R"),
                If(on("rows", START), (Leave(),)),
                Require(puzzle & on("grid", BLANK)),
                do(grid=(SymbolOn("main"), "R"), main=(BLANK, "S")),
                Require(on("grid", BLANK)),
            )
        ),
        Require(on("main", BLANK)),
        do(main="L", grid="L"),
        While(on("main", BLANK), (do(main="L"),)),
        Require(on("main", START)),
        do(main="R"),
        _MAIN_BLANK,
        do(main=(GIVENS, "S")),
    )


_ON_MODE = Require(on("main", GIVENS + GO_ON + GO_BACK))

_REWIND: Block = (
    _ON_MODE,
    While(~on("grid", START), (If(on("grid", BEST), (do(grid=(EMPTY, "L")),), (do(grid="L"),)),)),
    together(_all_on(START + FIRST + NEXT + END + FREE + USED), **{unit: (~on(unit, START), "L") for unit in UNITS}),
)
"""All heads but that of main to the start of their tapes; cells that were marked as best are empty again."""


def _visit(boxes: Boxes) -> Block:
    """Goes through all cells, row by row, with the other heads on the groups of the cell's row, column and box.

    In mode `@`, given digits are entered; two equal digits in a unit end the run.  In mode `>`, the candidates of empty
    cells are counted, and each cell that has fewer than all before is marked in the grid; the last marked cell is the
    one looked for.  A cell without candidates ends the visit at once, and the mode becomes `<`.
    """
    limit_set: Block = (
        *(do(main="R") for _ in range(boxes.side + 1)),
        do(main=(LIMIT, "L")),
        While(on("main", BLANK), (do(main="L"),)),
    )
    count = (
        *_count_candidates(),
        If(on("main", GO_ON), (do(main=(GO_BACK, "S")), Leave())),
        If(on("main", BLANK), _MARK_BEST),
        *_next_column(on_cell=True),
    )
    return (
        If(on("main", GO_ON), limit_set),
        do(rows="R", columns="R", boxes="R", grid="R"),
        Require(_all_on(FIRST)),
        Loop(
            (
                Require(_all_on(FIRST + NEXT) & _cell(boxes.digits) & on("main", GIVENS + GO_ON)),
                If(
                    on("main", GIVENS) & on("grid", boxes.digits),
                    (*_enter_given(boxes.digits), *_next_column(on_cell=True)),
                    (If(on("main", GO_ON) & on("grid", EMPTY), count, _next_column(on_cell=False)),),
                ),
                If(
                    on("columns", END),
                    (*_NEXT_ROW, If(on("rows", END), (Leave(),)), do(columns="R", grid="R")),
                    (do(grid="R"),),
                ),
            )
        ),
        If(~on("main", GIVENS), (*_TO_LIMIT, do(main=(BLANK, "L")), While(on("main", BLANK), (do(main="L"),)))),
    )


def _enter_given(digits: str) -> Block:
    """The digit of this cell becomes used in its row, column and box; the heads of these stay on its bit."""
    use = do(rows=(USED, "S"), columns=(USED, "S"), boxes=(USED, "S"))
    on_bits = (_ALL_RIGHT, Require(_all_on(FREE + USED)))
    return (
        *on_bits,
        Loop(
            (
                *(
                    If(
                        on("grid", digit),
                        (If(_FREE, (use,), (do(main=(BLANK, "L")), Call("give_up"))), Leave()),
                        on_bits,
                    )
                    for digit in digits
                ),
            )
        ),
    )


def _count_candidates() -> Block:
    """The head of main moves right once for each candidate, until it is on the limit, or all digits are seen."""
    return (
        _ALL_RIGHT,
        Require(_all_on(FREE + USED)),
        While(
            _bit("rows") & ~on("main", LIMIT),
            (
                If(_FREE, (do(rows="R", columns="R", boxes="R", main="R"),), (_ALL_RIGHT,)),
                Require(_in_step() & on("main", GO_ON + BLANK + LIMIT)),
            ),
        ),
    )


_TO_LIMIT: Block = (do(main="R"), While(on("main", BLANK), (do(main="R"),)), Require(on("main", LIMIT)))

_MARK_BEST: Block = (
    do(grid=(BEST, "S"), main=(LIMIT, "S")),
    *_TO_LIMIT,
    do(main=(BLANK, "L")),
    While(on("main", BLANK), (do(main="L"),)),
    Require(on("main", LIMIT)),
)
"""The limit moves to where the head of main is, and the cell is marked."""


def _next_column(on_cell: bool) -> Block:
    """The heads of columns and boxes to the groups of the next cell, those of rows back, that of the grid to a blank.

    With ``on_cell`` the heads are in the groups of this cell, or just after them, and that of main may be on the limit.
    """
    to_header = {"columns": (~on("columns", _HEADER), "R")}
    if on_cell:
        back = {unit: (~on(unit, _HEADER), "L") for unit in ("rows", "boxes")}
        rest = on("grid", BLANK) & on("main", GIVENS + GO_ON + BLANK)
        moves: Block = (
            If(on("main", LIMIT), (do(rows="L", boxes="L", grid="R", main="L"),), (do(rows="L", boxes="L", grid="R"),)),
            together(
                _in_step("rows", "boxes") & _in_group("columns") & rest,
                **back,
                **to_header,
                main=(on("main", BLANK), "L"),
            ),
        )
    else:
        moves = (
            do(columns="R", grid="R"),
            _RESTS,
            Require(_bit("columns")),
            together(_in_group("columns"), **to_header),
        )
    return (*moves, If(on("columns", FIRST + END), _NEXT_BOX), Require(_all_on(_HEADER)))


_NEXT_BOX: Block = (
    do(boxes="R"),
    Require(_in_group("boxes")),
    While(_bit("boxes"), (do(boxes="R"), Require(_in_group("boxes")))),
)

_NEXT_ROW: Block = (
    do(rows="R", columns="L"),
    Require(_bit("rows") & _in_group("columns")),
    While(_bit("rows"), (do(rows="R", columns="L"), Require(_in_group("rows", "columns")))),
    If(
        on("rows", NEXT),
        (
            do(columns="L", boxes="L"),
            together(
                _in_group("boxes") & ~on("columns", END + BLANK),
                columns=(~on("columns", START), "L"),
                boxes=(~on("boxes", FIRST), "L"),
            ),
        ),
        (together(~on("columns", END + BLANK), columns=(~on("columns", START), "L")),),
    ),
)
"""From the end of a row, all heads to the groups of the next one, but that of columns to the start of its tape."""


def _choose(digits: str) -> Block:
    """Puts the best cell on main, with mode `<`; if no cell is empty, writes the solution.

    The head of the grid goes back from the end; main has the column and the row of the cell that it is on.
    """
    last = digits[-1]

    def lower(move: str, **others: str) -> Block:
        return (each("main", digits[1:], lambda digit: (do(main=(_before(digit), move), **others),)),)

    return (
        Require(_all_on(END, "rows", "boxes") & on("columns", START) & on("grid", BLANK)),
        do(main=(last, "R")),
        _MAIN_BLANK,
        do(main=(last, "L"), grid="L"),
        Require(on("main", last)),
        Loop(
            (
                If(on("grid", BEST), (Leave(),)),
                Require(_cell(digits)),
                do(grid="L"),
                If(on("grid", START), (Call("write_solution"), Halt())),
                _RESTS,
                If(
                    on("main", "1"),
                    (do(main=(last, "R")), *lower("L", grid="L"), Require(on("main", last))),
                    lower("S", grid="L"),
                ),
            )
        ),
        do(grid=(EMPTY, "S"), main="R"),
        Require(on("main", digits)),
        do(main="R"),
        _MAIN_BLANK,
        do(main=(GO_BACK, "S")),
    )


def _before(digit: str) -> str:
    return DIGITS[DIGITS.index(digit) - 1]


def _after(digit: str) -> str:
    return DIGITS[DIGITS.index(digit) + 1]


def _locate(digits: str) -> Block:
    """From the starts of their tapes all heads go to the cell on top of main, which is taken off.

    Row and column are counted down; meanwhile the head of main waits on a blank.
    """

    def times_lower(hop: Block) -> Block:
        """``hop`` as often as the digit on main says, minus one; then main is left of the digit, which is erased."""
        lower = each("main", digits[1:], lambda digit: (do(main=(_before(digit), "R")),))
        return (Loop((If(on("main", "1"), (Leave(),)), lower, _MAIN_BLANK, *hop, do(main="L"))),)

    over_cell = (do(grid="R"), Require(_cell(digits)))
    next_row = (
        do(rows="R", boxes="R"),
        Require(_all_on(FREE + USED, "rows", "boxes")),
        While(
            _bit("rows"),
            (*over_cell, do(grid="R", rows="R", boxes="R"), _RESTS, Require(_in_step("rows", "boxes"))),
        ),
    )
    next_column = (
        *over_cell,
        do(grid="R", columns="R"),
        _RESTS,
        Require(_bit("columns")),
        While(_bit("columns"), (do(columns="R"),)),
        Require(on("columns", FIRST + NEXT)),
        If(on("columns", FIRST), _NEXT_BOX),
    )
    return (
        do(main=(BLANK, "L")),
        If(on("main", START), (Call("give_up"),)),
        _ALL_RIGHT,
        Require(_all_on(FIRST)),
        *times_lower(next_row),
        While(~on("boxes", FIRST), (do(boxes="L"), Require(_in_group("boxes")))),
        do(main=(BLANK, "L")),
        Require(on("main", digits)),
        *times_lower(next_column),
        do(main=(BLANK, "S"), grid="R"),
        Require(_cell(digits) & on("main", BLANK)),
    )


def _next_digit(digits: str) -> Block:
    """The cell's digit, if it has one, is free again; the next candidate after it is written, and the cell put on main.

    Then the mode is `>`; if there is none, the cell is empty and the mode `<`.
    """

    def attempt(digit: str) -> If:
        write = do(grid=(digit, "S"), rows=(USED, "S"), columns=(USED, "S"), boxes=(USED, "S"))
        erase = do(grid=(EMPTY, "S"), rows=(FREE, "R"), columns=(FREE, "R"), boxes=(FREE, "R"))
        other = If(on("grid", digit), (erase,), (_ALL_RIGHT,))
        there = _all_on(_HEADER if digit == digits[-1] else FREE + USED)
        return If(on("grid", EMPTY) & _FREE, (write, Leave()), (other, Require(there)))

    return (
        _ALL_RIGHT,
        Require(_all_on(FREE + USED)),
        Loop((*map(attempt, digits), Leave())),
        If(
            on("grid", EMPTY),
            (do(main=(GO_BACK, "S")),),
            (
                do(grid="R"),
                _RESTS,
                *_count_groups("columns", digits),
                do(main="R"),
                _MAIN_BLANK,
                *_count_groups("rows", digits),
                do(main="R"),
                _MAIN_BLANK,
                do(main=(GO_ON, "S")),
            ),
        ),
    )


def _count_groups(unit: str, digits: str) -> Block:
    """The head of ``unit`` goes to the start; main gets the number of groups up to where it was."""
    left = do(**{unit: "L"})
    to_header = While(_bit(unit), (left,))

    def raise_by_one(digit: str) -> Block:
        return (Do({"main": _after(digit)}, left.moves),)

    return (
        to_header,
        Do({"main": "1"}, left.moves),
        Loop((to_header, If(on(unit, START), (Leave(),)), each("main", digits[:-1], raise_by_one))),
    )


def _write_solution(digits: str) -> Block:
    """From the counters on main and the start of the grid: main has the digits of the grid, and nothing else."""
    return (
        do(main="R"),
        Require(on("main", digits)),
        do(main=(BLANK, "L")),
        While(~on("main", START), (Require(on("main", digits)), do(main=(BLANK, "L")))),
        do(grid="R"),
        While(~on("grid", BLANK), (do(main=(SymbolOn("grid"), "R"), grid="R"), _MAIN_BLANK, do(grid="R"))),
    )
