"""Weights that are quotients, and the sum of values with them (ARITHMETIC 5.4).

Words:
    share  the sum of a group's weights before they are rounded
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from exactformer.certificates.checker.formats import Format, Rounding
from exactformer.certificates.checker.softmax.exponentials import at_the_top, exponentials, terms_of_sums
from exactformer.certificates.checker.softmax.means import intersection, mean_of, totals
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Ends, Unbounded, Value
from exactformer.certificates.checker.softmax.queries import Columns, Group, Query
from exactformer.certificates.checker.softmax.sums import accumulator, added


class Weights(NamedTuple):
    """About a group: one position's weight; the sum of all weights; how far that is from their sum before rounding."""

    one: Value
    total: Ends
    off: int


def averages(arithmetic: Arithmetic, query: Query, columns: Columns) -> list[Ends]:
    """The sum of w v, for every column: in the accumulator, if there is one, else exactly."""
    return (_exactly if arithmetic.model.accumulator is None else _in_the_accumulator)(arithmetic, query, columns)


def _exactly(arithmetic: Arithmetic, query: Query, columns: Columns) -> list[Ends]:
    weights, found = of_real_numbers(arithmetic, query), list[Ends]()
    real = totals(query, exponentials(arithmetic, query), query.reached * arithmetic.unit)
    for column in columns:
        off = sum(
            -(-of_group.off * value.size >> arithmetic.grid) for of_group, value in zip(weights, column, strict=True)
        )
        low, high = mean_of(real, column)
        found.append(intersection((low - off, high + off), _weighted(arithmetic, weights, column)))
    return found


def _in_the_accumulator(arithmetic: Arithmetic, query: Query, columns: Columns) -> list[Ends]:
    model, weights, found = arithmetic.model, of_sums(arithmetic, query), list[Ends]()
    for column in columns:
        ends, _, error = added(
            arithmetic, model.weight, query, [each.one for each in weights], column, equal=not model.steps.faithful
        )
        if error is not None:
            sizes = sum(each.total[1] * value.size for each, value in zip(weights, column, strict=True))
            off = error.of(-(-sizes >> arithmetic.grid))
            low, high = _weighted(arithmetic, weights, column)
            ends = intersection(ends, (low - off, high + off))
        found.append(ends)
    return found


def _weighted(arithmetic: Arithmetic, weights: Sequence[Weights], column: Sequence[Value]) -> Ends:
    """The sum over groups of all weights times the value."""
    low = high = 0
    for (_, (least, most), _), value in zip(weights, column, strict=True):
        low += value.low * (least if value.low >= 0 else most)
        high += value.high * (most if value.high >= 0 else least)
    return low >> arithmetic.grid, -(-high >> arithmetic.grid)


def of_real_numbers(arithmetic: Arithmetic, query: Query) -> list[Weights]:
    """softmax itself, rounded to W.

    One position adds the same to the sum and to its weight: a_j >= low_j / (low_j + the others' high ends), and
    likewise above."""
    weight, cut = arithmetic.model.weight, arithmetic.model.cut
    e, t, found = exponentials(arithmetic, query), query.reached * arithmetic.unit, list[Weights]()
    in_all = totals(query, e, t)
    each = in_all if query.one_each else [query.outward(place, *ends) for place, ends in enumerate(e)]
    shares = [_parts(arithmetic, in_all)] if query.one_each else [_parts(arithmetic, in_all), _parts(arithmetic, each)]
    least, most = sum(low for low, _ in in_all), sum(high for _, high in in_all)
    for place, (group, (low, high)) in enumerate(zip(query.groups, e, strict=True)):
        least_in_all = least - in_all[place][0] + group.least * low
        ends = (
            ratio(arithmetic, low, most - high + low),
            min(arithmetic.unit, ratio(arithmetic, high, max(t, least_in_all - low + high), up=True)),
        )
        share = intersection(*(by[place] for by in shares))
        off, after = rounding(arithmetic, weight, cut, group, group.alike, share[1], ends)
        found.append(_rounded(query, place, share, off, arithmetic.number(weight, after)))
    return found


