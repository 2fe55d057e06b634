"""``exactformer prove``: the hardmax construction for one machine and *every* input, obligation by obligation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import click

from certificates.command_line.outcome import ExitCode, InputRefused, refusing
from certificates.command_line.progress import LateProgress
from constructions.machines.library import load_machine
from constructions.machines.machine import MachineError
from constructions.turing.construct import construct
from constructions.turing.paradigm import ContextError, Paradigm, position_bits_for
from verify.annotation.tokens import TooManyTokensError
from verify.lemmas import annotation
from verify.lemmas.outcome import Budget, Disproved, Established, Finding, Open, Outcome, conclude

FAMILIES = {
    "embeddings": (annotation.embeddings, "every embedding is as annotated"),
    "look-ups": (annotation.lookups, "every look-up brings what is annotated, and attention changes nothing else"),
    "other heads": (annotation.heads, "every other head selects the right tokens, which share the annotated value"),
    "MLPs": (annotation.mlps, "every MLP leaves what is annotated, so every activation is ternary"),
    "next tokens": (annotation.next_tokens, "the right token is the unique best next token"),
}
GRANTED = (
    "the definition of a run and of its token sequence (verify/annotation/README.md lists it)",
    "z3's answers, and this prover: no independent checker goes over it yet",
    "nothing is said here about softmax or rounding",
)


def execute(machine: str, context: int, budget: float, as_json: bool) -> None:
    """Decide all obligations; ``budget`` is in seconds, for each family of them."""
    with refusing(MachineError, ContextError):
        loaded = load_machine(machine)
        r = position_bits_for(context)
    network = construct(Paradigm.COT, loaded, r)
    outcomes: dict[str, tuple[Outcome, float]] = {}
    with LateProgress(enabled=not as_json) as progress, refusing(TooManyTokensError, code=ExitCode.UNSUPPORTED):
        for number, (name, (obligations, _)) in enumerate(FAMILIES.items()):
            started = time.perf_counter()

            def shown(findings: Iterator[Finding], number: int = number, name: str = name) -> Iterator[Finding]:
                for finding in findings:
                    progress(name, number, len(FAMILIES))
                    yield finding

            outcome = conclude(shown(obligations(loaded, network, Budget(budget))))
            outcomes[name] = outcome, time.perf_counter() - started
    code = exit_code([outcome for outcome, _ in outcomes.values()])
    claim = (
        f"For every input on which {loaded.name} halts with a word over its input alphabet, and whose chain of thought "
        f"fits {1 << r} tokens, the hardmax transformer generates that chain of thought token for token, with ternary "
        "activations only."
    )
    if as_json:
        said = {name: {"verdict": _verdict(outcome), "seconds": spent} for name, (outcome, spent) in outcomes.items()}
        click.echo(json.dumps({"verdict": VERDICT[code], "claim": claim, "obligations": said}, indent=2))
    else:
        _print(outcomes, VERDICT[code], claim)
    raise click.exceptions.Exit(code)


VERDICT = {ExitCode.CERTIFIED: "proved", ExitCode.INCONCLUSIVE: "inconclusive"}


def exit_code(outcomes: list[Outcome]) -> ExitCode:
    """Proved only if every family of obligations is.

    A network that is not as annotated is not refuted: it may do the right thing in another way.
    """
    proved = outcomes and all(isinstance(outcome, Established) for outcome in outcomes)
    return ExitCode.CERTIFIED if proved else ExitCode.INCONCLUSIVE


def _verdict(outcome: Outcome) -> str:
    match outcome:
        case Established():
            return "proved"
        case Disproved():
            return "not as annotated"
        case Open():
            return "inconclusive"
    raise InputRefused(f"unknown outcome {outcome}")


def _print(outcomes: dict[str, tuple[Outcome, float]], verdict: str, claim: str) -> None:
    click.echo(verdict.upper())
    click.echo(claim if verdict == "proved" else f"Nothing is claimed.  This was to be shown: {claim}")
    click.echo()
    for name, (outcome, seconds) in outcomes.items():
        match outcome:
            case Established(queries, cases, _):
                evidence = f"{queries} z3 queries" if queries else f"{cases} cases"
                click.echo(f"  {name:<12} proved, {evidence}, {seconds:.1f} s: {FAMILIES[name][1]}")
            case Disproved(counterexample):
                click.echo(f"  {name:<12} not as annotated: {counterexample}")
            case Open(reason):
                click.echo(f"  {name:<12} inconclusive: {reason}")
    click.echo("\ntaken for granted")
    for line in GRANTED:
        click.echo(f"  - {line}")
