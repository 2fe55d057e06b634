"""The text of a theory and its parameters -> plain lines (THEORIES 2): loops unrolled, names filled in, comments gone.

    # ...                            a comment, if the line begins with it

for k in 1..n: LINE              the line once for every k; several loops are separated by commas
for a in LETTERS: LINE           once for every element of a set
{k}, {k+1}, {r-k}                the value: sums of numbers, parameters and loop variables
all[k in 1..n: FORMULA]          joined by "and", true of none; any[..] by "or", false of none
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from exactformer.certificates.checker.document import Rejected, TooLarge, quote

Value: TypeAlias = "int | str | tuple[str, ...] | tuple[tuple[str, ...], ...]"
"""Of a parameter or a loop variable: a number, an element, a set or a row, a table."""

MOST_LINES, MOST_CHARACTERS = 2**16, 2**22
"""Of a theory, unrolled."""
LONGEST_ELEMENT = 2**8
"""Of sets and tables."""
MOST_TURNS, MOST_READ = 2**18, 2**23
"""Turns of all loops, and characters that are gone through, also where nothing comes of them."""

_NAME = r"[A-Za-z_][A-Za-z_0-9]*"
_LOOP = re.compile(rf"({_NAME}) in (?:([\w+-]+)\.\.([\w+-]+)|({_NAME}))", re.ASCII)
_FOLD = re.compile(rf"(all|any|each)\[({_NAME} in [^:\[\]]+): ([^\[\]]*)\]", re.ASCII)
_SUMMAND = re.compile(rf"([+-]?)\b({_NAME})\b", re.ASCII)
_FILLED = re.compile(r"\{([^{}]*)\}")
_SET = re.compile(rf"set ({_NAME}) = (.*)", re.ASCII)
_COLUMN = re.compile(rf"({_NAME})\.(.*)", re.ASCII)
_SUM = re.compile(r"[+-]?\w+(?:[+-]\w+)*", re.ASCII)


def lines_of(text: str, parameters: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Where each line stands in the text, and the line, unrolled."""
    made, characters, known, spent = 0, 0, dict(parameters), _Spent()
    for number, raw in enumerate(text.split("\n"), start=1):
        line, at = raw.strip(), f"theory, line {number}"
        if not line or line.startswith("#"):
            continue
        if found := _SET.fullmatch(line):
            if found[1] in known:
                raise Rejected(at, f"{quote(found[1])} is a parameter or a set already")
            known[found[1]] = tuple(found[2].split())
            require_short(at, known[found[1]])
        for one in _unrolled(at, line, known, spent):
            made, characters = made + 1, characters + len(one)
            if made > MOST_LINES or characters > MOST_CHARACTERS:
                raise TooLarge(
                    f"{at}: the theory, unrolled, has more than {MOST_LINES} lines or {MOST_CHARACTERS} characters"
                )
            yield at, one


def require_short(at: str, value: Value) -> None:
    """No name of a set, and no entry of a table, is long: a line may have it many times."""
    for one in value if isinstance(value, tuple) else ():
        if isinstance(one, tuple):
            require_short(at, one)
        elif len(one) > LONGEST_ELEMENT:
            raise TooLarge(f"{at}: a name has more than {LONGEST_ELEMENT} characters")


@dataclass
class _Spent:
    """How much work unrolling has been so far."""

    turns: int = 0
    read: int = 0

    def on(self, at: str, characters: int) -> None:
        """One more turn, in which this many characters are read or made; `TooLarge` before it is much work."""
        self.turns, self.read = self.turns + 1, self.read + characters
        if self.turns > MOST_TURNS or self.read > MOST_READ:
            raise TooLarge(f"{at}: unrolling takes more than {MOST_TURNS} turns, or reads {MOST_READ} characters")


def _unrolled(at: str, line: str, known: dict[str, Value], spent: _Spent) -> Iterator[str]:
    if not line.startswith("for "):
        spent.on(at, len(line))
        yield _filled(at, _folded(at, line, known, spent), known)
        return
    head, colon, rest = line[4:].partition(":")
    if not colon:
        raise Rejected(at, "a line that begins with for has no colon")
    loops = [part.strip() for part in head.split(",")]
    for inner in _bindings(at, loops, known, spent):
        yield from _unrolled(at, rest.strip(), inner, spent)


