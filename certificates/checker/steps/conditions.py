"""What softmax computes when kernels do more than SPEC 7.1 says: the conditions of section 19.2.

Words:
    maximisers, others  positions with the largest score; positions that score at least D less
    num, den            the sums of section 7.1; for ``rounded`` with three formats there is den only
    most                M*: a bound on the ties
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from exactformer.certificates.checker.formats import Interval, Overflow, Scaled
from exactformer.certificates.checker.steps.naming import Model
from exactformer.certificates.checker.steps.sums import (
    Fails,
    as_weight,
    at_0,
    below_1,
    error_of_all,
    error_of_sum,
    largest_sum,
    magnitude,
    near_0,
    require_no_overflow,
    underflows,
    unit_roundoff,
)

Bounds: TypeAlias = tuple[Interval | None, Fraction | None]
"""``one`` and ``zero`` of a case; None where SPEC says null."""


def bounds(model: Model, N: int, ties: Sequence[int], tau: Scaled) -> Bounds:
    """``one`` and ``zero`` for a list of ties (SPEC 19.2)."""
    try:
        terms = terms_of(model, N, tau)
        if model.kind == "fused":
            return fused(terms, min(ties), max(ties)) if ties else (None, fused_zero(terms, None))
        ends = [rounded(terms, m) for m in ties]
        one = (min(low for low, _ in ends), max(high for _, high in ends)) if ties else None
        return one, rounded_zero(terms)
    except (Fails, Overflow):
        return None, None


def bounds_on_ties(model: Model, M: int) -> list[int]:
    """What is tried for M*, for ties 1..M; sums of up to C ones are exact."""
    counted = min(M, model.accumulator.counted)
    return [M, counted, *(2**k for k in reversed(range((counted - 1).bit_length())))]


@dataclass(frozen=True)
class Addends:
    """What a sum adds for each maximiser, ``least`` to ``most``, and at most for each of the others."""

    least: Fraction
    most: Fraction
    other: Fraction


@dataclass(frozen=True)
class Terms:
    """What is added at a query that sees up to N positions; no sum of it overflows. E is that of N positions."""

    model: Model
    N: int
    num: Addends
    den: Addends
    E: Fraction | None

    def others(self, addends: Addends) -> Fraction:
        """L(x): no partial sum of others is larger, once the maximum is met, if additions are to nearest."""
        if self.model.steps.faithful:
            raise Fails
        acc = self.model.accumulator
        return 2 * self.N * (addends.other + acc.unit) * (1 + self.N * acc.roundoff)

    def is_exact(self, addends: Addends, m: int) -> bool:
        """Whether a sum is the number of maximisers, up to m: ones that count, which others are too small to change.

        The value below 1 is u less than 1, so that less than u/2 is rounded away.
        """
        if not (addends.least == addends.most == 1 and self.model.accumulator.counts(m)):
            return False
        swallowed = not self.model.steps.faithful and 2 * self.others(addends) < self.model.accumulator.roundoff
        return addends.other == 0 or swallowed

    def error(self, other: Fraction, m: int) -> Fraction:
        """Of a sum with up to m maximisers; where others add nothing, only maximisers count."""
        return below_1(error_of_sum(self.model, m - 1) if other == 0 else self.E)

    def underflows(self, other: Fraction) -> Fraction:
        """Q: zeros do not underflow."""
        in_blocks = self.model.steps.block is not None
        return underflows(self.model, self.N, self.E) if in_blocks and other else Fraction(0)

    def per_maximiser(self, addends: Addends, m: int, most: int, others: int) -> Interval:
        """A sum divided by the number of maximisers, from m (which is the worst) to ``most``.

        Others add their magnitudes, times ``others``: 0 where they cannot lower the sum, 1 where they can.
        """
        if self.is_exact(addends, most):
            return Fraction(1), Fraction(1)
        leak = Fraction(self.N - m, m) * addends.other
        E, Q = self.error(addends.other, most), self.underflows(addends.other)
        low = addends.least - others * leak - E * (addends.most + leak) - Q
        return low, (addends.most + leak) * (1 + E) + Q


def terms_of(model: Model, N: int, tau: Scaled) -> Terms:
    """The terms of a case; `Fails` if a sum may overflow."""
    acc, weight, steps, cut = model.accumulator, model.weight, model.steps, model.cut
    (x0, X0), x1 = at_0(model), near_0(acc, steps.exp_error, tau, 1) if N > 1 else (0, 0)
    r = acc.round_scaled(x1)
    num, den = (
        Addends(weight.of(x0, cut), weight.of(X0, cut), weight.round_scaled(x1, 1, cut)),
        Addends(acc.of(x0), acc.of(X0), r),
    )
    if model.kind == "rounded":
        num = den
    elif not steps.wide:
        den = num
    if steps.block is not None:  # what was summed before the maximum was met is multiplied by at most r
        num, den = (Addends(s.least, s.most, max(s.other, r * s.most)) for s in (num, den))
    E = error_of_all(model, N)
    require_no_overflow(model, N, max(num.most, den.most), E)
    if den.least <= 0:
        raise Fails
    return Terms(model, N, num, den, E)


def fused(terms: Terms, least: int, most: int) -> tuple[Interval, Fraction]:
    """``one`` and ``zero`` of *fused* for ties from ``least`` to ``most``."""
    model, u, q = terms.model, unit_roundoff(terms.model), terms.model.accumulator.unit
    low_num, high_num = terms.per_maximiser(terms.num, least, most, others=1)
    low_den, high_den = terms.per_maximiser(terms.den, least, most, others=0)
    if low_den <= 0:
        raise Fails
    low, high = low_num / (low_den if low_num < 0 else high_den), high_num / low_den
    if model.steps.divide:
        low, high = magnitude(model, low, "down"), magnitude(model, high, "up")
    if model.steps.reciprocal:
        require_normal_reciprocal(terms, most)
        if low < 0:
            raise Fails
        low, high = low * (1 - u) ** 2 - q, high * (1 + u) ** 2 + q
    return (low, high), fused_zero(terms, most)


def fused_zero(terms: Terms, most: int | None) -> Fraction:
    """``zero`` of *fused*: what others add where the maximisers' value is 0; den is at least one maximiser's term.

    ``most`` is None without ties.
    """
    model, other = terms.model, terms.num.other
    if model.steps.reciprocal and terms.den.least * model.accumulator.largest < 1:
        raise Fails  # 1/den might overflow
    if other == 0:
        return Fraction(0)
    if terms.E is not None and terms.E < 1:
        leak = (terms.N - 1) * other * (1 + terms.E) + terms.underflows(other)
    else:
        leak = terms.others(terms.num)
    zero = leak / terms.den.least
    if model.steps.reciprocal:
        require_normal_reciprocal(terms, 1 if most is None else most)
        return zero * (1 + unit_roundoff(model)) ** 2 + model.accumulator.unit
    return magnitude(model, zero, "up") if model.steps.divide else zero


def require_normal_reciprocal(terms: Terms, most: int) -> None:
    """1/den is a normal number, so that rounding it has a relative error."""
    model, largest_den = terms.model, 1 / terms.model.accumulator.least_normal
    if terms.is_exact(terms.den, most) and most <= largest_den:
        return
    if largest_sum(model, terms.N, max(terms.num.most, terms.den.most), terms.E) > largest_den:
        raise Fails


def den_for(terms: Terms, m: int, most: int) -> Interval:
    """[ld, hd] of *rounded* with m maximisers, with the error of den for up to ``most``."""
    if terms.is_exact(terms.den, most):
        return Fraction(m), Fraction(m)
    total = m * terms.den.most + (terms.N - m) * terms.den.other
    error = terms.error(terms.den.other, most) * total
    low, high = m * terms.den.least - error, total + error
    if low <= 0 or high > terms.model.accumulator.largest:
        raise Fails
    return low, high


def equal_weights_are_exact(model: Model, m: int) -> bool:
    """Whether m weights of maximisers are summed exactly: multiples, up to m, of one number of so many bits.

    Faithful quotients need not be equal.
    """
    acc, p_W = model.accumulator.p, model.weight.p
    return acc is not None and p_W is not None and not model.steps.faithful and m <= 2 ** (acc - p_W)


def rounded(terms: Terms, m: int) -> Interval:
    """``one`` of *rounded*, three formats, for m maximisers."""
    model = terms.model
    low_den, high_den = den_for(terms, m, m)
    w, W = as_weight(model, terms.den.least / high_den, "down"), as_weight(model, terms.den.most / low_den, "up")
    omega = as_weight(model, terms.den.other / low_den, "up")
    leak = (terms.N - m) * omega
    total = m * W + leak
    exact = omega == 0 and equal_weights_are_exact(model, m)
    if model.weight.p is None:  # all partial sums are multiples of W's unit
        exact = total * model.accumulator.roundoff <= model.weight.unit
    error = Fraction(0) if exact else terms.error(omega, m) * total
    return m * w - leak - error, total + error


def rounded_zero(terms: Terms) -> Fraction:
    """``zero`` of *rounded*, three formats; den is at least one maximiser's term."""
    omega = as_weight(terms.model, terms.den.other / terms.den.least, "up")
    if omega and terms.E is None:
        raise Fails
    return (terms.N - 1) * omega * (1 + (terms.E or 0))


def rounded_at_once(terms: Terms, most: int) -> tuple[Interval, int]:
    """An interval for all m up to ``most`` at which quotients and weights are normal; and the largest such m.

    With [ld, hd] for one maximiser, den is from m ld to m hd for m of them; W is floating.
    """
    model, W, u = terms.model, terms.model.weight, unit_roundoff(terms.model)
    low_den, high_den = den_for(terms, 1, most)
    omega = as_weight(model, terms.den.other / low_den, "up")
    leak = (terms.N - 1) * omega
    u_W = W.roundoff * (2 if model.steps.truncate else 1)
    low = terms.den.least * (1 - u) * (1 - u_W) / high_den
    high = terms.den.most * (1 + u) * (1 + u_W) / low_den + leak
    exact = omega == 0 and equal_weights_are_exact(model, most)
    error = Fraction(0) if exact else terms.error(omega, most) * high
    normal = terms.den.least / high_den / max(model.accumulator.least_normal, W.least_normal)
    return (low - leak - error, high + error), min(most, normal.__floor__())
