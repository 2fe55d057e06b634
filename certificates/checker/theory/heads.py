"""What a head does at tokens of one class, in one of its cases (THEORIES 6.3): scores, their separation, the value.

Words:
    core     of a question: what it is about, without any fact; it is often the same for many classes, and often enough
    losses   how far a score stays below a bound of it, by cases
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from exactformer.certificates.checker.cases import Cases, product, same, scaled
from exactformer.certificates.checker.diagrams import FALSE, TRUE, Formula, Node, conjunction, last_one
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.theory.annotation import Case
from exactformer.certificates.checker.theory.facts import Assumed, Facts
from exactformer.certificates.checker.theory.ghosts import View, at_most, same_number
from exactformer.certificates.checker.theory.language import Unknown
from exactformer.certificates.checker.theory.mlp import Integers
from exactformer.certificates.checker.theory.reading import POS, POSITION
from exactformer.certificates.checker.weights import Head

Product: TypeAlias = tuple[int, int, int]
"""A coordinate of i, one of j, by ``id`` of their integers, and how often the product counts in a score."""
FEW, SOME = 2, 6
"""Facts that are taken where it does no harm to take too few."""
ZERO: Cases = {0: TRUE}
FAR = 4
"""How far below others scores are not told apart any more: no head needs a larger separation."""


@dataclass(frozen=True)
class Found:
    """What was proved of a case: how far below the selected tokens all others score at least (None if there are none);
    how many tokens may be selected at most (None if any number may); whether what is received may be other than 0."""

    separation: int | None
    ties: int | None
    shares: bool


@dataclass(frozen=True)
class FoundHead:
    """What was proved of a head: its least separation (None if it always selects all), and how many tokens that share a
    value other than 0 may be selected at most (None if any number may)."""

    separation: int | None
    ties: int | None


def in_all(cases: Iterable[Found]) -> FoundHead:
    """What is true of a head in all of its cases."""
    listed = list(cases)
    separations = [one.separation for one in listed if one.separation is not None]
    ties = [one.ties for one in listed if one.shares]
    known = [most for most in ties if most is not None]
    return FoundHead(min(separations, default=None), max(known, default=1) if len(known) == len(ties) else None)


@dataclass(frozen=True)
class Other:
    """A class of j: where such a token is selected; what may be assumed of i and j, and where j is selected or is the
    member."""

    cls: str
    selected: Formula
    facts: Assumed
    at_member: Assumed
    bound: int
    products: tuple[Product, ...]


class Heads:
    """Situations of heads, one by one; what is computed once is kept."""

    def __init__(self, facts: Facts, integers: Integers) -> None:
        self.facts, self.variables, self.theory = facts, facts.variables, facts.theory
        self.integers = integers
        self._known_products: dict[Product, Cases] = {}
        self._losses: dict[tuple[tuple[Product, ...], int, int | None], Node] = {}

    def situation(
        self,
        head: Head,
        case: Case,
        cls: str,
        when: Formula,
        value: Sequence[Cases],
        coordinates: dict[str, list[Cases]],
    ) -> Found | None:
        """The member is there and selected; what is selected has one score, above all others, and the value.

        None where no token stands at the member's position: then this is not the case of any token.
        """
        member = View(self.variables, f"{case.at}.member", cls).number(case.member, POSITION)
        early = at_most(member, self.variables.bits(POS, False))
        self.facts.require(
            f"{case.at}.member",
            self.facts.alone(cls),
            {when},
            early,
            f"is not always at or before a token of class {cls}",
        )
        is_member = same_number(self.variables.bits(POS, True), member)
        core = frozenset({self.facts.order, when})
        others = [self._other(head, case, cls, name, core, is_member, coordinates) for name in self._names(cls)]
        if not self._is_there(case, cls, core | {is_member}, others):
            return None
        self._require_value(head, case, cls, core, others, value, coordinates)
        score = self._score(case, cls, core, others)
        if score is None:
            return None
        ties, shares = self._ties(cls, core, is_member, others), any(cases != ZERO for cases in value)
        if ties != 1 and shares and isinstance(case.value, Unknown):
            # Whatever one token has, of several it would be a mean.
            raise Rejected(f"{case.at}.value", f"is not known, where several tokens may be selected, for class {cls}")
        separation = self._separation(core, others, score)
        if separation is not None and separation < 1:
            if not self._any_selected(core, others):
                return None
            reason = f"a token that is not selected may score {score - separation}, one that is {score}, for {cls}"
            raise Rejected(case.at, reason)
        return Found(separation, ties, shares)

    def _names(self, cls: str) -> list[str]:
        return sorted(self.theory.at_or_before[cls])

    def _other(
        self,
        head: Head,
        case: Case,
        cls: str,
        name: str,
        core: frozenset[Formula],
        is_member: Formula,
        coordinates: dict[str, list[Cases]],
    ) -> Other:
        view = View(self.variables, f"{case.at}.selects.{name}", cls, name)
        selected = view.formula(case.selects[name]) if name in case.selects else FALSE
        bound, products = self._products(head, coordinates[cls], coordinates[name])
        distance = self.variables.distance(cls, case.member)
        if distance is None:
            facts = at_member = self.facts.pairs(cls, name)
        else:
            facts = at_member = self.facts.two(cls, name)
            # pos - D is D before i, but where it is 0; there is the first token.
            exact = name not in self.theory.first and not self.facts.possible(facts, core | {selected, ~is_member})
            before = self.facts.before if exact else self.facts.where_apart
            at_member = self.facts.with_first(facts, before(cls, name, distance))
        return Other(name, selected, facts, at_member, bound, products)

    def _is_there(self, case: Case, cls: str, core: frozenset[Formula], others: Sequence[Other]) -> bool:
        """Whether there can be a token at the member's position; it has to be selected."""
        there = False
        for other in others:
            self.facts.require(
                case.at,
                other.at_member,
                core,
                other.selected,
                f"the member, for class {cls}, may be a token of class {other.cls} that is not selected",
            )
            there = there or self.facts.possible(other.at_member, core, most=FEW)
        return there

    def _score(self, case: Case, cls: str, core: frozenset[Formula], others: Sequence[Other]) -> int | None:
        """The score that all selected tokens have; None if there are none."""
        found = dict[int, list[Other]]()
        for other in others:
            here = core | {other.selected}
            # Mostly nothing is lost; and without facts nothing else is possible, whether or not there is such a token.
            nothing = here | {self.loss(other.products, 0, 0)}
            for facts, asked in ((None, nothing), (None, here), (other.at_member, here)):
                values = self.facts.values(facts, asked)
                if values is None and asked is nothing:
                    continue
                if values is None:
                    break
                loss = self._lost(other.products, values)
                another = self._another(other, here, loss)
                if another is None:
                    found.setdefault(other.bound - loss, []).append(other)
                    break
                if facts is not None:
                    scores = sorted({other.bound - loss, other.bound - another})
                    raise Rejected(case.at, f"selected tokens have the scores {scores}, for class {cls}")
        if len(found) > 1:
            found = {score: where for score, where in found.items() if self._any_selected(core, where)}
        if len(found) > 1:
            raise Rejected(case.at, f"selected tokens have the scores {sorted(found)}, for class {cls}")
        return next(iter(found), None)

    def _any_selected(self, core: frozenset[Node], others: Iterable[Other]) -> bool:
        return any(self.facts.possible(one.at_member, core | {one.selected}) for one in others)

    def _another(self, other: Other, here: frozenset[Node], loss: int) -> int | None:
        """A loss other than this one that a selected token may have."""
        for rest in (self.loss(other.products, loss + 1, None), self.loss(other.products, 0, loss - 1)):
            values = self.facts.values(other.at_member, here | {rest})
            if values is not None:
                return self._lost(other.products, values)
        return None

    def _lost(self, products: tuple[Product, ...], values: Mapping[int, bool]) -> int:
        """How far a score stays below its bound where variables have these values, and all others are 0."""
        cases, last = map(self._product, products), last_one(values)
        # What facts exclude may be no case at all; then it is what `loss` takes it for: nothing is lost.
        return sum(
            max(one) - next((value for value, formula in one.items() if formula.decided(values, last)[0]), max(one))
            for one in cases
        )

    def _ties(self, cls: str, core: frozenset[Formula], is_member: Formula, others: Sequence[Other]) -> int | None:
        """How many tokens may be selected."""
        here = core | {~is_member}
        if not any(self.facts.possible(other.at_member, here | {other.selected}, SOME) for other in others):
            return 1
        bounds = (most for count, most in self.theory.counts.items() if self._all_counted(count, cls, core, others))
        return min(bounds, default=None)

    def _all_counted(self, count: str, cls: str, core: frozenset[Formula], others: Sequence[Other]) -> bool:
        """Whether every token that is selected is one of those that are counted."""
        return not any(
            self.facts.possible(other.facts, core | {other.selected, ~self.facts.counted(count, cls, other.cls)})
            for other in others
        )

    def _require_value(
        self,
        head: Head,
        case: Case,
        cls: str,
        core: frozenset[Formula],
        others: Sequence[Other],
        value: Sequence[Cases],
        coordinates: dict[str, list[Cases]],
    ) -> None:
        if isinstance(case.value, Unknown):
            return
        for other in others:
            if other.selected is FALSE:
                continue
            facts = self.facts.with_first(other.at_member, (other.selected,))
            agree = [
                same(self.variables.moved_cases(coordinates[other.cls][coordinate]), mine)
                for coordinate, mine in zip(head.value, value, strict=True)
            ]
            self.facts.decided += 1
            if self._may_differ(facts, core, conjunction(agree), other.selected):
                place = next(at for at, one in enumerate(agree) if self._may_differ(facts, core, one, other.selected))
                reason = f"coordinate {place} is not what a selected token of class {other.cls} has, for class {cls}"
                raise Rejected(f"{case.at}.value", reason)

    def _may_differ(self, facts: Assumed, core: frozenset[Formula], agree: Formula, selected: Formula) -> bool:
        """Whether a selected token may have another value. Mostly it does not matter where it stands."""
        return (
            agree is not TRUE
            and self.facts.possible(facts, core - {self.facts.order} | {~agree})
            and self.facts.possible(facts, core | {selected, ~agree})
        )

    def _separation(self, core: frozenset[Formula], others: Sequence[Other], score: int) -> int | None:
        """How far below ``score`` all are that are not selected, at least, `FAR` standing for that much or more; None
        if there are none."""
        least: int | None = None
        for other in others:
            rest, top = core | {~other.selected}, other.bound - score
            self.facts.decided += 1
            if self.facts.possible(other.facts, rest | {self.loss(other.products, 0, top)}):
                possible = (
                    loss
                    for loss in range(top + 1)
                    if self.facts.possible(other.facts, rest | {self.loss(other.products, loss, loss)})
                )
                return next(possible) - top
            for loss in range(max(top + 1, 0), top + (FAR if least is None else least)):
                # What is far enough below does no harm, even if it cannot be.
                if self.facts.possible(other.facts, rest | {self.loss(other.products, loss, loss)}, FEW):
                    least = loss - top
                    break
            else:
                if least is None and self.facts.possible(
                    other.facts, rest | {self.loss(other.products, top + FAR, None)}, FEW
                ):
                    least = FAR
        return least

    def _products(self, head: Head, mine: Sequence[Cases], theirs: Sequence[Cases]) -> tuple[int, tuple[Product, ...]]:
        """A bound of the score of i and j, and what is multiplied and how often."""
        terms = Counter[tuple[int, int]]()
        for query, key in zip(head.query, head.key, strict=True):
            if mine[query] != ZERO and theirs[key] != ZERO:
                terms[id(mine[query]), id(theirs[key])] += 1
        products = tuple((query, key, times) for (query, key), times in terms.items())
        return sum(max(self._product(one)) for one in products), products

    def _product(self, one: Product) -> Cases:
        if one not in self._known_products:
            query, key, times = one
            theirs = self.variables.moved_cases(self.integers.of(key))
            self._known_products[one] = scaled(product(self.integers.of(query), theirs), times)
        return self._known_products[one]

    def loss(self, products: tuple[Product, ...], least: int, most: int | None) -> Node:
        """That a score stays from ``least`` to ``most`` below its bound, or any more."""
        key = products, least, most
        if key not in self._losses:
            cases = map(self._product, products)
            losses = ((max(one) - value, formula) for one in cases for value, formula in one.items())
            self._losses[key] = self.integers.weighed.between(least, most, losses)
        return self._losses[key]
