"""Quotients of two sums: the sum of p v over the sum of p (ARITHMETIC 5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from exactformer.certificates.checker.formats import Rounding
from exactformer.certificates.checker.softmax.exponentials import at_the_top, terms_of_sums
from exactformer.certificates.checker.softmax.means import intersection, mean_above, mean_of, totals
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Ends, Unbounded, Value
from exactformer.certificates.checker.softmax.queries import Columns, Query
from exactformer.certificates.checker.softmax.sums import Error, Summed, accumulator, added


def quotients(arithmetic: Arithmetic, query: Query, columns: Columns) -> list[Ends]:
    """num / den, for every column (5.3)."""
    model, steps = arithmetic.model, arithmetic.model.steps
    p, r, form = terms_of_sums(arithmetic, query)
    of_den = accumulator(model) if steps.wide else form
    t = at_the_top(arithmetic, query, of_den, "nearest" if steps.wide else model.cut)
    den = added(arithmetic, of_den, query, r)
    lowest = max(den.total[0], t)
    if lowest <= 0:
        raise Unbounded("a sum of weights may be 0")
    den = Summed((lowest, den.total[1]), den.each, den.error)
    weights = totals(query, [(one.low, one.high) for one in p], t)
    found = list[Ends]()
    for column in columns:
        num = added(arithmetic, form, query, p, column)
        y = divided(arithmetic, num.total, den.total)
        if not query.one_each and den.each[0] > 0:
            y = intersection(y, divided(arithmetic, num.each, den.each))
        if not steps.wide and num.error is not None and den.error is not None:
            y = intersection(y, around_mean(arithmetic, weights, column, num.error, den.error, t))
        found.append(cast_of_quotient(arithmetic, y, den.total))
    return found


def divided(arithmetic: Arithmetic, num: Ends, den: Ends) -> Ends:
    """num / den, for den > 0."""
    low, high = num
    below, above = den[1] if low >= 0 else den[0], den[0] if high >= 0 else den[1]
    return (low << arithmetic.grid) // below, -(-(high << arithmetic.grid) // above)


def around_mean(
    arithmetic: Arithmetic, weights: Sequence[Ends], column: Sequence[Value], of_num: Error, of_den: Error, t: int
) -> Ends:
    """num / den, by how far it is from M = N / P, with N = the sum of p v, P that of p.

    num = N + n with |n| <= E_n A P + Q_n, A the mean of |v|; den = P + d with |d| <= E_d P + Q_d. And num / den - M is
    (n - M d) / den, at most (E_n A + Q_n / P + |M| (E_d + Q_d / P)) / (1 - E_d - Q_d / P).
    """
    low, high = mean_of(weights, column)
    if of_num.exact and of_den.exact:
        return low, high
    least, unit = max(t, sum(below for below, _ in weights)), arithmetic.unit
    of_den_at_1 = of_den._replace(extra=-(-(of_den.extra << arithmetic.grid) // least)).of(unit)
    if of_den_at_1 >= unit:
        return -_anything(arithmetic), _anything(arithmetic)
    sizes = mean_above(weights, [value.size for value in column])
    of_num_at_1 = of_num._replace(extra=-(-(of_num.extra << arithmetic.grid) // least)).of(sizes)
    off = of_num_at_1 + -(-max(-low, high) * of_den_at_1 >> arithmetic.grid)
    off = -(-(off << arithmetic.grid) // (unit - of_den_at_1))
    return low - off, high + off


def _anything(arithmetic: Arithmetic) -> int:
    """More than any number of the accumulator."""
    return arithmetic.scaled(accumulator(arithmetic.model).largest) << arithmetic.grid


def cast_of_quotient(arithmetic: Arithmetic, y: Ends, den: Ends) -> Ends:
    """y as it is divided in the accumulator, if it is: to a neighbour; or as a product with the rounded 1 / den.

    1 / den is normal, so it and the product are off by a factor of at most 1 + u each, and the product by q if it
    underflows.
    """
    steps, (low, high) = arithmetic.model.steps, y
    if steps.divide:
        return magnitude(arithmetic, low, "down"), magnitude(arithmetic, high, "up")
    if not steps.reciprocal:
        return y
    acc, square = accumulator(arithmetic.model), arithmetic.unit**2
    if square > den[0] * arithmetic.scaled(acc.largest):
        raise Unbounded("the reciprocal of a sum of weights may overflow")
    if y == (0, 0):
        return y
    if den[1] * arithmetic.scaled(acc.least_normal) > square:
        raise Unbounded("the reciprocal of a sum of weights may be subnormal")
    u, q = Fraction(2 if steps.faithful else 1, 2 ** (acc.p or 0)), arithmetic.scaled(acc.unit)
    less, more = (1 - u) ** 2, (1 + u) ** 2
    below, above = low * (less if low >= 0 else more), high * (more if high >= 0 else less)
    y = below.__floor__() - q, above.__ceil__() + q
    if max(-y[0], y[1]) > arithmetic.scaled(acc.largest):
        raise Unbounded(f"a quotient may overflow {acc.name}")
    return y


def magnitude(arithmetic: Arithmetic, value: int, end: Rounding) -> int:
    """A lower (``down``) or upper end, rounded to the accumulator: to nearest, or outward where neighbours may come."""
    acc, faithful = accumulator(arithmetic.model), arithmetic.model.steps.faithful
    outward: Rounding = end if value >= 0 else ("up" if end == "down" else "down")
    return arithmetic.round(acc, value, arithmetic.unit, outward if faithful else "nearest")
