"""Exponentials of a query's groups, as each model computes and rounds them (certificates/ARITHMETIC.md, 5.1).

mpmath's intervals enclose exp(-x); their ends are moved outward to a grid, so that numbers stay short.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import NamedTuple

from mpmath.ctx_iv import MPIntervalContext

from exactformer.verify.arithmetic.formats import FloatFormat, Format, power_of_two
from exactformer.verify.arithmetic.groups import HIGHEST, ONE, ZERO, Group, Interval, Query
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact, Fused, Rounded
from exactformer.verify.arithmetic.rounding import NotShown, accumulator_of, cut, nearest, smallest_positive

FEWEST_BITS, GUARD = 248, 48
"""Enclosures are multiples of 2^-248, or of GUARD bits below a model's smallest number; the checker's are finer."""


def grid_bits(model: ArithmeticModel) -> int:
    """Enclosures of exponentials are multiples of 2 to the minus this."""
    return max(FEWEST_BITS, GUARD - model.lowest_exponent)


def with_slack(model: ArithmeticModel, ends: Interval) -> Interval:
    """An interval slightly larger than this one, unless it is one known number.

    A checker computes on a grid and moves ends outward to it. If an end is a number of a format here, or halfway
    between two, this may change what the checker rounds next.
    """
    return ends if ends.low == ends.high else ends.widened(power_of_two(8 - grid_bits(model)))


def steady(bits: int = FEWEST_BITS) -> int:
    """The x from which on exp(-x) < 2^-bits, so that enclosures no longer change: ln 2 < 0.69315.

    >>> steady()
    172
    """
    return -(-bits * 69_315 // 100_000)


@lru_cache(maxsize=1 << 10)
def exp_minus(x: int, bits: int = FEWEST_BITS) -> Interval:
    """An enclosure of exp(-x), for an integer x >= 0.  Neither end rises with x.  Raises ValueError for x < 0.

    >>> exp_minus(0), exp_minus(172) == exp_minus(2**64) == Interval(ZERO, Fraction(1, 2**248))
    (Interval(low=Fraction(1, 1), high=Fraction(1, 1)), True)
    """
    if x < 0:
        raise ValueError(f"exp(-x) is enclosed for integers x >= 0, got {x}")
    if x == 0:
        return Interval(ONE, ONE)
    intervals = _context(bits + 64)
    ends = intervals.exp(intervals.mpf(-min(x, steady(bits))))._mpi_
    low, high = (int(significand) * power_of_two(exponent + bits) for _, significand, exponent, _ in ends)
    return Interval(Fraction(floor(low), 1 << bits), Fraction(ceil(high), 1 << bits))


@lru_cache(maxsize=1 << 5)
def _context(precision: int) -> MPIntervalContext:
    found = MPIntervalContext()
    found.prec = precision
    return found


class Weights(NamedTuple):
    """What one position of a group adds, before the division by den.

    num: p, for the weighted sum.  den: r, for the sum of all.  They are numbers of ``num_format`` and ``den_format``,
    if these are not None.  alike: equal at all positions of the group.
    """

    num: Interval
    den: Interval
    num_format: Format | None
    den_format: Format | None
    alike: bool


def weights_of(model: ArithmeticModel, query: Query) -> tuple[Weights, ...]:
    """The weights of each group.

    Raises FormatOverflow, and NotShown for queries that ``+online`` does not cover.
    """
    found = [weights_at(model, group) for group in query.groups]
    if model.steps.block is not None:
        return _rescaled(model, query, found)
    return tuple(found)


def weights_at(model: ArithmeticModel, group: Group) -> Weights:
    """The weights of one group, if the maximum is known from the start."""
    e = computed(model, group)
    match model:
        case Rounded(accumulator=None) | Exact():
            return Weights(e, e, None, None, group.alike)
        case Rounded():
            accumulator = accumulator_of(model)
            r = nearest(accumulator, e)
            return Weights(r, r, accumulator, accumulator, group.alike)
        case Fused():
            p = cut(model, model.weights, e)
            if model.steps.wide:
                return Weights(p, nearest(model.accumulator, e), model.weights, model.accumulator, group.alike)
            return Weights(p, p, model.weights, model.weights, group.alike)


def computed(model: ArithmeticModel, group: Group) -> Interval:
    """e: exp(-x) as it is computed, before it is rounded to W or to the accumulator's format.

    Exact, or with ``+expU`` a number of ACC within U ulp.
    """
    exact = Interval(
        ZERO if group.farthest is None else exp_minus(group.farthest, grid_bits(model)).low,
        exp_minus(group.nearest, grid_bits(model)).high,
    )
    step = model.steps.exponential
    if step is None or isinstance(model, Exact):
        return exact
    accumulator = accumulator_of(model)
    if not isinstance(accumulator, FloatFormat):
        raise NotShown(f"exp is within {step.ulps} ulp of floating accumulators, not of {accumulator.name}")
    if group.is_highest and step.one:
        return exact
    return Interval(_lowest(accumulator, step.ulps, exact.low), _highest(accumulator, step.ulps, exact.high))


def _highest(accumulator: FloatFormat, ulps: int, y: Fraction) -> Fraction:
    """The largest computed value of an exponential of at most y: U ulp above, and 0 if y is below q/2.

    An ulp at y is at most max(q, 2^(1-p) y); that rises with y.
    """
    q = smallest_positive(accumulator)
    return ZERO if y < q / 2 else y + ulps * max(q, power_of_two(1 - accumulator.precision) * y)


def _lowest(accumulator: FloatFormat, ulps: int, y: Fraction) -> Fraction:
    """The least computed value of one of at least y: U ulp below, and 0 if it may be flushed.

    y - U ulp rises with y, as U 2^(1-p) <= 1/2.
    """
    if y < power_of_two(accumulator.emin):
        return ZERO
    error = ulps * max(smallest_positive(accumulator), power_of_two(1 - accumulator.precision) * y)
    return max(ZERO, y - error)


def _rescaled(model: ArithmeticModel, query: Query, found: Sequence[Weights]) -> tuple[Weights, ...]:
    """Weights with ``+online``: a position may be summed while another maximum is the largest so far (argument 5).

    It adds at most what a maximum adds.  The last rise starts from a position below the maximum, so it multiplies that
    by F or less; other rises multiply it by 1 or less.
    """
    if any(group.nearest == 0 and not group.is_highest for group in query.groups):
        raise NotShown("with a running maximum, a group is of positions that have the highest score, or of none")
    others = [group.nearest for group in query.groups if not group.is_highest]
    if not others:
        return tuple(found)
    factor = rise_factor(model, min(others))
    highest = weights_at(model, HIGHEST)
    return tuple(
        each
        if group.is_highest
        else Weights(
            Interval(ZERO, max(each.num.high, factor * highest.num.high)),
            Interval(ZERO, max(each.den.high, factor * highest.den.high)),
            None,
            None,
            False,
        )
        for group, each in zip(query.groups, found, strict=True)
    )


def rise_factor(model: ArithmeticModel, nearest_other: int) -> Fraction:
    """F: the largest factor of partial sums when the maximum rises by ``nearest_other`` or more."""
    if not isinstance(model, Fused):
        raise ValueError(f"{model.text} has no running maximum")
    rise = Group(1, 1, nearest_other, nearest_other, HIGHEST.value)
    return nearest(model.accumulator, computed(model, rise)).high
