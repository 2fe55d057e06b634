"""``exactformer certify``: make a certificate, write it, and say what it says."""

from __future__ import annotations

import json

import click

from exactformer.certificates.certify import Request, certify
from exactformer.certificates.command_line.outcome import ExitCode, InputRefused, refusing
from exactformer.certificates.command_line.progress import LateProgress
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.document import sha256
from exactformer.certificates.files import FileRefused, Output, Written
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.verify.arithmetic.models import ModelError, parse_arithmetic
from exactformer.verify.assessment import BetaError
from exactformer.verify.hardmax.forward import NotTernaryError
from exactformer.verify.hardmax.observe import HeadMismatch, TokenMismatch
from exactformer.verify.separation import SeparationNotProved


def execute(
    machine: str,
    inputs: tuple[str, ...],
    paradigm: str,
    context: int | None,
    arithmetic: str,
    beta: int | None,
    max_steps: int,
    output: Output,
    as_json: bool,
) -> None:
    """Certify MACHINE (a name of the library, or a file) on input words: that a softmax transformer in the given
    arithmetic generates its chain of thought exactly, token for token.

    Exit code: 0 certified, 1 refuted, 2 bad input (nothing is written), 3 inconclusive, 4 unsupported.
    """
    with refusing(MachineError, ModelError):
        loaded = load_machine(machine)
        model = parse_arithmetic(arithmetic)
    if len(set(inputs)) < len(inputs):
        twice = next(word for word in inputs if inputs.count(word) > 1)
        raise InputRefused(f"the input {twice!r} is given twice; give every input once")
    request = Request(loaded, inputs, model, Paradigm(paradigm), context, beta, max_steps)
    with (
        LateProgress(enabled=not as_json) as progress,
        refusing(MachineError, ContextError, BetaError, FileRefused),
        refusing(ModelError, code=ExitCode.UNSUPPORTED),
        refusing(SeparationNotProved, code=ExitCode.INCONCLUSIVE),
        refusing(NotTernaryError, HeadMismatch, TokenMismatch, code=ExitCode.REFUTED),
    ):
        output.require(request.subject)
        bundle = certify(request, progress)
        written = output.write_bundle(bundle)
    if as_json:
        click.echo(json.dumps(summary(written), indent=2))
    else:
        from exactformer.certificates.command_line.report import print_report

        print_report(bundle, written)
    raise click.exceptions.Exit(EXIT_CODE[bundle.assessment.verdict])


def require_inputs(inputs: tuple[str, ...], space: int | None, assumed_writes: int | None, claim: str) -> None:
    """Without --all-inputs there must be inputs, and nothing is to be assumed."""
    if not inputs:
        raise InputRefused("give an input word with --input, or --all-inputs for a proof about every input")
    if space is not None:
        raise InputRefused("--space goes with --all-inputs: on given inputs cells are counted")
    if assumed_writes is not None:
        raise InputRefused("--assume-writes-per-cell goes with --all-inputs: on given inputs writes are counted")
    if claim != "activations":
        raise InputRefused(f"--claim {claim} goes with --all-inputs: it is proved for every run, or not at all")


def summary(written: Written) -> dict[str, object]:
    """What ``--json`` prints: the certificate, its name, and where it lies."""
    certificate = json.loads(written.bytes)
    return {
        "verdict": certificate["verdict"],
        "claim": certificate["statement"]["claim"],
        "files": {"certificate": str(written.certificate), "weights": str(written.weights)},
        "sha256": sha256(written.bytes),
        "certificate": certificate,
    }
