"""Where reports are printed: how wide the terminal is, and whether it shows emphasis."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable

import click

from exactformer.certificates.reports.layout import NARROWEST, TIE, Part, laid_out


def line_width() -> int | None:
    """COLUMNS if it is a number, else the width of the terminal; None in a pipe."""
    if re.fullmatch(r"[0-9]{1,5}", columns := os.environ.get("COLUMNS", ""), re.ASCII) and int(columns):
        return max(int(columns), NARROWEST)
    try:
        found = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):  # no terminal, or no file at all
        return None
    return max(found, NARROWEST) if found else None


def show(parts: Iterable[Part]) -> None:
    """Print a report on standard output; emphasis is for terminals only, and not with NO_COLOR."""
    plain = bool(os.environ.get("NO_COLOR"))
    for line in laid_out(parts, line_width()):
        text = line.text.replace(TIE, " ")
        click.echo(text if plain or not line.style else click.style(text, **dict(line.style)))
