"""What the steps of a composed model do to numbers, one small function each (SPEC 19.2).

A query's scores become exponentials, these weights, these are summed, and the sums divided:

    exponentials   `exponentials`       in [lowest, highest] for a maximiser, at most `other` for any other position
    weights        `cut`                rounded to W, or cut
    sums           `sum_error`, `rescaled_sum_error`, `underflow`, `largest_sum`, `swallowed`, `accumulation.counted`
    quotients      `down`, `up`         rounded to the accumulator's format, to nearest or to either neighbour
    cast           `cut`, `cells.activation_cells`

`composed_fused` and `composed_rounded` put them together.  Every function used is monotone, so ends of intervals go to
ends of intervals.  The accumulator is a floating-point format: p significand bits, least normal value 2^emin, smallest
positive value q; eps = 2^(1-p).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.accumulation import counted
from exactformer.verify.arithmetic.formats import FloatFormat, Format, Rounding, power_of_two, round_to
from exactformer.verify.arithmetic.models import Fused, ModelError, Rounded

ZERO = Fraction(0)
ONE = Fraction(1)

ComposedModel = Rounded | Fused


class NotShown(ArithmeticError):
    """A demand is not met, so nothing is shown; maximisers: for how many of them."""

    def __init__(self, maximisers: int, sentence: str) -> None:
        super().__init__(sentence)
        self.maximisers = maximisers
        self.sentence = sentence


@dataclass(frozen=True)
class Interval:
    """What is rounded to o where v = 1 and m positions are maximisers lies in [low, high]."""

    maximisers: int
    low: Fraction
    high: Fraction


@dataclass(frozen=True)
class Exponentials:
    """exp, as computed, is in [lowest, highest] at 0, and at most ``other`` where the exact one is at most tau."""

    lowest: Fraction
    highest: Fraction
    other: Fraction


def accumulator_of(model: ComposedModel) -> FloatFormat:
    """The format that sums are in.  Raises ModelError for a model that is not composed."""
    if not isinstance(model.accumulator, FloatFormat):
        raise ModelError(f"{model.text} has no floating accumulator")
    return model.accumulator


def smallest_positive(number_format: Format) -> Fraction:
    """q."""
    return power_of_two(number_format.quantum_exponent)


def epsilon(accumulator: FloatFormat) -> Fraction:
    """The distance of 1 to the next value."""
    return power_of_two(1 - accumulator.precision)


def unit(model: ComposedModel) -> Fraction:
    """By what part of the exact result an addition, or a normal product or quotient, errs at most.

    To nearest it is half an ulp, 2^-p of the result; a neighbour is less than an ulp away.
    """
    return epsilon(accumulator_of(model)) / (1 if model.steps.faithful else 2)


def exponentials(model: ComposedModel, tau: Fraction) -> Exponentials:
    """Bounds on exp as it is computed, before it is rounded to W or to the accumulator's format.

    Exact without ``+exp``.  With it, an ulp at 1 is eps; at y <= tau it is at most max(q, eps y) <= max(q, eps tau);
    and where exp(x) < q/2 the result is 0.  Results that are flushed to 0 are within these bounds, too.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> exponentials(parse_arithmetic("fused:e5m2/float(5,-16,15)/e5m2+exp1"), Fraction(0)).lowest
    Fraction(15, 16)
    """
    step = model.steps.exponential
    if step is None:
        return Exponentials(ONE, ONE, tau)
    accumulator = accumulator_of(model)
    q, eps = smallest_positive(accumulator), epsilon(accumulator)
    other = ZERO if tau < q / 2 else tau + step.ulps * max(q, eps * tau)
    spread = ZERO if step.one else step.ulps * eps
    return Exponentials(1 - spread, 1 + spread, other)


def cut(model: ComposedModel, number_format: Format, x: Fraction) -> Fraction:
    """x rounded to W or A: to nearest, or toward zero with ``+truncate``."""
    return round_to(number_format, x, Rounding.TOWARD_ZERO if model.steps.truncate else Rounding.NEAREST_EVEN)


def down(model: ComposedModel, x: Fraction) -> Fraction:
    """The least that rounding x >= 0 to the accumulator's format may give."""
    return round_to(accumulator_of(model), x, Rounding.TOWARD_ZERO if model.steps.faithful else Rounding.NEAREST_EVEN)


def up(model: ComposedModel, x: Fraction) -> Fraction:
    """The largest that rounding x >= 0 to the accumulator's format may give."""
    return round_to(
        accumulator_of(model), x, Rounding.AWAY_FROM_ZERO if model.steps.faithful else Rounding.NEAREST_EVEN
    )


def sum_error(model: ComposedModel, terms: int) -> Fraction | None:
    """E(terms - 1): a bound on |computed - exact| / sum of |terms| of that many, added in any order; None if there is
    none.

    To nearest, (terms - 1) u: the lemma of `accumulation`.  With ``+faithful`` every term goes through at most k =
    terms - 1 additions, as no path in a tree has more, each of which multiplies it by a factor between 1 - u and 1 + u;
    (1 + u)^k - 1 <= k u/(1 - k u) if k u < 1, and 1 - (1 - u)^k is less.  Additions do not underflow.
    """
    if model.steps.faithful:
        return _grown((terms - 1) * unit(model))
    return max(0, terms - 1) * unit(model)


