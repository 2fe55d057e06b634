"""What an annotation says a register holds: the grammar of SPEC 11.2 and how its sentences are read.

Words:
    number     a ghost that is written in bits, or a number made from one, such as max(i - 3, 0)
    move       m_k: its two bits are those of enc_move, so that it is the number 0, 1 or 3 for left, stay, right
    flag       a ghost that is 0 or 1: halted, has_entry, written_k
    step       tau of a RUN token, beta of a BIT token
    content    a vector of a register, as a tree: conditions inside, what is held at its leaves
    settled    a content without conditions on a step and without ``[beta]``; one per state and content
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from certificates.checker.document import Rejected, quote


@dataclass(frozen=True)
class Sizes:
    """What decides how many bits a number has."""

    r: int
    tapes: int
    state_bits: int
    symbol_bits: int


@dataclass(frozen=True)
class Number:
    """``kind`` is the letter; ``index`` the tape k, D of max(i - D, 0), B of i - (o mod 2^B), else 0."""

    kind: str
    index: int
    bits: int


ZERO = Number("blank", 0, 0)
"""The number 0: it has no bit that is 1, so no bit is kept."""


@dataclass(frozen=True)
class Flag:
    """A ghost that is 0 or 1, by its name."""

    name: str


@dataclass(frozen=True)
class Bit:
    """A bit of a number: as a condition, that it is 1; as a content, +1 or -1."""

    number: Number
    place: int


@dataclass(frozen=True)
class IsZero:
    """The condition that a number is 0."""

    number: Number


@dataclass(frozen=True)
class Step:
    """The condition ``tau <= bound`` or ``tau = bound`` (or of beta)."""

    ghost: str
    relation: str
    bound: int

    def holds(self, step: int) -> bool:
        return step <= self.bound if self.relation == "<=" else step == self.bound


Condition: TypeAlias = Flag | Bit | IsZero | Step


@dataclass(frozen=True)
class Constant:
    """All coordinates are ``value``."""

    value: int


@dataclass(frozen=True)
class Code:
    """Coordinate c is +1 or -1 as bit c of the number is 1 or 0; those below ``low`` are 0."""

    number: Number
    low: int


@dataclass(frozen=True)
class BitOfBlock:
    """Bit beta + ``more`` of a number, at a BIT token."""

    number: Number
    more: int


@dataclass(frozen=True)
class Fetched:
    """What a register of the token max(i - back, 0) held before a layer."""

    register: str
    back: int
    layer: int


@dataclass(frozen=True)
class Choice:
    """One of two contents."""

    condition: Condition
    then: Content
    other: Content


Content: TypeAlias = Constant | Code | Bit | BitOfBlock | Fetched | Choice

NOTHING = Constant(0)

_D = r"(?:0|[1-9][0-9]{0,5})"
_NUMBER = (
    rf"max\(i - (?P<back>[1-9][0-9]{{0,5}}), 0\)|i - \(o mod 2\^(?P<below>{_D})\)|(?P<plain>blank|i|q'|q|s|o)|"
    + (r"(?P<kind>a'|[acxwgy])_(?P<tape>[1-9][0-9]{0,5})")
)
_LEAF = re.compile(
    rf"(?P<constant>[01])|enc\((?:{_NUMBER})\)(?:\[(?:(?P<low>{_D})\.\.|(?P<place>{_D})|(?P<beta>beta)|"
    r"(?P<next>beta \+ 1))\])?|enc_move\((?P<move>m'?)_(?P<mover>[1-9][0-9]{0,5})\)|"
    r"(?P<register>[A-Za-z_][A-Za-z_0-9]*) of max\(i - (?P<ago>[1-9][0-9]{0,5}), 0\) before layer "
    r"(?P<layer>[1-9][0-9]{0,5})",
    re.ASCII,
)
_CONDITION = re.compile(
    rf"(?P<step>tau|beta) (?P<relation><=|=) (?P<bound>{_D})|"
    r"(?P<flag>halted|written_[1-9][0-9]{0,5}) = (?P<flagged>[01])|"
    rf"w_(?P<w>[1-9][0-9]{{0,5}})\[(?P<place>{_D})\] = (?P<bit>[01])|g_(?P<g>[1-9][0-9]{{0,5}}) = 0|has_entry = 1",
    re.ASCII,
)
DEEPEST = 100
"""Conditions inside each other that this checker reads."""


def number(kind: str, index: int, sizes: Sizes) -> Number:
    """A number with its bits; i - (o mod 2^0) is i (SPEC 14.5)."""
    if kind == "blank":
        return ZERO
    if kind == "i - o" and index == 0:
        return number("i", 0, sizes)
    by_kind = {"q": sizes.state_bits, "m": 2, "a": sizes.symbol_bits, "g": sizes.symbol_bits, "s": sizes.symbol_bits}
    return Number(kind, index, by_kind.get(kind.rstrip("'"), sizes.r))


def read_number(text: str, sizes: Sizes) -> Number | None:
    """The NUMBER of the grammar, or None."""
    found = re.fullmatch(_NUMBER, text, re.ASCII)
    return _number(found, sizes) if found else None


def _number(found: re.Match[str], sizes: Sizes) -> Number:
    if found["back"]:
        return number("back", int(found["back"]), sizes)
    if found["below"]:
        return number("i - o", int(found["below"]), sizes)
    return number(found["plain"] or found["kind"], int(found["tape"] or 0), sizes)


def read_condition(text: str, sizes: Sizes) -> tuple[Condition, bool] | None:
    """A CONDITION of the grammar as a condition and the truth it asks for; or None."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        return None
    if found["step"]:
        return Step(found["step"], found["relation"], int(found["bound"])), True
    if found["flag"]:
        return Flag(found["flag"]), found["flagged"] == "1"
    if found["w"]:
        return Bit(number("w", int(found["w"]), sizes), int(found["place"])), found["bit"] == "1"
    if found["g"]:
        return IsZero(number("g", int(found["g"]), sizes)), True
    return Flag("has_entry"), True


