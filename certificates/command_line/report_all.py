"""What a person reads after ``certify --all-inputs``: claim, verdict, what binds, and what each part rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction

from exactformer.certificates.certify_all import UniversalBundle
from exactformer.certificates.command_line.console import Column, Facts, Part, Table, counted, heading, show
from exactformer.certificates.command_line.facts import findings_for_all
from exactformer.certificates.command_line.report import (
    LEAST_BETA,
    SEPARATION,
    evidence,
    files,
    layers_of,
    network_facts,
    report,
)
from exactformer.certificates.command_line.verdicts import verdict_line
from exactformer.certificates.files import Written
from exactformer.certificates.weights import parameters
from exactformer.constructions.machines.run import Run
from exactformer.constructions.transformer.dimensions import dimensions_of
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.all_inputs import TieCase, covered_by_drifts
from exactformer.verify.arithmetic.models import Exact, ModelError
from exactformer.verify.verdict import Basis, Verdict
from exactformer.verify.writes import Grounds

WRITES = {
    Grounds.CONTEXT: "no more than tokens",
    Grounds.PROVED: "proved of this machine",
    Grounds.ASSUMED: Basis.ASSUMED.value.upper(),
}


def print_report(bundle: UniversalBundle, written: Written) -> None:
    """To standard output."""
    show(report_for_all(bundle, written))


def scope(bundle: UniversalBundle) -> str:
    """What was asked about."""
    request = bundle.request
    what = "every chain of thought" if request.paradigm is Paradigm.COT else "every segment"
    return f"in {what} of {request.machine.name} with at most {request.context} tokens"


def report_for_all(bundle: UniversalBundle, written: Written) -> Iterator[Part]:
    """The parts of a report about every run that fits, or about the one that contradicts what is asked."""
    if bundle.counterexample is not None:
        verdict, *rest = report(bundle.counterexample, written)
        yield verdict
        yield f"Not {scope(bundle)}:"
        if _tokens_may_be_tried(bundle):
            yield "That is about activations: --claim tokens tries to prove that every token is right all the same."
        yield from rest
        return
    yield verdict_line(bundle.verdict)
    yield bundle.made.claim
    if bundle.why_no_run_halts is not None:
        yield heading(bundle.why_no_run_halts, fg="yellow")
    if bundle.verdict is Verdict.INCONCLUSIVE:
        yield what_is_missing(bundle)
        if _tokens_may_be_tried(bundle):
            yield "That is about activations: --claim tokens tries to prove that every token is right all the same."
    yield ""
    yield _facts(bundle)
    yield ""
    yield from _heads(bundle)
    yield from evidence(findings_for_all(bundle))
    yield from files(written)


def _tokens_may_be_tried(bundle: UniversalBundle) -> bool:
    """Whether a claim about tokens alone was not asked for, and is one that can be asked for in this arithmetic."""
    try:
        covered_by_drifts(bundle.made.universal.model)
    except ModelError:
        return False
    return not bundle.request.tokens


def what_is_missing(bundle: UniversalBundle) -> str:
    """What would have to be known for a proof."""
    if bundle.made.not_shown is not None:
        return f"Tokens are not proved either: {bundle.made.not_shown}."
    universal, most = bundle.made.universal, bundle.made.universal.most_writes_proved
    if isinstance(universal.model, Exact):
        return (
            "Where nothing is rounded, no weight of softmax is 0, so a head that sees two tokens or more does not give "
            "the hardmax value: name an arithmetic that rounds, with --arithmetic."
        )
    alone = [case for case in universal.cases if case.facts.most == 1]
    if any(case.least_beta is None for case in alone):
        return "No beta that this arithmetic admits makes the inequalities hold, even where no tokens tie."
    if most == 0:
        least = max(case.least_beta or 0 for case in alone)
        return f"The inequalities do not hold at beta = {universal.beta}: give --beta {least}, or leave --beta out."
    where = "" if bundle.request.paradigm is Paradigm.COT else " in one segment"
    return (
        f"It is proved where no cell is written more than {most} times{where}. We neither found an input that "
        f"writes one {most + 1} times nor proved that there is none. --assume-writes-per-cell {most} makes that a "
        "condition of the claim."
    )


def _facts(bundle: UniversalBundle) -> Facts:
    request, universal = bundle.request, bundle.made.universal
    network, _ = request.built
    rows = [
        ("about", f"{scope(bundle).removeprefix('in ')}, whether it halts or goes on"),
        ("", "of one that gets stuck: the tokens up to there"),
        ("", "of one that halts with other symbols than inputs have on tape 1: those before its output"),
        ("for example", _example(bundle.example)),
        ("context", f"{request.context} tokens, positions of r = {network.position_bits} bits"),
        ("beta", f"{universal.beta} = {universal.split.query} in W_Q x {universal.split.key} in W_K"),
    ]
    if request.space is not None:
        rows.append(("space", f"{request.space} cells: no segment is longer than the context"))
    rows.append(("writes", f"at most {request.most.bound} of one cell ({WRITES[request.most.grounds]})"))
    rows += network_facts(dimensions_of(network), parameters(network, universal.split), bundle.made.fits)
    rows.append(("margin", f"every wrong token's logit is at least {bundle.made.margin} below the right one's"))
    drift = bundle.made.drift
    if drift is not None:
        rows.append(("drift", "at most, by register: " + _by_register(drift.largest)))
        rows.append(("", f"at least {at_most(drift.margin, below=True)} of the margin is left"))
    return Facts(tuple(rows))


def _example(run: Run | None) -> str:
    """A run that halts."""
    if run is None:
        return "no run that halts and meets all conditions was found on the shortest words"
    done = f"{counted(run.steps, 'step')} in {counted(run.cells, 'cell')}"
    return f"the run on {run.word or 'the empty word'}: {done}"


def _by_register(largest: Mapping[str, Fraction]) -> str:
    """Registers with the same bound together, the largest bound first."""
    together: dict[str, list[str]] = defaultdict(list)
    for name, drift in sorted(largest.items(), key=lambda item: -item[1]):
        together[at_most(drift)].append(name)
    return "; ".join(f"{drift} in {', '.join(names)}" for drift, names in together.items()) + "; 0 in all others"


def at_most(number: Fraction, below: bool = False) -> str:
    """A rational as it is, if it is short; else a power of two above it, or below it."""
    if number.denominator <= 1 << 12:
        return str(number)
    exponent = number.numerator.bit_length() - number.denominator.bit_length()
    return f"2^{exponent - 1 if below else exponent + 1}"


def _heads(bundle: UniversalBundle) -> Iterator[Part]:
    """One row per head name, with the layers it stands in."""
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for head in bundle.made.heads:
        groups[head.name, head.case].append(head.layer)
    rows, tokens = [], bundle.made.drift is not None
    for (name, number), layers in groups.items():
        case = bundle.made.universal.cases[number]
        ties = "1" if case.facts.most == 1 else f"1..{case.facts.most}"
        said = (_exactness(case),) if tokens else _proved(case)
        rows.append((name, layers_of(layers), str(case.facts.separation), ties, *said))
    titles = ("separation", "ties", *(("from exact inputs",) if tokens else ("proved for ties", "least beta")))
    yield Table((Column("head", key=True), Column("layers", key=True), *map(Column, titles)), tuple(rows))
    yield ""
    yield Facts((SEPARATION, ("ties", "how many tokens may share the best score"), *(DRIFTS if tokens else PROVED)))


PROVED = (
    ("proved for ties", "at this beta the head gives the hardmax value for so many ties, proved by inequalities"),
    (LEAST_BETA[0], "the smallest power of two at which that is proved for all ties; none: at none that is admitted"),
)
DRIFTS = (
    ("from exact inputs", "exact: the head gives the hardmax value as long as nothing drifted before it"),
    ("", "may drift: even then it may give another; the drift bounds above cover that, for every number of ties"),
)
"""What columns of the table of heads mean, where activations are claimed, and where tokens alone are."""


def _proved(case: TieCase) -> tuple[str, str]:
    up_to = case.up_to
    shown = "none" if up_to == 0 else "all" if case.holds else f"1..{up_to} only" if up_to > 1 else "1 only"
    return shown, "none" if case.least_beta is None else str(case.least_beta)


def _exactness(case: TieCase) -> str:
    if case.holds:
        return "exact"
    up_to = case.up_to
    return "may drift" if up_to == 0 else f"exact up to {up_to} ties, else may drift"
