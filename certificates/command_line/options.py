"""Options that several commands share, and how commands are declared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import click

from exactformer.certificates.command_line.help import Command
from exactformer.certificates.command_line.numbers import auto_or_power_of_two, number_of
from exactformer.constructions.turing.paradigm import Paradigm

command = partial(click.command, cls=Command)
"""A command.  Its work is in the module of its name, which is imported on use, so that every ``--help`` is quick."""
Declared: TypeAlias = Any
"""A function, or a command, that has options."""
Decorator: TypeAlias = Callable[[Declared], Declared]
TOKENS = number_of("tokens")
CONTEXT = click.option(
    "--context",
    metavar="N",
    type=TOKENS,
    help="Context length in tokens, like 1000 or 2^20.  Default: the smallest that fits.",
)
PARADIGM = click.option(
    "--paradigm",
    type=click.Choice(["cot", "scot"]),
    default="cot",
    show_default=True,
    callback=lambda _context, _option, name: Paradigm(name),
    help="Chain of thought, or summarized chain of thought.",
)
MAX_STEPS = click.option(
    "--max-steps",
    metavar="T",
    type=number_of("steps"),
    default=1_000_000,
    show_default=True,
    help="Give up on a machine that has not halted after T steps.",
)
ARITHMETIC = click.option(
    "--arithmetic",
    metavar="A",
    default="fused:bf16",
    show_default=True,
    help="fused:W, fused:W/ACC/A, rounded:W/A, rounded:W/ACC/A or exact, steps after them, or kernel:NAME; "
    "formats: fp32 bf16 fp16 e4m3fn e5m2 fixedF float(p,emin,emax).  See exactformer arithmetics.",
)
FORCE = click.option("--force", is_flag=True, help="Replace files that exist and differ.  Default: keep them.")


def beta_that(chooses: str) -> Decorator:
    """A beta, or the one that the command chooses."""
    return click.option(
        "--beta",
        metavar="auto|B",
        type=auto_or_power_of_two,
        default="auto",
        show_default=True,
        help=f"The factor of all scores: a power of two; auto is the {chooses}.",
    )


def json_of(what: str) -> Decorator:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON.")


def pool(declared: Declared) -> Declared:
    """Where work is done that many processes can do."""
    workers = click.option(
        "--workers", metavar="W", type=click.IntRange(min=1), help="Processes.  Default: one per core."
    )
    scheduler = click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Work on a cluster of dask.distributed instead, like tcp://10.0.0.1:8786; needs the extra [cluster].",
    )
    return workers(scheduler(declared))


def rows(declared: Declared) -> Declared:
    """How rows are printed, and whether they are drawn."""
    plot = click.option(
        "--plot",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Draw the rows: .svg or .png; needs matplotlib.",
    )
    as_csv = click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
    return as_csv(json_of("the rows")(plot(FORCE(declared))))
