"""``exactformer check``: hand a certificate and a machine to the checker, which imports nothing of ours."""

from __future__ import annotations

from pathlib import Path

import click

from certificates.checker.__main__ import run_checker
from constructions.machines.library import LIBRARY


def execute(certificate: Path, machine: str, as_json: bool) -> None:
    """Check CERTIFICATE against MACHINE: simulate the machine, replay the network from its weights, redo every
    inequality.

    Exit code: 0 valid (whether it certifies or refutes), 1 invalid, 2 unreadable input, 3 valid but inconclusive.
    """
    path = LIBRARY[machine].path if machine in LIBRARY else Path(machine)
    raise click.exceptions.Exit(run_checker(certificate, path, as_json))
