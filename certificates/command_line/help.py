"""How the ``--help`` of every command looks: nothing is cut, and one text says what a MACHINE may be."""

from __future__ import annotations

from collections.abc import Iterable

import click

from exactformer.certificates.command_line.console import line_width
from exactformer.certificates.command_line.outcome import EXIT_CODES, MEANING
from exactformer.certificates.reports.layout import PROSE

IN_A_PIPE = 80
"""Columns of a help text where there is no terminal."""
MACHINE = (
    "MACHINE is the name of a machine of the library (`exactformer machines` lists them), a file, or a busy beaver "
    "text such as 1RB1LB_1LA1RZ. Files of other tools can be read, too: `exactformer convert --help` lists them."
)


class Formatter(click.HelpFormatter):
    """Help texts are as wide as reports, and legible in a narrow terminal, too."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        columns = min(line_width() or IN_A_PIPE, max_width or PROSE)
        super().__init__(indent_increment, width or columns, max_width)

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Terms and what they mean; the terms take at most a third of the width."""
        super().write_dl(list(rows), min(col_max, self.width // 3), col_spacing)


class Context(click.Context):
    """Where a command is called."""

    formatter_class = Formatter


class _ExitCodes(click.Command):
    """If a command's epilog is `EXIT_CODES`, the table of exit codes follows its help, one line for each."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table, or whatever else is said there."""
        if self.epilog is not EXIT_CODES:
            super().format_epilog(ctx, formatter)
            return
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), meaning) for code, meaning in MEANING.items()])


class Command(_ExitCodes):
    """A command; one that takes a MACHINE says what that may be."""

    context_class = Context

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help, then the text about machines."""
        super().format_help_text(ctx, formatter)
        if any("MACHINE" in (param.human_readable_name, param.metavar) for param in self.params):
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(MACHINE)


class Group(_ExitCodes, click.Group):
    """Commands with one line each."""

    command_class = Command
    context_class = Context

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  # as click calls it
        formatter: click.HelpFormatter,
    ) -> None:
        """Each command with its ``short_help``, whole: click would cut it to the width."""
        rows = [(name, command.short_help or "") for name, command in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
