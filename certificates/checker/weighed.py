"""Sums of weights whose formulas hold, variable by variable from the first: no sum of a part of them is made.

Words:
    terms  formulas, each with the weight that counts where it holds
    begun  terms of which some variable has a value already; the others follow in the order of their first variables
    below  what is certain, and what is left of terms, once the first variable has a value
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import gcd
from typing import TypeAlias

from exactformer.certificates.checker.diagrams import FALSE, LEAF_LEVEL, TRUE, Formula, Node, choice, conjunction

MOST_KEPT = 2**21
"""Parts of terms that are kept; about 200 bytes for each."""
Sum: TypeAlias = dict[int, Formula]
"""Each value that it may have, with the formula that says when."""


@dataclass(frozen=True, eq=False)
class Following:
    """A term, and those that follow; equal ones are one object."""

    formula: Formula
    weight: int
    others: Following | None
    total: int


@dataclass(frozen=True, eq=False)
class Terms:
    """Those begun, and those that follow; weights are capped at ``most``, if that is given. Equal ones are one object.

    ``level``: of their first variable; ``total``: of all weights.
    """

    most: int | None
    begun: Mapping[Formula, int]
    others: Following | None
    level: int
    total: int


@dataclass(frozen=True)
class Below:
    """``terms``: None if nothing is left."""

    certain: int
    terms: Terms | None


class Between:
    """That a sum is from ``least`` to ``most``; equal ones are one object. It is made as far as it is looked at."""

    __slots__ = ("_high", "_low", "least", "level", "most", "of", "terms")

    def __init__(self, of: Weighed, terms: Terms, least: int, most: int | None) -> None:
        self.of, self.terms, self.least, self.most, self.level = of, terms, least, most, terms.level
        self._low: Node | None = None
        self._high: Node | None = None

    @property
    def low(self) -> Node:
        if self._low is None:
            self._low = self.of.within(self.of.split(self.terms)[0], self.least, self.most)
        return self._low

    @property
    def high(self) -> Node:
        if self._high is None:
            self._high = self.of.within(self.of.split(self.terms)[1], self.least, self.most)
        return self._high


class Weighed:
    """Sums, and what was met on the way to them."""

    def __init__(self) -> None:
        self._kept = 0
        self._following: dict[tuple[Formula, int, Following | None], Following] = {}
        self._terms: dict[tuple[int | None, frozenset[tuple[Formula, int]], Following | None], Terms] = {}
        self._splits: dict[Terms, tuple[Below, Below]] = {}
        self._sums: dict[Terms, Sum] = {}
        self._exactly: dict[tuple[Terms, int], Formula] = {}
        self._at_least: dict[tuple[Terms, int], Formula] = {}
        self._between: dict[tuple[Terms, int, int | None], Between] = {}
        self._nothing: dict[Following, Formula] = {}

    def sum(self, terms: Iterable[tuple[int, Formula]]) -> Sum:
        """All values of the sum."""
        return self._sum(self._all(None, terms))

    def up_to(self, most: int, terms: Iterable[tuple[int, Formula]]) -> Sum:
        """The values of a sum without negative weights; ``most`` stands for that much or more."""
        below = self._all(most, terms)
        found = {value: self._is(below, value) for value in range(most)}
        found[most] = self._is_at_least(below, most)
        return {value: formula for value, formula in found.items() if formula is not FALSE}

    def between(self, least: int, most: int | None, terms: Iterable[tuple[int, Formula]]) -> Node:
        """That a sum without negative weights is from ``least`` to ``most``, or any more."""
        listed = [(weight, formula) for weight, formula in terms if weight and formula is not FALSE]
        unit = gcd(*(weight for weight, _ in listed)) or 1
        least, most = -(-least // unit), None if most is None else most // unit
        if most is not None and most < least:
            return FALSE
        # Often asked, and mostly what another formula says that was made: then it is that very formula.
        if most == 0 or (least == 1 and most is None):
            nothing = self._none((1, formula) for _, formula in listed)
            return nothing if most == 0 else ~nothing
        below = self._all(
            least if most is None else most + 1, ((weight // unit, formula) for weight, formula in listed)
        )
        return self.within(below, least, most)

    def _none(self, terms: Iterable[tuple[int, Formula]]) -> Formula:
        """That no term holds."""
        below, left = self._all(1, terms), list[tuple[Following, list[Formula]]]()
        following = None if below.terms is None else below.terms.others
        while following is not None and following not in self._nothing:
            of_level, level = list[Formula](), following.formula.level
            left.append((following, of_level))
            while following is not None and following.formula.level == level:
                of_level.append(~following.formula)
                following = following.others
        found = TRUE if following is None else self._nothing[following]
        # From the last level up, and those of one level first: so a term changes few nodes of what is made already.
        for following, of_level in reversed(left):
            found = self._nothing[following] = found & conjunction(reversed(of_level))
        return FALSE if below.certain else found

    def within(self, below: Below, least: int, most: int | None) -> Node:
        """That what is certain and left is from ``least`` to ``most``, or any more."""
        total = 0 if below.terms is None else below.terms.total
        least, most = max(least - below.certain, 0), None if most is None else most - below.certain
        if least > total or (most is not None and most < 0):
            return FALSE
        if below.terms is None or (least == 0 and (most is None or most >= total)):
            return TRUE
        key = below.terms, least, most
        if key not in self._between:
            self._between[key] = Between(self, *key)
        return self._between[key]

    def split(self, terms: Terms) -> tuple[Below, Below]:
        """What is left where the first variable is 0, and where it is 1."""
        found = self._splits.get(terms)
        if found is None:
            level, others = terms.level, terms.others
            low, high = {}, {}
            first = list[tuple[Formula, int]]()
            for formula, weight in terms.begun.items():
                if formula.level == level:
                    first.append((formula, weight))
                else:
                    low[formula] = high[formula] = weight
            while others is not None and others.formula.level == level:
                first.append((others.formula, others.weight))
                others = others.others
            for formula, weight in first:
                low[formula.low] = low.get(formula.low, 0) + weight
                high[formula.high] = high.get(formula.high, 0) + weight
            found = self._left(terms.most, low, others), self._left(terms.most, high, others)
            self._splits[terms] = found
        return found

    def _all(self, most: int | None, terms: Iterable[tuple[int, Formula]]) -> Below:
        left = Counter[Formula]()
        for weight, formula in terms:
            left[formula] += weight
        certain, following = left.pop(TRUE, 0), None
        # Those of one level in one order, whatever it is, so that the same are the same.
        for formula, weight in sorted(left.items(), key=_place, reverse=True):
            if formula is not FALSE and weight:
                following = self._followed(formula, weight if most is None else min(weight, most), following)
        below = self._left(most, {}, following)
        return Below(certain + below.certain, below.terms)

    def _followed(self, formula: Formula, weight: int, others: Following | None) -> Following:
        key = formula, weight, others
        if key not in self._following:
            self._count(1)
            self._following[key] = Following(*key, weight + (0 if others is None else others.total))
        return self._following[key]

    def _left(self, most: int | None, begun: dict[Formula, int], others: Following | None) -> Below:
        begun.pop(FALSE, None)
        certain = begun.pop(TRUE, 0)
        if not begun and others is None:
            return Below(certain, None)
        if most is not None:
            begun = {formula: min(weight, most) for formula, weight in begun.items()}
        key = most, frozenset(begun.items()), others
        if key not in self._terms:
            self._count(1 + len(begun))
            level = min((formula.level for formula in begun), default=LEAF_LEVEL)
            total = sum(begun.values())
            if others is not None:
                level, total = min(level, others.formula.level), total + others.total
            self._terms[key] = Terms(most, begun, others, level, total)
        return Below(certain, self._terms[key])

    def forget(self) -> None:
        """What was met; it is found again where it is met again. Sums and their parts refer to each other, so this also
        frees the memory of sums that nobody needs any more."""
        self._kept = 0
        for known in (self._following, self._terms, self._splits, self._sums, self._nothing):
            known.clear()
        for values in (self._exactly, self._at_least, self._between):
            values.clear()

    def _count(self, more: int) -> None:
        self._kept += more
        if self._kept > MOST_KEPT:
            self.forget()

    def _sum(self, below: Below) -> Sum:
        terms = below.terms
        if terms is None:
            return {below.certain: TRUE}
        if terms not in self._sums:
            low, high = map(self._sum, self.split(terms))
            variable = _variable(terms)
            self._sums[terms] = {
                value: choice(variable, high.get(value, FALSE), low.get(value, FALSE)) for value in {*low, *high}
            }
        return {below.certain + value: formula for value, formula in self._sums[terms].items()}

    def _is(self, below: Below, value: int) -> Formula:
        terms, left = below.terms, value - below.certain
        if terms is None or left < 0:
            return TRUE if left == 0 else FALSE
        if (terms, left) not in self._exactly:
            low, high = self.split(terms)
            self._exactly[terms, left] = choice(_variable(terms), self._is(high, left), self._is(low, left))
        return self._exactly[terms, left]

    def _is_at_least(self, below: Below, value: int) -> Formula:
        terms, left = below.terms, value - below.certain
        if terms is None or left <= 0:
            return TRUE if left <= 0 else FALSE
        if (terms, left) not in self._at_least:
            low, high = self.split(terms)
            self._at_least[terms, left] = choice(
                _variable(terms), self._is_at_least(high, left), self._is_at_least(low, left)
            )
        return self._at_least[terms, left]


def _place(term: tuple[Formula, int]) -> tuple[int, int, int]:
    formula = term[0]
    return formula.level, min(formula.low.level, formula.high.level), id(formula)


def _variable(terms: Terms) -> Formula:
    """The first one."""
    some = next(iter(terms.begun), None if terms.others is None else terms.others.formula)
    if some is None or some.table is None:
        raise TypeError("a leaf has no variable")
    return some.table.variable(terms.level)