def _bindings(at: str, loops: Sequence[str], known: dict[str, Value], spent: _Spent) -> Iterator[dict[str, Value]]:
    if not loops:
        yield known
        return
    for name, value in _loop(at, loops[0], known):
        spent.on(at, sum(map(len, loops)))
        yield from _bindings(at, loops[1:], known | {name: value}, spent)


def _loop(at: str, text: str, known: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    """The values of one loop variable."""
    found = _LOOP.fullmatch(text)
    if found is None:
        raise Rejected(at, f"{quote(text)} is not a loop: k in 1..n, or a in SET")
    name, low, high, collection = found.groups()
    if name in known:
        raise Rejected(at, f"{quote(name)} is a parameter or a loop variable already")
    if collection is None:
        first, last = _sum(at, low, known), _sum(at, high, known)
        if last - first > MOST_LINES:
            raise TooLarge(f"{at}: a loop from {first} to {last}")
        yield from ((name, value) for value in range(first, last + 1))
        return
    values = known.get(collection)
    if not isinstance(values, tuple):
        raise Rejected(at, f"{quote(collection)} is not a set")
    yield from ((name, value) for value in values)


def _folded(at: str, line: str, known: dict[str, Value], spent: _Spent) -> str:
    """The line without all[..] and any[..]; inner ones first."""
    while found := _FOLD.search(line):
        spent.on(at, len(line))
        word, loop, body = found.groups()
        shown = body if word == "each" else f"({body})"
        parts, length = list[str](), len(line)
        for name, value in _loop(at, loop, known):
            parts.append(_filled(at, shown, known | {name: value}, known))
            spent.on(at, len(shown))
            length += len(parts[-1]) + len(" and ")
            if length > MOST_CHARACTERS:
                raise TooLarge(f"{at}, with {word}[..] written out, has more than {MOST_CHARACTERS} characters")
        empty, joint = {"all": ("true", " and "), "any": ("false", " or "), "each": ("", " ")}[word]
        joined = joint.join(parts) or empty
        line = f"{line[: found.start()]}{joined if word == 'each' else f'({joined})'}{line[found.end() :]}"
    return line


def _filled(at: str, line: str, known: Mapping[str, Value], outer: Mapping[str, Value] | None = None) -> str:
    """With values in the place of {..}; given ``outer``, only where its variables do not suffice."""

    def summand(found: re.Match[str]) -> str:
        one = known.get(found[2])
        return f"{-one if found[1] == '-' else one:+d}" if isinstance(one, int) else found[0]

    def value(found: re.Match[str]) -> str:
        text = found[1].strip()
        names = re.findall(_NAME, text)
        if outer is not None and not any(name in known and name not in outer for name in names):
            return found[0]
        one = known.get(text)
        if isinstance(one, str):
            return one
        if column := _COLUMN.fullmatch(text):
            if outer is not None and column[1] not in known:  # a row of a loop further outside
                return f"{{{column[1]}.{_sum(at, column[2], known)}}}"
            return _entry(at, column[1], column[2], known)
        if outer is not None and any(name not in known for name in names):
            # The others are of a loop further outside, which comes later.
            return f"{{{re.sub(_SUMMAND, summand, text)}}}"
        return str(_sum(at, text, known))

    return _FILLED.sub(value, line)


def _entry(at: str, name: str, column: str, known: Mapping[str, Value]) -> str:
    """An entry of a row."""
    row, place = known.get(name), _sum(at, column, known)
    if not isinstance(row, tuple) or not 1 <= place <= len(row):
        raise Rejected(at, f"there is no column {place} of {quote(name)}")
    entry = row[place - 1]
    if not isinstance(entry, str):
        raise Rejected(at, f"{quote(name)} is a table, not a row")
    return entry


def _sum(at: str, text: str, known: Mapping[str, Value]) -> int:
    """A sum of numbers and of names of numbers."""
    if not _SUM.fullmatch(text):
        raise Rejected(at, f"{quote(text)} is not a sum of numbers and parameters")
    total = 0
    for sign, part in re.findall(r"([+-]?)(\w+)", text):
        value = int(part) if part.isdecimal() and len(part) < 40 else known.get(part)
        if not isinstance(value, int):
            raise Rejected(at, f"{quote(part)} is neither a number nor the name of one")
        total += -value if sign == "-" else value
    return total
