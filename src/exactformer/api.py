"""The public interface: a network and what it should do -> a certificate; a certificate -> what is valid about it.

Everything returns values and raises typed errors; nothing prints, and nothing is written but by `write` of certificates
and by `save_transformer`.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from exactformer.certificates.checker.check import Valid, check_certificate
from exactformer.certificates.checker.deadline import SECONDS
from exactformer.certificates.checker.document import BadInput, Rejected, TooLarge, Undecided
from exactformer.certificates.checker.sequences.check import check_sequences
from exactformer.certificates.checker.theory.check import check_theory
from exactformer.certificates.files import Output
from exactformer.certificates.network_document import load_transformer, network_bytes
from exactformer.certificates.sequence_certificate import (
    SequencesAsked,
    SequencesBundle,
    certify_sequences,
    shown,
)
from exactformer.certificates.theory_certificate import Asked, TheoryBundle, certify_theory
from exactformer.constructions.theory import Case, Hold, Name, Theory
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import HeadWeights, LayerWeights
from exactformer.constructions.transformer.exact_parts import BitPositions
from exactformer.constructions.transformer.given import Given
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.theory import turing
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.given.assessment import Refutation
from exactformer.verify.verdict import Verdict

__all__ = [
    "BadInput",
    "BitPositions",
    "Case",
    "Certificate",
    "Given",
    "HeadWeights",
    "Hold",
    "LayerWeights",
    "Name",
    "Network",
    "Refutation",
    "Rejected",
    "SequencesCertificate",
    "Theory",
    "TooLarge",
    "Transformer",
    "Undecided",
    "Valid",
    "Verdict",
    "certify",
    "check",
    "load_transformer",
    "save_transformer",
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
        return _said(self) + _table(_COLUMNS, [[head[key] for key in _COLUMNS] for head in heads])


@dataclass(frozen=True)
class SequencesCertificate:
    """A certificate about given sequences that can be written: its verdict and its claim, in one sentence."""

    bundle: SequencesBundle

    @property
    def verdict(self) -> Verdict:
        return self.bundle.verdict

    @property
    def claim(self) -> str:
        return self.bundle.claim

    @property
    def refutation(self) -> Refutation | None:
        """Where the expected token is surely not strictly first, if the claim is refuted."""
        return self.bundle.refutation

    @property
    def not_shown(self) -> str | None:
        """Why numbers are not bounded, where an overflow is not excluded."""
        return self.bundle.not_shown

    def write(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write it, and the network beside it; the certificate's path.

        Raises FileRefused (`exactformer.certificates.files`) where a file is there that says something else, unless
        ``force``.
        """
        return Output(Path(folder), force).write_bundle(self.bundle).certificate

    def _repr_html_(self) -> str:
        hardmax, softmax = self.bundle.document["hardmax"], self.bundle.document["softmax"]
        heads = [
            [*(head[key] for key in _COLUMNS[:3]), *map(_short, (head["separation"], head["ties"]))]
            for head in hardmax["heads"]
        ]
        drifts = [[number, *map(_short, pair)] for number, pair in enumerate(softmax["drift"], start=1)]
        margins = [[_short(hardmax["margin"]), _short(softmax["margin"])]]
        return (
            _said(self)
            + _table(("margin of the hardmax transformer", "margin in this arithmetic, at least"), margins)
            + _table(_COLUMNS, heads)
            + _table(("layer", "drift after attention, at most", "after the MLP"), drifts)
        )


_COLUMNS = ("layer", "head", "name", "separation", "ties")


def _said(certificate: Certificate | SequencesCertificate) -> str:
    return f"<p><b>{certificate.verdict.value}</b>: {html.escape(certificate.claim)}</p>"


def _table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{html.escape(title)}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _short(number: object) -> str:
    """A rational that may be long."""
    return "-" if number is None else shown(str(number))


@overload
def certify(
    network: Network,
    behaviour: Theory,
    arithmetic: str,
    *,
    context: int,
    beta: int | None = None,
    tokens: bool = False,
    budget_seconds: int = SECONDS,
) -> Certificate: ...


@overload
def certify(
    network: Transformer | Network,
    behaviour: Given,
    arithmetic: str,
    *,
    beta: int | None = None,
    name: str = "transformer",
) -> SequencesCertificate: ...


