"""The parabola with recency: addresses that are written several times.

N is the number of addresses and of times, n = N - 1, 2^r >= N.  *Closed form*: if (2 n^2) 2^r + n <= 2^p for the
precision of sums, (n^2 2^r + n) <= 2^p for that of stored scores, and n^2 <= 2^p for that of A, everything is exact in
every order: all terms are multiples of 2^-r, and every partial sum is, of magnitude at most 2 n^2 + n/2^r.  Then the
last write is ahead of earlier ones by 2^-r or more, and of other addresses by 1 - n/2^r >= 2^-r.

As long as (n^2 2^r + n) <= 2^p for sums, too, the order (2ik - k^2) + t/2^r is exact, so no counterexample is sure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import isqrt

from exactformer.constructions.lookups.parabola_recency import PARABOLA_RECENCY, recency_bits
from exactformer.verify.lookups.scores import ScoreArithmetic, precision, relative_error
from exactformer.verify.lookups.separation import AsComputed, Counterexample, Crowd, Place, Separation, Tier, gap_of

LARGEST_WHOLE = 1 << 6
"""Up to this context all queries and places are compared."""
FARTHEST = 1 << 6
"""How many contexts above a closed form are looked at for a counterexample."""


def is_exact(arithmetic: ScoreArithmetic, context: int) -> bool:
    """Whether the closed form covers this context."""
    n, unit = context - 1, 1 << recency_bits(context)
    a, s, stored = (1 << precision(each) for each in arithmetic.formats)
    return 2 * n * n * unit + n <= s and n * n * unit + n <= stored and n * n <= a


def some_order_is_exact(arithmetic: ScoreArithmetic, context: int) -> bool:
    """Whether one order of additions is exact, so that no counterexample is sure."""
    n, unit = context - 1, 1 << recency_bits(context)
    a, s, stored = (1 << precision(each) for each in arithmetic.formats)
    return n * n * unit + n <= min(s, stored) and n * n <= a


def largest(holds: Callable[[int], bool]) -> int:
    """The largest N with a property that holds for 1, and for N only if it holds for all smaller ones."""
    low, high = 1, 2
    while holds(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def comparisons(arithmetic: ScoreArithmetic, context: int, *, whole: bool) -> Iterator[Counterexample]:
    """Pairs that decide a context, if ``whole``; else those that fail first: the largest addresses, the earliest times.

    Scores do not fall as the time grows, because rounding is monotone.  So for two addresses the wrong one at the last
    time is compared with the right one at the first, and for one address each write with the next.  Addresses are
    compared up to a distance d with d^2 > 2 + 2 E T (see `scan`): from there on the gap is at least 1.
    """
    computed, n = AsComputed(PARABOLA_RECENCY, arithmetic, context), context - 1
    near = isqrt(int(2 * relative_error(arithmetic, 3) * (3 * n * n + 1) + 2)) + 1
    for query in range(context) if whole else range(max(0, n - 2), context):
        for later in range(1, context if whole else min(context, 4)):
            yield computed.compared(query, Place(query, later), Place(query, later - 1))
        for k in range(max(0, query - near), min(context, query + near + 1)):
            if k != query:
                yield computed.compared(query, Place(query, 0), Place(k, n))


def last_write(arithmetic: ScoreArithmetic) -> Separation:
    """The separation, context by context from where the closed form ends."""
    start = largest(lambda context: is_exact(arithmetic, context))
    proved, how = start, f"closed form up to {start:,}"
    gap = Fraction(1, 1 << recency_bits(start))
    first: Counterexample | None = None
    for context in range(start + 1, start + FARTHEST):
        first = _first(arithmetic, context, whole=context <= LARGEST_WHOLE)
        if first is not None or context > LARGEST_WHOLE:
            break
        gap = min(gap, min(map(gap_of, comparisons(arithmetic, context, whole=True))))
        proved, how = context, f"closed form up to {start:,}, brute force up to {context:,}"
    sure = None
    for context in range(max(proved, largest(lambda c: some_order_is_exact(arithmetic, c))) + 1, 1 << 62):
        sure = _sure(arithmetic, context)
        if sure is not None or context > start + (1 << 20):
            break
    bound = Fraction((proved - 1) ** 2 + 1)
    crowds = (Crowd(proved, 1),) if gap == Fraction(1, 1 << recency_bits(proved)) else ()
    return Separation(proved, how, gap, bound, first, sure, (Tier(None, gap),), crowds)


def _first(arithmetic: ScoreArithmetic, context: int, *, whole: bool) -> Counterexample | None:
    return next((pair for pair in comparisons(arithmetic, context, whole=whole) if gap_of(pair) <= 0), None)


def _sure(arithmetic: ScoreArithmetic, context: int) -> Counterexample | None:
    return next((pair for pair in comparisons(arithmetic, context, whole=False) if pair.is_sure), None)
