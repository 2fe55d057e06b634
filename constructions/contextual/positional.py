"""Positional encoding (Theorem 3): column k gains k - 1 in every coordinate.

Then column k of [0, 1)^(d x n) lies in [k-1, k)^d: columns are always distinct, in the order of their labels, and no
sequence is a permutation of another.  The construction after it is that of the grid with `extent` n: n/delta takes the
role of 1/delta.  (With 1/delta itself Lemma 6 fails on [0, n): `verify.contextual.positional`.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from exactformer.constructions.contextual.grid import Grid, Sequence


@dataclass(frozen=True)
class PositionalEncoding:
    """The layer: column k (from 1) gains k - 1 in every coordinate."""

    def __call__(self, sequence: Sequence) -> Sequence:
        return tuple(tuple(z + k for z in column) for k, column in enumerate(sequence))


def positional_grid(n: int, d: int, delta: Fraction) -> Grid:
    """Cells of side delta in [0, n)."""
    return Grid(n, d, delta, extent=n)


def numbers_at(grid: Grid, position: int) -> tuple[int, ...]:
    """The labels, in units of delta, of the grid columns in [position, position + 1)^d; position from 0.

    >>> numbers_at(positional_grid(2, 1, Fraction(1, 3)), 1)
    (3, 4, 5)
    """
    steps = grid.delta.denominator
    digits = range(position * steps, (position + 1) * steps)
    rows = product(digits, repeat=grid.d)
    return tuple(sorted(sum(c * u for c, u in zip(row, grid.direction, strict=True)) for row in rows))


def encoded_sequences(grid: Grid) -> Iterator[tuple[int, ...]]:
    """All grid sequences that an input from [0, 1)^(d x n) can give: column k in [k-1, k)^d, in order."""
    return product(*(numbers_at(grid, position) for position in range(grid.n)))


def encoded_labels(grid: Grid) -> tuple[Fraction, ...]:
    """The labels at which selective shifts are needed: those of all columns of such sequences, ascending."""
    return tuple(sorted(number * grid.delta for k in range(grid.n) for number in numbers_at(grid, k)))
