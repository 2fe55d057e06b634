"""``exactformer kernel``: bounds the error of the attention kernel that a recipe describes, or finds a bad input."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import click

from exactformer.certificates.checker.kernels.bound import Inputs
from exactformer.certificates.checker.kernels.numbers import Number
from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.numbers import number_of
from exactformer.certificates.command_line.outcome import InputRefused, refusing
from exactformer.certificates.command_line.plots import drawn, pyplot_for, require_plot, write_plot
from exactformer.certificates.command_line.progress import LateProgress
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.document import rational, sha256
from exactformer.certificates.files import FileRefused, Output
from exactformer.certificates.kernels.certificate import (
    KernelAsked,
    KernelBundle,
    Swept,
    certify_kernel,
    in_decimals,
    input_of,
    sweep,
)
from exactformer.certificates.kernels.files import KernelText, RecipeError, load_recipe
from exactformer.certificates.kernels.inputs import drift_of_products
from exactformer.certificates.reports.kernels import report_on_kernel, report_on_sweep
from exactformer.constructions.behaviour import BehaviourError

BAD_INPUT = (RecipeError, FileRefused, BehaviourError)
KEYS = "keys"
"""What a sweep may vary other than a field of the recipe."""


@dataclass(frozen=True)
class Typed:
    """What was typed."""

    recipe: str
    keys: int
    scores: tuple[Fraction, Fraction]
    values: tuple[Fraction, Fraction]
    masked: str
    tolerance: Fraction | None
    head_width: int | None
    entries: Fraction | None
    sweep: str | None
    plot: Path | None


def execute(typed: Typed, output: Output, as_json: bool) -> None:
    """Prove a bound, or find an input, and write a certificate; or print what a sweep gives.

    Exit code: 0 proved, or a sweep, 1 refuted, 2 bad input (nothing is written), 3 inconclusive.
    """
    with refusing(*BAD_INPUT):
        text = load_recipe(typed.recipe)
        inputs = Inputs(typed.keys, typed.scores, typed.values, typed.masked, drift_of(typed, text))
        asked = KernelAsked(text, inputs, typed.tolerance)
    if typed.sweep is not None:
        execute_sweep(typed.sweep, asked, typed.plot, output.force, as_json)
        return
    if typed.plot is not None:
        raise InputRefused("--plot needs --sweep FIELD=A,B,..: without it there is nothing to draw")
    with LateProgress(not as_json) as progress, refusing(*BAD_INPUT):
        output.require_folder()
        bundle = certify_kernel(asked, progress)
        name = bundle.subject.certificate
        lying = output.write({name: bundle.bytes})[name]
    if as_json:
        click.echo(json.dumps(summary(bundle, output.folder / name, lying), indent=2))
    else:
        show(report_on_kernel(bundle, output.folder / name))
    raise click.exceptions.Exit(EXIT_CODE[bundle.found.verdict])


def drift_of(typed: Typed, text: KernelText) -> Fraction:
    """How far scores may be from exact ones: 0 unless options say what they are products of."""
    if (typed.head_width is None) != (typed.entries is None):
        raise InputRefused(
            "--head-width and --entries go together: give how many products a score sums, and how large the entries are"
        )
    if typed.head_width is None or typed.entries is None:
        return Fraction(0)
    return in_decimals(drift_of_products(text.recipe, typed.head_width, typed.entries, typed.scores))


def summary(bundle: KernelBundle, path: Path, lying: bytes) -> dict[str, object]:
    """What ``--json`` prints: the certificate, where it was written, and what it does not say."""
    worst = bundle.found.worst
    return {
        "verdict": bundle.found.verdict.value,
        "claim": bundle.claim,
        "reason": bundle.found.reason,
        "found": None if worst is None else written(worst.error),
        "script": bundle.script,
        "files": {"certificate": str(path)},
        "sha256": sha256(lying),
        "certificate": json.loads(lying),
    }


def written(number: Number) -> str:
    """For ``--json``: a rational, or an infinity or NaN by its name."""
    return rational(number) if isinstance(number, Fraction) else number.value


def execute_sweep(text: str, asked: KernelAsked, plot: Path | None, force: bool, as_json: bool) -> None:
    """What is proved and what is found for each value of a field."""
    field, equals, listed = (part.strip() for part in text.partition("="))
    values = [value.strip() for value in listed.split(",")]
    if not equals or not all(values) or len(set(values)) < len(values):
        raise InputRefused(f"--sweep {text!r}: give FIELD=A,B,.., like maximum.threshold=0,4,8, each value once")
    plotted = None if plot is None else require_plot(plot, force)
    with LateProgress(not as_json) as progress, refusing(*BAD_INPUT):
        rows = sweep([(value, changed(asked, field, value)) for value in values], progress)
    if as_json:
        click.echo(json.dumps([row_of(field, row) for row in rows], indent=2))
    else:
        show(report_on_sweep(field, rows))
    if plotted is not None and plot is not None:
        write_plot(plotted, plot, draw_sweep(field, rows, plot))


def changed(asked: KernelAsked, field: str, value: str) -> KernelAsked:
    """The recipe with another value of a field, or another number of keys.  Raises RecipeError."""
    if field != KEYS:
        return replace(asked, text=asked.text.changed(field, value))
    try:
        keys = number_of(KEYS, high=2**40)(value)
    except click.BadParameter as error:
        raise RecipeError(f"keys: {error.message}") from error
    return replace(asked, inputs=replace(asked.inputs, keys=keys))


def row_of(field: str, row: Swept) -> dict[str, object]:
    """For ``--json``: errors as rationals; null if nothing is proved, or found."""
    found = row.found
    return {
        field: row.value,
        "shown": None if found.total is None else rational(found.total),
        "errors": None if found.errors is None else {cause: rational(one) for cause, one in found.errors.items()},
        "found": None if found.worst is None else written(found.worst.error),
        "reason": found.reason,
        "differing": None if row.differing is None else input_of(row.differing),
    }


def draw_sweep(field: str, rows: Sequence[Swept], path: Path) -> bytes:
    """For each value, in the order given, what is proved beside what is found."""
    plt = pyplot_for(path)
    figure, axis = plt.subplots(figsize=(8, 4.5))
    found = [row.found for row in rows]
    shown = [(place, float(one.total)) for place, one in enumerate(found) if one.total is not None]
    errors = [(place, one.worst.error) for place, one in enumerate(found) if one.worst is not None]
    finite = [(place, float(error)) for place, error in errors if isinstance(error, Fraction) and error > 0]
    for points, label, marker in ((shown, "shown: at most", "v"), (finite, "found: at least", "^")):
        axis.plot([place for place, _ in points], [error for _, error in points], marker=marker, label=label)
    for place, error in errors:
        if not isinstance(error, Fraction):
            axis.annotate("no number", (place, 0.9), xycoords=("data", "axes fraction"), ha="center")
    axis.set_yscale("log")
    axis.set_xticks(range(len(rows)), [row.value for row in rows])
    axis.set_xlabel(field)
    axis.set_ylabel("error of one output")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.tight_layout()
    return drawn(plt, figure, path)
