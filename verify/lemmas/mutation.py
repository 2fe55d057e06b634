"""Does the book notice wrong weights?  Changes every weight, bias and output of every gadget, one at a time.

What becomes of a changed gadget, a *mutant*, is its `Fate`.  A missed mutant is a weight that could be wrong without
anyone noticing, or an encoding that does not say what the neurons do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.verify.lemmas import gadget_lemmas, summaries, transitions
from exactformer.verify.lemmas.claim import Claim
from exactformer.verify.lemmas.outcome import Budget, Checked, Disproved, Established, conclude
from exactformer.verify.verdict import Fate

Weights = tuple[tuple[int, int], ...]

LEAST_CAP_WIDTH = 4
"""The summarized construction begins at r = 4."""

FAMILIES: Mapping[str, Callable[[int], Iterator[Claim]]] = {
    "gadget.copy": gadget_lemmas.copies,
    "gadget.zero": gadget_lemmas.zeros,
    "gadget.map": gadget_lemmas.maps,
    "gadget.decrement": gadget_lemmas.decrements,
    "gadget.decrement-in-place": gadget_lemmas.decrements_in_place,
    "gadget.subtract": gadget_lemmas.subtractions,
    "gadget.move": gadget_lemmas.moves,
    "gadget.or": gadget_lemmas.disjunctions,
    "gadget.transition": transitions.small_claims,
    "scot.biteq": lambda _: summaries.biteq_claims(LEAST_CAP_WIDTH),
    "scot.length-cap": lambda _: summaries.cap_claims(LEAST_CAP_WIDTH),
}
"""The claims behind each lemma about neurons."""


@dataclass(frozen=True)
class Mutant:
    """One change, in words, and the neurons with it."""

    change: str
    neurons: tuple[Neuron, ...]


@dataclass(frozen=True)
class Tried:
    """A mutant of a claim and its fate; `because` is the counterexample, or why it is equivalent or missed."""

    claim: str
    mutant: Mutant
    fate: Fate
    because: str


@dataclass(frozen=True)
class Tally:
    """How many mutants of a lemma had which fate; ``survivors`` are those that were not caught."""

    identifier: str
    caught: int
    equivalent: int
    missed: int
    survivors: tuple[Tried, ...]

    @property
    def counts(self) -> dict[Fate, int]:
        """How many had each fate."""
        return {Fate.CAUGHT: self.caught, Fate.EQUIVALENT: self.equivalent, Fate.MISSED: self.missed}

    @property
    def mutants(self) -> int:
        return self.caught + self.equivalent + self.missed

    @classmethod
    def together(cls, tallies: Sequence[Tally]) -> Tally:
        """All of them as one."""
        caught, equivalent, missed = (
            sum(counts) for counts in zip(*((one.caught, one.equivalent, one.missed) for one in tallies), strict=True)
        )
        return cls("all", caught, equivalent, missed, tuple(tried for one in tallies for tried in one.survivors))

    @property
    def kill_rate(self) -> str:
        """How many of those that are not equivalent were caught, in percent; exact if it is 100 %."""
        different = self.caught + self.missed
        return "-" if different == 0 else f"{100 * self.caught // different} %"


def mutants(neurons: Sequence[Neuron]) -> Iterator[Mutant]:
    """Each neuron left out; each bias +-1; each input and output weight +-1, 0 and with the other sign.

    >>> [mutant.change for mutant in mutants([Neuron(((0, 1),), 0, ())])]
    ['neuron 0 left out', 'neuron 0: bias 0 -> -1', 'neuron 0: bias 0 -> 1', 'neuron 0: input 0 weight 1 -> -1', \
'neuron 0: input 0 weight 1 -> 0', 'neuron 0: input 0 weight 1 -> 2']
    """
    for number, unit in enumerate(neurons):
        before, behind = tuple(neurons[:number]), tuple(neurons[number + 1 :])
        yield Mutant(f"neuron {number} left out", before + behind)
        changes = [
            *((f"bias {unit.bias} -> {bias}", replace(unit, bias=bias)) for bias in (unit.bias - 1, unit.bias + 1)),
            *((f"input {text}", replace(unit, inputs=inputs)) for text, inputs in _changed(unit.inputs)),
            *((f"output {text}", replace(unit, outputs=outputs)) for text, outputs in _changed(unit.outputs)),
        ]
        for text, changed in changes:
            yield Mutant(f"neuron {number}: {text}", (*before, changed, *behind))


def _changed(weights: Weights) -> Iterator[tuple[str, Weights]]:
    for place, (c, weight) in enumerate(weights):
        for other in sorted({weight - 1, weight + 1, 0, -weight} - {weight}):
            yield f"{c} weight {weight} -> {other}", (*weights[:place], (c, other), *weights[place + 1 :])


def try_mutant(claim: Claim, mutant: Mutant, budget: Budget) -> Tried:
    """Decide the claim for the changed neurons; if it still holds, evaluate them on all inputs."""
    changed = claim.with_neurons(mutant.neurons)
    match conclude(changed.decide(budget)):
        case Disproved(counterexample):
            return Tried(claim.title, mutant, Fate.CAUGHT, counterexample)
        case Established():
            same = claim.exhaust(budget, mutant.neurons)
            if isinstance(same, Checked):
                return Tried(claim.title, mutant, Fate.EQUIVALENT, f"the same at all {same.cases} inputs")
            return Tried(claim.title, mutant, Fate.MISSED, f"the lemma holds, but {same}")
        case undecided:
            return Tried(claim.title, mutant, Fate.MISSED, undecided.reason)


def tally(identifier: str, width: int, budget_seconds: int) -> Tally:
    """Try all mutants of the claims behind a lemma; budget_seconds is for each mutant."""
    counts = dict.fromkeys(Fate, 0)
    survivors = []
    for claim in FAMILIES[identifier](width):
        # Identical neurons have identical mutants; each is tried once and counted as often as it occurs.
        known: dict[tuple[Neuron, ...], Tried] = {}
        for mutant in mutants(claim.neurons):
            key = tuple(sorted(mutant.neurons, key=repr))
            if key not in known:
                known[key] = try_mutant(claim, mutant, Budget(budget_seconds))
            tried = replace(known[key], mutant=mutant)
            counts[tried.fate] += 1
            if tried.fate is not Fate.CAUGHT:
                survivors.append(tried)
    return Tally(identifier, counts[Fate.CAUGHT], counts[Fate.EQUIVALENT], counts[Fate.MISSED], tuple(survivors))
