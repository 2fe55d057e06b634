"""Heads that round the weights of softmax: o = cut(sum of w v) (certificates/ARITHMETIC.md, 5.4).

r is an exponential, den the sum of all; a = r/den; w is a, rounded to ACC if there is one, then to W.  The *share* of a
group is the sum of r/den over its positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.exponentials import weights_of, with_slack
from exactformer.verify.arithmetic.formats import FloatFormat, Format, power_of_two
from exactformer.verify.arithmetic.groups import ONE, ZERO, Group, Interval, Query
from exactformer.verify.arithmetic.means import mean_of
from exactformer.verify.arithmetic.models import Rounded
from exactformer.verify.arithmetic.quotient_of_sums import divided, least_den, terms_of_den
from exactformer.verify.arithmetic.rounding import cut, operated, smallest_positive, unit
from exactformer.verify.arithmetic.sums import EXACT, Part, Sum, Term, exact_sum, in_all, per_first


@dataclass(frozen=True)
class SumOfQuotients:
    """The sum of w v at a query.

    den: None for real numbers.  quotients, rounded: a at one position of each group, and a rounded to ACC.  terms: w v.
    """

    model: Rounded
    query: Query
    in_den: Sequence[Term]
    den: Sum | None
    quotients: Sequence[Interval]
    rounded: Sequence[Interval]
    terms: Sequence[Term]

    @classmethod
    def of(cls, model: Rounded, query: Query) -> SumOfQuotients:
        """Raises NotShown if den may overflow or be 0, and FormatOverflow for a weight."""
        weights = weights_of(model, query)
        in_den = terms_of_den(query, weights)
        if model.accumulator is None:
            den = None
            rounded = quotients = _real_quotients(in_den)
        else:
            den = Sum.of(model, query, in_den)
            whole = den.ends(in_all(in_den)).at_least(least_den(model, query, weights))
            quotients = [with_slack(model, divided(term.weight, whole)).at_least(ZERO) for term in in_den]
            rounded = [operated(model, a) for a in quotients]
        weights_rounded = [cut(model, model.weights, a) for a in rounded]
        # Equal quotients may be rounded to different neighbours.
        alike = [w.alike and not model.steps.faithful for w in weights]
        terms = [
            Term.of(group, w, group.value, model.weights, alike=equal)
            for group, w, equal in zip(query.groups, weights_rounded, alike, strict=True)
        ]
        return cls(model, query, in_den, den, quotients, rounded, terms)

    def bounds(self) -> Iterator[Interval]:
        """Several bounds on the sum; all of them hold: from the weights of single positions, and from the sums of
        groups. Raises NotShown if the sum may overflow."""
        ends = exact_sum if self.den is None else Sum.of(self.model, self.query, self.terms).ends
        singly = in_all(self.terms, zeros=True)
        yield ends(singly)
        shares = list(self._shares() if self.den is None else self._shares_of(self.den))
        errors = [self._error(place, share.high) for place, share in enumerate(shares)]
        by_shares = ends(
            Part(part.group, part.weight.meet(share.widened(error).at_least(ZERO)), part.value)
            for part, share, error in zip(singly, shares, errors, strict=True)
        )
        yield with_slack(self.model, by_shares)
        if self.den is None:
            # Roundings move the sum away from the mean of values by at most as much as they move the weights.
            off = sum((e * g.value.magnitude for g, e in zip(self.query.groups, errors, strict=True)), ZERO)
            parts = [Part(part.group, part.weight, part.group.value) for part in in_all(self.in_den)]
            yield with_slack(self.model, mean_of(parts).widened(off))

    @property
    def sums(self) -> tuple[Sum, ...]:
        """The sum that exponentials are divided by, if it is rounded."""
        return () if self.den is None else (self.den,)

    def as_computed(self, x: Interval) -> Interval:
        """The number that is rounded to A: the sum."""
        return x

    def _shares(self) -> Iterator[Interval]:
        """By group, if den is exact: from a at one position; and from the sum S of a group's r, which is S/(S + the
        others), in all and for each position of the first group."""
        in_all_groups = [part.weight for part in self._in_den(each=False)]
        of_each = [part.weight for part in self._in_den(each=True)]
        for place, (group, a) in enumerate(zip(self.query.groups, self.quotients, strict=True)):
            share = a.times(group.least, group.most)
            yield share.meet(_part_of(in_all_groups, place)).meet(_part_of(of_each, place))

    def _shares_of(self, den: Sum) -> Iterator[Interval]:
        """By group, if den is a sum in ACC: from a at one position; from r, and den for each position of the first
        group; and at most 1 if the sum is exact, because then all are 1 together."""
        parts = self._in_den(each=True)
        of_each, exact = den.ends(parts), den.error == EXACT and not den.is_swallowed
        for part, a in zip(parts, self.quotients, strict=True):
            share = a.times(part.group.least, part.group.most)
            if of_each.low > 0:
                share = share.meet(divided(part.weight, of_each))
            yield Interval(share.low, min(share.high, ONE)) if exact else share

    def _in_den(self, *, each: bool) -> list[Part]:
        """What each group adds to den: for each position of the first group, or in all."""
        return per_first(self.query, self.in_den, zeros=True) if each else in_all(self.in_den, zeros=True)

    def _error(self, place: int, share: Fraction) -> Fraction:
        """How far the sum of a group's weights is from its share, which is at most ``share``: by the errors of rounding
        to ACC, if there is one, and of rounding that to W."""
        model, group, rounded = self.model, self.query.groups[place], self.rounded[place]
        first = ZERO
        if model.accumulator is not None:
            a, faithful = self.quotients[place], model.steps.faithful
            first = rounding_error(model.accumulator, group, share, a, rounded, directed=faithful)
        weight, truncate = self.terms[place].weight, model.steps.truncate
        return first + rounding_error(model.weights, group, share + first, rounded, weight, directed=truncate)


def _real_quotients(in_den: Sequence[Term]) -> list[Interval]:
    """a at one position of each group: r/(r + all others), which rises with r and falls with others."""
    sums = [part.weight for part in in_all(in_den)]
    low, high = sum((x.low for x in sums), ZERO), sum((x.high for x in sums), ZERO)
    found = []
    for term in in_den:
        r, among_the_least = term.weight, term.weight.low if term.group.least else ZERO
        # The position itself is one of the most that there may be.
        found.append(Interval(r.low / (r.low + high - r.high), r.high / (r.high + low - among_the_least)))
    return found


def _part_of(sums: Sequence[Interval], place: int) -> Interval:
    """What part of the sum one of these is, none of which is negative: it rises with that one, and falls with the
    others."""
    mine = sums[place]
    fewest = sum((other.low for number, other in enumerate(sums) if number != place), ZERO)
    most = sum((other.high for number, other in enumerate(sums) if number != place), ZERO)
    return Interval(
        mine.low / (mine.low + most) if mine.low else ZERO,
        mine.high / (mine.high + fewest) if mine.high else ZERO,
    )


def rounding_error(
    number_format: Format, group: Group, share: Fraction, x: Interval, rounded: Interval, *, directed: bool
) -> Fraction:
    """How far the sum of a group's numbers moves when each is rounded; they lie in x, and sum to at most ``share``.

    Rounding y >= 0 errs by at most max(u' y, q'), q' half of q or, if it is directed, q; by u' y where y is normal; and
    by the larger of y and its result.  To nearest u' = 1/(2^p + 1): from 2^e on, up to half an ulp, it errs by what y
    is above 2^e, and beyond that y is at least 2^e (1 + u).
    """
    u = unit(number_format, directed=directed)
    u = u if directed else u / (1 + u)
    tiny = group.most * smallest_positive(number_format) / (1 if directed else 2)
    if isinstance(number_format, FloatFormat) and x.low >= power_of_two(number_format.emin):
        error = u * share
    elif group.alike:
        error = max(u * share, tiny)
    else:
        error = u * share + tiny
    return min(error, group.most * max(x.high, rounded.high))
