"""``exactformer machines``: lists the library, or prints the text of a machine."""

from __future__ import annotations

import json

import click

from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import refusing
from exactformer.certificates.reports.layout import Facts
from exactformer.constructions.machines.library import LIBRARY, load
from exactformer.constructions.machines.machine import MachineError


def execute(machine: str | None, as_json: bool) -> None:
    """List the machines of the library; with a MACHINE, print its text, to be copied and changed.

    A machine of the library is printed with its comments; any other as certificates hold it.  If it is in another
    format, comments say how it was made, as `convert` prints it.
    """
    if machine is not None:
        click.echo(text_of(machine), nl=False)
    elif as_json:
        entries = [
            {"name": entry.name, "description": entry.description, "examples": list(entry.examples)}
            for entry in LIBRARY.values()
        ]
        click.echo(json.dumps(entries, indent=2))
    else:
        show([Facts(tuple((entry.name, entry.description) for entry in LIBRARY.values()))])


def text_of(machine: str) -> str:
    """The text of any MACHINE."""
    if machine in LIBRARY:
        return LIBRARY[machine].path.read_text(encoding="utf-8")
    with refusing(MachineError):
        # What these import reads YAML, which is slow to import.
        from exactformer.certificates.command_line.foreign import commented
        from exactformer.constructions.machines.text import write_machine

        loaded = load(machine)
        return write_machine(loaded.machine) if loaded.normal is None else commented(loaded)
