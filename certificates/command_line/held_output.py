"""Holds what a command prints until the command has ended, and then prints it all at once.

So an interrupted command prints nothing, and one that fails in the middle of a report prints no part of it.
"""

from __future__ import annotations

import io
import sys
from typing import TextIO


class HeldOutput(io.StringIO):
    """A text stream that keeps what is written to it for ``stream``; in all else it looks like ``stream``."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self.stream.errors

    def fileno(self) -> int:
        return self.stream.fileno()

    def isatty(self) -> bool:
        return self.stream.isatty()

    def let_go(self) -> None:
        """Write what is held.  Raises OSError."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        self.stream.write(text)
        self.stream.flush()


def say_so_far() -> None:
    """On a terminal, print what is held so far: for commands that decide part by part while somebody is looking."""
    if isinstance(sys.stdout, HeldOutput) and sys.stdout.isatty():
        sys.stdout.let_go()
