"""A cluster on this machine: results are those of a local pool, whichever workers are killed; what is refused."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates import cluster as module
from exactformer.certificates.cluster import ClusterError, ClusterPool, Program, cluster_pool
from exactformer.verify.apart import local_pool
from exactformer.verify.jobs import Block, Broken, Cause, Done, in_blocks, outcomes, result_of
from tests.jobs.jobs import cluster, doubled, gated, kills_its_worker, pids, wait_for_end, wait_until


@pytest.fixture(scope="module")
def three() -> Iterator[Any]:
    with cluster(3) as found:
        yield found


@pytest.fixture
def pool(three: Any) -> Iterator[ClusterPool]:
    with cluster_pool(three.scheduler_address, print) as found:
        yield found


def test_results_are_those_of_a_local_pool(pool: ClusterPool) -> None:
    blocks = list(in_blocks(doubled, range(9), 2))
    with local_pool(2) as local:
        here = {job: result_of(one) for job, one in outcomes(local, blocks)}
    assert {job: result_of(one) for job, one in outcomes(pool, blocks)} == here
    assert here == {number: 2 * number for number in range(9)}


def test_what_a_killed_worker_had_is_done_by_another(pool: ClusterPool, three: Any, tmp_path: Path) -> None:
    """It is killed while all of them are at work, and none may go on before."""
    killed = list[int]()

    def kill() -> None:
        try:
            wait_until(lambda: len({path.name.split(".")[1] for path in tmp_path.iterdir()}) == 3, "all workers begin")
            killed.append(next(pid for pid in pids(three) if list(tmp_path.glob(f"*.{pid}.*"))))
            os.kill(killed[0], signal.SIGKILL)
        finally:
            (tmp_path / "gate").write_text("")

    thread = threading.Thread(target=kill)
    thread.start()
    found = dict(outcomes(pool, in_blocks(gated, ((str(tmp_path), number) for number in range(6)), 1)))
    thread.join()
    assert {job[1]: result_of(one) for job, one in found.items()} == {number: 2 * number for number in range(6)}
    (again,) = {path.name.split(".")[0] for path in tmp_path.glob(f"*.{killed[0]}.*")}
    assert len(list(tmp_path.glob(f"{again}.*"))) == 2


def test_a_job_that_kills_its_worker_each_time_is_broken_and_takes_no_other_with_it(pool: ClusterPool) -> None:
    """Also none of its own block."""
    found = dict(outcomes(pool, in_blocks(kills_its_worker, range(6), 2)))
    assert {job: one.found for job, one in found.items() if isinstance(one, Done)} == {0: 0, 1: 2, 2: 4, 4: 8, 5: 10}
    assert isinstance(found[3], Broken)
    assert found[3].cause is Cause.WORKER
    assert str(found[3].error) == "each of the 4 workers that it was given to ended while it had it"


def test_what_nobody_wants_any_more_is_ended(pool: ClusterPool, tmp_path: Path) -> None:
    """Without a gate it would never end."""
    blocks: list[Block[Any, int]] = [Block(doubled, (1,)), Block(gated, ((str(tmp_path), 1),))]
    told = outcomes(pool, blocks)
    assert next(told)[0] == 1
    begun = wait_until(lambda: list(tmp_path.iterdir()), "the job begins")
    pool._client.close()
    wait_for_end(int(begun[0].suffix[1:]))


# ---------------------------------------------------------------------------- what is refused


def test_another_program_is_refused_before_anything_is_done(three: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Program("0.0.1", "3.0", "abc")
    monkeypatch.setattr(Program, "here", lambda: other)
    with pytest.raises(ClusterError) as refused, cluster_pool(three.scheduler_address, print):
        pass
    assert f"this is {other}" in str(refused.value)
    assert "results have to be equal, so install the same versions" in str(refused.value)


def test_a_worker_that_is_another_program_refuses_its_work(pool: ClusterPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that comes later may be."""
    monkeypatch.setattr(Program, "here", lambda: Program("0.0.1", "3.0", "abc"))
    with pytest.raises(ClusterError, match=r"and this is exactformer 0\.0\.1"):
        list(outcomes(pool, [Block(doubled, (1,))]))


def test_the_program_is_told_by_its_sources() -> None:
    assert Program.here() == Program.here()
    assert Program.here().python == sys.version.split()[0]
    assert len(Program.here().sources) == 12


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'exactformer\[cluster\]'"), cluster_pool("tcp://x:1", print):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "a:b:c", ""])
def test_an_address_that_is_none_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.5)
    with pytest.raises(ClusterError, match="no scheduler answers at"), cluster_pool(address, print):
        pass
