"""The text of a theory, and formulas, numbers and contents (THEORIES 2 and 3).

First loops are unrolled: a *scope* says what the names in braces and in headers of loops stand for: a number, an
element, a list of elements (a set) or a row, a list of rows (a table). Then formulas, numbers and contents are read.
Formulas and contents of the annotation are read by the same functions, without loops.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from . import Deadline, Rejected, demand, limit

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORDS = {
    *("true", "false", "not", "and", "or", "of", "if", "else", "any", "bit", "drop", "high", "sign", "upper", "onehot"),
    *("j", "pos"),
}
"""Names that no ghost, set, table or name may have; classes may."""

Scope = dict[str, Any]


def is_name(text: str) -> bool:
    return NAME.fullmatch(text) is not None


def is_element(text: str) -> bool:
    return re.fullmatch(r"[^\s'\[\]{}]+", text) is not None and text.isprintable()


# Loops.


def _sum(text: str, scope: Scope, place: str) -> int:
    """Numbers, and names of numbers, added and subtracted: k, r-1, r+r+3."""
    total = 0
    parts = re.findall(r"([+-]?)(\w+)", text)
    demand("".join(a + b for a, b in parts) == text.replace(" ", ""), f"{place}: {text!r} is no sum of numbers")
    for operator, part in parts:
        value = int(part) if re.fullmatch(r"[0-9]{1,40}", part) else scope.get(part)
        if type(value) is not int:
            raise Rejected(f"{place}: {part!r} is no number here")
        total += -value if operator == "-" else value
    return total


def _stands_for(text: str, scope: Scope, place: str) -> str:
    """What `{text}` becomes."""
    name, dot, column = text.partition(".")
    if dot:
        row, index = scope.get(name), _sum(column, scope, place)
        if not isinstance(row, tuple) or not 1 <= index <= len(row):
            raise Rejected(f"{place}: {{{text}}}: no such row or column")
        return str(row[index - 1])
    value = scope.get(text)
    if not isinstance(value, str):
        value = _sum(text, scope, place)
        demand(value >= 0, f"{place}: {{{text}}} is negative")
    return str(value)


class Unroller:
    """Unrolls loops, and counts what it makes."""

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.turns = 0
        self.characters = 0

    def turn(self, characters: int) -> None:
        self.turns += 1
        self.characters += characters
        limit(self.turns, 2**17, "turns of loops")
        limit(self.characters, 2**22, "characters of an unrolled text")
        if not self.turns & 0xFF:
            self.deadline.look()

    def scopes(self, header: str, scope: Scope, place: str) -> Iterator[Scope]:
        """For `k in 1..n, l in 1..k`: every scope that it makes of this one, in order."""
        first, _, others = header.partition(",")
        match = re.fullmatch(r"\s*(\w+) in (\S+)\s*", first)
        if not match or not is_name(match[1]):
            raise Rejected(f"{place}: {first!r} is no header of a loop")
        name, over = match[1], match[2]
        low, dots, high = over.partition("..")
        values: Any = scope.get(over)
        if dots:
            start, end = _sum(low, scope, place), _sum(high, scope, place)
            limit(end - start, 2**16, "turns of a loop")
            values = range(start, end + 1)
        elif not isinstance(values, list):
            raise Rejected(f"{place}: {over!r} is no range, set or table")
        for value in values:
            self.turn(len(header))
            inner = {**scope, name: value}
            if others:
                yield from self.scopes(others, inner, place)
            else:
                yield inner

    def lines(self, line: str, scope: Scope, place: str) -> Iterator[str]:
        """What a line becomes: one line, or one for each turn of its loops."""
        if line.startswith("for "):
            header, colon, rest = line[4:].partition(": ")
            demand(bool(colon), f"{place}: a loop without a line")
            for inner in self.scopes(header, scope, place):
                yield from self.lines(rest.strip(), inner, place)
        else:
            yield self.expanded(line, scope, place)

    def expanded(self, text: str, scope: Scope, place: str) -> str:
        """Braces replaced by what they stand for; all[..], any[..], each[..] by what they join."""
        result = []
        while match := re.search(r"\b(all|any|each)\[|\{", text):
            result.append(text[: match.start()])
            rest = text[match.end() :]
            if not match[1]:
                inside, brace, text = rest.partition("}")
                demand(bool(brace), f"{place}: a brace is not closed")
                result.append(_stands_for(inside, scope, place))
                continue
            depth, end = 1, 0
            while depth and end < len(rest):
                depth += (rest[end] == "[") - (rest[end] == "]")
                end += 1
            demand(depth == 0, f"{place}: {match[0]} is not closed")
            header, colon, body = rest[: end - 1].partition(": ")
            demand(bool(colon), f"{place}: {match[0]} has no colon")
            parts = []
            for inner in self.scopes(header, scope, place):
                parts.append(self.expanded(body, inner, place))
                self.turn(len(parts[-1]))
            if match[1] == "each":
                result.append(" ".join(parts))
            elif parts:
                result.append(
                    "(" + (" and " if match[1] == "all" else " or ").join(f"({part})" for part in parts) + ")"
                )
            else:
                result.append("true" if match[1] == "all" else "false")
            text = rest[end:]
        self.turn(len(text))
        return "".join(result) + text


# Formulas, numbers and contents, as trees.


@dataclass(frozen=True)
class Ghost:
    """A ghost or a name, of the token i or of j."""

    name: str
    of_j: bool = False


@dataclass(frozen=True)
class Constant:
    value: int


@dataclass(frozen=True)
class Element:
    name: str


@dataclass(frozen=True)
class Plus:
    left: Number
    right: Number


@dataclass(frozen=True)
class Cut:
    """`how` is "minus": max(number - by, 0); "drop": floor(number / 2^by); "high": number - number mod 2^by."""

    how: str
    number: Number
    by: int


Number = Ghost | Constant | Element | Plus | Cut


@dataclass(frozen=True)
class Truth:
    value: bool


@dataclass(frozen=True)
class Flag:
    ghost: Ghost


@dataclass(frozen=True)
class Bit:
    number: Number
    place: int


@dataclass(frozen=True)
class Compare:
    how: str
    left: Number
    right: Number


@dataclass(frozen=True)
class RowOf:
    """A row of the table begins with these elements."""

    table: str
    ghosts: tuple[Ghost, ...]


@dataclass(frozen=True)
class Not:
    part: Formula


@dataclass(frozen=True)
class Joined:
    """All of the parts, or some of them."""

    every: bool
    parts: tuple[Formula, ...]


Formula = Truth | Flag | Bit | Compare | RowOf | Not | Joined


@dataclass(frozen=True)
class Unknown:
    """`any`: each coordinate is -1, 0 or 1."""


@dataclass(frozen=True)
class Fixed:
    value: int


@dataclass(frozen=True)
class Signs:
    """sign(number) from place `low` on, 0 below."""

    number: Number
    low: int = 0


@dataclass(frozen=True)
class OneHot:
    number: Number


@dataclass(frozen=True)
class Choice:
    formula: Formula
    then: Content
    otherwise: Content


Content = Unknown | Fixed | Signs | OneHot | Choice

MARKS = re.compile(r"\s*(=>|<=|>=|!=|'[^'\s]*'|[=<>(),+-]|j\.[A-Za-z_]\w*|[A-Za-z_]\w*|[0-9]+)", re.ASCII)
COMPARISONS = ("=", "!=", "<=", "<", ">=", ">")


class Reader:
    """Reads one text from left to right; every function reads the longest phrase of its kind."""

    def __init__(self, text: str, place: str) -> None:
        limit(len(text), 2**14, f"{place}: characters")
        self.text, self.place, self.at, self.depth = text, place, 0, 0
        self.marks: list[str] = []
        end = 0
        while match := MARKS.match(text, end):
            self.marks.append(match[1])
            end = match.end()
        if text[end:].strip():
            self.fail(f"{text[end:].strip()[:20]!r}")
        self.marks.append("")

    def fail(self, what: str = "") -> NoReturn:
        what = what or repr(self.marks[self.at] or "the end")
        raise Rejected(f"{self.place}: {what} is not understood in {self.text[:200]!r}")

    def next(self, *wanted: str) -> bool:
        """Whether the next mark is one of these; then it is read."""
        if self.marks[self.at] in wanted:
            self.at += 1
            return True
        return False

    def need(self, wanted: str) -> None:
        if not self.next(wanted):
            self.fail()

    def deeper(self) -> None:
        self.depth += 1
        limit(self.depth, 60, f"{self.place}: phrases inside each other")

    def whole(self, read: Callable[[], Any]) -> Any:
        result = read()
        if self.marks[self.at]:
            self.fail()
        return result

    def bound(self) -> int:
        mark = self.marks[self.at]
        if not mark.isdigit():
            self.fail()
        self.at += 1
        limit(len(mark), 39, f"{self.place}: digits")
        limit(int(mark), 2**128, f"{self.place}: a number")
        return int(mark)

    def ghost(self) -> Ghost | None:
        """A ghost, if the next mark can be one."""
        mark = self.marks[self.at]
        of_j = mark.startswith("j.")
        name = mark.removeprefix("j.")
        if not is_name(name) or (name in WORDS and name != "pos"):
            return None
        self.at += 1
        return Ghost(name, of_j)

    def number(self) -> Number:
        """Plus and minus bind to the left: n - 1 + m is max(n - 1, 0) + m."""
        result = self.term()
        while self.marks[self.at] in ("+", "-"):
            if self.next("-"):
                result = Cut("minus", result, self.bound())
            else:
                self.need("+")
                result = Plus(result, self.term())
        return result

    def term(self) -> Number:
        mark = self.marks[self.at]
        if self.next("drop", "high"):
            self.deeper()
            self.need("(")
            inside = self.number()
            self.need(",")
            by = self.bound()
            self.need(")")
            self.depth -= 1
            return Cut(mark, inside, by)
        if mark.startswith("'"):
            self.at += 1
            return Element(mark[1:-1])
        return self.ghost() or Constant(self.bound())

    def formula(self) -> Formula:
        self.deeper()
        left = self.joined("or")
        if self.next("=>"):
            left = Joined(False, (Not(left), self.formula()))
        self.depth -= 1
        return left

    def joined(self, word: str) -> Formula:
        inner: Callable[[], Formula] = self.simple if word == "and" else lambda: self.joined("and")
        parts = [inner()]
        while self.next(word):
            parts.append(inner())
        return parts[0] if len(parts) == 1 else Joined(word == "and", tuple(parts))

    def simple(self) -> Formula:
        if self.next("not"):
            self.deeper()
            negated = Not(self.simple())
            self.depth -= 1
            return negated
        if self.next("("):
            inside = self.formula()
            self.need(")")
            return inside
        if self.marks[self.at] in ("true", "false"):
            self.at += 1
            return Truth(self.marks[self.at - 1] == "true")
        if self.next("bit"):
            self.need("(")
            number = self.number()
            self.need(",")
            place = self.bound()
            self.need(")")
            return Bit(number, place)
        if self.marks[self.at + 1 : self.at + 2] == ["of"] and is_name(self.marks[self.at]):
            table = self.marks[self.at]
            self.at += 2
            ghosts = []
            while ghost := self.ghost():
                ghosts.append(ghost)
            if not ghosts:
                self.fail()
            return RowOf(table, tuple(ghosts))
        left = self.number()
        how = self.marks[self.at]
        if self.next(*COMPARISONS):
            return Compare(how, left, self.number())
        if isinstance(left, Ghost):
            return Flag(left)
        return self.fail()

    def content(self) -> Content:
        mark = self.marks[self.at]
        if self.next("any"):
            return Unknown()
        if self.next("0", "1"):
            return Fixed(int(mark))
        if self.next("-"):
            self.need("1")
            return Fixed(-1)
        if self.next("("):
            self.deeper()
            then = self.content()
            self.need("if")
            formula = self.formula()
            self.need("else")
            otherwise = self.content()
            self.need(")")
            self.depth -= 1
            return Choice(formula, then, otherwise)
        if not self.next("sign", "upper", "onehot"):
            self.fail()
        self.need("(")
        number = self.number()
        low = 0
        if mark == "upper":
            self.need(",")
            low = self.bound()
        self.need(")")
        return OneHot(number) if mark == "onehot" else Signs(number, low)


def read_formula(text: str, place: str) -> Formula:
    reader = Reader(text, place)
    result: Formula = reader.whole(reader.formula)
    return result


def read_number(text: str, place: str) -> Number:
    reader = Reader(text, place)
    result: Number = reader.whole(reader.number)
    return result


def read_content(text: str, place: str) -> Content:
    reader = Reader(text, place)
    result: Content = reader.whole(reader.content)
    return result
