"""``exactformer certify --all-inputs``: a proof about every run that fits, written as a certificate."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NoReturn

import click

from exactformer.certificates.certify_all import AssumptionError, UniversalBundle, UniversalRequest, certify_all
from exactformer.certificates.checker.document import Rejected, TooLarge, Undecided
from exactformer.certificates.command_line.certify import summary
from exactformer.certificates.command_line.outcome import ExitCode, InputRefused, refusing
from exactformer.certificates.command_line.progress import LateProgress
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.files import FileRefused, Output
from exactformer.certificates.linear_format import DoesNotFit
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.turing.contexts import least_context_for_space
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.verify.arithmetic.models import ModelError, parse_arithmetic
from exactformer.verify.assessment import BetaError


@dataclass(frozen=True)
class Asked:
    """What was typed."""

    machine: str
    inputs: tuple[str, ...]
    paradigm: str
    context: int | None
    space: int | None
    arithmetic: str
    beta: int | None
    assumed_writes: int | None
    tokens: bool
    budget: int


def execute(asked: Asked, output: Output, as_json: bool) -> NoReturn:
    """Prove, decide, write, and say what is known.

    Exit code: 0 proved, 1 refuted, 2 bad input (nothing is written), 3 inconclusive, 4 unsupported.
    """
    request = request_for(asked)
    with (
        LateProgress(enabled=not as_json) as progress,
        refusing(MachineError, ContextError, BetaError, AssumptionError, FileRefused),
        refusing(ModelError, DoesNotFit, TooLarge, code=ExitCode.UNSUPPORTED),
        refusing(Rejected, Undecided, code=ExitCode.INCONCLUSIVE),
    ):
        output.require(request.subject)
        bundle = certify_all(request, progress)
        written = output.write_bundle(bundle.written)
    if as_json:
        click.echo(json.dumps(summary(written) | about(bundle), indent=2))
    else:
        from exactformer.certificates.command_line.report_all import print_report

        print_report(bundle, written)
    raise click.exceptions.Exit(EXIT_CODE[bundle.verdict])


def request_for(asked: Asked) -> UniversalRequest:
    """The request, or one sentence on what is wrong with it."""
    if asked.inputs:
        raise InputRefused("--all-inputs is about every input: leave --input out")
    paradigm, context = Paradigm(asked.paradigm), asked.context
    if asked.space is not None and paradigm is Paradigm.COT:
        raise InputRefused("--space goes with --paradigm scot: a chain of thought grows with time, not with space")
    with refusing(MachineError, ModelError, ContextError):
        if context is None and asked.space is not None:
            context = least_context_for_space(asked.space).tokens
        if context is None:
            raise InputRefused(
                "--all-inputs needs --context N, or with --paradigm scot --space S: the claim is about what fits"
            )
        return UniversalRequest(
            load_machine(asked.machine),
            parse_arithmetic(asked.arithmetic),
            context,
            paradigm,
            asked.space,
            asked.beta,
            asked.assumed_writes,
            asked.tokens,
            asked.budget,
        )


def about(bundle: UniversalBundle) -> dict[str, object]:
    """Why no run that fits halts, if that is known; a run on an input that the claim is about, if one was found."""
    run = bundle.example
    return {
        "machine": bundle.request.machine.name,
        "no_run_halts": bundle.why_no_run_halts,
        "example": None if run is None else {"input": run.word, "steps": run.steps, "cells": run.cells},
    }
