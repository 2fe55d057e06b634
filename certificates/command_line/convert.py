"""``exactformer convert``: prints a machine of any format in our format, or in that of another tool."""

from __future__ import annotations

from pathlib import Path

import click

from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.foreign import commented
from exactformer.certificates.command_line.outcome import refusing
from exactformer.certificates.files import FileRefused, Output
from exactformer.constructions.machines.formats import OURS
from exactformer.constructions.machines.formats.registry import Loaded, Written, written
from exactformer.constructions.machines.library import load
from exactformer.constructions.machines.machine import MachineError


def execute(machine: str, to: str, out: Path | None, force: bool) -> None:
    """Print the machine, or write it; our format begins with comments that say how the machine was made."""
    with refusing(MachineError, FileRefused):
        loaded = load(machine)
        other = None if to == OURS else written(loaded, to)
        if out is None:
            click.echo(text_of(loaded, other), nl=False)
        else:
            Output(out.parent, force).write({out.name: text_of(loaded, other).encode()})
            show([f"written: {out}"])
    for change in () if other is None else other.changes:
        click.echo(change, err=True)


def text_of(loaded: Loaded, other: Written | None) -> str:
    """In our format, or in that of the other tool."""
    return commented(loaded) if other is None else other.text
