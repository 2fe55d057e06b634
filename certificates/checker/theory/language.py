"""Formulas and numbers about the ghosts of one token i, or of two tokens i and j: text -> syntax (THEORIES 3).

    FORMULA = FORMULA "=>" FORMULA | FORMULA "or" FORMULA | FORMULA "and" FORMULA | "not" FORMULA | "(" FORMULA ")"
            | "true" | "false" | FLAG | "bit(" NUMBER "," B ")" | NUMBER COMPARISON NUMBER | TABLE "of" GHOST ..
    NUMBER  = GHOST | "j." GHOST | B | "'" NAME "'" | NUMBER "+" NUMBER | NUMBER "-" B
            | "drop(" NUMBER "," B ")" | "high(" NUMBER "," B ")"
    CONTENT = "any" | "0" | "1" | "-1" | "sign(" NUMBER ")" | "upper(" NUMBER "," B ")" | "onehot(" NUMBER ")"
            | "(" CONTENT "if" FORMULA "else" CONTENT ")"

``=>`` binds least and to the right, then ``or``, ``and``, ``not``. B is a decimal number; drop(n, B) is n without its B
lowest bits, n // 2^B.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from exactformer.certificates.checker.document import Rejected, TooLarge, quote

LONGEST = 2**16
"""Characters of one text."""
LARGEST = 2**128
"""Of numbers in a text."""
DEEPEST = 100
"""Parentheses, negations, arrows and sums inside each other."""

COMPARISONS = ("=", "!=", "<=", "<", ">=", ">")
RESERVED = frozenset(
    (
        "any",
        "true",
        "false",
        "not",
        "and",
        "or",
        "if",
        "else",
        "bit",
        "drop",
        "high",
        "sign",
        "upper",
        "onehot",
        "j",
        "of",
    )
)


@dataclass(frozen=True)
class Ghost:
    """A ghost of the token i, or of j."""

    name: str
    of_j: bool = False


@dataclass(frozen=True)
class Constant:
    """A number."""

    value: int


@dataclass(frozen=True)
class Named:
    """An element of a set, by its name."""

    name: str


@dataclass(frozen=True)
class Shifted:
    """number + by; with by < 0 max(number + by, 0)."""

    number: Number
    by: int


@dataclass(frozen=True)
class Sum:
    """left + right."""

    left: Number
    right: Number


@dataclass(frozen=True)
class Dropped:
    """number // 2^low."""

    number: Number
    low: int


@dataclass(frozen=True)
class High:
    """number - number % 2^low."""

    number: Number
    low: int


Number: TypeAlias = Ghost | Constant | Named | Shifted | Sum | Dropped | High


@dataclass(frozen=True)
class Truth:
    """true or false."""

    value: bool


@dataclass(frozen=True)
class Flag:
    """That a flag is 1."""

    ghost: Ghost


@dataclass(frozen=True)
class Bit:
    """That a bit of a number is 1."""

    number: Number
    place: int


@dataclass(frozen=True)
class Compared:
    """left COMPARISON right."""

    comparison: str
    left: Number
    right: Number


@dataclass(frozen=True)
class Not:
    """The negation."""

    formula: Formula


@dataclass(frozen=True)
class Joined:
    """left and, or, => right."""

    word: str
    left: Formula
    right: Formula


@dataclass(frozen=True)
class Listed:
    """That a row of the table has these elements: ghosts, with columns from 0."""

    table: str
    entries: tuple[tuple[Ghost, int], ...]


FieldValue: TypeAlias = "Number | Bit"
"""What a field of a token may be."""
Formula: TypeAlias = "Truth | Flag | Bit | Compared | Not | Joined | Listed"


@dataclass(frozen=True)
class Unknown:
    """Every coordinate is -1, 0 or 1, and nothing is said of which."""


@dataclass(frozen=True)
class Same:
    """All coordinates are this number."""

    value: int


@dataclass(frozen=True)
class Code:
    """Coordinate c is 1 if bit c of the number is 1, else -1; but 0 where c < low."""

    number: Number
    low: int = 0


@dataclass(frozen=True)
class OneHot:
    """Coordinate c is 1 if the number is c, else 0."""

    number: Number


