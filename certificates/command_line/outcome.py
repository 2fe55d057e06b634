"""How a command ends: an exit code and, if there is no result, one sentence on stderr."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum

import click

from exactformer.verify.verdict import Verdict


class ExitCode(IntEnum):
    """What a command's exit code means, for every command."""

    CERTIFIED = 0
    REFUTED = 1
    BAD_INPUT = 2
    INCONCLUSIVE = 3
    UNSUPPORTED = 4
    FAILED = 5
    HUNG_UP = 129
    INTERRUPTED = 130
    READER_GONE = 141
    TERMINATED = 143


MEANING = {
    ExitCode.CERTIFIED: "done; where there is a claim, it is positive and established: certified, proved, valid",
    ExitCode.REFUTED: "refuted, or a certificate that is not valid",
    ExitCode.BAD_INPUT: "wrong usage or bad input; nothing is written",
    ExitCode.INCONCLUSIVE: Verdict.INCONCLUSIVE.value,
    ExitCode.UNSUPPORTED: "not judged: unsupported, too large, or not decided in time",
    ExitCode.FAILED: "the command itself failed (a bug, a full disk, no memory); nothing is said about any claim",
    ExitCode.HUNG_UP: "ended by SIGHUP, as 130",
    ExitCode.INTERRUPTED: "interrupted; nothing is written or said, but batch, sweep and verify keep what is done",
    ExitCode.READER_GONE: "whoever read the output went away before its end",
    ExitCode.TERMINATED: "ended by SIGTERM, as 130",
}
"""What each exit code means.  The documentation and ``--help`` show this table; the checker has the same codes."""

EXIT_CODES = "Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in MEANING.items()) + "."

TRACEBACK = "EXACTFORMER_TRACEBACK"
"""The environment variable that asks for tracebacks."""

OUT_OF_RESOURCES = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
"""Errors of the operating system that the request did not cause."""


class InputRefused(click.ClickException):
    """One sentence for stderr, and the exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.BAD_INPUT) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]  # click declares it on the class and reads it from the instance


@contextmanager
def refusing(*errors: type[Exception], code: ExitCode = ExitCode.BAD_INPUT) -> Iterator[None]:
    """End the command with the message of one of these errors; their messages are sentences already."""
    try:
        yield
    except errors as error:
        raise InputRefused(str(error), code) from error


def code_of(work: Callable[[], object]) -> ExitCode:
    """Do the work.  However it ends, there is an exit code and, if there is no result, one sentence on stderr."""
    try:
        work()
    except click.exceptions.Exit as end:
        return ExitCode(end.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _say("Interrupted.")
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        return _refused(error)
    except BaseException as error:
        if isinstance(error, SystemExit) and isinstance(error.code, ExitCode):
            return error.code
        return _failed(error)
    return ExitCode.CERTIFIED


def _refused(error: click.ClickException) -> ExitCode:
    """What was asked for cannot be done, or there is no room for it."""
    _say(f"Error: {error.format_message()}")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in OUT_OF_RESOURCES:
            return ExitCode.FAILED
        cause = cause.__cause__
    return ExitCode(error.exit_code) if isinstance(error, InputRefused) else ExitCode.BAD_INPUT


def _failed(error: BaseException) -> ExitCode:
    """An error that nothing else handles."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    what = "memory ran out" if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"
    _say(f"Error: the command failed, so nothing is said about any claim: {what[:1000]}.  {TRACEBACK}=1 shows where.")
    return ExitCode.FAILED


def _say(sentence: str) -> None:
    with suppress(OSError):  # then nobody can read it
        click.echo(" ".join(sentence.split()), err=True)
