"""The rules: from the weights to what every coordinate is, at tokens of every class, layer by layer (THEORIES 6).

By induction over positions and layers. Nothing is guessed: told is what heads select and receive, and that is proved
before it is used; everything else is computed.

Words:
    coordinates  of a class: every activation as an integer by cases of the ghosts of the token
    situation    a case of a head, for a class of i
    separation   how far the scores of all tokens that are not selected stay below those that are
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

from exactformer.certificates.checker.cases import Cases, either, summed
from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.diagrams import FALSE, MOST_NODES, Diagrams, Formula, conjunction
from exactformer.certificates.checker.document import Json, Rejected, items
from exactformer.certificates.checker.theory.annotation import Case, Hold, Name
from exactformer.certificates.checker.theory.drift import OutputMargin, Recorded, Recorder
from exactformer.certificates.checker.theory.facts import Facts
from exactformer.certificates.checker.theory.ghosts import Bits, Variables, View
from exactformer.certificates.checker.theory.heads import ZERO, Found, FoundHead, Heads, in_all
from exactformer.certificates.checker.theory.mlp import Integers
from exactformer.certificates.checker.theory.mlp import behind as behind_mlp
from exactformer.certificates.checker.theory.reading import POS, Theory
from exactformer.certificates.checker.theory.vocabulary import Logits, Parts, chosen, embedding
from exactformer.certificates.checker.theory.witnesses import check_witnesses
from exactformer.certificates.checker.weights import Head, Network


@dataclass(frozen=True)
class Walked:
    """What was proved: every head, layer by layer; the least margin of a token that has to come next; how many
    questions were decided; of how many sequences the theory is true, and (class, class before) that none of them has;
    what drifts of activations depend on, if that was asked for.
    """

    heads: tuple[tuple[FoundHead, ...], ...]
    margin: int | None
    decided: int
    witnesses: int
    unseen: tuple[tuple[str, str], ...]
    recorded: Recorded | None = None


def walk(
    network: Network,
    theory: Theory,
    witnesses: Json,
    annotation: Sequence[Sequence[Sequence[Case]]],
    holds: Sequence[Sequence[Hold]],
    names: Sequence[Sequence[Name]],
    deadline: Deadline,
    *,
    drifting: bool = False,
) -> Walked:
    """Sections 6.1 to 6.5; `Rejected` where they do not show the claim. ``drifting``: with a record."""
    going = Walk(network, theory, deadline, drifting=drifting)
    try:
        return going.all_layers(witnesses, list(zip(annotation, holds, names, strict=True)))
    finally:
        if not drifting:
            going.free()


TERNARY = frozenset({-1, 0, 1})
LayerTold: TypeAlias = tuple[Sequence[Sequence[Case]], Sequence[Hold], Sequence[Name]]
"""What a certificate tells of a layer: the cases of its heads, what registers hold after it, and names."""


class Walk:
    """What is known so far: ``coordinates`` of every class, by what the facts say."""

    def __init__(
        self,
        network: Network,
        theory: Theory,
        deadline: Deadline,
        *,
        drifting: bool = False,
        levels: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        self.network, self.theory, self.deadline = network, theory, deadline
        self.variables = Variables(theory, Diagrams(), levels)
        self.facts = Facts(theory, self.variables)
        self.integers = Integers()
        self.heads = Heads(self.facts, self.integers)
        self._met: set[str] = set()
        self.coordinates = {name: self._embedding(name) for name in theory.classes}
        self.recorder = Recorder(network, self.variables.diagrams, deadline) if drifting else None
        if self.recorder is not None:
            self.recorder.stage(self.coordinates)

    def all_layers(
        self, witnesses: Json, told: Sequence[LayerTold], known: Sequence[tuple[FoundHead, ...]] = ()
    ) -> Walked:
        """The sequences, the layers after those that are ``known`` already, and the next token."""
        seen = check_witnesses(witnesses, self.facts, self.deadline)
        unseen = ((one, name) for name, cls in self.theory.classes.items() for one in sorted(cls.followers))
        heads = [*known, *(self.layer(number, *told[number]) for number in range(len(known), len(told)))]
        return Walked(
            tuple(heads),
            self.margin(),
            self.facts.decided,
            len(items("witnesses", witnesses)),
            tuple(pair for pair in unseen if pair not in seen),
            None if self.recorder is None else self.recorder.recorded,
        )

    def free(self) -> None:
        """Forget all: a table and its formulas refer to each other, and no search for what does so is long then."""
        self.variables.diagrams.clear()
        self.integers.weighed.forget()

    def _embedding(self, cls: str) -> list[Cases]:
        """6.1: every class's token is in the vocabulary; its embedding, as ghosts say, and its position."""
        at = f"theory, class {cls}"
        token = chosen(self.theory.classes[cls].token, View(self.variables, at, cls), self.network)
        return self._ternary(f"{at}: embedding", cls, embedding(token, self.variables, POS, self.network))

    def _ternary(self, at: str, cls: str, coordinates: Sequence[Cases]) -> list[Cases]:
        """Without values that facts exclude; all others have to be -1, 0 or 1."""
        found = list[Cases]()
        for coordinate, cases in enumerate(coordinates):
            if cases.keys() <= TERNARY:
                found.append(self.integers.one(cases))
                continue
            possible = {value: formula for value, formula in cases.items() if self._possible(cls, formula)}
            self.facts.decided += len(cases)
            for value in possible:
                if value not in (-1, 0, 1):
                    register, _, place = self.network.places[coordinate]
                    raise Rejected(at, f"coordinate {place} of {register} can be {value}, which is not -1, 0 or 1")
            found.append(self.integers.one(possible))
        return found

    def layer(
        self, number: int, annotation: Sequence[Sequence[Case]], holds: Sequence[Hold], names: Sequence[Name]
    ) -> tuple[FoundHead, ...]:
        """6.2 to 6.4: all heads, on what the layer before left; then all neurons; then simpler words for it."""
        layer, found = self.network.layers[number], list[dict[str, list[Found]]]()
        behind = {cls: list(coordinates) for cls, coordinates in self.coordinates.items()}
        for place, (head, cases) in enumerate(zip(layer.heads, annotation, strict=True)):
            at = f"annotation[{number}][{place}] ({head.name})"
            found.append({cls: self._head(at, head, cls, cases, behind[cls]) for cls in self.theory.classes})
            if never := [case.at for case in cases if case.at not in self._met]:
                raise Rejected(never[0], "cannot be the case of any token")
        at = f"weights.layers[{number}]"
        behind = {cls: self._ternary(f"{at}.heads", cls, coordinates) for cls, coordinates in behind.items()}
        if self.recorder is not None:
            self.recorder.recorded.heads.append(found)
            self.recorder.stage(behind)
        known = dict[tuple[int, ...], Cases]()
        for cls, coordinates in behind.items():
            added = behind_mlp(f"{at}.mlp", layer.mlp, coordinates, self.integers, known, self.deadline)
            self.coordinates[cls] = self._ternary(f"{at}.mlp", cls, added)
        self._reword(holds, names)
        if self.recorder is not None:
            self.recorder.stage(self.coordinates)
        if len(self.variables.diagrams) > MOST_NODES // 4:
            self._begin_again()
        return tuple(in_all(one for outcomes in of_head.values() for one in outcomes) for of_head in found)

    def _begin_again(self) -> None:
        """With what is known of coordinates and the facts: all other diagrams are forgotten."""
        coordinates = [cases for of_class in self.coordinates.values() for cases in of_class]
        held = (formula for cases in coordinates for formula in cases.values())
        self.variables.diagrams.retain([*self.facts.formulas(), *self.variables.made(), *held])
        self.integers.weighed.forget()
        self.integers = Integers()
        self.heads = Heads(self.facts, self.integers)
        if self.recorder is not None:
            self.recorder.forget()
        self.coordinates = {
            cls: [self.integers.one(cases) for cases in of_class] for cls, of_class in self.coordinates.items()
        }

    def _reword(self, holds: Sequence[Hold], names: Sequence[Name]) -> None:
        """6.4: what is said of registers, by what the names are going to mean, is what was computed, for every token of
        the classes. Then it takes its place, and the names mean that."""
        meanings = defaultdict[str, dict[str, Bits]](dict)
        for name in names:
            self.deadline.left(name.at)
            for cls in name.classes:
                meanings[cls][name.name] = View(self.variables, name.at, cls).meaning(name.meaning)
        for hold in holds:
            self.deadline.left(hold.at)
            places = self._places(hold)
            for cls in hold.classes:
                said = View(self.variables, hold.at, cls, None, meanings[cls]).content(hold.content, len(places))
                held = [self.coordinates[cls][place] for place in places]
                agree = self.integers.agree(held, [self.integers.one(cases) for cases in said])
                self._require(hold.at, cls, set(), agree, f"does not hold for class {cls}")
        self.facts.give(names)
        said_anew = defaultdict[str, set[int]](set)
        for hold in holds:
            places = self._places(hold)
            for cls in hold.classes:
                said = View(self.variables, hold.at, cls).content(hold.content, len(places))
                said_anew[cls].update(places)
                for place, cases in zip(places, said, strict=True):
                    self.coordinates[cls][place] = self.integers.one(cases)
        for cls, renamed in meanings.items():
            levels = sum(self.variables.levels_as_bits(name) for name in renamed)
            for place, cases in enumerate(self.coordinates[cls]):
                if place not in said_anew[cls] and self.integers.depends_on(cases) & levels:
                    register, _, index = self.network.places[place]
                    reason = f"coordinate {index} of {register}, for class {cls}, depends on what a name meant before"
                    raise Rejected(next(name.at for name in names if cls in name.classes), reason)

    def _places(self, hold: Hold) -> list[int]:
        return [at for at, (name, _, _) in enumerate(self.network.places) if name == hold.register]

    def _head(self, at: str, head: Head, cls: str, cases: Sequence[Case], behind: list[Cases]) -> list[Found]:
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
        return outcomes

    def _possible(self, cls: str, *what: Formula) -> bool:
        """Whether this can be the case of a token of a class."""
        return self.facts.possible(self.facts.alone(cls), frozenset(what))

    def _require(self, at: str, cls: str, here: Set[Formula], claim: Formula, reason: str) -> None:
        self.facts.require(at, self.facts.alone(cls), here, claim, reason)

    def margin(self) -> int | None:
        """6.5: the outputs of a class exclude each other and cover it; each is the unique best token."""
        margins, known = [], Parts()
        for cls, one in self.theory.classes.items():
            if not one.outputs:
                continue
            at = f"theory, output of {cls}"
            self.deadline.left(at)
            view, logits = View(self.variables, at, cls), Logits(self.network, self.coordinates[cls], known)
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
                    if self.recorder is not None:
                        self.recorder.recorded.outputs.append(OutputMargin(cls, output.token.family, margin))
        return min(margins, default=None)
