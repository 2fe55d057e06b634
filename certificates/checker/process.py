"""The checker as a program: in a process of its own, so that an interrupt ends it at once, and only its word counts.

The check runs in a child process. The parent waits for its end, or for a signal; on a signal it kills the child, even
inside a long call of C code, or in a callback that ignores exceptions. An exit code counts only if the checker has said
it, through a pipe: a library that calls ``exit``, a crash and a lack of memory judge nothing.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

FAILED, READER_GONE = 5, 141
"""Nothing is said about the certificate: the program failed, or nobody read its output."""
BY_SIGNAL = 128
"""Ended by a signal: its number, and this."""

INTERRUPTS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def run(check: Callable[[], int]) -> int:
    """The exit code of ``check``, whatever happens to it; the child process itself leaves by SystemExit."""
    open_what_is_closed()
    if not hasattr(os, "fork"):
        return printed(check)
    watched = {number for number in INTERRUPTS if signal.getsignal(number) is not signal.SIG_IGN}
    signal.signal(signal.SIGCHLD, lambda *_: None)  # it is ignored by default, and what is ignored may be dropped
    signal.pthread_sigmask(signal.SIG_BLOCK, {*watched, signal.SIGCHLD})
    (said, say), (there, here) = os.pipe(), os.pipe()  # closed, the second says that the parent is gone
    child = os.fork()
    if child == 0:
        os.close(here)
        threading.Thread(target=end_without_parent, args=(there,), daemon=True).start()
        code = printed(check)
        os.write(say, bytes([code]))
        raise SystemExit(code)
    while True:
        number = signal.sigwait({*watched, signal.SIGCHLD})
        if number != signal.SIGCHLD:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            complain(f"not judged: ended by {signal.Signals(number).name}")
            return BY_SIGNAL + number
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended and select.select([said], [], [], 0)[0]:
            return os.read(said, 1)[0]
        if ended:
            how = os.waitstatus_to_exitcode(status)
            complain(f"not judged: the check was ended by {f'signal {-how}' if how < 0 else f'exit({how})'}")
            return FAILED


def end_without_parent(there: int) -> None:
    """Nothing is ever written there: reading returns when the parent has ended, however it did."""
    os.read(there, 1)
    os._exit(FAILED)


def open_what_is_closed() -> None:
    """Else the next file that is opened would be the standard output. To write to one that was closed stays an
    error."""
    for number, access in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, access)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115


def printed(check: Callable[[], int]) -> int:
    """The exit code of ``check``, if what it prints can be written."""
    try:
        try:
            code = check()
        except SystemExit as end:  # of the reading of arguments
            code = end.code if isinstance(end.code, int) else FAILED
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python tries again when it ends, and would complain
        if isinstance(error, BrokenPipeError):
            return READER_GONE
        complain(f"not judged: the output cannot be written: {error.strerror}")
        return FAILED
    return code


def complain(sentence: str) -> None:
    """On stderr, if anybody reads it."""
    with suppress(OSError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, f"{sentence}\n".encode())
