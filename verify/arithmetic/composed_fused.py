"""Composed models that divide sums: o = cast(num / den) (SPEC 19.2, *fused*).

Everything is per maximiser.  With N visible positions, m maximisers and f = (N - m)/m, each of the m maximisers'
exponentials is in [a, b] in num and in [c, d] in den, each of the others' at most delta and rho.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.accumulation import counted
from exactformer.verify.arithmetic.composed import (
    ZERO,
    Interval,
    NotShown,
    accumulator_of,
    accurate,
    cut,
    down,
    exponentials,
    largest_sum,
    largest_tiny_sum,
    require_no_overflow,
    rescaled_sum_error,
    smallest_positive,
    sum_error,
    swallowed,
    underflow,
    unit,
    up,
)
from exactformer.verify.arithmetic.formats import power_of_two, round_to
from exactformer.verify.arithmetic.models import Fused
from exactformer.verify.arithmetic.steps import Quotient


@dataclass(frozen=True)
class FusedBounds:
    """What is rounded last: in ``one`` where v = 1, of magnitude at most ``zero`` where v = 0."""

    one: Interval | None
    zero: Fraction


@dataclass(frozen=True)
class _Terms:
    """Ends of what one position adds: to num in [low, high], to den in [low_den, high_den] if it is a maximiser, else
    at most ``other`` and ``other_den``."""

    low: Fraction
    high: Fraction
    other: Fraction
    low_den: Fraction
    high_den: Fraction
    other_den: Fraction


@dataclass(frozen=True)
class _Sums:
    """num in [num_low, num_high], den in [den_low, den_high], each divided by m; both are 1 where they are counted."""

    num_low: Fraction
    num_high: Fraction
    den_low: Fraction
    den_high: Fraction


def fused_bounds(
    model: Fused, tau: Fraction, context: int, fewest: int, most: int, *, values: bool = True
) -> FusedBounds:
    """Bounds for all numbers of maximisers from ``fewest`` to ``most`` where v is not 0, and any number where v = 0.

    Without ``values`` there are none of the first kind, and only what is needed for v = 0 is asked for.  Raises
    NotShown or FormatOverflow where a demand is not met.  All ends move inward as tau falls, and sums that are exact
    stay so: what holds at some beta holds at all larger ones.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> model = parse_arithmetic("fused:bf16+exp2-one+divide")
    >>> isinstance(model, Fused) and fused_bounds(model, Fraction(0), 2**24, 1, 2**24)
    FusedBounds(one=Interval(maximisers=1, low=Fraction(1, 1), high=Fraction(1, 1)), zero=Fraction(0, 1))
    """
    accumulator = accumulator_of(model)
    terms = _terms(model, tau, context)
    require_no_overflow(model, context, max(terms.high, terms.high_den))
    one = None
    if values:
        sums = _sums(model, terms, context, fewest, most)
        one = _one(model, terms, sums, context, most, fewest)
    zero = ZERO
    if terms.low_den == 0:
        raise NotShown(1, f"the denominator may be 0, as weights of maximisers are rounded to {model.weights.name}")
    if terms.other > 0:
        # The computed den is at least each of its terms, as none of them is negative.
        zero = _last_zero(model, _zero_numerator(model, terms, context) / terms.low_den)
        if model.steps.quotient is Quotient.RECIPROCAL:
            _require_normal_reciprocal(model, terms, context, most)
    if model.steps.quotient is Quotient.RECIPROCAL and terms.low_den * accumulator.max_finite < 1:
        raise NotShown(1, f"1/den may overflow {accumulator.name}")
    return FusedBounds(one, zero)


def _terms(model: Fused, tau: Fraction, context: int) -> _Terms:
    """Exponentials rounded to W for num; for den the same ones or, with ``+wide``, rounded to the accumulator's format.

    With ``+online``, a term that was summed while another maximum was met is at most b (or d) by then, as an
    exponential of 0 is the largest; when a maximiser comes, it is multiplied by at most r = rnd_ACC(exp(-beta D)), as
    the other maximum is at least D below; and never by more than 1.
    """
    accumulator, exp = accumulator_of(model), exponentials(model, tau)
    low, high = cut(model, model.weights, exp.lowest), cut(model, model.weights, exp.highest)
    low_den, high_den, other, other_den = low, high, ZERO, ZERO
    if context > 1:
        other = other_den = cut(model, model.weights, exp.other)
    if model.steps.wide:
        low_den, high_den = round_to(accumulator, exp.lowest), round_to(accumulator, exp.highest)
        other_den = round_to(accumulator, exp.other) if context > 1 else ZERO
    if model.steps.block is not None and context > 1:
        factor = round_to(accumulator, exp.other)
        other, other_den = max(other, factor * high), max(other_den, factor * high_den)
    return _Terms(low, high, other, low_den, high_den, other_den)


def _sums(model: Fused, terms: _Terms, context: int, fewest: int, most: int) -> _Sums:
    """num and den, per maximiser, where v = 1: the others add to num between -delta and delta, to den from 0 to rho.

    f and Q/m fall as m grows, so the smallest m is the worst.  Where all but maximisers add 0, sums have m terms that
    count, and what is rescaled is 0.
    """
    error, leaks = rescaled_sum_error(model, context), terms.other > 0 or terms.other_den > 0
    others, alone = Fraction(context - fewest, fewest), sum_error(model, most)
    num_low = num_high = den_low = den_high = Fraction(1)
    if not _num_counts(model, terms, context, most):
        num_error = accurate(model, error if terms.other else alone, context, most)
        loss = underflow(model, context, error) if leaks else ZERO
        size = terms.high + others * terms.other
        num_low = terms.low - others * terms.other - num_error * size - loss
        num_high = size * (1 + num_error) + loss
    if not _den_counts(model, terms, context, most):
        den_error = accurate(model, error if terms.other_den else alone, context, most)
        loss = underflow(model, context, error) if leaks else ZERO
        size = terms.high_den + others * terms.other_den
        den_low = terms.low_den - den_error * size - loss
        den_high = size * (1 + den_error) + loss
    if den_low <= 0:
        raise NotShown(fewest, f"with {fewest} maximisers among {context} the denominator is not shown to be positive")
    return _Sums(num_low, num_high, den_low, den_high)


def _num_counts(model: Fused, terms: _Terms, context: int, most: int) -> bool:
    """Whether num is m v, exactly: ones are counted, and what else is added is rounded away."""
    ones = terms.low == terms.high == 1 and most <= counted(accumulator_of(model))
    return ones and swallowed(model, context, terms.other)


def _den_counts(model: Fused, terms: _Terms, context: int, most: int) -> bool:
    """Whether den is m."""
    ones = terms.low_den == terms.high_den == 1 and most <= counted(accumulator_of(model))
    return ones and swallowed(model, context, terms.other_den)


def _zero_numerator(model: Fused, terms: _Terms, context: int) -> Fraction:
    """A bound on |num| where v = 0: N - 1 terms of delta and their error, worst with one maximiser."""
    error, tiny = rescaled_sum_error(model, context), largest_tiny_sum(model, context, terms.other)
    if tiny is not None and (error is None or error >= 1):
        return tiny
    error = accurate(model, error, context, 1)
    return (context - 1) * terms.other * (1 + error) + underflow(model, context, error)


def _one(model: Fused, terms: _Terms, sums: _Sums, context: int, most: int, fewest: int) -> Interval:
    """What is rounded to A where v = 1: num/den, or that as it is computed in the accumulator's format."""
    low = sums.num_low / (sums.den_low if sums.num_low < 0 else sums.den_high)
    high = sums.num_high / sums.den_low
    if model.steps.quotient is not Quotient.EXACT and low < 0:
        raise NotShown(fewest, f"with {fewest} maximisers among {context} the numerator is not shown to be positive")
    if model.steps.quotient is Quotient.DIVIDE:
        low, high = down(model, low), up(model, high)
    if model.steps.quotient is Quotient.RECIPROCAL:
        _require_normal_reciprocal(model, terms, context, most)
        # 1/den and its product with num err by a factor within 1 +- u each, the product also by q if it underflows.
        u, q = unit(model), smallest_positive(accumulator_of(model))
        low, high = low * (1 - u) ** 2 - q, high * (1 + u) ** 2 + q
    return Interval(fewest, low, high)


def _last_zero(model: Fused, zero: Fraction) -> Fraction:
    """As `_one`, where v = 0, from a bound on |num/den|."""
    match model.steps.quotient:
        case Quotient.EXACT:
            return zero
        case Quotient.DIVIDE:
            return up(model, zero)
        case Quotient.RECIPROCAL:
            return zero * (1 + unit(model)) ** 2 + smallest_positive(accumulator_of(model))


def _require_normal_reciprocal(model: Fused, terms: _Terms, context: int, most: int) -> None:
    """1/den >= 2^emin, so that rounding errs by a factor: den is at most `largest_sum`, or the number of maximisers.

    That den >= c, as every sum of terms that are not negative is at least each of them, bounds 1/den from above.
    """
    accumulator = accumulator_of(model)
    largest = power_of_two(-accumulator.emin)
    bound = largest_sum(model, context, max(terms.high, terms.high_den))
    if bound is not None and bound <= largest:
        return
    if not (_den_counts(model, terms, context, most) and most <= largest):
        raise NotShown(most, f"1/den may be subnormal in {accumulator.name}")
