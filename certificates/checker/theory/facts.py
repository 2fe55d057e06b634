"""What may be assumed of a token, and of two tokens of one sequence (THEORIES 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from exactformer.certificates.checker.diagrams import FALSE, Formula, implies
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.theory.ghosts import (
    Variables,
    View,
    at_most,
    constant,
    is_element,
    plus,
    same_number,
)
from exactformer.certificates.checker.theory.reading import POS, Theory, largest_of

ROUNDS = 2
"""How far facts are followed from what is asked."""


class Facts:
    """The facts of a theory as formulas, each made once.

    Those about two tokens are kept one by one: together they would make large diagrams. To show that something cannot
    be, those that speak of its variables alone are tried first, then those that speak of one of them, and so on, a few
    times. Fewer facts can make possible what is not, and never the other way around.
    """

    def __init__(self, theory: Theory, variables: Variables) -> None:
        self.theory, self.variables = theory, variables
        self._alone: dict[str, list[Formula]] = {}
        self._stated: dict[str, list[Formula]] = {}
        self._pair: dict[tuple[str, str], list[Formula]] = {}
        self._related: dict[tuple[str, str, int | None], frozenset[Formula]] = {}
        self._apart: dict[int, Formula] = {}
        self._supports: dict[Formula, frozenset[int]] = {}

    @cached_property
    def order(self) -> Formula:
        """j.pos <= pos."""
        return at_most(self._pos(True), self._pos(False))

    def apart(self, distance: int) -> Formula:
        """pos = j.pos + distance."""
        if distance not in self._apart:
            there = plus(self._pos(True), constant(distance, distance.bit_length()))
            self._apart[distance] = same_number(self._pos(False), there)
        return self._apart[distance]

    def _pos(self, of_j: bool) -> list[Formula]:
        return self.variables.bits(POS, of_j)

    def alone(self, cls: str) -> list[Formula]:
        """Of a token i of this class: all that is stated, and that its elements are of their sets."""
        if cls not in self._alone:
            self._alone[cls] = list(self.stated(cls))
            for name, kind in self.theory.classes[cls].ghosts.items():
                if kind in self.theory.sets:
                    self._alone[cls].append(is_element(self.variables.bits(name, False), len(self.theory.sets[kind])))
        return self._alone[cls]

    def stated(self, cls: str) -> list[Formula]:
        """Of a token i of this class: where it may stand, and the facts of the theory."""
        if cls not in self._stated:
            one = self.theory.classes[cls]
            at_0 = same_number(self._pos(False), constant(0, 0))
            found = [at_0 if one.first else ~at_0]
            for name, kind in one.ghosts.items():
                if (largest := largest_of(kind)) is not None:
                    found.append(is_element(self.variables.bits(name, False), largest + 1))
            found += [View(self.variables, at, cls).formula(formula) for at, formula in one.facts]
            self._stated[cls] = found
        return self._stated[cls]

    def pair(self, i: str, j: str) -> list[Formula]:
        """Of a token i of the first class and any token j of the second at or before it, but for `related`."""
        if (i, j) not in self._pair:
            # That elements are of their sets is left out: many comparisons at once make large diagrams.
            found = [*self.stated(i), *map(self.variables.moved, self.stated(j))]
            # One token has one class, and then j is i itself.
            found += [implies(self.apart(0), same) for same in (self._itself(i) if i == j else [FALSE])]
            self._pair[i, j] = found
        return self._pair[i, j]

    def related(self, i: str, j: str, distance: int | None) -> frozenset[Formula]:
        """What relates them: where j is ``distance`` before i, the theory's before facts, and that it is not where no
        followers allow that; else its pair facts.
        """
        if (i, j, distance) not in self._related:
            found = [self.order]
            if distance is None:
                found += [View(self.variables, at, i, j).formula(f) for at, f in self.theory.pairs.get((i, j), ())]
            elif j not in self.theory.possible_at(i, distance):
                found.append(~self.apart(distance))
            found += [
                implies(self.apart(distance or 0), View(self.variables, at, i, j).formula(formula))
                for at_distance, at, formula in self.theory.before.get((i, j), ())
                if at_distance == distance
            ]
            self._related[i, j, distance] = frozenset(found)
        return self._related[i, j, distance]

    def _itself(self, cls: str) -> list[Formula]:
        names = self.theory.classes[cls].ghosts
        return [same_number(self.variables.bits(name, False), self.variables.bits(name, True)) for name in names]

    def possible(self, facts: Sequence[Formula], asked: frozenset[Formula], rounds: int = ROUNDS) -> bool:
        """Whether all that is asked could hold, as far as some of the facts tell."""
        seen = self._support(asked)
        inside = {one for one in facts if self._supports_of(one) <= seen}
        chosen, left = asked | inside, [one for one in facts if one not in inside]
        if not (self.variables.diagrams.possible(asked) and self.variables.diagrams.possible(chosen)):
            return False
        for _ in range(rounds):
            near = [one for one in left if not seen.isdisjoint(self._supports_of(one))]
            if not near:
                return True
            left = [one for one in left if one not in set(near)]
            chosen |= set(near)
            seen |= self._support(near)
            if not self.variables.diagrams.possible(chosen):
                return False
        return True

    def _support(self, formulas: Iterable[Formula]) -> frozenset[int]:
        return frozenset().union(*map(self._supports_of, formulas))

    def _supports_of(self, formula: Formula) -> frozenset[int]:
        """The levels of the variables that a formula speaks of."""
        if formula.table is None:
            return frozenset()
        if formula not in self._supports:
            inside = self._supports_of(formula.low) | self._supports_of(formula.high)
            self._supports[formula] = inside | {formula.level}
        return self._supports[formula]

    def require_followers(self) -> None:
        """Every class may stand behind each that it is said to follow, and a token may be compared with itself."""
        for j, one in self.theory.classes.items():
            if not self.variables.diagrams.possible(frozenset(self.alone(j))):
                raise Rejected("theory", f"says of class {j} what cannot be")
            theirs = frozenset(map(self.variables.moved, self._elements(j)))
            if not self.possible(self.pair(j, j), self.related(j, j, None) | theirs | {self.apart(0)}):
                raise Rejected("theory", f"says of a token of class {j}, compared with itself, what cannot be")
            for i in sorted(one.followers):
                asked = self.related(i, j, 1) | {self.apart(1)} | theirs | self._elements(i)
                if not self.possible(self.pair(i, j), asked):
                    raise Rejected("theory", f"says of class {i} right behind class {j} what cannot be")

    def _elements(self, cls: str) -> frozenset[Formula]:
        """That a token's elements are of their sets, which `pair` leaves out."""
        return frozenset(self.alone(cls)) - frozenset(self.stated(cls))
