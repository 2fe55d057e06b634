"""``python -m benchmarks.NAME --help`` says what a benchmark does, and starts nothing."""

from __future__ import annotations

import subprocess
from importlib import import_module
from pathlib import Path

import pytest

import benchmarks

FOLDER = Path(benchmarks.__file__).parent
SHARED = ("__init__", "command")
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in SHARED))


def never(*_: object, **__: object) -> None:
    raise AssertionError("a help text starts nothing")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("--no-such-option", 2)])
def test_help_and_wrong_usage_start_nothing(
    name: str, argument: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if name in ("runtime", "sudoku"):
        pytest.importorskip("torch")
    module = import_module(f"benchmarks.{name}")
    monkeypatch.setattr(subprocess, "Popen", never)
    monkeypatch.setattr(Path, "write_text", never)
    with pytest.raises(SystemExit) as stopped:
        module.main([argument])
    assert stopped.value.code == code
    printed = capsys.readouterr()
    assert f"usage: python -m benchmarks.{name}" in printed.out + printed.err
    if code == 0:
        first = (module.__doc__ or "").splitlines()[0]
        assert first in printed.out
    else:
        assert "unrecognized arguments: --no-such-option" in printed.err
