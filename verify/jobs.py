"""Many jobs, of which one that fails does not stop the rest: here, in processes of this machine, or on a cluster.

Words:
    job      what is to be done, a value; ``work`` does it, a function that every process finds under its name
    block    jobs that one process does one after the other, so that it may remember something from one to the next
    outcome  of a job: `Done`, with what was found; or `Broken`, which says nothing about the question
    pool     where blocks are done
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

Job = TypeVar("Job")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Limits:
    """Of each job: seconds, and mebibytes beyond those that the program itself takes.  None: as many as it wants."""

    seconds: int | None = None
    mebibytes: int | None = None


@dataclass(frozen=True)
class Block(Generic[Job, Found]):
    """Some jobs, in their order, and what does them."""

    work: Callable[[Job], Found]
    jobs: tuple[Job, ...]
    limits: Limits = Limits()


class Cause(Enum):
    """Why a job has no result."""

    TIME = "out of time"
    MEMORY = "out of memory"
    CRASHED = "crashed"
    RAISED = "raised"
    WORKER = "worker lost"


@dataclass(frozen=True)
class Done(Generic[Found]):
    """A job's result; the largest part of memory that its process has had so far, in mebibytes."""

    found: Found
    seconds: float
    peak_mebibytes: int | None = None


@dataclass(frozen=True)
class Broken:
    """A job without a result; ``error`` says why in one sentence."""

    cause: Cause
    error: Exception
    seconds: float | None = None


Outcome: TypeAlias = Done[Found] | Broken


class Ended(Exception):
    """A process ended, or was ended, before its job was done."""


class WorkerLost(Exception):
    """The workers that a block was given to were lost, one after the other."""


class PoolLost(Exception):
    """There is no pool any more: nothing that was not finished will be."""


class Pool(Protocol):
    """What does blocks; in the process of one nothing else is done meanwhile."""

    @property
    def room(self) -> int:
        """How many blocks may be handed over before one is finished."""

    def submit(self, block: Block[Any, Any]) -> Future[list[Outcome[Any]]]:
        """The outcomes to be, one for each job in order; or WorkerLost, or PoolLost."""


class InProcess:
    """A pool that does a block when it is handed over, here: without limits, and what is raised is raised at once."""

    room = 1

    def submit(self, block: Block[Job, Found]) -> Future[list[Outcome[Found]]]:
        outcomes: list[Outcome[Found]] = []
        for job in block.jobs:
            started = time.perf_counter()
            outcomes.append(Done(block.work(job), time.perf_counter() - started))
        done = Future[list[Outcome[Found]]]()
        done.set_result(outcomes)
        return done


def outcomes(
    pool: Pool, blocks: Iterable[Block[Job, Found]], later: deque[Block[Job, Found]] | None = None
) -> Generator[tuple[Job, Outcome[Found]], None, None]:
    """Each job with its outcome, block by block as they are finished; closing the iterator drops what has not begun.

    Blocks may be added to ``later`` while this goes on; they come before further ones of ``blocks``.  Jobs of a block
    whose workers were lost are tried once more, each alone: one of them may be the reason.  Raises PoolLost.
    """
    source, waiting = iter(blocks), deque[Block[Job, Found]]() if later is None else later
    running: dict[Future[list[Outcome[Found]]], Block[Job, Found]] = {}
    while True:
        while len(running) < pool.room and (block := _next(waiting, source)) is not None:
            running[pool.submit(block)] = block
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            block = running.pop(future)
            try:
                found = future.result()
            except WorkerLost as error:
                if len(block.jobs) > 1:
                    waiting.extend(Block(block.work, (job,), block.limits) for job in block.jobs)
                    continue
                found = [Broken(Cause.WORKER, error)]
            yield from zip(block.jobs, found, strict=True)


def _next(waiting: deque[Block[Job, Found]], source: Iterator[Block[Job, Found]]) -> Block[Job, Found] | None:
    return waiting.popleft() if waiting else next(source, None)


def result_of(outcome: Outcome[Found]) -> Found:
    """What was found; raises the error of a job that has no result."""
    if isinstance(outcome, Broken):
        raise outcome.error
    return outcome.found


def in_blocks(work: Callable[[Job], Found], jobs: Iterable[Job], size: int) -> Iterator[Block[Job, Found]]:
    """All jobs, this many at a time."""
    block: list[Job] = []
    for job in jobs:
        block.append(job)
        if len(block) == size:
            yield Block(work, tuple(block))
            block = []
    if block:
        yield Block(work, tuple(block))
