"""The public interface: a network and a theory -> a certificate; a certificate -> what is valid about it.

Everything returns values and raises typed errors; nothing prints, and nothing is written but by `Certificate.write`.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from exactformer.certificates.checker.check import Valid, check_certificate
from exactformer.certificates.checker.deadline import SECONDS
from exactformer.certificates.checker.document import BadInput, Rejected, TooLarge, Undecided
from exactformer.certificates.checker.theory.check import check_theory
from exactformer.certificates.files import Output
from exactformer.certificates.theory_certificate import Asked, TheoryBundle, certify_theory
from exactformer.constructions.theory import Case, Hold, Name, Theory
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.theory import turing
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
    """A certificate that can be written: its verdict and its claim, in one sentence."""

    bundle: TheoryBundle

    @property
    def verdict(self) -> Verdict:
        return self.bundle.verdict

    @property
    def claim(self) -> str:
        return self.bundle.claim

    @property
    def not_shown(self) -> str | None:
        """Why tokens are not proved either, where that was asked for."""
        return self.bundle.not_shown

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
    return Certificate(certify_theory(network, theory, Asked(model, context, beta, tokens), budget_seconds))


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
