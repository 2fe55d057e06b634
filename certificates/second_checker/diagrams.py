"""Formulas as reduced ordered binary decision diagrams; integers and numbers made of them (argument 13).

A *formula* is the number of a node: FALSE, TRUE, or a variable's level with a formula for 0 and one for 1, in which
only higher levels occur. No two nodes are alike and none has two equal parts, so equivalent formulas are one number.
Even levels are about the token i, each followed by the odd level of the same ghost of j.

*Cases* give an integer that depends on ghosts: each value with the formula that says when; exactly one of them holds.
*Bits* are a natural number, the lowest bit first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from . import Deadline, NotJudged, limit

FALSE, TRUE = 0, 1
NODES = 2**23
KEPT = 2**20
VALUES, PAIRS = 2**10, 2**14

Bits = tuple[int, ...]
Cases = dict[int, int]
Assignment = dict[int, int]
"""Level (of i: even) to 0 or 1; what is missing is 0."""


class Diagrams:
    """The one table of nodes, and what is made of it."""

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.level = [2**40, 2**40]
        self.low = [0, 1]
        self.high = [0, 1]
        self.table: dict[tuple[int, int, int], int] = {}
        self.chosen: dict[tuple[int, int, int], int] = {}
        self.shifted: dict[int, int] = {FALSE: FALSE, TRUE: TRUE}
        self.levels: dict[int, frozenset[int]] = {FALSE: frozenset(), TRUE: frozenset()}

    def node(self, level: int, low: int, high: int) -> int:
        if low == high:
            return low
        key = (level, low, high)
        found = self.table.get(key)
        if found is None:
            found = len(self.level)
            if found >= NODES:
                raise NotJudged(f"decision diagrams of more than {NODES} nodes")
            if not found & 0xFFF:
                self.deadline.look()
            self.table[key] = found
            self.level.append(level)
            self.low.append(low)
            self.high.append(high)
        return found

    def variable(self, level: int) -> int:
        return self.node(level, FALSE, TRUE)

    def choose(self, f: int, g: int, h: int) -> int:
        """If f then g else h: decided for both values of the first variable of the three."""
        if f <= TRUE:
            return g if f else h
        if g == h:
            return g
        if g == TRUE and h == FALSE:
            return f
        key = (f, g, h)
        found = self.chosen.get(key)
        if found is None:
            level = min(self.level[f], self.level[g], self.level[h])
            f0, f1 = (self.low[f], self.high[f]) if self.level[f] == level else (f, f)
            g0, g1 = (self.low[g], self.high[g]) if self.level[g] == level else (g, g)
            h0, h1 = (self.low[h], self.high[h]) if self.level[h] == level else (h, h)
            found = self.node(level, self.choose(f0, g0, h0), self.choose(f1, g1, h1))
            if len(self.chosen) > KEPT:
                self.chosen.clear()
            self.chosen[key] = found
        return found

    def negate(self, f: int) -> int:
        return self.choose(f, FALSE, TRUE)

    def both(self, f: int, g: int) -> int:
        return self.choose(f, g, FALSE) if f < g else self.choose(g, f, FALSE)

    def either(self, f: int, g: int) -> int:
        return self.choose(f, TRUE, g) if f < g else self.choose(g, TRUE, f)

    def same(self, f: int, g: int) -> int:
        return self.choose(f, g, self.negate(g))

    def every(self, formulas: Iterable[int]) -> int:
        result = TRUE
        for formula in formulas:
            result = self.both(result, formula)
        return result

    def some(self, formulas: Iterable[int]) -> int:
        result = FALSE
        for formula in formulas:
            result = self.either(result, formula)
        return result

    def of_j(self, f: int) -> int:
        """A formula about i, said of j: every level becomes the next one, which keeps the order."""
        found = self.shifted.get(f)
        if found is None:
            found = self.node(self.level[f] + 1, self.of_j(self.low[f]), self.of_j(self.high[f]))
            self.shifted[f] = found
        return found

    def inside(self, f: int) -> set[int]:
        """The nodes of a diagram, without FALSE and TRUE."""
        seen, todo = set[int](), [f]
        while todo:
            node = todo.pop()
            if node > TRUE and node not in seen:
                seen.add(node)
                todo += (self.low[node], self.high[node])
        return seen

    def size(self, f: int) -> int:
        """0 of FALSE only."""
        return 0 if f == FALSE else 1 + len(self.inside(f))

    def support(self, f: int) -> frozenset[int]:
        """The levels of the variables that occur."""
        found = self.levels.get(f)
        if found is None:
            found = self.levels[f] = frozenset(self.level[node] for node in self.inside(f))
        return found

    def holds(self, f: int, i: Assignment, j: Assignment) -> bool:
        while f > TRUE:
            level = self.level[f]
            value = j.get(level - 1, 0) if level & 1 else i.get(level, 0)
            f = self.high[f] if value else self.low[f]
        return f == TRUE

    def repair(self, f: int, i: Assignment, j: Assignment) -> None:
        """Changes values so that f, which is not FALSE, holds; a value is kept where f can still hold with it."""
        while f > TRUE:
            level = self.level[f]
            values, key = (j, level - 1) if level & 1 else (i, level)
            value = values.get(key, 0)
            if (self.high[f] if value else self.low[f]) == FALSE:
                value = 1 - value
            values[key] = value
            f = self.high[f] if value else self.low[f]

    # Integers by cases.

    def plus(self, x: Cases, y: Cases, weight: int = 1) -> Cases:
        """x + weight * y."""
        limit(len(x) * len(y), PAIRS, "pairs of values in one sum")
        if len(y) == 1:
            step = weight * next(iter(y))
            return {a + step: f for a, f in x.items()}
        result: Cases = {}
        for a, f in x.items():
            for b, g in y.items():
                where = self.both(f, g)
                if where:
                    value = a + weight * b
                    result[value] = self.either(result.get(value, FALSE), where)
        limit(len(result), VALUES, "values of one integer")
        return result

    def times(self, x: Cases, y: Cases) -> Cases:
        result: Cases = {}
        for a, f in x.items():
            for b, g in y.items():
                where = self.both(f, g)
                if where:
                    result[a * b] = self.either(result.get(a * b, FALSE), where)
        return result

    def either_cases(self, f: int, x: Cases, y: Cases) -> Cases:
        """x where f holds, else y."""
        values = {a: self.choose(f, x.get(a, FALSE), y.get(a, FALSE)) for a in {*x, *y}}
        return {a: where for a, where in values.items() if where}

    def where(self, x: Cases, wanted: Callable[[int], bool]) -> int:
        return self.some(f for a, f in x.items() if wanted(a))

    def differ(self, x: Cases, y: Cases) -> int:
        return self.negate(self.some(self.both(f, y[a]) for a, f in x.items() if a in y))

    def cases_of_j(self, x: Cases) -> Cases:
        return {a: self.of_j(f) for a, f in x.items()}

    # Numbers.

    @staticmethod
    def number(value: int) -> Bits:
        return tuple(value >> b & 1 for b in range(value.bit_length()))

    @staticmethod
    def aligned(x: Bits, y: Bits) -> list[tuple[int, int]]:
        width = max(len(x), len(y))
        return list(zip(x + (FALSE,) * (width - len(x)), y + (FALSE,) * (width - len(y)), strict=True))

    def add(self, x: Bits, y: Bits) -> Bits:
        """The exact sum: one bit more."""
        result, carry = [], FALSE
        for a, b in self.aligned(x, y):
            result.append(self.same(self.same(a, b), carry))
            carry = self.choose(self.same(a, b), a, carry)
        return (*result, carry)

    def minus(self, x: Bits, number: int) -> Bits:
        """max(x - number, 0): 0 wherever the last place has to borrow."""
        result, borrow = [], FALSE
        for a, b in self.aligned(x, self.number(number)):
            result.append(self.same(self.same(a, b), borrow))
            borrow = self.choose(self.same(a, b), borrow, b)
        return tuple(self.both(bit, self.negate(borrow)) for bit in result)

    def equal(self, x: Bits, y: Bits) -> int:
        return self.every(self.same(a, b) for a, b in self.aligned(x, y))

    def at_most(self, x: Bits, y: Bits) -> int:
        """x <= y: the highest place at which they differ decides."""
        result = TRUE
        for a, b in self.aligned(x, y):
            result = self.choose(self.same(a, b), result, b)
        return result

    def pick(self, f: int, x: Bits, y: Bits) -> Bits:
        return tuple(self.choose(f, a, b) for a, b in self.aligned(x, y))


def constant(value: int) -> Cases:
    return {value: TRUE}


def sign(d: Diagrams, bit: int) -> Cases:
    """1 where the bit is 1, else -1."""
    return {value: f for value, f in ((1, bit), (-1, d.negate(bit))) if f}


def weighed(d: Diagrams, start: int, terms: Sequence[tuple[int, Cases]], floor: int | None = None) -> Cases:
    """start + sum of weight * integer. With a floor, values that are surely at most the floor become the floor.

    A partial sum s with s + (the most that the rest can add) <= floor never exceeds the floor: such s are one value.
    """
    fixed = start + sum(weight * next(iter(x)) for weight, x in terms if len(x) == 1)
    moving = [(weight, x) for weight, x in terms if len(x) > 1]
    moving.sort(key=lambda term: -min(d.level[f] for f in term[1].values()))
    rest = sum(max(weight * a for a in x) for weight, x in moving)
    total = constant(fixed)
    for weight, x in moving:
        total = d.plus(total, x, weight)
        rest -= max(weight * a for a in x)
        if floor is not None:
            sunk = floor - rest
            below = d.some(f for a, f in total.items() if a <= sunk)
            total = {a: f for a, f in total.items() if a > sunk}
            if below:
                total[sunk] = below
    if floor is not None:
        total = {max(a, floor): f for a, f in total.items()}
    return total
