"""Weighted means of values, over all weights in intervals (certificates/ARITHMETIC.md, 5.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from exactformer.verify.arithmetic.groups import ZERO, Interval
from exactformer.verify.arithmetic.sums import Part


def mean_of(parts: Sequence[Part]) -> Interval:
    """The least and the largest mean of values, over all weights of the parts that are not all 0."""
    low = _least_mean((part.value.low, part.weight) for part in parts)
    high = -_least_mean((-part.value.high, part.weight) for part in parts)
    return Interval(low, high)


def _least_mean(weighted: Iterable[tuple[Fraction, Interval]]) -> Fraction:
    """The least (sum of w v)/(sum of w), for weights w in intervals.

    It is a quotient of functions that are linear in each w, so the ends decide: smaller values get the largest weights,
    larger values the smallest.
    """
    ascending = sorted(weighted, key=lambda each: each[0])
    total = sum((w.low for _, w in ascending), ZERO)
    moment = sum((v * w.low for v, w in ascending), ZERO)
    means = [moment / total] if total else []
    for v, w in ascending:
        total += w.high - w.low
        moment += v * (w.high - w.low)
        if total:
            means.append(moment / total)
    return min(means)
