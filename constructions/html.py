"""HTML for notebooks and pages: elements, tables, lists.  All text is escaped; nothing here has a colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

VOID = {"br", "col", "hr", "meta"}
"""Elements without content."""


class Markup(str):
    """HTML as it is: made of elements, so what it holds has been escaped."""

    __slots__ = ()


def markup(content: object) -> Markup:
    """HTML as it is; the text of anything else, escaped.

    >>> markup("a < b"), markup(Markup("<br>")), markup(2**7)
    ('a &lt; b', '<br>', '128')
    """
    return content if isinstance(content, Markup) else Markup(escape(str(content)))


def joined(contents: Iterable[object]) -> Markup:
    """One after the other.

    >>> joined(["<", Markup("<br>")])
    '&lt;<br>'
    """
    return Markup("".join(map(markup, contents)))


def element(name: str, /, *contents: object, **attributes: object) -> Markup:
    """An element.  In an attribute's name a ``_`` at its end is left out, any other becomes a hyphen.  An attribute
    that is None or False is left out; one that is True has no value.

    >>> element("a", "a < b", href='#"', class_="plain", aria_label="x", hidden=None)
    '<a href="#&quot;" class="plain" aria-label="x">a &lt; b</a>'
    >>> element("br"), element("i", Markup("<br>"), hidden=True)
    ('<br>', '<i hidden><br></i>')
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(contents)}</{name}>")


def paragraph(text: object, *, bold: bool = False) -> Markup:
    """A paragraph.

    >>> paragraph("1 < 2"), paragraph("proved", bold=True)
    ('<p>1 &lt; 2</p>', '<p><b>proved</b></p>')
    """
    return element("p", element("b", text) if bold else text)


def listed(sentences: Iterable[object]) -> Markup:
    """A list; nothing if it is empty.

    >>> listed(["a < b"]), listed([])
    ('<ul><li>a &lt; b</li></ul>', '')
    """
    shown = joined(element("li", sentence) for sentence in sentences)
    return element("ul", shown) if shown else shown


def table(
    titles: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    caption: object = None,
    headed: bool = False,
    numbers: Iterable[int] = (),
) -> Markup:
    """Rows, under titles if there are any; nothing if there is no row.

    ``headed``: the first cell of a row is its title; ``numbers``: the columns, from 0, that hold numbers.

    >>> table(["layer"], [["<b>"]])
    '<table><thead><tr><th scope="col">layer</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    >>> table([], [["a", 1]], caption="b", headed=True, numbers=[1])
    '<table><caption>b</caption><tbody><tr><th scope="row">a</th><td class="number">1</td></tr></tbody></table>'
    """
    right = set(numbers)

    def kind(place: int) -> str | None:
        return "number" if place in right else None

    def cell(place: int, content: object) -> Markup:
        if headed and place == 0:
            return element("th", content, scope="row", class_=kind(place))
        return element("td", content, class_=kind(place))

    body = joined(element("tr", *(cell(place, content) for place, content in enumerate(row))) for row in rows)
    if not body:
        return body
    head = joined(element("th", title, scope="col", class_=kind(place)) for place, title in enumerate(titles))
    return element(
        "table",
        element("caption", caption) if caption is not None else "",
        element("thead", element("tr", head)) if head else "",
        element("tbody", body),
    )


def folded(title: object, text: object) -> Markup:
    """A text with its lines as they are, or HTML, that is shown when its title is clicked.

    >>> folded("text", "a < b")
    '<details><summary>text</summary><pre>a &lt; b</pre></details>'
    """
    return element("details", element("summary", title), text if isinstance(text, Markup) else element("pre", text))
