"""What may be assumed of a token, and of two tokens of one sequence (THEORIES 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from exactformer.certificates.checker.diagrams import FALSE, TRUE, Formula, Node, implies, last_one
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.theory.annotation import Name
from exactformer.certificates.checker.theory.ghosts import (
    Variables,
    View,
    at_most,
    constant,
    is_element,
    plus,
    same_number,
)
from exactformer.certificates.checker.theory.language import Listed, Truth, atoms_in
from exactformer.certificates.checker.theory.reading import POS, Theory, dependencies, largest_of

MOST_ANSWERS = 2**14
"""Of questions, that are kept."""
MOST_FACTS, MOST_TRIED = 2**8, 2**3
"""That are taken for one question; and tried before one is taken."""


@dataclass(frozen=True, eq=False)
class Assumed:
    """Formulas that hold of a token i of one class and, where there is one, a token j of another; each made once.

    ``elements``: those that follow from definitions, which are taken only where these do not suffice.
    """

    of_i: str
    of_j: str | None
    formulas: tuple[Formula, ...]
    elements: tuple[Formula, ...] = ()


@dataclass(frozen=True)
class Answer:
    """To a question that was asked: values, or None; ``meant``: what the names of its classes have to mean for that, if
    it depends on it."""

    values: Mapping[int, bool] | None
    meant: tuple[int, int] | None


class Facts:
    """The facts of a theory as formulas, each made once.

    They are kept one by one: together they would make large diagrams. Of those that may be assumed, just as many are
    used as a question needs. Fewer can make possible what is not, and never the other way around.
    """

    def __init__(self, theory: Theory, variables: Variables) -> None:
        self.theory, self.variables = theory, variables
        self.decided = 0
        """How many questions were decided."""
        self._dependencies = {name: dependencies(one) for name, one in theory.classes.items()}
        self._alone: dict[str, Assumed] = {}
        self._stated: dict[tuple[str, bool], tuple[Formula, ...]] = {}
        self._two: dict[tuple[str, str], Assumed] = {}
        self._with_first: dict[tuple[Assumed, tuple[Formula, ...]], Assumed] = {}
        self._of_pair: dict[tuple[str, str], tuple[Formula, ...]] = {}
        self._before: dict[tuple[str, str, int], tuple[Formula, ...]] = {}
        self._where_apart: dict[tuple[str, str, int], tuple[Formula, ...]] = {}
        self._counted: dict[tuple[str, str, str], Formula] = {}
        self._apart: dict[int, Formula] = {}
        self._decisive: dict[tuple[str, str | None], dict[Formula, None]] = {}
        """Of tokens of two classes, which facts were the last that a question needed: first those that were so last."""
        self._models: dict[frozenset[Node], dict[int, bool] | None] = {}
        self._answers: dict[tuple[Assumed | None, frozenset[Node], int], Answer] = {}
        self._defining: dict[tuple[str, str, bool], tuple[Formula, ...]] = {}
        """By class, name and whether it is that of j: the definitions that say what it is now."""
        self._meant = dict.fromkeys(theory.classes, 0)
        """How often names of a class were given a meaning."""

    def give(self, names: Iterable[Name]) -> None:
        """They mean this from now on, all at once. What they mean is a function of ghosts of the theory, and so are the
        names that it speaks of: no definition is one of itself.
        """
        meant = [
            (cls, name.name, self.variables.meaning(name.at, cls, name.name, name.meaning))
            for name in names
            for cls in name.classes
        ]
        for cls, called, meaning in meant:
            self.variables.meanings[cls][called] = meaning
            self._meant[cls] += 1
            self._defining.clear()
            needed = (self._dependencies[cls].get(one, ()) for one in meaning.needed)
            self._dependencies[cls][called] = (*dict.fromkeys(one for found in needed for one in found), called)

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

    def alone(self, cls: str) -> Assumed:
        """Of a token i of this class: all that is stated, and that its elements are of their sets."""
        if cls not in self._alone:
            one, stated = self.theory.classes[cls], self.stated(cls, rows=True)
            elements: dict[bool, list[Formula]] = {True: [], False: []}
            for name, kind in one.ghosts.items():
                if kind in self.theory.sets:
                    formula = is_element(self.variables.bits(name, False), len(self.theory.sets[kind]))
                    elements[name in one.defined].append(formula)
            self._alone[cls] = Assumed(cls, None, (*stated, *elements[False]), tuple(elements[True]))
        return self._alone[cls]

    def stated(self, cls: str, *, rows: bool) -> tuple[Formula, ...]:
        """Of a token i of this class: where it may stand, and the facts of the theory; ``rows``: also those about
        tables."""
        if (cls, rows) not in self._stated:
            one = self.theory.classes[cls]
            at_0 = same_number(self._pos(False), constant(0, 0))
            found = [at_0 if one.first else ~at_0]
            for name, kind in one.ghosts.items():
                if (largest := largest_of(kind)) is not None:
                    found.append(is_element(self.variables.bits(name, False), largest + 1))
            found += [
                View(self.variables, at, cls).formula(formula)
                for at, formula in one.facts
                if rows or not any(isinstance(atom, Listed) for atom in atoms_in(formula))
            ]
            self._stated[cls, rows] = tuple(found)
        return self._stated[cls, rows]

    def two(self, i: str, j: str) -> Assumed:
        """Of a token i of the first class and any token j of the second at or before it: what is stated of each."""
        if (i, j) not in self._two:
            # That elements are of their sets is left out: many comparisons at once make large diagrams.
            # So are facts about rows of tables: two of them multiply their paths.
            of_i, of_j = (self.stated(cls, rows=False) for cls in (i, j))
            found = [self.order, *of_i, *map(self.variables.moved, of_j)]
            # One token has one class, and then j is i itself.
            found += [implies(self.apart(0), same) for same in (self._itself(i) if i == j else [FALSE])]
            self._two[i, j] = Assumed(i, j, tuple(found))
        return self._two[i, j]

    def of_pair(self, i: str, j: str) -> tuple[Formula, ...]:
        """The pair facts of the theory."""
        if (i, j) not in self._of_pair:
            stated = self.theory.pairs.get((i, j), ())
            self._of_pair[i, j] = tuple(View(self.variables, at, i, j).formula(formula) for at, formula in stated)
        return self._of_pair[i, j]

    def pairs(self, i: str, j: str) -> Assumed:
        """What is stated of each, and the pair facts."""
        return self.with_first(self.two(i, j), self.of_pair(i, j))

    def with_first(self, assumed: Assumed, formulas: tuple[Formula, ...]) -> Assumed:
        """The same, and these, which are tried first."""
        key = assumed, formulas
        if key not in self._with_first:
            together = tuple(dict.fromkeys((*formulas, *assumed.formulas)))
            self._with_first[key] = Assumed(assumed.of_i, assumed.of_j, together, assumed.elements)
        return self._with_first[key]

    def before(self, i: str, j: str, distance: int) -> tuple[Formula, ...]:
        """Of a token i and the token j ``distance`` before it: the before facts; what cannot be, where no followers
        lead from j's class to i's in this many steps."""
        if (i, j, distance) not in self._before:
            stated = [
                View(self.variables, at, i, j).formula(formula)
                for at_distance, at, formula in self.theory.before.get((i, j), ())
                if at_distance == distance
            ]
            self._before[i, j, distance] = tuple(stated if j in self.theory.possible_at(i, distance) else [FALSE])
        return self._before[i, j, distance]

    def counted(self, count: str, i: str, j: str) -> Formula:
        """Which tokens j a count counts."""
        if (count, i, j) not in self._counted:
            at, formula = self.theory.counted[count].get((i, j), (f"count {count}", Truth(False)))
            self._counted[count, i, j] = View(self.variables, at, i, j).formula(formula)
        return self._counted[count, i, j]

    def where_apart(self, i: str, j: str, distance: int) -> tuple[Formula, ...]:
        """The before facts, of all i and j: where pos = j.pos + distance."""
        if (i, j, distance) not in self._where_apart:
            apart = self.apart(distance)
            self._where_apart[i, j, distance] = tuple(implies(apart, fact) for fact in self.before(i, j, distance))
        return self._where_apart[i, j, distance]

    def _itself(self, cls: str) -> list[Formula]:
        one = self.theory.classes[cls]
        names = [name for name in one.ghosts if name not in one.defined]
        return [same_number(self.variables.bits(name, False), self.variables.bits(name, True)) for name in names]

    def require(self, at: str, assumed: Assumed, here: Set[Formula], claim: Formula, reason: str) -> None:
        """The claim holds wherever all that is here does; else `Rejected`."""
        self.decided += 1
        if claim is not TRUE and self.possible(assumed, frozenset({*here, ~claim})):
            raise Rejected(at, reason)

    def possible(self, assumed: Assumed | None, asked: frozenset[Node], most: int = MOST_FACTS) -> bool:
        """Whether all that is asked could hold, as far as up to ``most`` facts tell.

        As long as there are values for which it does, the first fact that they break is taken as well. Many facts make
        hard questions, so once two are taken others are first tried one by one: one may be enough.
        """
        return self.values(assumed, asked, most) is not None

    def values(
        self, assumed: Assumed | None, asked: frozenset[Node], most: int = MOST_FACTS
    ) -> Mapping[int, bool] | None:
        """Values for which all that is asked holds, and, as far as up to ``most`` facts tell, all that is assumed."""
        if FALSE in asked:
            return None
        key = assumed, asked, most
        kept = self._answers.get(key)
        if kept is None or kept.meant not in (None, self._now(assumed)):
            if len(self._answers) >= MOST_ANSWERS:
                self._answers.clear()
            values, by_definitions = self._search(assumed, asked, most)
            kept = self._answers[key] = Answer(values, self._now(assumed) if by_definitions else None)
        return kept.values

    def _now(self, assumed: Assumed | None) -> tuple[int, int]:
        """What names mean at tokens of the classes."""
        return (0, 0) if assumed is None else (self._meant[assumed.of_i], self._meant[assumed.of_j or assumed.of_i])

    def _search(
        self, assumed: Assumed | None, asked: frozenset[Node], most: int
    ) -> tuple[Mapping[int, bool] | None, bool]:
        """The values, if there are any; whether that depends on what names mean."""
        found, by_definitions = self._model(asked), False
        if assumed is None or found is None:
            return found, False
        decisive = self._decisive.setdefault((assumed.of_i, assumed.of_j), {})
        for taken in range(most):
            broken, defining = self._broken(assumed, decisive, found, 1 if taken < 2 else MOST_TRIED)
            if not broken:
                break
            for one in broken:
                if self._model(asked | {one}) is None:
                    decisive.pop(one, None)
                    decisive[one] = None
                    return None, by_definitions or defining
            by_definitions = by_definitions or defining
            asked |= {broken[0]}
            found = self._model(asked) or {}
        return found, True

    def _broken(
        self, assumed: Assumed, decisive: Mapping[Formula, None], found: Mapping[int, bool], most: int
    ) -> tuple[list[Formula], bool]:
        """Of what is assumed, up to ``most`` that do not hold: first those about a variable with a value; and whether
        they are definitions.

        A ghost that is defined, and of which nothing was found, can be as it is defined; but then it may not be 0, as
        facts take it to be here. So its definition counts as soon as a fact depends on it.
        """
        last = last_one(found)
        if wrong := [one for one in assumed.elements if not one.decided(found, last)[0]]:
            return wrong[:most], False
        if defined := [one for one in self._definitions(assumed, found) if not one.decided(found, last)[0]]:
            return defined[:most], True
        near, far = list[Formula](), list[Formula]()
        for one in chain(reversed(tuple(decisive)), assumed.formulas):
            holds, looked_at = one.decided(found, last)
            if not holds and one not in near and one not in far and (one not in decisive or one in assumed.formulas):
                (near if looked_at or one is FALSE else far).append(one)
                if len(near) == most:
                    break
        if near or far:
            return (near + far)[:most], False
        depends = dict.fromkeys(level for one in assumed.formulas for level in one.path(found))
        return [one for one in self._definitions(assumed, depends) if not one.decided(found, last)[0]][:most], True

    def _definitions(self, assumed: Assumed, levels: Iterable[int]) -> Iterator[Formula]:
        """Of all ghosts that these variables belong to, and that are defined."""
        defined_at = self.variables.defined_at
        for name, of_j in dict.fromkeys(defined_at[level] for level in levels if level in defined_at):
            cls = (assumed.of_j if of_j else assumed.of_i) or ""
            key = cls, name, of_j
            if key not in self._defining:
                needed = self._dependencies[cls].get(name, ())
                found = [self.variables.defined(self.theory.classes[cls], one) for one in needed]
                self._defining[key] = tuple(map(self.variables.moved, found) if of_j else found)
            yield from self._defining[key]

    def formulas(self) -> Iterator[Formula]:
        """All that were made; answers are forgotten."""
        self._models.clear()
        self._answers.clear()
        self._defining.clear()
        self._with_first.clear()
        self._where_apart.clear()
        yield self.order
        yield from self._apart.values()
        yield from self._counted.values()
        for assumed in (*self._alone.values(), *self._two.values()):
            yield from assumed.formulas
            yield from assumed.elements
        for stated in (*self._stated.values(), *self._of_pair.values(), *self._before.values()):
            yield from stated

    def _model(self, asked: frozenset[Node]) -> dict[int, bool] | None:
        """Values for which all of it holds, if there are any; the same is often asked for many classes."""
        if asked not in self._models:
            if len(self._models) >= MOST_ANSWERS:
                self._models.clear()
            self._models[asked] = self.variables.diagrams.model(asked)
        return self._models[asked]
