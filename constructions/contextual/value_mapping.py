"""Step 3 (Lemma 7): token-wise layers that send each id to its output column, and every other column to 0.

1. One layer takes more than the largest entry from every coordinate of a column whose id is outside [t_l, t_r];
   d layers then send negative coordinates to 0.
2. One layer per id, a *bump*: columns with u^T z within delta/2 of it gain output - (column with this id).
3. A column that has been sent to its output must not be near an id that is still to come.  It is not near one if
   u^T output < t_l - delta/2.  If some output is larger, all outputs are first sent `lift` lower in every coordinate,
   to u^T z < 0, and one more layer takes that back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations

from exactformer.constructions.contextual.contextual_mapping import Interval, ids, interval, largest_entry
from exactformer.constructions.contextual.grid import Column, Grid, GridError, Sequence
from exactformer.constructions.contextual.layers import ZERO, PiecewiseLinear, TokenwiseLayer, constant_inside, unit

Numbers = tuple[int, ...]
Wish = Callable[[Numbers], Sequence]
"""From the labels (units of delta) of a proper sequence's columns to its output columns, in the same order."""


@dataclass(frozen=True)
class Entry:
    """An id, the column that has it after the contextual mapping, and the column it is sent to."""

    id: Fraction
    behind: Column
    output: Column


@dataclass(frozen=True)
class ValueMapping:
    """The layers for these entries.  Raises GridError for one token: its ids begin at 0, where dismissed columns go."""

    grid: Grid
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if self.grid.n < 2:
            raise GridError("n = 1: the value mapping needs n >= 2 tokens, so that t_l > 0")

    @cached_property
    def interval(self) -> Interval:
        return interval(self.grid)

    @cached_property
    def lift(self) -> int:
        """How much lower outputs are sent at first; 0 if none comes near an id."""
        largest = max((self.grid.label(entry.output) for entry in self.entries), default=ZERO)
        if largest < self.interval.low - self.grid.delta / 2:
            return 0
        return int(largest + self.grid.delta) // sum(self.grid.direction) + 1

    @cached_property
    def dismissal(self) -> tuple[TokenwiseLayer, ...]:
        """Columns whose id is outside [t_l, t_r] become 0: 1 + d layers."""
        half, d = self.grid.delta / 2, self.grid.d
        elsewhere = constant_inside(self.interval.low - half, self.interval.high + half, 0, 1)
        negative = PiecewiseLinear((ZERO,), ((Fraction(-1), ZERO), (ZERO, ZERO)))
        down = -(largest_entry(self.grid) + 1)
        return (
            TokenwiseLayer(self.grid.direction, ZERO, elsewhere, (down,) * d),
            *(TokenwiseLayer(unit(i, d), ZERO, negative, unit(i, d)) for i in range(d)),
        )

    @cached_property
    def bumps(self) -> tuple[TokenwiseLayer, ...]:
        """One layer per entry, in their order."""
        half = self.grid.delta / 2
        near = constant_inside(-half, half, 1, 0)
        return tuple(
            TokenwiseLayer(
                self.grid.direction,
                -entry.id,
                near,
                tuple(out - self.lift - z for out, z in zip(entry.output, entry.behind, strict=True)),
            )
            for entry in self.entries
        )

    @cached_property
    def restoring(self) -> tuple[TokenwiseLayer, ...]:
        """The layer that takes the lift back, from columns with u^T z < -delta/2; no layer if there is no lift."""
        if self.lift == 0:
            return ()
        below = PiecewiseLinear((-self.grid.delta / 2,), ((ZERO, Fraction(1)), (ZERO, ZERO)))
        return (TokenwiseLayer(self.grid.direction, ZERO, below, (self.lift,) * self.grid.d),)

    @property
    def layers(self) -> tuple[TokenwiseLayer, ...]:
        return (*self.dismissal, *self.bumps, *self.restoring)


def classes(grid: Grid) -> Iterator[Numbers]:
    """The proper sequences up to permutation: ascending labels, in units of delta."""
    return combinations(range(grid.columns), grid.n)


def entries(grid: Grid, sequences: Iterable[Numbers], wish: Wish) -> Iterator[Entry]:
    """An entry for each column of each sequence: the column after the contextual mapping, and the wanted output."""
    for numbers in sequences:
        identity = ids(grid, numbers)
        for number, output in zip(numbers, wish(numbers), strict=True):
            first, *others = grid.column(number)
            behind = (first + (identity[number] - number) * grid.delta, *others)
            yield Entry(identity[number] * grid.delta, behind, output)


def value_mapping(grid: Grid, wish: Wish, sequences: Iterable[Numbers] | None = None) -> ValueMapping:
    """The mapping for these sequences; for all proper ones, up to permutation, when none are given."""
    return ValueMapping(grid, tuple(entries(grid, classes(grid) if sequences is None else sequences, wish)))
