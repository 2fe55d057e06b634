"""What a certificate for all inputs has in the place of runs: annotation, meanings, ties (SPEC 11, 12, 16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from exactformer.certificates.document import (
    HeadRecord,
    MachineRecord,
    NetworkRecord,
    Rational,
    RefutationRecord,
    RunRecord,
    Softmax,
    Split,
    rational,
)
from exactformer.constructions.transformer.naming import name_coordinates
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.all_inputs import TieCase, Universal
from exactformer.verify.annotation.annotation import Annotation, changes
from exactformer.verify.annotation.meanings import Meaning
from exactformer.verify.annotation.proof import HardmaxProof, HeadProof
from exactformer.verify.drift.bound import Drift
from exactformer.verify.verdict import Basis

Contents = dict[str, str]
"""Register -> content, as text."""


@dataclass(frozen=True)
class WritesRecord:
    bound: str
    evidence: str


@dataclass(frozen=True)
class AllInputs:
    writes_per_cell: WritesRecord
    kind: str = "all inputs"


@dataclass(frozen=True)
class AllInputsSummarized:
    space: str | None
    writes_per_cell: WritesRecord
    kind: str = "all inputs"


@dataclass(frozen=True)
class UniversalStatement:
    claim: str
    machine: MachineRecord
    paradigm: str
    scope: AllInputs | AllInputsSummarized
    context: str
    position_bits: int
    arithmetic: str
    beta: str | None
    beta_split: Split | None


@dataclass(frozen=True)
class SublayerRecord:
    attention: Contents
    mlp: Contents


@dataclass(frozen=True)
class ClassRecord:
    embedding: Contents
    layers: list[SublayerRecord]


@dataclass(frozen=True)
class AnnotationRecord:
    contents: dict[str, ClassRecord]
    margin: int


@dataclass(frozen=True)
class MeaningRecord:
    classes: list[str]
    when: list[str]
    selected: str
    score: int
    member: str
    value: str


TieRange = tuple[str, str]


@dataclass(frozen=True)
class ProvedHeadRecord:
    layer: int
    head: int
    name: str
    kind: str
    query: str
    key: str
    value: str
    out: str
    separation: int
    ties: list[TieRange]
    meaning: list[MeaningRecord]
    softmax: int
    evidence: str = Basis.PROVED.value


@dataclass(frozen=True)
class TieCaseRecord:
    separation: int
    ties: list[TieRange]
    tau: Rational | None
    one: tuple[Rational, Rational] | None
    zero: Rational | None
    least_beta: str | None
    up_to: str
    holds: bool


@dataclass(frozen=True)
class TieSoftmax:
    largest_score: int
    one_cell: tuple[Rational, Rational]
    zero_cell: tuple[Rational, Rational]
    cases: list[TieCaseRecord]


@dataclass(frozen=True)
class UniversalCertificate:
    """SPEC 11.  A refuted one has runs, their heads and softmax, and no annotation."""

    statement: UniversalStatement
    network: NetworkRecord
    runs: list[RunRecord]
    heads: list[ProvedHeadRecord] | list[HeadRecord]
    softmax: TieSoftmax | Softmax
    annotation: AnnotationRecord | None
    verdict: str
    refutation: RefutationRecord | None
    provenance: dict[str, Any]
    format: str = field(default="exactformer certificate")
    version: int = 1


@dataclass(frozen=True)
class DriftRecord:
    """How far activations may be from those of the hardmax network, by register; what that leaves of the margin."""

    largest: dict[str, Rational]
    margin: Rational


@dataclass(frozen=True, kw_only=True)
class TokensCertificate(UniversalCertificate):
    """SPEC 20: tokens are proved, activations may drift."""

    drift: DriftRecord


def drift_record(drift: Drift) -> DriftRecord:
    """What is proved of drifts, as text."""
    return DriftRecord({name: rational(d) for name, d in drift.largest.items()}, rational(drift.margin))


def annotation_record(annotation: Annotation, margin: int) -> AnnotationRecord:
    """Behind the embedding what registers hold, then what each sublayer changes."""
    contents = {}
    for kind, held in annotation.contents.items():
        changed = [changes(before, after) for before, after in zip(({}, *held), held, strict=False)]
        layers = [SublayerRecord(*pair) for pair in zip(changed[1::2], changed[2::2], strict=True)]
        contents[kind.name] = ClassRecord(changed[0], layers)
    return AnnotationRecord(contents, margin)


def proved_heads(network: Network, proof: HardmaxProof, universal: Universal) -> list[ProvedHeadRecord]:
    """Every head with what it means, in order of layers."""
    return [
        _proved_head(network, proof.annotation.paradigm, head, case, universal.cases[case])
        for head, case in zip(proof.heads, universal.case_of_head, strict=True)
    ]


def _proved_head(
    network: Network, paradigm: Paradigm, proof: HeadProof, case: int, decided: TieCase
) -> ProvedHeadRecord:
    head = proof.head
    query, key, value, out = (
        name_coordinates(network.registers, side) for side in (head.query, head.key, head.value, head.out)
    )
    return ProvedHeadRecord(
        layer=proof.layer,
        head=proof.index,
        name=head.name,
        kind=head.kind.value,
        query=query,
        key=key,
        value=value,
        out=out,
        separation=proof.separation,
        ties=_ties(decided),
        meaning=_meanings(proof.meanings, paradigm),
        softmax=case,
    )


def _meanings(meanings: Sequence[Meaning], paradigm: Paradigm) -> list[MeaningRecord]:
    """Meanings that differ in the class alone are one entry."""
    classes: dict[tuple[tuple[str, ...], str, int, str, str], list[str]] = {}
    for one in meanings:
        said = tuple(map(str, one.when)), str(one.selected), one.score, one.member(paradigm), str(one.value)
        classes.setdefault(said, []).append(one.kind.name)
    return [
        MeaningRecord(kinds, list(when), selected, score, member, value)
        for (when, selected, score, member, value), kinds in classes.items()
    ]


def _ties(case: TieCase) -> list[TieRange]:
    return [("1", str(case.facts.most))]


def tie_case(case: TieCase) -> TieCaseRecord:
    """A case at the certificate's beta."""
    decision = case.decision
    one, zero = decision.one, decision.zero
    return TieCaseRecord(
        separation=case.facts.separation,
        ties=_ties(case),
        tau=None if decision.tau is None else rational(decision.tau),
        one=None if one is None else (rational(one[0]), rational(one[1])),
        zero=None if zero is None else rational(zero),
        least_beta=None if case.least_beta is None else str(case.least_beta),
        up_to=str(case.up_to),
        holds=case.holds,
    )