def certify(
    network: Transformer | Network,
    behaviour: Theory | Given,
    arithmetic: str,
    *,
    context: int | None = None,
    beta: int | None = None,
    tokens: bool = False,
    budget_seconds: int = SECONDS,
    name: str = "transformer",
) -> Certificate | SequencesCertificate:
    """A certificate about what a network should do: a theory, or given sequences.

    The arithmetic is named as on the command line (`exactformer arithmetics`).

    *A theory*: every token sequence of it, up to ``context`` tokens; ``tokens``: where not all activations are proved
    to be those of the hardmax network, that every token that the theory names is right. The theory brings its
    annotation: what each head selects. beta is the smallest power of two that suffices, unless it is given.

    Errors: Rejected where theory and annotation do not show what the network does, with the place and the reason, and
    for a context beyond its positions;
    TooLarge and Undecided where that is not decided within the limits; ModelError, BetaError and DoesNotFit for an
    arithmetic in which scores, or weights, are not exact, and for one in which drifts are not bounded, where they
    would have to be.

    *Given sequences*: that each token that is expected has the largest logit, of a transformer of any exact weights;
    a compiled network is turned into one. beta is 1, unless it is given; ``name``: of the network, for files.

    Errors: GivenError for sequences that the transformer cannot read; Unsupported, a ModelError, for an arithmetic that
    is not judged, or does not hold the weights; TransformerError for a compiled network with too many tokens.
    """
    model = parse_arithmetic(arithmetic)
    if isinstance(behaviour, Given):
        if context is not None or tokens:
            raise TypeError("context and tokens go with a theory: given sequences are as long as they are")
        net = network if isinstance(network, Transformer) else Transformer.of(network)
        return SequencesCertificate(
            certify_sequences(net, behaviour, SequencesAsked(model, 1 if beta is None else beta, name))
        )
    if isinstance(network, Transformer):
        raise TypeError("a theory is about a compiled Network; of a Transformer, give sequences: ef.Given([...])")
    if context is None:
        raise TypeError("a theory needs context=N: the claim is about sequences of at most so many tokens")
    if not 1 <= context <= 2**network.position_bits:
        raise Rejected("context", f"is {context}, and the network has 2^{network.position_bits} positions")
    return Certificate(certify_theory(network, behaviour, Asked(model, context, beta, tokens), budget_seconds))


def save_transformer(net: Transformer, path: str | Path, *, force: bool = False) -> Path:
    """Write the network document (`certificates/NETWORKS.md`, 1); `load_transformer` reads it back.

    Raises FileRefused where a file is there that says something else, unless ``force``.
    """
    place = Path(path)
    Output(place.parent, force).write({place.name: network_bytes(net)})
    return place


def check(
    certificate: str | Path,
    *,
    theory: Theory | None = None,
    machine: str | Path | None = None,
    network: Transformer | Network | str | Path | None = None,
    budget_seconds: int = SECONDS,
) -> Valid:
    """What is valid about a certificate, which has to be about this theory with its parameters, the machine of this
    file, or both; one about given sequences, about this network, or the one of this document.

    Errors: Rejected where it is not valid, BadInput where there is nothing to judge, TooLarge and Undecided where it is
    not judged.
    """
    if network is not None:
        if theory is not None or machine is not None:
            raise BadInput("give a network, or a theory and a machine, but not both: a certificate is about one")
        return _check_sequences(Path(certificate), network, budget_seconds)
    if theory is None and machine is None:
        raise BadInput("give a theory, a machine or a network that the certificate has to be about")
    path, of_machine = Path(certificate), None if machine is None else Path(machine)
    if theory is not None:
        return check_theory(path, theory.text.encode("utf-8"), budget_seconds, theory.parameters, of_machine)
    return check_certificate(path, of_machine or Path(), budget_seconds)


def _check_sequences(certificate: Path, network: Transformer | Network | str | Path, budget_seconds: int) -> Valid:
    given: Path | bytes
    match network:
        case Transformer():
            given = network_bytes(network)
        case Network():
            given = network_bytes(Transformer.of(network))
        case _:
            given = Path(network)
    return check_sequences(certificate, budget_seconds, given)
