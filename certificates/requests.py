"""Requests for certificates: one type per behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from exactformer.certificates.certify import Bundle, Progress, Request
from exactformer.certificates.certify_all import UniversalBundle, UniversalRequest
from exactformer.certificates.checker.deadline import SECONDS
from exactformer.certificates.files import Subject
from exactformer.certificates.kernels.certificate import KernelBundle
from exactformer.certificates.sequences.certificate import SequencesAsked, SequencesBundle, certify_sequences
from exactformer.certificates.theory_certificate import Asked, TheoryBundle, certify_theory, subject_of
from exactformer.certificates.words.certificate import WordsAsked, WordsBundle, certify_words
from exactformer.certificates.words.unfinished import Unfinished
from exactformer.constructions.theory import Theory
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.given import Given
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.words import Words


@dataclass(frozen=True)
class TheoryRequest:
    """A request to prove that a compiled network does what a theory says, on every token sequence of the theory."""

    network: Network
    behaviour: Theory
    asked: Asked
    budget_seconds: int = SECONDS

    def certified(self, progress: Progress) -> TheoryBundle:  # noqa: ARG002  # it does not say how far it is
        """Raises what `certify_theory` raises."""
        return certify_theory(self.network, self.behaviour, self.asked, self.budget_seconds)

    @property
    def subject(self) -> Subject:
        return subject_of(self.behaviour, self.asked)


@dataclass(frozen=True)
class SequencesRequest:
    """A request to show that a transformer ranks the expected tokens first on given sequences."""

    network: Transformer
    behaviour: Given
    asked: SequencesAsked
    budget_seconds: int = SECONDS

    def certified(self, progress: Progress) -> SequencesBundle:  # noqa: ARG002  # it does not say how far it is
        """Raises what `certify_sequences` raises."""
        return certify_sequences(self.network, self.behaviour, self.asked, self.budget_seconds)

    @property
    def subject(self) -> None:
        """Hardmax outputs are a part of the certificate, so they are not known before the work."""
        return None


@dataclass(frozen=True)
class WordsRequest:
    """A request to show that a transformer gives the expected outputs on every word of a language."""

    network: Transformer
    behaviour: Words
    asked: WordsAsked
    budget_seconds: int = SECONDS
    unfinished: Unfinished | None = None

    def certified(self, progress: Progress) -> WordsBundle:
        """Raises what `certify_words` raises."""
        return certify_words(self.network, self.behaviour, self.asked, self.budget_seconds, progress, self.unfinished)

    @property
    def subject(self) -> None:
        """What is expected is not known before the work."""
        return None


AnyRequest: TypeAlias = Request | UniversalRequest | TheoryRequest | SequencesRequest | WordsRequest
AnyBundle: TypeAlias = Bundle | UniversalBundle | TheoryBundle | SequencesBundle | WordsBundle | KernelBundle
