"""The report of ``certify`` on given inputs: claim, verdict, which heads bind, and what each part rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from exactformer.certificates.certify import Bundle
from exactformer.certificates.document import HeadRecord, Statement, sha256
from exactformer.certificates.files import Written
from exactformer.certificates.reports.facts import Findings, findings_on_runs
from exactformer.certificates.reports.layout import Column, Facts, Part, Table, counted, heading
from exactformer.certificates.reports.verdicts import verdict_line
from exactformer.certificates.weights import Parameters
from exactformer.constructions.transformer.dimensions import Dimensions
from exactformer.verify.verdict import Verdict

MOST_RUNS = 8
"""How many runs are shown; the certificate has all of them."""
SEPARATION = ("separation", "by how much the best score exceeds the others, before beta multiplies it")
LEAST_BETA = (
    "least beta",
    "the smallest power of two at which the head gives the hardmax value, proved by inequalities",
)
"""What the columns of the table of heads mean."""


def report(bundle: Bundle, written: Written | None = None) -> Iterator[Part]:
    """The parts of a report about given inputs."""
    certificate = bundle.certificate
    yield verdict_line(Verdict(certificate.verdict))
    yield certificate.statement.claim
    if certificate.refutation:
        yield certificate.refutation.reason
    yield ""
    yield _facts(bundle)
    yield ""
    yield from _heads(bundle)
    yield from evidence(findings_on_runs(bundle))
    yield from files(written)


def evidence(parts: Sequence[Findings]) -> Iterator[Part]:
    """What is proved, what was observed, what is assumed."""
    for part in parts:
        yield ""
        yield heading(part.basis.title)
        yield from (f"  - {sentence}" for sentence in part.sentences)


def files(written: Written | None) -> Iterator[Part]:
    """Where certificate and weights were written, if they were."""
    if written is None:
        return
    kept = "; it was there before" if written.kept else ""
    yield ""
    yield Facts(
        (
            ("certificate", f"{written.certificate}  (sha256 {sha256(written.bytes)[:16]}...{kept})"),
            ("weights", str(written.weights)),
        )
    )


def _facts(bundle: Bundle) -> Facts:
    certificate = bundle.certificate
    rows = []
    for run in certificate.runs[:MOST_RUNS]:
        tokens = sum(segment.tokens for segment in run.segments)
        in_segments = f" in {counted(len(run.segments), 'segment')}" if certificate.statement.paradigm == "scot" else ""
        done = (
            f"{_short(run.input)} -> {_short(run.output)}: {counted(run.steps, 'step')} in {counted(run.cells, 'cell')}"
        )
        rows.append(("run", f"{done}, {counted(tokens, 'token')}{in_segments}"))
    if len(certificate.runs) > MOST_RUNS:
        rows.append(("", f"and {len(certificate.runs) - MOST_RUNS} more"))
    rows += _setting_facts(certificate.statement)
    rows += network_facts(bundle.dimensions, bundle.parameters, bundle.fits)
    rows.append(("binding", _binding(bundle)))
    return Facts(tuple(rows))


def _setting_facts(statement: Statement) -> list[tuple[str, str]]:
    """Context and beta of a claim."""
    rows = [("context", f"{statement.context} tokens, positions of r = {statement.position_bits} bits")]
    if statement.beta is not None and statement.beta_split is not None:
        split = statement.beta_split
        rows.append(("beta", f"{statement.beta} = {split.query} in W_Q x {split.key} in W_K"))
    return rows


def network_facts(size: Dimensions, matrices: Sequence[Parameters], fits: str | None) -> list[tuple[str, str]]:
    """A network's size, its parameters, and which formats hold all numbers outside attention."""
    largest = max(matrices, key=lambda matrix: matrix.largest)
    bits = max(matrix.significand_bits for matrix in matrices)
    return [
        ("network", f"{size.layers} layers, {size.heads} heads, d = {size.width}, d_ff = {size.hidden_width}"),
        ("parameters", f"largest {largest.largest} ({largest.matrix}), significands of at most {bits} bits"),
        ("fits", f"{fits or 'no format with a name'}: the shortest in which nothing is rounded outside attention"),
    ]


def _short(word: str) -> str:
    """A word on one line: of a long one, its beginning and length."""
    if len(word) <= 24:
        return word or "(empty)"
    return f"{word[:16]}... ({len(word)} symbols)"


def _binding(bundle: Bundle) -> str:
    """The heads that need the largest beta, or for which no beta is enough."""
    least = {head.name: beta for head, beta in _least_betas(bundle)}
    unserved = [name for name, beta in least.items() if beta is None]
    if len(unserved) == len(least):
        return "no head gives the hardmax value for certain, at any beta"
    if unserved:
        return f"no beta makes {', '.join(unserved)} give the hardmax value for certain"
    most = max(beta for beta in least.values() if beta is not None)
    return f"beta >= {most}, because of {', '.join(name for name, beta in least.items() if beta == most)}"


def _least_betas(bundle: Bundle) -> Iterator[tuple[HeadRecord, int | None]]:
    """For every head the smallest power of two at which it gives the hardmax value; None if no admitted one does."""
    assessment = bundle.assessment
    for head, case in zip(bundle.certificate.heads, assessment.case_of_head, strict=True):
        yield head, assessment.cases[case].least_beta


def _heads(bundle: Bundle) -> Iterator[Part]:
    """One row per head name and separation, with the layers that have it."""
    groups: dict[tuple[str, int | None, str], list[tuple[HeadRecord, int | None]]] = defaultdict(list)
    for head, beta in _least_betas(bundle):
        groups[head.name, head.separation, head.evidence].append((head, beta))
    rows = []
    for (name, separation, how), members in groups.items():
        ties = max((high for head, _ in members for _, high in head.ties), default=0)
        needs = [beta for _, beta in members]
        least = "none" if None in needs else str(max(beta for beta in needs if beta))
        shown = "-" if separation is None else str(separation)
        layers = layers_of([head.layer for head, _ in members])
        rows.append((name, layers, shown, how, str(ties) if ties else "-", least))
    titles = ("layers", "separation", "evidence", "most ties", "least beta")
    yield Table((Column("head", key=True), *(Column(title) for title in titles)), tuple(rows))
    yield ""
    yield Facts(
        (
            SEPARATION,
            ("evidence", "how the separation is known: proved, for all positions, or observed, on these runs only"),
            ("most ties", "tokens that share the best score, at queries whose value is not 0 (-: there is none)"),
            LEAST_BETA,
        )
    )


def layers_of(numbers: Sequence[int]) -> str:
    """One layer, or a range of layers."""
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}..{numbers[-1]}"
