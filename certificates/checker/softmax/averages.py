"""Weights that are quotients, and the sum of values with them (ARITHMETIC 5.4).

Words:
    share  what the weights of a group are in all, were they not rounded
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


class Share(NamedTuple):
    """Of a group: what its weights are in all before they are rounded, and how far from that they are at most; a
    weight."""

    ends: Ends
    off: int
    weight: Value


def averages(arithmetic: Arithmetic, query: Query, columns: Columns) -> list[Ends]:
    """The sum of w v, for every column: in the accumulator, if there is one, else exactly."""
    return (_exactly if arithmetic.model.accumulator is None else _in_the_accumulator)(arithmetic, query, columns)


def _exactly(arithmetic: Arithmetic, query: Query, columns: Columns) -> list[Ends]:
    shares, found = of_real_numbers(arithmetic, query), list[Ends]()
    real = totals(query, exponentials(arithmetic, query), query.reached * arithmetic.unit)
    for column in columns:
        off = sum(-(-share.off * value.size >> arithmetic.grid) for share, value in zip(shares, column, strict=True))
        low, high = mean_of(real, column)
        one_by_one = _by_weights(arithmetic, query, shares, column)
        found.append(intersection((low - off, high + off), one_by_one, _by_shares(arithmetic, shares, column)))
    return found


def _in_the_accumulator(arithmetic: Arithmetic, query: Query, columns: Columns) -> list[Ends]:
    model, shares, found = arithmetic.model, of_sums(arithmetic, query), list[Ends]()
    weights = [share.weight for share in shares]
    for column in columns:
        sum_ = added(arithmetic, model.weight, query, weights, column, equal=not model.steps.faithful)
        ends = sum_.total
        if sum_.error is not None:
            sizes = sum((one.ends[1] + one.off) * value.size for one, value in zip(shares, column, strict=True))
            off = sum_.error.of(-(-sizes >> arithmetic.grid))
            low, high = _by_shares(arithmetic, shares, column)
            ends = intersection(ends, (low - off, high + off))
        found.append(ends)
    return found


def _by_weights(arithmetic: Arithmetic, query: Query, shares: Sequence[Share], column: Sequence[Value]) -> Ends:
    low = high = 0
    for place, ((_, _, weight), value) in enumerate(zip(shares, column, strict=True)):
        below = value.low * (weight.low if value.low >= 0 else weight.high)
        above = value.high * (weight.high if value.high >= 0 else weight.low)
        below, above = query.together(place, below, above)
        low, high = low + below, high + above
    return low >> arithmetic.grid, -(-high >> arithmetic.grid)


def _by_shares(arithmetic: Arithmetic, shares: Sequence[Share], column: Sequence[Value]) -> Ends:
    low = high = 0
    for ((least, most), off, _), value in zip(shares, column, strict=True):
        least, most = max(least - off, 0), most + off
        low += value.low * (least if value.low >= 0 else most)
        high += value.high * (most if value.high >= 0 else least)
    return low >> arithmetic.grid, -(-high >> arithmetic.grid)


def of_real_numbers(arithmetic: Arithmetic, query: Query) -> list[Share]:
    """softmax itself, rounded to W.

    What one position adds to the sum is what it adds to the weight: a_j >= low_j / (low_j + the others' high ends), and
    likewise above.
    """
    weight, cut = arithmetic.model.weight, arithmetic.model.cut
    e, t = exponentials(arithmetic, query), query.reached * arithmetic.unit
    found = list[Share]()
    in_all = [query.together(place, *ends) for place, ends in enumerate(e)]
    least, most = sum(low for low, _ in in_all), sum(high for _, high in in_all)
    each = in_all if query.single else [query.outward(place, *ends) for place, ends in enumerate(e)]
    least_each, most_each = sum(low for low, _ in each), sum(high for _, high in each)
    for group, (low, high), (below, above) in zip(query.groups, e, each, strict=True):
        a_low, a_high = (
            ratio(arithmetic, low, most - high + low),
            ratio(arithmetic, high, max(t, least - low + high), up=True),
        )
        share = (
            ratio(arithmetic, below, most_each - above + below),
            min(arithmetic.unit, ratio(arithmetic, above, max(least_each - below + above, 1), up=True)),
        )
        a_high = min(a_high, arithmetic.unit)
        off, _ = rounding(arithmetic, weight, cut, group, group.alike, share[1], (a_low, a_high))
        found.append(Share(share, off, arithmetic.rounded(weight, (a_low, a_high), cut)))
    return found


def of_sums(arithmetic: Arithmetic, query: Query) -> list[Share]:
    """Exponentials over their sum, rounded to the accumulator and then to W."""
    model, acc = arithmetic.model, accumulator(arithmetic.model)
    _, r, _ = terms_of_sums(arithmetic, query)
    t = at_the_top(arithmetic, query, acc, "nearest")
    den = added(arithmetic, acc, query, r)
    lowest = max(den.total[0], t)
    if lowest <= 0:
        raise Unbounded("a sum of weights may be 0")
    quotient: Rounding = "up" if model.steps.faithful else "nearest"
    found = list[Share]()
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
        found.append(Share(share, first + second, arithmetic.number(model.weight, ends)))
    return found


def ratio(arithmetic: Arithmetic, part: int, whole: int, up: bool = False) -> int:
    """part / whole, on the grid."""
    return -(-(part << arithmetic.grid) // whole) if up else (part << arithmetic.grid) // whole if part else 0


def rounding(
    arithmetic: Arithmetic, form: Format, to: Rounding, group: Group, alike: bool, share: int, ends: Ends
) -> tuple[int, Ends]:
    """How far from their sum, at most ``share``, the weights of a group are when they are rounded; and what one,
    between these ends, becomes. ``up``: to either neighbour.

    One is off by at most u a if it is normal, else by max(u a, q / 2); for each that is the same, as they are alike, or
    added up. (u, and q in the place of its half, are twice that where it is not to nearest.) And by at most the larger
    of what it was and what it becomes.
    """
    low, high = ends
    down: Rounding = "down" if to == "up" else to
    after = arithmetic.round(form, low, arithmetic.unit, down), arithmetic.round(form, high, arithmetic.unit, to)
    times = 1 if to == "nearest" else 2
    relative = 0 if form.p is None else -(-times * share >> form.p)
    absolute = group.most * -(-times * arithmetic.scaled(form.unit) // 2)
    if form.p is not None and low >= arithmetic.scaled(form.least_normal):
        off = relative
    else:
        off = max(relative, absolute) if alike else relative + absolute
    return min(off, group.most * max(high, after[1])), after
