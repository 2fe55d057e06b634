"""``exactformer verify``: proves every word of a language up to a length, or finds the first wrong one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

from exactformer.certificates.checker.document import TooLarge, Undecided
from exactformer.certificates.command_line.certify import network_name, summary
from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.margins_plot import draw_margins
from exactformer.certificates.command_line.outcome import ExitCode, refusing
from exactformer.certificates.command_line.plots import require_plot, write_plot
from exactformer.certificates.command_line.progress import LateProgress
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.files import FileRefused, Output
from exactformer.certificates.network_json import NetworkDocumentError
from exactformer.certificates.reports.certificate import report_of
from exactformer.certificates.reports.words import report_on_explanation
from exactformer.certificates.requests import WordsRequest
from exactformer.certificates.words.certificate import WordsAsked, unfinished_of
from exactformer.certificates.words.explanation import explain
from exactformer.certificates.words.files import load_expected, load_language, load_model
from exactformer.certificates.words.setting import Setting, numbers_in
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_numbers import TransformerError
from exactformer.constructions.transformer.words import HARDMAX, Words, WordsError
from exactformer.verify.arithmetic.formats import FormatError, parse_format
from exactformer.verify.arithmetic.kernels import WHOLE
from exactformer.verify.arithmetic.models import ModelError, parse_arithmetic
from exactformer.verify.stored import stored_in

BAD_INPUT = (NetworkDocumentError, TransformerError, WordsError, FormatError, FileRefused)


@dataclass(frozen=True)
class Typed:
    """What was typed."""

    model: str
    spec: str
    language: str
    length: int
    first: int
    last: bool
    arithmetic: str
    beta: int
    budget: int
    explain: bool
    rounded: str | None
    plot: Path | None


def execute(typed: Typed, output: Output, as_json: bool) -> None:
    """Go through all words, write the certificate, and say what is known.

    Exit code: 0 proved, 1 refuted, 2 bad input (nothing is written), 3 inconclusive, 4 unsupported.
    """
    with refusing(*BAD_INPUT, ModelError):
        first = None if typed.last else typed.first
        words = Words(load_language(typed.language), typed.length, load_expected(typed.spec), first)
        plotted = None if typed.plot is None else require_plot(typed.plot, output.force)
        net = stored(typed, load_model(typed.model, words), as_json)
        model = parse_arithmetic(typed.arithmetic, of_networks=True)
        asked = WordsAsked(model, typed.beta, network_name(typed.model))
        unfinished = unfinished_of(output.folder, net, words, asked)
        request = WordsRequest(net, words, asked, typed.budget, unfinished)
    with refusing(*BAD_INPUT), refusing(ModelError, TooLarge, code=ExitCode.UNSUPPORTED):
        say_cost(request, as_json)
    with (
        LateProgress(not as_json) as progress,
        refusing(*BAD_INPUT),
        refusing(ModelError, TooLarge, code=ExitCode.UNSUPPORTED),
        refusing(Undecided, code=ExitCode.INCONCLUSIVE),
    ):
        output.require_folder()
        with unfinished.goes_on_later(*BAD_INPUT):
            bundle = request.certified(progress)
        written = output.write_bundle(bundle)
        unfinished.remove()
    if bundle.found.ignored is not None:
        click.echo(bundle.found.ignored, err=True)
    if as_json:
        click.echo(json.dumps(summary(written), indent=2))
    else:
        show(report_of(bundle, written))
        if typed.explain and (explanation := explain(bundle.found)) is not None:
            show(report_on_explanation(explanation))
    if plotted is not None and typed.plot is not None:
        write_plot(plotted, typed.plot, draw_margins([(typed.arithmetic, bundle.found)], typed.plot))
    raise click.exceptions.Exit(EXIT_CODE[bundle.verdict])


LONG = 1 << 22
"""Tokens times heads that take some seconds."""
PER_SECOND = 1 << 20


def say_cost(request: WordsRequest, quiet: bool) -> None:
    """Before a long run, say how long it takes at least: every head looks at every token of every word."""
    words, net = request.behaviour, request.network
    if quiet or words.expected == HARDMAX:
        return
    numbers = numbers_in(Setting.of(net, words, request.asked.model, request.asked.beta), words)
    tokens = sum(length * number for length, number in enumerate(numbers))
    work = tokens * max(1, sum(len(layer.heads) for layer in net.layers))
    if work > LONG:
        click.echo(
            f"{sum(numbers):,} words, {tokens:,} tokens: some {work // PER_SECOND} s, and more where tokens have many "
            "different states",
            err=True,
        )


def stored(typed: Typed, net: Transformer, quiet: bool) -> Transformer:
    """The network with its weights rounded to the format asked for, or to the one given instead of an arithmetic."""
    name = typed.rounded or (typed.arithmetic if typed.arithmetic in WHOLE else None)
    if name is None:
        return net
    found, changed = stored_in(net, parse_format(name))
    if changed and not quiet:
        show([f"weights: rounded to {name}, which changes {changed} of {sum(1 for _ in net.numbers())}"])
    return found
