"""An interrupt is raised, also if it comes where exceptions are ignored."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import interrupt

ROOT = Path(__file__).parents[1]
PROGRAM = """
import _thread, gc, signal, sys, time, weakref
from tests import interrupt

where, installed = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)
if installed == "True":
    interrupt.install()

def interrupted(here):
    if here == where:
        _thread.interrupt_main()  # as if Ctrl-C came now: it is heard in the next function that is called
        (lambda: None)()

class Thing:
    def __hash__(self):
        interrupted("a weak reference")
        return 1
    def __del__(self):
        interrupted("a destructor")

gc.callbacks.append(lambda phase, info: interrupted("the garbage collector"))
try:
    interrupted("nowhere special")
    weakref.WeakSet().add(Thing())
    gc.collect()
    for _ in range(50):
        time.sleep(0.01)
    print("lost")
except KeyboardInterrupt:
    print("raised")
"""
IGNORED = {"nowhere special": False, "a weak reference": False, "a destructor": True, "the garbage collector": True}


@pytest.mark.parametrize("where", IGNORED)
@pytest.mark.parametrize("installed", [True, False])
def test_an_interrupt_is_raised_wherever_it_comes(where: str, installed: bool) -> None:
    command = [sys.executable, "-c", PROGRAM, where, str(installed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    lost = IGNORED[where] and not installed
    assert done.stdout == ("lost\n" if lost else "raised\n")
    assert ("Exception ignored in" in done.stderr) == lost


def test_these_tests_run_with_it() -> None:
    assert signal.getsignal(signal.SIGINT) in (interrupt.interrupt, signal.SIG_IGN)  # ignored under nohup
