"""A batch as people and programs read it: a row for each machine, arithmetic and context.

An error is no verdict: it has a column of its own, and is counted apart.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from exactformer.certificates.batch.rows import Row
from exactformer.certificates.reports.layout import Column, Part, Table, counted
from exactformer.certificates.reports.page.claim import SIGNS
from exactformer.certificates.reports.page.section import facts, note, scrolled, short
from exactformer.certificates.reports.page.shell import whole_page
from exactformer.certificates.reports.records import csv_of
from exactformer.constructions.html import Markup, element, joined, table
from exactformer.verify.verdict import Verdict

FORMAT, VERSION = "exactformer batch", 1
SHOWN = 12
"""Digits of a hash on a page."""
LONGEST_SENTENCE = 600


def as_csv_text(rows: Sequence[Row]) -> str:
    """A line of names, then one line per row; a missing value is empty."""
    return csv_of([row.record() for row in rows])


def document(rows: Sequence[Row]) -> dict[str, object]:
    """What ``--json`` prints."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "verdicts": {verdict.value: count for verdict, count in verdicts(rows).items()},
        "errors": errors(rows),
        "checks": checks(rows),
        "rows": [dict(row.record()) for row in rows],
    }


def verdicts(rows: Sequence[Row]) -> dict[Verdict, int]:
    """How many rows have which verdict, in the order of the vocabulary."""
    found = Counter(row.verdict for row in rows)
    return {verdict: found[verdict] for verdict in Verdict if found[verdict]}


def errors(rows: Sequence[Row]) -> dict[str, int]:
    """How many rows have no verdict, by kind."""
    return dict(sorted(Counter(row.kept.error for row in rows if row.kept.error is not None).items()))


def checks(rows: Sequence[Row]) -> dict[str, int]:
    """What the checker said of how many certificates."""
    return dict(sorted(Counter(row.check.value for row in rows if row.check is not None).items()))


def in_short(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """What came of all rows, counted."""
    said = [("rows", counted(len(rows), "row"))]
    said.append(("verdicts", ", ".join(f"{count} {one.value}" for one, count in verdicts(rows).items()) or "no row"))
    if found := errors(rows):
        said.append(("no verdict", ", ".join(f"{count} {kind}" for kind, count in found.items())))
    if found := checks(rows):
        said.append(("the checker", ", ".join(f"{count} {answer}" for answer, count in found.items())))
    return said


def report_of_batch(rows: Sequence[Row]) -> list[Part]:
    """The rows, and below them why some are not established."""
    columns = (
        Column("machine", key=True),
        Column("arithmetic", key=True),
        Column("context", right=True, key=True),
        Column("verdict"),
        Column("error"),
        Column("check"),
        Column("s", right=True),
        Column("MiB", right=True),
    )
    cells = tuple(
        (
            row.place.machine,
            row.place.arithmetic,
            row.context or "",
            row.kept.verdict or "",
            row.kept.error or "",
            row.kept.check or "",
            _seconds(row.kept.seconds),
            "" if row.kept.peak_mebibytes is None else str(row.kept.peak_mebibytes),
        )
        for row in rows
    )
    why = [f"  - {titles}: {sentence}" for titles, sentence in reasons(rows)]
    return [Table(columns, cells), *([""] if why else []), *why]


def reasons(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Why rows are not established: which, and the sentence that they have."""
    alike: dict[str, list[Row]] = {}
    for row in rows:
        if (sentence := sentence_of(row)) is not None:
            alike.setdefault(sentence, []).append(row)
    return [(_titles(of_one), sentence) for sentence, of_one in alike.items()]


def sentence_of(row: Row) -> str | None:
    """Why a row is not established."""
    said = [short(one, LONGEST_SENTENCE) for one in (row.kept.sentence, row.kept.check_sentence) if one is not None]
    return "; ".join(said) or None


def page_of_batch(rows: Sequence[Row], certificates: Path, page: Path) -> str:
    """A page that loads nothing; a row leads to its certificate, by the way from ``page`` to the folder of these."""
    titles = ["machine", "arithmetic", "context", "verdict", "error", "check", "seconds", "MiB", "certificate"]
    way = Path(os.path.relpath(certificates, page.parent)).as_posix()
    cells = [
        [
            _machine(row),
            row.place.arithmetic,
            row.context or "",
            "" if row.verdict is None else _verdict(row.verdict),
            row.kept.error or "",
            row.kept.check or "",
            _seconds(row.kept.seconds),
            "" if row.kept.peak_mebibytes is None else row.kept.peak_mebibytes,
            _link(row, way),
        ]
        for row in rows
    ]
    caption, why = "Every machine in every arithmetic and context", reasons(rows)
    body = (
        element("a", "Skip to the rows", href="#rows", class_="skip"),
        element(
            "header",
            element("p", "exactformer: a batch of certificates", class_="kind"),
            element("h1", f"A batch of {counted(len(rows), 'row')}"),
            facts("in short", in_short(rows)[1:]),
            *(note(f"{verdict.value}: {verdict.meaning}") for verdict in verdicts(rows)),
            note("An error is no verdict: nothing is known of that row's claim."),
        ),
        element(
            "main",
            element("h2", "Rows", id="rows"),
            element(
                "div",
                scrolled(caption, table(titles, cells, caption=caption, headed=True, numbers=(2, 6, 7))),
                class_="rows",
            ),
            note(
                "Seconds and memory are those of a row's process, up to its end; the first row of a machine in a "
                "context has its proof in it, which the others use."
            ),
            *([element("h2", "Why rows are not established", id="why")] if why else []),
            facts("why rows are not established", why),
        ),
        element(
            "footer",
            element("p", "Made by exactformer batch. This page loads nothing; certificates lie beside it."),
        ),
    )
    return whole_page(f"exactformer: {counted(len(rows), 'row')}", body)


def _titles(rows: Sequence[Row]) -> str:
    """The first of some rows, and how many there are besides."""
    row = rows[0]
    context = "" if row.context is None else f", {row.context} tokens"
    others = "" if len(rows) == 1 else f" (and {counted(len(rows) - 1, 'other row')})"
    return f"{row.place.machine}, {row.place.arithmetic}{context}{others}"


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"


def _machine(row: Row) -> Markup:
    """A long path breaks after a slash."""
    *folders, last = row.place.machine.split("/")
    path = joined((*(part for folder in folders for part in (f"{folder}/", Markup("<wbr>"))), last))
    name = row.record()["name"]
    return path if name in (None, row.place.machine) else joined((path, " ", element("code", name)))


def _verdict(verdict: Verdict) -> Markup:
    sign = element("span", SIGNS[verdict], class_="sign", aria_hidden="true")
    return element("span", sign, " ", verdict.value, class_=f"verdict cell {verdict.value.split()[0]}")


def _link(row: Row, way: str) -> object:
    name, digest = row.kept.certificate, row.kept.sha256
    if name is None or digest is None:
        return ""
    address = quote(name if way == "." else f"{way}/{name}")
    link = element("a", "certificate", href=f"./{address}" if way == "." else address)
    return joined((link, " ", element("code", digest[:SHOWN], title=f"SHA-256 {digest}")))
