"""``exactformer certify``: make a certificate, write it, and say what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

from exactformer.certificates.certify import Request
from exactformer.certificates.certify_all import UniversalBundle, UniversalRequest
from exactformer.certificates.checker.document import Rejected, TooLarge, Undecided
from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.foreign import facts, made_from
from exactformer.certificates.command_line.outcome import ExitCode, InputRefused, refusing
from exactformer.certificates.command_line.progress import LateProgress, late_spinner
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.document import sha256
from exactformer.certificates.files import FileRefused, Output, Written
from exactformer.certificates.network_document import load_transformer
from exactformer.certificates.network_json import NetworkDocumentError
from exactformer.certificates.reports.certificate import report_of
from exactformer.certificates.requests import AnyRequest, SequencesRequest
from exactformer.certificates.sequences.certificate import SequencesAsked
from exactformer.certificates.sequences.file import load_given
from exactformer.constructions.behaviour import BehaviourError
from exactformer.constructions.machines.formats.registry import Loaded
from exactformer.constructions.machines.library import load
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.transformer.given import GivenError
from exactformer.constructions.turing.behaviours import EveryRun, Inputs
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.verify.arithmetic.models import ModelError, parse_arithmetic
from exactformer.verify.assessment import BetaError
from exactformer.verify.hardmax.forward import NotTernaryError
from exactformer.verify.hardmax.observe import HeadMismatch, TokenMismatch
from exactformer.verify.separation import SeparationNotProved

BAD_INPUT = (MachineError, NetworkDocumentError, GivenError, BehaviourError, ContextError, BetaError, FileRefused)
ENDINGS = (".network.json", ".json", ".py")
"""Endings of a document's file name that are not part of the network's name."""


@dataclass(frozen=True)
class Typed:
    """What was typed."""

    machine: str
    inputs: tuple[str, ...]
    all_inputs: bool
    sequences: Path | None
    paradigm: Paradigm
    context: int | None
    arithmetic: str
    beta: int | None
    space: int | None
    assumed_writes: int | None
    claim: str
    budget: int
    max_steps: int


def execute(typed: Typed, output: Output, as_json: bool) -> None:
    """Certify, write, and say what is known.

    Exit code: 0 certified or proved, 1 refuted, 2 bad input (nothing is written), 3 inconclusive, 4 unsupported.
    """
    with refusing(*BAD_INPUT, ModelError):
        request: AnyRequest
        given = None
        if typed.sequences is not None:
            request = request_on_sequences(typed, typed.sequences)
        else:
            given = load(typed.machine)
            request = request_for(typed, given)
    says_how_far = not isinstance(request, SequencesRequest)
    waiting = LateProgress(not as_json) if says_how_far else late_spinner("certifying", not as_json)
    with (
        waiting as progress,
        refusing(*BAD_INPUT),
        refusing(ModelError, TooLarge, code=ExitCode.UNSUPPORTED),
        refusing(SeparationNotProved, Rejected, Undecided, code=ExitCode.INCONCLUSIVE),
        refusing(NotTernaryError, HeadMismatch, TokenMismatch, code=ExitCode.REFUTED),
    ):
        output.require(request.subject)
        bundle = request.certified(progress)
        written = output.write_bundle(bundle.written if isinstance(bundle, UniversalBundle) else bundle)
    if as_json:
        more = about(bundle) if isinstance(bundle, UniversalBundle) else {}
        more |= {"normal_form": made_from(given)} if given is not None and given.normal is not None else {}
        click.echo(json.dumps(summary(written) | more, indent=2))
    else:
        show(report_of(bundle, written))
        show([] if given is None else facts(given))
    raise click.exceptions.Exit(EXIT_CODE[bundle.verdict])


def request_on_sequences(typed: Typed, sequences: Path) -> AnyRequest:
    """The request about given sequences of a network."""
    require_nothing_else()
    model = parse_arithmetic(typed.arithmetic, of_networks=True)
    net = load_transformer(typed.machine)
    asked = SequencesAsked(model, typed.beta or 1, network_name(typed.machine))
    return SequencesRequest(net, load_given(sequences), asked, typed.budget)


def request_for(typed: Typed, given: Loaded) -> Request | UniversalRequest:
    """The request about a machine.  If options do not go together, or one is missing, the message names the options."""
    if not typed.all_inputs:
        require_inputs(typed)
        inputs = typed.inputs if given.normal is None else tuple(map(given.normal.typed, typed.inputs))
        runs = Inputs(inputs, paradigm=typed.paradigm, context=typed.context, max_steps=typed.max_steps)
        return Request(given.machine, runs, parse_arithmetic(typed.arithmetic), typed.beta)
    if typed.inputs:
        raise InputRefused("--all-inputs is about every input: leave out --input")
    if typed.space is not None and typed.paradigm is Paradigm.COT:
        raise InputRefused(
            "--space needs --paradigm scot: a plain chain of thought grows with the machine's time, not with its space"
        )
    if typed.context is None and typed.space is None:
        raise InputRefused(
            "--all-inputs needs --context N (or, with --paradigm scot, --space S): the claim is about runs that fit"
        )
    return UniversalRequest(
        given.machine,
        EveryRun(typed.context, paradigm=typed.paradigm, space=typed.space, writes=typed.assumed_writes),
        parse_arithmetic(typed.arithmetic),
        typed.beta,
        typed.claim == "tokens",
        typed.budget,
    )


def require_nothing_else() -> None:
    """Refuses options that are for machines only."""
    context = click.get_current_context()
    alike = {"machine", "sequences", "arithmetic", "beta", "out", "force", "as_json", "budget"}
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is click.core.ParameterSource.COMMANDLINE
        if given and option.name not in alike:
            raise InputRefused(f"{option.opts[0]} is for a MACHINE: leave it out with --sequences")


def require_inputs(typed: Typed) -> None:
    """Without --all-inputs there must be inputs, and nothing may be assumed."""
    if not typed.inputs:
        raise InputRefused("give an input word with --input, or give --all-inputs for a proof about every input")
    if typed.space is not None:
        raise InputRefused("--space needs --all-inputs: on given inputs the cells are counted")
    if typed.assumed_writes is not None:
        raise InputRefused("--assume-writes-per-cell needs --all-inputs: on given inputs the writes are counted")
    if typed.claim != "activations":
        raise InputRefused(f"--claim {typed.claim} needs --all-inputs: it can be proved only for every run at once")


def network_name(path: str) -> str:
    """A network's name: that of its file, without the ending.

    >>> network_name("out/counter.network.json"), network_name("x.json"), network_name("length.py:model")
    ('counter', 'x', 'length')
    """
    name = Path(path).name.partition(".py:")[0]
    return next((name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending)), name) or "transformer"


def summary(written: Written) -> dict[str, object]:
    """What ``--json`` prints: the certificate, its name, and where it was written."""
    certificate = json.loads(written.bytes)
    return {
        "verdict": certificate["verdict"],
        "claim": certificate["statement"]["claim"],
        "files": {"certificate": str(written.certificate), "weights": str(written.weights)},
        "sha256": sha256(written.bytes),
        "certificate": certificate,
    }


def about(bundle: UniversalBundle) -> dict[str, object]:
    """Why no run that fits halts, if that is known; a run on an input that the claim is about, if one was found."""
    run = bundle.example
    return {
        "machine": bundle.request.machine.name,
        "no_run_halts": bundle.why_no_run_halts,
        "example": None if run is None else {"input": run.word, "steps": run.steps, "cells": run.cells},
    }
