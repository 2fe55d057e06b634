"""The checker as a program: in its own process, so that an interrupt ends it at once and only its own exit code counts.

The check runs in a child process. The parent waits for its end, or for a signal; on a signal it kills the child, even
inside a long call of C code, or in a callback that ignores exceptions. An exit code counts only if the checker has sent
it through a pipe: a library that calls ``exit``, a crash and a lack of memory judge nothing.
"""

from __future__ import annotations

import io
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import redirect_stdout, suppress

FAILED, READER_GONE = 5, 141
"""Nothing is said about the certificate: the program failed, or nobody read its output."""
BY_SIGNAL = 128
"""The exit code after a signal is this plus its number."""

INTERRUPTS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


PRINTS = 255
"""What a check sends before it prints; its exit code follows."""
BLINK, BLINKS = 1 / 100, 50
"""Seconds of one wait, and how many waits a check gets that is printing, to end by itself."""


def run(check: Callable[[], int]) -> int:
    """The exit code of ``check``, whatever happens to it; the child process itself ends with SystemExit."""
    open_what_is_closed()
    if not hasattr(os, "fork"):
        return printed(check, lambda _: None)
    watched = {number for number in INTERRUPTS if signal.getsignal(number) is not signal.SIG_IGN}
    signal.signal(signal.SIGCHLD, lambda *_: None)  # it is ignored by default, and an ignored signal may be dropped
    signal.pthread_sigmask(signal.SIG_BLOCK, {*watched, signal.SIGCHLD})
    (said, say), (there, here) = os.pipe(), os.pipe()  # closed, the second says that the parent is gone
    child = os.fork()
    if child == 0:
        os.close(here)
        threading.Thread(target=end_without_parent, args=(there,), daemon=True).start()
        raise SystemExit(printed(check, lambda byte: os.write(say, bytes([byte]))))
    number, status = signal.SIGCHLD, None
    while number == signal.SIGCHLD and status is None:
        number = signal.Signals(signal.sigwait({*watched, signal.SIGCHLD}))
        status = status_of(child)
    blinks = BLINKS if readable(said) else 0
    while status is None and blinks:
        time.sleep(BLINK)
        blinks, status = blinks - 1, status_of(child)
    if status is None:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    words = os.read(said, 2) if readable(said) else b""
    if len(words) == 2:
        return words[1]
    if number != signal.SIGCHLD:
        complain(f"not judged: ended by {number.name}")
        return BY_SIGNAL + number
    how = os.waitstatus_to_exitcode(status)
    complain(f"not judged: the check was ended by {f'signal {-how}' if how < 0 else f'exit({how})'}")
    return FAILED


def status_of(child: int) -> int | None:
    """How the child ended; None if it has not."""
    ended, status = os.waitpid(child, os.WNOHANG)
    return status if ended else None


def readable(end: int) -> bool:
    """Whether something can be read at once."""
    return bool(select.select([end], [], [], 0)[0])


def end_without_parent(there: int) -> None:
    """Wait for the parent's end: nothing is ever written there, so reading returns only then."""
    os.read(there, 1)
    os._exit(FAILED)


def open_what_is_closed() -> None:
    """Open closed standard streams, or the next file that is opened would become standard output. Writing to a stream
    that was closed stays an error."""
    for number, access in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, access)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115


def printed(check: Callable[[], int], say: Callable[[int], object]) -> int:
    """The exit code of ``check``, if what it prints can be written: all of it, after the check."""
    out = io.StringIO()
    with redirect_stdout(out):
        try:
            code = check()
        except SystemExit as end:  # of the reading of arguments
            code = end.code if isinstance(end.code, int) else FAILED
    say(PRINTS)
    try:
        sys.stdout.write(out.getvalue())
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python tries again when it ends, and would complain
        code = READER_GONE if isinstance(error, BrokenPipeError) else FAILED
        if code == FAILED:
            complain(f"not judged: the output cannot be written: {error.strerror}")
    say(code)
    return code


def complain(sentence: str) -> None:
    """On stderr, if anybody reads it."""
    with suppress(OSError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, f"{sentence}\n".encode())