@dataclass(frozen=True)
class Either:
    """``then`` if the condition holds, else ``other``."""

    condition: Formula
    then: Content
    other: Content


Content: TypeAlias = "Unknown | Same | Code | OneHot | Either"


def ghosts_in(part: Formula | Number) -> Iterator[Ghost]:
    """The ghosts that a formula or a number speaks of."""
    match part:
        case Ghost():
            yield part
        case Shifted(inside) | Dropped(inside) | High(inside) | Bit(inside) | Flag(inside) | Not(inside):
            yield from ghosts_in(inside)
        case Sum(left, right) | Compared(_, left, right) | Joined(_, left, right):
            yield from ghosts_in(left)
            yield from ghosts_in(right)
        case Listed(_, entries):
            yield from (ghost for ghost, _ in entries)


def atoms_in(formula: Formula) -> Iterator[Formula]:
    """The formulas, not joined or negated, of which a formula is made."""
    match formula:
        case Not(inside):
            yield from atoms_in(inside)
        case Joined(_, left, right):
            yield from atoms_in(left)
            yield from atoms_in(right)
        case _:
            yield formula


_TOKEN = re.compile(r"\s*(?:(=>|!=|<=|>=|[=<>(),+.-])|([A-Za-z_][A-Za-z_0-9]*)|([0-9]+)|'([^']*)')", re.ASCII)
Parsed = TypeVar("Parsed")


def read_formula(at: str, text: str) -> Formula:
    """The formula that a text says; `Rejected`, at ``at``, if it says none."""
    return _whole(at, text, _Reader.formula)


def read_number(at: str, text: str) -> Number:
    """The number that a text says."""
    return _whole(at, text, _Reader.number)


def read_field(at: str, text: str) -> FieldValue:
    """The value of a token's field that a text says: a number, or a bit of one."""
    return _whole(at, text, _Reader.field)


def read_listed(at: str, text: str) -> Listed | None:
    """TABLE of GHOST ..; None for other texts."""
    if not re.match(r"\s*\w+\s+of\s", text, re.ASCII):
        return None
    return _whole(at, text, _Reader.listed)


def read_content(at: str, text: str) -> Content:
    """The content that a text says."""
    return _whole(at, text, _Reader.content)


def _whole(at: str, text: str, part: Callable[[_Reader], Parsed]) -> Parsed:
    reader = _Reader(at, text)
    found = part(reader)
    if reader.left:
        raise reader.wrong("the end")
    return found


