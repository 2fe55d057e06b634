"""What a claim rests on: in the checker's words or, if it was not asked, in the certificate's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.certificates.reports.facts import (
    RUNS,
    Findings,
    assumed_of_theory,
    meant_by,
    said_of_hardmax,
    said_of_runs,
    said_of_softmax,
)
from exactformer.certificates.reports.given import said_of_sequences
from exactformer.certificates.reports.kernels import said_of_kernel
from exactformer.certificates.reports.page.section import LONGEST, Section, note, short
from exactformer.certificates.reports.page.source import Kind, Source
from exactformer.certificates.reports.words import said_of_words
from exactformer.constructions.html import Markup, element, joined, listed, paragraph
from exactformer.constructions.transformer.words import HARDMAX, Transducer
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.verdict import Basis

MOST_SENTENCES = 40


@dataclass(frozen=True)
class Checked:
    """The checker's answer when a page was made and the certificate was found valid: against what it was checked, and
    what the checker said is proved, not claimed, checked on runs, assumed."""

    against: str
    parts: Mapping[str, Sequence[str]]


def grounds_section(source: Source, checked: Checked | None) -> Section:
    """Lists of statements, each under the word for what they rest on."""
    if checked is not None:
        intro = (
            "This is what the checker said when this page was made. It imports nothing of what made the certificate. "
            "What holds in every run is decided by the checker's own kernel, which the prover uses, too."
        )
        parts = [(title, list(sentences)) for title, sentences in checked.parts.items() if sentences]
    else:
        intro = (
            "Nothing here was checked when this page was made: this is what the certificate says, "
            "and what a certificate of its kind means if it is valid."
        )
        parts = [(found.basis.title, list(found.sentences)) for found in findings(source) if found.sentences]
    body = [paragraph(intro)]
    for title, sentences in parts:
        said = title if checked is not None or title == Basis.ASSUMED.title else f"said to be {title}"
        body.append(element("section", *_list(title, said, sentences), class_=f"basis {title.split()[0]}"))
    return Section("grounds", "What this rests on", joined(body))


MEANING = {basis.title: basis.meaning for basis in Basis}
NOT_CLAIMED = "The certificate says nothing about it."


def _list(title: str, said: str, sentences: Sequence[str]) -> list[Markup]:
    return [
        element("h3", said),
        note(MEANING.get(title, NOT_CLAIMED)),
        listed(short(sentence, 4 * LONGEST) for sentence in sentences[:MOST_SENTENCES]),
    ]


def findings(source: Source) -> list[Findings]:
    """What the certificate says, grouped by what it rests on; nothing of it is checked here."""
    document, statement, verdict = source.document, source.statement, source.verdict
    match source.kind:
        case Kind.RUNS:
            lookups = sum(head["kind"] == "lookup" for head in document["heads"])
            bits, model = int(statement["position_bits"]), parse_arithmetic(statement["arithmetic"])
            return said_of_runs(verdict, lookups, len(document["heads"]) - lookups, bits, model)
        case Kind.THEORY:
            return _of_theory(source)
        case Kind.SEQUENCES:
            model = parse_arithmetic(statement["arithmetic"], of_networks=True)
            return said_of_sequences(document, verdict, model)
        case Kind.WORDS:
            model = parse_arithmetic(statement["arithmetic"], of_networks=True)
            expected = statement["expected"]
            if isinstance(expected, dict) and "transducer" in expected:
                expected = Transducer(str(expected["transducer"]["start"]), expected["transducer"]["moves"])
            elif expected != HARDMAX:
                expected = None
            return list(said_of_words(verdict, expected, model, wrong=document["refutation"] is not None))
        case Kind.KERNEL:
            return list(said_of_kernel(verdict, None, ()))
        case Kind.APPROXIMATION:
            return _of_approximation(source)


def _of_theory(source: Source) -> list[Findings]:
    document, statement = source.document, source.statement
    model, drift = parse_arithmetic(statement["arithmetic"]), document.get("drift")
    margin = None if document["margin"] is None else int(document["margin"])
    drifts = None
    if drift is not None:
        drifts = max(map(Fraction, drift["largest"].values()), default=Fraction(0)), Fraction(drift["margin"])
    assumed = [RUNS[source.paradigm] if source.paradigm is not None else meant_by(str(source.theory))]
    if source.paradigm is not None and (writes := int(statement["parameters"]["WRITES"])) < int(statement["context"]):
        assumed.insert(
            0,
            f"No cell is written more than {writes} times: the claim is about such runs. The checker says whether this "
            "holds for all of the machine's runs.",
        )
    return [
        Findings(Basis.PROVED, (*said_of_hardmax(margin), *said_of_softmax(model, source.verdict, drifts))),
        Findings(Basis.ASSUMED, (*assumed, *assumed_of_theory(model, drifting=drift is not None))),
    ]


def _of_approximation(source: Source) -> list[Findings]:
    sequences = int(source.document["evidence"]["sequences"])
    proved = (
        "The first layers quantise: every input becomes the corner of its cell, in exact rationals.",
        f"On {sequences:,} sequences of corners the other layers give the function at the centre of the cell, or 0.",
    )
    assumed = [
        "The network is the mathematical function of its document, in real numbers; nothing is said about softmax."
    ]
    if source.statement["function"]["kind"] == "stated":
        assumed.append("The function's values, its bound and its modulus are as the certificate states them.")
    return [Findings(Basis.PROVED, proved), Findings(Basis.ASSUMED, tuple(assumed))]
