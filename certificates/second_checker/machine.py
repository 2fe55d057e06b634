"""A Turing machine, given as text: its tables, as the theories `turing-cot` and `turing-scot` have them as parameters.

The text is the YAML of `constructions/machines/README.md`: lines `key: value`, `key: [value, value]`, `- "row"`.
The bound on writes per cell of MACHINES 1 is not computed: that of the theory stays assumed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from . import Unreadable, limit


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
