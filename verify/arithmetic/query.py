"""What a model computes at one query, enclosed exactly: the evidence for a concrete refutation.

The query is given by its score histogram. A *gap* is how far an integer score lies below the query's highest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from exactformer.verify.arithmetic.groups import ALL_MINUS_ONE, ALL_ONE, ALL_ZERO, Group, Query
from exactformer.verify.arithmetic.heads import output
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.arithmetic.ties import require_power_of_two


class HistogramError(ValueError):
    """No query has this score histogram."""


Histogram = Mapping[int, tuple[int, int, int]]
"""gap >= 0 -> (visible positions with it, how many of them have value +1, how many -1)."""


def evaluate_query(model: ArithmeticModel, beta: int, gaps: Histogram) -> tuple[Fraction, Fraction]:
    """Rationals (low, high) that enclose the result o of one value coordinate at one query.

    gaps: gap >= 0 -> (visible positions with it, how many of them have value +1, how many -1); at least one
    position has gap 0. beta is a power of two >= 1. The enclosure holds for every order of additions. If the
    enclosures of the exponentials determine every rounding, and every partial sum is exact, low == high.

    A refutation is valid only when the hardmax value, the mean of the values at gap 0, lies outside [low,
    high].

    Gaps are those of the scores as integers; for ``+once`` this is right if `gaps_are_kept`.

    Raises HistogramError, ModelError for beta, and NotShown if nothing is known about o.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> evaluate_query(parse_arithmetic("rounded:bf16"), 128, {0: (61, 61, 0), 2: (3, 0, 0)})
    (Fraction(255, 256), Fraction(255, 256))
    """
    require_power_of_two(beta)
    found = output(model, query_of(beta, gaps)).after
    return found.low, found.high


def query_of(beta: int, gaps: Histogram) -> Query:
    """The query of a histogram: a group for each gap and value.  Raises HistogramError."""
    groups = tuple(_groups(beta, gaps))
    if not groups or not groups[0].is_highest:
        raise HistogramError("some position attains the highest score, but the histogram has none at gap 0")
    return Query(groups, sum(group.most for group in groups))


def _groups(beta: int, gaps: Histogram) -> Iterator[Group]:
    for gap, (positions, positive, negative) in sorted(gaps.items()):
        zero = positions - positive - negative
        if gap < 0 or min(positive, negative, zero) < 0:
            raise HistogramError(
                f"gap {gap} with {positions} positions, {positive} of value +1 and {negative} of value -1"
                " cannot be that of a query"
            )
        for count, value in ((positive, ALL_ONE), (negative, ALL_MINUS_ONE), (zero, ALL_ZERO)):
            if count:
                yield Group(count, count, beta * gap, beta * gap, value)
