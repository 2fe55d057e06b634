"""``exactformer certify``: make a certificate, write it, and say what it says."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import click

from certificates.certify import Bundle, Request, certify
from certificates.command_line.outcome import ExitCode, InputRefused, refusing
from certificates.command_line.progress import LateProgress
from certificates.command_line.verdicts import EXIT_CODE
from certificates.document import sha256, write_file
from constructions.machines.library import load_machine
from constructions.machines.machine import MachineError
from constructions.turing.paradigm import ContextError, Paradigm
from verify.arithmetic.models import ModelError, parse_arithmetic
from verify.assessment import BetaError
from verify.hardmax.forward import NotTernaryError
from verify.hardmax.observe import HeadMismatch, TokenMismatch
from verify.separation import SeparationNotProved


def execute(
    machine: str,
    inputs: tuple[str, ...],
    paradigm: str,
    context: int | None,
    arithmetic: str,
    beta: int | None,
    max_steps: int,
    out: Path,
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
        refusing(MachineError, ContextError, BetaError),
        refusing(ModelError, code=ExitCode.UNSUPPORTED),
        refusing(SeparationNotProved, code=ExitCode.INCONCLUSIVE),
        refusing(NotTernaryError, HeadMismatch, TokenMismatch, code=ExitCode.REFUTED),
    ):
        bundle = certify(request, progress)
    certificate_path = write_bundle(bundle, out)
    if as_json:
        click.echo(json.dumps(summary(bundle, certificate_path), indent=2))
    else:
        from certificates.command_line.report import print_report

        print_report(bundle, certificate_path)
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
        raise InputRefused(f"--claim {claim} goes with --all-inputs: it is proved for every input, or not at all")


class Written(Protocol):
    """What can be written: a certificate and its weights as bytes, and their names."""

    @property
    def weights(self) -> bytes: ...

    @property
    def bytes(self) -> bytes: ...

    @property
    def weights_name(self) -> str: ...

    @property
    def file_stem(self) -> str: ...


def write_bundle(bundle: Written, folder: Path) -> Path:
    """Write the weights, then the certificate that names them; returns the certificate's path."""
    path, weights = folder / f"{bundle.file_stem}.certificate.json", folder / bundle.weights_name
    had_weights = weights.exists()
    try:
        write_file(weights, bundle.weights)
        try:
            write_file(path, bundle.bytes)
        except OSError:
            if not had_weights:
                weights.unlink()
            raise
    except OSError as error:
        raise InputRefused(f"cannot write to {folder}: {error.strerror}; give another --out") from error
    return path


def summary(bundle: Bundle, path: Path) -> dict[str, object]:
    """What ``--json`` prints: the certificate, its name, and where it was written."""
    return {
        "verdict": bundle.certificate.verdict,
        "claim": bundle.certificate.statement.claim,
        "files": {"certificate": str(path), "weights": str(path.parent / bundle.weights_name)},
        "sha256": sha256(bundle.bytes),
        "certificate": asdict(bundle.certificate),
    }
