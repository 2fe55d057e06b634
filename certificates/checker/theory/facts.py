"""What may be assumed of a token, and of two tokens of one sequence (THEORIES 4)."""

from __future__ import annotations

from functools import cached_property

from exactformer.certificates.checker.diagrams import FALSE, Formula, conjunction, equal, implies
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
from exactformer.certificates.checker.theory.reading import FLAG, POS, POSITION, Theory


class Facts:
    """The facts of a theory as formulas, each made once."""

    def __init__(self, theory: Theory, variables: Variables) -> None:
        self.theory, self.variables = theory, variables
        self._local: dict[str, Formula] = {}
        self._stated: dict[str, Formula] = {}
        self._pair: dict[tuple[str, str], frozenset[Formula]] = {}
        self.possible = variables.diagrams.possible
        self._apart: dict[int, Formula] = {}

    @cached_property
    def order(self) -> Formula:
        """j.pos <= pos."""
        return at_most(self._pos(True), self._pos(False))

    def apart(self, distance: int) -> Formula:
        """pos = j.pos + distance."""
        if distance not in self._apart:
            self._apart[distance] = same_number(self._pos(False), plus(self._pos(True), distance))
        return self._apart[distance]

    def _pos(self, of_j: bool) -> list[Formula]:
        return self.variables.bits(POS, of_j)

    def local(self, cls: str) -> Formula:
        """Of a token i of this class: `stated`, and that its elements are of their sets."""
        if cls not in self._local:
            found = self.stated(cls)
            for name, kind in self.theory.classes[cls].ghosts.items():
                if kind not in (POSITION, FLAG):
                    found &= is_element(self.variables.bits(name, False), len(self.theory.sets[kind]))
            if found is FALSE:
                raise Rejected("theory", f"says of class {cls} what cannot be")
            self._local[cls] = found
        return self._local[cls]

    def stated(self, cls: str) -> Formula:
        """Of a token i of this class: where it may stand, and the facts of the theory."""
        if cls not in self._stated:
            one = self.theory.classes[cls]
            at_0 = same_number(self._pos(False), constant(0, 0))
            found = at_0 if one.first else ~at_0
            for at, formula in one.facts:
                found &= View(self.variables, at, cls).formula(formula)
            self._stated[cls] = found
        return self._stated[cls]

    def pair(self, i: str, j: str) -> frozenset[Formula]:
        """Of a token i of the first class and any token j of the second at or before it."""
        if (i, j) not in self._pair:
            # That elements are of their sets is left out: many comparisons at once make large diagrams.
            found = [self.stated(i), self.variables.moved(self.stated(j)), self.order]
            # One token has one class, and then j is i itself.
            found.append(implies(self.apart(0), self._itself(i) if i == j else FALSE))
            for at, formula in self.theory.pairs.get((i, j), ()):
                found.append(View(self.variables, at, i, j).formula(formula))
            for distance, at, formula in self.theory.before.get((i, j), ()):
                here = View(self.variables, at, i, j).formula(formula)
                found.append(implies(self.apart(distance), here))
            self._pair[i, j] = frozenset({conjunction(found)})
        return self._pair[i, j]

    def _itself(self, cls: str) -> Formula:
        names = self.theory.classes[cls].ghosts
        return conjunction(
            equal(mine, theirs)
            for name in names
            for mine, theirs in zip(self.variables.bits(name, False), self.variables.bits(name, True), strict=True)
        )

    def pair_with(self, i: str, j: str, distance: int | None) -> frozenset[Formula]:
        """`pair`, and that j is not ``distance`` before i where no sequence of followers allows that."""
        found = self.pair(i, j)
        if distance is not None and j not in self.theory.possible_at(i, distance):
            found |= {~self.apart(distance)}
        return found

    def require_followers(self) -> None:
        """Every class may stand behind each that it is said to follow, and a token may be compared with itself."""
        for j, one in self.theory.classes.items():
            theirs = self.variables.moved(self.local(j))
            if not self.possible(self.pair(j, j) | {self.apart(0), theirs}):
                raise Rejected("theory", f"says of a token of class {j}, compared with itself, what cannot be")
            for i in sorted(one.followers):
                if not self.possible(self.pair(i, j) | {self.apart(1), self.local(i), theirs}):
                    raise Rejected("theory", f"says of class {i} right behind class {j} what cannot be")
