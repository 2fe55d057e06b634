"""What a composed model computes at one query, enclosed exactly (SPEC 19.3): `query` for models with steps.

A *gap* is how far an integer score lies below the query's highest.  Every function here is monotone in each argument,
so ends go to ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.composed import (
    ZERO,
    ComposedModel,
    NotShown,
    accumulator_of,
    accurate,
    cut,
    down,
    epsilon,
    exponentials,
    require_no_overflow,
    rescaled_sum_error,
    smallest_positive,
    sum_error,
    underflow,
    up,
)
from exactformer.verify.arithmetic.formats import FloatFormat, power_of_two, round_to
from exactformer.verify.arithmetic.models import Fused
from exactformer.verify.arithmetic.steps import Quotient


@dataclass(frozen=True)
class Level:
    """The positions of one gap: how many, the sum of their values, of their magnitudes; exp(-beta gap) enclosed."""

    gap: int
    positions: int
    total: int
    magnitude: int
    low: Fraction
    high: Fraction


@dataclass(frozen=True)
class Ends:
    """A number in [low, high]."""

    low: Fraction
    high: Fraction


@dataclass(frozen=True)
class _Term:
    """``count`` terms, each +- something in ``ends``; ``signs`` is the sum of their signs."""

    count: int
    signs: int
    ends: Ends


def evaluate_composed(model: ComposedModel, levels: Sequence[Level]) -> tuple[Fraction, Fraction]:
    """Rationals that enclose the result, for every order of additions, and all that the steps leave open.

    levels: by gap, ascending, the first with gap 0.  Raises NotShown and FormatOverflow where nothing is said.
    """
    result = _fused(model, levels) if isinstance(model, Fused) else _rounded(model, levels)
    return cut(model, model.activations, result.low), cut(model, model.activations, result.high)


def _fused(model: Fused, levels: Sequence[Level]) -> Ends:
    accumulator = accumulator_of(model)
    exps = [_exponential(model, level) for level in levels]
    weights = [_ends(end, lambda x: cut(model, model.weights, x)) for end in exps]
    rows = [_ends(end, lambda x: round_to(accumulator, x)) for end in exps] if model.steps.wide else weights
    factor = round_to(accumulator, exps[1].high) if len(exps) > 1 else ZERO
    weights, rows = _rescaled(model, weights, factor), _rescaled(model, rows, factor)
    others_vanish = not any(end.high for end in [*weights[1:], *rows[1:]])
    positions = sum(level.positions for level in levels)
    if model.steps.block is not None:
        require_no_overflow(model, positions, max(weights[0].high, rows[0].high))
    num = _sum(model, _values(levels, weights, apart=model.steps.block is not None), positions, others_vanish)
    return _quotient(model, num, _denominator(model, levels, rows, positions, others_vanish))


def _rounded(model: ComposedModel, levels: Sequence[Level]) -> Ends:
    accumulator = accumulator_of(model)
    rows = [_ends(_exponential(model, level), lambda x: round_to(accumulator, x)) for level in levels]
    positions = sum(level.positions for level in levels)
    others_vanish = not any(end.high for end in rows[1:])
    den = _denominator(model, levels, rows, positions, others_vanish)
    weights = [
        Ends(
            cut(model, model.weights, down(model, end.low / den.high)),
            cut(model, model.weights, up(model, end.high / den.low)),
        )
        for end in rows
    ]
    return _sum(model, _values(levels, weights, apart=model.steps.faithful), positions, others_vanish)


def _values(levels: Sequence[Level], weights: Sequence[Ends], *, apart: bool) -> list[_Term]:
    """The weighted values, by gap; ``apart``: positions of one gap need not have the same weight.

    They do where weights depend on the gap alone.  With ``+online`` one may have been rescaled and another not, and
    with ``+faithful`` equal quotients may be rounded to different neighbours.
    """
    terms = []
    for level, ends in zip(levels, weights, strict=True):
        if apart:
            plus, minus = (level.magnitude + level.total) // 2, (level.magnitude - level.total) // 2
            terms += [_Term(plus, plus, ends), _Term(minus, -minus, ends)]
        else:
            terms.append(_Term(level.magnitude, level.total, ends))
    return terms


def _exponential(model: ComposedModel, level: Level) -> Ends:
    """exp as it is computed, before it is rounded to W or to the accumulator's format.

    With ``+exp`` it is at least y - U max(q, eps y), which rises with y as U eps <= 1/2, or 0 if y is below 2^emin.
    """
    step = model.steps.exponential
    if level.gap == 0:
        at_zero = exponentials(model, ZERO)
        return Ends(at_zero.lowest, at_zero.highest)
    if step is None:
        return Ends(level.low, level.high)
    accumulator = accumulator_of(model)
    low = ZERO
    if level.low >= power_of_two(accumulator.emin):
        error = step.ulps * max(smallest_positive(accumulator), epsilon(accumulator) * level.low)
        low = max(ZERO, level.low - error)
    return Ends(low, exponentials(model, level.high).other)


def _ends(ends: Ends, monotone: Callable[[Fraction], Fraction]) -> Ends:
    return Ends(monotone(ends.low), monotone(ends.high))


def _rescaled(model: Fused, ends: list[Ends], factor: Fraction) -> list[Ends]:
    """With ``+online`` a term below the maximum may have been summed while another maximum was met, and was at most the
    highest then; it was multiplied with at most ``factor``, and perhaps again, by what is not known."""
    if model.steps.block is None:
        return ends
    return [ends[0], *(Ends(ZERO, max(end.high, factor * ends[0].high)) for end in ends[1:])]


def _denominator(
    model: ComposedModel, levels: Sequence[Level], rows: Sequence[Ends], positions: int, others_vanish: bool
) -> Ends:
    """den, at least each of its terms.  Raises NotShown if that may be 0."""
    terms = [_Term(level.positions, level.positions, end) for level, end in zip(levels, rows, strict=True)]
    den = _sum(model, terms, positions, others_vanish)
    if rows[0].low == 0:
        raise NotShown(levels[0].positions, "the denominator may be 0")
    return Ends(max(den.low, rows[0].low), den.high)


def _sum(model: ComposedModel, terms: Sequence[_Term], positions: int, others_vanish: bool) -> Ends:
    """A computed sum, in any order.

    It is exact if every partial sum is a value: a multiple of the terms' common grid, not too many times it; or errs by
    at most E times the sum of magnitudes, E that of the terms that are not 0.  With ``+online`` what is rescaled
    counts, too, unless all of it vanishes.
    """
    accumulator = accumulator_of(model)
    terms = [term for term in terms if term.count and term.ends.high]
    exact = _linear(terms)
    magnitude = sum((term.count * term.ends.high for term in terms), ZERO)
    online = model.steps.block is not None
    determined = all(term.ends.low == term.ends.high for term in terms) and (others_vanish or not online)
    if determined and _is_exact(accumulator, [term.ends.high for term in terms], magnitude):
        return exact
    count = sum(term.count for term in terms)
    if online:
        error = accurate(model, rescaled_sum_error(model, positions), positions, 1)
    else:
        require_no_overflow(model, count, max(term.ends.high for term in terms))
        error = accurate(model, sum_error(model, count), count, 1)
    wrong = error * magnitude + (ZERO if others_vanish else underflow(model, positions, error))
    return Ends(exact.low - wrong, exact.high + wrong)


def _is_exact(accumulator: FloatFormat, values: list[Fraction], magnitude: Fraction) -> bool:
    """Whether every partial sum is a value.  A value is n 2^k with n odd; the grid is the smallest such 2^k."""
    if magnitude > accumulator.max_finite:
        return False
    if not values:
        return True
    grid = min(
        power_of_two((value.numerator & -value.numerator).bit_length() - value.denominator.bit_length())
        for value in values
    )
    return magnitude <= grid * (1 << accumulator.precision)


def _linear(terms: Sequence[_Term]) -> Ends:
    low = sum((t.signs * (t.ends.low if t.signs >= 0 else t.ends.high) for t in terms), ZERO)
    high = sum((t.signs * (t.ends.high if t.signs >= 0 else t.ends.low) for t in terms), ZERO)
    return Ends(low, high)


def _quotient(model: Fused, num: Ends, den: Ends) -> Ends:
    """num / den, den > 0, as the model divides."""
    if model.steps.quotient is Quotient.RECIPROCAL:
        reciprocal = Ends(down(model, 1 / den.high), up(model, 1 / den.low))
        low = num.low * (reciprocal.low if num.low >= 0 else reciprocal.high)
        high = num.high * (reciprocal.high if num.high >= 0 else reciprocal.low)
    else:
        low = num.low / (den.high if num.low >= 0 else den.low)
        high = num.high / (den.low if num.high >= 0 else den.high)
    if model.steps.quotient is Quotient.EXACT:
        return Ends(low, high)
    return Ends(
        down(model, low) if low >= 0 else -up(model, -low),
        up(model, high) if high >= 0 else -down(model, -high),
    )
