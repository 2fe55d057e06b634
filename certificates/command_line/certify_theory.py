"""``exactformer certify --as-theory``: a proof about every run, halting or not, by the kernel that checks it."""

from __future__ import annotations

import json
from typing import NoReturn

import click

from exactformer.api import Rejected, TooLarge, Undecided, certify, turing
from exactformer.certificates.command_line.certify_all import Asked, request_for
from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import ExitCode, InputRefused, refusing
from exactformer.certificates.command_line.progress import late_spinner
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.files import FileRefused, Output
from exactformer.certificates.linear_format import DoesNotFit
from exactformer.certificates.theory_certificate import subject_of
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.turing.paradigm import ContextError
from exactformer.verify.arithmetic.models import ModelError
from exactformer.verify.assessment import BetaError


def execute(asked: Asked, output: Output, as_json: bool) -> NoReturn:
    """Prove, decide, write, and say what is known.

    Exit code: 0 proved, or tokens proved, 2 bad input (nothing is written), 3 inconclusive, 4 unsupported.
    """
    if asked.space is not None or asked.assumed_writes is not None:
        raise InputRefused("--as-theory is about every run that fits: leave --space and --assume-writes-per-cell out")
    request = request_for(asked)
    with (
        late_spinner("proving", enabled=not as_json),
        refusing(MachineError, ContextError, BetaError, FileRefused),
        refusing(ModelError, DoesNotFit, TooLarge, code=ExitCode.UNSUPPORTED),
        refusing(Rejected, Undecided, code=ExitCode.INCONCLUSIVE),
    ):
        network, theory = turing(request.machine, context=request.context, paradigm=request.paradigm)
        context, model, beta = request.context, request.model, request.beta
        output.require(subject_of(theory, context, model, beta, tokens=asked.tokens))
        made = certify(network, theory, model.text, context=context, beta=beta, tokens=asked.tokens)
        written = output.write_bundle(made.bundle)
    drift = made.bundle.drift
    files = {"certificate": str(written.certificate), "weights": str(written.weights)}
    if as_json:
        said = {"verdict": made.verdict.value, "claim": made.claim, "not_shown": made.not_shown, **files}
        click.echo(json.dumps(said, indent=2))
    else:
        show(
            [
                f"{made.verdict.value}: {made.claim}",
                *([] if made.not_shown is None else [f"Tokens are not proved either: {made.not_shown}."]),
                *([] if drift is None else [f"margin that drifts leave: at least {drift.margin}"]),
                *(f"{title}: {path}" for title, path in files.items()),
                f"check it: exactformer check {written.certificate} --theory {made.name} --machine {asked.machine}",
            ]
        )
    raise click.exceptions.Exit(EXIT_CODE[made.verdict])
