"""Ctrl-C ends the tests at any moment.

Python raises KeyboardInterrupt in whatever Python code runs next, and where that is a callback of the garbage collector
or of a weak reference, or a destructor, it prints the exception and goes on: the interrupt is lost.  hypothesis has a
callback at each garbage collection, so that was the fate of every interrupt that came during one.
"""

from __future__ import annotations

import _thread
import gc
import signal
import time
from types import FrameType

WEAK_REFERENCES = ("weakref.py", "_weakrefset.py")


def install() -> None:
    """Replaces Python's own handler, if that is installed."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, or come again where it would be ignored."""
    if not is_ignored_in(frame):
        raise KeyboardInterrupt
    _thread.start_new_thread(come_again, (number,))


def come_again(number: int) -> None:
    """A moment later, as if Ctrl-C came then."""
    time.sleep(0.01)
    _thread.interrupt_main(signal.Signals(number))


def is_ignored_in(frame: FrameType | None) -> bool:
    """Whether this is called by what ignores exceptions."""
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        code = frame.f_code
        if code in callbacks or code.co_name == "__del__" or code.co_filename.endswith(WEAK_REFERENCES):
            return True
        frame = frame.f_back
    return False
