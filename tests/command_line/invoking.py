"""Calls of the command ``exactformer``: in this process, by its entry point, or as it is installed."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from exactformer.certificates.command_line.main import main


@dataclass(frozen=True)
class Outcome:
    """The exit code of a command, and what it printed."""

    code: int
    out: str
    err: str


def invoke(*arguments: str | Path) -> Outcome:
    """Run the entry point here."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with patch.object(sys, "argv", ["exactformer", *map(str, arguments)]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Outcome(code, out.getvalue(), err.getvalue())


def run_installed(*arguments: str | Path, cwd: Path | None = None) -> Outcome:
    """Run the installed command in a process of its own."""
    command = Path(sys.executable).with_name("exactformer")
    done = subprocess.run([command, *arguments], capture_output=True, text=True, cwd=cwd, timeout=120, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def files_in(folder: Path) -> list[str]:
    """The names of everything below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
