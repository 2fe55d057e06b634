"""The program ``exactformer``: a process that waits, and one in which the command runs."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO, cast

from exactformer.certificates.command_line.held_output import HeldOutput
from exactformer.certificates.supervisor import say, supervise, writing


def main() -> None:
    """The entry point."""
    _open_what_is_closed()
    sys.exit(supervise(_command))


def _open_what_is_closed() -> None:
    """Open closed standard streams, or the next file that is opened would become standard output or stderr.

    Writing to a standard output that was closed stays an error, and fails the command; if stderr is closed, nobody can
    be told.
    """
    for number, access in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, access)  # takes the smallest free number, which is this one
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115


def _command() -> int:
    """Do what the arguments ask for, then print the result; returns the exit code."""
    from exactformer.certificates.command_line.outcome import ExitCode, code_of

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as Python does for stderr
    held = HeldOutput(sys.stdout)
    sys.stdout = cast(TextIO, held)
    try:
        code = code_of(_parse_and_execute)
    finally:
        sys.stdout = held.stream
    if code is ExitCode.FAILED:
        return code
    try:
        with writing():
            pass  # from here on the command only has to say what it did
        held.let_go()
    except BrokenPipeError:
        code = ExitCode.READER_GONE
    except OSError as error:
        say(f"Error: the output cannot be written: {error.strerror}.  Nothing is said about any claim.")
        code = ExitCode.FAILED
    else:
        return code
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python tries again when it ends, and would complain
    return code


def _parse_and_execute() -> None:
    from exactformer.certificates.command_line.main import execute

    execute(sys.argv[1:])


if __name__ == "__main__":
    main()
