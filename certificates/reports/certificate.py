"""The report of a certificate of any kind."""

from __future__ import annotations

from collections.abc import Iterator

from exactformer.certificates.certify import Bundle
from exactformer.certificates.certify_all import UniversalBundle
from exactformer.certificates.files import Written
from exactformer.certificates.kernels.certificate import KernelBundle
from exactformer.certificates.reports.every_run import report_for_all
from exactformer.certificates.reports.given import report_on_sequences
from exactformer.certificates.reports.kernels import report_on_kernel
from exactformer.certificates.reports.layout import Part
from exactformer.certificates.reports.on_inputs import report
from exactformer.certificates.reports.theory import report_of_theory
from exactformer.certificates.reports.words import report_on_words
from exactformer.certificates.requests import AnyBundle
from exactformer.certificates.sequences.certificate import SequencesBundle
from exactformer.certificates.theory_certificate import TheoryBundle
from exactformer.certificates.words.certificate import WordsBundle


def report_of(bundle: AnyBundle, written: Written | None = None) -> Iterator[Part]:
    """Its parts; the last one says where its files were written, if they were."""
    match bundle:
        case Bundle():
            return report(bundle, written)
        case UniversalBundle():
            return report_for_all(bundle, written)
        case TheoryBundle():
            return report_of_theory(bundle, written)
        case SequencesBundle():
            return report_on_sequences(bundle, written)
        case WordsBundle():
            return report_on_words(bundle, written)
        case KernelBundle():
            return report_on_kernel(bundle, None if written is None else written.certificate)
