"""A pool on a cluster of dask.distributed that somebody else has started: the address of its scheduler is given.

Nothing but values travels, blocks to the workers and outcomes back, so that no file system has to be shared.  What a
worker does, it does in a process of its own (`verify.apart`), as a local pool does.  A worker has to be the same
program as this one, so that results are the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import platform
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from exactformer.verify.apart import Apart
from exactformer.verify.jobs import Block, Outcome, PoolLost, WorkerLost

CONNECT_SECONDS = 10
"""That a scheduler is given to answer."""
LOOK_SECONDS = 1
"""Between looks whether a task is still wanted."""
LEAST_ROOM = 8
"""Blocks that are handed over even if there is no worker yet."""
NAMES = ("distributed", "distributed.client", "distributed.core", "distributed.comm")


class ClusterError(ValueError):
    """Why a cluster is not used, in one sentence."""


@dataclass(frozen=True)
class Program:
    """What has to be the same for results to be the same."""

    exactformer: str
    python: str
    sources: str

    @classmethod
    @cache
    def here(cls) -> Program:
        """That of this process; ``sources``: the beginning of the SHA-256 of all modules and theories."""
        digest, root = hashlib.sha256(), Path(__file__).parents[1]
        for part in ("", "constructions", "verify", "certificates"):
            found = (root / part).rglob("*") if part else root.glob("*")
            for path in sorted(found):
                if path.suffix in (".py", ".theory"):
                    digest.update(f"{path.relative_to(root).as_posix()} {path.stat().st_size}\n".encode())
                    digest.update(path.read_bytes())
        return cls(version("exactformer"), platform.python_version(), digest.hexdigest()[:12])

    def __str__(self) -> str:
        return f"exactformer {self.exactformer} with sources {self.sources} and Python {self.python}"


def program_of_this() -> Program:
    """What a scheduler and workers are asked."""
    return Program.here()


class OtherProgram(Exception):
    """A worker is not the program that its work is from."""


def on_worker(program: Program, block: Block[Any, Any]) -> list[Outcome[Any]]:
    """What a worker is asked to do.  Raises OtherProgram."""
    if program != Program.here():
        raise OtherProgram(str(Program.here()))
    with _idle() as apart, _ended_when_unwanted(apart):
        return apart.outcomes(block)


_IDLE: list[Apart] = []
_LOCK = threading.Lock()


@contextmanager
def _idle() -> Iterator[Apart]:
    """A process of this worker that does nothing else; there is one for each of its threads."""
    with _LOCK:
        apart = _IDLE.pop() if _IDLE else Apart()
    yield apart
    with _LOCK:
        _IDLE.append(apart)


@contextmanager
def _ended_when_unwanted(apart: Apart) -> Iterator[None]:
    """A task that the client has given up, or that has no client any more, is not worked on to its end."""
    from distributed import get_worker

    worker = get_worker()
    key, done = worker.get_current_task(), threading.Event()

    def watch() -> None:
        while not done.wait(LOOK_SECONDS):
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled":
                apart.close()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()


class ClusterPool:
    """The workers of a scheduler."""

    def __init__(self, address: str, client: Any) -> None:
        self.address = address
        self._client = client

    @property
    def room(self) -> int:
        """Two blocks for each thread of the workers, as many as there are now."""
        try:
            return max(LEAST_ROOM, 2 * self.threads)
        except (OSError, TimeoutError) as error:
            raise PoolLost(self._lost) from error

    @property
    def threads(self) -> int:
        """Of all workers."""
        return sum(self._client.nthreads().values())

    def submit(self, block: Block[Any, Any]) -> Future[list[Outcome[Any]]]:
        """If its worker is lost, the scheduler gives it to another one."""
        told = Future[list[Outcome[Any]]]()
        try:
            found = self._client.submit(on_worker, Program.here(), block, pure=False)
        except (OSError, TimeoutError, RuntimeError) as error:
            raise PoolLost(self._lost) from error
        found.add_done_callback(lambda done: self._tell(done, told))
        return told

    def _tell(self, done: Any, told: Future[list[Outcome[Any]]]) -> None:
        """In a thread of the client's."""
        from distributed import KilledWorker

        try:
            if done.status == "cancelled":
                raise PoolLost(self._lost)
            told.set_result(done.result())
        except KilledWorker as error:
            died = f"each of the {error.allowed_failures + 1} workers that it was given to ended while it had it"
            told.set_exception(WorkerLost(died))
        except OtherProgram as error:
            told.set_exception(ClusterError(self._differs(str(error))))
        except Exception as error:
            told.set_exception(error)
        except BaseException:  # asyncio's for cancelled work is not an Exception
            told.set_exception(PoolLost(self._lost))

    def require_same_program(self) -> None:
        """Raises ClusterError."""
        try:
            found = {"scheduler": self._client.run_on_scheduler(program_of_this), **self._client.run(program_of_this)}
        except (OSError, TimeoutError) as error:
            raise ClusterError(self._lost) from error
        except Exception as error:
            raise ClusterError(
                f"the cluster at {self.address} cannot run exactformer ({type(error).__name__}: {error}): install "
                f"exactformer {Program.here().exactformer} where its scheduler and workers run"
            ) from error
        for other in found.values():
            if other != Program.here():
                raise ClusterError(self._differs(str(other)))

    def _differs(self, other: str) -> str:
        return (
            f"the cluster at {self.address} runs {other}, and this is {Program.here()}: results have to be equal, so "
            "install the same versions"
        )

    @property
    def _lost(self) -> str:
        return f"the scheduler at {self.address} is gone"


async def _answer(address: str) -> None:
    """Of the scheduler; a client that gets none would try again when it is done away with.  Raises OSError."""
    from distributed import core, security

    untyped: Any = (core.rpc, security.Security)
    rpc, secured = untyped
    arguments = secured().get_connection_args("client")
    async with rpc(address, timeout=CONNECT_SECONDS, connection_args=arguments) as scheduler:
        found = await asyncio.wait_for(scheduler.identity(), CONNECT_SECONDS)
    if found.get("type") != "Scheduler":
        raise OSError(f"what answers is a {found.get('type')}")


@contextmanager
def cluster_pool(address: str, waiting: Callable[[str], object]) -> Iterator[ClusterPool]:
    """The pool of the scheduler at this address; ``waiting`` is told, in one sentence, if there is no worker yet.

    Raises ClusterError.
    """
    try:
        from distributed import Client  # here, as it takes a second to import, and an extra to install
    except ImportError as error:
        raise ClusterError("a cluster needs dask.distributed: pip install 'exactformer[cluster]'") from error
    for name in NAMES:  # what it reports there, is said here in one sentence
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        asyncio.run(_answer(address))
        client: Any = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError, TypeError, ImportError) as error:
        raise ClusterError(
            f"no scheduler answers at {address}: give the address that `dask scheduler` prints, like tcp://10.0.0.1:8786"
        ) from error
    with client:
        pool = ClusterPool(address, client)
        pool.require_same_program()
        if not pool.threads:
            waiting(f"The cluster at {address} has no worker yet: waiting for one.")
        yield pool
