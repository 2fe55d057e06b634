"""From a machine, inputs, a context length and an arithmetic to a certificate: the whole pipeline on one page.

run the machine -> token sequences -> construct the network -> replay every sequence in integers
-> prove what holds for all positions -> decide the rounding inequalities -> write down what was found
"""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version

from certificates import sentences
from certificates.document import (
    CaseRecord,
    Certificate,
    HeadRecord,
    MachineRecord,
    NetworkRecord,
    QueryRecord,
    RefutationRecord,
    RunRecord,
    Scope,
    Softmax,
    Split,
    Statement,
    WeightsFile,
    WitnessRecord,
    canonical_bytes,
    ranges,
    rational,
    sha256,
)
from certificates.weights import parameters, weights_document
from constructions.machines.machine import TuringMachine
from constructions.machines.run import Run, trace
from constructions.machines.text import write_machine
from constructions.transformer.dimensions import dimensions_of
from constructions.transformer.naming import name_coordinates
from constructions.transformer.network import Network
from constructions.transformer.program import HeadKind
from constructions.turing.construct import ContextError, construct_cot, position_bits_for
from constructions.turing.tokens import cot_length, cot_tokens
from verify.arithmetic.formats import Format, rounding_cell
from verify.arithmetic.models import ArithmeticModel, Exact
from verify.arithmetic.softmax import Holds
from verify.assessment import Assessment, Case, assess, facts_of, prove_lookups
from verify.hardmax.batch import PreparedNetwork
from verify.hardmax.observe import HeadObservation, observe
from verify.refutation import Refutation


@dataclass(frozen=True)
class Bundle:
    """A certificate and the weights that travel with it, as bytes ready to be written."""

    certificate: Certificate
    weights: bytes
    weights_name: str
    assessment: Assessment

    @property
    def bytes(self) -> bytes:
        return canonical_bytes(self.certificate)

    @property
    def file_stem(self) -> str:
        return file_stem(self.certificate.statement.machine.name)


@dataclass(frozen=True)
class Request:
    """What is asked for.

    ``context`` None means the smallest that all runs fit, ``beta`` None the smallest power of two that certifies.
    """

    machine: TuringMachine
    inputs: tuple[str, ...]
    model: ArithmeticModel
    context: int | None = None
    beta: int | None = None
    max_steps: int = 1_000_000


def file_stem(machine_name: str) -> str:
    """A machine's name as part of a file name.

    >>> file_stem("../my machine")
    'my_machine'
    """
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", machine_name).strip("._") or "machine"


Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many parts are done, and how many there are."""


def smallest_context(runs: Sequence[Run]) -> int:
    """The smallest N that is the length of the longest run at the r that N itself asks for.

    Blocks grow with r, but come more rarely: the length may fall or rise with r, so every even r is tried in turn.
    """
    position_bits = 2
    while True:
        longest = max(length_of(run, position_bits) for run in runs)
        if longest <= 1 << position_bits:
            # A context of 2**(r-2) or less would ask for a smaller r, which was too small.
            return max(longest, (1 << (position_bits - 2)) + 1)
        position_bits += 2


def length_of(run: Run, position_bits: int) -> int:
    """Tokens of a run's chain of thought."""
    return cot_length(len(run.word), run.steps, len(run.output), position_bits)


def check_context(runs: Sequence[Run], context: int) -> int:
    """r for the context; ContextError, with the length needed, when a run does not fit."""
    position_bits = position_bits_for(context)
    for run in runs:
        if (needed := length_of(run, position_bits)) > context:
            raise ContextError(
                f"the chain of thought of {run.machine.name} on {run.word!r} has {needed} tokens, "
                f"more than the context of {context}: give --context {smallest_context(runs)} or more"
            )
    return position_bits


def certify(request: Request, progress: Progress = lambda *_: None) -> Bundle:
    """Run, construct, replay, prove, decide.

    Errors: MachineError for the machine's run, ContextError, ModelError and BetaError for what cannot be certified
    as asked; TokenMismatch, HeadMismatch or NotTernaryError if the construction fails on a run.
    """
    started = time.perf_counter()
    runs = [trace(request.machine, word, request.max_steps) for word in request.inputs]
    context = request.context or smallest_context(runs)
    position_bits = check_context(runs, context)
    progress("construct", 0, 1)
    network = construct_cot(request.machine, position_bits)
    prepared = PreparedNetwork(network)
    sequences = [cot_tokens(request.machine, run, position_bits) for run in runs]
    observations = observe(prepared, sequences, lambda done, total: progress("replay", done, total))
    progress("prove", 0, 1)
    proofs = prove_lookups(prepared)
    assessment = assess(
        prepared, sequences, observations, request.model, context, request.beta,
        on_refutation=lambda: progress("refute", 0, 1),
    )  # fmt: skip
    weights = canonical_bytes(weights_document(network))
    # Named by its content: writing another certificate never takes an earlier one's weights away.
    weights_name = f"{file_stem(request.machine.name)}.{sha256(weights)[:12]}.weights.json"
    provenance = {
        "exactformer": version("exactformer"),
        "python": platform.python_version(),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": f"{time.perf_counter() - started:.3f}",
        "lookup_proofs": [
            {"solver": proof.others.statistics.solver, "query_sha256": proof.others.statistics.query_sha256}
            for proof in proofs.values()
        ],
    }
    statement = _statement(request, assessment, context, position_bits, sum(map(len, sequences)))
    certificate = Certificate(
        statement=statement,
        network=NetworkRecord(
            WeightsFile(weights_name, sha256(weights)),
            dimensions_of(network),
            parameters(network, assessment.split),
        ),
        runs=[
            RunRecord(run.word, run.output, run.steps, len(sequence), sequence.prompt, margin)
            for run, sequence, margin in zip(runs, sequences, observations.margins, strict=True)
        ],
        heads=[
            _head(network, observed, context, case)
            for observed, case in zip(observations.heads, assessment.case_of_head, strict=True)
        ],
        softmax=_softmax(assessment),
        verdict=assessment.verdict.value,
        refutation=_refutation(assessment.refutation),
        provenance=provenance,
    )
    return Bundle(certificate, weights, weights_name, assessment)


