"""Commands about machines and lemmas: what can be typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from exactformer.certificates.command_line.numbers import number_of
from exactformer.certificates.command_line.options import (
    ARITHMETIC,
    CONTEXT,
    FORCE,
    MAX_STEPS,
    PARADIGM,
    TOKENS,
    command,
    json_of,
    pool,
)
from exactformer.certificates.command_line.outcome import EXIT_CODES
from exactformer.constructions.machines.formats import OURS, TITLES


@command("run", short_help="Show the chain of thought of MACHINE, token by token.", epilog=EXIT_CODES)
@click.argument("machine")
@click.argument("word", metavar="W")
@PARADIGM
@CONTEXT
@MAX_STEPS
@click.option(
    "--decode",
    "by_decoding",
    is_flag=True,
    help="Generate token by token from the prompt alone (slow), instead of checking the whole run in one pass.",
)
@json_of("the tokens")
def show_run(**typed: Any) -> None:
    """Show the chain of thought of MACHINE on the word W, in exact integers, and say what its tokens mean.

    Every token after the prompt is the unique best next token of the hardmax transformer.  If one is not, the
    command says where and ends with exit code 1.
    """
    from exactformer.certificates.command_line.run import execute

    execute(**typed)


@command("machines", short_help="List the machines of the library, or print a machine.")
@click.argument("machine", required=False)
@json_of("the list")
def machines(machine: str | None, as_json: bool) -> None:
    """List the machines of the library.  With a MACHINE, print its text, to be copied and changed.  A machine in
    another format, such as a busy beaver, is printed as the one-way machine that it is folded onto."""
    from exactformer.certificates.command_line.machines import execute

    execute(machine, as_json)


@command("convert", short_help="Print MACHINE in our format, or in that of another tool.", epilog=EXIT_CODES)
@click.argument("machine")
@click.option(
    "--to",
    type=click.Choice(list(TITLES)),
    default=OURS,
    show_default=True,
    help="Which format to write.",
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of printing.",
)
@FORCE
def convert(**typed: Any) -> None:
    """Print MACHINE in our format: as it is compiled, run and certified, with comments that say how it was made from
    the machine of another tool.  Or, with --to, print it in the format of another tool: as it was given, if that
    format can express it; standard error says what had to be changed.

    The content of a file decides which format it has.  These are read: YAML of turingmachine.io, programs of
    Morphett's simulator, files of JFLAP, machines of automata-lib as JSON or in Python, tables, CSV and lists of busy
    beavers (constructions/machines/README.md).

    Our machines have tapes with an end.  In other formats the first step marks cell 0 of each tape, so that the
    machine finds it again."""
    from exactformer.certificates.command_line.convert import execute

    execute(**typed)


@command("validate", short_help="Check MACHINE's text, and what its runs can reach.", epilog=EXIT_CODES)
@click.argument("machine")
@json_of("what was found")
def validate(machine: str, as_json: bool) -> None:
    """Say whether MACHINE is well formed, or the line and column of the fault.  From its transitions alone, say also
    which states a run can reach, where it can get stuck without a transition, and whether it can halt."""
    from exactformer.certificates.command_line.validate import execute

    execute(machine, as_json)


@command("arithmetics", short_help="List number formats, steps of kernels, named kernels.")
@json_of("the lists")
def arithmetics(as_json: bool) -> None:
    """List what --arithmetic takes: number formats, steps, and named kernels with what is believed of them."""
    from exactformer.certificates.command_line.arithmetics import execute

    execute(as_json)


@command("sweep", short_help="Verify, or prove, thousands of random machines.")
@click.option(
    "--machines",
    metavar="M",
    type=number_of("machines", high=1 << 32),
    default=1000,
    show_default=True,
    help="How many.",
)
@click.option("--seed", metavar="S", type=int, default=0, show_default=True, help="Which sweep.")
@pool
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("sweep.jsonl"),
    show_default=True,
    help="File of results, one line per machine; an interrupted sweep goes on from what it has.",
)
@click.option(
    "--all-inputs",
    is_flag=True,
    help="Instead of replaying runs, prove each machine for every input that fits.",
)
@click.option(
    "--context",
    metavar="N",
    type=TOKENS,
    default=256,
    show_default=True,
    help="With --all-inputs: context length in tokens.  A machine takes some seconds, and more for longer contexts.",
)
@ARITHMETIC
@json_of("the summary")
def sweep(
    all_inputs: bool, context: int, arithmetic: str, workers: int | None, scheduler: str | None, **typed: Any
) -> None:
    """Verify every token of random machines' runs, chain of thought and summarized, in exact integers; or, with
    --all-inputs, prove each machine for every run that fits.

    Exit codes: 0 every token is predicted, or every machine is proved, 1 a token is not predicted, 2 bad input, 3 a
    machine is not proved, 130 interrupted (what is done is kept).
    """
    from exactformer.certificates.command_line.pools import Where

    where = Where(workers, scheduler)
    if all_inputs:
        from exactformer.certificates.command_line import sweep_all

        sweep_all.execute(context=context, arithmetic=arithmetic, where=where, **typed)
    from exactformer.certificates.command_line.sweep import execute

    execute(where=where, **typed)


@command("lemmas", short_help="Re-prove the lemmas that the constructions rely on.")
@click.option(
    "--width",
    "widths",
    metavar="R",
    multiple=True,
    help="Bits of a position, or a range like 2..32; may be repeated.  Default: 8 and 16; with --mutate, 3.",
)
@click.option(
    "--only",
    metavar="ID",
    multiple=True,
    help="Only this lemma, or family of lemmas like gadget, and what it rests on; may be repeated.",
)
@click.option(
    "--budget",
    metavar="S",
    type=click.IntRange(min=0),
    help="Time limit in seconds for one lemma at one width.  Default: 60.",
)
@click.option(
    "--mutate",
    "by_mutation",
    is_flag=True,
    help="Change every weight of every gadget, and see whether its lemma notices.",
)
@json_of("statements, verdicts and evidence")
def lemmas(**typed: Any) -> None:
    """Re-prove the lemmas that the constructions rely on: about gadgets (on their concrete weights), look-ups,
    dimensions and rounding.  A lemma that does not hold is shown with a counterexample.

    Exit codes: 0 all proved, 1 one refuted (or a change of weights missed), 2 bad input, 3 one inconclusive.
    """
    from exactformer.certificates.command_line.lemmas import execute

    execute(**typed)
