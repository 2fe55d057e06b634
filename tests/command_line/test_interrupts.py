"""Signals at random moments, to every command and to the checker: 128 and the signal's number, and nothing is left."""

from __future__ import annotations

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.command_line.interrupts import (
    COMMANDS,
    PROGRAM,
    SIGNALS,
    Case,
    Ended,
    certificate_in,
    interrupted,
    nobody_left,
    start,
    wrong,
)

SEED = 12


def test_a_signal_at_any_moment(tmp_path: Path) -> None:
    """All commands at once, each in a folder of its own: the load makes the moments more random still."""
    shared = tmp_path / "shared"
    shared.mkdir()
    stand_ins = certificate_in(shared)

    def trial(number: int) -> str | None:
        case, rng = COMMANDS[number], random.Random(f"{SEED}/{number}")
        folder = tmp_path / str(number)
        folder.mkdir()
        kind, to_all = rng.choice(SIGNALS), rng.random() < 0.5
        ended = interrupted(case, stand_ins, folder, rng.random() * 3, kind, to_all)
        problem = wrong(case, ended, folder, kind)
        return problem and f"{case}, {kind.name}: {problem}"

    with ThreadPoolExecutor(len(COMMANDS)) as pool:
        assert [problem for problem in pool.map(trial, range(len(COMMANDS))) if problem] == []


WRONG = {
    "a verdict": Ended(3, "", "Error: the solver gave up\n", 0),
    "a result": Ended(130, "PROVED\n", "Interrupted: nothing was written.\n", 0),
    "a traceback": Ended(130, "", "Traceback (most recent call last):\nKeyboardInterrupt\n", 0),
    "silence": Ended(130, "", "", 0),
    "success without a word": Ended(0, "", "", 0),
    "another signal's code": Ended(143, "", "Terminated: nothing was written.\n", 0),
}


@pytest.mark.parametrize("title", WRONG)
def test_what_is_wrong_after_a_signal_is_noticed(title: str, tmp_path: Path) -> None:
    assert wrong(COMMANDS[0], WRONG[title], tmp_path, signal.SIGINT) is not None
    assert wrong(COMMANDS[0], Ended(130, "", "Interrupted: nothing was written.\n", 0), tmp_path, signal.SIGINT) is None


@pytest.mark.parametrize("name", ["out/x.certificate.json", ".x.json.1234", "store", "store-journal"])
def test_what_is_left_after_a_signal_is_noticed(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("")
    ended = Ended(130, "", "Interrupted: nothing was written.\n", 0)
    assert wrong(COMMANDS[0], ended, tmp_path, signal.SIGINT) is not None


SWEEP = (*PROGRAM, "sweep", "--machines", "100000", "--workers", "2", "--out", "sweep.jsonl")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_workers_go_with_the_sweep(number: signal.Signals, tmp_path: Path) -> None:
    """The signal goes to the first process alone, and only once its workers are at work."""
    process = start(SWEEP, tmp_path)
    results = tmp_path / "sweep.jsonl"
    while process.poll() is None and not (results.exists() and results.read_bytes().count(b"\n") > 1):
        time.sleep(0.05)
    os.kill(process.pid, number)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert out == ""
    assert nobody_left(process.pid)
    case = Case("the sweep", SWEEP, keeps=True)
    if number != signal.SIGKILL:
        assert wrong(case, Ended(128 + number, "", "x: what is finished is kept\n", 0), tmp_path, number) is None


def test_a_signal_that_was_to_be_ignored_is_ignored(tmp_path: Path) -> None:
    """As under nohup, and in the background of a script."""
    command = (*PROGRAM, "run", "increment", "1")
    process = start(command, tmp_path, lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    for _ in range(20):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.02)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("increment on '1'")