def _statement(request: Request, assessment: Assessment, context: int, position_bits: int, tokens: int) -> Statement:
    machine = request.machine
    text = write_machine(machine)
    arithmetic = request.model.text
    split = assessment.split
    about = sentences.subject(len(request.inputs), machine.name, arithmetic)
    return Statement(
        claim=_claim(assessment, about, tokens, context),
        machine=MachineRecord(machine.name, text, sha256(text.encode())),
        paradigm="cot",
        scope=Scope("runs", list(request.inputs)),
        context=str(context),
        position_bits=position_bits,
        arithmetic=arithmetic,
        beta=None if assessment.beta is None else str(assessment.beta),
        beta_split=None if split is None else Split(str(split.query), str(split.key)),
    )


def _claim(assessment: Assessment, about: str, tokens: int, context: int) -> str:
    match assessment.verdict.value, assessment.beta:
        case "certified", int(beta):
            return sentences.certified(about, beta, tokens, context)
        case "refuted", None:
            return sentences.refuted_for_all(about, assessment.largest_exponent)
        case "refuted", int(beta):
            return sentences.refuted(about, beta)
        case "inconclusive", int(beta):
            return sentences.inconclusive(about, beta)
    raise ValueError(f"no sentence for verdict {assessment.verdict.value} at beta {assessment.beta}")


def _head(network: Network, observed: HeadObservation, context: int, case: int) -> HeadRecord:
    head = observed.head
    facts = facts_of(observed, context)
    lookup = head.kind is HeadKind.LOOKUP
    witness = None if lookup else observed.witness
    query, key, value, out = (
        name_coordinates(network.registers, side) for side in (head.query, head.key, head.value, head.out)
    )
    return HeadRecord(
        layer=observed.layer,
        head=observed.index,
        name=head.name,
        kind=head.kind.value,
        query=query,
        key=key,
        value=value,
        out=out,
        separation=facts.separation,
        evidence="proved" if lookup else "observed",
        witness=None if witness is None else QueryRecord(witness.sequence, witness.token),
        ties=ranges(list(facts.ties)),
        maximisers=observed.most_maximisers,
        softmax=case,
    )


def _softmax(assessment: Assessment) -> Softmax:
    model = assessment.model
    return Softmax(
        largest_score=assessment.largest_score,
        one_cell=("1", "1") if isinstance(model, Exact) else _cell(model.activations, 1),
        zero_cell=("0", "0") if isinstance(model, Exact) else _cell(model.activations, 0),
        cases=[_case(case) for case in assessment.cases],
    )


def _cell(activations: Format, value: int) -> tuple[str, str]:
    cell = rounding_cell(activations, Fraction(value))
    return rational(cell.low), rational(cell.high)


def _case(case: Case) -> CaseRecord:
    bounds = case.decision.bounds if case.decision else None
    one = None
    if bounds and bounds.one_low is not None and bounds.one_high is not None:
        one = (rational(bounds.one_low), rational(bounds.one_high))
    return CaseRecord(
        separation=case.facts.separation,
        ties=ranges(list(case.facts.ties)),
        tau=rational(bounds.tau) if bounds else None,
        one=one,
        zero=rational(bounds.zero_bound) if bounds else None,
        least_beta=None if case.least_beta is None else str(case.least_beta),
        holds=None if case.decision is None else isinstance(case.decision, Holds),
    )


def _refutation(refutation: Refutation | None) -> RefutationRecord | None:
    if refutation is None:
        return None
    last = refutation.witnesses[-1]
    return RefutationRecord(
        betas=(refutation.first, refutation.last),
        witnesses=[
            WitnessRecord(
                exponents=(witness.first, witness.last),
                run=witness.query.sequence,
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
            last.query.token,
            last.query.sequence,
            last.maximisers,
            last.hardmax,
            last.low,
            last.high,
        ),
    )
