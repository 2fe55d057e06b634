"""Attention layers on labels alone, for many sequences at once, in integers (units of delta).

All heads of the construction read and write nothing but the label: query u^T z + bias or a constant, key and value
u^T z, output along the first coordinate, whose weight in the label is 1.  `LabelHead.of` reads that off a head's actual
vectors, and refuses any other head.  So the label after a layer is label + sum_heads factor * (the best key's label).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.contextual.grid import Grid
from exactformer.constructions.contextual.layers import AttentionLayer, Head, unit

Numbers = NDArray[Any]
"""Integers of type int64 if a bound shows that nothing overflows, else Python's: shape (sequences, n)."""

LARGEST_INT64 = 2**63 - 1


class LayerError(ValueError):
    """A layer that does not act on labels alone, or not on their integer multiples of delta."""


@dataclass(frozen=True)
class LabelHead:
    """Query (slope * number + bias / 2) delta, slope 0 or 1; `factor` times the result is added to the number."""

    slope: int
    twice_bias: int
    factor: int

    @classmethod
    def of(cls, head: Head, grid: Grid) -> LabelHead:
        """The head read as one on labels.  Raises LayerError for any other head."""
        u = tuple(grid.direction)
        slope = {u: 1, (0,) * grid.d: 0}.get(tuple(map(int, head.query)))
        factor = head.output[0]
        first = unit(0, grid.d)
        if slope is None or tuple(head.key) != u or tuple(head.value) != u:
            raise LayerError(f"head {head} does not read the label")
        if tuple(head.output) != tuple(factor * e for e in first) or Fraction(factor).denominator != 1:
            raise LayerError(f"head {head} does not write an integer multiple along the first coordinate")
        # A constant query is compared with 0 only, so its size does not matter.
        twice = 2 * head.query_bias / grid.delta if slope else Fraction((head.query_bias > 0) - (head.query_bias < 0))
        if twice.denominator != 1:
            raise LayerError(f"head {head} has a threshold that is not a multiple of delta/2")
        return cls(slope, int(twice), int(factor))

    def result(self, numbers: Numbers) -> Numbers:
        """What hardmax finds for each column: the largest number if the query is positive, else the smallest.

        Raises LayerError if a query is 0 and the numbers differ: then hardmax gives their mean.
        """
        query = 2 * self.slope * numbers + self.twice_bias
        largest = numbers.max(axis=1, keepdims=True)
        smallest = numbers.min(axis=1, keepdims=True)
        if ((query == 0) & (largest != smallest)).any():
            raise LayerError("a query is 0: hardmax averages different labels")
        found: Numbers = np.where(query > 0, largest, smallest)
        return found


@dataclass(frozen=True)
class Shifted:
    """Numbers after layers, and how many layers changed each column's."""

    numbers: Numbers
    times: NDArray[np.int64]


def run_layers(grid: Grid, layers: Iterable[AttentionLayer], numbers: Numbers) -> Shifted:
    """The numbers after the layers: shape (sequences, n), as given."""
    times = np.zeros(numbers.shape, dtype=np.int64)
    for layer in layers:
        added = sum(one.factor * one.result(numbers) for one in (LabelHead.of(head, grid) for head in layer.heads))
        times += added != 0
        numbers = numbers + added
    return Shifted(numbers, times)


def as_integers(numbers: NDArray[np.int64], bound: int) -> Numbers:
    """int64 when 4 * bound fits, bound being one on all numbers that occur; else Python's integers."""
    return numbers if 4 * bound <= LARGEST_INT64 else numbers.astype(object)


def outside_numbers(grid: Grid) -> list[int]:
    """Labels, in units of delta, of quantised columns with a coordinate outside; repeated if columns share one."""
    found = [grid.label(column) / grid.delta for column in grid.quantised_columns() if grid.outside in column]
    return [int(number) for number in found]
