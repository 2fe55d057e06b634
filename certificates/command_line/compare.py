"""``exactformer compare``: the high-precision construction and the ternary one, for the same number of tokens."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import click

from exactformer.certificates.command_line.audit import subject_of
from exactformer.certificates.command_line.compare_words import (
    DIFFERENT_TASKS,
    MEANINGS,
    NOT_PROVED_HERE,
    UNITS,
    condition_name,
    in_words,
    rule_text,
)
from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.numbers import shortened, whole_number
from exactformer.certificates.command_line.outcome import InputRefused, refusing
from exactformer.constructions.contextual.grid import GridError
from exactformer.constructions.turing.paradigm import ContextError
from exactformer.verify.arithmetic.models import ModelError, parse_arithmetic
from exactformer.verify.audit import Row
from exactformer.verify.contextual.comparison import Delta, DeltaRule, HighPrecision, Pair, compare

MOST_CELLS = 10_000
DEFAULT_SIZES = "1,6,5"


@dataclass(frozen=True)
class Asked:
    """What was typed."""

    machine: str | None
    dims: str | None
    contexts: tuple[int, ...]
    dimensions: tuple[int, ...]
    delta: str
    positional: bool
    arithmetic: str


def execute(asked: Asked, as_csv: bool, as_json: bool, plot: Path | None, force: bool) -> None:
    """Print the rows: in words, as CSV or as JSON; and draw them, if asked.

    Exit code: 0, or 2 for bad input (nothing is written).
    """
    if as_csv and as_json:
        raise InputRefused("give --csv or --json, not both")
    default = asked.machine is None and asked.dims is None
    subject = subject_of(asked.machine, DEFAULT_SIZES if default else asked.dims)
    delta = parse_delta(asked.delta)
    if plot is not None:
        from exactformer.certificates.command_line.comparison_plot import draw_comparison
        from exactformer.certificates.command_line.plots import require_plot, write_plot

        output = require_plot(plot, force)
    with refusing(ContextError, ModelError, GridError):
        model = parse_arithmetic(asked.arithmetic)
        pairs = list(compare(subject, model, asked.contexts, asked.dimensions, delta, asked.positional))
    if plot is not None:
        write_plot(output, plot, draw_comparison(pairs, rule_text(delta), plot))
    if as_csv:
        click.echo(as_csv_text(records_of(pairs)), nl=False)
    elif as_json:
        notes = [DIFFERENT_TASKS, NOT_PROVED_HERE, UNITS, *(f"{title}: {text}" for title, text in MEANINGS)]
        document = {
            "subject": subject.name,
            "delta": rule_text(delta),
            "positional": asked.positional,
            "notes": notes,
            "rows": records_of(pairs),
        }
        click.echo(json.dumps(document, indent=1))
    else:
        show(in_words(pairs, subject, delta, asked.positional))


def parse_delta(text: str) -> Delta:
    """A rule by its name, or 1/M.

    >>> parse_delta("1/4"), parse_delta("coarsest")
    (Fraction(1, 4), <DeltaRule.COARSEST: 'coarsest'>)
    """
    if text in (rule.value for rule in DeltaRule):
        return DeltaRule(text)
    one, _, below = text.partition("/")
    cells = whole_number(below)
    if one != "1" or cells is None or not 2 <= cells <= MOST_CELLS:
        raise InputRefused(f"--delta {shortened(text)}: give 1/M with M from 2 to {MOST_CELLS}, as-stated or coarsest")
    return Fraction(1, cells)


def records_of(pairs: Sequence[Pair]) -> list[dict[str, object]]:
    """Flat rows with the same names.  Numbers that may exceed 2^53 are strings.  From 2^64 on a number is None: how
    many bits it has is said instead."""
    found = [_record(pair) for pair in pairs]
    names = dict.fromkeys(name for row in found for name in row)
    return [{name: row.get(name) for name in names} for row in found]


def _record(pair: Pair) -> dict[str, object]:
    high, ternary = pair.high, _ternary_record(pair.ternary)
    return {
        "n": pair.n,
        "d": pair.d,
        "delta": str(pair.delta),
        "lemma_6": condition_name(pair),
        "why": high if isinstance(high, str) else high.cost.condition.value,
        **{f"ternary_{name}": value for name, value in ternary.items()},
        **({} if isinstance(high, str) else {f"high_{name}": value for name, value in _high_record(high).items()}),
    }


def _large(name: str, value: Fraction | int) -> dict[str, object]:
    return {name: str(value) if value < 1 << 64 else None, f"{name}_bit_length": int(value).bit_length()}


def _high_record(high: HighPrecision) -> dict[str, object]:
    cost, smallest = high.cost, high.smallest
    kinds: dict[str, object] = {}
    for one in cost.parameters:
        name = one.kind.name.lower()
        kinds |= {**_large(f"largest_{name}", one.largest), f"{name}_significand_bits": one.significand}
    return {
        "attention_layers": cost.counts.attention,
        **_large("tokenwise_layers", cost.counts.tokenwise),
        **_large("blocks", cost.blocks),
        "heads": cost.heads,
        **_large("neurons", cost.neurons),
        **_large("parameters_dense", cost.dense),
        **_large("parameters_nonzero", cost.nonzero),
        "largest_kind": cost.largest.kind.value,
        **_large("largest_parameter", cost.largest.largest),
        **kinds,
        "parameters_significand_bits": cost.weights.significand,
        "parameters_exponent_bits": cost.weights.exponent,
        "parameters_significand_bits_but_dismissal": cost.needed_bits,
        "ids_significand_bits_at_least": cost.id_bits.least,
        "ids_significand_bits": cost.id_bits.most,
        "ids_exponent_bits": cost.activations.exponent,
        "ids_distinct_needs_bits": cost.distinct_bits,
        "format": smallest.name,
        "format_exact": None if smallest.name is None else smallest.exact,
        "format_undecided": " ".join(smallest.undecided),
        "lambda": None if high.factor is None else str(high.factor),
    }


def _ternary_record(row: Row) -> dict[str, object]:
    return {
        "arithmetic": row.model.text,
        "verdict": row.verdict.value,
        "position_bits": row.size.position_bits,
        "layers": row.size.dimensions.layers,
        "heads": row.size.dimensions.heads,
        "width": row.size.dimensions.width,
        "parameters_dense": str(row.size.dense),
        "parameters_nonzero": str(row.size.nonzero),
        "largest_matrix": row.largest_parameter.matrix,
        "largest_parameter": str(row.largest_parameter.magnitude),
        "parameters_significand_bits": row.weights.significand,
        "parameters_exponent_bits": row.weights.exponent,
        "activations_significand_bits": row.activations.significand,
        "activations_exponent_bits": row.activations.exponent,
        "scores_significand_bits": row.scores.significand,
        "beta": str(row.beta),
    }


def as_csv_text(records: Sequence[dict[str, object]]) -> str:
    """A line of names, then one line per row; a missing value is empty."""
    written = io.StringIO()
    writer = csv.DictWriter(written, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return written.getvalue()
