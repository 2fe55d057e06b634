"""Busy beavers in forms other than the standard text: tables, CSV, and the text with comments.

    ,0,1                         1RB1LB_1LA1RZ   # S(2) = 6
    A,1RB,1LB                    start: 11A0
    B,1LA,1RZ   # halts

There may be any number of states and symbols, with any names.  Rows are states and columns symbols, or the other way
round; cells are separated by ``|``, commas, tabs, semicolons or spaces.  An *entry* is the symbol written, a move L, R,
S or N, and the next state; if there is none, ``---``, ``-`` or nothing, and the machine stops.  Z, H, HALT and ``!``
halt unless they are states of the table.  Comments begin with ``#`` or ``//``, or with ``;`` after a space.  A *start
configuration* such as ``1100C1100`` is the tape, with the state in front of the symbol under the head.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase, digits
from typing import Final

from exactformer.constructions.machines.busy_beaver import (
    HALTING_LETTERS,
    UNDEFINED,
    looks_like_busy_beaver,
    read_busy_beaver,
)
from exactformer.constructions.machines.formats.reading import Draft, Place, Text, listed
from exactformer.constructions.machines.formats.tape_machine import Outcome, Start, TapeMachine
from exactformer.constructions.machines.machine import Action, MachineError, Move
from exactformer.constructions.machines.text import MachineTextError
from exactformer.constructions.machines.two_way import HALT

MOVES: Final = {"L": Move.LEFT, "R": Move.RIGHT, "S": Move.STAY, "N": Move.STAY}
MISSING: Final = ("", "-", "--", "---", "...", "?", "???")
HALTS: Final = ("Z", "H", "HALT", "Halt", "halt", "!")
_ENTRY = re.compile(r"[^\s|,;]+?[LRSN][^\s|,;]+|-{1,3}")
_COMMENT = re.compile(r"(^|\s);.*|(#|//).*")


@dataclass(frozen=True)
class Cell:
    """A cell of a table, with its place."""

    text: str
    place: Place


def recognises(text: str) -> bool:
    """Whether a text is meant as one of these: a standard text, or a table whose cells are entries.

    >>> recognises("1RB1LB_1LA1RZ # 6 steps"), recognises("A 1RB 1LB\\nB 1LA 1RZ"), recognises("0 1 0 r 0")
    (True, True, False)
    """
    lines = [cells for cells in _lines(text) if cells]
    if not lines:
        return False
    if _is_standard(lines[0]):
        return True
    body = [cell.text for cells in lines[:6] for cell in cells[1:]]
    return bool(body) and any(_ENTRY.fullmatch(text) and len(text) > 2 for text in body)


def read(text: Text) -> TapeMachine:
    """The machine that a text or table describes.  Errors: MachineTextError."""
    lines = [cells for cells in _lines(text.text) if cells]
    if not lines:
        text.fail((1, 1), "the text is empty: write a table of entries such as 1RB.")
    first = lines[0][0]
    if _is_standard(lines[0]):
        return _standard(text, lines)
    rows = [cells for cells in lines if not _is_start(cells)]
    starts = [cells for cells in lines if _is_start(cells)]
    if not rows:
        text.fail(first.place, "there is no row of a table: write a state and its entries, such as A 1RB 1LB.")
    machine = _table(text, rows)
    return _started(text, machine, starts)


def _is_standard(cells: Sequence[Cell]) -> bool:
    """Whether a line begins with a whole machine, not with one of its entries."""
    return looks_like_busy_beaver(cells[0].text) and (len(cells) == 1 or not _is_entry(cells[0].text))


def _standard(text: Text, lines: Sequence[Sequence[Cell]]) -> TapeMachine:
    """A text of the standard format, and what follows it."""
    cell, rest = lines[0][0], [lines[0][1:], *lines[1:]]
    line, column = cell.place
    try:
        beaver = read_busy_beaver(cell.text, text.source)
    except MachineTextError as error:
        raise MachineTextError(text.source, line, column + error.column - 1, error.reason) from None
    draft = Draft(text, 1, beaver.symbols[0])
    draft.meet(beaver.symbols)
    halts = HALTING_LETTERS[-1] if HALTING_LETTERS[-1] not in beaver.states else "HALT"
    for state, row in zip(beaver.states, beaver.table, strict=True):
        for symbol, entry in zip(beaver.symbols, row, strict=True):
            if entry is not None:
                following = halts if entry.state == HALT else entry.state
                draft.add((state, (symbol,)), Action(following, (entry.written,), (entry.move,)), cell.place)
    used = any(action.state == halts for action in draft.transitions.values())
    states = [*beaver.states, *([halts] if used else [])]
    halting = {halts: Outcome.HALTS} if used else {}
    machine = draft.machine(states, halting, Outcome.HALTS, name=beaver.name)
    return _started(text, machine, [cells for cells in rest if cells])


def _started(text: Text, machine: TapeMachine, starts: Sequence[Sequence[Cell]]) -> TapeMachine:
    """The machine with its start configuration, if there is one: its state becomes the initial one."""
    if not starts:
        return machine
    if len(starts) > 1:
        text.fail(starts[1][0].place, "there is a second start configuration, or more than a machine: remove it.")
    cell = starts[0][-1]
    word = re.sub(r"^start:?", "", cell.text)
    shift = len(cell.text) - len(word)
    place = cell.place[0], cell.place[1] + shift
    if any(len(symbol) != 1 for symbol in machine.symbols):
        text.fail(place, "a start configuration needs symbols of one character.")
    known = "[" + re.escape("".join(machine.symbols)) + "]*"
    states = "|".join(re.escape(state) for state in sorted(machine.states, key=len, reverse=True))
    found = re.fullmatch(f"({known})({states})({known})", word)
    if found is None:
        text.fail(
            place,
            f"{word!r} is not a start configuration: write symbols, a state and symbols, such as "
            f"{machine.symbols[-1]}{machine.initial}{machine.symbols[-1]}; states are {listed(machine.states)}.",
        )
    first = found[2]
    states_in_order = (first, *(state for state in machine.states if state != first))
    start = Start(tuple(found[1]), tuple(found[3]))
    return replace(machine, name=f"{machine.name}-{word}", states=states_in_order, start=start)


def _is_start(cells: Sequence[Cell]) -> bool:
    """A line of one cell, or of ``start:`` and one."""
    return len(cells) == 1 or (len(cells) == 2 and cells[0].text.rstrip(":").lower() == "start")


def _lines(text: str) -> Iterator[list[Cell]]:
    """The cells of each line."""
    for number, line in enumerate(text.split("\n"), start=1):
        code = _COMMENT.sub(lambda found: " " * len(found[0]), line)
        if not code.strip() or re.fullmatch(r"[\s|:+=-]*", code):
            yield []
            continue
        mark = next((mark for mark in "|,\t;" if mark in code), None)
        if mark is None:
            yield [Cell(found[0], (number, found.start() + 1)) for found in re.finditer(r"\S+", code)]
            continue
        start, end = 0, len(code.rstrip())
        if mark == "|":
            start += len(code) - len(code.lstrip())
            start += code[start] == "|"
            end -= code[:end].endswith("|")
        cells = []
        for piece in code[start:end].split(mark):
            cells.append(Cell(piece.strip().strip("\"'"), (number, start + 1 + len(piece) - len(piece.lstrip()))))
            start += len(piece) + 1
        yield cells


def _table(text: Text, rows: Sequence[Sequence[Cell]]) -> TapeMachine:
    """States and symbols from the header and the first column, whichever of them is which."""
    header: Sequence[Cell] | None = None
    if not any(_is_entry(cell.text) for cell in rows[0][1:]) and not (rows[0][0].text and _is_entry(rows[0][0].text)):
        header, rows = rows[0], rows[1:]
        if not rows:
            text.fail(header[0].place, "the table has no rows: write the entries of each state below the header.")
    labelled = not all(_is_entry(row[0].text) for row in rows)
    if labelled:
        labels = [Cell(row[0].text.rstrip(":"), row[0].place) for row in rows]
    elif len(rows) <= len(ascii_uppercase):
        labels = [Cell(letter, row[0].place) for row, letter in zip(rows, ascii_uppercase, strict=False)]
    else:
        text.fail(rows[26][0].place, "more than 26 states need names: write them in the first column.")
    entries = [list(row[1:] if labelled else row) for row in rows]
    width = max(map(len, entries))
    columns = [Cell(str(number), (1, 1)) for number in range(width)]
    if header is not None:
        columns = list(header[-width:] if len(header) in (width, width + 1) else header)
    for label, of_row in zip(labels, entries, strict=True):
        if len(of_row) != len(columns):
            text.fail(
                label.place,
                f"{label.text!r} has {len(of_row)} entries, but the header has {len(columns)}: make them equal.",
            )
    for cells in (labels, columns):
        seen: set[str] = set()
        for cell in cells:
            if cell.text in seen or not cell.text:
                text.fail(cell.place, f"the name {cell.text!r} is there twice, or is empty: change it.")
            seen.add(cell.text)
    by_rows = _fits(entries, [cell.text for cell in labels], [cell.text for cell in columns])
    by_columns = _fits(list(zip(*entries, strict=True)), [c.text for c in columns], [c.text for c in labels])
    if by_columns and not by_rows:
        labels, columns, entries = columns, labels, [list(column) for column in zip(*entries, strict=True)]
    return _filled(text, labels, columns, entries)


def _is_entry(text: str) -> bool:
    return text in MISSING or (_ENTRY.fullmatch(text) is not None and "_" not in text)


def _fits(entries: Sequence[Sequence[Cell]], states: Sequence[str], symbols: Sequence[str]) -> bool:
    """Whether all entries are of these states and symbols."""
    return all(cell.text in MISSING or _splits(cell.text, states, symbols) for row in entries for cell in row)


def _splits(entry: str, states: Sequence[str], symbols: Sequence[str]) -> list[tuple[str, str, str]]:
    """All ways to read an entry."""
    ends = {*states, *HALTS}
    return [
        (symbol, entry[len(symbol)], entry[len(symbol) + 1 :])
        for symbol in symbols
        if entry.startswith(symbol)
        and entry[len(symbol) : len(symbol) + 1] in MOVES
        and entry[len(symbol) + 1 :] in ends
    ]


def _filled(
    text: Text, labels: Sequence[Cell], columns: Sequence[Cell], entries: Sequence[Sequence[Cell]]
) -> TapeMachine:
    states, symbols = [cell.text for cell in labels], [cell.text for cell in columns]
    draft = Draft(text, 1, symbols[0])
    draft.meet(symbols)
    halting: dict[str, Outcome] = {}
    for state, row in zip(states, entries, strict=True):
        for symbol, cell in zip(symbols, row, strict=True):
            if cell.text in MISSING:
                continue
            found = _splits(cell.text, states, symbols)
            if len(found) != 1:
                what = "can be read in two ways" if found else "is not a symbol, move and state"
                text.fail(
                    cell.place,
                    f"the entry {cell.text!r} {what}: symbols are {listed(symbols)}, moves L R S N, states "
                    f"{listed(states)}, and Z halts.",
                )
            ((written, move, following),) = found
            if following not in states:
                halting[following] = Outcome.HALTS
            draft.add((state, (symbol,)), Action(following, (written,), (MOVES[move],)), cell.place)
    return draft.machine([*states, *halting], halting, Outcome.HALTS)


# ---------------------------------------------------------------------------- as the standard text, and written


def standard_text(machine: TapeMachine) -> str | None:
    """The standard text of a machine that has one and starts as usual: states A, B, .., symbols 0, 1, .. up to 9.

    A machine that was read from such a text has it as its name.

    >>> standard_text(read(Text("A 1RB 1LB\\nB 1LA 1RH", "two.txt")))
    '1RB1LB_1LA1RZ'
    """
    if _is_text_of(machine.name, machine):
        return machine.name
    states = [state for state in machine.states if state not in machine.halting]
    fits = (
        machine.tapes == 1
        and machine.two_way
        and machine.start is None
        and 1 <= len(states) < len(ascii_uppercase)
        and tuple(states) == tuple(ascii_uppercase[: len(states)])
        and machine.symbols == tuple(digits[: len(machine.symbols)])
        and len(machine.symbols) >= 2
        and machine.initial not in machine.halting
        and HALTING_LETTERS[-1] not in states
        and all(action.moves != (Move.STAY,) for action in machine.transitions.values())
    )
    if not fits:
        return None
    entries = []
    for state in states:
        row = ""
        for symbol in machine.symbols:
            action = machine.action(state, (symbol,))
            if action is None:
                row += UNDEFINED
            else:
                following = HALTING_LETTERS[-1] if action.state in machine.halting else action.state
                row += action.written[0] + action.moves[0].value + following
        entries.append(row)
    return "_".join(entries)


def _is_text_of(text: str, machine: TapeMachine) -> bool:
    """Whether a text is one of the standard format that describes this very machine."""
    try:
        return looks_like_busy_beaver(text) and read(Text(text, text)) == machine
    except MachineTextError:
        return False


def takes_symbol(symbol: str) -> bool:
    """Whether a symbol can be written in this format; capitals are left to states and moves."""
    return re.fullmatch(r"[0-9a-z]+", symbol) is not None


def takes_state(state: str) -> bool:
    """Whether a state can be written in this format: an entry always tells where its state begins."""
    return re.fullmatch(r"[A-Z][A-Za-z0-9]*", state) is not None and state not in HALTS


def write(machine: TapeMachine) -> str:
    """The machine, whose names can all be written, as CSV.  Errors: MachineError, if it has no table."""
    if machine.tapes != 1:
        raise MachineError(f"A table of entries has one tape: {machine.name} has {machine.tapes}.")
    running = [state for state in machine.states if state not in machine.halting]
    halts = next((name for name in HALTS if name not in running), None)
    if not running or halts is None:
        raise MachineError(f"{machine.name} has no table: its states are {listed(machine.states)}.")
    lines = [",".join(["", *machine.symbols])]
    for state in running:
        cells = [state]
        for symbol in machine.symbols:
            action = machine.action(state, (symbol,))
            if action is None:
                cells.append(UNDEFINED)
                continue
            following = halts if action.state in machine.halting else action.state
            entry = action.written[0] + action.moves[0].value + following
            if len(_splits(entry, running, machine.symbols)) != 1:
                raise MachineError(f"The entry {entry!r} of {machine.name} can be read in two ways: rename its states.")
            cells.append(entry)
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"
