"""Tokens where activations drift (THEORIES 8): what the walk knows of a theory's tokens, for the package ``drift``.

While the walk goes through the layers, what it found is written down without formulas, which are soon forgotten. From
that drifts are followed in any arithmetic, at any beta, as often as someone asks.

Words:
    part  of all values of ghosts: those for which some formulas hold, that say which coordinates are 0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate, pairwise

from exactformer.certificates.checker.cases import Cases
from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.diagrams import Diagrams, Formula
from exactformer.certificates.checker.document import Json, Rejected, members, quote, rational, rational_text
from exactformer.certificates.checker.drift.attention import Case, HeadCases, Softmax
from exactformer.certificates.checker.drift.forms import VALUES, Forms, Held, NotShown
from exactformer.certificates.checker.drift.next_token import Vocabulary
from exactformer.certificates.checker.drift.walk import Drift, LayerFacts, follow, margin_left
from exactformer.certificates.checker.theory.heads import Found
from exactformer.certificates.checker.weights import Network, longest_query

MOST_FORMS = 2**6
"""Of one register: coordinates that would need more may be 0 in any of them."""
CODES = {frozenset(values): code for code, values in enumerate(VALUES)}


@dataclass(frozen=True)
class OutputMargin:
    """At tokens of a class, for one of its outputs: of which family the token is, and its margin."""

    cls: str
    family: str
    margin: int


@dataclass
class Recorded:
    """``stages``: what registers hold after the embedding, and after the attention and the MLP of every layer, at
    tokens of every class. ``heads``: layer by layer, for every head its cases by class."""

    stages: list[Mapping[str, Held]] = field(default_factory=list)
    heads: list[Sequence[Mapping[str, Sequence[Found]]]] = field(default_factory=list)
    outputs: list[OutputMargin] = field(default_factory=list)


class Recorder:
    """Writes down what is found."""

    def __init__(self, network: Network, diagrams: Diagrams, deadline: Deadline) -> None:
        self.diagrams, self.deadline = diagrams, deadline
        self.recorded = Recorded()
        ends = accumulate((width for _, width in network.registers), initial=0)
        self._spans = [(name, *span) for (name, _), span in zip(network.registers, pairwise(ends), strict=True)]
        self._known: dict[tuple[int, ...], tuple[Sequence[Cases], Forms]] = {}
        """By the ``id`` of integers, which are kept with it, so that no other one has this ``id``."""

    def forget(self) -> None:
        """What is known of integers, and so these themselves."""
        self._known.clear()

    def stage(self, coordinates: Mapping[str, Sequence[Cases]]) -> None:
        """What registers hold at tokens of every class; equal integers are one object."""
        self.recorded.stages.append(
            {
                cls: {name: self._forms(of_class[begin:end]) for name, begin, end in self._spans}
                for cls, of_class in coordinates.items()
            }
        )

    def _forms(self, coordinates: Sequence[Cases]) -> Forms:
        key = tuple(map(id, coordinates))
        if key not in self._known:
            self.deadline.left("drift")
            self._known[key] = coordinates, forms_of(coordinates, self.diagrams)
        return self._known[key][1]


def forms_of(coordinates: Sequence[Cases], diagrams: Diagrams) -> Forms:
    """The forms of a register, one for every part; facts are not asked, so that there may be more than there are.

    Parts are split by where coordinates are 0, as long as they are few. Where every split halved every part,
    coordinates are 0 independently of each other, and one form says that.
    """
    zeros = {cases[0]: None for cases in coordinates if 0 in cases and len(cases) > 1}
    parts, splits = [frozenset[Formula]()], 0
    for zero in zeros:
        split = [part | {side} for part in parts for side in (zero, ~zero) if diagrams.model(part | {side}) is not None]
        if len(split) > MOST_FORMS:
            break
        parts, splits = split, splits + 1
    if splits > 1 and len(parts) == 2**splits:
        parts = [frozenset()]
    different = {id(cases): cases for cases in coordinates}
    forms = set[bytes]()
    for part in parts:
        codes = {name: _code(part, cases, diagrams) for name, cases in different.items()}
        forms.add(bytes(codes[id(cases)] for cases in coordinates))
    return tuple(sorted(forms))


def _code(part: frozenset[Formula], cases: Cases, diagrams: Diagrams) -> int:
    """What an integer can be in a part."""
    return CODES[frozenset(value for value in cases if diagrams.model(part | {cases[value]}) is not None)]


def drift_of(network: Network, recorded: Recorded, softmax: Softmax, deadline: Deadline) -> Drift:
    """DRIFT, for every token that the theory names an output for; `Rejected` where they do not
    show the claim."""
    if not recorded.outputs:
        raise NotShown("the theory names no token that has to come next")
    everything = 2 * longest_query(network) + 1

    def case(found: Found) -> Case:
        separation = everything if found.separation is None else found.separation
        return Case(separation, found.shares, softmax.N if found.ties is None else min(found.ties, softmax.N))

    layers = [
        LayerFacts(
            [
                HeadCases(head, {cls: {*map(case, found)} for cls, found in cases.items()})
                for head, cases in zip(layer.heads, heads, strict=True)
            ],
            *recorded.stages[2 * number : 2 * number + 3],
        )
        for number, (layer, heads) in enumerate(zip(network.layers, recorded.heads, strict=True))
    ]
    followed = follow(network, recorded.stages[0], layers, softmax, deadline)
    vocabulary = Vocabulary(network.vocabulary, network.width)
    left = [
        margin_left(one.margin, vocabulary.lost_by(one.family, followed.drifts[one.cls])) for one in recorded.outputs
    ]
    return Drift(followed.largest, min(left))


def read_drift(value: Json, found: Drift, network: Network) -> Drift:
    """The drifts and the margin that are told, none of which is better than what was found."""
    parts = members("drift", value, "largest", "margin")
    told = parts["largest"]
    if not isinstance(told, dict):
        raise Rejected("drift.largest", f"is {quote(told)} where an object must be")
    registers = {name for name, _ in network.registers}
    if unknown := sorted(told.keys() - registers):
        raise Rejected("drift.largest", f"the network has no register {quote(unknown[0])}")
    if missing := [name for name in found.largest if name not in told]:
        raise Rejected("drift.largest", f"does not name {missing[0]}, which may drift")
    largest = {name: rational(f"drift.largest.{name}", drift) for name, drift in told.items()}
    for name, drift in largest.items():
        least = found.largest.get(name, Fraction(0))
        if drift < least:
            raise Rejected(
                f"drift.largest.{name}", f"is {rational_text(drift)}; shown is at least {rational_text(least)}"
            )
    margin = rational("drift.margin", parts["margin"])
    if not 0 < margin <= found.margin:
        reason = f"is {rational_text(margin)}; shown is that it is at least {rational_text(found.margin)}"
        raise Rejected("drift.margin", reason)
    return Drift(largest, margin)
