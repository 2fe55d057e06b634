"""What the checker says of a query, in fractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from exactformer.certificates.checker.softmax.averages import averages
from exactformer.certificates.checker.softmax.exponentials import exponentials, terms_of_sums
from exactformer.certificates.checker.softmax.heads import received
from exactformer.certificates.checker.softmax.means import mean_of, totals
from exactformer.certificates.checker.softmax.model import Model, parse_model
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Unbounded, Value
from exactformer.certificates.checker.softmax.queries import Group, Query
from exactformer.certificates.checker.softmax.quotients import quotients
from exactformer.certificates.checker.softmax.sums import accumulator, added
from tests.checker.softmax.kernel import Interval, Position

F = Fraction
Number: TypeAlias = int | Fraction


@dataclass(frozen=True)
class Some:
    """So many positions, with x and v in these ranges; x may be any from ``x0`` on where ``x1`` is None.

    Values from -1 to 1 are -1, 0 or 1, unless they are ``numbers`` of A. ``top``: one surely has x = 0.
    """

    least: int
    most: int
    x0: Number
    x1: Number | None
    v0: Number
    v1: Number
    numbers: bool = False
    top: bool = False

    def group(self, unit: int) -> Group:
        at_top = self.x0 == self.x1 == 0 and self.least > 0
        x1 = None if self.x1 is None else (self.x1 * unit).__ceil__()
        return Group(self.least, self.most, (self.x0 * unit).__floor__(), x1, self.top or at_top)

    def value(self, arithmetic: Arithmetic) -> Value:
        low, high = (self.v0 * arithmetic.unit).__floor__(), (self.v1 * arithmetic.unit).__ceil__()
        if not self.numbers and (self.v0, self.v1) == (-1, 1):
            return Value(low, high, high, 0)
        return arithmetic.number(arithmetic.model.activation, (low, high))


def at(x: Number, v: Number, least: int = 1, most: int | None = None) -> Some:
    """Positions with this x and this value."""
    return Some(least, least if most is None else most, F(x), F(x), F(v), F(v))


def beyond(x: Number, most: int) -> Some:
    """Other positions, with values of -1, 0 or 1."""
    return Some(0, most, F(x), None, F(-1), F(1))


def case(N: int, x: Number | None, v: int, least: int, most: int | None = None) -> list[Some]:
    """Section 6: positions that share a value, and others x below them, N in all."""
    others = [beyond(x, N - least)] if x is not None and least < N else []
    return [at(0, v, least, most), *others]


def exactly(seen: Sequence[Position]) -> list[Some]:
    """These positions, and nothing left open; those at the maximum first."""
    return [at(one.x, one.v, seen.count(one)) for one in sorted(set(seen))]


def bounds(model: Model | str, groups: Sequence[Some], N: int | None = None, cast: bool = False) -> Interval | None:
    """The ends of a head's output, before or after it is rounded to A; None where nothing is shown."""
    model = parse_model("", model) if isinstance(model, str) else model
    positions = sum(group.most for group in groups) if N is None else N
    arithmetic = Arithmetic.of(model, 0, positions)
    query = Query([group.group(arithmetic.unit) for group in groups], positions)
    column = [group.value(arithmetic) for group in groups]
    try:
        if cast:
            low, high = received(arithmetic, query, [column])[0][:2]
        elif model.kind == EXACT:
            low, high = mean_of(totals(query, exponentials(arithmetic, query), arithmetic.unit), column)
        else:
            low, high = (quotients if model.kind == "fused" else averages)(arithmetic, query, [column])[0]
    except Unbounded:
        return None
    return F(low, arithmetic.unit), F(high, arithmetic.unit)


def sums_of(model: Model | str, groups: Sequence[Some], N: int | None = None) -> tuple[Interval, Interval] | None:
    """Of num and of den; None where nothing is shown of one of them."""
    model = parse_model("", model) if isinstance(model, str) else model
    positions = sum(group.most for group in groups) if N is None else N
    arithmetic = Arithmetic.of(model, 0, positions)
    query = Query([group.group(arithmetic.unit) for group in groups], positions)
    try:
        p, r, form = terms_of_sums(arithmetic, query)
        found = [
            added(arithmetic, model.weight, query, p, [group.value(arithmetic) for group in groups]).total,
            added(arithmetic, accumulator(model) if model.steps.wide else form, query, r).total,
        ]
    except Unbounded:
        return None
    num, den = ((F(low, arithmetic.unit), F(high, arithmetic.unit)) for low, high in found)
    return num, den
