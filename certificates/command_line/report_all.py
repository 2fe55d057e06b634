"""What a person reads behind ``certify --all-inputs``: claim, verdict, what binds, and what each part rests on."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from pathlib import Path

from rich.table import Table
from rich.text import Text

from certificates.certify_all import UniversalBundle
from certificates.command_line.console import ReportConsole
from certificates.command_line.report import STYLE, layers_of, network_facts, print_evidence, print_files
from certificates.universal_document import AllInputsSummarized
from verify.annotation.proof import HeadProof, tallied
from verify.arithmetic.models import ModelError, assumptions
from verify.drift.bound import Breakdown
from verify.drift.prove import TokensProof, covered_by_drifts

GHOSTS = "the definitions of a run and of its token sequence (SPEC 14)"
DRIFTING = (
    "What enters attention or an MLP is rounded to the activation format; MLPs, residual sums and logits are exact.",
    "Scores are exact sums of products, rounded once to their format; exponentials, differences of scores and quotients"
    " are exact, rounded where the model says so, to nearest with ties to even.",
)
"""What is assumed of the arithmetic where activations are not ternary (SPEC 20)."""
SOLVER = "z3's answers, and this prover; the checker asks a solver again, with its own queries"


def print_report(bundle: UniversalBundle, path: Path) -> None:
    """To stdout, at most 110 columns wide."""
    console = ReportConsole(highlight=False, soft_wrap=False)
    console.width = min(console.width, 110)
    certificate = bundle.certificate
    console.print(Text(certificate.verdict.upper(), style=STYLE[certificate.verdict]))
    console.print(certificate.statement.claim, markup=False)
    if certificate.refutation:
        console.print(certificate.refutation.reason, markup=False)
    if certificate.verdict == "inconclusive":
        console.print(what_is_missing(bundle), markup=False)
    if certificate.verdict in ("inconclusive", "refuted") and _tokens_may_be_tried(bundle):
        console.print(
            "That is about activations.  --claim tokens tries to prove that the tokens are right all the same.",
            markup=False,
        )
    console.print()
    console.print(_facts(bundle))
    console.print()
    console.print(_heads(bundle))
    console.print()
    print_evidence(console, _evidence(bundle))
    print_files(console, path, bundle.bytes, bundle.weights_name)


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
    if most == 0:
        return "The inequalities do not hold at any beta that is admitted, or not at the one given."
    least = max((case.least_beta or 0 for case in universal.cases if case.facts.most == 1), default=0)
    if universal.beta < least:
        return f"At beta = {least} they might."
    return (
        f"It is proved for inputs that write no cell more than {most} times; no input was found that writes one "
        f"{most + 1} times, nor a bound below that.  --assume-writes-per-cell {most} claims it for those inputs only."
    )


def _facts(bundle: UniversalBundle) -> Table:
    statement = bundle.certificate.statement
    table = Table.grid(padding=(0, 2))
    if bundle.counterexample is not None:
        run = bundle.certificate.runs[0]
        word = run.input if len(run.input) <= 60 else f"{run.input[:40]}... ({len(run.input)} symbols)"
        again = f"exactformer run {statement.machine.name} {run.input!r}" if len(run.input) <= 80 else ""
        table.add_row(
            "input", Text(f"{word or '(empty)'}: {run.steps} steps, {run.segments[0].tokens} tokens  {again}")
        )
    table.add_row("context", f"{statement.context} tokens, r = {statement.position_bits}")
    if isinstance(statement.scope, AllInputsSummarized) and statement.scope.space is not None:
        table.add_row("space", f"{statement.scope.space} cells: no segment is longer than the context")
    writes = statement.scope.writes_per_cell
    table.add_row("writes", f"at most {writes.bound} of one cell ({WRITES[writes.evidence]})")
    if statement.beta is not None and statement.beta_split is not None:
        split = statement.beta_split
        table.add_row("beta", f"{statement.beta} = {split.query} in W_Q x {split.key} in W_K")
    for title, fact in network_facts(bundle.certificate.network):
        table.add_row(title, fact)
    table.add_row("margin", f"the right token beats every other by at least {bundle.proof.margin}")
    if isinstance(bundle.tokens, TokensProof):
        drift = bundle.tokens.drift
        registers = ", ".join(f"{name} {at_most(d)}" for name, d in drift.largest.items())
        table.add_row("drift", f"at most, from the hardmax activations: {registers}; none of the others drifts")
        table.add_row("", f"of the margin at least {at_most(drift.margin, below=True)} is left")
    return table


def at_most(number: Fraction, below: bool = False) -> str:
    """A rational as it is, if it is short; else a power of two above it, or below it."""
    if number.denominator <= 1 << 12:
        return str(number)
    exponent = number.numerator.bit_length() - number.denominator.bit_length()
    return f"2^{exponent - 1 if below else exponent + 1}"


WRITES = {"context": "no more than tokens", "proved": "proved for this machine", "assumed": "ASSUMED"}


def _heads(bundle: UniversalBundle) -> Table:
    """One row per head name, with the layers it stands in."""
    groups: dict[tuple[str, int], list[HeadProof]] = defaultdict(list)
    for head, number in zip(bundle.proof.heads, bundle.universal.case_of_head, strict=True):
        groups[head.head.name, number].append(head)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("head", "layers", "separation", "ties", "proved up to", "least beta"):
        table.add_column(title)
    for (name, number), members in groups.items():
        case = bundle.universal.cases[number]
        table.add_row(
            name,
            layers_of([head.layer for head in members]),
            str(case.facts.separation),
            "1" if case.facts.most == 1 else f"1..{case.facts.most}",
            str(case.decision.up_to),
            "none" if case.least_beta is None else str(case.least_beta),
        )
    return table


def _evidence(bundle: UniversalBundle) -> list[tuple[str, list[str]]]:
    proved = [f"hardmax, all inputs: {line}" for line in tallied(bundle.proof.tallies)]
    checked: list[str] = []
    if bundle.certificate.verdict == "proved":
        proved.append("rounding: every head with its separation and any number of ties gives the hardmax value")
    if bundle.certificate.verdict == "tokens proved":
        proved.append("drift: how far activations may be from the hardmax ones, class by class, sublayer by sublayer")
        proved.append("next tokens: right, as what drifts may take away is less than the margin")
    if bundle.counterexample is not None:
        proved.append("refuted: at the query above the arithmetic does not give the hardmax value")
        checked.append("the run of the input above, token by token, and its activations")
    tokens = bundle.certificate.verdict == "tokens proved"
    assumed = [GHOSTS, SOLVER, *(DRIFTING if tokens else assumptions(bundle.universal.model))]
    writes = bundle.certificate.statement.scope.writes_per_cell
    if writes.evidence == "assumed":
        assumed.insert(0, f"no cell is written more than {writes.bound} times: inputs that do are not claimed")
    parts = [("proved", proved), ("checked on this run", checked), ("assumed", assumed)]
    return [(title, lines) for title, lines in parts if lines]
