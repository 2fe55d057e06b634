"""``batch --scheduler`` and ``sweep --scheduler``: results are those of this machine, whichever worker is killed.

A scheduler that is gone, and signals, leave what was finished; the same command goes on from there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.files import what_differs
from exactformer.certificates.supervisor import AFTERWARDS, Left
from tests.command_line.interrupts import PROGRAM, Case, Ended, nobody_left, start, wrong
from tests.command_line.invoking import files_in, invoke
from tests.jobs.jobs import cluster, pids, wait_until

BATCH = ("batch", "increment", "reverse", "nonsense", "--contexts", "5,6", "--json")
CHANGES = ("seconds", "check_seconds", "peak_mebibytes", "certificate_sha256")
"""What differs from one run to the next: a certificate's provenance has the date and seconds."""


@pytest.fixture(scope="module")
def three() -> Iterator[Any]:
    with cluster(3) as found:
        yield found


def lines_in(path: Path) -> int:
    """The number of results, which follow the first line."""
    return max(0, path.read_bytes().count(b"\n") - 1) if path.exists() else 0


def rows(out: str) -> list[dict[str, Any]]:
    return [{key: cell for key, cell in row.items() if key not in CHANGES} for row in json.loads(out)["rows"]]


def test_a_batch_is_the_same_here_and_on_a_cluster_whose_worker_is_killed(three: Any, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    local = invoke(*BATCH, "--out", here, "--workers", "2")
    killed = list[int]()

    def kill() -> None:
        done = wait_until(lambda: lines_in(there / "batch.jsonl"), "a row is finished")
        os.kill(pids(three)[0], signal.SIGKILL)
        killed.append(done)

    thread = threading.Thread(target=kill)
    thread.start()
    remote = invoke(*BATCH, "--out", there, "--scheduler", three.scheduler_address)
    thread.join()
    assert 1 <= killed[0] < 4
    assert (remote.code, remote.err) == (local.code, "") == (4, "")
    assert rows(remote.out) == rows(local.out)
    assert files_in(there) == files_in(here)
    for name in files_in(here):
        ours, theirs = (here / name).read_bytes(), (there / name).read_bytes()
        if name.endswith(".certificate.json"):
            assert what_differs(ours, theirs) is None
        elif name != "batch.jsonl":
            assert ours == theirs


@pytest.mark.parametrize("options", [("--machines", "12"), ("--machines", "2", "--all-inputs", "--context", "5")])
def test_a_sweep_is_the_same_here_and_on_a_cluster(options: tuple[str, ...], three: Any, tmp_path: Path) -> None:
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    local = invoke("sweep", *options, "--out", here, "--workers", "1")
    remote = invoke("sweep", *options, "--out", there, "--scheduler", three.scheduler_address)
    assert (remote.code, remote.err) == (local.code, "") == (0, "")
    first, second = (
        [json.loads(line) | {"milliseconds": 0} for line in path.read_text().splitlines()] for path in (here, there)
    )
    assert first == second


def test_no_scheduler_is_one_sentence_and_nothing_is_written(tmp_path: Path) -> None:
    for command in (BATCH, ("sweep", "--machines", "1")):
        outcome = invoke(*command, "--scheduler", "nonsense", "--out", tmp_path / "out")
        assert (outcome.code, outcome.out) == (2, "")
        assert "no scheduler answers at nonsense" in outcome.err
        assert outcome.err.count("\n") == 1
    assert files_in(tmp_path) == []


# ---------------------------------------------------------------------------- what is left


@contextmanager
def scheduler_and_worker(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler of its own, which may be killed, with one worker."""
    file = folder / "scheduler.json"
    options = ("--no-dashboard", "--scheduler-file", str(file))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *options],
        **quiet,  # type: ignore[call-overload]
    )
    wait_until(file.exists, "the scheduler has begun")
    worker = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", *options],
        **quiet,  # type: ignore[call-overload]
    )
    try:
        yield json.loads(file.read_text())["address"], scheduler
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait(timeout=60)


def test_what_was_finished_is_kept_where_the_scheduler_is_gone(tmp_path: Path) -> None:
    """The second machine is never done; what is done then, is done here."""
    out = tmp_path / "out"
    command = ("batch", "increment", "--contexts", "5,2^60", "--out", "out", "--json")
    with scheduler_and_worker(tmp_path) as (address, scheduler):
        process = start((*PROGRAM, *command, "--scheduler", address), tmp_path)
        wait_until(lambda: process.poll() is not None or lines_in(out / "batch.jsonl"), "a row is finished")
        scheduler.kill()
        printed, said = process.communicate(timeout=120)
    assert (process.returncode, printed) == (5, "")
    gone = f"Error: the scheduler at {address} is gone; {AFTERWARDS[Left.FINISHED_PARTS]}\n"
    assert said in (gone, f"The cluster at {address} has no worker yet: waiting for one.\n{gone}")
    kept = (out / "batch.jsonl").read_bytes()
    outcome = invoke("batch", "increment", "--contexts", "5", "--out", out, "--json", "--workers", "1")
    assert (outcome.code, [row["verdict"] for row in rows(outcome.out)]) == (0, ["proved"])
    assert (out / "batch.jsonl").read_bytes() == kept  # nothing was done again


@pytest.mark.parametrize(("there", "number"), [(False, signal.SIGTERM), (True, signal.SIGINT)])
def test_a_signal_keeps_what_is_finished(there: bool, number: signal.Signals, three: Any, tmp_path: Path) -> None:
    """Of two contexts one is done in a moment, the other never."""
    where = ("--scheduler", three.scheduler_address) if there else ("--workers", "2")
    process = start((*PROGRAM, "batch", "increment", "--contexts", "5,2^60", "--out", "out", *where), tmp_path)
    results = tmp_path / "out" / "batch.jsonl"
    wait_until(lambda: process.poll() is not None or lines_in(results), "a row is finished")
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=120)
    assert nobody_left(process.pid)
    case = Case("a batch", PROGRAM, keeps=True)
    assert wrong(case, Ended(process.returncode, out, err, 0), tmp_path, number) is None
    assert "what is finished is kept" in err
    assert lines_in(tmp_path / "out" / "batch.jsonl") == 1
