"""Composed models that round softmax weights: o = cast(sum of rnd_W(e_j / den) v_j) (SPEC 19.2, *rounded*).

With N visible positions, m of them maximisers: a maximiser's e_j is in [c, d], any other's at most rho; weights are in
[w, W] and at most omega.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.accumulation import counted
from exactformer.verify.arithmetic.at_once import AtOnce
from exactformer.verify.arithmetic.cells import activation_cells
from exactformer.verify.arithmetic.composed import (
    ZERO,
    Interval,
    NotShown,
    accumulator_of,
    accurate,
    bounds_to_try,
    cut,
    down,
    exponentials,
    require_no_overflow,
    sum_error,
    swallowed,
    unit,
    up,
)
from exactformer.verify.arithmetic.formats import FixedFormat, FloatFormat, FormatOverflow, power_of_two, round_to
from exactformer.verify.arithmetic.models import Rounded


@dataclass(frozen=True)
class Terms:
    """Exponentials rounded to the accumulator's format: [low, high] of maximisers, at most ``other`` elsewhere."""

    low: Fraction
    high: Fraction
    other: Fraction


def rounded_terms(model: Rounded, tau: Fraction, context: int) -> Terms:
    """The exponentials.  Raises NotShown where sums of N of them may overflow."""
    accumulator, exp = accumulator_of(model), exponentials(model, tau)
    other = round_to(accumulator, exp.other) if context > 1 else ZERO
    terms = Terms(round_to(accumulator, exp.lowest), round_to(accumulator, exp.highest), other)
    require_no_overflow(model, context, terms.high)
    return terms


def _denominator(model: Rounded, terms: Terms, context: int, maximisers: int, most: int) -> tuple[Fraction, Fraction]:
    """(low, high) of the computed den for that many maximisers; its error is that for up to ``most``.

    Both are m times something that rises (low) or falls (high) with m.  Where others add 0, only m terms count; where
    maximisers' are 1 and others are `swallowed`, den is m.
    """
    ones = terms.low == terms.high == 1 and most <= counted(accumulator_of(model))
    if ones and swallowed(model, context, terms.other):
        return Fraction(maximisers), Fraction(maximisers)
    error = accurate(model, sum_error(model, context if terms.other else most), context, maximisers)
    size = maximisers * terms.high + (context - maximisers) * terms.other
    low, high = maximisers * terms.low - error * size, size * (1 + error)
    if low <= 0:
        raise NotShown(
            maximisers, f"with {maximisers} maximisers among {context} the denominator is not shown to be positive"
        )
    if high > accumulator_of(model).max_finite:
        raise FormatOverflow(accumulator_of(model))
    return low, high


def _other_weight(model: Rounded, terms: Terms, den_low: Fraction) -> Fraction:
    """omega: rho over a lower bound of den, rounded twice."""
    return cut(model, model.weights, up(model, terms.other / den_low))


def rounded_interval(model: Rounded, terms: Terms, context: int, maximisers: int) -> Interval:
    """What is rounded to A where v = 1: m weights in [w, W], and the others' between -omega and omega.

    The sum is exact if no partial sum needs more bits than the accumulator has: of m equal weights of p_W bits, m at
    most 2^(p - p_W); of multiples of 2^-F below 2^p of them.  Neighbours (``+faithful``) of one quotient may differ, so
    that weights of maximisers are then not equal.  Raises NotShown or FormatOverflow where a demand is not met.
    """
    den_low, den_high = _denominator(model, terms, context, maximisers, maximisers)
    low = cut(model, model.weights, down(model, terms.low / den_high))
    high = cut(model, model.weights, up(model, terms.high / den_low))
    other = _other_weight(model, terms, den_low)
    leak = (context - maximisers) * other
    size = maximisers * high + leak
    exact = other == 0 and _adds_equal_weights(model, maximisers)
    if isinstance(model.weights, FixedFormat):
        exact = size * power_of_two(model.weights.fractional_bits) <= 1 << accumulator_of(model).precision
    error = ZERO if exact else _value_error(model, other, context, maximisers)
    return Interval(maximisers, maximisers * low - leak - error * size, size + error * size)


def _value_error(model: Rounded, other: Fraction, context: int, maximisers: int) -> Fraction:
    """The error of the sum of weighted values, of which m count if all others are 0."""
    return accurate(model, sum_error(model, context if other else maximisers), context, maximisers)


def _adds_equal_weights(model: Rounded, maximisers: int) -> bool:
    weights = model.weights
    if model.steps.faithful or not isinstance(weights, FloatFormat):
        return False
    return maximisers <= 1 << (accumulator_of(model).precision - weights.precision)


def rounded_zero(model: Rounded, terms: Terms, context: int) -> Fraction:
    """A bound on what is rounded to A where v = 0: N - 1 weights of omega, and the error of their sum.

    den is at least each of its terms; others are most where there is one maximiser.
    """
    if terms.low == 0:
        raise NotShown(1, "the denominator may be 0")
    other, error = _other_weight(model, terms, terms.low), sum_error(model, context)
    if other == 0:
        return ZERO
    if error is None:
        accurate(model, error, context, 1)
    return (context - 1) * other * (1 + (error or 0))


def rounded_at_once(model: Rounded, terms: Terms, context: int, most: int) -> AtOnce | None:
    """Bounds for all numbers of maximisers from 1 up to ``most``, or as far as weights are normal; None if the bounds
    are not in the cell of 1, or a demand is not met, or W is not floating.

    A weight is c/den or more, rounded twice, that is at least c (1-u)(1-u_W)/den if all of this is normal; and den is
    at most m times what it is for m = 1.  So m weights are at least ``low``, and likewise at most ``high``.  Sums of up
    to 2^(p - p_W) of them are exact.  c/den is at least 2^emin where m <= c/hd 2^-emin, hd the largest den for m = 1.
    """
    if not isinstance(model.weights, FloatFormat):
        return None
    cell = activation_cells(model).one
    accumulator = accumulator_of(model)
    for bound in bounds_to_try(model, most):
        try:
            interval, hd = _at_once(model, model.weights, terms, context, bound)
        except (NotShown, FormatOverflow):
            continue
        normal = terms.low / hd * power_of_two(-max(accumulator.emin, model.weights.emin))
        reached = min(bound, normal.numerator // normal.denominator)
        if reached >= 1 and cell.contains(interval.low) and cell.contains(interval.high):
            return AtOnce(interval, reached)
    return None


def _at_once(model: Rounded, weights: FloatFormat, terms: Terms, context: int, most: int) -> tuple[Interval, Fraction]:
    """The interval, and the largest den for one maximiser."""
    den_low, den_high = _denominator(model, terms, context, 1, most)
    leak = (context - 1) * _other_weight(model, terms, den_low)
    u, u_weights = unit(model), power_of_two((1 if model.steps.truncate else 0) - weights.precision)
    low = terms.low * (1 - u) * (1 - u_weights) / den_high
    high = terms.high * (1 + u) * (1 + u_weights) / den_low
    exact = leak == 0 and _adds_equal_weights(model, most)
    error = ZERO if exact else _value_error(model, leak, context, most)
    return Interval(1, low - leak - error * (high + leak), (high + leak) * (1 + error)), den_high
