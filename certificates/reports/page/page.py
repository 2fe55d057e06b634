"""The whole page: one file that loads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from exactformer.certificates.reports.page.claim import claim_section, files_section, head_of, title_of
from exactformer.certificates.reports.page.exact_network import (
    drift_section,
    refuted_word_section,
    sequences_section,
    words_section,
)
from exactformer.certificates.reports.page.grounds import Checked, grounds_section
from exactformer.certificates.reports.page.heads import heads_section
from exactformer.certificates.reports.page.kernel import errors_section, kernel_section, refuted_kernel_section
from exactformer.certificates.reports.page.machine import machine_section
from exactformer.certificates.reports.page.network import network_section
from exactformer.certificates.reports.page.refuted_run import refuted_run_section
from exactformer.certificates.reports.page.rounding import rounding_section
from exactformer.certificates.reports.page.run import run_section
from exactformer.certificates.reports.page.section import Section
from exactformer.certificates.reports.page.shell import section_html, whole_page
from exactformer.certificates.reports.page.source import ReportError, Source, lacking
from exactformer.certificates.reports.page.theory import approximation_section, theory_section
from exactformer.constructions.html import Markup, element, folded, joined

SCRIPT = Path(__file__).with_name("script.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Wanted:
    """What a page shows: the run on ``word``, or on a chosen word; and what the checker said, if it was asked."""

    word: str | None = None
    checked: Checked | None = None


def sections_of(source: Source, wanted: Wanted) -> list[Section]:
    """All sections that apply to the certificate, in reading order.  Raises ReportError."""
    with lacking(source.file.name):
        run = run_section(source, wanted.word, _failing_token(source, wanted.word))
        if run is None and wanted.word is not None:
            raise ReportError("the certificate is not about a machine, so there is no run: leave out --input")
        found = (
            claim_section(source),
            grounds_section(source, wanted.checked),
            refuted_run_section(source),
            refuted_word_section(source),
            refuted_kernel_section(source),
            heads_section(source),
            rounding_section(source),
            drift_section(source),
            kernel_section(source),
            errors_section(source),
            words_section(source),
            sequences_section(source),
            approximation_section(source),
            network_section(source),
            machine_section(source),
            run,
            theory_section(source),
            files_section(source),
        )
    return [section for section in found if section is not None]


def _failing_token(source: Source, word: str | None) -> int | None:
    """The token at which a run goes wrong, if that run is shown."""
    refutation = source.document.get("refutation")
    if source.paradigm is None or refutation is None:
        return None
    witness = refutation["witnesses"][-1]
    failing = str(source.document["runs"][int(witness["run"])]["input"])
    return int(witness["token"]) if word in (None, failing) else None


def page_of(source: Source, wanted: Wanted = Wanted()) -> str:  # it is frozen
    """The page, as text.  Raises ReportError."""
    sections = sections_of(source, wanted)
    with lacking(source.file.name):
        head, title = head_of(source, wanted.checked), title_of(source, wanted.checked)
    links = [element("li", element("a", section.title, href=f"#{section.name}")) for section in sections]
    body = (
        element("a", "Skip to the claim", href="#claim", class_="skip"),
        element("header", head),
        element("nav", element("ol", *links), aria_label="Sections of this page"),
        element("main", *map(section_html, sections)),
        element(
            "footer",
            element("p", "Made by exactformer report. This page loads nothing: it is this one file."),
        ),
    )
    return whole_page(title, body, SCRIPT)


def notebook_of(source: Source) -> Markup:
    """Pieces of a page for a notebook, below what a report says: without colours, scripts and links."""
    with lacking(source.file.name):
        found = (
            refuted_run_section(source),
            refuted_word_section(source),
            rounding_section(source),
            errors_section(source),
            network_section(source),
        )
    return joined(folded(section.title, section.body) for section in found if section is not None)
