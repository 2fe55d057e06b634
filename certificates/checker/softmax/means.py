"""Weighted means, with weights and values between ends (ARITHMETIC 5.3)."""

from __future__ import annotations

from collections.abc import Sequence

from exactformer.certificates.checker.softmax.numbers import Ends, Value
from exactformer.certificates.checker.softmax.queries import Query


def totals(query: Query, weights: Sequence[Ends], t: int) -> list[Ends]:
    """For every group, the ends of the sum of its weights."""
    return [
        (max(group.least * low, t if group.top else 0), group.most * high)
        for group, (low, high) in zip(query.groups, weights, strict=True)
    ]


def mean_above(weights: Sequence[Ends], tops: Sequence[int]) -> int:
    """The largest mean of numbers of at most ``tops``, with weights between their ends, not all 0; rounded up.

    The mean grows with the weights of numbers above it and falls with the weights of those below. So the largest mean
    has upper ends for the largest numbers, as long as they are above the mean so far, and lower ends for the others.
    """
    pairs = sorted(zip(tops, weights, strict=True), reverse=True)
    number = sum(top * low for top, (low, _) in pairs)
    weight = sum(low for low, _ in weights)
    for top, (low, high) in pairs:
        if weight and number >= top * weight:
            break
        number, weight = number + top * (high - low), weight + high - low
    return -(-number // weight)


def mean_of(weights: Sequence[Ends], column: Sequence[Value]) -> Ends:
    """Ends of the mean of values with these weights."""
    return -mean_above(weights, [-value.low for value in column]), mean_above(weights, [value.high for value in column])


def intersection(*ends: Ends) -> Ends:
    """All of these hold."""
    return max(low for low, _ in ends), min(high for _, high in ends)
