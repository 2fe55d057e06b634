"""What the public interface returns, with representations for notebooks; and reports as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from exactformer.certificates.certify import Bundle
from exactformer.certificates.certify_all import UniversalBundle
from exactformer.certificates.checker import check as checker
from exactformer.certificates.checker.kernels.execute import Key
from exactformer.certificates.checker.report import parts
from exactformer.certificates.checker.report import report as report_of_valid
from exactformer.certificates.files import Output
from exactformer.certificates.kernels.certificate import KernelBundle
from exactformer.certificates.reports.audit import Audit, report_of_audit
from exactformer.certificates.reports.certificate import report_of
from exactformer.certificates.reports.layout import as_html, as_text
from exactformer.certificates.reports.page.page import notebook_of
from exactformer.certificates.reports.page.source import source_of
from exactformer.certificates.sequences.certificate import SequencesBundle
from exactformer.certificates.sequences.search import Refutation
from exactformer.certificates.theory_certificate import TheoryBundle
from exactformer.certificates.words.certificate import WordsBundle
from exactformer.certificates.words.found import OfLength, Wrong
from exactformer.constructions import html
from exactformer.verify.verdict import Verdict

Made = TypeVar("Made", Bundle, UniversalBundle, TheoryBundle, SequencesBundle, WordsBundle, KernelBundle)


@dataclass(frozen=True, repr=False)
class Certificate(Generic[Made]):
    """A certificate that can be written: its verdict and its claim, in one sentence."""

    bundle: Made

    @property
    def verdict(self) -> Verdict:
        """What is known about the claim."""
        return self.bundle.verdict

    @property
    def claim(self) -> str:
        """One sentence, which the document contains."""
        return self.bundle.claim

    def write(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write the certificate, and the weights beside it; returns the certificate's path.

        Raises FileRefused if there is a file that says something else, unless ``force``, or if files cannot be written.
        """
        output = Output(Path(folder), force)
        if isinstance(self.bundle, KernelBundle):  # without weights
            name = self.bundle.subject.certificate
            output.require_folder()
            output.write({name: self.bundle.bytes})
            return output.folder / name
        written = self.bundle.written if isinstance(self.bundle, UniversalBundle) else self.bundle
        return output.write_bundle(written).certificate

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {self.verdict.value}: {self.claim}>"

    def _repr_html_(self) -> str:
        """The report, and pieces of the page that ``exactformer report`` writes."""
        written = self.bundle.written if isinstance(self.bundle, UniversalBundle) else self.bundle
        weights = b"" if isinstance(written, KernelBundle) else written.weights
        return as_html(report_of(self.bundle)) + notebook_of(source_of(written.bytes, weights))


@dataclass(frozen=True, repr=False)
class InputsCertificate(Certificate[Bundle]):
    """About a machine's runs on given words: certified, refuted or inconclusive."""

    @property
    def refutation(self) -> str | None:
        """Where an activation differs from the hardmax one, in one sentence, if the claim is refuted."""
        found = self.bundle.certificate.refutation
        return None if found is None else found.reason


@dataclass(frozen=True, repr=False)
class EveryRunCertificate(Certificate[UniversalBundle]):
    """About every run of a machine that fits: proved, tokens proved, refuted or inconclusive."""

    @property
    def counterexample(self) -> InputsCertificate | None:
        """The certificate about one input, if that refutes the claim; then `write` writes this one."""
        found = self.bundle.counterexample
        return None if found is None else InputsCertificate(found)

    @property
    def no_run_halts(self) -> str | None:
        """Why no run that fits halts, in one sentence, if that is known."""
        return self.bundle.why_no_run_halts

    @property
    def example(self) -> str | None:
        """A word whose run halts and is one of those that the claim is about, if a short one was found."""
        return None if self.bundle.example is None else self.bundle.example.word

    @property
    def not_shown(self) -> str | None:
        """Why tokens are not proved either, if that was asked for."""
        return self.bundle.made.not_shown


@dataclass(frozen=True, repr=False)
class TheoryCertificate(Certificate[TheoryBundle]):
    """About every token sequence of a theory: proved, tokens proved or inconclusive."""

    @property
    def name(self) -> str:
        """The name of the theory."""
        return self.bundle.name

    @property
    def not_shown(self) -> str | None:
        """Why tokens are not proved either, if that was asked for."""
        return self.bundle.not_shown


@dataclass(frozen=True, repr=False)
class SequencesCertificate(Certificate[SequencesBundle]):
    """About given sequences: certified, refuted or inconclusive."""

    @property
    def refutation(self) -> Refutation | None:
        """Where the expected token is surely not strictly first, if the claim is refuted."""
        return self.bundle.refutation

    @property
    def not_shown(self) -> str | None:
        """Why numbers are not bounded, if an overflow is not excluded."""
        return self.bundle.not_shown


@dataclass(frozen=True, repr=False)
class WordsCertificate(Certificate[WordsBundle]):
    """About every word of a language, up to a length: proved, refuted or inconclusive."""

    @property
    def wrong(self) -> Wrong | None:
        """The first word, by length, whose output is surely not the expected one."""
        return self.bundle.found.wrong

    @property
    def lengths(self) -> tuple[OfLength, ...]:
        """What was found about the words of each length: how many there are, by what margin they are right."""
        return self.bundle.found.lengths

    @property
    def right_up_to(self) -> int | None:
        """The largest length up to which every word is shown to be right."""
        return self.bundle.found.right_up_to


@dataclass(frozen=True, repr=False)
class KernelCertificate(Certificate[KernelBundle]):
    """About an attention kernel, on all inputs in some ranges: proved, refuted or inconclusive."""

    @property
    def errors(self) -> Mapping[str, Fraction] | None:
        """How far the output is from exact softmax at most, by cause; None if nothing is proved."""
        return self.bundle.found.errors

    @property
    def not_shown(self) -> str | None:
        """Why nothing is proved."""
        return self.bundle.found.reason

    @property
    def failing(self) -> tuple[Key, ...] | None:
        """The input that refutes the claim: score, value and mask of each key."""
        failing = self.bundle.found.failing
        return None if failing is None else failing.keys

    @property
    def script(self) -> str | None:
        """That input in PyTorch, if a stock operation computes the recipe."""
        return self.bundle.script


AnyCertificate: TypeAlias = (
    InputsCertificate
    | EveryRunCertificate
    | TheoryCertificate
    | SequencesCertificate
    | WordsCertificate
    | KernelCertificate
)


@dataclass(frozen=True)
class Valid(checker.Valid):
    """What is valid about a certificate: its verdict, its claim, and what that rests on, in sentences.

    ``proved``, ``replayed`` (checked on these runs), ``assumed``; ``not_claimed``.
    """

    def _repr_html_(self) -> str:
        shown = [html.paragraph(f"valid: {self.verdict}", bold=True), html.paragraph(self.claim)]
        for title, sentences in parts(self).items():
            shown += [html.paragraph(title, bold=True), html.listed(sentences)] if sentences else []
        return "".join(shown)


def report(
    of: AnyCertificate | Valid | Audit,
    *,
    width: int | None = None,
) -> str:
    """What the commands print about a certificate, about what is valid about one, or about an audit; without files.

    ``width``: that of lines, in characters; None: every paragraph, and every row of a table, is one line.
    """
    match of:
        case Audit():
            return as_text(report_of_audit(of), width)
        case Valid():
            return as_text(report_of_valid(of).splitlines(), width)
        case Certificate():
            return as_text(report_of(of.bundle), width)
    raise TypeError(f"{of!r} is neither a certificate nor what check or audit returns")
