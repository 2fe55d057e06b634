"""A page as its elements, and what holds of every page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "br", "hr", "col"}


@dataclass
class Element:
    """A tag with its attributes, what it holds, and the elements in it."""

    tag: str
    attributes: dict[str, str | None]
    inside: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, in order, with single spaces."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for number, own in enumerate(self.texts):
            yield own
            if number < len(self.inside):
                yield from self.inside[number]._texts()
                yield " "

    def all(self, *tags: str) -> list[Element]:
        """Elements with one of these tags, or with any, in order."""
        found = []
        for one in self.inside:
            found += [one] if not tags or one.tag in tags else []
            found += one.all(*tags)
        return found

    def named(self, name: str) -> Element:
        """The element with this id."""
        (found,) = [one for one in self.all() if one.attributes.get("id") == name]
        return found


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.top = Element("", {}, texts=[""])
        self.open = [self.top]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"an attribute twice in {tag}: {names}"
        if tag == "wbr":  # it shows nothing, and a word goes on after it
            return
        found = Element(tag, dict(attrs), texts=[""])
        self.open[-1].inside.append(found)
        self.open[-1].texts.append("")
        if tag not in VOID:
            self.open.append(found)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> where <{self.open[-1].tag}> is open"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].texts[-1] += data


def parsed(page: str) -> Element:
    """The page's elements; every tag has to be closed."""
    tree = _Tree()
    tree.feed(page)
    tree.close()
    assert tree.open == [tree.top]
    return tree.top


def problems(page: str) -> list[str]:
    """What every page has to have, but this one lacks."""
    top = parsed(page)
    found = [*_loads(top), *_ids(top), *_headings(top), *_tables(top), *_drawings(top), *_controls(top)]
    (html,) = top.all("html")
    if not html.attributes.get("lang"):
        found.append("no language")
    if [one.tag for one in top.all("main", "header", "footer")] != ["header", "main", "footer"]:
        found.append("not one header, main and footer")
    first = next(one for one in top.all("a"))
    if first.attributes.get("href") != "#claim":
        found.append("the first link does not skip to the claim")
    return found


def _loads(top: Element) -> Iterator[str]:
    for one in top.all():
        if one.tag in ("link", "iframe", "img", "object", "embed", "base", "form", "video", "audio"):
            yield f"<{one.tag}>"
        for name, value in one.attributes.items():
            if name.startswith("on") or name == "style":
                yield f"attribute {name}"
            if name in ("src", "href", "action", "srcset", "data", "xlink:href") and not (value or "").startswith("#"):
                yield f"{name}={value}"
    scripts = top.all("script")
    if [one.attributes.get("type") for one in scripts] not in ([None], ["application/json", None]):
        yield f"{len(scripts)} scripts"
    style = "".join("".join(one.texts) for one in top.all("style", "script"))
    if re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", style):
        yield "a style or a script names an address"
    (policy,) = [one for one in top.all("meta") if one.attributes.get("http-equiv") == "Content-Security-Policy"]
    if "default-src 'none'" not in (policy.attributes["content"] or ""):
        yield "no policy against loading"


def _ids(top: Element) -> Iterator[str]:
    ids = Counter(one.attributes["id"] for one in top.all() if "id" in one.attributes)
    yield from (f"the id {name} is there {count} times" for name, count in ids.items() if count > 1)
    for one in top.all():
        named = [(one.attributes.get("href") or "").removeprefix("#")] if one.tag == "a" else []
        named += [one.attributes[name] or "" for name in ("for", "aria-labelledby") if name in one.attributes]
        yield from (f"nothing has the id {name}" for name in named if name not in ids)
        for value in one.attributes.values():
            for name in re.findall(r"url\(#([^)]*)\)", value or ""):
                if name not in ids:
                    yield f"nothing has the id {name}"


def _headings(top: Element) -> Iterator[str]:
    levels = [int(one.tag[1]) for one in top.all("h1", "h2", "h3", "h4", "h5", "h6")]
    if levels[:1] != [1] or levels.count(1) != 1:
        yield "not one h1, as the first heading"
    for before, after in pairwise(levels):
        if after > before + 1:
            yield f"h{after} after h{before}"
    yield from ("an empty heading" for one in top.all("h1", "h2", "h3") if not one.text)


def _tables(top: Element) -> Iterator[str]:
    for one in top.all("table"):
        if not one.all("caption") or not one.all("caption")[0].text:
            yield f"a table without a caption: {one.text[:40]}"
        yield from ("a heading cell without scope" for cell in one.all("th") if "scope" not in cell.attributes)
        widths = {len(row.all("th", "td")) for row in one.all("tr")}
        if len(widths) != 1:
            yield f"rows of different widths in {one.all('caption')[0].text}: {widths}"


def _drawings(top: Element) -> Iterator[str]:
    for one in top.all("svg"):
        if one.attributes.get("aria-hidden") == "true":
            continue
        if not one.inside or one.inside[0].tag != "title" or not one.attributes.get("aria-label"):
            yield "a drawing without a title"
        if one.attributes.get("role") != "img":
            yield "a drawing that is not an image"


def _controls(top: Element) -> Iterator[str]:
    labelled = {one.attributes.get("for") for one in top.all("label")}
    yield from ("a select without a label" for one in top.all("select") if one.attributes.get("id") not in labelled)
    yield from ("a button without text" for one in top.all("button") if not one.text)
    for one in top.all():
        if one.attributes.get("tabindex") == "0" and not one.attributes.get("role"):
            yield f"<{one.tag}> takes the focus and has no role"
        if one.attributes.get("role") == "region" and not one.attributes.get("aria-label"):
            yield "a region without a name"
