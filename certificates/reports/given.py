"""The report of ``certify --sequences``: verdict, what was computed, and what each part rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN
from typing import Any

from exactformer.certificates.files import Written
from exactformer.certificates.reports.facts import Findings
from exactformer.certificates.reports.layout import Column, Facts, Part, Table, counted
from exactformer.certificates.reports.on_inputs import evidence, files
from exactformer.certificates.reports.verdicts import verdict_line
from exactformer.certificates.sequences.certificate import SequencesBundle, shown
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact
from exactformer.verify.verdict import Basis, Verdict


def report_on_sequences(bundle: SequencesBundle, written: Written | None = None) -> Iterator[Part]:
    """The parts of a report."""
    found, document = bundle.found, bundle.document
    yield verdict_line(found.verdict)
    yield bundle.claim
    if found.refutation is not None:
        where = found.refutation
        yield (
            f"In sequence {where.sequence}, at position {where.position}, the logit of {where.token!r} is at least "
            f"that of {where.expected!r}, however the sums are ordered."
        )
    if found.not_shown is not None:
        yield f"Not bounded: {found.not_shown}."
    yield ""
    yield Facts(tuple(_facts(bundle)))
    yield ""
    heads = [] if document["hardmax"] is None else document["hardmax"]["heads"]
    if heads:
        columns = ("layer", "head", "name", "separation", "most ties")
        yield Table(
            tuple(Column(title, key=number < 2, right=number in (0, 1, 4)) for number, title in enumerate(columns)),
            tuple(
                (
                    str(head["layer"]),
                    str(head["head"]),
                    head["name"],
                    _shown(head["separation"]),
                    str(head["ties"]),
                )
                for head in heads
            ),
        )
        yield ""
    if document["softmax"]["drift"]:
        yield Table(
            (Column("layer", right=True, key=True), Column("drift after attention"), Column("after the MLP")),
            tuple(
                (str(number), *(_shown(drift, ROUND_CEILING) for drift in pair))
                for number, pair in enumerate(document["softmax"]["drift"], start=1)
            ),
        )
        yield ""
    if document["hardmax"] is not None:
        yield _WORDS
    yield from evidence(findings(bundle))
    yield from files(written)


_WORDS = Facts(
    (
        ("separation", "how far the next score is below the largest one, at least, with hardmax; - if all tie"),
        ("most ties", "tokens that share the largest score"),
        ("drift", "how far an activation may be from its value with hardmax, at most; - if no bound is shown"),
    )
)


def _facts(bundle: SequencesBundle) -> Iterator[tuple[str, str]]:
    net, found = bundle.found.net, bundle.found
    read = sum(len(question.tokens) for question in found.questions)
    yield "sequences", f"{counted(len(found.questions), 'sequence')} of {counted(read, 'token')} in all"
    heads = sum(len(layer.heads) for layer in net.layers)
    seen = "causal" if net.causal else "full"
    yield (
        "network",
        f"{counted(len(net.layers), 'layer')}, {counted(heads, 'head')}, d = {net.width}, {seen} attention, "
        f"{counted(len(net.vocabulary), 'token')}, {counted(sum(1 for _ in net.numbers()), 'weight')} that are not 0",
    )
    hardmax = bundle.document["hardmax"]
    nominal = "" if hardmax is None else f"{_shown(hardmax['margin'])} with hardmax"
    yield "margin", nominal or "there is no hardmax transformer: norms and smooth activations are not rational"
    if (margin := bundle.document["softmax"]["margin"]) is not None:
        yield "", f"at least {_shown(margin, ROUND_FLOOR)} in this arithmetic"


def _shown(number: str | None, rounding: str = ROUND_HALF_EVEN) -> str:
    return "-" if number is None else shown(number, rounding)


def findings(bundle: SequencesBundle) -> list[Findings]:
    """What each statement rests on."""
    return said_of_sequences(bundle.document, bundle.verdict, bundle.found.model)


def said_of_sequences(document: Mapping[str, Any], verdict: Verdict, model: ArithmeticModel) -> list[Findings]:
    """The same, of a certificate's document."""
    observed = []
    if document["hardmax"] is not None:
        observed.append(
            "Separations and ties of the heads, and the margin with hardmax, are those stated, on these sequences: "
            "computed exactly; numbers after ~ are rounded to three digits."
        )
    if any(drift is not None for pair in document["softmax"]["drift"] for drift in pair):
        observed.append("No activation is further from its value with hardmax than the stated drifts.")
    match verdict:
        case Verdict.CERTIFIED:
            observed.append("At each position asked about, the expected token's logit is above all others.")
        case Verdict.REFUTED:
            observed.append("At the position named, the expected token's logit is not above all others.")
    proved = []
    if model.linear is not None:
        proved.append(
            "A sum's error is bounded for every order and grouping of its additions, with or without fused "
            "multiply-add; roundings are monotone."
        )
    return [
        *([Findings(Basis.PROVED, tuple(proved))] if proved else []),
        Findings(Basis.OBSERVED, tuple(observed)),
        Findings(Basis.ASSUMED, tuple(_assumed(model))),
    ]


def _assumed(model: ArithmeticModel) -> Iterator[str]:
    if isinstance(model, Exact):
        yield "All sums, products, exponentials and quotients are those of real numbers."
        return
    yield (
        f"Kernels compute in {model.text} as certificates/NETWORKS.md, 3, says: weights and sums in "
        f"{model.linear.name}; queries, keys, values, what heads receive, and activations rounded to "
        f"{model.activations.name}; scores in {model.scores.name}; exponentials exact until they are rounded."
    )
    if model.activations != model.linear and not model.steps.stored:
        yield (
            f"Nothing else is rounded to {model.activations.name}: kernels that round what an output projection or "
            "an MLP adds, before it is added to the residual stream, compute something else; +stored is for those."
        )
