"""Jobs in processes of their own: limits hold, and however one ends, the others are done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import pytest

from exactformer.verify.apart import Apart, LocalPool, local_pool
from exactformer.verify.jobs import (
    Block,
    Broken,
    Cause,
    Done,
    InProcess,
    Limits,
    Outcome,
    PoolLost,
    WorkerLost,
    in_blocks,
    outcomes,
    result_of,
)
from tests.jobs.jobs import Unsendable, doubled, gated, process, wait_for_end, wait_until, what

ROOT = Path(__file__).parents[2]
WRONG = {
    "sleeps": (Cause.TIME, "not done after 2 s"),
    "is killed": (Cause.CRASHED, "its process was ended by SIGKILL, as happens where memory runs out"),
    "exits": (Cause.CRASHED, "its process ended with code 0, by a library that it uses"),
    "fills memory": (Cause.MEMORY, "more than 300 MiB"),
    "raises": (Cause.RAISED, "'a key'"),
    "raises what cannot be sent": (Cause.RAISED, "Unsendable: an error with a function in it"),
    "cannot be sent": (Cause.RAISED, "Can't pickle"),
}


@pytest.fixture
def apart() -> Iterator[Apart]:
    found = Apart()
    yield found
    found.close()


def test_what_goes_wrong_has_its_cause_and_the_other_jobs_are_done(apart: Apart) -> None:
    jobs = tuple(job for kind in WRONG for job in (kind, f"after one that {kind}"))
    found = dict(zip(jobs, apart.outcomes(Block(what, jobs, Limits(2, 300))), strict=True))
    for kind, (cause, sentence) in WRONG.items():
        broken, after = found[kind], found[f"after one that {kind}"]
        assert isinstance(broken, Broken)
        assert broken.cause is cause
        assert sentence in f"{type(broken.error).__name__} {broken.error}"
        assert isinstance(after, Done)
        assert after.found == f"after one that {kind}"


def test_without_limits_there_are_none(apart: Apart) -> None:
    (found,) = apart.outcomes(Block(what, ("fills memory",)))
    assert result_of(found) == 1 << 30
    assert isinstance(found, Done)
    assert found.peak_mebibytes is not None
    assert found.peak_mebibytes > 1000


def test_jobs_of_a_block_share_a_process_and_no_block_shares_one(apart: Apart) -> None:
    found = [[result_of(one) for one in apart.outcomes(Block(process, (1, 2, 3)))] for _ in range(2)]
    assert [len(set(block)) for block in found] == [1, 1]
    assert not set(found[0]) & {*found[1], os.getpid()}


def test_an_error_is_raised_again_with_where_it_was() -> None:
    with local_pool(2) as pool, pytest.raises(KeyError) as raised:
        list(map(result_of, (found for _, found in outcomes(pool, [Block(what, ("raises",))]))))
    assert 'raise KeyError("a key")' in "".join(raised.value.__notes__)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_all_jobs_are_done_by_however_many_workers(workers: int) -> None:
    with local_pool(workers) as pool:
        assert isinstance(pool, InProcess) == (workers == 1)
        found = {job: result_of(one) for job, one in outcomes(pool, in_blocks(doubled, range(11), 2))}
    assert found == {number: 2 * number for number in range(11)}


def test_a_single_worker_is_another_process_where_there_are_limits() -> None:
    with local_pool(1, limited=True) as pool:
        assert isinstance(pool, LocalPool)


def test_blocks_may_be_added_while_others_are_done() -> None:
    later, found = deque[Block[int, int]](), []
    for job, _ in outcomes(InProcess(), [Block(doubled, (1,)), Block(doubled, (2,))], later):
        found.append(job)
        if job < 10:
            later.append(Block(doubled, (10 * job,)))
    assert found == [1, 10, 2, 20]


class Losing:
    """A pool that loses its workers whenever a block has the job 3 in it."""

    room = 2

    def submit(self, block: Block[int, int]) -> Future[list[Outcome[int]]]:
        if 3 not in block.jobs:
            return InProcess().submit(block)
        lost = Future[list[Outcome[int]]]()
        lost.set_exception(WorkerLost("each of the workers ended"))
        return lost


def test_of_a_block_that_is_lost_only_the_job_that_is_lost_alone_is_broken() -> None:
    found = dict(outcomes(Losing(), in_blocks(doubled, range(6), 6)))
    assert {job for job, one in found.items() if isinstance(one, Done)} == {0, 1, 2, 4, 5}
    assert isinstance(found[3], Broken)
    assert found[3].cause is Cause.WORKER


def test_a_pool_that_is_closed_ends_what_is_being_done(tmp_path: Path) -> None:
    """Without a gate the job never ends by itself."""
    pool = LocalPool(2)
    running = pool.submit(Block(gated, ((str(tmp_path), 1),)))
    waiting = [pool.submit(Block(gated, ((str(tmp_path), number),))) for number in (2, 3)]
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2, "both jobs begin")
    begun = list(tmp_path.iterdir())
    pool.close()
    for future in (running, *waiting):
        with pytest.raises((PoolLost, CancelledError)):
            future.result()
    for path in begun:
        wait_for_end(int(path.suffix[1:]))


ALONE = """
import sys, time
from exactformer.verify.apart import LocalPool
from exactformer.verify.jobs import Block
from tests.jobs.jobs import gated
LocalPool(1).submit(Block(gated, ((sys.argv[1], 1),)))
time.sleep(3600)
"""


def test_processes_go_with_whoever_started_them(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", ALONE, str(tmp_path)], cwd=ROOT)
    begun = wait_until(lambda: list(tmp_path.iterdir()), "the job begins")
    parent.kill()
    parent.wait(timeout=60)
    wait_for_end(int(begun[0].suffix[1:]))


def test_an_unsendable_error_is_what_it_says() -> None:
    with pytest.raises(Unsendable):
        what("raises what cannot be sent")


def test_nothing_is_lost_where_there_is_nothing_to_do() -> None:
    found: list[Any] = list(outcomes(InProcess(), []))
    assert found == []
