"""A certificate about every token sequence of a theory (THEORIES): from what is proved of the heads to the document.

The kernel of `certificates.checker.theory`, which alone reads theories, proves what the hardmax network does; callers
of `certify_theory` bring what it found.  The arithmetic is decided here, by the prover's own inequalities, and again
by the checker.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol

from exactformer.certificates import names
from exactformer.certificates.bundle import provenance
from exactformer.certificates.checker.deadline import SECONDS, Deadline
from exactformer.certificates.checker.diagrams import deep_recursion
from exactformer.certificates.checker.document import LARGEST_NUMBER
from exactformer.certificates.checker.drift.attention import Softmax
from exactformer.certificates.checker.drift.forms import NotShown
from exactformer.certificates.checker.drift.walk import Drift
from exactformer.certificates.checker.softmax.model import parse_model
from exactformer.certificates.checker.theory.annotation import read_annotation, read_holds, read_names
from exactformer.certificates.checker.theory.drift import drift_of
from exactformer.certificates.checker.theory.reading import read_theory
from exactformer.certificates.checker.theory.walk import Walked, walk
from exactformer.certificates.checker.weights import read_network
from exactformer.certificates.document import canonical_bytes, rational, sha256
from exactformer.certificates.files import Subject
from exactformer.certificates.linear_format import require_fit, smallest_fitting, sums_of
from exactformer.certificates.shapes import Shapes
from exactformer.certificates.weights import parameters, weights_document
from exactformer.constructions.theory import Parameter, Theory
from exactformer.constructions.transformer.network import Network
from exactformer.verify.all_inputs import TieCase, Universal, betas_for_drifts, covered_by_drifts, decide_ties_of
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.verdict import Verdict


class ProvedHead(Protocol):
    """About a head: how far below the selected tokens all others score, None if all are always selected; how many
    selected tokens may share a value other than 0, None if any number may."""

    @property
    def separation(self) -> int | None: ...

    @property
    def ties(self) -> int | None: ...


MOST_SHOWN = 64
"""The most names of a list that a claim writes out."""
MOST_PROVED = 4
"""For how many networks the proofs are kept; with what drifts depend on, a proof can have many diagrams."""
_PROVED: dict[tuple[str, bool], Walked] = {}


@dataclass(frozen=True)
class TheoryBundle:
    """A certificate and its weights, as bytes ready to be written.

    fits: the shortest named format that holds the network outside attention, if there is one (ARITHMETIC 8).
    drift: what is proved about drifts, if tokens alone are claimed; not_shown: why not, if that was asked for.
    """

    document: Mapping[str, Any]
    weights: bytes
    weights_name: str
    subject: Subject
    network: Network
    universal: Universal
    fits: str | None
    drift: Drift | None = None
    not_shown: str | None = None

    @cached_property
    def bytes(self) -> bytes:
        return canonical_bytes(self.document)

    @property
    def margin(self) -> int | None:
        """How far below the right next token's logit all others are, at least; None if the theory names none."""
        found: int | None = self.document["margin"]
        return found

    @property
    def heads(self) -> list[tuple[int, str, TieCase]]:
        """Layer, name and case of every head, in order of layers."""
        cases = [self.universal.cases[case] for case in self.universal.case_of_head]
        return [(head["layer"], head["name"], case) for head, case in zip(self.document["heads"], cases, strict=True)]

    @property
    def name(self) -> str:
        return theory_name(self.document["statement"]["theory"]["text"])

    @property
    def verdict(self) -> Verdict:
        return self.universal.verdict if self.drift is None else Verdict.TOKENS_PROVED

    @property
    def claim(self) -> str:
        return str(self.document["statement"]["claim"])


def told(network: Network, theory: Theory) -> dict[str, Any]:
    """What a certificate tells the kernel, in the form that is read from the documents."""
    document: dict[str, Any] = {
        "annotation": [[[asdict(case) for case in cases] for cases in layer] for layer in theory.annotation],
        "holds": [[asdict(one) for one in layer] for layer in theory.holds],
        "names": names_document(theory),
        "parameters": theory.parameters,
        "theory": theory.text,
        "weights": weights_document(network),
        "witnesses": witnesses_document(theory),
    }
    return document


def prove(
    network: Network,
    theory: Theory,
    budget_seconds: int = SECONDS,
    *,
    drifting: bool = False,
    shapes: Shapes | None = None,
) -> Walked:
    """What the hardmax network does at every token of every sequence: separations, ties, the margin; ``drifting``:
    also record what drifts of activations depend on; ``shapes``: layers that are proved already are not proved again.

    Errors: Rejected, TooLarge, Undecided.
    """
    document: dict[str, Any] = json.loads(canonical_bytes(told(network, theory)))
    known = read_network(document["weights"])
    with deep_recursion():
        read = read_theory(theory.text, theory.parameters, known.r)
        words = read_holds(document["holds"], read, known), read_names(document["names"], read, known)
        annotation = read_annotation(document["annotation"], read, known)
        deadline = Deadline(budget_seconds)
        if shapes is not None and not drifting:
            return shapes.walk(known, read, document, list(zip(annotation, *words, strict=True)), deadline)
        return walk(known, read, document["witnesses"], annotation, *words, deadline, drifting=drifting)


