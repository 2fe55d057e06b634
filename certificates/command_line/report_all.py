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
    setting_facts,
)
from exactformer.certificates.command_line.verdicts import verdict_line
from exactformer.certificates.files import Written
from exactformer.certificates.universal_document import AllInputsSummarized
from exactformer.constructions.machines.run import Run
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.all_inputs import TieCase, covered_by_drifts
from exactformer.verify.annotation.proof import Family, HeadProof, Tally
from exactformer.verify.arithmetic.models import Exact, ModelError
from exactformer.verify.drift.bound import Breakdown
from exactformer.verify.drift.prove import TokensProof
from exactformer.verify.verdict import Basis, Verdict
from exactformer.verify.writes import Grounds

WRITES = {
    Grounds.CONTEXT: "no more than tokens",
    Grounds.PROVED: "proved of this machine",
    Grounds.ASSUMED: Basis.ASSUMED.value.upper(),
}

ABOUT_NO_INPUT = "ABOUT NO INPUT: there is no input that this claim is about."


def print_report(bundle: UniversalBundle, written: Written) -> None:
    """To standard output."""
    show(report(bundle, written))


def report(bundle: UniversalBundle, written: Written) -> Iterator[Part]:
    """The parts of a report about every input that fits."""
    certificate, verdict = bundle.certificate, Verdict(bundle.certificate.verdict)
    yield verdict_line(verdict)
    if bundle.no_such_input is not None:
        yield heading(ABOUT_NO_INPUT, fg="yellow")
    yield certificate.statement.claim
    if certificate.refutation:
        yield certificate.refutation.reason
    if verdict is Verdict.INCONCLUSIVE:
        yield what_is_missing(bundle)
    if not verdict.positive and _tokens_may_be_tried(bundle):
        yield "That is about activations: --claim tokens tries to prove that every token is right all the same."
    yield ""
    yield _facts(bundle)
    yield ""
    yield from _heads(bundle)
    yield from evidence(findings_for_all(bundle))
    yield from files(written)
    yield ""
    yield heading("time")
    yield timings(bundle.proof.tallies)


def _tokens_may_be_tried(bundle: UniversalBundle) -> bool:
    """Whether a claim about tokens alone was not asked for, and is one that can be asked for in this arithmetic."""
    try:
        covered_by_drifts(bundle.universal.model)
    except ModelError:
        return False
    return bundle.tokens is None


def what_is_missing(bundle: UniversalBundle) -> str:
    """What would have to be known for a proof."""
    if isinstance(bundle.tokens, Breakdown):
        return f"Tokens are not proved either: {bundle.tokens.place}: {bundle.tokens.reason}."
    universal, most = bundle.universal, bundle.universal.most_writes_proved
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
    where = "" if bundle.certificate.statement.paradigm == Paradigm.COT.value else " in one segment"
    return (
        f"It is proved for inputs that write no cell more than {most} times{where}. We neither found an input that "
        f"writes one {most + 1} times nor proved that there is none. --assume-writes-per-cell {most} makes that a "
        "condition of the claim."
    )


def _facts(bundle: UniversalBundle) -> Facts:
    statement = bundle.certificate.statement
    rows = []
    if bundle.counterexample is not None:
        run = bundle.certificate.runs[0]
        word = run.input if len(run.input) <= 60 else f"{run.input[:40]}... ({len(run.input)} symbols)"
        rows.append(
            ("input", f"{word or '(empty)'}: {counted(run.steps, 'step')}, {counted(run.segments[0].tokens, 'token')}")
        )
    elif bundle.no_such_input is None:
        rows.append(("for example", _example(bundle.example)))
    rows += setting_facts(statement)
    if isinstance(statement.scope, AllInputsSummarized) and statement.scope.space is not None:
        rows.append(("space", f"{statement.scope.space} cells: no segment is longer than the context"))
    writes = statement.scope.writes_per_cell
    if bundle.counterexample is None:  # what is refuted is refuted whatever other inputs write
        rows.append(("writes", f"at most {writes.bound} of one cell ({WRITES[Grounds(writes.evidence)]})"))
    rows += network_facts(bundle.certificate.network, bundle.fits)
    rows.append(("margin", f"every wrong token's logit is at least {bundle.proof.margin} below the right one's"))
    if isinstance(bundle.tokens, TokensProof):
        drift = bundle.tokens.drift
        rows.append(("drift", "at most, by register: " + _by_register(drift.largest)))
        rows.append(("", f"at least {at_most(drift.margin, below=True)} of the margin is left"))
    return Facts(tuple(rows))


def _example(run: Run | None) -> str:
    """An input that the claim is about."""
    if run is None:
        return (
            "no input that the claim is about was found: of the shortest words none halts soon and meets all conditions"
        )
    done = f"{counted(run.steps, 'step')} in {counted(run.cells, 'cell')}"
    return f"the claim is about {run.word or 'the empty word'}: {done}"


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
    groups: dict[tuple[str, int], list[HeadProof]] = defaultdict(list)
    for head, number in zip(bundle.proof.heads, bundle.universal.case_of_head, strict=True):
        groups[head.head.name, number].append(head)
    tokens = isinstance(bundle.tokens, TokensProof)
    rows = []
    for (name, number), members in groups.items():
        case = bundle.universal.cases[number]
        rows.append(
            (
                name,
                layers_of([head.layer for head in members]),
                str(case.facts.separation),
                "1" if case.facts.most == 1 else f"1..{case.facts.most}",
                *((_exactness(case),) if tokens else _proved(case)),
            )
        )
    titles = ("from exact inputs",) if tokens else ("proved for ties", "least beta")
    columns = (Column("head", key=True), *map(Column, ("layers", "separation", "ties", *titles)))
    yield Table(columns, tuple(rows))
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


def timings(tallies: Mapping[Family, Tally]) -> Table:
    """What was decided and how long that took, for each kind of obligation, and in all."""
    rows = [
        (
            family.value,
            str(tally.obligations) if tally.obligations else "-",
            str(tally.patterns) if tally.patterns else "-",
            str(tally.proved) if tally.patterns else "-",
            str(tally.patterns - tally.proved) if tally.patterns else "-",
            f"{tally.nanoseconds // 10**6} ms",
        )
        for family, tally in tallies.items()
    ]
    rows.append(("in all", "-", "-", "-", "-", f"{sum(tally.nanoseconds for tally in tallies.values()) // 10**6} ms"))
    counts = ("number", "different", "proved now", "before", "took")
    return Table((Column("obligations", key=True), *(Column(title, right=True) for title in counts)), tuple(rows))
