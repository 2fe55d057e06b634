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
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from exactformer.certificates.checker.cases import Cases, either, same, scaled, summed
from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.diagrams import FALSE, Diagrams, Formula, conjunction
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.neurons import Neuron, activation
from exactformer.certificates.checker.theory.annotation import Case, Hold
from exactformer.certificates.checker.theory.facts import Facts
from exactformer.certificates.checker.theory.ghosts import Variables, View
from exactformer.certificates.checker.theory.heads import ZERO, Found, Frozen, Heads, frozen
from exactformer.certificates.checker.theory.reading import POS, Theory
from exactformer.certificates.checker.theory.vocabulary import Logits, chosen, embedding
from exactformer.certificates.checker.weights import Head, Mlp, Network


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
    return Walked(tuple(heads), going.margin(), going.facts.decided)


class _Walk:
    def __init__(self, network: Network, theory: Theory, deadline: Deadline) -> None:
        self.network, self.theory, self.deadline = network, theory, deadline
        self.variables = Variables(theory, Diagrams())
        self.facts = Facts(theory, self.variables)
        self.heads = Heads(self.facts)
        self._met: set[str] = set()
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
            possible = {value: formula for value, formula in cases.items() if self._possible(cls, formula)}
            self.facts.decided += len(cases)
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
        held = self.coordinates[cls]
        agree = conjunction(same(held[place], cases) for place, cases in zip(places, said, strict=True))
        self._require(hold.at, cls, set(), agree, f"does not hold for class {cls}")
        for place, cases in zip(places, said, strict=True):
            held[place] = cases

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
            if not self._possible(cls, when):
                continue
            if self._possible(cls, when, covered):
                raise Rejected(case.at, f"is the case of a token of class {cls} that has another case as well")
            covered |= when
            value = view.content(case.value, len(head.value))
            found = self.heads.situation(head, case, cls, when, value, self.coordinates)
            if found is not None:
                self._met.add(case.at)
                outcomes.append(found)
            received = [either(when, mine, others) for mine, others in zip(value, received, strict=True)]
        if self._possible(cls, ~covered):
            raise Rejected(at, f"has no case for some tokens of class {cls}")
        for coordinate, cases_of in zip(head.out, received, strict=True):
            if cases_of != ZERO:
                behind[coordinate] = summed(behind[coordinate], cases_of)
        separations = [one.separation for one in outcomes if one.separation is not None]
        return Found(min(separations, default=None), any(one.many for one in outcomes))

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
                inputs.append((frozen(cases), weight))
        name = bias, tuple(sorted(inputs, key=lambda one: (one[0][0][1].level, one[1])))
        if name not in self._active:
            self._active[name] = activation(at, Neuron(bias, [(dict(cases), weight) for cases, weight in inputs], ()))
        return self._active[name]

    def _possible(self, cls: str, *what: Formula) -> bool:
        """Whether this can be the case of a token of a class."""
        return self.facts.possible(self.facts.alone(cls), frozenset(what))

    def _require(self, at: str, cls: str, here: Set[Formula], claim: Formula, reason: str) -> None:
        self.facts.require(at, self.facts.alone(cls), here, claim, reason)

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
                cls,
                set(),
                ~conjunction(~when for when in whens),
                "does not name a token for every case",
            )
            for place, (output, when) in enumerate(zip(one.outputs, whens, strict=True)):
                if not self._possible(cls, when):
                    raise Rejected(at, "names a token for what cannot be the case")
                for other in whens[:place]:
                    self._require(at, cls, {when}, ~other, "names two tokens for one case")
                margin = logits.margin(
                    chosen(output.token, view, self.network),
                    lambda *what, cls=cls, when=when: self._possible(cls, when, *what),
                )
                if margin is not None:
                    if margin < 1:
                        raise Rejected(at, f"another token's logit may be {-margin} above, or as high")
                    margins.append(margin)
        return min(margins, default=None)
