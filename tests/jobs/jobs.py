"""Jobs for tests, which every process finds under their names; and clusters on this machine."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from tests.command_line.interrupts import ANTI_HANG

T = TypeVar("T")


def doubled(number: int) -> int:
    print("what a job prints is no answer")
    return 2 * number


def process(_: int) -> int:
    """Which process did this."""
    return os.getpid()


def what(kind: str) -> object:
    """A job that goes well, or wrong in one of the ways there are."""
    match kind:
        case "sleeps":
            time.sleep(3600)
        case "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exits":
            os._exit(0)
        case "fills memory":
            return len(bytearray(1 << 30))
        case "raises":
            raise KeyError("a key")
        case "raises what cannot be sent":
            raise Unsendable(lambda: None)
        case "cannot be sent":
            return lambda: None
    return kind


class Unsendable(Exception):
    def __init__(self, function: Any) -> None:
        super().__init__("an error with a function in it")
        self.function = function


def gated(job: tuple[str, int]) -> int:
    """Says in a folder that it has begun, by its worker, and waits until the folder has a gate."""
    folder, number = Path(job[0]), job[1]
    (folder / f"{number}.{worker_of_this()}.{os.getpid()}").write_text("")
    while not (folder / "gate").exists():
        time.sleep(0.02)
    return 2 * number


def kills_its_worker(number: int) -> int:
    """If it is the third, always."""
    if number == 3:
        os.kill(worker_of_this(), signal.SIGKILL)
        time.sleep(3600)
    return 2 * number


def worker_of_this() -> int:
    """The worker's process, which has started the one that has forked this."""
    return int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1])


@contextmanager
def cluster(workers: int) -> Iterator[Any]:
    """A scheduler in this process, and this many worker processes of one thread; a killed one is started again."""
    from distributed import LocalCluster

    made: Any = LocalCluster
    with made(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        silence_logs=logging.CRITICAL + 1,
    ) as found:
        yield found


def pids(found: Any) -> list[int]:
    """Of the workers."""
    return [worker.pid for worker in found.workers.values()]


def wait_until(condition: Callable[[], T], what: str) -> T:
    """What the condition says as soon as that is true; an error instead of waiting forever."""
    for _ in range(round(ANTI_HANG / 0.02)):
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain: {what}")


def wait_for_end(pid: int) -> None:
    """Wait for a process that is to end by itself, whether or not anybody asks for its exit code."""
    wait_until(lambda: _has_ended(pid), f"process {pid} ends")


def _has_ended(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True
