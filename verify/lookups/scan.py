"""Parabola and layer-norm hash: exact scores of keys near the query's, and an error bound for all that are farther.

In real numbers the score falls with the distance d = |i - k| of addresses.  A score of m terms whose magnitudes sum to
T is computed within T * E, E = `relative_error`; so if the right score is exactly more than 2 T E above another one,
they are apart.  `Bounds` says from which d on that is so; nearer keys are computed, each one in every order.  From
context N to N + 1 only the pairs with the address N are new, because neither key nor query depend on N.

*Parabola*, closed form: if (N - 1)^2 <= 2^p, p the least precision, each order is exact: k^2, 2k and i are numbers of
the format, 2ik is twice an integer up to 2^p, and -2^p <= 2ik - k^2 <= i^2 <= 2^p.  Then the gap is (i - k)^2 >= 1.
Just above, it ends, if p is that of A or of all formats: for odd k with k^2 > 2^p, k^2 is halfway between even numbers,
and becomes k^2 - 1 (k^2 = 1 mod 8, so (k^2 - 1)/2 is even); so the query i = k - 1 has 2ik - k^2 + 1 = i^2 for k, as
for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from exactformer.constructions.lookups.layer_norm_hash import LAYER_NORM_HASH
from exactformer.constructions.lookups.parabola import PARABOLA
from exactformer.constructions.lookups.scheme import Scheme
from exactformer.verify.arithmetic.formats import FloatFormat, power_of_two
from exactformer.verify.arithmetic.groups import Interval
from exactformer.verify.lookups.scores import ScoreArithmetic, fewest_bits, held, relative_error, score
from exactformer.verify.lookups.separation import Counterexample, Crowd, Place, Separation, Tier, gap_of

LARGEST_SCAN = 1 << 14
"""How many contexts are looked at, one by one, from where the closed form or the error bound ends."""


@dataclass(frozen=True)
class Bounds:
    """start: the look-up separates in contexts up to this one, by ``gap`` or more.  near: from N to a d >= 1 such that
    keys d or more away are surely lower, by ``gap`` or more.  largest_score: a function of N.
    """

    start: int
    gap: Fraction
    tight: bool
    near: Callable[[int], int]
    largest_score: Callable[[int], Fraction]


def parabola_bounds(arithmetic: ScoreArithmetic) -> Bounds:
    """T = 2ik + k^2 <= 3 (N - 1)^2, and the exact gap is d^2: d^2 > 2 T E + 16 leaves 16."""
    error = relative_error(arithmetic, 2)

    def near(context: int) -> int:
        return isqrt(int(2 * error * 3 * (context - 1) ** 2) + 16) + 1

    start = isqrt(1 << fewest_bits(arithmetic)) + 1
    return Bounds(start, Fraction(1), True, near, lambda context: Fraction((context - 1) ** 2))


def hash_bounds(arithmetic: ScoreArithmetic) -> Bounds:
    """T <= 1, as no product is negative; exactly, the score is c/sqrt(c^2 + d^2), c = ik + 1.

    It is below t = 1 - 2E where c^2 (1 - t^2) < t^2 d^2; if that holds for the largest c, which is that of i = N - 1
    and k = i - d, it holds for all.  (Products of the smallest coordinates, 1/(2 N^2), have to be normal.)
    """
    error = relative_error(arithmetic, 4)
    # Pairs that are not computed are so far apart that the least gap is one of the computed ones.
    slack = power_of_two(3 - fewest_bits(arithmetic))

    def near(context: int) -> int:
        last = context - 1
        if Fraction(1, 2 * last * last + 2) < smallest_normal(arithmetic):
            return context
        return first_distance(last, 1 - 2 * error - slack)

    start = 1
    while near(2 * start) == 1:
        start *= 2
    step = start // 2
    while step:
        if near(start + step) == 1:
            start += step
        step //= 2
    return Bounds(start, slack, False, near, lambda context: 1 + error)  # noqa: ARG005


def first_distance(last: int, threshold: Fraction) -> int:
    """The least d >= 1 such that phi(i) . phi(k) < threshold for all i, k <= last that are d or more apart; last + 1 if
    that is not known of any.
    """
    square = threshold * threshold if threshold > 0 else Fraction(0)
    low, high = 1, last + 1
    while low < high:
        d = (low + high) // 2
        c = last * (last - d) + 1
        if c * c * (1 - square) < square * d * d:
            high = d
        else:
            low = d + 1
    return low


def smallest_normal(arithmetic: ScoreArithmetic) -> Fraction:
    """Products below this may underflow."""
    return max(power_of_two(each.emin) for each in arithmetic.formats if isinstance(each, FloatFormat))


BOUNDS = {PARABOLA.name: parabola_bounds, LAYER_NORM_HASH.name: hash_bounds}


@dataclass(frozen=True)
class Scan:
    """A look-up in an arithmetic; its rounded keys and queries do not depend on the context."""

    scheme: Scheme
    arithmetic: ScoreArithmetic
    bounds: Bounds

    def rounded(self, address: int) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]]:
        """Query and key of an address, in A."""
        activations = self.arithmetic.activations
        query, key = self.scheme.query(address, 1), self.scheme.key(address, address, 1)
        return tuple(held(activations, one) for one in query), tuple(held(activations, one) for one in key)

    def new_pairs(self, context: int) -> Iterator[Counterexample]:
        """Near pairs of a query and a wrong place that are new in this context."""
        last = context - 1
        own = self._score(last, last)
        for d in range(1, min(self.bounds.near(context), context)):
            for query, wrong in ((last, last - d), (last - d, last)):
                right = own if query == last else self._score(query, query)
                yield Counterexample(
                    context, query, Place(query, query), Place(wrong, wrong), right, self._score(query, wrong)
                )

    def _score(self, query: int, key: int) -> Interval:
        return score(self.arithmetic, self.rounded(query)[0], self.rounded(key)[1])


def scanned(scheme: Scheme, arithmetic: ScoreArithmetic) -> Separation:
    """From where the bounds end, context by context, up to the first sure counterexample."""
    scan = Scan(scheme, arithmetic, BOUNDS[scheme.name](arithmetic))
    bounds = scan.bounds
    gap, tight, first, proved = bounds.gap, bounds.tight, None, bounds.start
    sure, regular = None, True
    for context in range(bounds.start + 1, bounds.start + 1 + LARGEST_SCAN):
        pairs = list(scan.new_pairs(context))
        least = min(pairs, key=gap_of, default=None)
        if first is None and least is not None and gap_of(least) <= 0:
            first, proved = least, context - 1
        if first is None and least is not None and gap_of(least) < gap:
            gap, tight = gap_of(least), True
        if first is None and any(gap_of(pair) < min(16, pair.distance**2) for pair in pairs):
            regular = False
        sure = next((pair for pair in pairs if pair.is_sure), None)
        if sure is not None:
            break
        if first is None:
            proved = context
    how = "closed form" if scheme is PARABOLA else "error bound"
    how += f" up to {bounds.start:,}" + (f", computed up to {proved:,}" if proved > bounds.start else "")
    tiers: tuple[Tier, ...] = (Tier(None, gap),)
    if scheme is PARABOLA and regular:
        tiers = (*(Tier(2, Fraction(d * d)) for d in range(1, 4)), Tier(None, Fraction(16)))
    crowds: tuple[Crowd, ...] = (Crowd(proved, 1),) if tight else ()
    if scheme is PARABOLA and gap == 1:
        crowds = (Crowd(3, 2),)  # position 1, between 0 and 2
    return Separation(proved, how, gap, bounds.largest_score(proved), first, sure, tiers, crowds)
