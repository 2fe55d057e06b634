"""Random machines by the hundred, each proved for all inputs (SPEC 11): machines of one shape share their proofs.

Machines are drawn as in `verify.sweep`; their inputs play no part.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass

from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.paradigm import Paradigm, position_bits_for
from exactformer.verify.all_inputs import assess_all
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.annotation.proof import Gap, prove_hardmax
from exactformer.verify.annotation.tokens import TooManyTokensError
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.sweep import draw_case
from exactformer.verify.verdict import Verdict
from exactformer.verify.workers import worker_pool
from exactformer.verify.writes import most_writes, write_bound


@dataclass(frozen=True)
class UniversalSweep:
    """What to prove of each machine: its softmax network in a context, in an arithmetic."""

    seed: int
    context: int
    model: ArithmeticModel
    budget_seconds: int


@dataclass(frozen=True)
class UniversalResult:
    """What is known of one machine.

    verdict: `PROVED`, `INCONCLUSIVE` (``reason`` says why) or `UNSUPPORTED`.  milliseconds: construction and
    proof; new_shape: no machine of this shape came before; proved_now: patterns that the solver was asked about.
    """

    index: int
    tapes: int
    states: int
    symbols: int
    position_bits: int
    beta: str | None
    writes: str | None
    verdict: str
    reason: str | None
    new_shape: bool
    proved_now: int
    milliseconds: int


def prove_machine(wanted: UniversalSweep, index: int, evidence: Evidence) -> UniversalResult:
    """Construct the index-th machine's network and prove it for all inputs."""
    machine = draw_case(wanted.seed, index).run.machine
    started = time.perf_counter_ns()
    network = construct(Paradigm.COT, machine, position_bits_for(wanted.context))
    shape, bound = Shape.of(machine, network.position_bits), write_bound(machine).largest
    beta, verdict, reason, proved_now = None, Verdict.PROVED, None, 0
    layers_known = len(evidence.layers)
    try:
        proof = prove_hardmax(machine, network, evidence, wanted.budget_seconds)
        if isinstance(proof, Gap):
            verdict, reason = Verdict.INCONCLUSIVE, f"{proof.family.value}: {proof.reason}"
        else:
            proved_now = sum(tally.proved for tally in proof.tallies.values())
            most = most_writes(machine, Paradigm.COT, wanted.context).bound
            universal = assess_all(proof, network, wanted.model, wanted.context, most, None)
            beta, verdict = str(universal.beta), universal.verdict
            if not universal.proved:
                most = universal.most_writes_proved
                reason = (
                    f"softmax is proved for inputs that write no cell more than {most} times"
                    if most
                    else "the inequalities hold at no beta, even where no tokens tie"
                )
    except TooManyTokensError as error:
        verdict, reason = Verdict.UNSUPPORTED, str(error)
    return UniversalResult(
        index=index,
        tapes=shape.tapes,
        states=len(machine.states),
        symbols=len(machine.alphabet),
        position_bits=network.position_bits,
        beta=beta,
        writes=None if bound is None else str(bound),
        verdict=verdict.value,
        reason=reason,
        new_shape=len(evidence.layers) > layers_known,
        proved_now=proved_now,
        milliseconds=(time.perf_counter_ns() - started) // 10**6,
    )


def sweep_all(
    wanted: UniversalSweep, indices: Iterable[int], evidence: Evidence, workers: int
) -> Generator[UniversalResult, None, None]:
    """The results in the order of the indices; each worker takes every ``workers``-th machine.

    ``evidence`` is added to with each result.
    """
    listed = list(indices)
    if workers == 1:
        for index in listed:
            yield prove_machine(wanted, index, evidence)
        return
    with worker_pool(workers, _take_evidence, (evidence.digests,)) as pool:
        for result, proved in pool.map(_prove_one, ((wanted, index) for index in listed), chunksize=4):
            evidence.add(proved)
            yield result


_evidence: list[Evidence] = []
"""A worker's own."""


def _take_evidence(digests: frozenset[str]) -> None:
    _evidence.append(Evidence(known=digests))


def _prove_one(task: tuple[UniversalSweep, int]) -> tuple[UniversalResult, frozenset[str]]:
    """The result, and the digests of the patterns that were proved for it."""
    (evidence,) = _evidence
    known = evidence.digests
    return prove_machine(*task, evidence), evidence.digests - known
