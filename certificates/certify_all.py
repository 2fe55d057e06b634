"""From a machine, a context length and an arithmetic to a certificate for *every* input (SPEC 11 to 17).

construct the network -> prove that it is as annotated, for all inputs -> bound the writes per cell
-> decide the rounding inequalities for all numbers of maximisers up to it
-> where that fails, look for an input that shows it, and certify on that one;
   or, if only tokens are to be claimed, bound how far activations drift
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cached_property
from importlib.metadata import version

from exactformer.certificates import names, sentences
from exactformer.certificates.certify import Bundle, Request, certify, statement_fields
from exactformer.certificates.document import (
    MachineRecord,
    NetworkRecord,
    Split,
    WeightsFile,
    canonical_bytes,
    rational,
    sha256,
)
from exactformer.certificates.files import Subject
from exactformer.certificates.linear_format import require_fit, smallest_fitting, sums_of
from exactformer.certificates.universal_document import (
    AllInputs,
    AllInputsSummarized,
    TieSoftmax,
    TokensCertificate,
    UniversalCertificate,
    UniversalStatement,
    WritesRecord,
    annotation_record,
    drift_record,
    proved_heads,
    tie_case,
)
from exactformer.certificates.weights import parameters, structure, weights_document
from exactformer.constructions.machines.machine import MachineError, TuringMachine
from exactformer.constructions.machines.run import Run
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.transformer.dimensions import dimensions_of
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.contexts import longest_segment, require_an_input
from exactformer.constructions.turing.fitting import longest_sequence
from exactformer.constructions.turing.paradigm import ContextError, Paradigm, position_bits_for
from exactformer.verify.all_inputs import Universal, assess_all
from exactformer.verify.annotation.evidence import Evidence, prover
from exactformer.verify.annotation.proof import Gap, HardmaxProof, prove_hardmax
from exactformer.verify.arithmetic.cells import activation_cells
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact
from exactformer.verify.busiest import busiest_run
from exactformer.verify.drift.bound import Breakdown
from exactformer.verify.drift.prove import TokensProof, prove_tokens
from exactformer.verify.halting import example, no_input
from exactformer.verify.verdict import Verdict
from exactformer.verify.writes import Grounds, MostWrites, most_writes, writes_per_cell


@dataclass(frozen=True)
class UniversalRequest:
    """What is asked for.  ``assumed_writes`` restricts the claim to inputs that write no cell more often.

    ``space``, for summarized chains of thought, restricts it to runs within so many cells; each of their segments then
    fits the context.  ``tokens``: where not all activations are those of the hardmax network, claim the tokens alone.
    """

    machine: TuringMachine
    model: ArithmeticModel
    context: int
    paradigm: Paradigm = Paradigm.COT
    space: int | None = None
    beta: int | None = None
    assumed_writes: int | None = None
    budget_seconds: int = 60
    tokens: bool = False

    @property
    def subject(self) -> Subject:
        """What the certificate will be about."""
        name = names.of_all_inputs(
            self.machine,
            self.paradigm,
            self.context,
            self.model,
            space=self.space,
            assumed_writes=self.assumed_writes,
            beta=self.beta,
            tokens=self.tokens,
        )
        scope: dict[str, object] = {"kind": "all inputs"}
        if self.paradigm is Paradigm.SCOT:
            scope["space"] = None if self.space is None else str(self.space)
        return Subject(name, statement_fields(self.machine, self.paradigm, scope, self.context, self.model, self.beta))


@dataclass(frozen=True)
class UniversalBundle:
    """A certificate for all inputs and its weights, as bytes ready to be written; and what it was made from.

    ``proof`` and ``universal`` say what is proved of hardmax and softmax; ``counterexample`` is the certificate on one
    input of a refuted claim; ``tokens`` what is proved of tokens alone, or what stopped that, where it was asked for.
    ``no_such_input`` says that the claim is about no input, if that is known; ``example`` is a run on one that it is
    about, if one was found.  ``fits``: as in `Bundle`.
    """

    certificate: UniversalCertificate
    weights: bytes
    proof: HardmaxProof
    universal: Universal
    counterexample: Bundle | None
    tokens: TokensProof | Breakdown | None
    no_such_input: str | None
    example: Run | None
    fits: str | None
    subject: Subject

    @cached_property
    def bytes(self) -> bytes:
        return canonical_bytes(self.certificate)

    @property
    def weights_name(self) -> str:
        return self.certificate.network.weights.file


class HardmaxNotProved(ValueError):
    """The hardmax network is not shown to be right for all inputs: nothing is certified."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(f"{gap.family.value}: {gap.reason}")
        self.gap = gap


class AssumptionError(ValueError):
    """An assumed bound that makes no sense."""


Progress = Callable[[str, int, int], None]


