"""From a machine, inputs, a context length and an arithmetic to a certificate: the whole pipeline on one page.

run the machine -> token sequences -> construct the network -> replay every sequence in integers
-> prove what holds for all positions -> decide the rounding inequalities -> write down what was found
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from exactformer.certificates import names, sentences
from exactformer.certificates.bundle import provenance
from exactformer.certificates.document import (
    Certificate,
    HeadRecord,
    MachineRecord,
    NetworkRecord,
    QueryRecord,
    RefutationRecord,
    RunRecord,
    Scope,
    SegmentRecord,
    Split,
    Statement,
    WeightsFile,
    WitnessRecord,
    canonical_bytes,
    ranges,
    rational,
    sha256,
)
from exactformer.certificates.files import Subject
from exactformer.certificates.linear_format import require_fit, smallest_fitting, sums_of
from exactformer.certificates.weights import Parameters, parameters, weights_document
from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.transformer.dimensions import Dimensions, dimensions_of
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.behaviours import Inputs
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.fitting import check_context, smallest_context
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import TokenSequence, sequences_of
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.arithmetic.softmax import Holds
from exactformer.verify.assessment import Assessment, Case, assess, facts_of, prove_lookups
from exactformer.verify.hardmax.observe import HeadObservation, observe
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.refutation import Refutation
from exactformer.verify.verdict import Basis, Verdict


@dataclass(frozen=True)
class Bundle:
    """A certificate and the weights that travel with it, as bytes ready to be written.

    fits: the shortest named format that holds the network outside attention, if there is one (ARITHMETIC 8).
    """

    certificate: Certificate
    weights: bytes
    assessment: Assessment
    dimensions: Dimensions
    parameters: Sequence[Parameters]
    fits: str | None
    subject: Subject

    @cached_property
    def bytes(self) -> bytes:
        return canonical_bytes(self.certificate)

    @property
    def weights_name(self) -> str:
        return self.certificate.network.weights.file

    @property
    def verdict(self) -> Verdict:
        return self.assessment.verdict

    @property
    def claim(self) -> str:
        return self.certificate.statement.claim


Progress = Callable[[str, int, int], None]
"""A function that is called with what is being done, how many parts are done, and how many there are."""


@dataclass(frozen=True)
class Request:
    """What is asked for; ``beta`` None means the smallest power of two that certifies."""

    machine: TuringMachine
    behaviour: Inputs
    model: ArithmeticModel
    beta: int | None = None

    @property
    def paradigm(self) -> Paradigm:
        return self.behaviour.paradigm

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The runs on the inputs.  Raises MachineError."""
        return tuple(trace(self.machine, word, self.behaviour.max_steps) for word in self.behaviour.words)

    @cached_property
    def length(self) -> int:
        """The context length asked for, or the smallest that fits.  Raises MachineError or ContextError."""
        return self.behaviour.context or smallest_context(self.paradigm, self.runs)

    def certified(self, progress: Progress) -> Bundle:
        """Raises what `certify` raises."""
        return certify(self, progress)

    @property
    def subject(self) -> Subject:
        """What the certificate will be about.  Raises MachineError or ContextError."""
        words = self.behaviour.words
        name = names.of_runs(self.machine, words, self.paradigm, self.length, self.model, self.beta)
        scope: dict[str, object] = {"kind": "runs", "inputs": list(words)}
        return Subject(name, statement_fields(self.machine, self.paradigm, scope, self.length, self.model, self.beta))


def statement_fields(
    machine: TuringMachine,
    paradigm: Paradigm,
    scope: dict[str, object],
    context: int,
    model: ArithmeticModel,
    beta: int | None,
) -> dict[str, object]:
    """The parts of a certificate about a machine that do not depend on what is found."""
    return {
        "format": Certificate.format,
        "version": Certificate.version,
        "statement": {
            "machine": {"text": write_machine(machine)},
            "paradigm": paradigm.value,
            "scope": scope,
            "context": str(context),
            "arithmetic": model.text,
            **({} if beta is None else {"beta": str(beta)}),
        },
    }


