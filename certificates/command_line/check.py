"""``exactformer check``: hand a certificate and a machine to the checker, which imports nothing of ours."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import click

from certificates.checker.__main__ import main as run_checker
from constructions.machines.library import LIBRARY


def execute(certificate: Path, machine: str, as_json: bool) -> None:
    """MACHINE is a name of the library or a file; the checker itself reads files only."""
    path = LIBRARY[machine].path if machine in LIBRARY else Path(machine)
    arguments = [str(certificate), "--machine", str(path)]
    if not as_json:
        raise click.exceptions.Exit(run_checker(arguments))
    printed, complaint = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaint):
        code = run_checker(arguments)
    said = {"exit_code": code, "report": printed.getvalue().splitlines(), "error": complaint.getvalue().strip()}
    click.echo(json.dumps(said, indent=2))
    raise click.exceptions.Exit(code)