def certify_all(request: UniversalRequest, evidence: Evidence, progress: Progress = lambda *_: None) -> UniversalBundle:
    """Construct, prove, decide; look for a counterexample where that fails.

    Errors: MachineError, ContextError, ModelError, BetaError and AssumptionError for what cannot be certified as asked,
    HardmaxNotProved when an obligation is not proved, TooManyTokensError for machines that are too large.
    """
    started = time.perf_counter()
    machine, context = request.machine, request.context
    position_bits = require_scope(request)
    progress("construct", 0, 1)
    network = construct(request.paradigm, machine, position_bits)
    document = weights_document(network)
    sums = sums_of(document)
    require_fit(request.model, sums, parameters(network, None))
    proof = prove_hardmax(machine, network, evidence, request.budget_seconds, progress, request.paradigm)
    if isinstance(proof, Gap):
        raise HardmaxNotProved(proof)
    no_such_input = _no_such_input(request)
    most, universal = softmax_part(request, proof, network)
    bound = WritesRecord(str(most.bound), most.grounds.value)
    counterexample, tokens = None, None
    if not universal.proved and request.tokens:
        progress("drift", 0, 1)
        tokens = prove_tokens(proof, network, universal, context, request.beta)
        if isinstance(tokens, TokensProof):
            universal = assess_all(proof, network, request.model, context, most.bound, tokens.beta)
    elif not universal.proved and not isinstance(request.model, Exact) and no_such_input is None:
        progress("refute", 0, 1)
        counterexample = _counterexample(request, universal)
    scaled = parameters(network, universal.split)
    weights = canonical_bytes(document)
    provenance = {
        "exactformer": version("exactformer"),
        "python": platform.python_version(),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": f"{time.perf_counter() - started:.3f}",
        "prover": prover(),
    }
    if counterexample is not None:
        certificate = _refuted(request, counterexample, position_bits, provenance)
    else:
        require_fit(request.model, sums, scaled)
        certificate = _decided(request, network, weights, proof, universal, bound, provenance)
    if isinstance(tokens, TokensProof):
        certificate = _of_tokens(certificate, request, bound, tokens)
    if no_such_input is not None:
        claim = f"{certificate.statement.claim} {no_such_input}"
        certificate = replace(certificate, statement=replace(certificate.statement, claim=claim))
    return UniversalBundle(
        certificate,
        weights,
        proof,
        universal,
        counterexample,
        tokens,
        no_such_input,
        None if no_such_input else example_of(request),
        smallest_fitting(sums, scaled) if counterexample is None else counterexample.fits,
        request.subject,
    )


def require_scope(request: UniversalRequest) -> int:
    """The number of bits of positions, of a claim that is about something.

    Errors: MachineError, ContextError and AssumptionError.
    """
    machine, context = request.machine, request.context
    if request.assumed_writes is not None and not 1 <= request.assumed_writes < context:
        raise AssumptionError(
            f"{request.assumed_writes} writes per cell say nothing about {context} tokens; give a number from 1 to "
            f"{context - 1}"
        )
    if all(state != machine.initial for state, _ in machine.transitions):
        # EINP's has_entry = 1 (SPEC 14.6) is impossible then, and an obligation that assumes it proves nothing.
        raise MachineError(
            f"{machine.name} has no row for {machine.initial!r}, the state in which it starts: no run takes a step, so "
            "there is nothing to prove; give that state a row"
        )
    position_bits = position_bits_for(context, request.paradigm)
    require_an_input(context, position_bits)
    if request.space is not None and longest_segment(request.space, position_bits) > context:
        raise ContextError(
            f"a run in {request.space} cells has segments of up to {longest_segment(request.space, position_bits)} "
            f"tokens, which do not fit {context}"
        )
    return position_bits


def _no_such_input(request: UniversalRequest) -> str | None:
    """One sentence, if it can be seen that the claim is about no input."""
    found = no_input(request.machine, request.paradigm, request.context)
    return None if found is None else sentences.no_such_input(request.machine.name, found.least_steps, request.context)


def example_of(request: UniversalRequest) -> Run | None:
    """A run on an input that the claim is about, if one is found among short words."""
    return example(request.machine, lambda run: _is_covered(request, run))


def softmax_part(request: UniversalRequest, proof: HardmaxProof, network: Network) -> tuple[MostWrites, Universal]:
    """The bound on writes of a cell, and what the inequalities give for all numbers of ties up to it.

    An audit decides the same by the same functions, `most_writes` and `decide_heads`, given the separations.
    """
    most = most_writes(request.machine, request.paradigm, request.context, request.assumed_writes)
    return most, assess_all(proof, network, request.model, request.context, most.bound, request.beta)


def _counterexample(request: UniversalRequest, universal: Universal) -> Bundle | None:
    """A certificate that refutes the claim on one input that fits, and that satisfies what is assumed."""
    position_bits = position_bits_for(request.context)
    # A cell is addressed before each write, so m of its writers are met by a query once there is one more write; or
    # before, if the head stays.
    for writes in (universal.most_writes_proved + 1, universal.most_writes_proved + 2):
        run = busiest_run(request.machine, writes, request.context, position_bits)
        if run is None:
            return None
        # It is found for its chain of thought; a segment of the summarized one may be longer than N.
        if _is_covered(request, run):
            alone = certify(
                Request(request.machine, (run.word,), request.model, request.paradigm, request.context, request.beta)
            )
            if alone.assessment.verdict is Verdict.REFUTED:
                return alone
    return None


