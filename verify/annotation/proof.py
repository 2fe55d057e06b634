"""The hardmax statement for one machine and *every* input: all obligations of its network, decided (SPEC 13).

    network, annotation -> obligations, as patterns -> those without evidence, proved -> `HardmaxProof`, or a `Gap`

By induction over positions and layers: embeddings are as annotated; if what all tokens hold before a layer is as
annotated, so is what attention leaves, and then what the MLP leaves; and what is annotated at the end makes the right
token the unique best.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.transformer.network import CompiledHead, Layer, Network
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.annotation.annotation import Annotation, annotate
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.annotation.heads import head_patterns, separation_of
from exactformer.verify.annotation.lookups import wrong_fetch, wrong_frame
from exactformer.verify.annotation.meanings import HeadNotCovered, Meaning, meanings_of
from exactformer.verify.annotation.mlps import PlacedMlp, Unannotated
from exactformer.verify.annotation.patterns import Pattern, digest
from exactformer.verify.annotation.rows import Step
from exactformer.verify.annotation.steps import Delta, wrong_step
from exactformer.verify.annotation.tokens import next_cases, next_margins, token_cases, wrong_embedding
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.solver import Proved, Refuted, prove


class Family(Enum):
    """Kinds of obligations."""

    COLLECTING = "collecting them"
    EMBEDDINGS = "embeddings"
    LOOKUPS = "look-ups"
    HEADS = "heads"
    MLPS = "MLPs"
    STEPS = "transition"
    NEXT = "next tokens"


@dataclass
class Tally:
    """Of one family: obligations, the different patterns among them, those proved now; wall time."""

    obligations: int = 0
    patterns: int = 0
    proved: int = 0
    nanoseconds: int = 0


@dataclass(frozen=True)
class Gap:
    """An obligation that is not proved: the network is not as annotated there, or that is not ``known``."""

    family: Family
    reason: str
    known: bool = True


@dataclass(frozen=True)
class HeadProof:
    """What is proved of one head for all inputs."""

    layer: int
    index: int
    head: CompiledHead
    meanings: tuple[Meaning, ...]

    @property
    def separation(self) -> int:
        return separation_of(self.head)

    @property
    def many(self) -> bool:
        """Whether several tokens may be selected that share a value other than 0."""
        return any(meaning.many for meaning in self.meanings)


@dataclass(frozen=True, eq=False)
class HardmaxProof:
    """For every input that fits, the network is as annotated.  margin: of the next token over any other."""

    annotation: Annotation
    heads: tuple[HeadProof, ...]
    margin: int
    tallies: dict[Family, Tally] = field(repr=False)


@dataclass(frozen=True)
class Instance:
    """One pattern of a family: its digest, a place where it occurs, and at how many it does."""

    family: Family
    digest: str
    where: str
    times: int


@dataclass(frozen=True, eq=False)
class LayerObligations:
    """What is to be proved of a layer, apart from its patterns; ``gaps`` cannot be."""

    heads: tuple[HeadProof, ...]
    instances: tuple[Instance, ...]
    steps: tuple[tuple[str, Step], ...]
    gaps: tuple[Gap, ...]


Progress = Callable[[str, int, int], None]


def prove_hardmax(
    machine: TuringMachine,
    network: Network,
    evidence: Evidence,
    budget_seconds: int = 60,
    progress: Progress = lambda *_: None,
    paradigm: Paradigm = Paradigm.COT,
) -> HardmaxProof | Gap:
    """Decide every obligation; the first that is not proved is the answer.  ``budget_seconds`` bounds each query.

    Raises TooManyTokensError for machines whose next tokens are too many to be evaluated.
    """
    shape = Shape.of(machine, network.position_bits)
    tallies = {family: Tally() for family in Family}
    try:
        annotation = annotate(paradigm, shape, network.registers)
    except KeyError as error:
        return Gap(Family.MLPS, f"no content is known for the register {error}")
    if len(network.layers) != annotation.depth:
        return Gap(Family.MLPS, f"there are {len(network.layers)} layers, and {annotation.depth} are annotated")
    with _Clock(tallies[Family.EMBEDDINGS]):
        prepared = PreparedNetwork(network)
        for case in token_cases(machine, network, paradigm):
            tallies[Family.EMBEDDINGS].obligations += 1
            if wrong := wrong_embedding(prepared, annotation, case):
                return Gap(Family.EMBEDDINGS, wrong)
    heads: list[HeadProof] = []
    seen: set[str] = set()
    delta = Delta.of(machine)
    for number, layer in enumerate(network.layers, start=1):
        progress("prove", number - 1, len(network.layers))
        wanted = evidence.layers.get((annotation, number, layer))
        if wanted is None:
            with _Clock(tallies[Family.COLLECTING]):
                wanted, patterns = layer_obligations(annotation, number, layer)
            if wanted.gaps:
                return wanted.gaps[0]
            if gap := _discharge(wanted.instances, patterns, evidence, tallies, budget_seconds):
                return gap
            if not wanted.steps:  # else no other machine has it
                evidence.layers[annotation, number, layer] = wanted
        heads += wanted.heads
        tallies[Family.LOOKUPS].obligations += sum(len(head.meanings) for head in wanted.heads)
        for instance in wanted.instances:
            tallies[instance.family].obligations += instance.times
            tallies[instance.family].patterns += instance.digest not in seen
            seen.add(instance.digest)
        with _Clock(tallies[Family.STEPS]):
            for where, step in wanted.steps:
                tallies[Family.STEPS].obligations += 1
                if wrong := wrong_step(delta, step):
                    return Gap(Family.STEPS, f"{where}: {wrong}")
    with _Clock(tallies[Family.NEXT]):
        margins = list(next_margins(network, annotation, list(next_cases(machine, network, annotation))))
        tallies[Family.NEXT].obligations = len(margins)
        for margin in margins:
            if isinstance(margin, str):
                return Gap(Family.NEXT, margin)
    least = min(margin for margin in margins if isinstance(margin, int))
    return HardmaxProof(annotation, tuple(heads), least, tallies)


def layer_obligations(annotation: Annotation, number: int, layer: Layer) -> tuple[LayerObligations, dict[str, Pattern]]:
    """All that is to be proved of a layer, and the different patterns among it by their digests."""
    heads: list[HeadProof] = []
    gaps: list[Gap] = []
    steps: list[tuple[str, Step]] = []
    patterns: dict[str, Pattern] = {}
    instances: dict[str, tuple[Family, str, int]] = {}

    def count(pattern: Pattern, family: Family, where: str) -> None:
        name = digest(pattern)
        patterns.setdefault(name, pattern)
        _, first, times = instances.get(name, (family, where, 0))
        instances[name] = family, first, times + 1

    if wrong := wrong_frame(annotation, number, layer):
        gaps.append(Gap(Family.LOOKUPS, wrong))
    try:
        for index, head in enumerate(layer.heads):
            meanings = meanings_of(head, number, annotation)
            heads.append(HeadProof(number, index, head, meanings))
            for meaning in meanings:
                if wrong := wrong_fetch(annotation, number, head, meaning):
                    gaps.append(Gap(Family.LOOKUPS, wrong))
                for kind, pattern in head_patterns(head, meaning, number, annotation):
                    where = f"layer {number}, head {head.name}, {meaning.kind.value} asks, {kind.value} answers"
                    count(pattern, Family.HEADS, where)
    except HeadNotCovered as error:
        gaps.append(Gap(Family.HEADS, str(error)))
    placed = PlacedMlp(layer.mlp, annotation.registers)
    for kind in annotation.contents:
        for register, found in placed.obligations(annotation, kind, number):
            where = f"layer {number}, {kind.value}, {register}"
            if isinstance(found, Step):
                steps.append((where, found))
            elif isinstance(found, Unannotated):
                gaps.append(Gap(Family.MLPS, f"{where}: no neuron takes it from {found.before} to {found.after}"))
            else:
                count(found, Family.MLPS, where)
    listed = tuple(Instance(family, name, where, times) for name, (family, where, times) in instances.items())
    return LayerObligations(tuple(heads), listed, tuple(steps), tuple(gaps)), patterns


def _discharge(
    instances: Iterable[Instance],
    patterns: Mapping[str, Pattern],
    evidence: Evidence,
    tallies: dict[Family, Tally],
    budget_seconds: int,
) -> Gap | None:
    """Prove the patterns without evidence, and write down that they are."""
    proved: list[str] = []
    try:
        for instance in instances:
            if instance.digest in evidence:
                continue
            tally = tallies[instance.family]
            with _Clock(tally):
                claim = patterns[instance.digest].claim()
                match prove(claim.formula, claim.assumptions, budget_seconds):
                    case Proved():
                        tally.proved += 1
                        proved.append(instance.digest)
                    case Refuted(model):
                        shown = ", ".join(f"{name} = {int(value)}" for name, value in sorted(model.items())[:24])
                        return Gap(instance.family, f"{instance.where}: not as annotated where {shown}")
                    case unknown:
                        return Gap(instance.family, f"{instance.where}: {unknown.reason}", known=False)
    finally:
        evidence.add(proved)
    return None


class _Clock:
    """Adds the time spent inside to a tally."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    def __enter__(self) -> None:
        self._started = time.perf_counter_ns()

    def __exit__(self, *_: object) -> None:
        self.tally.nanoseconds += time.perf_counter_ns() - self._started
