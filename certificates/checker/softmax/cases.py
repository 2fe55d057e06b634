"""Whether a head gives the hardmax value, whatever a query sees (ARITHMETIC 6).

Words:
    N     the context: no query sees more than N positions
    D     the separation, of scores as they are rounded
    ties  how many positions may have the largest score and share a value that is not 0
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from exactformer.certificates.checker.softmax.heads import received
from exactformer.certificates.checker.softmax.model import Model
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Unbounded, Value
from exactformer.certificates.checker.softmax.queries import Group, Query

MOST_QUERIES = 2**13
"""The most queries that are computed to decide all numbers of ties of one case."""


@dataclass(frozen=True)
class Head:
    """A head's queries in an arithmetic; D is None if all positions always share the largest score."""

    arithmetic: Arithmetic
    N: int
    D: int | None

    def output(self, least: int, most: int, value: Value) -> Value:
        """The head's output for queries with this many positions that share this value."""
        arithmetic, others = self.arithmetic, 0 if self.D is None else self.N - least
        groups, values = [Group(least, most, 0, 0, top=True)], [value]
        if others:
            groups.append(Group(0, others, (self.D or 0) << arithmetic.e + arithmetic.grid, None))
            values.append(Value(-arithmetic.unit, arithmetic.unit, arithmetic.unit, 0))
        return received(arithmetic, Query(groups, self.N), [values])[0]

    def gives(self, least: int, most: int, value: Value) -> bool:
        """Whether the output is exactly that value."""
        try:
            return self.output(least, most, value)[:2] == value[:2]
        except Unbounded:
            return False

    def keeps_0(self) -> bool:
        """Whether it holds for any number of positions that share the value 0."""
        return self.gives(1, self.N, Value(0, 0, 0, 0))

    def keeps_1(self, ties: Iterable[tuple[int, int]]) -> bool:
        """Whether it holds for each number of ties in these ranges: a range is tried at once, then each half of it."""
        ranges, queries = list(ties)[::-1], 0
        while ranges:
            if queries == MOST_QUERIES:
                return False
            least, most = ranges.pop()
            queries += 1
            if self.gives(least, most, self.arithmetic.one):
                continue
            if least == most:
                return False
            middle = (least + most) // 2
            ranges += [(middle + 1, most), (least, middle)]
        return True


@lru_cache(maxsize=2**12)
def holds(model: Model, N: int, D: int | None, ties: tuple[tuple[int, int], ...], e: int) -> bool:
    """Whether a case holds at beta = 2^e; D < 1 says that rounding does not keep scores apart."""
    if D is not None and D < 1:
        return False
    head = Head(Arithmetic.of(model, e, N), N, D)
    return head.keeps_0() and head.keeps_1(ties)
