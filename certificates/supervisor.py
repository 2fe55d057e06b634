"""A process that works and one that waits: how a command ends at once, whatever it is doing.

A command works in a child process.  Its parent only waits for the child's end or for a signal (`INTERRUPTS`); on a
signal it kills the child.  So nothing that the child does can delay an interrupt or turn it into something else: not a
solver that holds Python's lock or takes the signal for itself, nor a callback that ignores exceptions.

An exit code counts only if the command itself has sent it through a pipe.  If anything else ends the child (a crash, a
library that calls ``exit``, a kernel short of memory), that is a failure, and no verdict.

Words:
    pen     a process holds it while it changes files (`writing`), and is not killed then: files are written whole
    left    what an interrupt would leave behind now; it is noted on the pen
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

FAILED = 5
"""The exit code of a command that failed: nothing is said about any claim."""
BY_SIGNAL = 128
"""The exit code of a command that a signal ends is this plus the signal's number, as in a shell."""

INTERRUPTS = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Terminated"}
if hasattr(signal, "SIGHUP"):
    INTERRUPTS[signal.SIGHUP] = "Hung up"


class Left(Enum):
    """What an interrupt leaves behind; the value is the letter on the pen."""

    NOTHING = b"n"
    FINISHED_PARTS = b"p"
    EVERYTHING = b"e"


AFTERWARDS = {
    Left.NOTHING: "nothing was written",
    Left.FINISHED_PARTS: "what is finished is kept, and the same command goes on from there",
    Left.EVERYTHING: "the work was done, and its result was about to be printed",
    None: "a file was being written, and may be there in part",
}
BLINK_SECONDS = 0.01
PATIENCE = 50
"""How many blinks a child gets that has done its work and only has to say so."""
BAR_AWAY = "\r\x1b[K\x1b[?25h"
"""Clears the line of a progress bar and shows the cursor, which the bar hides."""

_pen: tuple[int, int] | None = None
"""The child's; None in a process without a supervisor."""
_holding = False


@contextmanager
def writing(left: Left = Left.EVERYTHING) -> Iterator[None]:
    """While files are changed in this block, an interrupt waits until that is done: keep it short.

    ``left`` is what an interrupt leaves behind from then on.  Inside another such block, or without a supervisor, this
    does nothing.
    """
    global _holding
    if _pen is None or _holding:
        yield
        return
    letter, _holding = os.read(_pen[0], 1), True
    try:
        yield
        letter = left.value
    finally:
        _holding = False
        os.write(_pen[1], letter)


def supervise(work: Callable[[], int]) -> int:
    """The exit code of ``work``, which is done in a child process; the child itself ends with SystemExit.

    If processes cannot be forked, the work is done here.
    """
    if not hasattr(os, "fork"):
        return work()
    # Signals that our caller ignores, as nohup does, stay ignored.
    watched = frozenset(number for number in INTERRUPTS if signal.getsignal(number) is not signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # it is ignored by default, and an ignored signal may be dropped
    signal.pthread_sigmask(signal.SIG_BLOCK, {*watched, signal.SIGCHLD})
    pen, said, there = os.pipe(), os.pipe(), os.pipe()
    os.write(pen[1], Left.NOTHING.value)
    child = os.fork()
    if child == 0:
        os.close(there[1])
        _work(work, pen, said[1], there[0])
    os.close(there[0])
    return _Parent(child, watched, pen, said[0]).wait()


def _work(work: Callable[[], int], pen: tuple[int, int], said: int, there: int) -> NoReturn:
    """The child's part.  Interrupts stay blocked here: they are for the parent."""
    global _pen
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    _pen = pen
    threading.Thread(target=_end_without_parent, args=(there,), daemon=True).start()
    code = work()
    os.write(said, bytes([code]))
    raise SystemExit(code)


def _end_without_parent(there: int) -> None:
    os.read(there, 1)  # the parent never writes: this returns when the parent, however it ends, has ended
    os._exit(FAILED)


@dataclass(frozen=True)
class _Parent:
    """The parent, which waits for ``child`` or for one of the signals ``watched``."""

    child: int
    watched: frozenset[int]
    pen: tuple[int, int]
    said: int

    def wait(self) -> int:
        """The exit code."""
        while True:
            number = signal.sigwait({*self.watched, signal.SIGCHLD})
            if number != signal.SIGCHLD:
                return self._interrupted(signal.Signals(number))
            ended, status = os.waitpid(self.child, os.WNOHANG)
            if ended:
                return self._ended(status)

    def _interrupted(self, number: signal.Signals) -> int:
        """Kill the child, unless it is writing, or has done its work and is about to end."""
        waited = 0
        while True:
            os.kill(self.child, signal.SIGSTOP)  # so that it cannot take the pen while we look
            _, status = os.waitpid(self.child, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                return self._ended(status)
            left, again = self._left(), bool(signal.sigpending() & self.watched)
            done = left is Left.EVERYTHING
            if (left and not done) or (waited > PATIENCE and (done or again)):
                os.kill(self.child, signal.SIGKILL)
                _, status = os.waitpid(self.child, 0)
                if _readable(self.said):
                    return self._ended(status)
                say(f"{INTERRUPTS[number]}: {AFTERWARDS[left]}.")
                return BY_SIGNAL + number
            os.kill(self.child, signal.SIGCONT)
            time.sleep(BLINK_SECONDS)
            waited += 1

    def _left(self) -> Left | None:
        """What the stopped child leaves behind; None if it holds the pen."""
        if not _readable(self.pen[0]):
            return None
        letter = os.read(self.pen[0], 1)
        os.write(self.pen[1], letter)
        return Left(letter)

    def _ended(self, status: int) -> int:
        """The exit code that the child sent; if it sent none, it failed."""
        if _readable(self.said):
            return os.read(self.said, 1)[0]
        if os.WIFSIGNALED(status):
            number = signal.Signals(os.WTERMSIG(status))
            hint = ", which happens when memory runs out" if number == signal.SIGKILL else ""
            how = f"by {number.name}{hint}"
        else:
            how = f"with code {os.WEXITSTATUS(status)}, by a library that it uses"
        say(f"Error: the command was ended {how}; nothing is said about any claim.")
        return FAILED


def _readable(end: int) -> bool:
    return bool(select.select([end], [], [], 0)[0])


def say(sentence: str) -> None:
    """Write to stderr, if that can be done without waiting."""
    with suppress(OSError):  # then nobody can read it
        if select.select([], [2], [], 0)[1]:
            os.write(2, (BAR_AWAY * os.isatty(2) + sentence + "\n").encode())
