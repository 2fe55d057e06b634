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
            help="For a certificate of approximation: the function that it has to be about.",
        ),
        click.option(
            "--theory",
            metavar="FILE",
            help="For a certificate about a theory: the theory that it has to be about, a file or a name.  If it is "
            "about a machine's runs, --machine is enough: our theory is found by its name.",
        ),
        click.option(
            "--network",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="For a certificate about sequences or words: its network, if that is not in the same folder.  The "
            "options above are not needed then.",
        ),
        click.option(
            "--budget",
            metavar="S",
            type=click.IntRange(min=1, max=999_999),
            default=600,
            show_default=True,
            help="Stop the check after this many seconds; then the certificate is not judged.",
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
    help="For a certificate about words: make sure that it expects what this specification says, which is run on "
    "every word again.  A certificate with a transducer contains what it expects and needs no --spec.",
)
@click.option(
    "--expect",
    "expected",
    type=click.Choice(["positive", Verdict.REFUTED.value, Verdict.INCONCLUSIVE.value]),
    default="positive",
    show_default=True,
    help="The verdict that the certificate must have for exit code 0.",
)
@click.option(
    "--second",
    is_flag=True,
    help="For a certificate about a theory: ask the second checker, too, a short one that was written by itself, from "
    "the contracts.  It does not judge all arithmetics, and takes longer.",
)
@json_of("the result")
def check(certificate: Path, machine: str | None, function: str | None, theory: str | None, **typed: Any) -> None:
    """Check CERTIFICATE against MACHINE.  The checker simulates the machine and replays the network from its weights,
    or proves for all inputs what the certificate claims; it redoes every inequality.  It imports nothing of what made
    the certificate.

    A certificate of approximation needs --function NAME: the checker follows all cells through the layers that
    quantise, runs the other layers exactly on all sequences of corners, and redoes every inequality.  If the
    certificate only states a function, its values, bound and modulus are assumed.

    A certificate about a theory needs --theory FILE: it is about every token sequence that the theory describes.  With
    --machine as well, its parameters have to be the tables of that machine.

    A certificate about given sequences names them and needs none of these options: the checker runs its network with
    hardmax exactly, and encloses the softmax network in intervals of rationals.

    Exit codes: 0 valid, and its verdict is that the claim holds (or the one --expect names), 1 not valid, or its
    verdict is the opposite, 2 unreadable input, or no certificate, 3 valid but inconclusive, 4 not judged: too large
    for the checker, or not decided in time.
    """
    from exactformer.certificates.command_line.asking import About
    from exactformer.certificates.command_line.check import execute

    subject = About(machine, function, theory, typed["network"], typed["spec"])
    execute(certificate, subject, typed["budget"], typed["expected"], typed["second"], typed["as_json"])


@command("report", short_help="Write a page that shows a certificate.")
@click.argument("certificate", type=click.Path(path_type=Path))
@click.option(
    "--html",
    "page",
    metavar="FILE",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page to write: one file that loads nothing.",
)
@click.option(
    "--check", "checking", is_flag=True, help="Check the certificate first; write no page if it is not valid."
)
@about
@click.option("--input", "word", metavar="W", help="Show the run on this word.  Default: a word with a short run.")
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
