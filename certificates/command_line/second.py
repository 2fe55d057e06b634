"""Asks the second checker about a certificate of a theory, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from exactformer.certificates.command_line.outcome import ExitCode
from exactformer.verify.verdict import Verdict

VERDICTS = {0: Verdict.PROVED.value, 3: Verdict.INCONCLUSIVE.value}
"""Of the second checker's exit codes, those for valid certificates."""


@dataclass(frozen=True)
class Second:
    """What it said; ``verdict``: None if not valid; ``code``: the exit code, if that is not the first one's verdict."""

    sentence: str
    code: ExitCode
    verdict: str | None


def ask_second(certificate: Path, machine: Path | bytes | None, theory: Path | None, budget: int) -> Second:
    """Once the first checker called the certificate valid.  A machine is a file, or the text of one."""
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(machine, bytes):
            text, machine = machine, Path(folder, "machine.yaml")
            machine.write_bytes(text)
        command: list[str | Path] = [sys.executable, "-P", "-m", "exactformer.certificates.second_checker", certificate]
        command += [] if machine is None else ["--machine", machine]
        command += [] if theory is None else ["--theory", theory]
        found = subprocess.run([*command, "--budget", str(budget)], capture_output=True, text=True, check=False)
    if found.returncode in VERDICTS:
        verdict = VERDICTS[found.returncode]
        return Second(f"the second checker says: valid: {verdict}", ExitCode.FAILED, verdict)
    said = found.stderr.strip() or f"it ended with exit code {found.returncode}"
    if found.returncode == ExitCode.UNSUPPORTED:
        return Second(f"the second checker says: {said}", ExitCode.UNSUPPORTED, None)
    if found.returncode == ExitCode.REFUTED:
        disagree = "the checkers disagree, so one of them is wrong, and nothing is judged"
        return Second(f"{disagree}; the second one says: {said}", ExitCode.FAILED, None)
    return Second(f"the second checker failed: {said}", ExitCode.FAILED, None)
