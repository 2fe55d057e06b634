"""Formulas as reduced ordered binary decision diagrams (Bryant 1986): two formulas are equivalent just when they are
the same diagram, so that deciding is comparing. Nothing is searched, and the same question has the same answer always.

Words:
    level    the place of a variable in the one order that all diagrams keep, from the top, counted from 0
    formula  a node: a level and two formulas of higher levels, ``low`` for where the variable is 0 and ``high`` for
             where it is 1; or a leaf, `FALSE` or `TRUE`
    reduced  no node has low = high, and no two nodes are alike; so equivalent formulas are one object
    step     choosing between two formulas by a third one; its result is kept
    limit    how many nodes, and twice as many steps, are kept; whoever needs more gets no answer (`TooLarge`)
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from typing import NamedTuple, Protocol, TypeAlias

from exactformer.certificates.checker.document import TooLarge

_level = attrgetter("level")
LEAF_LEVEL = 2**62
"""Below all levels."""
MOST_NODES = 2**21
"""About 180 bytes for each, and as much for each step."""


@contextmanager
def deep_recursion() -> Iterator[None]:
    """As deep as diagrams are high; documents are read outside of this, as nested JSON could then end the process.

    Diagrams have no cycles, so the search for those, which would go through millions of nodes, is left out.
    """
    usual, collecting = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(10**6)
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)
        if collecting:
            gc.enable()


class Node(Protocol):
    """Anything that says of every assignment whether it holds, variable by variable; the leaves are `FALSE` and `TRUE`.

    What is only looked at, and never combined, need not be reduced, nor made before.
    """

    @property
    def level(self) -> int: ...
    @property
    def low(self) -> Node: ...
    @property
    def high(self) -> Node: ...


class Formula:
    """A Boolean function of the variables of one table; the leaves belong to all tables."""

    __slots__ = ("high", "level", "low", "of_zeros", "table")

    def __init__(self, table: Diagrams | None, level: int, low: Formula | None, high: Formula | None) -> None:
        self.table, self.level = table, level
        self.low: Formula = low or self
        self.high: Formula = high or self
        self.of_zeros: Formula = self.low.of_zeros if low else self
        """The leaf where all variables are 0."""

    def __invert__(self) -> Formula:
        return choice(self, FALSE, TRUE)

    def __and__(self, other: Formula) -> Formula:
        return choice(self, other, FALSE)

    def __or__(self, other: Formula) -> Formula:
        return choice(self, TRUE, other)

    def __repr__(self) -> str:
        return "TRUE" if self is TRUE else "FALSE" if self is FALSE else f"<formula from variable {self.level} on>"

    def assignment(self) -> dict[int, bool] | None:
        """Values of variables, by level, for which it holds, whatever the others are; None if there are none."""
        found, node = dict[int, bool](), self
        while node.table is not None:
            # Reduced, so every formula but FALSE holds somewhere.
            value = node.low is FALSE
            found[node.level] = value
            node = node.high if value else node.low
        return found if node is TRUE else None

    def holds(self, assignment: Mapping[int, bool]) -> bool:
        """Whether it holds where these variables have these values, and all others are 0."""
        node = self
        while node.table is not None:
            node = node.high if assignment.get(node.level, False) else node.low
        return node is TRUE

    def decided(self, assignment: Mapping[int, bool], last: int) -> tuple[bool, bool]:
        """Whether it `holds`, and whether a variable that has a value here was looked at for that; ``last``: the
        `last_one`, behind which all are 0.
        """
        node, given, looked_at = self, assignment.get, False
        while node.level <= last:
            value = given(node.level)
            if value is None:
                node = node.low
            else:
                looked_at = True
                node = node.high if value else node.low
        return node.of_zeros is TRUE, looked_at or node.level in assignment

    def path(self, assignment: Mapping[int, bool]) -> Iterator[int]:
        """The variables that are looked at for whether it `holds`."""
        node = self
        while node.table is not None:
            yield node.level
            node = node.high if assignment.get(node.level, False) else node.low


def last_one(assignment: Mapping[int, bool]) -> int:
    """The last variable that is 1; -1 if there is none."""
    return max((level for level, value in assignment.items() if value), default=-1)


FALSE, TRUE = Formula(None, LEAF_LEVEL, None, None), Formula(None, LEAF_LEVEL, None, None)


class Value(NamedTuple):
    """Of a variable, and those of others."""

    level: int
    value: bool
    others: Values


Values: TypeAlias = "Value | dict[int, bool]"
_NEW: Values = {}


class Diagrams:
    """A table of formulas, which may be combined with each other and with the leaves only."""

    def __init__(self, limit: int = MOST_NODES) -> None:
        self.limit = limit
        self._nodes: dict[tuple[int, Formula, Formula], Formula] = {}
        self._chosen: dict[tuple[Formula, Formula, Formula], Formula] = {}
        self._models: dict[frozenset[Node], Values | None] = {}

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self._nodes)

    @property
    def size(self) -> int:
        """The number of nodes and of steps that are kept."""
        return len(self._nodes) + len(self._chosen) + len(self._models)

    def clear(self) -> None:
        """Forget all formulas: one that is left still means the same, but is not the object that its equals are now."""
        self._nodes.clear()
        self._chosen.clear()
        self._models.clear()

    def forget_steps(self) -> None:
        """Forget what was found on the way, if it is much; all formulas stay what they are."""
        if len(self._chosen) + len(self._models) > self.limit // 4:
            self._chosen.clear()
            self._models.clear()

    def retain(self, formulas: Iterable[Formula]) -> None:
        """Forget all that is no part of these; whoever goes on with another formula has one that is not what its equals
        are."""
        self._chosen.clear()
        self._models.clear()
        left, seen = list(formulas), set[Formula]()
        while left:
            node = left.pop()
            if node.table is not None and node not in seen:
                seen.add(node)
                left += (node.low, node.high)
        self._nodes = {(node.level, node.low, node.high): node for node in seen}

    def copied(self, formula: Formula, known: dict[Formula, Formula]) -> Formula:
        """The same formula, of another table; ``known``: those that were copied already, and their copies."""
        if formula.table is None:
            return formula
        if formula not in known:
            low, high = self.copied(formula.low, known), self.copied(formula.high, known)
            known[formula] = self._node(formula.level, low, high)
        return known[formula]

    def variable(self, level: int) -> Formula:
        """The formula that holds where this variable is 1; 0 <= level < `LEAF_LEVEL`."""
        return self._node(level, FALSE, TRUE)

    def _node(self, level: int, low: Formula, high: Formula) -> Formula:
        if low is high:
            return low
        key = (level, low, high)
        node = self._nodes.get(key)
        if node is None:
            if len(self._nodes) >= self.limit:
                raise TooLarge(f"a question needs more than {self.limit} nodes of decision diagrams")
            node = self._nodes[key] = Formula(self, level, low, high)
        return node

    def choose(self, condition: Formula, then: Formula, other: Formula) -> Formula:
        """If, then, else: by the topmost variable of the three, for each of its two values."""
        if then is other or condition is TRUE:
            return then
        if condition is FALSE:
            return other
        if then is TRUE and other is FALSE:
            return condition
        key = (condition, then, other)
        chosen = self._chosen.get(key)
        if chosen is None:
            level = min(condition.level, then.level, other.level)
            # What does not depend on this variable is the same for both of its values.
            if_low, if_high = (condition.low, condition.high) if condition.level == level else (condition, condition)
            then_low, then_high = (then.low, then.high) if then.level == level else (then, then)
            other_low, other_high = (other.low, other.high) if other.level == level else (other, other)
            low = self.choose(if_low, then_low, other_low)
            chosen = self._node(level, low, self.choose(if_high, then_high, other_high))
            if len(self._chosen) >= 2 * self.limit:
                raise TooLarge(f"a question needs more than {2 * self.limit} steps on decision diagrams")
            self._chosen[key] = chosen
        return chosen

    def model(self, formulas: frozenset[Node]) -> dict[int, bool] | None:
        """Values of variables, by level, for which all of them hold, whatever the others are; None if there are none.

        Their conjunction is not made: by the topmost variable, for each of its two values. What has been found on the
        way is kept, whether it is impossible or not.
        """
        if len(self._models) > self.limit:
            self._models.clear()
        values = None if FALSE in formulas else self._model(formulas - {TRUE})
        if values is None:
            return None
        found = dict[int, bool]()
        while isinstance(values, Value):
            found[values.level] = values.value
            values = values.others
        return found | values

    def _model(self, formulas: frozenset[Node]) -> Values | None:
        if len(formulas) < 2:
            if not formulas:
                return {}
            (only,) = formulas
            if isinstance(only, Formula):
                return only.assignment()
        known = self._models.get(formulas, _NEW)
        if known is not _NEW:
            return known
        level = min(map(_level, formulas))
        top = [formula for formula in formulas if formula.level == level]
        others, values = formulas.difference(top), None
        for value in (False, True):
            below = {formula.high if value else formula.low for formula in top}
            if FALSE not in below:
                below.discard(TRUE)
                left = self._model(others | below)
                if left is not None:
                    values = Value(level, value, left)
                    break
        if len(self._models) >= 2 * self.limit:
            raise TooLarge(f"a question needs more than {2 * self.limit} steps on decision diagrams")
        self._models[formulas] = values
        return values


def choice(condition: Formula, then: Formula, other: Formula) -> Formula:
    """If, then, else."""
    if then is other or condition is TRUE:
        return then
    if condition is FALSE:
        return other
    if condition.table is None:
        raise TypeError("there are two leaves only")
    return condition.table.choose(condition, then, other)


def equal(left: Formula, right: Formula) -> Formula:
    """If and only if."""
    return choice(left, right, ~right)


def implies(left: Formula, right: Formula) -> Formula:
    """If, then."""
    return choice(left, right, TRUE)


def depends_on(formula: Formula, known: dict[Formula, int]) -> int:
    """The variables on which it depends, as the sum of 2^level; ``known``: those of formulas that were met already."""
    if formula.table is None:
        return 0
    if formula not in known:
        below = depends_on(formula.low, known) | depends_on(formula.high, known)
        known[formula] = below | 1 << formula.level
    return known[formula]


def conjunction(formulas: Iterable[Formula]) -> Formula:
    """That all hold; true of none."""
    result = TRUE
    for formula in formulas:
        result = formula & result
    return result


def disjunction(formulas: Iterable[Formula]) -> Formula:
    """That one holds at least; false of none."""
    result = FALSE
    for formula in formulas:
        result = formula | result
    return result
