"""Diagrams over the ghosts of tokens i and j, as truth tables: one entry for every assignment of all their ghosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.checker.diagrams import Diagrams, Formula
from exactformer.certificates.checker.theory.ghosts import Variables
from exactformer.certificates.checker.theory.reading import FLAG, POSITION, Theory

Table = NDArray[np.bool_]
Column = NDArray[np.int64]


@dataclass(frozen=True)
class Assignments:
    """All values of these ghosts, of i and, if there are ``two`` tokens, of j; an element is its number in the set."""

    theory: Theory
    ghosts: tuple[str, ...]
    two: bool = True

    @cached_property
    def variables(self) -> Variables:
        return Variables(self.theory, Diagrams())

    def size(self, ghost: str) -> int:
        """How many values a ghost has."""
        kind = self.theory.kinds[ghost]
        return 2**self.theory.r if kind == POSITION else 2 if kind == FLAG else len(self.theory.sets[kind])

    @cached_property
    def columns(self) -> dict[tuple[str, bool], Column]:
        """(ghost, whether of j) -> its value at each assignment."""
        names = [(ghost, of_j) for of_j in (False, True)[: 1 + self.two] for ghost in self.ghosts]
        rows = np.array(list(product(*(range(self.size(ghost)) for ghost, _ in names))), np.int64)
        return {name: rows[:, place] for place, name in enumerate(names)}

    @cached_property
    def count(self) -> int:
        return len(next(iter(self.columns.values())))

    @cached_property
    def _levels(self) -> dict[int, Table]:
        """The level of a variable -> the bit that it is, at each assignment."""
        return {
            bit.level: (column >> place & 1).astype(np.bool_)
            for (ghost, of_j), column in self.columns.items()
            for place, bit in enumerate(self.variables.bits(ghost, of_j))
        }

    def everywhere(self, truth: bool) -> Table:
        return np.full(self.count, truth)

    def table(self, formula: Formula) -> Table:
        """Where a formula holds."""
        known: dict[Formula, Table] = {}

        def below(node: Formula) -> Table:
            if node.table is None:
                return self.everywhere(node.assignment() is not None)
            if node not in known:
                known[node] = np.where(self._levels[node.level], below(node.high), below(node.low))
            return known[node]

        return below(formula)


def conjoined(tables: Sequence[Table]) -> Table:
    """Where all hold."""
    return np.asarray(np.logical_and.reduce(tables))
