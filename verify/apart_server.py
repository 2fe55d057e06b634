"""The program that `apart` starts: it imports what blocks need, and forks for each block.

Standard input brings blocks, and is at its end when whoever started this is gone, however that happened: then nothing
of this goes on.  Outcomes go to what was the standard output, one by one; None says that a block's process has ended as
it should.  If it ended otherwise, this program ends as it did.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from errno import ENOMEM
from typing import Any, BinaryIO

from exactformer.verify.jobs import Broken, Cause, Done, Ended, Limits, Outcome

GONE = 1
"""The exit code where whoever started this is gone; nobody is there to read it."""
KIBIBYTES_PER_UNIT = 1 / 1024 if sys.platform == "darwin" else 1
"""Of ``ru_maxrss``: macOS counts bytes."""


def main() -> None:
    """Do blocks, one after the other, until there are none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all: it is for whoever started this
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print is no answer
        while True:
            try:
                work, limits, jobs = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            child = os.fork()
            if child == 0:
                _do(work, limits, jobs, answers)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if code < 0:
                os.kill(os.getpid(), -code)
            if code:
                os._exit(code)
            _say(answers, None)


def _do(work: Callable[[Any], Any], limits: Limits, jobs: bytes, answers: BinaryIO) -> None:
    """In the child: all jobs of a block, unless one breaks."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    code = GONE
    try:
        _limit_memory(limits)
        for job in pickle.loads(jobs):
            outcome = _outcome(work, job, limits)
            _say(answers, outcome)
            if isinstance(outcome, Broken) and outcome.cause is Cause.MEMORY:
                break
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _outcome(work: Callable[[Any], Any], job: Any, limits: Limits) -> Outcome[Any]:
    """A signal that nothing handles ends the process where time is over, whatever it is doing."""
    started = time.perf_counter()
    signal.alarm(limits.seconds or 0)
    try:
        found = work(job)
        signal.alarm(0)
        pickle.dumps(found)
    except Exception as error:
        signal.alarm(0)
        seconds = time.perf_counter() - started
        if _is_about_memory(error):
            much = "all that there is" if limits.mebibytes is None else f"{limits.mebibytes} MiB"
            return Broken(Cause.MEMORY, Ended(f"more than {much}"), seconds)
        return Broken(Cause.RAISED, _portable(error), seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTES_PER_UNIT / 1024
    return Done(found, time.perf_counter() - started, round(peak))


def _is_about_memory(error: BaseException | None) -> bool:
    """What is raised where memory runs out in C code is a SystemError at times."""
    while error is not None:
        if isinstance(error, (MemoryError, SystemError)) or (isinstance(error, OSError) and error.errno == ENOMEM):
            return True
        error = error.__cause__ or error.__context__
    return False


def _portable(error: Exception) -> Exception:
    """The error as another process can read it, with where it was raised as a note."""
    error.add_note(traceback.format_exc())
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return Ended(f"{type(error).__name__}: {error}")
    return error


def _limit_memory(limits: Limits) -> None:
    """Beyond what this process has already, which is mostly code, and room that libraries have reserved."""
    if limits.mebibytes is None:
        return
    try:
        with open("/proc/self/statm") as stream:
            there = int(stream.read().split()[0]) * resource.getpagesize()
    except OSError:  # no Linux
        there = 0
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (there + (limits.mebibytes << 20), hard))


def _say(answers: BinaryIO, what: Outcome[Any] | None) -> None:
    try:
        pickle.dump(what, answers)
        answers.flush()
    except BrokenPipeError:
        os._exit(GONE)


def _end_with_parent() -> None:
    os.read(0, 1)  # no block comes while one is being done
    os._exit(GONE)


if __name__ == "__main__":
    main()
