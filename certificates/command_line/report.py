"""What a person reads behind ``certify``: the claim, the verdict, what binds, and what each part rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from certificates.certify import Bundle
from certificates.command_line.console import ReportConsole
from certificates.document import CaseRecord, HeadRecord, NetworkRecord, sha256
from verify.arithmetic.models import assumptions

STYLE = {
    "certified": "bold green",
    "proved": "bold green",
    "tokens proved": "bold green",
    "refuted": "bold red",
    "inconclusive": "bold yellow",
}


def print_report(bundle: Bundle, path: Path) -> None:
    """To stdout, at most 110 columns wide."""
    console = ReportConsole(highlight=False, soft_wrap=False)
    console.width = min(console.width, 110)
    certificate = bundle.certificate
    console.print(Text(certificate.verdict.upper(), style=STYLE[certificate.verdict]))
    console.print(certificate.statement.claim, markup=False)
    if certificate.refutation:
        console.print(certificate.refutation.reason, markup=False)
    console.print()
    console.print(_facts(bundle))
    console.print()
    console.print(_heads(certificate.heads, certificate.softmax.cases))
    console.print()
    print_evidence(console, _evidence(bundle))
    print_files(console, path, bundle.bytes, bundle.weights_name)


def print_evidence(console: Console, parts: Sequence[tuple[str, list[str]]]) -> None:
    """What is proved, what was observed, what is assumed: titles and their lines."""
    for title, lines in parts:
        console.print(Text(title, style="bold"))
        for line in lines:
            console.print(f"  - {line}", markup=False)
    console.print()


def print_files(console: Console, path: Path, certificate: bytes, weights_name: str) -> None:
    """Where certificate and weights were written."""
    console.print(f"certificate {path}  (sha256 {sha256(certificate)[:16]}...)", markup=False, soft_wrap=True)
    console.print(f"weights     {path.parent / weights_name}", markup=False, soft_wrap=True)


def _facts(bundle: Bundle) -> Table:
    certificate = bundle.certificate
    statement, network = certificate.statement, certificate.network
    table = Table.grid(padding=(0, 2))
    for run in certificate.runs[:8]:
        tokens = sum(segment.tokens for segment in run.segments)
        in_segments = f" in {len(run.segments)} segments" if certificate.statement.paradigm == "scot" else ""
        done = f"{_short(run.input)} -> {_short(run.output)}: {run.steps} steps in {run.cells} cells"
        result = f"{done}, {tokens} tokens{in_segments}"
        table.add_row("run", Text(result))
    if len(certificate.runs) > 8:
        table.add_row("", f"and {len(certificate.runs) - 8} more")
    table.add_row("context", f"{statement.context} tokens, r = {statement.position_bits}")
    if statement.beta is not None and statement.beta_split is not None:
        split = statement.beta_split
        table.add_row("beta", f"{statement.beta} = {split.query} in W_Q x {split.key} in W_K")
    for title, fact in network_facts(network):
        table.add_row(title, fact)
    table.add_row("binding", _binding(certificate.heads, certificate.softmax.cases))
    return table


def network_facts(network: NetworkRecord) -> list[tuple[str, str]]:
    """How large a network is, and its parameters."""
    size = network.dimensions
    largest = max(network.parameters, key=lambda matrix: int(matrix.largest))
    bits = max(matrix.significand_bits for matrix in network.parameters)
    return [
        ("network", f"{size.layers} layers, {size.heads} heads, d = {size.width}, d_ff = {size.hidden_width}"),
        ("parameters", f"largest {largest.largest} ({largest.matrix}), significand of {bits} bits"),
    ]


def _short(word: str) -> str:
    """A word on one line: a long one in its beginning and length."""
    if len(word) <= 24:
        return word or "(empty)"
    return f"{word[:16]}... ({len(word)} symbols)"


def _binding(heads: Sequence[HeadRecord], cases: Sequence[CaseRecord]) -> str:
    """The heads that ask for the largest beta, or that none serves."""

    def need(head: HeadRecord) -> float:
        least = cases[head.softmax].least_beta
        return float("inf") if least is None else int(least)

    most = max(map(need, heads))
    names = dict.fromkeys(head.name for head in heads if need(head) == most)
    wants = "no beta certifies it" if most == float("inf") else f"needs beta >= {int(most)}"
    return f"{', '.join(names)}: {wants}"


def _heads(heads: Sequence[HeadRecord], cases: Sequence[CaseRecord]) -> Table:
    """One row per head name and separation, with the layers it stands in."""
    groups: dict[tuple[str, int | None, str], list[HeadRecord]] = defaultdict(list)
    for head in heads:
        groups[head.name, head.separation, head.evidence].append(head)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("head", "layers", "separation", "evidence", "most ties", "least beta"):
        table.add_column(title)
    for (name, separation, evidence), members in groups.items():
        ties = max((high for head in members for _, high in head.ties), default=0)
        needs = [cases[head.softmax].least_beta for head in members]
        least = "none" if None in needs else str(max(int(need) for need in needs if need))
        shown = "-" if separation is None else str(separation)
        layers = layers_of([head.layer for head in members])
        table.add_row(name, layers, shown, evidence, str(ties) if ties else "value 0", least)
    return table


def layers_of(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}..{numbers[-1]}"


def _evidence(bundle: Bundle) -> list[tuple[str, list[str]]]:
    certificate = bundle.certificate
    lookups = sum(head.kind == "lookup" for head in certificate.heads)
    proved = [
        f"look-up heads ({lookups}): separation 2 for all positions i, j < 2^{certificate.statement.position_bits}"
    ]
    if certificate.verdict == "certified":
        proved.append("rounding: every head with its separation and ties gives the hardmax value, by exact rationals")
    if certificate.verdict == "refuted":
        proved.append("the query above, from its exact scores: the arithmetic does not give the hardmax value")
    return [
        ("proved", proved),
        (
            "observed, on these runs only",
            [
                "every activation of the hardmax transformer is in {-1, 0, 1}, every token the unique maximum",
                f"separation and ties of the other heads ({len(certificate.heads) - lookups})",
            ],
        ),
        ("assumed", list(assumptions(bundle.assessment.model))),
    ]
