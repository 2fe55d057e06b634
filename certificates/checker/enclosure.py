"""What a softmax head computes at one query, enclosed in exact rationals (SPEC section 8).

Words:
    gap      how far a score is below the largest one; ``Gap`` is (gap, how many values there are -1, 0, 1)
    weight   of a gap: an interval for what every position at this gap is multiplied with
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

from exactformer.certificates.checker.arithmetic import BELOW_1_OVER_E, LARGEST_EXPONENT, exp_above, power
from exactformer.certificates.checker.formats import Interval, Scaled
from exactformer.certificates.checker.steps.naming import Model

Gap: TypeAlias = tuple[int, tuple[int, int, int]]


class NoEnclosure(Exception):
    """SPEC gives no output here: the model is exact, or an accumulator may overflow."""


def exp_below(x: int) -> Scaled:
    """Lower bound of exp(-x) (SPEC section 8)."""
    return (0, 0) if x > LARGEST_EXPONENT else power(BELOW_1_OVER_E, x, False)


def output(model: Model, gaps: tuple[Gap, ...], e: int) -> Interval:
    """What the head computes at beta = 2^e; at a given query it depends on beta * gap up to 4097 only."""
    return _output(model, tuple((min(gap << e, LARGEST_EXPONENT + 1), counts) for gap, counts in gaps))


@lru_cache(maxsize=2**8)
def _output(model: Model, gaps: tuple[Gap, ...]) -> Interval:
    counts = [count for _, count in gaps]
    exps = [(exp_below(x), exp_above(x)) for x, _ in gaps]
    if model.kind == "rounded":
        low, high = weighted([minus_zero_plus(c) for c in counts], _softmax(model, gaps, exps))
        return _activation(model, low), _activation(model, high)
    if model.kind != "fused":
        raise NoEnclosure("nothing is refuted in this model")
    p = [(model.weight.round_scaled(low), model.weight.round_scaled(high)) for low, high in exps]
    low, high = _accumulate(model, [(plus - minus, plus + minus) for minus, _, plus in counts], p)
    least, most = _accumulate(model, [(sum(c), sum(c)) for c in counts], p)
    least = max(least, Fraction(1))
    return (
        _activation(model, low / (most if low >= 0 else least)),
        _activation(model, high / (least if high >= 0 else most)),
    )


def minus_zero_plus(count: tuple[int, int, int]) -> int:
    """The sum of the values."""
    return count[2] - count[0]


def _activation(model: Model, value: Fraction) -> Fraction:
    return model.activation.round(value.numerator, value.denominator)


def weighted(sums: list[int], weights: list[Interval]) -> Interval:
    """Bounds of the sum of ``sums`` with any weights in these intervals."""
    low, high = Fraction(0), Fraction(0)
    for total, (least, most) in zip(sums, weights, strict=True):
        low += total * (least if total >= 0 else most)
        high += total * (most if total >= 0 else least)
    return low, high


def _softmax(model: Model, gaps: tuple[Gap, ...], exps: list[tuple[Scaled, Scaled]]) -> list[Interval]:
    """The rounded weights; all exponentials are brought to one denominator first, which then cancels."""
    shift = max(shift for pair in exps for _, shift in pair)
    ends = [[numerator << shift - own for numerator, own in pair] for pair in exps]
    z_low = sum(sum(count) * low for (_, count), (low, _) in zip(gaps, ends, strict=True))
    z_high = sum(sum(count) * high for (_, count), (_, high) in zip(gaps, ends, strict=True))
    return [(model.weight.round(low, z_high), model.weight.round(high, z_low)) for low, high in ends]


def _accumulate(model: Model, sums: list[tuple[int, int]], p: list[Interval]) -> Interval:
    """Bounds of a sum by additions in the accumulator, which has all weights as values (`adds_values_of`).

    For each gap, ``sums`` has the sum of the values and that of their magnitudes, and ``p`` the weight.
    """
    acc, u = model.accumulator, Fraction(0)
    taken = [(pair, weight) for pair, weight in zip(sums, p, strict=True) if pair[1] and weight[1]]
    terms = sum(magnitudes for (_, magnitudes), _ in taken)
    most = sum((magnitudes * high for (_, magnitudes), (_, high) in taken), Fraction(0))
    low, high = weighted([total for (total, _), _ in taken], [weight for _, weight in taken])
    if all(least == largest for _, (least, largest) in taken) and most <= acc.largest:
        # With G a power of two that divides all terms, all partial sums are multiples of G up to 2^p G.
        common = min((power_of_two_in(weight) for _, (_, weight) in taken), default=Fraction(1))
        if acc.p is None or most <= 2**acc.p * common:
            return low, high
    if acc.p is not None:
        u = Fraction(2) ** -acc.p
    if not acc.counts(terms) and (acc.p is None or acc.largest < terms * (1 + (terms - 1) * u)):
        raise NoEnclosure(f"{terms} terms may overflow {acc.name}")
    error = (terms - 1) * u * most
    return low - error, high + error


def power_of_two_in(value: Fraction) -> Fraction:
    """The largest power of two of which a positive dyadic ``value`` is a multiple."""
    return Fraction(value.numerator & -value.numerator, value.denominator)
