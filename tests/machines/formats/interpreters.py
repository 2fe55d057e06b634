"""What each tool does with its own text, said apart from the readers: rules are looked up while a machine runs.

Each gives the state, the head and the squares that are not blank after every step, until the machine stops or ``steps``
are taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import yaml

Seen = tuple[str, int, dict[int, str]]
SHIFT = {"L": -1, "R": 1, "N": 0, "S": 0, "l": -1, "r": 1, "*": 0}


def _run(
    state: str, word: str, blank: str, steps: int, look: Callable[[str, str], tuple[str, str, str] | None]
) -> Iterator[Seen]:
    """``look`` gives from a state and a symbol the symbol written, the move and the next state."""
    tape, head = dict(enumerate(word)), 0
    for _ in range(steps + 1):
        yield state, head, {square: symbol for square, symbol in tape.items() if symbol != blank}
        found = look(state, tape.get(head, blank))
        if found is None:
            return
        tape[head], move, state = found
        head += SHIFT[move]


def turingmachine_io(text: str, word: str, steps: int) -> Iterator[Seen]:
    """Read by a YAML library; keys may be numbers and lists."""

    class Loader(yaml.SafeLoader):
        pass

    def pairs(loader: yaml.SafeLoader, node: yaml.MappingNode) -> list[tuple[Any, Any]]:
        return [(loader.construct_object(a, True), loader.construct_object(b, True)) for a, b in node.value]

    Loader.add_constructor("tag:yaml.org,2002:map", pairs)
    top = dict(yaml.load(text, Loader))
    if "source code" in top:
        yield from turingmachine_io(top["source code"], word, steps)
        return
    table, synonyms = dict(top["table"]), dict(top.get("synonyms") or [])

    def look(state: str, symbol: str) -> tuple[str, str, str] | None:
        for keys, does in table[state] or []:
            if symbol not in [str(key) for key in (keys if isinstance(keys, list) else [keys])]:
                continue
            does = synonyms.get(does, does) if isinstance(does, str) else does
            if isinstance(does, str):
                return symbol, does, state
            parts = dict(does)
            written = str(parts.pop("write", symbol))
            ((move, following),) = parts.items()
            return written, move, str(following) if following is not None else state
        return None

    return (yield from _run(str(top["start state"]), word, str(top["blank"]), steps, look))


def morphett(text: str, word: str, steps: int, first: str = "0") -> Iterator[Seen]:
    """The most specific rule."""
    rules = [line.split(";")[0].split()[:5] for line in text.splitlines() if line.split(";")[0].split()]

    def look(state: str, symbol: str) -> tuple[str, str, str] | None:
        if state.lower().startswith("halt"):
            return None
        for pattern in ([state, symbol], [state, "*"], ["*", symbol], ["*", "*"]):
            for rule in rules:
                if rule[:2] == pattern:
                    written, move, following = rule[2:]
                    return symbol if written == "*" else written, move.lower(), state if following == "*" else following
        return None

    return _run(first, word, "_", steps, look)


def jflap(text: str, word: str, steps: int) -> Iterator[Seen]:
    """One tape: the transition whose label matches."""
    root = ElementTree.fromstring(text.encode())
    states = {each.get("id"): each for each in root.iter() if each.tag in ("state", "block")}
    names = {key: each.get("name") or f"q{key}" for key, each in states.items()}
    (first,) = [names[key] for key, each in states.items() if each.find("initial") is not None]
    final = {names[key] for key, each in states.items() if each.find("final") is not None}

    def look(state: str, symbol: str) -> tuple[str, str, str] | None:
        for each in root.iter("transition"):
            read, written = ((each.findtext(tag) or "").strip() for tag in ("read", "write"))
            matches = symbol != (read[1:] or "□") if read.startswith("!") else read in ("~",) or (read or "□") == symbol
            if names[each.findtext("from")] == state and matches and state not in final:
                return (
                    symbol if written == "~" else written or "□",
                    each.findtext("move") or "",
                    names[each.findtext("to")],
                )
        return None

    return _run(first, word, "□", steps, look)


def dtm(text: str, word: str, steps: int) -> Iterator[Seen]:
    """JSON of a machine of one tape."""
    top = json.loads(text)

    def look(state: str, symbol: str) -> tuple[str, str, str] | None:
        entry = top["transitions"].get(state, {}).get(symbol)
        return None if entry is None else (entry[1], entry[2], entry[0])

    return _run(top["initial_state"], word, top["blank_symbol"], steps, look)
