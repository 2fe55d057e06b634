"""What the look-ups of the literature have in common: an exact key for every position, a query for every address.

Words of this package:

* A *look-up* is a head whose score query(i) . key(k) is the largest for the address k = i that is looked for.
* N, the *context*, is the number of addresses, and of positions: both are from 0 to N - 1.
* A *coordinate* is a rational, or the square root of one (a `Root`): layer norm divides by roots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import TypeAlias


@dataclass(frozen=True)
class Root:
    """sign * sqrt(square): sign is -1 or 1, square >= 0."""

    sign: int
    square: Fraction

    def between(self, bits: int) -> tuple[Fraction, Fraction]:
        """Rationals that enclose it, 2^-bits apart; twice the same if it is a multiple of that.

        >>> Root(-1, Fraction(9, 4)).between(1), Root(1, Fraction(2)).between(2)
        ((Fraction(-3, 2), Fraction(-3, 2)), (Fraction(5, 4), Fraction(3, 2)))
        """
        scaled = self.square * (1 << 2 * bits)
        below = isqrt(scaled.numerator // scaled.denominator)
        above = below if below * below == scaled else below + 1
        low, high = Fraction(below, 1 << bits), Fraction(above, 1 << bits)
        return (low, high) if self.sign > 0 else (-high, -low)


Coordinate: TypeAlias = Fraction | Root
Coordinates: TypeAlias = tuple[Coordinate, ...]


@dataclass(frozen=True)
class Source:
    """Where a look-up is from: an arXiv identifier, and the definition, lemma or section."""

    arxiv: str
    where: str


@dataclass(frozen=True)
class Scheme:
    """A look-up, exactly.

    key: from (address, time, N) to what a token at position ``time`` stores, [width]; query: from (address, N),
    [width].  With ``addresses_are_positions``, a key's address is its position.  causal: a query of address i sees only
    keys up to i.  width: a function of N.  inequality: what separates the right key from all others in real numbers.
    """

    name: str
    retrieves: str
    inequality: str
    sources: tuple[Source, ...]
    width: Callable[[int], int]
    key: Callable[[int, int, int], Coordinates]
    query: Callable[[int, int], Coordinates]
    addresses_are_positions: bool = True
    causal: bool = False
