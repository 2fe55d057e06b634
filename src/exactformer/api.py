"""The public interface: a network and a theory -> a certificate; a certificate -> what is valid about it.

Everything returns values and raises typed errors; nothing prints, and nothing is written but by `Certificate.write`.
"""

from __future__ import annotations

import html
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from exactformer.certificates.checker.arithmetic import parse_model
from exactformer.certificates.checker.check import Valid, check_certificate
from exactformer.certificates.checker.deadline import SECONDS, Deadline
from exactformer.certificates.checker.diagrams import deep_recursion
from exactformer.certificates.checker.document import BadInput, Json, Rejected, TooLarge, Undecided
from exactformer.certificates.checker.drift.attention import Softmax
from exactformer.certificates.checker.drift.forms import NotShown
from exactformer.certificates.checker.drift.walk import Drift
from exactformer.certificates.checker.theory.annotation import read_annotation, read_holds, read_names
from exactformer.certificates.checker.theory.check import check_theory
from exactformer.certificates.checker.theory.drift import drift_of
from exactformer.certificates.checker.theory.reading import read_theory
from exactformer.certificates.checker.theory.walk import Walked, walk
from exactformer.certificates.checker.weights import read_network
from exactformer.certificates.document import canonical_bytes
from exactformer.certificates.files import Output
from exactformer.certificates.theory_certificate import (
    TheoryBundle,
    certify_theory,
    names_document,
    subject_of,
    witnesses_document,
)
from exactformer.certificates.weights import weights_document
from exactformer.constructions.theory import Case, Hold, Name, Theory
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.theory import turing
from exactformer.verify.all_inputs import betas_for_drifts, covered_by_drifts
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.verdict import Verdict

__all__ = [
    "BadInput",
    "Case",
    "Certificate",
    "Hold",
    "Name",
    "Network",
    "Rejected",
    "Theory",
    "TooLarge",
    "Undecided",
    "Valid",
    "Verdict",
    "certify",
    "check",
    "turing",
]


@dataclass(frozen=True)
class Certificate:
    """A certificate that can be written: its verdict and its claim, in one sentence.

    ``not_shown``: why tokens are not proved either, where that was asked for.
    """

    bundle: TheoryBundle
    not_shown: str | None = None

    @property
    def verdict(self) -> Verdict:
        return self.bundle.verdict

    @property
    def claim(self) -> str:
        return self.bundle.claim

    @property
    def name(self) -> str:
        """Of the theory."""
        return self.bundle.name

    def write(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write it, and the weights beside it; the certificate's path.

        Raises FileRefused (`exactformer.certificates.files`) where a file is there that says something else, unless
        ``force``.
        """
        return Output(Path(folder), force).write_bundle(self.bundle).certificate

    def _repr_html_(self) -> str:
        heads = self.bundle.document["heads"]
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(head[key]))}</td>" for key in _COLUMNS) + "</tr>" for head in heads
        )
        titles = "".join(f"<th>{title}</th>" for title in _COLUMNS)
        return (
            f"<p><b>{self.verdict.value}</b>: {html.escape(self.claim)}</p>"
            f"<table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>"
        )


_COLUMNS = ("layer", "head", "name", "separation", "ties")


def certify(
    network: Network,
    theory: Theory,
    arithmetic: str,
    *,
    context: int,
    beta: int | None = None,
    tokens: bool = False,
    budget_seconds: int = SECONDS,
) -> Certificate:
    """A certificate about every token sequence of the theory, up to ``context`` tokens; ``tokens``: where not all
    activations are proved to be those of the hardmax network, that every token that the theory names is right.

    The theory brings its annotation: what each head selects. The arithmetic is named as on the command line
    (`exactformer arithmetics`); beta is the smallest power of two that suffices, unless it is given.

    Errors: Rejected where theory and annotation do not show what the network does, with the place and the reason, and
    for a context beyond its positions;
    TooLarge and Undecided where that is not decided within the limits; ModelError, BetaError and DoesNotFit for an
    arithmetic in which scores, or weights, are not exact, and for one in which drifts are not bounded, where they
    would have to be.
    """
    model = parse_arithmetic(arithmetic)
    if not 1 <= context <= 2**network.position_bits:
        raise Rejected("context", f"is {context}, and the network has 2^{network.position_bits} positions")
    walked = prove(network, theory, budget_seconds, drifting=tokens)
    subject = subject_of(theory, context, model, beta, tokens=tokens)

    def made(beta: int | None, drift: Drift | None = None) -> TheoryBundle:
        return certify_theory(network, theory, walked.heads, walked.margin, model, context, beta, subject, drift)

    bundle, furthest = made(beta), NotShown("no beta was tried")
    if walked.recorded is None or bundle.universal.proved:
        return Certificate(bundle)
    known, asked = (
        read_network(_plain(weights_document(network))),
        parse_model("arithmetic", covered_by_drifts(model).text),
    )
    for tried in betas_for_drifts(bundle.universal, beta):
        softmax = Softmax(asked, context, tried.bit_length() - 1)
        try:
            drift = drift_of(known, walked.recorded, softmax, Deadline(budget_seconds))
        except NotShown as reason:
            furthest = max(furthest, reason, key=lambda one: one.layer)
        else:
            return Certificate(made(tried, drift))
    return Certificate(bundle, furthest.reason)


def prove(network: Network, theory: Theory, budget_seconds: int = SECONDS, *, drifting: bool = False) -> Walked:
    """What the hardmax network does at every token of every sequence: separations, ties, the margin; ``drifting``:
    recorded is what drifts of activations depend on.

    Errors: Rejected, TooLarge, Undecided.
    """
    known = read_network(_plain(weights_document(network)))
    annotation = [[[asdict(case) for case in cases] for cases in layer] for layer in theory.annotation]
    holds = [[asdict(one) for one in layer] for layer in theory.holds]
    with deep_recursion():
        read = read_theory(theory.text, theory.parameters, known.r)
        words = read_holds(_plain(holds), read, known), read_names(_plain(names_document(theory)), read, known)
        told = read_annotation(_plain(annotation), read, known), *words
        return walk(known, read, _plain(witnesses_document(theory)), *told, Deadline(budget_seconds), drifting=drifting)


def _plain(value: object) -> Json:
    """As it will be read from the document."""
    document: Json = json.loads(canonical_bytes(value))
    return document


def check(
    certificate: str | Path,
    *,
    theory: Theory | None = None,
    machine: str | Path | None = None,
    budget_seconds: int = SECONDS,
) -> Valid:
    """What is valid about a certificate, which has to be about this theory with its parameters, the machine of this
    file, or both.

    Errors: Rejected where it is not valid, BadInput where there is nothing to judge, TooLarge and Undecided where it is
    not judged.
    """
    if theory is None and machine is None:
        raise BadInput("give a theory or a machine that the certificate has to be about")
    path, of_machine = Path(certificate), None if machine is None else Path(machine)
    if theory is not None:
        return check_theory(path, theory.text.encode("utf-8"), budget_seconds, theory.parameters, of_machine)
    return check_certificate(path, of_machine or Path(), budget_seconds)
