"""Commands that read certificates: what can be typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from exactformer.certificates.command_line.options import FORCE, Declared, command, json_of
from exactformer.verify.verdict import Verdict


def about(declared: Declared) -> Declared:
    """What a certificate has to be about, and how long a check may take."""
    options = (
        click.option("--machine", metavar="MACHINE", help="The machine that the certificate has to be about."),
        click.option(
            "--function",
            metavar="NAME",
            help="Instead, for a certificate of approximation: the function that it has to be about.",
        ),
        click.option(
            "--theory",
            metavar="FILE",
            help="For a certificate about a theory: the file or the name of that theory.  For one about a machine's "
            "runs --machine is enough: our theory is found by its name.",
        ),
        click.option(
            "--network",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="For a certificate about sequences or words, which needs none of these: its network, if it does not "
            "lie beside it.",
        ),
        click.option(
            "--budget",
            metavar="S",
            type=click.IntRange(min=1, max=999_999),
            default=600,
            show_default=True,
            help="Seconds for all of the check; if it takes longer, nothing is judged.",
        ),
    )
    for option in reversed(options):
        declared = option(declared)
    return declared


@command("check", short_help="Check a certificate, independently of what made it.")
@click.argument("certificate", type=click.Path(path_type=Path))
@about
@click.option(
    "--spec",
    metavar="FILE.py[:NAME]|FILE.yaml|hardmax",
    help="For a certificate about words: that this is what is expected; it is run on every word again.  One with a "
    "transducer needs no --spec: it has what is expected.",
)
@click.option(
    "--expect",
    "expected",
    type=click.Choice(["positive", Verdict.REFUTED.value, Verdict.INCONCLUSIVE.value]),
    default="positive",
    show_default=True,
    help="What the certificate has to say for exit code 0.",
)
@json_of("the result")
def check(certificate: Path, machine: str | None, function: str | None, theory: str | None, **typed: Any) -> None:
    """Check CERTIFICATE against MACHINE: simulate the machine, replay the network from its weights, or prove for all
    inputs what the certificate says of it; redo every inequality.  The checker imports nothing of what made the
    certificate.

    With --function NAME instead, a certificate of approximation: follow all cells through the layers that quantise, run
    the others on all sequences of corners, exactly; redo every inequality.  Of a function that the certificate only
    states, its values, bound and modulus are assumed.

    With --theory FILE, a certificate about a theory: every token sequence that the theory describes.  With --machine
    besides, its parameters have to be the tables of that machine.

    A certificate about given sequences names them and needs none of these: run its network with hardmax exactly,
    enclose the softmax network in intervals of rationals.

    Exit codes: 0 valid, and it says that the claim holds (or what --expect says), 1 not valid, or it says the opposite,
    2 unreadable input, or no certificate, 3 valid but inconclusive, 4 not judged: too large for the checker, or not
    decided in time.
    """
    from exactformer.certificates.command_line.asking import About
    from exactformer.certificates.command_line.check import execute

    subject = About(machine, function, theory, typed["network"], typed["spec"])
    execute(certificate, subject, typed["budget"], typed["expected"], typed["as_json"])


@command("report", short_help="Write a page that shows a certificate.")
@click.argument("certificate", type=click.Path(path_type=Path))
@click.option(
    "--html",
    "page",
    metavar="FILE",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page to write: one file, which loads nothing.",
)
@click.option("--check", "checking", is_flag=True, help="Check the certificate first; without a valid one no page.")
@about
@click.option("--input", "word", metavar="W", help="The word whose run is shown.  Default: one with a short run.")
@FORCE
def report(
    certificate: Path, machine: str | None, function: str | None, theory: str | None, network: Path | None, **typed: Any
) -> None:
    """Write a page that shows CERTIFICATE: its claim and verdict, what they rest on, the network by layer, separations,
    magnitudes and the rounding bound of its heads, its machine, a run token by token with attention, and a
    counterexample step by step.

    A page shows what a certificate says; it does not check it, and says so.  With --check the checker is asked first,
    as `exactformer check` asks it with the same options, and the page shows what it said.

    Exit codes: 0 the page is written, whatever verdict it shows; with --check 1 the certificate is not valid, 4 not
    judged, and there is no page; 2 bad input.
    """
    from exactformer.certificates.command_line.asking import About
    from exactformer.certificates.command_line.report import Page, execute

    subject = About(machine, function, theory, network)
    execute(certificate, subject, Page(**typed))
