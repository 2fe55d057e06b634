"""``exactformer counterexample``: a run on which the softmax network, in an arithmetic, generates a wrong token."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import click

from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import ExitCode, InputRefused, refusing
from exactformer.certificates.command_line.progress import LateProgress
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.reports.layout import TIE, Facts, Part, counted, heading
from exactformer.certificates.reports.verdicts import verdict_line
from exactformer.constructions.machines.library import HANDWRITTEN, load_machine
from exactformer.constructions.machines.machine import MachineError, TuringMachine
from exactformer.constructions.machines.run import Run, trace
from exactformer.constructions.turing.fitting import check_context
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.verify.arithmetic.models import ArithmeticModel, ModelError, parse_arithmetic
from exactformer.verify.assessment import BetaError
from exactformer.verify.rounded.attention import UnsupportedArithmetic, is_supported
from exactformer.verify.rounded.compare import Comparison, Difference
from exactformer.verify.rounded.order import Order
from exactformer.verify.rounded.search import Attempt, Search, search
from exactformer.verify.verdict import Basis, Verdict
from exactformer.verify.writes import Grounds

SEPARATIONS = "Look-up heads separate by 2, others by 1: `exactformer certify MACHINE --all-inputs` proves that."
SHOWN_SYMBOLS = 60
"""Longer words are shortened for people; JSON has them in full."""


@dataclass(frozen=True)
class Asked:
    """What was typed."""

    arithmetic: str
    context: int
    machine: str | None
    words: tuple[str, ...]
    beta: int | None
    order: str
    most_tokens: int


def execute(asked: Asked, as_json: bool) -> NoReturn:
    """Search, print what was found, and end: 1 a wrong token, 0 proved, 3 none found, 2 and 4 as everywhere."""
    if asked.words and asked.machine is None:
        raise InputRefused("--input needs --machine: a word is an input of a machine")
    with refusing(MachineError, ContextError):
        machines = [load_machine(asked.machine)] if asked.machine else [entry.machine for entry in HANDWRITTEN.values()]
        runs = _runs(machines[0], asked)
    with refusing(ModelError):
        model = parse_arithmetic(asked.arithmetic)
    _require_supported(model)
    with (
        refusing(ContextError, BetaError),
        refusing(ModelError, code=ExitCode.UNSUPPORTED),
        LateProgress(enabled=not as_json) as progress,
    ):
        found = search(
            machines,
            model,
            asked.context,
            beta=asked.beta,
            orders=None if asked.order == "both" else (Order(asked.order),),
            most_tokens=asked.most_tokens,
            also=runs,
            only_given=bool(runs),
            progress=lambda done, total: progress("run", done, total),
        )
    if as_json:
        click.echo(json.dumps(record(found, model.text, asked.context), indent=1))
    else:
        show(report(found, model.text, asked.context))
    sys.exit(EXIT_CODE[found.verdict])


def _require_supported(model: ArithmeticModel) -> None:
    if not is_supported(model):
        raise InputRefused(str(UnsupportedArithmetic(model)), ExitCode.UNSUPPORTED)


def _runs(machine: TuringMachine, asked: Asked) -> list[Run]:
    runs = [trace(machine, word) for word in asked.words]
    if runs:
        check_context(Paradigm.COT, runs, asked.context)
    return runs


def report(found: Search, arithmetic: str, context: int) -> Iterator[Part]:
    """What a person reads: the verdict on the claim that every token is right, and what it rests on."""
    yield verdict_line(found.verdict)
    where = f"{arithmetic}, contexts of {context:,} tokens"
    wrong = found.found
    if found.verdict is Verdict.PROVED:
        subject = found.standings[0].machine.name if len(found.standings) == 1 else "every machine tried"
        yield f"{where}: there is no wrong token; no run had to be tried."
        yield ""
        yield heading(Basis.PROVED.title)
        yield f"  - The rounding inequalities hold for {subject}, for every number of positions that may tie."
        for standing in found.standings:
            if standing.row.most.grounds is Grounds.PROVED:
                most = standing.row.most.bound
                yield (
                    f"  - {standing.machine.name} writes no cell more than {most} times, so at most as many "
                    f"positions tie."
                )
        yield ""
        yield heading(Basis.ASSUMED.title)
        yield f"  - {SEPARATIONS}"
        return
    if wrong is not None and wrong.comparison is not None:
        yield f"{where}: a token is wrong."
        yield ""
        yield heading(Basis.OBSERVED.title)
        yield Facts((*_shown(wrong, wrong.comparison), _tally(found)))
        return
    said = "no token is wrong on the runs tried" if found.attempts else "no run to try was found"
    yield f"{where}: {said}. This says nothing about other runs."
    yield ""
    yield heading(Basis.OBSERVED.title)
    yield Facts((_tally(found),))
    differing = [one for one in found.attempts if one.differs]
    if differing and differing[0].comparison is not None:
        yield ""
        yield "The first run with an activation that differs from the hardmax one:"
        yield Facts(tuple(_shown(differing[0], differing[0].comparison)))


def _tally(found: Search) -> tuple[str, str]:
    tokens = sum(one.candidate.tokens for one in found.attempts)
    failed = [one for one in found.attempts if one.failure is not None]
    differing = sum(one.differs for one in found.attempts)
    tried = f"{counted(len(found.attempts), 'run')}, {counted(tokens, 'token')}"
    text = f"{tried}; activations differ in {differing} of the runs"
    if failed:
        text += f"; {len(failed)} could not be computed to their end ({failed[0].failure})"
    return "tried", text + (f"; at least {found.left_out} longer ones were left out" if found.left_out else "")


def _shown(attempt: Attempt, comparison: Comparison) -> Iterator[tuple[str, str]]:
    run = attempt.candidate.run
    word = run.word if len(run.word) <= SHOWN_SYMBOLS else f"{run.word[:SHOWN_SYMBOLS]}.. ({len(run.word)} symbols)"
    setting = f"beta = {attempt.beta}"
    if attempt.order is not Order.LEFT_TO_RIGHT:
        setting += f", sums {attempt.order.value}"
    yield "machine", run.machine.name
    yield "input", repr(word)
    yield (
        "run",
        f"{counted(run.steps, 'step')}, {counted(attempt.candidate.tokens, 'token')}, up to "
        f"{counted(attempt.candidate.writes, 'write')} of one cell; "
        f"{setting}",
    )
    if comparison.wrong is not None:
        wrong = comparison.wrong
        how = "ties with it" if wrong.margin == 0 else f"beats it by {wrong.margin}"
        expected, generated = wrong.expected.replace(" ", TIE), wrong.generated.replace(" ", TIE)
        yield "token", f"{wrong.index}: expected {expected}; {generated} {how}"
    if comparison.first is not None:
        yield from _started(comparison.first)
    if comparison.drift:
        name, drift = max(comparison.drift, key=lambda item: item[1])
        yield "drift", f"largest in {name}: {drift}; {len(comparison.drift)} registers drift"


def _started(first: Difference) -> Iterator[tuple[str, str]]:
    where = f"token {first.token}, layer {first.layer}, {first.sublayer.value}: {first.coordinate}"
    yield "started", f"{where} is {first.value} and should be {first.hardmax}"
    for origin in first.origins:
        others = "no other position" if origin.gap is None else f"the next score is {origin.gap} lower (before beta)"
        yield "", f"head {origin.head}: {origin.maximisers} of {origin.visible} positions are maximisers, {others}"


def record(found: Search, arithmetic: str, context: int) -> dict[str, object]:
    """The same for machines; rationals as text."""
    wrong = found.found
    return {
        "verdict": found.verdict.value,
        "claim": "tokens",
        "arithmetic": arithmetic,
        "context": str(context),
        "counterexample": None if wrong is None else attempt_record(wrong),
        "tried": [attempt_record(one) for one in found.attempts],
        "left_out": found.left_out,
    }


def attempt_record(one: Attempt) -> dict[str, object]:
    """One run that was computed."""
    compared = one.comparison
    return {
        "machine": one.candidate.run.machine.name,
        "input": one.candidate.run.word,
        "tokens": one.candidate.tokens,
        "writes": one.candidate.writes,
        "beta": str(one.beta),
        "order": one.order.value,
        "failure": one.failure,
        "wrong": _wrong_record(compared),
        "first_difference": _first_record(compared),
        "drift": {} if compared is None else {name: str(drift) for name, drift in compared.drift},
        "least_margin": None if compared is None or compared.least_margin is None else str(compared.least_margin),
    }


def _wrong_record(compared: Comparison | None) -> dict[str, object] | None:
    if compared is None or compared.wrong is None:
        return None
    wrong = compared.wrong
    return {
        "token": wrong.index,
        "expected": wrong.expected,
        "generated": wrong.generated,
        "margin": str(wrong.margin),
    }


def _first_record(compared: Comparison | None) -> dict[str, object] | None:
    if compared is None or compared.first is None:
        return None
    first = compared.first
    return {
        "token": first.token,
        "layer": first.layer,
        "sublayer": first.sublayer.value,
        "coordinate": first.coordinate,
        "value": str(first.value),
        "hardmax": first.hardmax,
        "heads": [
            {"head": one.head, "maximisers": one.maximisers, "visible": one.visible, "gap": one.gap}
            for one in first.origins
        ],
    }
