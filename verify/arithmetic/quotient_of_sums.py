"""Heads that divide sums: o = cut(num / den) (certificates/ARITHMETIC.md, 5.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.exponentials import Weights, weights_at, weights_of, with_slack
from exactformer.verify.arithmetic.formats import FloatFormat, power_of_two
from exactformer.verify.arithmetic.groups import ALL_ONE, HIGHEST, ZERO, Interval, Query, Value
from exactformer.verify.arithmetic.means import mean_of
from exactformer.verify.arithmetic.models import Fused
from exactformer.verify.arithmetic.rounding import (
    NotShown,
    WithSums,
    accumulator_of,
    operated,
    smallest_positive,
    unit_of_sums,
)
from exactformer.verify.arithmetic.steps import Quotient
from exactformer.verify.arithmetic.sums import Part, Sum, Term, in_all, per_first


@dataclass(frozen=True)
class QuotientOfSums:
    """num / den at a query, and the terms of both; den is at least ``least``."""

    model: Fused
    query: Query
    in_num: Sequence[Term]
    in_den: Sequence[Term]
    num: Sum
    den: Sum
    least: Fraction

    @classmethod
    def of(cls, model: Fused, query: Query) -> QuotientOfSums:
        """Raises NotShown if a sum may overflow or den may be 0, and FormatOverflow for a weight."""
        weights = weights_of(model, query)
        in_num = [
            Term.of(g, w.num, g.value, w.num_format, alike=w.alike) for g, w in zip(query.groups, weights, strict=True)
        ]
        in_den = terms_of_den(query, weights)
        num, den = Sum.of(model, query, in_num), Sum.of(model, query, in_den)
        return cls(model, query, in_num, in_den, num, den, least_den(model, query, weights))

    def bounds(self) -> Iterator[Interval]:
        """Several bounds on num / den; all of them hold."""
        if not self.num.adding:
            yield Interval(ZERO, ZERO)
            return
        den = self.den.ends(per_first(self.query, self.in_den))
        if den.low > 0:
            yield with_slack(self.model, divided(self.num.ends(per_first(self.query, self.in_num)), den))
        yield with_slack(self.model, divided(self.num.ends(in_all(self.in_num)), self.den_in_all))
        if not self.model.steps.wide:
            yield from self._near_the_mean(in_all(self.in_num))

    @property
    def sums(self) -> tuple[Sum, ...]:
        """The two sums."""
        return self.num, self.den

    @property
    def den_in_all(self) -> Interval:
        """An interval that contains den."""
        return self.den.ends(in_all(self.in_den)).at_least(self.least)

    def _near_the_mean(self, parts: Sequence[Part]) -> Iterator[Interval]:
        """num / den is near the mean M = S_n/S_d of exact sums, which have the same weights.

        |num - S_n| <= E_n A S_d + Q_n, A the mean of |v|, and |den - S_d| <= E_d S_d + Q_d; so num/den - M = ((num -
        S_n) - M (den - S_d))/den is at most d, as den >= S_d (1 - E_d) - Q_d, and S_d is at least den'.
        """
        of_num, of_den = self.num.error, self.den.error
        if of_num is None or of_den is None or self.num.is_swallowed or self.den.is_swallowed:
            return
        exact_den = max(self.least, sum((part.weight.low for part in parts), ZERO))
        kept = 1 - of_den.relative - of_den.absolute / exact_den
        if kept <= 0:
            return
        mean = mean_of(parts)
        size = mean_of([Part(part.group, part.weight, _magnitude(part.value)) for part in parts]).high
        relative = of_num.relative * size + of_den.relative * mean.magnitude
        absolute = (of_num.absolute + of_den.absolute * mean.magnitude) / exact_den
        yield with_slack(self.model, mean.widened((relative + absolute) / kept))

    def as_computed(self, y: Interval) -> Interval:
        """The number that is rounded to A, if num / den is in y.  Raises NotShown and FormatOverflow."""
        match self.model.steps.quotient:
            case Quotient.EXACT:
                return y
            case Quotient.DIVIDE:
                return operated(self.model, y)
            case Quotient.RECIPROCAL:
                return self._times_reciprocal(y)

    def _times_reciprocal(self, y: Interval) -> Interval:
        """The product of num and 1/den, both rounded.

        If 1/den is normal, both err by a factor within 1 +- u, the product also by q if it underflows.
        """
        accumulator = accumulator_of(self.model)
        largest = min(self.den.largest, self.den_in_all.high)
        reciprocal = with_slack(self.model, Interval(1 / largest, 1 / self.den_in_all.low))
        reciprocal = operated(self.model, reciprocal.at_least(ZERO))
        if not self.num.adding:
            return y
        num = self.num.ends(in_all(self.in_num))
        product = Interval(
            num.low * (reciprocal.high if num.low < 0 else reciprocal.low),
            num.high * (reciprocal.low if num.high < 0 else reciprocal.high),
        )
        product = operated(self.model, with_slack(self.model, product))
        if not isinstance(accumulator, FloatFormat) or largest * power_of_two(accumulator.emin) > 1:
            return product
        u = unit_of_sums(self.model)
        closer, further = (1 - u) ** 2, (1 + u) ** 2
        ends = Interval(y.low * (further if y.low < 0 else closer), y.high * (closer if y.high < 0 else further))
        return product.meet(with_slack(self.model, ends.widened(smallest_positive(accumulator))))


def terms_of_den(query: Query, weights: Sequence[Weights]) -> list[Term]:
    """What each position adds to den."""
    return [Term.of(g, w.den, ALL_ONE, w.den_format, alike=w.alike) for g, w in zip(query.groups, weights, strict=True)]


def least_den(model: WithSums, query: Query, weights: Sequence[Weights]) -> Fraction:
    """t: den is at least each of its terms, so at least that of the highest score.  Raises NotShown if it may be 0."""
    known = [w.den.low for group, w in zip(query.groups, weights, strict=True) if group.is_highest]
    least = known[0] if known else weights_at(model, HIGHEST).den.low
    if least <= 0:
        raise NotShown("the denominator may be 0, because weights of the highest score may be rounded to 0")
    return least


def divided(x: Interval, by: Interval) -> Interval:
    """Quotients of numbers of these intervals; those of ``by`` are positive."""
    return Interval(
        x.low / (by.low if x.low < 0 else by.high),
        x.high / (by.high if x.high < 0 else by.low),
    )


def _magnitude(value: Value) -> Value:
    return Value(value.magnitude, value.magnitude, value.ternary)
