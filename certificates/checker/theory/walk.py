"""The rules: from the weights to what every coordinate is, at tokens of every class, layer by layer (THEORIES 6).

By induction over positions and layers. Nothing is guessed: told is what heads select and receive, and that is proved
before it is used; everything else is computed.

Words:
    coordinates  of a class: every activation as an integer by cases of the ghosts of the token
    situation    a case of a head, for a class of i
    separation   how far the scores of all tokens that are not selected stay below those that are
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from exactformer.certificates.checker.cases import Cases, either, lost, product, same, scaled, summed
from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.diagrams import FALSE, TRUE, Diagrams, Formula, conjunction
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.neurons import Neuron, activation
from exactformer.certificates.checker.theory.annotation import Case, Hold
from exactformer.certificates.checker.theory.facts import Facts
from exactformer.certificates.checker.theory.ghosts import Variables, View, at_most, same_number
from exactformer.certificates.checker.theory.language import Unknown
from exactformer.certificates.checker.theory.reading import POS, POSITION, Theory
from exactformer.certificates.checker.theory.vocabulary import Logits, chosen, embedding
from exactformer.certificates.checker.weights import Head, Mlp, Network

Frozen: TypeAlias = tuple[tuple[int, Formula], ...]
Product: TypeAlias = tuple[Frozen, Frozen, int]
"""A coordinate of i, one of j, and how often the product counts in a score."""
ZERO: Cases = {0: TRUE}
FAR = 4
"""How far below others scores are not told apart any more: no head needs a larger separation."""


@dataclass(frozen=True)
class Assumed:
    """Facts, of which as many are used as are needed, and what is the case here."""

    facts: Sequence[Formula]
    here: frozenset[Formula]

    def and_also(self, formula: Formula) -> Assumed:
        """That a formula holds besides."""
        return Assumed(self.facts, self.here | {formula})


@dataclass(frozen=True)
class Found:
    """What was proved of a head: its least separation (None if it always selects all), and whether many may tie."""

    separation: int | None
    many: bool


@dataclass(frozen=True)
class Walked:
    """What was proved: every head, layer by layer; the least margin of a token that has to come next; how many facts
    were decided."""

    heads: tuple[tuple[Found, ...], ...]
    margin: int | None
    decided: int


def walk(
    network: Network,
    theory: Theory,
    annotation: Sequence[Sequence[Sequence[Case]]],
    holds: Sequence[Sequence[Hold]],
    deadline: Deadline,
) -> Walked:
    """Sections 6.1 to 6.5; `Rejected` where they do not show the claim."""
    going = _Walk(network, theory, deadline)
    heads = [going.layer(number, *told) for number, told in enumerate(zip(annotation, holds, strict=True))]
    return Walked(tuple(heads), going.margin(), going.decided)


class _Walk:
    def __init__(self, network: Network, theory: Theory, deadline: Deadline) -> None:
        self.network, self.theory, self.deadline = network, theory, deadline
        self.variables = Variables(theory, Diagrams())
        self.facts = Facts(theory, self.variables)
        self.facts.require_followers()
        self.decided = 0
        self._met: set[str] = set()
        self._known_losses: dict[tuple[tuple[Product, ...], int], Cases] = {}
        self._active: dict[tuple[int, tuple[tuple[Frozen, int], ...]], Cases] = {}
        self.coordinates = {name: self._embedding(name) for name in theory.classes}

    def _embedding(self, cls: str) -> list[Cases]:
        """6.1: every class's token is in the vocabulary; its embedding, as ghosts say, and its position."""
        at = f"theory, class {cls}"
        token = chosen(self.theory.classes[cls].token, View(self.variables, at, cls), self.network)
        return self._ternary(f"{at}: embedding", cls, embedding(token, self.variables, POS, self.network))

    def _ternary(self, at: str, cls: str, coordinates: Sequence[Cases]) -> list[Cases]:
        """Without values that facts exclude; all others have to be -1, 0 or 1."""
        found = list[Cases]()
        for coordinate, cases in enumerate(coordinates):
            if cases.keys() <= {-1, 0, 1}:
                found.append(cases)
                continue
            possible = {value: formula for value, formula in cases.items() if self.possible(self._alone(cls, formula))}
            self.decided += len(cases)
            for value in possible:
                if value not in (-1, 0, 1):
                    register, _, place = self.network.places[coordinate]
                    raise Rejected(at, f"coordinate {place} of {register} can be {value}, which is not -1, 0 or 1")
            found.append(possible)
        return found

    def layer(self, number: int, annotation: Sequence[Sequence[Case]], holds: Sequence[Hold]) -> tuple[Found, ...]:
        """6.2 to 6.4: all heads, on what the layer before left; then all neurons; then simpler words for it."""
        layer, found = self.network.layers[number], list[Found]()
        before = self.coordinates
        behind = {cls: list(coordinates) for cls, coordinates in before.items()}
        for place, (head, cases) in enumerate(zip(layer.heads, annotation, strict=True)):
            at = f"annotation[{number}][{place}] ({head.name})"
            outcomes = [self._head(at, head, cls, cases, behind[cls]) for cls in self.theory.classes]
            if never := [case.at for case in cases if case.at not in self._met]:
                raise Rejected(never[0], "cannot be the case of any token")
            separations = [one.separation for one in outcomes if one.separation is not None]
            found.append(Found(min(separations, default=None), any(one.many for one in outcomes)))
        at = f"weights.layers[{number}]"
        behind = {cls: self._ternary(f"{at}.heads", cls, coordinates) for cls, coordinates in behind.items()}
        self.coordinates = {
            cls: self._ternary(f"{at}.mlp", cls, self._mlp(f"{at}.mlp", layer.mlp, coordinates))
            for cls, coordinates in behind.items()
        }
        for hold in holds:
            for cls in hold.classes:
                self._hold(hold, cls)
        return tuple(found)

    def _hold(self, hold: Hold, cls: str) -> None:
        """6.4: what is said of a register is what was computed, for every token of the class; it takes its place."""
        places = [at for at, (name, _, _) in enumerate(self.network.places) if name == hold.register]
        said = View(self.variables, hold.at, cls).content(hold.content, len(places))
        assumed = self._alone(cls)
        for place, cases in zip(places, said, strict=True):
            self._require(hold.at, assumed, same(self.coordinates[cls][place], cases), f"does not hold for class {cls}")
            self.coordinates[cls][place] = cases

    def _head(self, at: str, head: Head, cls: str, cases: Sequence[Case], behind: list[Cases]) -> Found:
        """6.2: the cases of a class exclude each other and cover it; what is received is added to ``behind``."""
        covered, outcomes = FALSE, list[Found]()
        received: list[Cases] = [ZERO] * len(head.out)
        for case in cases:
            if cls not in case.classes:
                continue
            self.deadline.left(case.at)
            self.variables.diagrams.forget_steps()
            view = View(self.variables, case.at, cls)
            when = view.formula(case.when)
            if not self.possible(self._alone(cls, when)):
                continue
            if self.possible(self._alone(cls, when, covered)):
                raise Rejected(case.at, f"is the case of a token of class {cls} that has another case as well")
            covered |= when
            value = view.content(case.value, len(head.value))
            outcomes.append(self._situation(head, cls, case, when, value))
            received = [either(when, mine, others) for mine, others in zip(value, received, strict=True)]
        if self.possible(self._alone(cls, ~covered)):
            raise Rejected(at, f"has no case for some tokens of class {cls}")
        for coordinate, cases_of in zip(head.out, received, strict=True):
            if cases_of != ZERO:
                behind[coordinate] = summed(behind[coordinate], cases_of)
        separations = [one.separation for one in outcomes if one.separation is not None]
        return Found(min(separations, default=None), any(one.many for one in outcomes))

    def _situation(self, head: Head, cls: str, case: Case, when: Formula, value: Sequence[Cases]) -> Found:
        """6.3: the member is there and selected; what is selected has one score, above all others, and the value."""
        position = self.variables.bits(POS, False)
        member = View(self.variables, f"{case.at}.member", cls).number(case.member, POSITION)
        self._require(
            f"{case.at}.member",
            self._alone(cls, when),
            at_most(member, position),
            f"is not always at or before a token of class {cls}",
        )
        best, left_out, many, there = set[int](), dict[str, Assumed](), False, False
        constant = all(cases == ZERO for cases in value)
        for other in sorted(self.theory.at_or_before[cls]):
            related = self.facts.related(cls, other, case.distance)
            assumed = Assumed(self.facts.pair(cls, other), related | {when})
            if not self.seems_possible(assumed):
                continue
            view = View(self.variables, f"{case.at}.selects.{other}", cls, other)
            selected = view.formula(case.selects[other]) if other in case.selects else FALSE
            is_member = same_number(self.variables.bits(POS, True), member)
            there = there or self.seems_possible(assumed.and_also(is_member))
            self._require(
                case.at,
                assumed.and_also(is_member),
                selected,
                f"the member, for class {cls}, may be a token of class {other} that is not selected",
            )
            chosen_here, left_out[other] = assumed.and_also(selected), assumed.and_also(~selected)
            if self.seems_possible(chosen_here):
                best |= self._chosen_scores(head, cls, other, chosen_here)
                many = many or (not constant and self.possible(chosen_here.and_also(~is_member)))
                if isinstance(case.value, Unknown):
                    continue  # whatever one token has; of several it would be a mean
                for place, (coordinate, mine) in enumerate(zip(head.value, value, strict=True)):
                    theirs = self.variables.moved_cases(self.coordinates[other][coordinate])
                    self._require(
                        f"{case.at}.value",
                        chosen_here,
                        same(theirs, mine),
                        f"coordinate {place} is not what a selected token of class {other} has, for {cls}",
                    )
        if many and isinstance(case.value, Unknown):
            raise Rejected(f"{case.at}.value", f"is not known, where several tokens may be selected, for class {cls}")
        if not there or not best:
            return Found(None, False)  # a token stands at the member's position, so this is no token's case
        self._met.add(case.at)
        if len(best) != 1:
            raise Rejected(case.at, f"selected tokens have the scores {sorted(best)}, for class {cls}")
        (score,) = best
        below = [
            self._below(head, cls, other, rest, score) for other, rest in left_out.items() if self.seems_possible(rest)
        ]
        separation = min(below, default=None)
        if separation is not None and separation < 1:
            raise Rejected(
                case.at, f"a token that is not selected may score {score - separation}, one that is {score}, for {cls}"
            )
        return Found(separation, many)

    def _chosen_scores(self, head: Head, cls: str, other: str, chosen_here: Assumed) -> set[int]:
        """The scores of selected tokens: mostly one, near the bound, so others are not told apart at first."""
        top, products = self._products(head, cls, other)
        for far in (FAR, 2 * len(head.query) + 1):
            losses = self._losses(products, far)
            if not self.seems_possible(chosen_here.and_also(losses.get(far, FALSE))):
                break
        self.decided += len(losses)
        found = [loss for loss, formula in losses.items() if self.seems_possible(chosen_here.and_also(formula))]
        if len(found) > 1:
            found = [loss for loss in found if self.possible(chosen_here.and_also(losses[loss]))]
        return {top - loss for loss in found}

    def _below(self, head: Head, cls: str, other: str, rest: Assumed, score: int) -> int:
        """How far below ``score`` all other tokens are, at least; `FAR` stands for that much or more."""
        top, products = self._products(head, cls, other)
        if top <= score - FAR:
            return FAR
        losses = self._losses(products, top - score + FAR)
        self.decided += len(losses)
        for loss in sorted(losses):
            here = rest.and_also(losses[loss])
            below = score - top + loss
            # What is far enough below does no harm, even if it cannot be.
            if self.seems_possible(here) and (below >= 1 or self.possible(here)):
                return below
        return FAR

    def _products(self, head: Head, cls: str, other: str) -> tuple[int, tuple[Product, ...]]:
        """A bound of the score of i and j, and what is multiplied and how often."""
        mine, theirs = self.coordinates[cls], self.coordinates[other]
        terms = Counter[tuple[Frozen, Frozen]]()
        for query, key in zip(head.query, head.key, strict=True):
            if mine[query] != ZERO and theirs[key] != ZERO:
                terms[_frozen(mine[query]), _frozen(theirs[key])] += 1
        products = tuple((query, key, times) for (query, key), times in terms.items())
        return sum(max(self._product(one)) for one in products), products

    def _product(self, one: Product) -> Cases:
        query, key, times = one
        return scaled(product(dict(query), self.variables.moved_cases(dict(key))), times)

    def _losses(self, products: tuple[Product, ...], far: int) -> Cases:
        """How far scores stay below their bound; ``far`` stands for that much or more."""
        if (products, far) not in self._known_losses:
            self._known_losses[products, far] = lost([self._product(one) for one in products], far)
        return self._known_losses[products, far]

    def possible(self, assumed: Assumed) -> bool:
        """Whether all can hold at once, as far as all facts tell that may help."""
        return self.facts.possible(assumed.facts, assumed.here)

    def seems_possible(self, assumed: Assumed) -> bool:
        """The same, as far as the nearest facts tell: where it does no harm if it is not."""
        return self.facts.possible(assumed.facts, assumed.here, rounds=0)

    def _alone(self, cls: str, *what: Formula) -> Assumed:
        """That this is the case of one token of a class."""
        return Assumed(self.facts.alone(cls), frozenset(what))

    def _require(self, at: str, assumed: Assumed, claim: Formula, reason: str) -> None:
        self.decided += 1
        if self.possible(assumed.and_also(~claim)):
            raise Rejected(at, reason)

    def _mlp(self, at: str, mlp: Mlp, coordinates: Sequence[Cases]) -> list[Cases]:
        """6.4: what every neuron adds, by cases; those that no values could make active are left out."""
        high = np.array([max(cases) for cases in coordinates], np.int64)
        low = np.array([min(cases) for cases in coordinates], np.int64)
        into, weight = mlp.into, mlp.into.weight
        reach = mlp.bias + into.row_sums(np.maximum(weight * high[into.index], weight * low[into.index]))
        added: list[Counter[int]] = [Counter() for _ in coordinates]
        known: dict[int, Cases] = {}
        active: dict[int, int] = {}
        for coordinate, (begin, end) in enumerate(
            zip(mlp.out_of.start[:-1].tolist(), mlp.out_of.start[1:].tolist(), strict=True)
        ):
            for entry in range(begin, end):
                neuron = int(mlp.out_of.index[entry])
                if reach[neuron] <= 0:
                    continue
                if neuron not in active:
                    cases = self._activation(at, mlp, neuron, coordinates)
                    known[id(cases)] = cases
                    active[neuron] = id(cases)
                added[coordinate][active[neuron]] += int(mlp.out_of.weight[entry])
        found = list(coordinates)
        for coordinate, terms in enumerate(added):
            for which, times in terms.items():
                if times and known[which] != ZERO:
                    found[coordinate] = summed(found[coordinate], scaled(known[which], times))
            self.deadline.left(at)
        return found

    def _activation(self, at: str, mlp: Mlp, neuron: int, coordinates: Sequence[Cases]) -> Cases:
        begin, end = int(mlp.into.start[neuron]), int(mlp.into.start[neuron + 1])
        inputs, bias = [], int(mlp.bias[neuron])
        for entry in range(begin, end):
            cases, weight = coordinates[int(mlp.into.index[entry])], int(mlp.into.weight[entry])
            if len(cases) == 1:
                bias += weight * next(iter(cases))
            else:
                inputs.append((_frozen(cases), weight))
        name = bias, tuple(sorted(inputs, key=lambda one: (one[0][0][1].level, one[1])))
        if name not in self._active:
            self._active[name] = activation(at, Neuron(bias, [(dict(cases), weight) for cases, weight in inputs], ()))
        return self._active[name]

    def margin(self) -> int | None:
        """6.5: the outputs of a class exclude each other and cover it; each is the unique best token."""
        margins = []
        for cls, one in self.theory.classes.items():
            if not one.outputs:
                continue
            at = f"theory, output of {cls}"
            self.deadline.left(at)
            view, logits = View(self.variables, at, cls), Logits(self.network, self.coordinates[cls])
            whens = [view.formula(output.when) for output in one.outputs]
            self._require(
                at,
                self._alone(cls),
                ~conjunction(~when for when in whens),
                "does not name a token for every case",
            )
            for place, (output, when) in enumerate(zip(one.outputs, whens, strict=True)):
                here = self._alone(cls, when)
                if not self.possible(here):
                    raise Rejected(at, "names a token for what cannot be the case")
                for other in whens[:place]:
                    self._require(at, here, ~other, "names two tokens for one case")
                margin = logits.margin(
                    chosen(output.token, view, self.network),
                    lambda *what, cls=cls, when=when: self.possible(self._alone(cls, when, *what)),
                )
                if margin is not None:
                    if margin < 1:
                        raise Rejected(at, f"another token's logit may be {-margin} above, or as high")
                    margins.append(margin)
        return min(margins, default=None)


def _frozen(cases: Cases) -> Frozen:
    return tuple(sorted(cases.items(), key=lambda one: one[0]))