def rescaled_sum_error(model: ComposedModel, positions: int) -> Fraction | None:
    """E: as `sum_error`, for the terms of all positions, rescaled by ``+online`` if the model does that.

    Then a term goes through at most N - 1 additions and one product with exp(beta (old - new maximum)) for each block;
    that factor is meant to be there and is not an error itself.  What a product loses by underflow is in `underflow`.
    """
    block = model.steps.block
    if block is None:
        return sum_error(model, positions)
    return _grown((positions - 1 - (-positions // block)) * unit(model))


def _grown(error: Fraction) -> Fraction | None:
    return error / (1 - error) if error < 1 else None


def underflow(model: ComposedModel, positions: int, error: Fraction | None) -> Fraction:
    """Q: what the products of ``+online`` lose by underflow, all together; ``error`` is E.

    One that is below the normal numbers errs by at most q, whatever it is, and later operations multiply that by at
    most 1 + E.  There are at most B of them for every block but the first, fewer than there are positions.
    """
    if model.steps.block is None:
        return ZERO
    if error is None:
        raise NotShown(1, _inaccurate(model, positions))
    return positions * smallest_positive(accumulator_of(model)) * (1 + error)


def largest_sum(model: ComposedModel, terms: int, highest: Fraction) -> Fraction | None:
    """T: a bound on every partial sum of so many terms of magnitude at most ``highest``; None if none is known.

    * Rounding is monotone and keeps values, so sums of i terms in [0, 1] are at most i if that is a value, and those of
      terms in [0, 2] at most 2 i.
    * The lemma of `accumulation`, first applied as if exponents had no limit.  Its induction uses of the computed sums
      upper bounds only; so it holds where partial sums are multiplied with factors of at most 1, too, as the rounded
      product of a value with such a factor is at most that value.
    * `rescaled_sum_error`, likewise.
    """
    accumulator = accumulator_of(model)
    bounds = []
    if highest <= 1 and terms <= counted(accumulator):
        bounds.append(Fraction(terms))
    if 1 < highest <= 2 and terms <= 1 << accumulator.precision:
        bounds.append(Fraction(2 * terms))
    if not model.steps.faithful:
        bounds.append(terms * highest * (1 + (terms - 1) * unit(model)))
    error = rescaled_sum_error(model, terms)
    if error is not None:
        bounds.append(terms * highest * (1 + error))
    return min(bounds, default=None)


def require_no_overflow(model: ComposedModel, positions: int, highest: Fraction) -> None:
    """That `largest_sum` is in range, or NotShown.

    Where maximisers share the value 0 there may be any number of them.
    """
    largest, accumulator = largest_sum(model, positions, highest), accumulator_of(model)
    if largest is None or largest > accumulator.max_finite:
        raise NotShown(positions, f"sums of {positions} terms may overflow the accumulator {accumulator.name}")


def largest_tiny_sum(model: ComposedModel, positions: int, other: Fraction) -> Fraction | None:
    """L: a bound on every partial sum of terms of magnitude at most ``other``, or that ``+online`` made so; None with
    ``+faithful``, where adding something tiny may give the next value.

    By the lemma of `accumulation`, on upper bounds: a product with a factor f is at most c f (1 + u) + q, which is what
    one gets from terms f t (1 + u) + q; and other (1 + u) + q <= 2 (other + q).
    """
    if model.steps.faithful:
        return None
    smallest = smallest_positive(accumulator_of(model))
    return 2 * positions * (other + smallest) * (1 + positions * unit(model))


def swallowed(model: ComposedModel, positions: int, other: Fraction) -> bool:
    """Whether a sum of ones and of terms of at most ``other`` is the number of ones, as long as that is counted.

    If partial sums of the others stay below u/2: a partial sum with i >= 1 ones is i, by induction, since the distance
    of i to the middle between it and the next value is at least u/2, so that i plus something less is rounded to i.
    """
    tiny = largest_tiny_sum(model, positions, other)
    return other == 0 or (tiny is not None and tiny < unit(model) / 2)


def accurate(model: ComposedModel, error: Fraction | None, positions: int, maximisers: int) -> Fraction:
    """An error of sums, where it is below 1; else NotShown, for that many maximisers."""
    if error is None or error >= 1:
        raise NotShown(maximisers, _inaccurate(model, positions))
    return error


def _inaccurate(model: ComposedModel, positions: int) -> str:
    return f"sums of {positions} terms are not accurate in the accumulator {accumulator_of(model).name}"


def bounds_to_try(model: ComposedModel, most: int) -> list[int]:
    """Bounds on the number of maximisers, from ``most`` down: then what the accumulator counts, then powers of two.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> bounds_to_try(parse_arithmetic("fused:e5m2/float(3,-16,15)/e5m2+wide"), 100)
    [100, 8, 4, 2, 1]
    """
    first = min(most, counted(accumulator_of(model)))
    powers = [1 << j for j in reversed(range(first.bit_length())) if 1 << j < first]
    return list(dict.fromkeys([most, first, *powers]))
