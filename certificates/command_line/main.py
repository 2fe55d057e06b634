"""The command ``exactformer``: all of its subcommands, and its entry point."""

from __future__ import annotations

import os
import sys

import click

from exactformer.certificates.command_line.declared import certificates, contextual, machines, reading
from exactformer.certificates.command_line.help import Group
from exactformer.certificates.command_line.outcome import EXIT_CODES, code_of


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)
@click.version_option(package_name="exactformer", prog_name="exactformer")
@click.pass_context
def cli(context: click.Context) -> None:
    """Certificates, in exact arithmetic, of what low-precision softmax transformers compute."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


for declaring in (certificates, contextual, machines, reading):
    for found in vars(declaring).values():
        if isinstance(found, click.Command):
            cli.add_command(found)


def execute(arguments: list[str]) -> None:
    """Do what the arguments ask for; it ends with an exception that `code_of` turns into an exit code."""
    if "_EXACTFORMER_COMPLETE" in os.environ:  # a shell asks for completions
        cli.main(arguments, "exactformer")
    with cli.make_context("exactformer", arguments) as context:
        cli.invoke(context)


def main() -> None:
    """The command in this process, as tests call it; `exactformer.__main__` is the program."""
    sys.exit(code_of(lambda: execute(sys.argv[1:])))
