"""Exit codes, and how errors of the input end a command: one sentence on stderr, no traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import click


class ExitCode(IntEnum):
    """What a command's exit code means, for every command."""

    CERTIFIED = 0
    REFUTED = 1
    BAD_INPUT = 2
    INCONCLUSIVE = 3
    UNSUPPORTED = 4


class InputRefused(click.ClickException):
    """One sentence for stderr, and the exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.BAD_INPUT) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]  # click declares it on the class and reads it from the instance


@contextmanager
def refusing(*errors: type[Exception], code: ExitCode = ExitCode.BAD_INPUT) -> Iterator[None]:
    """Turn these errors, whose messages are sentences already, into the end of the command."""
    try:
        yield
    except errors as error:
        raise InputRefused(str(error), code) from error
