"""Work in processes of its own: it gets its limits, and however it ends, nothing else ends with it.

`Apart` is a process that does blocks.  It is started as a program, and not forked, so that whoever starts it may have
threads, and may be the worker of a cluster.  It ends with whoever started it.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from exactformer.verify.jobs import Block, Broken, Cause, Ended, InProcess, Outcome, Pool, PoolLost

STOPPED = "the work was stopped"
COMMAND = (sys.executable, "-P", "-m", "exactformer.verify.apart_server")


class Apart:
    """One process, started when it is needed, and again where a job has broken it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def outcomes(self, block: Block[Any, Any]) -> list[Outcome[Any]]:
        """One for each job.  Raises PoolLost if it is closed meanwhile."""
        found: list[Outcome[Any]] = []
        while len(found) < len(block.jobs):
            before = len(found)
            code = self._go_on(block, found)
            if self._closed:
                raise PoolLost(STOPPED)
            stopped = len(found) > before and isinstance(found[-1], Broken) and found[-1].cause is Cause.MEMORY
            if len(found) < len(block.jobs) and not stopped:
                found.append(_broken(code, block))
        return found

    def close(self) -> None:
        """End the process at once, from any thread."""
        self._closed = True
        if (process := self._process) is not None:
            process.kill()
            if process.stdin is not None:
                process.stdin.close()  # by that, what it has forked ends, too

    def _go_on(self, block: Block[Any, Any], found: list[Outcome[Any]]) -> int:
        """Add outcomes of the jobs that have none yet, as far as one process comes; the exit code of that."""
        process = self._started()
        stdin, stdout = process.stdin, process.stdout
        try:
            if stdin is None or stdout is None or self._closed:
                raise EOFError
            pickle.dump((block.work, block.limits, pickle.dumps(block.jobs[len(found) :])), stdin)
            stdin.flush()
            while (outcome := pickle.load(stdout)) is not None:
                found.append(outcome)
        except (EOFError, pickle.UnpicklingError, BrokenPipeError, ValueError):
            self._process = None
            process.kill()  # unless it has ended, and then this does nothing
            with suppress(ValueError):  # if it was closed
                process.communicate()
            return process.wait()
        return 0

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
            self._process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        return self._process


def _broken(code: int, block: Block[Any, Any]) -> Broken:
    """Of the job in the middle of which a process ended with this code."""
    if code == -signal.SIGALRM and block.limits.seconds is not None:
        return Broken(Cause.TIME, Ended(f"not done after {block.limits.seconds} s"), block.limits.seconds)
    if code < 0:
        number = signal.Signals(-code)
        hint = ", as happens where memory runs out" if number == signal.SIGKILL else ""
        return Broken(Cause.CRASHED, Ended(f"its process was ended by {number.name}{hint}"))
    return Broken(Cause.CRASHED, Ended(f"its process ended with code {code}, by a library that it uses"))


class LocalPool:
    """So many processes of this machine."""

    def __init__(self, workers: int) -> None:
        self.room = 2 * workers
        self._threads = ThreadPoolExecutor(workers)
        self._lock = threading.Lock()
        self._all: list[Apart] = []
        self._idle: list[Apart] = []
        self._closed = False

    def submit(self, block: Block[Any, Any]) -> Future[list[Outcome[Any]]]:
        return self._threads.submit(self._outcomes, block)

    def close(self) -> None:
        """What has not begun is dropped, and what has begun is ended."""
        with self._lock:
            self._closed = True
        for apart in self._all:
            apart.close()
        self._threads.shutdown(cancel_futures=True)

    def _outcomes(self, block: Block[Any, Any]) -> list[Outcome[Any]]:
        with self._lock:
            if self._closed:
                raise PoolLost(STOPPED)
            if not self._idle:
                self._idle.append(Apart())
                self._all += self._idle
            apart = self._idle.pop()
        found = apart.outcomes(block)
        with self._lock:
            self._idle.append(apart)
        return found


@contextmanager
def local_pool(workers: int, *, limited: bool = False) -> Iterator[Pool]:
    """So many processes; a single one is this one, unless jobs are ``limited``."""
    if workers == 1 and not limited:
        yield InProcess()
        return
    pool = LocalPool(workers)
    try:
        yield pool
    finally:
        pool.close()
