"""The grid that inputs are quantised to: n tokens, d coordinates each, cells of side delta.

Without positional encoding the domain of a coordinate is [0, 1) (`extent` 1).  With it column k lies in [k-1, k), so
the domain is [0, n) (`extent` n).  Wherever the paper (arXiv 1912.10077, Lemmas 5 and 6) has 1/delta, the number of
*steps* extent/delta stands here: it is the construction for the grid of side delta/n, with all lengths times n.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

Column = tuple[Fraction, ...]
Sequence = tuple[Column, ...]
"""n columns of d coordinates each."""


class GridError(ValueError):
    """There is no grid with these numbers, or a lemma is not stated for it."""


@dataclass(frozen=True)
class Grid:
    """n >= 1 tokens of dimension d >= 1, cells of side delta in [0, extent).

    Raises GridError unless 1/delta is an integer >= 2, and n <= steps^d, so that n columns can be distinct.

    >>> grid = Grid(2, 2, Fraction(1, 4))
    >>> grid.steps, grid.columns, grid.direction, grid.outside
    (4, 16, (1, 4), Fraction(-256, 1))
    """

    n: int
    d: int
    delta: Fraction
    extent: int = 1

    def __post_init__(self) -> None:
        if self.n < 1 or self.d < 1 or self.extent < 1:
            raise GridError(f"n = {self.n}, d = {self.d}: give at least one token of at least one coordinate")
        if self.delta <= 0 or self.delta.numerator != 1:
            raise GridError(f"delta = {self.delta} is not 1/integer: give 1/2, 1/3, 1/4, ...")
        if self.delta == 1:
            raise GridError("delta = 1 leaves one grid column: give delta = 1/2 or smaller")
        if self.n > self.columns:
            raise GridError(
                f"n = {self.n} tokens cannot be distinct among {self.columns} grid columns: give a smaller n or delta"
            )

    @property
    def steps(self) -> int:
        """Grid values of one coordinate: extent/delta.  The 1/delta of the lemmas."""
        return self.extent * self.delta.denominator

    @property
    def columns(self) -> int:
        """Grid columns, steps^d.  The delta^-d of the lemmas."""
        return int(self.steps**self.d)

    @property
    def direction(self) -> tuple[int, ...]:
        """u = (1, steps, .., steps^(d-1))."""
        return tuple(self.steps**i for i in range(self.d))

    @property
    def outside(self) -> Fraction:
        """What a coordinate outside [0, extent) becomes: -delta^(-nd), in the unit of `extent`."""
        return Fraction(-self.extent * self.steps ** (self.n * self.d))

    @property
    def as_stated(self) -> bool:
        """Whether n >= 2 and the lemmas' stated condition n < 1/delta - 1 hold (delta, whatever `extent` is)."""
        return 2 <= self.n < self.delta.denominator - 1

    @property
    def values(self) -> tuple[Fraction, ...]:
        """0, delta, .., extent - delta."""
        return tuple(k * self.delta for k in range(self.steps))

    def label(self, column: Iterable[Fraction]) -> Fraction:
        """u^T z."""
        return sum((u * z for u, z in zip(self.direction, column, strict=True)), Fraction(0))

    @property
    def labels(self) -> tuple[Fraction, ...]:
        """The labels of all grid columns: 0, delta, .., steps^d delta - delta."""
        return tuple(k * self.delta for k in range(self.columns))

    def column(self, number: int) -> Column:
        """The grid column whose label is number * delta: digit i of the number in base `steps`, times delta.

        >>> Grid(2, 2, Fraction(1, 4)).column(7)
        (Fraction(3, 4), Fraction(1, 4))
        """
        return tuple(number // self.steps**i % self.steps * self.delta for i in range(self.d))

    def grid_columns(self) -> Iterator[Column]:
        """All grid columns, by label."""
        return (self.column(number) for number in range(self.columns))

    def quantised_columns(self) -> Iterator[Column]:
        """All columns that quantisation can give: each coordinate on the grid, or outside."""
        return product((self.outside, *self.values), repeat=self.d)

    def require_stated(self) -> Grid:
        """The grid itself.  Raises GridError unless n >= 2 and n < 1/delta - 1, as Lemma 6 is stated."""
        if self.n < 2:
            raise GridError("n = 1: the contextual mapping is stated for n >= 2 tokens (its t_l would be 0)")
        if not self.as_stated:
            raise GridError(
                f"n = {self.n} is too large for delta = {self.delta}: Lemma 6 is stated for n < 1/delta - 1 ="
                f" {self.delta.denominator - 1}"
            )
        return self
