"""``exactformer machines``: what the library has, and how a machine is written down."""

from __future__ import annotations

import json

import click

from certificates.command_line.outcome import refusing
from constructions.machines.busy_beaver import looks_like_busy_beaver
from constructions.machines.library import LIBRARY, load_machine, machine_named
from constructions.machines.machine import MachineError
from constructions.machines.text import write_machine


def execute(name: str | None, as_json: bool) -> None:
    """List the machines of the library; with a NAME, print that machine's text, to be copied and changed.

    A busy beaver text is printed as the one-way machine that it is folded onto.
    """
    if name is not None:
        with refusing(MachineError):
            if looks_like_busy_beaver(name):
                click.echo(write_machine(load_machine(name)), nl=False)
                return
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
