"""Sums in the accumulator, by additions in any order (ARITHMETIC 5.2).

Words:
    K, T   how many terms there are that are not 0; the largest sum of their magnitudes
    E, Q   a sum is off by at most E times the sum of magnitudes, and Q
    B, L   bounds on partial sums: of all terms, and of tiny ones, whatever rounding does to them
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from exactformer.certificates.checker.formats import Format
from exactformer.certificates.checker.softmax.model import Model
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Ends, Unbounded, Value
from exactformer.certificates.checker.softmax.queries import Group, Query

Counting: TypeAlias = Callable[[int, int, int], Ends]
"""From a group's place and the ends at one position to the ends of what its positions add."""


class Error(NamedTuple):
    """E = part / whole, and Q on the grid."""

    part: int
    whole: int
    extra: int

    def of(self, magnitudes: int) -> int:
        """How far a sum of these magnitudes may be off."""
        return -(-magnitudes * self.part // self.whole) + self.extra

    @property
    def exact(self) -> bool:
        return not self.part and not self.extra


NONE = Error(0, 1, 0)


class Summed(NamedTuple):
    """Ends in all, and for each position of the first group; ``error`` is None where it is not what they are from."""

    total: Ends
    each: Ends
    error: Error | None


class Term(NamedTuple):
    """What every position of a group adds: a weight times a value."""

    place: int
    group: Group
    weight: Value
    value: Value

    @property
    def ends(self) -> Ends:
        """The products, on the grid squared. Weights are not negative."""
        low, high, below, above = self.weight.low, self.weight.high, self.value.low, self.value.high
        return below * (low if below >= 0 else high), above * (high if above >= 0 else low)

    @property
    def size(self) -> int:
        return self.weight.size * self.value.size


def added(
    arithmetic: Arithmetic,
    form: Format,
    query: Query,
    weights: Sequence[Value],
    values: Sequence[Value] | None = None,
    equal: bool = True,
) -> Summed:
    """The sum of weights, numbers of a format, times values (None: each is 1).

    ``equal``: weights of a group that is alike are equal. `Unbounded` if a partial sum may overflow.
    """
    column = [arithmetic.one] * len(weights) if values is None else values
    terms = [
        Term(place, group, weight, value)
        for place, (group, weight, value) in enumerate(zip(query.groups, weights, column, strict=True))
        if group.most and weight.size and value.size
    ]
    acc, online = accumulator(arithmetic.model), arithmetic.model.steps.block is not None
    settled, ternary = True, _ternary(arithmetic, column)
    number, total = min(sum(term.group.most for term in terms), query.N), magnitudes(query, terms)
    largest = max((term.size for term in terms), default=0)
    if online:  # before the maximum is met, every position may count as much as one at the maximum
        largest = max(weight.size for weight in weights) * max(value.size for value in column)
        bound = _bound(arithmetic, acc, query.positions, query.positions * largest, largest, ternary)
        settled = all(one.at_top or not weight.size for one, weight in zip(query.groups, weights, strict=True))
        number = number if settled else query.positions
    if not terms or (settled and _exact(arithmetic, acc, form, query, terms, equal)):
        return _ends(arithmetic, query, terms, NONE)
    if not online:
        bound = _bound(arithmetic, acc, number, total, largest, ternary)
    if (swallowed := _swallowed(arithmetic, acc, query, terms)) is not None:
        return swallowed
    error = _error(arithmetic, acc, number, ternary, settled)
    if error is None or error.part >= error.whole:
        if not arithmetic.model.steps.faithful and ternary:
            bound = min(bound, _tiny(arithmetic, acc, query, terms))
        return Summed((-bound, bound), (-bound, bound), None)
    return _ends(arithmetic, query, terms, error)


def accumulator(model: Model) -> Format:
    """The format of sums; `Unbounded` if there is none."""
    if model.accumulator is None:
        raise Unbounded("sums are exact")
    return model.accumulator


def magnitudes(query: Query, terms: Sequence[Term]) -> int:
    """T, on the grid squared: as many positions as there are, the largest magnitudes first."""
    left, found = query.N, 0
    for term in sorted(terms, key=lambda term: term.size, reverse=True):
        number = min(left, term.group.most)
        left, found = left - number, found + number * term.size
    return found


def _ternary(arithmetic: Arithmetic, values: Sequence[Value]) -> bool:
    """Whether all are -1, 0 or 1: then terms are numbers of the accumulator, as weights are."""
    return all(value.grain >= 0 and value.size <= arithmetic.unit for value in values)


def _exact(arithmetic: Arithmetic, acc: Format, form: Format, query: Query, terms: Sequence[Term], equal: bool) -> bool:
    """Whether all partial sums are numbers of the accumulator.

    They are multiples m g of a grain g with |m| <= 2^p; or m <= 2^(p - p') equal numbers of p' bits, up to their sign.
    """
    total, scale = magnitudes(query, terms), 2 * arithmetic.grid
    if total > arithmetic.scaled(acc.largest) << arithmetic.grid:
        return False
    grain = min(term.weight.grain + term.value.grain for term in terms)
    if grain >= acc.lowest and (acc.p is None or total <= 1 << scale + acc.p + grain):
        return True
    if len(terms) > 1 or not equal or acc.p is None or form.p is None or not _ternary(arithmetic, [terms[0].value]):
        return False
    return terms[0].group.alike and terms[0].group.most <= 2 ** (acc.p - form.p)


def _swallowed(arithmetic: Arithmetic, acc: Format, query: Query, terms: Sequence[Term]) -> Summed | None:
    """The number of ones, if everything that is added to them is rounded away.

    A partial sum with i >= 1 ones is i, by induction: the number below i is at least u below it, half of that is at
    least u/2, and partial sums of the others are smaller.
    """
    tops = [term for term in terms if term.group.at_top]
    others = [term for term in terms if not term.group.at_top]
    if (
        acc.p is None
        or arithmetic.model.steps.faithful
        or not tops
        or not _ternary(arithmetic, [term.value for term in others])
    ):
        return None
    ones = all(term.weight[:2] == term.value[:2] == arithmetic.one[:2] for term in tops)
    least, most = sum(term.group.least for term in tops), sum(term.group.most for term in tops)
    if not ones or least < 1 or not acc.counts(most):
        return None
    if others and 2 * _tiny(arithmetic, acc, query, others) << acc.p >= arithmetic.unit:
        return None
    each = [query.outward(term.place, arithmetic.unit, arithmetic.unit) for term in tops]
    return Summed(
        (least << arithmetic.grid, most << arithmetic.grid),
        (sum(low for low, _ in each), sum(high for _, high in each)),
        None,
    )


def _tiny(arithmetic: Arithmetic, acc: Format, query: Query, terms: Sequence[Term]) -> int:
    """L = 2 K' (x + q) (1 + K' u): no partial sum of terms of magnitude at most x is larger, even if rescaling made the
    terms so small.

    A product with a factor of at most 1 is at most (1 + u) of the exact one, plus q; 2 (x + q) is more than that. Then
    by the lemma of Jeannerod and Rump (2013), whose induction needs upper bounds of partial sums only.
    """
    number = query.positions
    largest = -(-max(term.size for term in terms) >> arithmetic.grid)
    found = 2 * number * (largest + arithmetic.scaled(acc.unit))
    return found + (0 if acc.p is None else -(-found * number >> acc.p))


def _bound(arithmetic: Arithmetic, acc: Format, number: int, total: int, largest: int, ternary: bool) -> int:
    """B, which is not an overflow; from K, T and the largest magnitude of a term, both on the grid squared."""
    total, largest = -(-total >> arithmetic.grid), -(-largest >> arithmetic.grid)
    error = _error(arithmetic, acc, number, ternary, arithmetic.model.steps.block is None)
    bounds = list[int]()
    if acc.counts(number) and largest <= arithmetic.unit:
        bounds.append(number << arithmetic.grid)
    if acc.p is not None and number <= 2**acc.p and largest <= 2 * arithmetic.unit:
        bounds.append(2 * number << arithmetic.grid)
    if ternary and not arithmetic.model.steps.faithful:
        bounds.append(total + (0 if acc.p is None else -(-total * (number - 1) >> acc.p)))
    if error is not None:
        bounds.append(total + error.of(total))
    if not bounds or min(bounds) > arithmetic.scaled(acc.largest):
        raise Unbounded(f"a sum of {number} terms may overflow {acc.name}")
    return min(bounds)


def _error(arithmetic: Arithmetic, acc: Format, number: int, ternary: bool, settled: bool) -> Error | None:
    """E and Q of a sum of this many terms.

    Numbers of the accumulator, rounded to nearest: (K - 1) u (Jeannerod and Rump 2013). Else a term passes k roundings:
    at most K - 1 additions, its own product, and the product of each block; each is a factor 1 + d with |d| <= u, so
    together they are off by at most k u/(1 - k u). A product that underflows is off by q more, and what follows
    multiplies that by at most 1 + E.
    """
    steps, unit = arithmetic.model.steps, arithmetic.scaled(acc.unit)
    kinds = (not ternary) + (not settled)  # of products that may underflow
    if acc.p is None:
        return Error(0, 1, kinds * number * unit)
    roundings = number - 1 if ternary else number
    if settled and ternary and not steps.faithful:
        return Error(roundings, 2**acc.p, 0)
    roundings += 0 if settled or steps.block is None else -(-number // steps.block)
    part = roundings * (2 if steps.faithful else 1)
    whole = 2**acc.p - part
    if whole <= 0:
        return None
    return Error(part, whole, -(-kinds * number * unit * (whole + part) // whole))


def _ends(arithmetic: Arithmetic, query: Query, terms: Sequence[Term], error: Error) -> Summed:
    """The ends of the exact sum, widened by its error; in all, and for each position of the first group."""
    total = _widened(arithmetic, query.together, terms, error)
    return Summed(total, total if query.one_each else _widened(arithmetic, query.outward, terms, error), error)


def _widened(arithmetic: Arithmetic, over: Counting, terms: Sequence[Term], error: Error) -> Ends:
    low = high = size = 0
    for term in terms:
        below, above = over(term.place, *term.ends)
        low, high = low + below, high + above
        size += 0 if error.exact else over(term.place, 0, term.size)[1]
    off = error.of(-(-size >> arithmetic.grid))
    return (low >> arithmetic.grid) - off, -(-high >> arithmetic.grid) + off
