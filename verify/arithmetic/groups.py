"""What a query sees, as groups of positions (certificates/ARITHMETIC.md, 4).

Words of this file:

* An *interval* is all real numbers from one rational to another, both included.
* x of a position is beta times how far its score is below the query's highest: an integer here, as scores are.
* A *group* is a set of positions with the same intervals of x and of values; a *query* is some groups.  The others are
  counted by the first group: all its positions have the highest score, and it has at least one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

ZERO = Fraction(0)
ONE = Fraction(1)


class Interval(NamedTuple):
    """All numbers from ``low`` to ``high``."""

    low: Fraction
    high: Fraction

    @property
    def magnitude(self) -> Fraction:
        """The largest |x|."""
        return max(-self.low, self.high)

    def times(self, low: Fraction | int, high: Fraction | int) -> Interval:
        """These numbers times numbers from ``low`` to ``high``; no number is negative."""
        return Interval(low * self.low, high * self.high)

    def widened(self, by: Fraction) -> Interval:
        """All numbers that are at most so far from one of these."""
        return Interval(self.low - by, self.high + by) if by else self

    def at_least(self, least: Fraction) -> Interval:
        """The numbers among these that are at least so large."""
        return self if self.low >= least else Interval(least, self.high)

    def meet(self, other: Interval) -> Interval:
        """The numbers in both, if there are any: two bounds of one number."""
        return Interval(max(self.low, other.low), min(self.high, other.high))

    def hull(self, other: Interval) -> Interval:
        """All numbers of both, and all between them."""
        return Interval(min(self.low, other.low), max(self.high, other.high))


@dataclass(frozen=True)
class Value:
    """What is known about values: they lie in [low, high], and are -1, 0 or 1 if they are ``ternary``."""

    low: Fraction
    high: Fraction
    ternary: bool = True

    @cached_property
    def magnitude(self) -> Fraction:
        """The largest |v|."""
        return max(-self.low, self.high)

    @property
    def grain(self) -> Fraction | None:
        """A power of two that divides all of them; None if none is known.

        >>> [Value(x, x, ternary=False).grain for x in (Fraction(3, 4), Fraction(1, 3))]
        [Fraction(1, 4), None]
        """
        if self.ternary:
            return ONE
        dyadic = self.low.denominator & (self.low.denominator - 1) == 0
        return lowest_bit(self.low) if self.low == self.high != 0 and dyadic else None


ALL_ZERO = Value(ZERO, ZERO)
ALL_ONE = Value(ONE, ONE)
ALL_MINUS_ONE = Value(-ONE, -ONE)
TERNARY = Value(-ONE, ONE)


class Group(NamedTuple):
    """From ``least`` to ``most`` positions, each with x in [nearest, farthest], or beyond ``nearest`` if that is None.

    Integers, 0 <= least <= most, 0 <= nearest <= farthest; ``farthest`` is x1 of ARITHMETIC.md, ``nearest`` x0.
    """

    least: int
    most: int
    nearest: int
    farthest: int | None
    value: Value

    @property
    def is_highest(self) -> bool:
        """Whether all its positions have the highest score."""
        return self.farthest == 0

    @property
    def alike(self) -> bool:
        """Whether all its positions have the same score, and so the same exponential."""
        return self.nearest == self.farthest

    @property
    def top(self) -> bool:
        """Whether it surely has a position with the highest score."""
        return self.is_highest and self.least >= 1


HIGHEST = Group(1, 1, 0, 0, ALL_ONE)
"""A position that has the highest score."""


@dataclass(frozen=True)
class Query:
    """Groups, the first of which surely has a position with x = 0, and at most ``context`` positions in all."""

    groups: tuple[Group, ...]
    context: int

    @cached_property
    def positions(self) -> int:
        """The most positions that there may be."""
        return self.count(self.groups)

    def count(self, groups: Iterable[Group]) -> int:
        """The most positions that some of the groups may have."""
        return min(self.context, sum(group.most for group in groups))

    @cached_property
    def per_first(self) -> tuple[Interval, ...]:
        """f: for each group, how many of its positions there are for one of the first group."""
        first, *others = self.groups
        ratios = (Interval(Fraction(g.least, first.most), Fraction(g.most, max(1, first.least))) for g in others)
        return Interval(ONE, ONE), *ratios


def sharing(fewest: int, most: int, separation: int | None, context: int) -> Query:
    """A query in which ``fewest`` to ``most`` positions have the highest score and the value 1; all others have x of at
    least ``separation``, which is beta D, and any value.  None: there are no others.
    """
    return _case(Group(fewest, most, 0, 0, ALL_ONE), max(0, context - fewest), separation, context)


def sharing_zero(separation: int | None, context: int) -> Query:
    """The same with the value 0, and any number of positions that have the highest score."""
    return _case(Group(1, context, 0, 0, ALL_ZERO), context - 1, separation, context)


def _case(highest: Group, others: int, separation: int | None, context: int) -> Query:
    if separation is None or others == 0:
        return Query((highest,), context)
    return Query((highest, Group(0, others, separation, None, TERNARY)), context)


def lowest_bit(x: Fraction) -> Fraction:
    """The largest power of two that divides a dyadic x other than 0: x is an odd multiple of it.

    >>> lowest_bit(Fraction(-12)), lowest_bit(Fraction(5, 8))
    (Fraction(4, 1), Fraction(1, 8))
    """
    return Fraction(x.numerator & -x.numerator, x.denominator)
