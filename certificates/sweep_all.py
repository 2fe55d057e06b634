"""Proves hundreds of random machines, each for all inputs (THEORIES).

Machines are drawn as in `verify.sweep`; the inputs drawn there are not used.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass

from exactformer.certificates.certify_all import UniversalRequest
from exactformer.certificates.checker.deadline import SECONDS
from exactformer.certificates.checker.document import Rejected, TooLarge, Undecided
from exactformer.certificates.shapes import Shapes
from exactformer.certificates.theory_certificate import decide, prove
from exactformer.constructions.turing.behaviours import EveryRun
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.jobs import Pool, in_blocks, outcomes, result_of
from exactformer.verify.sweep import draw_case
from exactformer.verify.verdict import Verdict
from exactformer.verify.writes import write_bound

MACHINES_AT_A_TIME = 4
"""What an interrupt may lose of a worker's work."""


_SHAPES = Shapes()
"""Of this process."""


@dataclass(frozen=True)
class UniversalSweep:
    """What to prove about each machine's softmax network, in a context and an arithmetic; and in how many seconds."""

    seed: int
    context: int
    model: ArithmeticModel
    budget_seconds: int = SECONDS


@dataclass(frozen=True)
class UniversalResult:
    """What is known about one machine.

    verdict: `PROVED`, `INCONCLUSIVE` (``reason`` says why) or `UNSUPPORTED`.  milliseconds: construction and proof.
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
    milliseconds: int


def prove_machine(wanted: UniversalSweep, index: int) -> UniversalResult:
    """Construct the index-th machine's network and prove it for all inputs."""
    machine = draw_case(wanted.seed, index).run.machine
    started = time.perf_counter_ns()
    request = UniversalRequest(machine, EveryRun(wanted.context), wanted.model)
    network, theory = request.built
    beta, verdict, reason, written = None, Verdict.PROVED, None, write_bound(machine).largest
    try:
        walked = prove(network, theory, wanted.budget_seconds, shapes=_SHAPES)
        universal = decide(network, walked.heads, wanted.model, wanted.context, None)
        beta, verdict = str(universal.beta), universal.verdict
        if not universal.proved:
            most = universal.most_writes_proved
            reason = (
                f"softmax is proved for runs that write no cell more than {most} times"
                if most
                else "the inequalities hold at no beta, even if no tokens tie"
            )
    except (Rejected, Undecided) as error:
        verdict, reason = Verdict.INCONCLUSIVE, str(error)
    except TooLarge as error:
        verdict, reason = Verdict.UNSUPPORTED, str(error)
    return UniversalResult(
        index=index,
        tapes=machine.tapes,
        states=len(machine.states),
        symbols=len(machine.alphabet),
        position_bits=network.position_bits,
        beta=beta,
        writes=None if written is None else str(written),
        verdict=verdict.value,
        reason=reason,
        milliseconds=(time.perf_counter_ns() - started) // 10**6,
    )


def sweep_all(wanted: UniversalSweep, indices: Iterable[int], pool: Pool) -> Generator[UniversalResult, None, None]:
    """The results in the order in which they come in."""
    blocks = in_blocks(_prove_one, ((wanted, index) for index in indices), MACHINES_AT_A_TIME)
    for _, outcome in outcomes(pool, blocks):
        yield result_of(outcome)


def _prove_one(job: tuple[UniversalSweep, int]) -> UniversalResult:
    return prove_machine(*job)
