"""Certificates that name themselves what they are about: given sequences, or words of a language."""

from __future__ import annotations

from pathlib import Path

from exactformer.certificates.checker.check import Valid
from exactformer.certificates.checker.deadline import SECONDS
from exactformer.certificates.checker.document import WORDS, kind_of
from exactformer.certificates.checker.sequences.check import check_sequences
from exactformer.certificates.checker.words.check import check_words


def check_named(certificate_path: Path, budget: int = SECONDS, network_given: Path | bytes | None = None) -> Valid:
    """The certificate is valid, for the given network if there is one, else for the one beside it; `Rejected` if it is
    not, `BadInput` if there is nothing to judge."""
    check = check_words if kind_of(certificate_path) == WORDS else check_sequences
    return check(certificate_path, budget, network_given)
