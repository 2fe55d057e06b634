"""A certificate about every token sequence of a theory (THEORIES): from what is proved of the heads to the document.

What the hardmax network does is proved by the kernel of `certificates.checker.theory`, the only thing that reads
theories; whoever calls `certify_theory` brings what it found.  The arithmetic is decided here, by the prover's own
inequalities, and by the checker again.
"""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib.metadata import version
from typing import Any, Protocol

from exactformer.certificates import names
from exactformer.certificates.document import canonical_bytes, rational, sha256
from exactformer.certificates.files import Subject
from exactformer.certificates.linear_format import require_fit, sums_of
from exactformer.certificates.universal_document import TieSoftmax, tie_case
from exactformer.certificates.weights import parameters, weights_document
from exactformer.constructions.theory import Parameter, Theory
from exactformer.constructions.transformer.network import Network
from exactformer.verify.all_inputs import Universal, decide_heads
from exactformer.verify.arithmetic.cells import activation_cells
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.verdict import Verdict


class ProvedHead(Protocol):
    """Of a head: how far below the selected tokens all others score, None if all are always selected; whether several
    may be selected that share a value other than 0."""

    @property
    def separation(self) -> int | None: ...

    @property
    def many(self) -> bool: ...


class ProvedDrift(Protocol):
    """What was proved of drifts: the largest, by register; the margin that is left."""

    @property
    def largest(self) -> Mapping[str, Fraction]: ...

    @property
    def margin(self) -> Fraction: ...


@dataclass(frozen=True)
class _Head:
    separation: int
    many: bool


@dataclass(frozen=True)
class TheoryBundle:
    """A certificate and its weights, as bytes ready to be written."""

    document: Mapping[str, Any]
    weights: bytes
    weights_name: str
    subject: Subject
    universal: Universal
    drift: ProvedDrift | None = None

    @property
    def bytes(self) -> bytes:
        return canonical_bytes(self.document)

    @property
    def name(self) -> str:
        found: str = re.findall(r"^\s*theory\s+(\S+)", self.document["statement"]["theory"]["text"], re.MULTILINE)[0]
        return found

    @property
    def verdict(self) -> Verdict:
        return self.universal.verdict if self.drift is None else Verdict.TOKENS_PROVED

    @property
    def claim(self) -> str:
        return str(self.document["statement"]["claim"])


def certify_theory(
    network: Network,
    theory: Theory,
    heads: Sequence[Sequence[ProvedHead]],
    margin: int | None,
    model: ArithmeticModel,
    context: int,
    beta: int | None = None,
    subject: Subject | None = None,
    drift: ProvedDrift | None = None,
) -> TheoryBundle:
    """The certificate for contexts of up to ``context`` tokens; ``heads``: layer by layer, as the kernel found them;
    ``drift``: what it found of drifts at ``beta``, if tokens alone are to be claimed; ``subject``: what was asked for.

    Errors: ModelError and BetaError for an arithmetic or a beta in which scores are not exact, DoesNotFit for weights
    that the linear format does not hold.
    """
    started = time.perf_counter()
    document = weights_document(network)
    sums = sums_of(document)
    require_fit(model, sums, parameters(network, None))
    largest_score = max((len(head.query) for layer in network.layers for head in layer.heads), default=0)
    facts = [
        _Head(2 * largest_score + 1 if head.separation is None else head.separation, head.many)
        for layer in heads
        for head in layer
    ]
    universal = decide_heads(facts, largest_score, model, context, context, beta)
    require_fit(model, sums, parameters(network, universal.split))
    weights = canonical_bytes(document)
    subject = subject or subject_of(theory, context, model, beta)
    weights_name = f"{subject.name}.weights.json"
    cells = activation_cells(model)
    one_cell, zero_cell = ((rational(cell.low), rational(cell.high)) for cell in (cells.one, cells.zero))
    softmax = TieSoftmax(universal.largest_score, one_cell, zero_cell, [tie_case(case) for case in universal.cases])
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
        "softmax": asdict(softmax),
        "verdict": (universal.verdict if drift is None else Verdict.TOKENS_PROVED).value,
        "provenance": {
            "exactformer": version("exactformer"),
            "python": platform.python_version(),
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "seconds": f"{time.perf_counter() - started:.3f}",
        },
    }
    if drift is not None:
        largest = {name: rational(one) for name, one in drift.largest.items()}
        certificate["drift"] = {"largest": largest, "margin": rational(drift.margin)}
    return TheoryBundle(certificate, weights, weights_name, subject, universal, drift)


def witnesses_document(theory: Theory) -> list[list[dict[str, Any]]]:
    """The sequences that a theory brings, as a certificate lists them."""
    return [[{"class": token.cls, "ghosts": dict(token.ghosts)} for token in sequence] for sequence in theory.witnesses]


def names_document(theory: Theory) -> list[list[dict[str, Any]]]:
    """The names that a theory gives behind each layer, as a certificate lists them."""
    return [
        [{key: value for key, value in asdict(one).items() if value is not None} for one in layer]
        for layer in theory.names
    ]


def subject_of(
    theory: Theory, context: int, model: ArithmeticModel, beta: int | None, *, tokens: bool = False
) -> Subject:
    """What a certificate will be about; ``tokens``: whether of tokens alone, if no more can be proved."""
    return Subject(
        names.of_theory(theory_name(theory), theory.text, theory.parameters, context, model, beta, tokens=tokens),
        {"statement": _statement(theory, context, model) | ({} if beta is None else {"beta": str(beta)})},
    )


def theory_name(theory: Theory) -> str:
    """What the theory calls itself."""
    found = re.search(r"^\s*theory\s+(\S+)", theory.text, re.MULTILINE)
    return found[1] if found else "theory"


def _statement(theory: Theory, context: int, model: ArithmeticModel) -> dict[str, Any]:
    return {
        "theory": {"text": theory.text, "sha256": sha256(theory.text.encode("utf-8"))},
        "parameters": {
            name: list(value) if isinstance(value, tuple) else value for name, value in theory.parameters.items()
        },
        "context": str(context),
        "arithmetic": model.text,
    }


def _listed(network: Network, heads: Sequence[Sequence[ProvedHead]], universal: Universal) -> list[dict[str, Any]]:
    """Every head with its separation, ties and case of softmax, in order of layers."""
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
            "softmax": case,
        }
        for (number, place, name, found), case in zip(pairs, universal.case_of_head, strict=True)
    ]


def sentence(
    theory: Theory, context: int, universal: Universal, margin: int | None, drift: ProvedDrift | None = None
) -> str:
    """The claim (THEORIES 7)."""
    given = "".join(f", {name} = {_shown(value)}" for name, value in sorted(theory.parameters.items()))
    which = f"theory {theory_name(theory)} (SHA-256 {sha256(theory.text.encode('utf-8'))}{given})"
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
    """As the claim names it; a table by its hash."""
    if isinstance(value, int):
        return str(value)
    words = [one for one in value if isinstance(one, str)]
    if len(words) == len(value):
        return f"[{' '.join(words)}]"
    return f"a table (SHA-256 {sha256(canonical_bytes(value).rstrip())})"
