"""How reports are laid out: the one place that decides how long lines are.

If there is a width, lines keep to it: text is wrapped between words, and a table that does not fit becomes a list.
Without one nothing is wrapped: a paragraph is one line, and so is a row of a table.  Nothing is ever cut.  Words that
are longer than a line stay whole, so that they can be copied.

A report is a list of *parts*: lines of text, `Facts` and `Table`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, TypeAlias

from exactformer.constructions import html

PROSE = 110
"""The longest line of text, whatever the terminal's width: longer ones are hard to read."""
NARROWEST = 20
GAP, BAR = "  ", " | "
"""Between columns, and between groups of them."""
ITEM = "  - "
"""What a line of a list begins with."""
TIE = "\N{NO-BREAK SPACE}"
"""A space at which no line is broken; it is printed like any other."""


@dataclass(frozen=True)
class Line:
    """A line of text that is emphasised on a terminal: keyword arguments of `click.style`."""

    text: str
    style: tuple[tuple[str, Any], ...] = ()


def heading(text: str, **style: Any) -> Line:
    """A line in bold, coloured if ``fg`` names a colour."""
    return Line(text, (("bold", True), *style.items()))


@dataclass(frozen=True)
class Facts:
    """Titles and their texts, in two columns; a title of "" continues the one before."""

    rows: tuple[tuple[str, str], ...]
    indent: str = ""

    def lines(self, width: int | None) -> Iterator[str]:
        """In two columns, or, if that leaves too little room, with each text below its title."""
        if not self.rows:
            return
        titles = max(len(title) for title, _ in self.rows)
        begin = len(self.indent) + titles + len(GAP)
        beside = width is None or (width - begin >= NARROWEST and begin <= width // 2)
        for title, text in self.rows:
            if beside:
                yield from wrapped(text, width, f"{self.indent}{title:<{titles}}{GAP}", " " * begin)
            else:
                yield from wrapped(title, width, self.indent, self.indent) if title else ()
                yield from wrapped(text, width, self.indent + GAP, self.indent + GAP)


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, the group of columns it belongs to, and whether it holds numbers.

    The rows are told apart by the columns that are ``key``.
    """

    title: str
    group: str = ""
    right: bool = False
    key: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under titles; each row has a cell for each column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self, width: int | None) -> Iterator[str | Line]:
        """As a table if it fits, else as a list: a row's key, and below it the other cells with their titles."""
        table = list(self._as_table())
        fits = width is None or all(len(line) <= width for line in table)
        if not fits:
            for row in self.rows:
                yield from self._as_item(row, width)
            return
        heads = 2 if any(column.group for column in self.columns) else 1
        for number, line in enumerate(table):
            yield heading(line) if number < heads else line

    def _as_table(self) -> Iterator[str]:
        titles = tuple(column.title for column in self.columns)
        rows = [tuple(map(visible, row)) for row in self.rows]
        widths = [max(map(len, cells)) for cells in zip(titles, *rows, strict=True)]
        lines = [
            [
                t.rjust(wide) if column.right else t.ljust(wide)
                for t, wide, column in zip(row, widths, self.columns, strict=True)
            ]
            for row in (titles, *rows)
        ]
        groups = [(group, len(list(members))) for group, members in groupby(column.group for column in self.columns)]
        if len(groups) > 1:
            parts = self._joined(lines[0], groups)
            yield BAR.join(group.center(len(part)) for (group, _), part in zip(groups, parts, strict=True)).rstrip()
        for cells in lines:
            yield BAR.join(self._joined(cells, groups)).rstrip()

    @staticmethod
    def _joined(cells: Sequence[str], groups: Iterable[tuple[str, int]]) -> list[str]:
        """The cells of each group side by side."""
        rest = iter(cells)
        return [GAP.join(islice(rest, count)) for _, count in groups]

    def _as_item(self, row: Sequence[str], width: int | None) -> Iterator[str]:
        named = list(zip(self.columns, row, strict=True))
        keys = [
            cell if number == 0 and not column.right else f"{column.title} {cell}"
            for number, (column, cell) in enumerate(named)
            if column.key
        ]
        yield from wrapped(", ".join(keys), width)
        others = [pair for pair in named if not pair[0].key]
        for group, members in groupby(others, key=lambda pair: pair[0].group):
            said = ", ".join(f"{column.title}: {cell}".replace(" ", TIE) for column, cell in members)
            yield from wrapped(f"{group}: {said}" if group else said, width, GAP, GAP * 2)


Part: TypeAlias = str | Line | Facts | Table


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural if need be.

    >>> counted(1, "step"), counted(12_000, "token")
    ('1 step', '12,000 tokens')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


CONTROL = {
    code: ascii(chr(code))[1:-1]
    for codes in (range(32), range(127, 160), range(0x2028, 0x202F), range(0x2066, 0x206A))
    for code in codes
}
"""Characters that move the cursor, colour the terminal or reverse the direction of text; names may contain them."""


def visible(text: str) -> str:
    """A text in one line, with invisible characters escaped.

    >>> visible("a\\nb"), visible("a\\x1b[2J")
    ('a\\\\nb', 'a\\\\x1b[2J')
    """
    return text.translate(CONTROL)


def wrapped(text: str, width: int | None, first: str = "", then: str = "") -> list[str]:
    """Lines of at most this width if words allow it; the first line and the others have beginnings of their own.

    >>> wrapped("one two three", 9, "- ", "  ")
    ['- one two', '  three']
    >>> wrapped("one two three", None, "- ")
    ['- one two three']
    """
    text = visible(text)
    if width is None or len(first) + len(text) <= min(width, PROSE):
        return [f"{first}{text}".rstrip()]
    return textwrap.wrap(
        text,
        min(width, PROSE),
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def laid_out(parts: Iterable[Part], width: int | None) -> Iterator[Line]:
    """All lines of a report.  A line of text that is too long goes on where it began: after its indentation and dash.

    >>> [line.text for line in laid_out(["  - one two three"], 13)]
    ['  - one two', '    three']
    """
    for part in parts:
        match part:
            case Facts() | Table():
                for line in part.lines(width):
                    yield line if isinstance(line, Line) else Line(line)
            case _:
                line = part if isinstance(part, Line) else Line(part)
                begun = re.match(r" *(?:- )?", line.text)
                first = begun[0] if begun else ""
                for text in wrapped(line.text[len(first) :], width, first, " " * len(first)):
                    yield Line(text, line.style)


def as_text(parts: Iterable[Part], width: int | None = None) -> str:
    """A report as plain text.

    >>> as_text(["PROVED", Facts((("beta", "64"),))]).splitlines()
    ['PROVED', 'beta  64']
    """
    return "".join(f"{line.text}\n" for line in laid_out(parts, width)).replace(TIE, " ")


def as_html(parts: Iterable[Part]) -> html.Markup:
    """A report for notebooks.

    >>> as_html([heading("assumed"), "  - 1 < 2", "", Facts((("beta", "64"),))])
    '<p><b>assumed</b></p><ul><li>1 &lt; 2</li></ul><table><tbody><tr><td>beta</td><td>64</td></tr></tbody></table>'
    """
    shown = list[html.Markup]()
    for is_item, group in groupby(parts, key=lambda part: isinstance(part, str) and part.startswith(ITEM)):
        if is_item:
            shown.append(html.listed(str(part).removeprefix(ITEM) for part in group))
            continue
        for part in group:
            match part:
                case Facts():
                    shown.append(html.table((), part.rows))
                case Table():
                    shown.append(html.table([column.title for column in part.columns], part.rows))
                case Line():
                    shown.append(html.paragraph(part.text, bold=True))
                case _:
                    shown += [html.paragraph(part)] if part else []
    return html.joined(shown)
