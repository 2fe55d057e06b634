"""What a composed model computes at one query, enclosed in exact rationals (SPEC 19.3).

Words:
    p, r     of a gap: an interval for what num and den add for every position at this gap
    settled  nothing that was summed before the maximum was met is left: there are no blocks, or all of it became 0
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from exactformer.certificates.checker.arithmetic import LARGEST_EXPONENT, exp_above
from exactformer.certificates.checker.enclosure import Gap, NoEnclosure, exp_below, power_of_two_in, weighted
from exactformer.certificates.checker.formats import Format, Interval, Rounding
from exactformer.certificates.checker.steps.naming import Model
from exactformer.certificates.checker.steps.sums import (
    Fails,
    as_weight,
    at_0,
    below_1,
    error_of_all,
    error_of_sum,
    magnitude,
    near_0,
    require_no_overflow,
    underflows,
)


def output(model: Model, gaps: tuple[Gap, ...], e: int) -> Interval:
    """What the head computes at beta = 2^e; `NoEnclosure` or `Overflow` where SPEC gives none."""
    try:
        return _output(model, tuple((min(gap << e, LARGEST_EXPONENT + 1), counts) for gap, counts in gaps))
    except Fails as error:
        raise NoEnclosure("a sum or a quotient has no bound") from error


@dataclass(frozen=True)
class Query:
    """One query: how many positions are visible, and whether it is settled."""

    model: Model
    visible: int
    settled: bool


@lru_cache(maxsize=2**8)
def _output(model: Model, gaps: tuple[Gap, ...]) -> Interval:
    x = [gap for gap, _ in gaps]
    counts = [count for _, count in gaps]
    p, r = exponentials(model, x, model.weight, model.cut), exponentials(model, x, model.accumulator, "nearest")
    if model.kind == "fused" and not model.steps.wide:
        r = p
    if model.steps.block is not None:
        factor = exponentials(model, x, model.accumulator, "nearest")[1][1] if len(x) > 1 else Fraction(0)
        p, r = rescaled(p, factor), rescaled(r, factor)
    settled = model.steps.block is None or all(high == 0 for _, high in p[1:] + r[1:])
    query = Query(model, sum(map(sum, counts)), settled)
    values = [(minus, plus) for minus, _, plus in counts]
    low_den, high_den = accumulated(query, [(0, sum(count)) for count in counts], r)
    low_den = max(low_den, r[0][0])  # a sum of terms that are not negative is at least each of them
    if model.kind == "rounded":
        weights = [
            (as_weight(model, low / high_den, "down"), as_weight(model, high / low_den, "up")) for low, high in r
        ]
        result = accumulated(query, values, weights)
    else:
        result = quotient(model, accumulated(query, values, p), (low_den, high_den))
    return model.activation.of(result[0], model.cut), model.activation.of(result[1], model.cut)


def exponentials(model: Model, x: list[int], to: Format, rounding: Rounding) -> list[Interval]:
    """What exp yields at the gaps beta g = ``x``, rounded to a format; the first one is 0."""
    first = at_0(model)
    found = [(to.of(first[0], rounding), to.of(first[1], rounding))]
    for gap in x[1:]:
        low = near_0(model.accumulator, model.steps.exp_error, exp_below(gap), -1)
        high = near_0(model.accumulator, model.steps.exp_error, exp_above(gap), 1)
        found.append((to.round_scaled(low, 1, rounding), to.round_scaled(high, 1, rounding)))
    return found


def rescaled(terms: list[Interval], factor: Fraction) -> list[Interval]:
    """Others may have been added before the maximum was met; they were multiplied by at most ``factor`` then."""
    return terms[:1] + [(Fraction(0), max(high, factor * terms[0][1])) for _, high in terms[1:]]


def accumulated(query: Query, values: list[tuple[int, int]], terms: list[Interval]) -> Interval:
    """Bounds of a sum by additions in the accumulator.

    For each gap, ``values`` says how many are -1 and 1, and ``terms`` what is added.
    """
    model, acc, in_blocks = query.model, query.model.accumulator, query.model.steps.block is not None
    taken = [(pair, term) for pair, term in zip(values, terms, strict=True) if sum(pair) and term[1]]
    number = query.visible if in_blocks else sum(sum(pair) for pair, _ in taken)
    most = sum((sum(pair) * high for pair, (_, high) in taken), Fraction(0))
    if in_blocks or (model.kind == "rounded" and model.steps.faithful):  # terms at one gap need not be equal
        parts = [(part, term) for (minus, plus), term in taken for part in (-minus, plus)]
    else:
        parts = [(plus - minus, term) for (minus, plus), term in taken]
    low, high = weighted([part for part, _ in parts], [term for _, term in parts])
    E = error_of_all(model, number) if in_blocks else error_of_sum(model, number - 1)
    if in_blocks:  # before the maximum is met, sums are relative to another one
        require_no_overflow(model, number, terms[0][1], E)
    if query.settled and all(least == largest for _, (least, largest) in taken) and most <= acc.largest:
        # With G a power of two that divides all terms, all partial sums are multiples of G up to 2^p G.
        common = min((power_of_two_in(largest) for _, (_, largest) in taken), default=Fraction(1))
        if most * acc.roundoff <= common:
            return low, high
    if not in_blocks:
        require_no_overflow(model, number, max(largest for _, (_, largest) in taken), E)
    error = below_1(E) * most + (0 if query.settled else underflows(model, number, E))
    return low - error, high + error


def quotient(model: Model, num: Interval, den: Interval) -> Interval:
    """num/den, by the model's steps; 0 < den."""
    if model.steps.reciprocal:
        least, most = magnitude(model, 1 / den[1], "down"), magnitude(model, 1 / den[0], "up")
        low, high = num[0] * (least if num[0] >= 0 else most), num[1] * (most if num[1] >= 0 else least)
    else:
        low, high = num[0] / (den[1] if num[0] >= 0 else den[0]), num[1] / (den[0] if num[1] >= 0 else den[1])
    if model.steps.reciprocal or model.steps.divide:
        return outward(model, low, "down"), outward(model, high, "up")
    return low, high


def outward(model: Model, value: Fraction, to: Rounding) -> Fraction:
    """A lower (``down``) or upper end, rounded to the accumulator away from the inside of its interval."""
    if value >= 0:
        return magnitude(model, value, to)
    return -magnitude(model, -value, "up" if to == "down" else "down")
