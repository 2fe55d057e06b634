"""Proves hundreds of random machines, each for all inputs (THEORIES).

Machines are drawn as in `verify.sweep`; the inputs drawn there are not used.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from exactformer.certificates.certify_all import UniversalRequest
from exactformer.certificates.checker.deadline import SECONDS
from exactformer.certificates.checker.document import Rejected, TooLarge, Undecided
from exactformer.certificates.shapes import Shapes
from exactformer.certificates.theory_certificate import decide, prove
from exactformer.constructions.turing.behaviours import EveryRun
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.jobs import Block, Pool, in_blocks, outcomes, result_of
from exactformer.verify.sweep import draw_case
from exactformer.verify.verdict import Verdict
from exactformer.verify.writes import write_bound

DRAWN_AT_A_TIME, MACHINES_AT_A_TIME = 2**9, 2**3
"""Among how many machines those of one shape are looked for; and how many of them one process proves: what an interrupt
may lose of its work."""


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


def prove_machine(wanted: UniversalSweep, index: int, shapes: Shapes | None = None) -> UniversalResult:
    """Construct the index-th machine's network and prove it for all inputs; ``shapes``: what is known of others."""
    machine = draw_case(wanted.seed, index).run.machine
    started = time.perf_counter_ns()
    request = UniversalRequest(machine, EveryRun(wanted.context), wanted.model)
    network, theory = request.built
    beta, verdict, reason, written = None, Verdict.PROVED, None, write_bound(machine).largest
    try:
        walked = prove(network, theory, wanted.budget_seconds, shapes=shapes)
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
    for _, outcome in outcomes(pool, _by_shape(wanted, indices)):
        yield result_of(outcome)


@dataclass(frozen=True)
class _Job:
    """One machine; ``shared``: another one of its shape was found."""

    wanted: UniversalSweep
    index: int
    shared: bool


_SHAPES = Shapes()
"""Of this process, which gets machines of one shape one after the other."""


def _by_shape(wanted: UniversalSweep, indices: Iterable[int]) -> Iterator[Block[_Job, UniversalResult]]:
    """Machines of one shape one after the other, as they have most of their proofs in common."""
    source = iter(indices)
    while drawn := list(islice(source, DRAWN_AT_A_TIME)):
        of_shape = defaultdict[object, list[int]](list)
        for index in drawn:
            one = draw_case(wanted.seed, index).run.machine
            of_shape[one.tapes, one.states, one.halting, one.alphabet, one.input_alphabet].append(index)
        for alike in of_shape.values():
            jobs = (_Job(wanted, index, len(alike) > 1) for index in alike)
            yield from in_blocks(_prove_one, jobs, MACHINES_AT_A_TIME)


def _prove_one(job: _Job) -> UniversalResult:
    return prove_machine(job.wanted, job.index, _SHAPES if job.shared else None)