def read_content(field: str, text: str, sizes: Sizes) -> Content:
    """The content that ``text`` says (SPEC 11.2)."""
    content, end = _content(field, text, 0, sizes, 0)
    if end != len(text):
        raise Rejected(field, f"{quote(text)} goes on behind a content at character {end}")
    return content


def _content(field: str, text: str, at: int, sizes: Sizes, depth: int) -> tuple[Content, int]:
    """The content that begins at ``at``, and where it ends."""
    if depth > DEEPEST:
        raise Rejected(field, f"has more than {DEEPEST} conditions inside each other")
    if not text.startswith("(", at):
        found = _LEAF.match(text, at)
        if found is None:
            raise Rejected(field, f"{quote(text)} is no content at character {at}")
        return _leaf(found, sizes), found.end()
    then, at = _content(field, text, at + 1, sizes, depth + 1)
    end = text.find(" else ", at)
    read = read_condition(text[at + 4 : end], sizes) if text.startswith(" if ", at) and end >= 0 else None
    if read is None:
        raise Rejected(field, f"{quote(text)} has no condition at character {at}")
    other, at = _content(field, text, end + 6, sizes, depth + 1)
    if not text.startswith(")", at):
        raise Rejected(field, f"{quote(text)} has no closing bracket at character {at}")
    condition, truth = read
    return (Choice(condition, then, other) if truth else Choice(condition, other, then)), at + 1


def _leaf(found: re.Match[str], sizes: Sizes) -> Content:
    if found["constant"]:
        return Constant(int(found["constant"]))
    if found["move"]:
        return Code(number(found["move"], int(found["mover"]), sizes), 0)
    if found["register"]:
        return Fetched(found["register"], int(found["ago"]), int(found["layer"]))
    what = _number(found, sizes)
    if found["place"]:
        return Bit(what, int(found["place"]))
    if found["beta"] or found["next"]:
        return BitOfBlock(what, int(found["next"] is not None))
    return Code(what, int(found["low"] or 0))


def parts(content: Content) -> Iterator[Content | Condition]:
    """The leaves and the conditions of a content."""
    if isinstance(content, Choice):
        yield content.condition
        yield from parts(content.then)
        yield from parts(content.other)
    else:
        yield content


def numbers(content: Content) -> Iterator[Number]:
    """The numbers that a content speaks of."""
    for part in parts(content):
        if isinstance(part, Code | Bit | BitOfBlock | IsZero):
            yield part.number


def flags(content: Content) -> Iterator[Flag]:
    """The flags that a content speaks of."""
    for part in parts(content):
        if isinstance(part, Flag):
            yield part
