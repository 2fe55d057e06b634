"""Tables that the code has, and help texts, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import click

from exactformer.certificates.command_line.help import Context
from exactformer.certificates.command_line.main import cli
from exactformer.certificates.command_line.outcome import MEANING as EXIT_CODES
from exactformer.verify.verdict import MEANING, Basis, Verdict

WIDTH = 80
"""Columns of what a command prints: what a page is wide enough for."""


def table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    """A table of Markdown with two columns.

    >>> print(table(("a", "b"), [("1", "x")]))
    | a | b |
    |---|---|
    | `1` | x |
    """
    return "\n".join([f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| `{one}` | {other} |" for one, other in rows)])


def help_of_commands() -> str:
    """What each command prints with ``--help``, under a heading of its name."""
    with _help("exactformer", cli, None) as whole:
        parts = [fenced(cli.get_help(whole))]
        for name, command in sorted(cli.commands.items()):
            with _help(name, command, whole) as context:
                parts.append(f"## {name}\n\n{fenced(command.get_help(context))}")
    return "\n\n".join(parts)


@contextmanager
def _help(name: str, command: click.Command, parent: click.Context | None) -> Iterator[click.Context]:
    with Context(command, parent, info_name=name, terminal_width=WIDTH, **command.context_settings) as context:
        yield context


def fenced(text: str, language: str = "text") -> str:
    """A block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


TABLES: dict[str, Callable[[], str]] = {
    "verdicts": lambda: table(
        ("verdict", "what is known of the claim"), [(one.value, MEANING[one]) for one in Verdict]
    ),
    "grounds": lambda: table(("title", "what a statement rests on"), [(one.title, MEANING[one]) for one in Basis]),
    "exit codes": lambda: table(("code", "meaning"), [(str(one.value), said) for one, said in EXIT_CODES.items()]),
    "commands": help_of_commands,
}
