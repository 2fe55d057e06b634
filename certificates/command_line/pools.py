"""Where the work of a command is done: on this machine, or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from exactformer.certificates.command_line.outcome import ExitCode, InputRefused, refusing
from exactformer.certificates.supervisor import AFTERWARDS, Left
from exactformer.verify.apart import local_pool
from exactformer.verify.jobs import Pool, PoolLost


@dataclass(frozen=True)
class Where:
    """What was typed: the number of processes, or the address of a scheduler.  None: a process for each core."""

    workers: int | None = None
    scheduler: str | None = None


@contextmanager
def pool_of(where: Where, *, limited: bool = False) -> Iterator[Pool]:
    """``limited``: jobs have limits, so that not even one worker is this process."""
    if where.scheduler is None:
        workers = where.workers or os.cpu_count() or 1
        with local_pool(workers, limited=limited) as pool:
            yield pool
        return
    if where.workers is not None:
        raise InputRefused("--workers is for this machine, and --scheduler for a cluster: leave one out")
    from exactformer.certificates.cluster import ClusterError, cluster_pool

    with refusing(ClusterError), cluster_pool(where.scheduler, _say) as cluster:
        try:
            yield cluster
        except PoolLost as error:
            raise InputRefused(f"{error}; {AFTERWARDS[Left.FINISHED_PARTS]}", ExitCode.FAILED) from error


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)
