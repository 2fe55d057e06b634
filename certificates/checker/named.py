"""Checks certificates that contain what they are about: given sequences, words of a language, or a kernel."""

from __future__ import annotations

from pathlib import Path

from exactformer.certificates.checker.check import Valid
from exactformer.certificates.checker.deadline import SECONDS
from exactformer.certificates.checker.document import KERNEL, WORDS, kind_of
from exactformer.certificates.checker.kernels.check import check_kernel
from exactformer.certificates.checker.sequences.check import check_sequences
from exactformer.certificates.checker.words.check import check_words


def check_named(certificate_path: Path, budget: int = SECONDS, network_given: Path | bytes | None = None) -> Valid:
    """The result, if the certificate is valid for the given network or, if none is given, for the one beside it;
    `Rejected` if it is not, `BadInput` if there is nothing to judge."""
    check = {WORDS: check_words, KERNEL: check_kernel}.get(str(kind_of(certificate_path)), check_sequences)
    return check(certificate_path, budget, network_given)
