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
        found.append(as_computed(arithmetic, y, num.total, den.total))
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
    """A number larger than any of the accumulator."""
    return arithmetic.scaled(accumulator(arithmetic.model).largest) << arithmetic.grid


def as_computed(arithmetic: Arithmetic, y: Ends, num: Ends, den: Ends) -> Ends:
    """y, divided in the accumulator if there is one; or as a product with the rounded 1 / den."""
    if arithmetic.model.steps.divide:
        return rounded(arithmetic, y)
    return times_reciprocal(arithmetic, y, num, den) if arithmetic.model.steps.reciprocal else y


def times_reciprocal(arithmetic: Arithmetic, y: Ends, num: Ends, den: Ends) -> Ends:
    """num times the rounded 1 / den, rounded; nothing overflows.

    If 1 / den is normal, the result is near y: 1 / den and the product are off by a factor of at most 1 + u each, and
    the product by q if it underflows.
    """
    acc, square = accumulator(arithmetic.model), arithmetic.unit**2
    least, most = rounded(arithmetic, (square // den[1], -(-square // den[0])))
    if y == (0, 0):
        return y
    low, high = num
    products = low * (least if low >= 0 else most), high * (most if high >= 0 else least)
    found = rounded(arithmetic, (products[0] >> arithmetic.grid, -(-products[1] >> arithmetic.grid)))
    if den[1] * arithmetic.scaled(acc.least_normal) > square:
        return found
    u, q = Fraction(2 if arithmetic.model.steps.faithful else 1, 2 ** (acc.p or 0)), arithmetic.scaled(acc.unit)
    less, more = (1 - u) ** 2, (1 + u) ** 2
    below, above = y[0] * (less if y[0] >= 0 else more), y[1] * (more if y[1] >= 0 else less)
    return intersection(found, (below.__floor__() - q, above.__ceil__() + q))


def rounded(arithmetic: Arithmetic, ends: Ends) -> Ends:
    """Ends of a number rounded to the accumulator: to nearest, or outward if it may become either neighbour."""
    low, high = ends
    acc, faithful = accumulator(arithmetic.model), arithmetic.model.steps.faithful
    below: Rounding = "nearest" if not faithful else "down" if low >= 0 else "up"
    above: Rounding = "nearest" if not faithful else "up" if high >= 0 else "down"
    return arithmetic.round(acc, low, arithmetic.unit, below), arithmetic.round(acc, high, arithmetic.unit, above)
