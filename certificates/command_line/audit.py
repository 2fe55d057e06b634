"""``exactformer audit``: what each arithmetic asks of a machine's network, for contexts up to 2^64 tokens."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import click

from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import ExitCode, InputRefused, refusing
from exactformer.certificates.reports.audit import Audit, as_csv_text, report_of_audit, sizes_subject
from exactformer.constructions.behaviour import BehaviourError
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.verify.arithmetic.models import ArithmeticModel, ModelError, parse_arithmetic
from exactformer.verify.counting import Subject

MODELS = ("rounded", "fused")


@dataclass(frozen=True)
class Asked:
    """What was typed; ``dims`` or ``machine``.  ``arithmetics``, if there are any, replace formats and models."""

    machine: str | None
    dims: str | None
    paradigm: Paradigm
    contexts: tuple[int, ...]
    formats: str
    models: str
    arithmetics: tuple[str, ...] = ()


def execute(asked: Asked, as_csv: bool, as_json: bool, plot: Path | None, force: bool) -> None:
    """Print the rows: in words, as CSV or as JSON; and draw them, if asked.

    Exit code: 0, or 2 for bad input and 4 for an arithmetic without an admitted beta (nothing is written).
    """
    if as_csv and as_json:
        raise InputRefused("give --csv or --json, not both")
    subject = subject_of(asked.machine, asked.dims)
    if plot is not None:
        from exactformer.certificates.command_line.audit_plot import draw_audit
        from exactformer.certificates.command_line.plots import require_plot, write_plot

        output = require_plot(plot, force)
    with refusing(ModelError):
        models = tuple(dict.fromkeys(map(parse_arithmetic, asked.arithmetics)))
    models = models or parse_models(asked.models, asked.formats)
    with refusing(ContextError), refusing(ModelError, code=ExitCode.UNSUPPORTED):
        found = Audit.of(subject, asked.paradigm, models, asked.contexts)
    if plot is not None:
        write_plot(output, plot, draw_audit(found.rows, subject.name if asked.machine else None, plot))
    if as_csv:
        click.echo(as_csv_text(found), nl=False)
    elif as_json:
        click.echo(json.dumps(found.document(), indent=1))
    else:
        show(report_of_audit(found))


def subject_of(machine: str | None, dims: str | None) -> Subject:
    """What is counted: a machine, or all of the sizes K,Q,G."""
    if (machine is None) == (dims is None):
        raise InputRefused("give a MACHINE, or --dims K,Q,G for all machines of that size")
    if machine is not None:
        with refusing(MachineError):
            return Subject.of_machine(load_machine(machine))
    parts = re.fullmatch(r"(\d{1,9}),(\d{1,9}),(\d{1,9})", dims or "", re.ASCII)
    with refusing(BehaviourError):
        return sizes_subject(tuple(map(int, parts.groups())) if parts else (), f"--dims {dims}")


def parse_models(models: str, formats: str) -> tuple[ArithmeticModel, ...]:
    """Each model with each format: W for attention weights and activations, or W/A.

    >>> [model.text for model in parse_models("rounded,fused", "fp16/bf16")]
    ['rounded:fp16/bf16', 'fused:fp16/fp32/bf16']
    """
    made: dict[ArithmeticModel, None] = {}
    for model in models.split(","):
        if model not in MODELS:
            raise InputRefused(f"--models {model!r}: known are {' and '.join(MODELS)}")
        for named in re.split(r",(?![^(]*\))", formats):
            weights, slash, activations = named.strip().partition("/")
            middle = "/fp32" if slash and model == "fused" else ""
            with refusing(ModelError):
                made[parse_arithmetic(f"{model}:{weights}{middle}{slash}{activations}")] = None
    return tuple(made)
