"""What an annotation says a register holds (SPEC 11.2, 18.1).

Words:
    number     a ghost that is written in bits, or a number made from one, such as max(i - 3, 0)
    move       m_k: its two bits are those of enc_move, so that it is the number 0, 1 or 3 for left, stay, right
    cap        a number as well, of two bits
    flag       a ghost that is 0 or 1: halted, has_entry, written_k, summary, here_k, h_k
    step       tau of a RUN token, beta of a BIT token
    content    a vector of a register, as a tree: conditions inside, what is held at its leaves
    settled    a content without conditions on a step and without ``[beta]``; one per state and content
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Sizes:
    """What decides how many bits a number has; and whether chains of thought are summarized (SPEC 18)."""

    r: int
    tapes: int
    state_bits: int
    symbol_bits: int
    summarized: bool = False


@dataclass(frozen=True)
class Number:
    """``kind`` is the letter; ``index`` the tape k, D of max(i - D, 0), B of i - (o mod 2^B), else 0.

    Two are made of bits of others: ``i - i`` is i - (i mod 2^B), and ``4e`` is 4e.
    """

    kind: str
    index: int
    bits: int


ZERO = Number("blank", 0, 0)
"""The number 0: it has no bit that is 1, so no bit is kept."""


@dataclass(frozen=True)
class Flag:
    """A ghost that is 0 or 1, by its name."""

    name: str


SUMMARY = Flag("summary")


@dataclass(frozen=True)
class Bit:
    """A bit of a number: as a condition, that it is 1; as a content, +1 or -1."""

    number: Number
    place: int


@dataclass(frozen=True)
class Is:
    """The condition that a number is ``value``."""

    number: Number
    value: int


@dataclass(frozen=True)
class SameBits:
    """The condition that two bits are equal."""

    one: Bit
    other: Bit


@dataclass(frozen=True)
class Step:
    """The condition ``tau <= bound`` or ``tau = bound`` (or of beta)."""

    ghost: str
    relation: str
    bound: int

    def holds(self, step: int) -> bool:
        return step <= self.bound if self.relation == "<=" else step == self.bound


Condition: TypeAlias = Flag | Bit | Is | SameBits | Step


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


def number(kind: str, index: int, sizes: Sizes) -> Number:
    """A number with its bits; i - (o mod 2^0) is i (SPEC 14.5)."""
    if kind == "blank":
        return ZERO
    if kind in ("i - o", "i - u", "i - i") and index == 0:
        return number("i", 0, sizes)
    by_kind = {"q": sizes.state_bits, "m": 2, "cap": 2} | dict.fromkeys("ags", sizes.symbol_bits)
    return Number(kind, index, by_kind.get(kind.rstrip("'"), sizes.r))


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
        if isinstance(part, Code | Bit | BitOfBlock | Is):
            yield part.number
        elif isinstance(part, SameBits):
            yield from (part.one.number, part.other.number)


def flags(content: Content) -> Iterator[Flag]:
    """The flags that a content speaks of."""
    for part in parts(content):
        if isinstance(part, Flag):
            yield part
