"""A Turing machine, given as text: its tables as a theory has them, and its bound on writes per cell (MACHINES 1).

The text is the YAML of `constructions/machines/README.md`: lines `key: value`, `key: [value, value]`, `- "row"`.
A *view* of a watched cell of one tape is a state, the place of the head (below, at or above the cell), and the symbol in
the cell. An *edge* is a row that may be taken there, and where it leads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import Deadline, Unreadable, limit


@dataclass(frozen=True)
class Row:
    state: str
    read: tuple[str, ...]
    to: str
    written: tuple[str, ...]
    moves: tuple[str, ...]


@dataclass(frozen=True)
class Machine:
    name: str
    tapes: int
    states: tuple[str, ...]
    halting: str
    alphabet: tuple[str, ...]
    inputs: tuple[str, ...]
    rows: tuple[Row, ...]

    def parameters(self) -> dict[str, Any]:
        """What the theories `turing-cot` and `turing-scot` have as parameters, but for WRITES; rows in any order."""
        return {
            "K": self.tapes,
            "STATES": list(self.states),
            "GAMMA": list(self.alphabet),
            "INPUTS": list(self.inputs),
            "ROWS": sorted([row.state, *row.read, row.to, *row.written, *row.moves] for row in self.rows),
            "INITIAL": [self.states[0]],
            "HALTING": [self.halting],
            "BLANK": [self.alphabet[0]],
        }


def _value(text: str, place: str) -> str:
    match = re.fullmatch(r'"([^"\\]*)"|([^\s"\\,\[\]{}&*#?|<>=!%@:-][^\s"\\,\[\]]*)', text)
    if not match:
        raise Unreadable(f"{place}: {text[:40]!r} is no name")
    return match[1] if match[1] is not None else match[2]


def _list(text: str, place: str) -> tuple[str, ...]:
    if not (text.startswith("[") and text.endswith("]")):
        raise Unreadable(f"{place}: not a list")
    items = re.findall(r'\s*("[^"]*"|[^",\s]+)\s*(?:,|$)', text[1:-1])
    result = tuple(_value(item, place) for item in items)
    if len(set(result)) != len(result) or len(result) != len(re.sub(r'"[^"]*"', "", text).split(",")):
        raise Unreadable(f"{place}: not a list of different names")
    return result


def read_machine(text: str) -> Machine:
    limit(len(text), 2**18, "characters of a machine")
    values: dict[str, str] = {}
    lines: list[tuple[str, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        line, place = line.removesuffix("\r"), f"machine, line {number}"
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if match := re.fullmatch(r'\s+- "([^"\\]*)"\s*', line):
            if next(reversed(values), "") != "transitions":
                raise Unreadable(f"{place}: a row outside of the transitions")
            lines.append((place, match[1]))
        elif (match := re.fullmatch(r"(\w+):\s*(.*?)\s*", line)) and match[1] not in values:
            values[match[1]] = match[2]
        else:
            raise Unreadable(f"{place}: {line[:40]!r} is not understood")
    keys = {"name", "tapes", "states", "halting", "alphabet", "input", "transitions"}
    if set(values) != keys or values["transitions"] not in ("", "[]"):
        raise Unreadable(f"machine: keys are missing, or unknown: {' '.join(sorted(set(values) ^ keys))[:80]}")
    if not re.fullmatch(r"[1-9][0-9]{0,2}", values["tapes"], re.ASCII):
        raise Unreadable("machine: tapes is no number from 1 to 999")
    tapes = int(values["tapes"])
    lists = {key: _list(values[key], f"machine: {key}") for key in ("states", "alphabet", "input")}
    rows = []
    for place, line in lines:
        fields = line.split()
        if len(fields) != 3 * tapes + 3 or fields[tapes + 1] != "->":
            raise Unreadable(f"{place}: a row has {3 * tapes + 3} fields")
        read, written, moves = fields[1 : tapes + 1], fields[tapes + 3 : 2 * tapes + 3], fields[2 * tapes + 3 :]
        row = Row(fields[0], tuple(read), fields[tapes + 2], tuple(written), tuple(moves))
        known = {row.state, row.to} <= set(lists["states"]) and {*read, *written} <= set(lists["alphabet"])
        if not known or not set(moves) <= set("LSR"):
            raise Unreadable(f"{place}: a state, symbol or move that there is not")
        rows.append(row)
    if len({(row.state, row.read) for row in rows}) != len(rows):
        raise Unreadable("machine: two rows for one state and symbols")
    halting = _value(values["halting"], "machine: halting")
    if not lists["states"] or halting not in lists["states"][1:] or not lists["alphabet"]:
        raise Unreadable("machine: no states, no alphabet, or a halting state that is none of the others")
    if not set(lists["input"]) <= set(lists["alphabet"][1:]):
        raise Unreadable("machine: an input symbol that is no symbol, or the blank")
    name = _value(values["name"], "machine: name")
    return Machine(name, tapes, lists["states"], halting, lists["alphabet"], lists["input"], tuple(rows))


View = tuple[str, str, str]


def _edges(machine: Machine, tape: int, view: View, cell_0: bool) -> Iterator[View]:
    state, place, symbol = view
    if state == machine.halting:
        return
    for row in machine.rows:
        if row.state != state or (place == "at" and row.read[tape] != symbol):
            continue
        move = row.moves[tape]
        then = (place,)
        if place == "below" and move == "R":
            then = ("below", "at")  # type: ignore[assignment]
        elif place == "above" and move == "L":
            then = ("above", "at")  # type: ignore[assignment]
        elif place == "at":
            then = ({"L": "at" if cell_0 else "below", "S": "at", "R": "above"}[move],)
        for next_place in then:
            yield row.to, next_place, row.written[tape] if place == "at" else symbol


def _writes(machine: Machine, tape: int, cell_0: bool, deadline: Deadline) -> int | None:
    """The most edges that leave views at the cell on one path, the input's write included; None if one is on a cycle.

    Views are put into strongly connected components (Tarjan's algorithm, without recursion); each component is
    finished after all that it leads to, so the longest path is known by then.
    """
    start = [machine.alphabet[0], *(machine.inputs if tape == 0 else ())]
    initial = [(machine.states[0], "at" if cell_0 else "below", symbol) for symbol in start]
    index: dict[View, int] = {}
    lowest: dict[View, int] = {}
    most: dict[View, int] = {}
    stack: list[View] = []
    for first in initial:
        work: list[tuple[View, list[View]]] = []
        if first not in index:
            work.append((first, []))
        while work:
            view, left = work[-1]
            if view not in index:
                index[view] = lowest[view] = len(index)
                limit(len(index), 2**16, "views of a cell")
                deadline.look()
                stack.append(view)
                left.extend(_edges(machine, tape, view, cell_0))
            while left and left[-1] in index:
                then = left.pop()
                if then not in most:
                    lowest[view] = min(lowest[view], lowest[then] if then in lowest else index[then])
            if left:
                work.append((left[-1], []))
                continue
            work.pop()
            if lowest[view] == index[view]:
                component = set(stack[stack.index(view) :])
                del stack[stack.index(view) :]
                best = 0
                for one in component:
                    for then in _edges(machine, tape, one, cell_0):
                        writes = one[1] == "at"
                        if then in component and writes:
                            return None
                        if then not in component:
                            best = max(best, most[then] + writes)
                for one in component:
                    most[one] = best
    blank = machine.alphabet[0]
    return max(most[view] + (view[2] != blank) for view in initial)


def writes_per_cell(machine: Machine, deadline: Deadline) -> int | None:
    """The bound of MACHINES 1, or None."""
    bounds = []
    for tape in range(machine.tapes):
        for cell_0 in (True, False):
            bound = _writes(machine, tape, cell_0, deadline)
            if bound is None:
                return None
            bounds.append(bound)
    return max(bounds)
