"""A request for a certificate, whatever it is about: one type per behaviour, and one function that meets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from exactformer.certificates.certify import Bundle, Progress, Request, certify
from exactformer.certificates.certify_all import UniversalBundle, UniversalRequest, certify_all
from exactformer.certificates.checker.deadline import SECONDS
from exactformer.certificates.files import Subject
from exactformer.certificates.sequence_certificate import SequencesAsked, SequencesBundle, certify_sequences
from exactformer.certificates.theory_certificate import Asked, TheoryBundle, certify_theory, subject_of
from exactformer.constructions.theory import Theory
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.given import Given
from exactformer.constructions.transformer.network import Network


@dataclass(frozen=True)
class TheoryRequest:
    """That a compiled network does what a theory says, in every token sequence of it."""

    network: Network
    behaviour: Theory
    asked: Asked
    budget_seconds: int = SECONDS

    @property
    def subject(self) -> Subject:
        return subject_of(self.behaviour, self.asked)


@dataclass(frozen=True)
class SequencesRequest:
    """That a transformer ranks the expected tokens first on given sequences."""

    network: Transformer
    behaviour: Given
    asked: SequencesAsked

    @property
    def subject(self) -> None:
        """What hardmax says is a part of it, so that it is not known before the work."""
        return None


AnyRequest: TypeAlias = Request | UniversalRequest | TheoryRequest | SequencesRequest
AnyBundle: TypeAlias = Bundle | UniversalBundle | TheoryBundle | SequencesBundle


def certified(request: AnyRequest, progress: Progress = lambda *_: None) -> AnyBundle:
    """Raises what `certify`, `certify_all`, `certify_theory` and `certify_sequences` raise."""
    match request:
        case Request():
            return certify(request, progress)
        case UniversalRequest():
            return certify_all(request, progress)
        case TheoryRequest():
            return certify_theory(request.network, request.behaviour, request.asked, request.budget_seconds)
        case _:
            return certify_sequences(request.network, request.behaviour, request.asked)
