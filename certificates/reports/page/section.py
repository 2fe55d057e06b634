"""A section of a page, and what drawings share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import log2

from exactformer.certificates.document import ranges
from exactformer.constructions.html import Markup, element, joined

LONGEST = 400
"""How many characters of a text from a certificate a page shows."""


@dataclass(frozen=True)
class Section:
    """``name`` is the anchor of the section: ASCII letters and hyphens."""

    name: str
    title: str
    body: Markup


def drawing(title: str, description: str, width: float, height: float, *shapes: Markup) -> Markup:
    """An SVG with a title and a description for readers who cannot see it.

    A page colours its shapes by their classes; without a style, as in a notebook, they have the colour of text.
    """
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *shapes,
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        role="img",
        aria_label=f"{title}. {description}",
        fill="currentColor",
    )


def figure(picture: Markup, caption: object) -> Markup:
    """A drawing above what it shows, in words."""
    return element("figure", element("div", picture, class_="wide"), element("figcaption", caption))


def scrolled(name: str, table: Markup) -> Markup:
    """A table that is too wide for a narrow page can be scrolled, also by keyboard."""
    return element("div", table, class_="wide", role="region", tabindex=0, aria_label=name) if table else table


def label(x: float, y: float, text: object, **attributes: object) -> Markup:
    """Text in a drawing."""
    return element("text", text, x=f"{x:g}", y=f"{y:g}", **attributes)


OUTLINED: Mapping[str, Mapping[str, str]] = {
    "bar bad": {"fill": "none", "stroke": "currentColor", "stroke_dasharray": "4 2"},
    "bar total": {"fill": "none", "stroke": "currentColor"},
    "room": {"fill": "none", "stroke": "currentColor"},
}
"""Classes of bars that are not filled if there is no style."""


def bar(x: float, y: float, width: float, height: float, class_: str, title: str | None = None) -> Markup:
    """A rectangle, at least a hair wide."""
    return element(
        "rect",
        "" if title is None else element("title", title),
        x=f"{x:.2f}",
        y=f"{y:.2f}",
        width=f"{max(width, 0.5):.2f}",
        height=f"{height:.2f}",
        class_=class_,
        **OUTLINED.get(class_, {}),
    )


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    return element(
        "line", x1=f"{x1:.2f}", y1=f"{y1:.2f}", x2=f"{x2:.2f}", y2=f"{y2:.2f}", class_=class_, stroke="currentColor"
    )


def facts(caption: str, rows: Sequence[tuple[str, object]]) -> Markup:
    """Titles and their texts, as a list of definitions."""
    pairs = (element("div", element("dt", title), element("dd", said)) for title, said in rows)
    return element("dl", *pairs, class_="facts", aria_label=caption) if rows else joined(())


def note(sentence: object) -> Markup:
    """A note: what is left out, or what something means."""
    return element("p", sentence, class_="note")


def short(text: str, most: int = LONGEST) -> str:
    """A text, or the beginning and the length of a long one.

    >>> short("abcdefghij", 4)
    'abcd... (10 characters)'
    """
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def layers_of(numbers: Sequence[int]) -> str:
    """Ascending numbers of layers, as ranges.

    >>> layers_of([1, 2, 3, 7])
    '1..3, 7'
    """
    return ", ".join(str(low) if low == high else f"{low}..{high}" for low, high in ranges(list(numbers)))


def left_out(shown: int, there_are: int, what: str) -> Markup:
    """A note that some are not shown; empty if all are.

    >>> left_out(2, 3, "rows"), left_out(3, 3, "rows")
    ('<p class="note">Of 3 rows the first 2 are shown: 1 is left out; the files have them all.</p>', '')
    """
    missing = there_are - shown
    if missing <= 0:
        return joined(())
    left = "1 is" if missing == 1 else f"{missing:,} are"
    return note(f"Of {there_are:,} {what} the first {shown:,} are shown: {left} left out; the files have them all.")


def logarithm(number: Fraction) -> float:
    """log2 of a positive number of any size, for drawing.

    >>> logarithm(Fraction(1, 2**3000)), logarithm(Fraction(3))
    (-3000.0, 1.584962500721156)
    """
    shift = number.numerator.bit_length() - number.denominator.bit_length()
    scaled = number / Fraction(2) ** shift
    return shift + log2(scaled)


def power_above(number: Fraction) -> str:
    """A bound for people: the number itself if it is 0 or a power of two, else the next power of two, marked as
    rounded up.

    >>> power_above(Fraction(3, 8)), power_above(Fraction(1, 4)), power_above(Fraction(0))
    ('2^-1 (rounded up)', '2^-2', '0')
    """
    if not number:
        return "0"
    exponent = number.numerator.bit_length() - number.denominator.bit_length()
    while Fraction(2) ** exponent < number:
        exponent += 1
    while Fraction(2) ** (exponent - 1) >= number:
        exponent -= 1
    exactly = Fraction(2) ** exponent == number
    return f"2^{exponent}" + ("" if exactly else " (rounded up)")