def _is_covered(request: UniversalRequest, run: Run) -> bool:
    """Whether a run is one of those that the claim is about."""
    if request.space is not None and run.cells > request.space:
        return False
    bits = position_bits_for(request.context, request.paradigm)
    if longest_sequence(request.paradigm, run, bits) > request.context:
        return False
    prompt = 1 if request.paradigm is Paradigm.SCOT else 0
    most = max(writes_per_cell(run).values(), default=0) + prompt
    return request.assumed_writes is None or most <= request.assumed_writes


def _statement(
    request: UniversalRequest,
    claim: str,
    bound: WritesRecord,
    position_bits: int,
    beta: str | None,
    split: Split | None,
) -> UniversalStatement:
    text = write_machine(request.machine)
    space = None if request.space is None else str(request.space)
    return UniversalStatement(
        claim=claim,
        machine=MachineRecord(request.machine.name, text, sha256(text.encode())),
        paradigm=request.paradigm.value,
        scope=AllInputs(bound) if request.paradigm is Paradigm.COT else AllInputsSummarized(space, bound),
        context=str(request.context),
        position_bits=position_bits,
        arithmetic=request.model.text,
        beta=beta,
        beta_split=split,
    )


def _decided(
    request: UniversalRequest,
    network: Network,
    weights: bytes,
    proof: HardmaxProof,
    universal: Universal,
    bound: WritesRecord,
    provenance: dict[str, str],
) -> UniversalCertificate:
    """The certificate of what is proved, or left open."""
    model, split = request.model, universal.split
    sentence = sentences.proved if universal.proved else sentences.hardmax_only
    cells = activation_cells(model)
    one_cell, zero_cell = ((rational(cell.low), rational(cell.high)) for cell in (cells.one, cells.zero))
    return UniversalCertificate(
        statement=_statement(
            request,
            sentence(*_about(request, bound, universal.beta)),
            bound,
            network.position_bits,
            str(universal.beta),
            Split(str(split.query), str(split.key)),
        ),
        network=NetworkRecord(
            WeightsFile(names.of_content(request.machine.name, weights, "weights"), sha256(weights)),
            dimensions_of(network),
            structure(network),
            parameters(network, split),
        ),
        runs=[],
        heads=proved_heads(network, proof, universal),
        softmax=TieSoftmax(universal.largest_score, one_cell, zero_cell, [tie_case(case) for case in universal.cases]),
        annotation=annotation_record(proof.annotation, proof.margin),
        verdict=universal.verdict.value,
        refutation=None,
        provenance=provenance,
    )


def _about(request: UniversalRequest, bound: WritesRecord, beta: int) -> tuple[str, str, str]:
    """Scope, arithmetic and thought, as sentences have them."""
    assumed = int(bound.bound) if bound.evidence == Grounds.ASSUMED.value else None
    summarized = request.paradigm is Paradigm.SCOT
    return (
        sentences.every_input(request.machine.name, request.context, summarized, request.space, assumed),
        sentences.arithmetic(request.model.text, beta),
        sentences.thought(summarized),
    )


def _of_tokens(
    undecided: UniversalCertificate, request: UniversalRequest, bound: WritesRecord, tokens: TokensProof
) -> TokensCertificate:
    """The certificate that claims nothing of the softmax network, with what is proved of its tokens."""
    made = {each.name: getattr(undecided, each.name) for each in fields(undecided)}
    largest = max(tokens.drift.largest.values(), default=Fraction(0))
    claim = sentences.tokens_only(*_about(request, bound, tokens.beta), largest)
    made |= {"statement": replace(undecided.statement, claim=claim), "verdict": Verdict.TOKENS_PROVED.value}
    return TokensCertificate(**made, drift=drift_record(tokens.drift))


def _refuted(
    request: UniversalRequest, alone: Bundle, position_bits: int, provenance: dict[str, str]
) -> UniversalCertificate:
    """The certificate on one input that contradicts the claim about all."""
    made = alone.certificate
    claim = sentences.not_every_input(
        sentences.every_input(request.machine.name, request.context, request.paradigm is Paradigm.SCOT, request.space),
        made.runs[0].input,
        request.model.text,
        alone.assessment.beta,
        alone.assessment.largest_exponent,
    )
    return UniversalCertificate(
        statement=_statement(
            request,
            claim,
            WritesRecord(str(request.context), Grounds.CONTEXT.value),
            position_bits,
            made.statement.beta,
            made.statement.beta_split,
        ),
        network=made.network,
        runs=made.runs,
        heads=made.heads,
        softmax=made.softmax,
        annotation=None,
        verdict=made.verdict,
        refutation=made.refutation,
        provenance=provenance,
    )
