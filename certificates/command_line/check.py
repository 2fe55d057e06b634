"""``exactformer check``: hand a certificate and a machine to the checker, which imports nothing of ours."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import click

from certificates.checker.__main__ import main as run_checker
from certificates.command_line.progress import late_spinner
from constructions.machines.library import LIBRARY


def execute(certificate: Path, machine: str, solver: str, budget: int, as_json: bool) -> None:
    """MACHINE is a name of the library or a file; the checker itself reads files only."""
    path = LIBRARY[machine].path if machine in LIBRARY else Path(machine)
    arguments = [str(certificate), "--machine", str(path), "--solver", solver, "--budget", str(budget)]
    printed, complaint = io.StringIO(), io.StringIO()
    with (
        late_spinner("checking", enabled=not as_json),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(complaint),
    ):
        code = run_checker(arguments)
    if not as_json:
        click.echo(printed.getvalue(), nl=False)
        click.echo(complaint.getvalue(), nl=False, err=True)
        raise click.exceptions.Exit(code)
    said = {"exit_code": code, "report": printed.getvalue().splitlines(), "error": complaint.getvalue().strip()}
    click.echo(json.dumps(said, indent=2))
    raise click.exceptions.Exit(code)
