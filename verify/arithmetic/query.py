"""What a model computes at one query, enclosed exactly: the evidence for a concrete refutation.

The query is given by its score histogram. A *gap* is how far an integer score lies below the query's highest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from exactformer.verify.arithmetic.accumulation import cannot_overflow, relative_summation_error
from exactformer.verify.arithmetic.composed_query import Level, evaluate_composed
from exactformer.verify.arithmetic.exponential import exp_minus_enclosure
from exactformer.verify.arithmetic.formats import FixedFormat, Format, FormatOverflow, power_of_two, round_to
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact, Fused, ModelError, Rounded


class HistogramError(ValueError):
    """A score histogram is that of no query."""


Histogram = Mapping[int, tuple[int, int, int]]
"""gap >= 0 -> (visible positions with it, how many of them have value +1, how many -1)."""


def evaluate_query(model: ArithmeticModel, beta: int, gaps: Histogram) -> tuple[Fraction, Fraction]:
    """Rationals (low, high) that enclose the result o of one value coordinate at one query.

    gaps: gap >= 0 -> (visible positions with it, how many of them have value +1, how many -1); at least one
    position has gap 0. beta is a power of two >= 1. For `Fused` and composed models the enclosure holds for every order
    of accumulation. Where the enclosures of the exponentials determine every rounding (and, for `Fused`, every
    partial sum is exact), low == high.

    A refutation is valid only when the hardmax value, the mean of the values at gap 0, lies outside [low,
    high].

    Gaps are those of the scores as integers: for ``+once`` that is right where `gaps_are_kept`.

    Raises HistogramError, ModelError for beta, FormatOverflow when overflow is not excluded, and for composed models
    NotShown when sums are not accurate: then nothing is said about o.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> evaluate_query(parse_arithmetic("rounded:bf16"), 128, {0: (61, 61, 0), 2: (3, 0, 0)})
    (Fraction(255, 256), Fraction(255, 256))
    """
    if beta < 1 or beta & (beta - 1):
        raise ModelError(f"beta must be a power of two >= 1, got {beta}")
    levels = _levels(beta, gaps)
    match model:
        case Rounded() | Fused() if model.composed:
            return evaluate_composed(model, levels)
        case Exact():
            return _weighted_sum(levels, None)
        case Rounded():
            low, high = _weighted_sum(levels, model.weights)
        case Fused():
            low, high = _quotient(model, levels)
    return round_to(model.activations, low), round_to(model.activations, high)


def _levels(beta: int, gaps: Histogram) -> list[Level]:
    levels = []
    for gap, (positions, positive, negative) in sorted(gaps.items()):
        if gap < 0 or min(positive, negative) < 0 or positive + negative > positions:
            raise HistogramError(
                f"gap {gap} with {positions} positions, {positive} of value +1 and {negative} of value -1"
                " is that of no query"
            )
        low, high = exp_minus_enclosure(beta * gap)
        levels.append(Level(gap, positions, positive - negative, positive + negative, low, high))
    if gaps.get(0, (0, 0, 0))[0] < 1:
        raise HistogramError("some position attains the highest score, but the histogram has none at gap 0")
    return levels


def _weighted_sum(levels: list[Level], weights: Format | None) -> tuple[Fraction, Fraction]:
    """sum_j a_j v_j with a = softmax, each a_j rounded to the format `weights` if there is one."""
    sum_low = sum(level.positions * level.low for level in levels)
    sum_high = sum(level.positions * level.high for level in levels)
    enclosures = []
    for level in levels:
        low, high = level.low / sum_high, level.high / sum_low
        if weights is not None:
            low, high = round_to(weights, low), round_to(weights, high)
        enclosures.append((level.total, low, high))
    return _linear(enclosures)


def _quotient(model: Fused, levels: list[Level]) -> tuple[Fraction, Fraction]:
    """num / den of the fused model, before its last rounding."""
    weights = [(level, round_to(model.weights, level.low), round_to(model.weights, level.high)) for level in levels]
    numerator_low, numerator_high = _accumulated(
        model.accumulator, [(level.magnitude, level.total, low, high) for level, low, high in weights]
    )
    denominator_low, denominator_high = _accumulated(
        model.accumulator, [(level.positions, level.positions, low, high) for level, low, high in weights]
    )
    # A computed sum of non-negative terms is at least the largest of them, here 1.
    denominator_low = max(denominator_low, Fraction(1))
    low = numerator_low / (denominator_high if numerator_low >= 0 else denominator_low)
    high = numerator_high / (denominator_low if numerator_high >= 0 else denominator_high)
    return low, high


def _accumulated(accumulator: Format, terms: list[tuple[int, int, Fraction, Fraction]]) -> tuple[Fraction, Fraction]:
    """A computed sum, any order. A term (how many, sum of their signs, low, high): all in +-[low, high]."""
    terms = [term for term in terms if term[0] and term[3]]
    exact_low, exact_high = _linear((signs, low, high) for _, signs, low, high in terms)
    magnitude = sum((count * high for count, _, _, high in terms), Fraction(0))
    if all(low == high for _, _, low, high in terms) and _sums_are_exact(
        accumulator, [term[3] for term in terms], magnitude
    ):
        return exact_low, exact_high
    count = sum(term[0] for term in terms)
    if not cannot_overflow(accumulator, count):
        raise FormatOverflow(accumulator)
    error = relative_summation_error(accumulator, count) * magnitude
    return exact_low - error, exact_high + error


def _sums_are_exact(accumulator: Format, values: list[Fraction], magnitude: Fraction) -> bool:
    """Whether every partial sum is a value: a multiple of the terms' common grid, not too many times it."""
    if magnitude > accumulator.max_finite:
        return False
    if isinstance(accumulator, FixedFormat) or not values:
        return True
    # The values are n 2^k with n odd; the grid is the smallest such 2^k. By Fused, they are values of the
    # accumulator.
    grid = min(
        power_of_two((value.numerator & -value.numerator).bit_length() - value.denominator.bit_length())
        for value in values
    )
    return magnitude <= grid * (1 << accumulator.precision)


def _linear(terms: Iterable[tuple[int, Fraction, Fraction]]) -> tuple[Fraction, Fraction]:
    """Enclosure of sum c_i x_i, each x_i in [low_i, high_i], c_i an integer of either sign."""
    low = high = Fraction(0)
    for coefficient, term_low, term_high in terms:
        low += coefficient * (term_low if coefficient >= 0 else term_high)
        high += coefficient * (term_high if coefficient >= 0 else term_low)
    return low, high
