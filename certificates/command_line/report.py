"""``exactformer report``: writes a page that shows a certificate, and checks the certificate first if asked to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from exactformer.certificates.checker.report import parts, plain
from exactformer.certificates.command_line.asking import About, ask
from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import InputRefused, refusing
from exactformer.certificates.document import sha256
from exactformer.certificates.files import FileRefused, Output
from exactformer.certificates.reports.layout import Facts
from exactformer.certificates.reports.page.grounds import Checked
from exactformer.certificates.reports.page.page import Wanted, page_of
from exactformer.certificates.reports.page.source import File, ReportError, Source, read_source

LONGEST_ERROR = 2000


@dataclass(frozen=True)
class Page:
    """What was typed about the page."""

    page: Path
    checking: bool
    budget: int
    word: str | None
    force: bool


def execute(certificate: Path, about: About, page: Page) -> None:
    """Read the certificate, check it if asked to, write the page, and say what was written."""
    output = Output(page.page.parent, page.force, "--html")
    if not page.checking and any((about.machine, about.function, about.theory)):
        raise InputRefused("--machine, --function and --theory say what to check against: give --check, too")
    with refusing(ReportError, FileRefused):
        output.require_place(page.page.name)
        source = read_source(certificate, about.network)
        checked = _checked(certificate, source, about, page.budget) if page.checking else None
        text = page_of(source, Wanted(page.word, checked))
        output.write({page.page.name: text.encode()})
    state = f"valid: {source.verdict.value}" if checked is not None else "not checked"
    show([Facts((("page", str(page.page)), ("certificate", f"{certificate}  ({state})")))])


def _checked(certificate: Path, source: Source, about: About, budget: int) -> Checked:
    """What the checker says.  Raises InputRefused unless it says that the certificate is valid."""
    answer = ask(certificate, about, budget, "positive", spinning=True)
    if answer.valid is None:
        sentence = plain((answer.error or "")[:LONGEST_ERROR])
        raise InputRefused(f"{sentence}; no page is written", answer.code)
    _require_same(certificate, source)
    against = (
        f"`exactformer check` found it valid for {about.words}" if about.words else "`exactformer check` found it so"
    )
    folded = f"; {answer.folded[0]}" if answer.folded else ""
    return Checked(against + folded, parts(answer.valid))


def _require_same(certificate: Path, source: Source) -> None:
    """Make sure that the file that was checked is still the one that was read."""
    found: File = source.file
    if sha256(certificate.read_bytes()) != found.sha256:
        raise InputRefused(f"{certificate} was changed while it was being checked: try again")
