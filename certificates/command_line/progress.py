"""A progress bar on stderr, for work that takes longer than a second, if stderr is a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # rich is slow to import, and most commands end before a bar is due
    from rich.progress import Progress

PATIENCE_SECONDS = 1.0


class LateProgress:
    """A function to call with (what, done, total); the bar appears after PATIENCE_SECONDS."""

    def __init__(self, enabled: bool = True) -> None:
        self._started = time.monotonic()
        self._enabled = enabled and sys.stderr.isatty()
        self._bar: Progress | None = None

    def __enter__(self) -> LateProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        if not self._enabled or time.monotonic() - self._started < PATIENCE_SECONDS:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._bar.add_task(what, total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], description=what, completed=done, total=total)


@contextmanager
def late_spinner(what: str, enabled: bool = True) -> Iterator[Callable[[str, int, int], None]]:
    """For work that does not say how far it is: a spinner on stderr after PATIENCE_SECONDS."""
    if not enabled or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console

    status = Console(file=sys.stderr).status(what)  # this stream, also while sys.stderr is redirected
    timer = threading.Timer(PATIENCE_SECONDS, status.start)
    timer.start()
    try:
        yield lambda *_: None
    finally:
        timer.cancel()
        timer.join()
        status.stop()