def _parts(arithmetic: Arithmetic, weights: Sequence[Ends]) -> list[Ends]:
    """What part of the sum each of them is."""
    least, most = sum(low for low, _ in weights), sum(high for _, high in weights)
    return [
        (ratio(arithmetic, low, most - high + low), ratio(arithmetic, high, max(least - low + high, 1), up=True))
        for low, high in weights
    ]


def _rounded(query: Query, place: int, share: Ends, off: int, one: Value) -> Weights:
    """A group's weights, from their share before rounding."""
    total = intersection(query.together(place, one.low, one.high), (share[0] - off, share[1] + off))
    return Weights(one, total, off)


def of_sums(arithmetic: Arithmetic, query: Query) -> list[Weights]:
    """Exponentials over their sum, rounded to the accumulator and then to W."""
    model, acc, found = arithmetic.model, accumulator(arithmetic.model), list[Weights]()
    _, r, _ = terms_of_sums(arithmetic, query)
    den = added(arithmetic, acc, query, r)
    lowest = max(den.total[0], at_the_top(arithmetic, query, acc, "nearest"))
    if lowest <= 0:
        raise Unbounded("a sum of weights may be 0")
    quotient: Rounding = "up" if model.steps.faithful else "nearest"
    for place, (group, one) in enumerate(zip(query.groups, r, strict=True)):
        ends = ratio(arithmetic, one.low, den.total[1]), ratio(arithmetic, one.high, lowest, up=True)
        share = query.together(place, *ends)
        if den.each[0] > 0:
            below, above = query.outward(place, one.low, one.high)
            each = ratio(arithmetic, below, den.each[1]), ratio(arithmetic, above, den.each[0], up=True)
            share = intersection(share, each)
        if den.error is not None and den.error.exact:
            share = share[0], min(share[1], arithmetic.unit)
        first, ends = rounding(arithmetic, acc, quotient, group, group.alike, share[1], ends)
        alike = group.alike and not model.steps.faithful
        second, ends = rounding(arithmetic, model.weight, model.cut, group, alike, share[1] + first, ends)
        found.append(_rounded(query, place, share, first + second, arithmetic.number(model.weight, ends)))
    return found


def ratio(arithmetic: Arithmetic, part: int, whole: int, up: bool = False) -> int:
    """part / whole, on the grid."""
    return -(-(part << arithmetic.grid) // whole) if up else (part << arithmetic.grid) // whole if part else 0


def rounding(
    arithmetic: Arithmetic, form: Format, to: Rounding, group: Group, alike: bool, share: int, ends: Ends
) -> tuple[int, Ends]:
    """How far from their sum, at most ``share``, the weights of a group are when they are rounded; and what one,
    between these ends, becomes. ``up``: to either neighbour.

    A weight a is off by at most u/(1 + u) a if it is normal, which is worst just above a power of two, else by the
    larger of that and q / 2; all weights of a group are alike, or their errors add up. (If rounding is not to nearest,
    by 2 u a, and q.) And it is off by at most the larger of what it was and what it becomes.
    """
    low, high = ends
    down: Rounding = "down" if to == "up" else to
    after = arithmetic.round(form, low, arithmetic.unit, down), arithmetic.round(form, high, arithmetic.unit, to)
    nearest = to == "nearest"
    relative = 0 if form.p is None else -(-share // (2**form.p + 1)) if nearest else -(-2 * share >> form.p)
    absolute = group.most * arithmetic.scaled(form.unit) // (2 if nearest else 1)
    if form.p is not None and low >= arithmetic.scaled(form.least_normal):
        off = relative
    else:
        off = max(relative, absolute) if alike else relative + absolute
    return min(off, group.most * max(high, after[1])), after