def _prove_once(network: Network, theory: Theory, budget_seconds: int, drifting: bool) -> Walked:
    """The same, kept: it needs no arithmetic, so it is not proved again when only the arithmetic changes."""
    key = sha256(canonical_bytes(told(network, theory))), drifting
    if key not in _PROVED:
        walked = prove(network, theory, budget_seconds, drifting=drifting)
        while len(_PROVED) >= MOST_PROVED:
            del _PROVED[next(iter(_PROVED))]
        _PROVED[key] = walked
    return _PROVED[key]


def decide(
    network: Network,
    heads: Sequence[Sequence[ProvedHead]],
    model: ArithmeticModel,
    context: int,
    beta: int | None,
) -> Universal:
    """The inequalities of softmax, for the heads as the kernel found them.  Raises ModelError and BetaError."""
    largest_score = max((len(head.query) for layer in network.layers for head in layer.heads), default=0)
    pairs = [
        (
            2 * largest_score + 1 if head.separation is None else head.separation,
            context if head.ties is None else min(head.ties, context),
        )
        for layer in heads
        for head in layer
    ]
    return decide_ties_of(pairs, largest_score, model, context, beta)


@dataclass(frozen=True)
class Asked:
    """An arithmetic, a context, beta if it is given; ``tokens``: if activations are not all proved to be those of the
    hardmax network, prove tokens alone.

    ``name``: that of the files, if it is not the theory's; ``about``: what people call the subject.
    """

    model: ArithmeticModel
    context: int
    beta: int | None = None
    tokens: bool = False
    name: str | None = None
    about: str | None = None


def certify_theory(network: Network, theory: Theory, asked: Asked, budget_seconds: int = SECONDS) -> TheoryBundle:
    """Prove what the hardmax network does, and decide what the softmax network does.

    Errors: Rejected, TooLarge and Undecided if that is not proved; ModelError and BetaError for an arithmetic or a
    beta in which scores are not exact; DoesNotFit for weights that the linear format does not hold; ModelError for an
    arithmetic in which drifts are needed and not bounded.
    """
    return certificate_of(network, theory, asked, _prove_once(network, theory, budget_seconds, asked.tokens))


def certificate_of(
    network: Network, theory: Theory, asked: Asked, walked: Walked, budget_seconds: int = SECONDS
) -> TheoryBundle:
    """Decide what the softmax network does, once it is proved what the hardmax network does.

    Errors: as `certify_theory`.
    """
    bundle = document_of(network, theory, asked, walked)
    if walked.recorded is None or bundle.universal.proved:
        return bundle
    known, furthest = (
        read_network(json.loads(canonical_bytes(weights_document(network)))),
        NotShown("no beta was tried"),
    )
    model = parse_model("arithmetic", covered_by_drifts(asked.model).text)
    for tried in betas_for_drifts(bundle.universal, asked.beta):
        softmax = Softmax(model, asked.context, tried.bit_length() - 1)
        try:
            drift = drift_of(known, walked.recorded, softmax, Deadline(budget_seconds))
        except NotShown as reason:
            furthest = max(furthest, reason, key=lambda one: one.layer)
        else:
            return document_of(network, theory, replace(asked, beta=tried), walked, bundle.subject, drift)
    return replace(bundle, not_shown=furthest.reason)


def document_of(
    network: Network,
    theory: Theory,
    asked: Asked,
    walked: Walked,
    subject: Subject | None = None,
    drift: Drift | None = None,
) -> TheoryBundle:
    """The certificate of what is proved; ``subject``: what it is about, if that is not the beta at
    which drifts are bounded as well.

    Errors: as `certify_theory`.
    """
    model, context, beta = asked.model, asked.context, asked.beta
    heads, margin = walked.heads, walked.margin
    started = time.perf_counter()
    document = weights_document(network)
    sums = sums_of(document)
    require_fit(model, sums, parameters(network, None))
    universal = decide(network, heads, model, context, beta)
    scaled = parameters(network, universal.split)
    require_fit(model, sums, scaled)
    weights = canonical_bytes(document)
    subject = subject or subject_of(theory, asked)
    weights_name = f"{subject.name}.weights.json"
    certificate = {
        "format": "exactformer theory certificate",
        "version": 2,
        "statement": _statement(theory, context, model)
        | {"beta": str(universal.beta), "claim": sentence(theory, context, universal, margin, drift)},
        "network": {"weights": {"file": weights_name, "sha256": sha256(weights)}},
        "witnesses": witnesses_document(theory),
        "names": names_document(theory),
        "annotation": [[[asdict(case) for case in cases] for cases in layer] for layer in theory.annotation],
        "holds": [[asdict(one) for one in layer] for layer in theory.holds],
        "heads": _listed(network, heads, universal),
        "margin": margin,
        "verdict": (universal.verdict if drift is None else Verdict.TOKENS_PROVED).value,
        "provenance": {
            **provenance(time.perf_counter() - started),
            **({} if asked.about is None else {"about": asked.about}),
        },
    }
    if drift is not None:
        largest = {name: rational(one) for name, one in drift.largest.items()}
        certificate["drift"] = {"largest": largest, "margin": rational(drift.margin)}
    fits = smallest_fitting(sums, scaled)
    return TheoryBundle(certificate, weights, weights_name, subject, network, universal, fits, drift)


