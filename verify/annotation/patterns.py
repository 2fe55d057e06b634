"""Obligations of equal shape are one *pattern*: names are made canonical, so that a pattern is proved once.

A pattern is all that its proof depends on; the obligations that are instances of it differ from it in the names of
ghosts only, and in how far back they look.  That this is sound: the facts assumed of the canonical ghosts (`facts`) are
assumed of the original ones too, under their own names.

    tapes                     numbered 1, 2, .. in order of first use
    max(i - d, 0)             counted from the least d that occurs, where the facts speak of differences only
    tau <= b                  the bounds of one obligation by their ranks: the facts speak of their order only
    what is fetched           numbered in order of first use
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from exactformer.verify.annotation.content import (
    AtMost,
    Back,
    Bit,
    BitOfBeta,
    Code,
    Condition,
    Content,
    Equals,
    Fetched,
    Ghost,
    HighBits,
    If,
    MinusLow,
    MoveCode,
    Number,
    SameBit,
)
from exactformer.verify.annotation.symbolic import conditions_in, numbers_in
from exactformer.verify.solver import Formula


@dataclass(frozen=True)
class Claim:
    """What a pattern comes to: a formula that follows from the assumptions."""

    formula: Formula
    assumptions: tuple[Formula, ...]


class Pattern(Protocol):
    """All that an obligation depends on."""

    def claim(self) -> Claim:
        """The claim to prove."""

    @property
    def text(self) -> str:
        """Everything in it, canonical."""


def digest(pattern: Pattern) -> str:
    """The name of a pattern: the SHA-256 of its text."""
    return hashlib.sha256(f"{type(pattern).__name__} {pattern.text}".encode()).hexdigest()


@dataclass(frozen=True)
class Renaming:
    """How one token's numbers, ghosts, conditions and fetched contents are called in a pattern."""

    number: Callable[[Number], Number]
    ghost: Callable[[str], str]
    condition: Callable[[Condition], Condition]
    fetched: Callable[[Fetched], Content]

    def __call__(self, content: Content) -> Content:
        match content:
            case Code(number):
                return Code(self.number(number))
            case HighBits(number, first):
                return HighBits(self.number(number), first)
            case Bit(number, index):
                return Bit(self.number(number), index)
            case BitOfBeta(number, offset):
                return BitOfBeta(self.number(number), offset)
            case MoveCode(ghost):
                return MoveCode(self.ghost(ghost))
            case Fetched():
                return self.fetched(content)
            case If(condition, then, otherwise):
                return If(self.condition(condition), self(then), self(otherwise))
        return content  # a constant


def canonical(contents: Sequence[Content]) -> Renaming:
    """The renaming that makes the contents of one token canonical."""
    tapes: dict[str, str] = {}
    fetches: dict[Fetched, Content] = {}
    distances = [one.distance for content in contents for one in numbers_in(content) if isinstance(one, Back)]
    nearest = min(distances, default=0)
    if any(isinstance(one, MinusLow) for content in contents for one in numbers_in(content)) or any(
        isinstance(one, SameBit) for content in contents for one in conditions_in(content)
    ):
        nearest = 0  # i - (o mod 2**b) is related to i itself, and so may be a number that bits are compared of
    bounds = sorted(
        {(c.ghost, c.bound) for content in contents for c in conditions_in(content) if isinstance(c, AtMost)}
    )

    def ghost(name: str) -> str:
        base, underscore, rest = name.partition("_")
        match = re.match(r"\d+", rest)
        if not underscore or match is None:
            return name
        tape = tapes.setdefault(match[0], str(len(tapes) + 1))
        return f"{base}_{tape}{rest[match.end() :]}"

    def number(one: Number) -> Number:
        match one:
            case Back(distance):
                return Back(distance - nearest)
            case Ghost(name):
                return Ghost(ghost(name))
        return one

    def condition(one: Condition) -> Condition:
        match one:
            case AtMost(name, bound):
                return AtMost(name, bounds.index((name, bound)))
            case Equals(name, value):
                return Equals(ghost(name), value)
            case SameBit(left, a, right, b):
                return SameBit(number(left), a, number(right), b)

    def fetched(one: Fetched) -> Content:
        return fetches.setdefault(one, Fetched(f"fetched-{len(fetches)}", 1, 1))

    return Renaming(number, ghost, condition, fetched)


def as_text(contents: Iterable[tuple[Content, int]]) -> str:
    """Contents with the widths of their registers."""
    return "; ".join(f"{content}: {width}" for content, width in contents)
