"""Step 2 (Lemma 6): all selective shifts in the order of their labels, then the global shift.

In units of delta, with D = steps^d and labels a_1 < .. < a_n of distinct grid columns: the layer at a_j finds the
columns before it shifted beyond all of them, the largest label x_(j-1) (x_0 = a_n) and the smallest a_j, so

    x_j = a_j + D (x_(j-1) - a_j),        id_j = x_j + D^(n+1) x_n.

The same formula gives the ids of sequences with repeated columns, where a_1 < .. < a_k are the distinct labels.
`verify.contextual` decides that the layers do this, and what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from exactformer.constructions.contextual.global_shift import global_factor, global_shift
from exactformer.constructions.contextual.grid import Grid
from exactformer.constructions.contextual.layers import AttentionLayer
from exactformer.constructions.contextual.selective_shift import selective_shift


@dataclass(frozen=True)
class Interval:
    """The closed interval [low, high]: t_l and t_r."""

    low: Fraction
    high: Fraction


def selective_shifts(grid: Grid, labels: Iterable[Fraction] | None = None) -> tuple[AttentionLayer, ...]:
    """One layer per label, ascending; of all grid columns when none are given."""
    return tuple(selective_shift(grid, label) for label in sorted(grid.labels if labels is None else labels))


def contextual_mapping(grid: Grid, labels: Iterable[Fraction] | None = None) -> tuple[AttentionLayer, ...]:
    """The selective shifts and the global shift."""
    return (*selective_shifts(grid, labels), global_shift(grid))


def shifted(columns: int, numbers: Iterable[int]) -> dict[int, int]:
    """From the label of each column to its label after the selective shifts, both in units of delta: x_j.

    numbers: labels >= 0 of the grid columns of a sequence, in any order, repeated or not; columns: D.

    >>> shifted(4, [1, 0])
    {0: 4, 1: 13}
    """
    distinct = sorted(set(numbers))
    found, largest = {}, distinct[-1]
    for number in distinct:
        largest = number + columns * (largest - number)
        found[number] = largest
    return found


def ids(grid: Grid, numbers: Iterable[int]) -> dict[int, int]:
    """From the label of each column to its id, both in units of delta."""
    behind = shifted(grid.columns, numbers)
    lift = global_factor(grid) * max(behind.values())
    return {number: x + lift for number, x in behind.items()}


def interval(grid: Grid) -> Interval:
    """[t_l, t_r], exactly: the least and the largest id of a sequence with distinct columns.

    They are attained at the labels 0, 1, .., n-1 and 0, 1, .., n-2, D-1 (in units of delta).

    >>> interval(Grid(2, 1, Fraction(1, 4)))
    Interval(low=Fraction(209, 1), high=Fraction(2535, 4))
    """
    least = ids(grid, range(grid.n))[0]
    largest = ids(grid, [*range(grid.n - 1), grid.columns - 1])[grid.columns - 1]
    return Interval(least * grid.delta, largest * grid.delta)


def largest_magnitude(grid: Grid, with_outside: bool = True) -> int:
    """A bound on |label| at every layer, in units of delta, for all quantised columns.

    A label at most T and at least -A becomes at most T + D (T + A) when it is selected, which happens to at most n
    columns; the global shift adds at most D^(n+1) times the largest magnitude.
    """
    lowest = lowest_magnitude(grid) if with_outside else 0
    largest = grid.columns - 1
    for _ in range(grid.n):
        largest += grid.columns * (largest + lowest)
    return max(largest, lowest) * (1 + global_factor(grid))


def lowest_magnitude(grid: Grid) -> int:
    """-label of the column with every coordinate outside, in units of delta."""
    return int(-grid.outside / grid.delta) * sum(grid.direction)


def largest_entry(grid: Grid) -> Fraction:
    """A bound on every entry after the contextual mapping, for all quantised columns.

    The first coordinate gains what the label gains, at most largest + lowest magnitude; the others stay below extent.
    """
    return (largest_magnitude(grid) + lowest_magnitude(grid)) * grid.delta + grid.extent