def witnesses_document(theory: Theory) -> list[list[dict[str, Any]]]:
    """The sequences that a theory brings, as a certificate lists them."""
    return [[{"class": token.cls, "ghosts": dict(token.ghosts)} for token in sequence] for sequence in theory.witnesses]


def names_document(theory: Theory) -> list[list[dict[str, Any]]]:
    """The names that a theory gives after each layer, as a certificate lists them."""
    return [
        [{key: value for key, value in asdict(one).items() if value is not None} for one in layer]
        for layer in theory.names
    ]


def subject_of(theory: Theory, asked: Asked) -> Subject:
    """What a certificate will be about, and what its files are called."""
    context, model, beta = asked.context, asked.model, asked.beta
    own = names.of_theory(
        theory_name(theory.text), theory.text, theory.parameters, context, model, beta, tokens=asked.tokens
    )
    return Subject(
        asked.name or own,
        {"statement": _statement(theory, context, model) | ({} if beta is None else {"beta": str(beta)})},
    )


def theory_name(text: str) -> str:
    """The name in a theory's text."""
    found = re.search(r"^\s*theory\s+(\S+)", text, re.MULTILINE)
    return found[1] if found else "theory"


def _statement(theory: Theory, context: int, model: ArithmeticModel) -> dict[str, Any]:
    return {
        "theory": {"text": theory.text, "sha256": sha256(theory.text.encode("utf-8"))},
        "parameters": {name: _written(value) for name, value in theory.parameters.items()},
        "context": str(context),
        "arithmetic": model.text,
    }


def _written(value: Parameter) -> object:
    """As a certificate has it: numbers beyond `LARGEST_NUMBER` are strings."""
    if isinstance(value, int):
        return value if value <= LARGEST_NUMBER else str(value)
    return list(value)


def _listed(network: Network, heads: Sequence[Sequence[ProvedHead]], universal: Universal) -> list[dict[str, Any]]:
    """Every head with its separation, its ties, and whether it gives the hardmax value, in order of layers."""
    pairs = [
        (number, place, head.name, found)
        for number, (layer, of_layer) in enumerate(zip(network.layers, heads, strict=True), start=1)
        for place, (head, found) in enumerate(zip(layer.heads, of_layer, strict=True))
    ]
    return [
        {
            "layer": number,
            "head": place,
            "name": name,
            "separation": found.separation,
            "ties": str(universal.cases[case].facts.most),
            "holds": universal.cases[case].holds,
        }
        for (number, place, name, found), case in zip(pairs, universal.case_of_head, strict=True)
    ]


def sentence(theory: Theory, context: int, universal: Universal, margin: int | None, drift: Drift | None = None) -> str:
    """The claim (THEORIES 7)."""
    given = "".join(f", {name} = {_shown(value)}" for name, value in sorted(theory.parameters.items()))
    which = f"theory {theory_name(theory.text)} (SHA-256 {sha256(theory.text.encode('utf-8'))}{given})"
    arithmetic = f"in the arithmetic {universal.model.text} at beta = {universal.beta}"
    output = (
        "" if margin is None else "; and at every token for which the theory names an output, that is the next token"
    )
    every = f"For every token sequence of the {which} of at most {context} tokens, the"
    if universal.proved:
        return (
            f"{every} softmax transformer of these weights, {arithmetic}, has after every sublayer exactly the "
            f"activations of the hardmax transformer, which are in {{-1, 0, 1}}{output}."
        )
    if drift is not None:
        largest = max(drift.largest.values(), default=Fraction(0))
        return (
            f"{every} softmax transformer of these weights, {arithmetic}, has at every token for which the theory "
            "names an output that token as its unique best next one; its activations after every sublayer may differ "
            f"from those of the hardmax transformer, by at most {rational(largest)}."
        )
    return (
        f"{every} hardmax transformer of these weights has activations in {{-1, 0, 1}} only{output}; of the softmax "
        f"transformer, {arithmetic}, nothing is claimed."
    )


def _shown(value: Parameter) -> str:
    """A value as the claim names it; a table or a long list by its hash."""
    if isinstance(value, int):
        return str(value)
    words = [one for one in value if isinstance(one, str)]
    if len(words) == len(value) <= MOST_SHOWN:
        return f"[{' '.join(words)}]"
    what = f"{len(words)} names" if len(words) == len(value) else "a table"
    return f"{what} (SHA-256 {sha256(canonical_bytes(value).rstrip())})"
