"""Parts of reports as they stand on a page: tables with captions, facts, headings one level down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exactformer.certificates.reports.layout import ITEM, Facts, Line, Part, Table
from exactformer.certificates.reports.page.section import facts, scrolled
from exactformer.constructions.html import Markup, element, joined, listed, paragraph, table


def parts_html(parts: Iterable[Part], captions: Sequence[str]) -> Markup:
    """``captions``: those of the tables, in order."""
    found, left, items = list[Markup](), list(captions), list[str]()

    def end_list() -> None:
        if items:
            found.append(listed(items))
            items.clear()

    for part in parts:
        if isinstance(part, str) and part.startswith(ITEM):
            items.append(part.removeprefix(ITEM))
            continue
        end_list()
        match part:
            case Facts():
                found.append(facts("in short", part.rows))
            case Table():
                found.append(_table(part, left.pop(0)))
            case Line():
                found.append(element("h3", part.text))
            case str() if part:
                found.append(paragraph(part))
    end_list()
    return joined(found)


def _table(part: Table, caption: str) -> Markup:
    numbers = [place for place, column in enumerate(part.columns) if column.right]
    titles = [column.title for column in part.columns]
    return scrolled(caption, table(titles, part.rows, caption=caption, headed=True, numbers=numbers))
