"""``exactformer machines``: what the library has, and how a machine is written down."""

from __future__ import annotations

import json

import click

from certificates.command_line.outcome import refusing
from constructions.machines.library import LIBRARY, machine_named
from constructions.machines.machine import MachineError


def execute(name: str | None, as_json: bool) -> None:
    """List the machines of the library; with a NAME, print that machine's text, to be copied and changed."""
    if name is not None:
        with refusing(MachineError):
            click.echo(machine_named(name).path.read_text(encoding="utf-8"), nl=False)
        return
    if as_json:
        entries = [
            {"name": entry.name, "description": entry.description, "examples": list(entry.examples)}
            for entry in LIBRARY.values()
        ]
        click.echo(json.dumps(entries, indent=2))
        return
    width = max(map(len, LIBRARY))
    for entry in LIBRARY.values():
        click.echo(f"{entry.name:<{width}}  {entry.description}")