def certify(request: Request, progress: Progress = lambda *_: None) -> Bundle:
    """Run, construct, replay, prove, decide.

    Errors: MachineError for the machine's run; ContextError, ModelError and BetaError if the request cannot be met;
    TokenMismatch, HeadMismatch or NotTernaryError if the construction fails on a run.
    """
    started = time.perf_counter()
    runs, context = request.runs, request.length
    position_bits = check_context(request.paradigm, runs, context)
    progress("construct", 0, 1)
    network = construct(request.paradigm, request.machine, position_bits)
    document = weights_document(network)
    sums = sums_of(document)
    require_fit(request.model, sums, parameters(network, None))
    prepared = PreparedNetwork(network)
    segments = [sequences_of(request.paradigm, run, position_bits) for run in runs]
    sequences = [sequence for of_run in segments for sequence in of_run]
    observations = observe(prepared, sequences, lambda done, total: progress("replay", done, total))
    progress("prove", 0, 1)
    proofs = prove_lookups(prepared)
    places = [(run, segment) for run, of_run in enumerate(segments) for segment in range(len(of_run))]
    assessment = assess(
        prepared, sequences, observations, request.model, context, request.beta,
        on_refutation=lambda: progress("refute", 0, 1),
    )  # fmt: skip
    scaled = parameters(network, assessment.split)
    require_fit(request.model, sums, scaled)
    weights = canonical_bytes(document)
    made_by = {
        **provenance(time.perf_counter() - started),
        "lookup_proofs": [
            {"solver": proof.others.statistics.solver, "query_sha256": proof.others.statistics.query_sha256}
            for proof in proofs.values()
        ],
    }
    statement = _statement(request, assessment, context, position_bits, sum(map(len, sequences)))
    certificate = Certificate(
        statement=statement,
        network=NetworkRecord(WeightsFile(names.of_content(request.machine.name, weights, "weights"), sha256(weights))),
        runs=_runs(runs, segments, observations.margins),
        heads=[
            _head(observed, context, assessment.cases[case], places)
            for observed, case in zip(observations.heads, assessment.case_of_head, strict=True)
        ],
        verdict=assessment.verdict.value,
        refutation=_refutation(request.paradigm, assessment.refutation, places),
        provenance=made_by,
    )
    fits, size = smallest_fitting(sums, scaled), dimensions_of(network)
    return Bundle(certificate, weights, assessment, size, scaled, fits, request.subject)


def _statement(request: Request, assessment: Assessment, context: int, position_bits: int, tokens: int) -> Statement:
    machine = request.machine
    text = write_machine(machine)
    arithmetic = request.model.text
    split = assessment.split
    about = sentences.subject(len(request.behaviour.words), machine.name, context, arithmetic)
    return Statement(
        claim=_claim(request.paradigm, assessment, about, tokens),
        machine=MachineRecord(machine.name, text, sha256(text.encode())),
        paradigm=request.paradigm.value,
        scope=Scope("runs", list(request.behaviour.words)),
        context=str(context),
        position_bits=position_bits,
        arithmetic=arithmetic,
        beta=None if assessment.beta is None else str(assessment.beta),
        beta_split=None if split is None else Split(str(split.query), str(split.key)),
    )


def _runs(
    runs: Sequence[Run], segments: Sequence[tuple[TokenSequence, ...]], margins: Sequence[int]
) -> list[RunRecord]:
    margin = iter(margins)
    return [
        RunRecord(
            run.word,
            run.output,
            run.steps,
            run.cells,
            [SegmentRecord(len(segment), segment.prompt, segment.read, next(margin)) for segment in of_run],
        )
        for run, of_run in zip(runs, segments, strict=True)
    ]


def _claim(paradigm: Paradigm, assessment: Assessment, about: str, tokens: int) -> str:
    match assessment.verdict, assessment.beta:
        case Verdict.CERTIFIED, int(beta):
            thought = sentences.thought(paradigm is Paradigm.SCOT)
            return sentences.certified(about, beta, thought, tokens)
        case Verdict.REFUTED, None:
            return sentences.refuted_for_all(about, assessment.largest_exponent)
        case Verdict.REFUTED, int(beta):
            return sentences.refuted(about, beta)
        case Verdict.INCONCLUSIVE, int(beta):
            return sentences.inconclusive(about, beta)
    raise ValueError(f"no sentence for verdict {assessment.verdict.value} at beta {assessment.beta}")


Places = Sequence[tuple[int, int]]
"""For each evaluated sequence, in order: the index of its run, and of its segment in that run."""


def _head(observed: HeadObservation, context: int, case: Case, places: Places) -> HeadRecord:
    head = observed.head
    facts = facts_of(observed, context)
    lookup = head.kind is HeadKind.LOOKUP
    witness = None if lookup else observed.witness
    return HeadRecord(
        layer=observed.layer,
        head=observed.index,
        name=head.name,
        kind=head.kind.value,
        separation=facts.separation,
        evidence=(Basis.PROVED if lookup else Basis.OBSERVED).value,
        witness=None if witness is None else QueryRecord(*places[witness.sequence], witness.token),
        ties=ranges(list(facts.ties)),
        maximisers=observed.most_maximisers,
        holds=None if case.decision is None else isinstance(case.decision, Holds),
    )


def _refutation(paradigm: Paradigm, refutation: Refutation | None, places: Places) -> RefutationRecord | None:
    if refutation is None:
        return None
    last = refutation.witnesses[-1]
    run, segment = places[last.query.sequence]
    return RefutationRecord(
        betas=(refutation.first, refutation.last),
        witnesses=[
            WitnessRecord(
                exponents=(witness.first, witness.last),
                run=places[witness.query.sequence][0],
                segment=places[witness.query.sequence][1],
                token=witness.query.token,
                layer=witness.layer,
                head=witness.index,
                row=witness.row,
                maximisers=witness.maximisers,
                visible=witness.query.token + 1,
                hardmax=witness.hardmax,
                output=(rational(witness.low), rational(witness.high)),
            )
            for witness in refutation.witnesses
        ],
        reason=sentences.reason(
            last.layer,
            last.head.name,
            sentences.place(last.query.token, segment, run, paradigm is Paradigm.SCOT),
            last.maximisers,
            last.hardmax,
            last.low,
            last.high,
        ),
    )
