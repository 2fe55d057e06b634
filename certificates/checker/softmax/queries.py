"""A query: groups of positions, and what is known about their scores (ARITHMETIC 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

from exactformer.certificates.checker.softmax.numbers import Ends, Value

Columns: TypeAlias = Sequence[Sequence[Value]]
"""For every column of values, the ends for each group."""


class Group(NamedTuple):
    """Positions of a query: at least and at most how many; ends of x = beta (largest score - score), on the grid, None
    for no upper end; whether there surely is one with x = 0."""

    least: int
    most: int
    nearest: int
    furthest: int | None
    top: bool = False

    @property
    def alike(self) -> bool:
        """Whether all have the same x, and so the same weight."""
        return self.nearest == self.furthest

    @property
    def at_top(self) -> bool:
        """Whether all have x = 0."""
        return self.furthest == 0


@dataclass(frozen=True)
class Query:
    """Sums are counted by the positions of the first group, of which there is at least one. There are at most ``N``.

    ``reached``: some position has x = 0; where softmax is that of real numbers, x may be from any number instead.
    """

    groups: Sequence[Group]
    N: int
    reached: bool = True

    @cached_property
    def one_each(self) -> bool:
        """Every group is one position: sums are the same in all and for each position of the first group."""
        return all(group.least == group.most == 1 for group in self.groups)

    @cached_property
    def positions(self) -> int:
        """How many positions there are at most."""
        return min(sum(group.most for group in self.groups), self.N)

    def outward(self, place: int, low: int, high: int) -> Ends:
        """Ends of what a group's positions add together, for each position of the first group, from the ends at one."""
        first, group = self.groups[0], self.groups[place]
        if place == 0:
            return low, high
        least, most = (group.least, first.most), (group.most, first.least)
        below, above = (least if low >= 0 else most), (most if high >= 0 else least)
        return low * below[0] // below[1], -(-high * above[0] // above[1])

    def together(self, place: int, low: int, high: int) -> Ends:
        """The same, in all."""
        group = self.groups[place]
        return low * (group.least if low >= 0 else group.most), high * (group.most if high >= 0 else group.least)
