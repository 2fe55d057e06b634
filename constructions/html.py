"""What notebooks show: tables and lists in HTML. All text is escaped; nothing has a colour, so dark themes fit, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def paragraph(text: object, *, bold: bool = False) -> str:
    """A paragraph.

    >>> paragraph("1 < 2"), paragraph("proved", bold=True)
    ('<p>1 &lt; 2</p>', '<p><b>proved</b></p>')
    """
    shown = escape(str(text))
    return f"<p><b>{shown}</b></p>" if bold else f"<p>{shown}</p>"


def listed(sentences: Iterable[object]) -> str:
    """A list; nothing where it is empty.

    >>> listed(["a < b"]), listed([])
    ('<ul><li>a &lt; b</li></ul>', '')
    """
    shown = "".join(f"<li>{escape(str(sentence))}</li>" for sentence in sentences)
    return f"<ul>{shown}</ul>" if shown else ""


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows, under titles if there are any; nothing where there is no row.

    >>> table(["layer"], [["<b>"]])
    '<table><thead><tr><th>layer</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    above = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f"<table>{above}<tbody>{body}</tbody></table>" if body else ""


def folded(title: str, text: str) -> str:
    """A text, its lines as they are, that is shown when its title is clicked.

    >>> folded("text", "a < b")
    '<details><summary>text</summary><pre>a &lt; b</pre></details>'
    """
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"