class _Reader:
    """Recursive descent, one method for each rule of the grammar."""

    def __init__(self, at: str, text: str) -> None:
        if len(text) > LONGEST:
            raise TooLarge(f"{at} has {len(text)} characters; this checker reads {LONGEST}")
        self.at, self.text, self.place, self.depth = at, text, 0, 0
        self.tokens: list[tuple[str, str]] = []
        end = 0
        while text[end:].strip():
            found = _TOKEN.match(text, end)
            if found is None:
                raise Rejected(at, f"{quote(text)} has something at character {end} that belongs to no formula")
            kind = ("sign", "name", "number", "quoted")[(found.lastindex or 1) - 1]
            self.tokens.append((kind, found[found.lastindex or 1]))
            end = found.end()

    @property
    def left(self) -> bool:
        """Whether there is more."""
        return self.place < len(self.tokens)

    def wrong(self, expected: str) -> Rejected:
        """What to raise where something else was expected."""
        found = quote(self.tokens[self.place][1]) if self.left else "nothing"
        return Rejected(self.at, f"{quote(self.text)} has {found} where {expected} must be")

    def next_is(self, *values: str) -> bool:
        return self.left and self.tokens[self.place][0] != "quoted" and self.tokens[self.place][1] in values

    def take(self, *values: str) -> str | None:
        """The next token, if it is one of these."""
        if not self.next_is(*values):
            return None
        self.place += 1
        return self.tokens[self.place - 1][1]

    def need(self, value: str) -> None:
        if self.take(value) is None:
            raise self.wrong(quote(value))

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise TooLarge(f"{self.at}: more than {DEEPEST} formulas inside each other")

    def formula(self) -> Formula:
        self.deeper()
        left = self.joined("or", lambda: self.joined("and", self.negation))
        found = Joined("=>", left, self.formula()) if self.take("=>") else left
        self.depth -= 1
        return found

    def joined(self, word: str, part: Callable[[], Formula]) -> Formula:
        found = part()
        while self.take(word):
            found = Joined(word, found, part())
        return found

    def negation(self) -> Formula:
        if self.take("not"):
            self.deeper()
            found = Not(self.negation())
            self.depth -= 1
            return found
        return self.atom()

    def atom(self) -> Formula:
        if word := self.take("true", "false"):
            return Truth(word == "true")
        if self.take("("):
            inside = self.formula()
            self.need(")")
            return inside
        if self.next_is("bit"):
            return self.bit()
        if self.place + 1 < len(self.tokens) and self.tokens[self.place + 1] == ("name", "of"):
            return self.listed()
        left = self.number()
        comparison = self.take(*COMPARISONS)
        if comparison is not None:
            return Compared(comparison, left, self.number())
        if not isinstance(left, Ghost):
            raise self.wrong("a comparison")
        return Flag(left)

    def listed(self) -> Listed:
        table = self.word("a table")
        self.need("of")
        ghosts = [self.ghost()]
        while self.left and self.tokens[self.place][0] == "name" and (self.next_is("j") or not self.next_is(*RESERVED)):
            ghosts.append(self.ghost())
        return Listed(table, tuple((ghost, column) for column, ghost in enumerate(ghosts)))

    def field(self) -> FieldValue:
        return self.bit() if self.next_is("bit") else self.number()

    def bit(self) -> Bit:
        self.need("bit")
        return Bit(*self.number_and_place())

    def number_and_place(self) -> tuple[Number, int]:
        self.need("(")
        self.deeper()
        number = self.number()
        self.depth -= 1
        self.need(",")
        place = self.whole()
        self.need(")")
        return number, place

    def whole(self) -> int:
        if not self.left or self.tokens[self.place][0] != "number":
            raise self.wrong("a number")
        digits = self.tokens[self.place][1]
        if len(digits) > 40 or int(digits) > LARGEST:
            raise TooLarge(f"{self.at}: {quote(digits)} is beyond the 2^128 that this checker reads")
        self.place += 1
        return int(digits)

    def number(self) -> Number:
        found, outside = self.primary(), self.depth
        while sign := self.take("+", "-"):
            self.deeper()
            if sign == "+" and self.left and self.tokens[self.place][0] != "number":
                found = Sum(found, self.primary())
            else:
                by = self.whole()
                found = Shifted(found, by if sign == "+" else -by)
        self.depth = outside
        return found

    def primary(self) -> Number:
        if not self.left:
            raise self.wrong("a number")
        kind, value = self.tokens[self.place]
        if kind == "number":
            return Constant(self.whole())
        if kind == "quoted":
            self.place += 1
            return Named(value)
        if self.take("drop"):
            return Dropped(*self.number_and_place())
        if self.take("high"):
            return High(*self.number_and_place())
        return self.ghost()

    def ghost(self) -> Ghost:
        of_j = self.take("j") is not None
        if of_j:
            self.need(".")
        return Ghost(self.word("a ghost or a number"), of_j)

    def word(self, what: str) -> str:
        if not self.left or self.tokens[self.place][0] != "name" or self.tokens[self.place][1] in RESERVED:
            raise self.wrong(what)
        self.place += 1
        return self.tokens[self.place - 1][1]

    def content(self) -> Content:
        if self.take("any"):
            return Unknown()
        if self.take("-"):
            self.need("1")
            return Same(-1)
        if digit := self.take("0", "1"):
            return Same(int(digit))
        if self.take("upper"):
            return Code(*self.number_and_place())
        if word := self.take("sign", "onehot"):
            self.need("(")
            number = self.number()
            self.need(")")
            return Code(number) if word == "sign" else OneHot(number)
        self.need("(")
        self.deeper()
        then = self.content()
        self.need("if")
        condition = self.formula()
        self.need("else")
        other = self.content()
        self.need(")")
        self.depth -= 1
        return Either(condition, then, other)
