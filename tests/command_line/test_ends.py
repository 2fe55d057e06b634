"""How commands end: one table of exit codes, and no failure that looks like a verdict."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from documentation.hooks.tables import TABLES
from exactformer.certificates.checker import __main__ as checker
from exactformer.certificates.checker import process as checker_process
from exactformer.certificates.command_line.outcome import MEANING, ExitCode, InputRefused, code_of
from tests.command_line.interrupts import CHECKER, PROGRAM, certificate_in
from tests.command_line.invoking import Outcome, files_in, invoke

ROOT = Path(__file__).parents[2]

# ---------------------------------------------------------------------------- one table


def rows(text: str) -> dict[int, str]:
    """The table of exit codes in a text."""
    return {int(code): meaning for code, meaning in re.findall(r"^\| `(\d+)` \| (.*) \|$", text, re.MULTILINE)}


def test_the_documentation_has_the_table() -> None:
    assert rows(TABLES["exit codes"]()) == {code.value: meaning for code, meaning in MEANING.items()}
    assert set(MEANING) == set(ExitCode)
    page = (ROOT / "documentation" / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    assert "<!-- table: exit codes -->" in page


def test_help_has_the_table() -> None:
    for command in ((), ("certify",), ("run",)):
        said = " ".join(invoke(*command, "--help").out.partition("Exit codes:")[2].split())
        assert said == " ".join(f"{code.value} {meaning}" for code, meaning in MEANING.items())


def test_the_checker_has_the_same_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert [
        checker.ESTABLISHED,
        checker.REFUTED,
        checker.BAD_INPUT,
        checker.INCONCLUSIVE,
        checker.NOT_JUDGED,
        checker_process.FAILED,
        checker_process.READER_GONE,
    ] == [
        ExitCode.CERTIFIED,
        ExitCode.REFUTED,
        ExitCode.BAD_INPUT,
        ExitCode.INCONCLUSIVE,
        ExitCode.UNSUPPORTED,
        ExitCode.FAILED,
        ExitCode.READER_GONE,
    ]
    signals = [checker_process.BY_SIGNAL + number for number in checker_process.INTERRUPTS]
    assert sorted(signals) == [ExitCode.HUNG_UP, ExitCode.INTERRUPTED, ExitCode.TERMINATED]
    assert {int(code) for code in re.findall(r"\b\d+\b", checker.EXIT_CODES)} == {code.value for code in ExitCode}
    with pytest.raises(SystemExit):
        checker.main(["--help"])
    assert " ".join(checker.EXIT_CODES.split()) in " ".join(capsys.readouterr().out.split())


def test_the_program_is_the_supervised_one() -> None:
    (script,) = entry_points(group="console_scripts", name="exactformer")
    assert script.value == "exactformer.__main__:main"


# ---------------------------------------------------------------------------- what nobody foresaw


FAILURES: dict[str, tuple[BaseException, str]] = {
    "a bug": (ZeroDivisionError("on purpose"), "ZeroDivisionError: on purpose"),
    "no memory": (MemoryError(), "memory ran out"),
    "too deep": (RecursionError("maximum recursion depth exceeded"), "RecursionError"),
    "a full disk": (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
    "a broken pipe that is not the output": (BrokenPipeError(errno.EPIPE, "Broken pipe"), "BrokenPipeError"),
    "a text that cannot be encoded": (UnicodeEncodeError("ascii", "\u2026", 0, 1, "ordinal"), "UnicodeEncodeError"),
    "a library that exits with 1": (SystemExit(1), "SystemExit: 1"),
    "a library that exits with 0": (SystemExit(), "SystemExit"),
}


@pytest.mark.parametrize("title", FAILURES)
def test_an_unexpected_failure_is_no_verdict(title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error, says = FAILURES[title]

    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("exactformer.certificates.command_line.run.observe", broken)
    outcome = invoke("run", "increment", "1")
    assert (outcome.code, outcome.out) == (5, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith("Error: the command failed, so nothing is said about any claim: ")
    assert says in line
    monkeypatch.setenv("EXACTFORMER_TRACEBACK", "1")
    told = invoke("run", "increment", "1")
    assert told.code == 5
    assert told.err.startswith("Traceback (most recent call last):\n")
    assert told.err.endswith(outcome.err)


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 5), (errno.EIO, 5), (errno.EACCES, 2), (errno.EROFS, 2)])
def test_what_cannot_be_written_is_bad_input_unless_there_is_no_room(number: int, code: int) -> None:
    def write() -> None:
        try:
            raise OSError(number, os.strerror(number))
        except OSError as error:
            raise InputRefused(f"cannot write: {error.strerror}") from error

    assert code_of(write) == code


WRITERS = {
    "a certificate": "certify increment --input 1 --out {folder}",
    "an approximation": "approximate --function sort --n 2 --epsilon 1/4 --out {folder}",
    "a picture": "audit increment --context 64 --plot {folder}/a.svg",
    "a sweep": "sweep --machines 1 --workers 1 --out {folder}/sweep.jsonl",
}


@pytest.mark.parametrize("title", WRITERS)
def test_a_full_disk_is_a_failure_that_leaves_nothing(
    title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("exactformer.certificates.document.os.fsync", full)
    outcome = invoke(*WRITERS[title].format(folder=tmp_path).split())
    assert (outcome.code, outcome.out) == (5, "")
    (line,) = outcome.err.splitlines()
    assert "No space left on device" in line
    assert files_in(tmp_path) == []


# ---------------------------------------------------------------------------- real processes


def ended(
    command: tuple[str | Path, ...], folder: Path, shell: str = '"$@"', before: Callable[[], None] | None = None
) -> Outcome:
    """Run the command as "$@" in a line for the shell, which may redirect it; the exit code is the command's."""
    done = subprocess.run(
        ["bash", "-c", f"{shell}; exit ${{PIPESTATUS[0]}}", "bash", *map(str, command)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=before,
        env={**os.environ, "COLUMNS": "40", "PYTHONIOENCODING": "ascii"} if shell == '"$@"' else None,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return certificate_in(tmp_path_factory.mktemp("certificate"), "--input", "1")


LIST, UNKNOWN = (*PROGRAM, "machines"), (*PROGRAM, "machines", "nonsense")
STREAMS: dict[str, tuple[tuple[str, ...], str, int, str]] = {
    "a full disk": (LIST, '"$@" > /dev/full', 5, "Error: the output cannot be written: No space left on device."),
    "a closed output": (LIST, '"$@" >&-', 5, "Error: the output cannot be written: Bad file descriptor."),
    "all closed": (LIST, '"$@" >&- 2>&- <&-', 5, ""),
    "errors closed": (LIST, '"$@" 2>&-', 0, ""),
    "errors closed, and there is one": (UNKNOWN, '"$@" 2>&-', 2, ""),
    "errors on a full disk": (UNKNOWN, '"$@" 2>/dev/full', 2, ""),
    "a reader that is gone": (LIST, '(sleep 0.2; exec "$@") | (exec <&-)', 141, ""),
    "help, and a reader that is gone": ((*PROGRAM, "--help"), '(sleep 0.2; exec "$@") | (exec <&-)', 141, ""),
}


@pytest.mark.parametrize("title", STREAMS)
def test_streams_that_fail(title: str, tmp_path: Path) -> None:
    command, line, code, says = STREAMS[title]
    outcome = ended(command, tmp_path, line)
    assert outcome.code == code
    assert "Traceback" not in outcome.err
    assert outcome.err.startswith(says)
    assert outcome.err.count("\n") == bool(says)
    assert outcome.out.startswith("binary-addition") == (code == 0)


CHECKERS_STREAMS = {
    "a full disk": ('"$@" > /dev/full', 5, "not judged: the output cannot be written: No space left on device\n"),
    "a closed output": ('"$@" >&-', 5, "not judged: the output cannot be written: Bad file descriptor\n"),
    "errors closed": ('"$@" 2>&-', 0, ""),
    "a reader that is gone": ('(sleep 0.2; exec "$@") | (exec <&-)', 141, ""),
}


@pytest.mark.parametrize("title", CHECKERS_STREAMS)
def test_streams_of_the_checker_that_fail(title: str, stand_ins: dict[str, str], tmp_path: Path) -> None:
    line, code, says = CHECKERS_STREAMS[title]
    certificate, machine, _ = stand_ins.values()
    outcome = ended((*CHECKER, certificate, "--machine", machine), tmp_path, line)
    assert (outcome.code, outcome.err) == (code, says)
    assert outcome.out.startswith("valid: certified") == (code == 0)


def test_a_narrow_terminal_without_unicode(tmp_path: Path) -> None:
    outcome = ended((*PROGRAM, "certify", "increment", "--input", "1", "--out", "out"), tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.isascii()
    assert len(files_in(tmp_path)) == 3


def test_a_sweep_on_a_full_disk_keeps_whole_lines(tmp_path: Path) -> None:
    """A limit on the length of files stands for a full disk."""
    command = (*PROGRAM, "sweep", "--machines", "4", "--workers", "1", "--out", "sweep.jsonl")
    room = 900
    outcome = ended(command, tmp_path, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    assert (outcome.code, outcome.out) == (5, "")
    assert outcome.err == "Error: cannot write to sweep.jsonl: File too large; give another --out\n"
    assert files_in(tmp_path) == ["sweep.jsonl"]
    text = (tmp_path / "sweep.jsonl").read_text()
    assert text.endswith("\n")
    assert len([json.loads(line) for line in text.splitlines()]) > 1


SUPERVISED = "from {module} import {name}\nimport os, signal, sys\nsys.exit({name}(lambda: {work}))"
ENDS = {
    "a library that exits with 0": ("os._exit(0)", 5),
    "a library that exits with 1": ("os._exit(1)", 5),
    "a solver without memory": ("os._exit(101)", 5),
    "the kernel, without memory": ("os.kill(os.getpid(), signal.SIGKILL)", 5),
    "a crash": ("os.abort()", 5),
    "an exception": ("1 // 0", 5),
    "no code": ("None", 5),
    "its own word": ("3", 3),
    "its own word, and then a crash": ("(sys.setswitchinterval(1), __import__('atexit').register(os.abort), 3)[2]", 3),
}


@pytest.mark.parametrize("title", ENDS)
@pytest.mark.parametrize(
    ("module", "name"),
    [("exactformer.certificates.supervisor", "supervise"), ("exactformer.certificates.checker.process", "run")],
)
def test_only_the_commands_own_word_is_a_verdict(title: str, module: str, name: str, tmp_path: Path) -> None:
    work, code = ENDS[title]
    program = SUPERVISED.format(module=module, name=name, work=work)
    outcome = ended((sys.executable, "-c", program), tmp_path)
    assert outcome.code == code
    if code == 5 and "exception" not in title and "no code" not in title:
        (line,) = [line for line in outcome.err.splitlines() if "ended" in line]
        assert line.startswith(("Error: the command was ended ", "not judged: the check was ended "))
