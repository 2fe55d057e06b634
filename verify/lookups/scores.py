"""Scores as a number format computes them, in the worst order of additions and in the best one (NETWORKS, 3).

A *score arithmetic* says in which formats coordinates are held (A), products are added (S), and the score is stored.
A sum of products may be added in any order and grouping, with or without fused multiply-add; each result is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from exactformer.constructions.lookups.scheme import Coordinate
from exactformer.verify.arithmetic.formats import Format, power_of_two, round_to
from exactformer.verify.arithmetic.groups import Interval


@dataclass(frozen=True)
class ScoreArithmetic:
    """activations: A; sums: S; stored: the format of a complete score, S itself unless it is narrower.

    softmax: the arithmetic of `parse_arithmetic` that attention is computed in.
    """

    name: str
    activations: Format
    sums: Format
    stored: Format
    softmax: str

    @property
    def formats(self) -> tuple[Format, Format, Format]:
        return self.activations, self.sums, self.stored


def precision(number_format: Format) -> int:
    """p: every number of p significant bits, in range, is in the format.  Raises ValueError for fixed point."""
    found = getattr(number_format, "precision", None)
    if not isinstance(found, int):
        raise ValueError(f"scores in {number_format.name} are not audited; name a floating format")
    return found


def fewest_bits(arithmetic: ScoreArithmetic) -> int:
    """The least precision of its formats."""
    return min(map(precision, arithmetic.formats))


def held(number_format: Format, coordinate: Coordinate) -> Fraction:
    """The number of the format that is nearest to a coordinate.  Raises FormatOverflow.

    An irrational root lies on no number of the format and halfway between no two of them, so enclosures that are fine
    enough round to one number.

    >>> from exactformer.verify.arithmetic.formats import BF16
    >>> from exactformer.constructions.lookups.scheme import Root
    >>> held(BF16, Root(1, Fraction(1, 2)))
    Fraction(181, 256)
    """
    if isinstance(coordinate, Fraction):
        return round_to(number_format, coordinate)
    bits = 64
    while True:
        low, high = coordinate.between(bits)
        below = round_to(number_format, low)
        if low == high or below == round_to(number_format, high):
            return below
        bits *= 2


def score(arithmetic: ScoreArithmetic, query: Sequence[Fraction], key: Sequence[Fraction]) -> Interval:
    """The least and the largest score that any order gives; query and key are numbers of A.  Raises FormatOverflow.

    Rounding is monotone, so the largest result of a tree of additions comes from the largest results of its parts.

    >>> from exactformer.verify.arithmetic.formats import ieee_format
    >>> F = ieee_format(3, -8, 8)
    >>> score(ScoreArithmetic("F", F, F, F, ""), [Fraction(8), Fraction(1), Fraction(1)], [Fraction(1)] * 3)
    Interval(low=Fraction(8, 1), high=Fraction(10, 1))
    """
    products = sorted(q * k for q, k in zip(query, key, strict=True) if q and k)
    if not products:
        return Interval(Fraction(0), Fraction(0))
    low, high = _sums(arithmetic.sums, tuple(products))
    return Interval(round_to(arithmetic.stored, low), round_to(arithmetic.stored, high))


def _sums(sums: Format, products: tuple[Fraction, ...]) -> Interval:
    """The ends for at most about five products: every way to split them is tried."""

    @cache
    def part(chosen: tuple[Fraction, ...]) -> Interval:
        if len(chosen) == 1:
            rounded = round_to(sums, chosen[0])
            return Interval(rounded, rounded)
        lows, highs = list[Fraction](), list[Fraction]()
        for first, second in splits(chosen):
            one, other = part(first), part(second)
            lows.append(one.low + other.low)
            highs.append(one.high + other.high)
            for alone, rest in ((first, other), (second, one)):
                if len(alone) == 1:  # fused multiply-add: the product is not rounded
                    lows.append(alone[0] + rest.low)
                    highs.append(alone[0] + rest.high)
        return Interval(round_to(sums, min(lows)), round_to(sums, max(highs)))

    return part(products)


def splits(items: tuple[Fraction, ...]) -> list[tuple[tuple[Fraction, ...], tuple[Fraction, ...]]]:
    """All ways to split some numbers into two groups, without repetitions.

    >>> len(splits((Fraction(1), Fraction(1), Fraction(2))))
    2
    """
    found: dict[tuple[tuple[Fraction, ...], tuple[Fraction, ...]], None] = {}
    for chosen in range(1, 1 << (len(items) - 1)):
        first = tuple(item for place, item in enumerate(items) if chosen >> place & 1)
        second = tuple(item for place, item in enumerate(items) if not chosen >> place & 1)
        found[min(first, second), max(first, second)] = None
    return list(found)


def relative_error(arithmetic: ScoreArithmetic, terms: int) -> Fraction:
    """E such that a score of this many terms is off by at most E times the sum of their magnitudes, in any order.

    A product's factors are each off by a relative u_A; it is rounded once, and the sums that it is part of
    ``terms`` - 1 times; then the score is stored.  Nothing may underflow.
    """
    u_a, u_s, u_st = (power_of_two(-precision(each)) for each in arithmetic.formats)
    stored = 1 if arithmetic.stored == arithmetic.sums else 1 + u_st
    return (1 + u_a) ** 2 * (1 + u_s) ** terms * stored - 1
