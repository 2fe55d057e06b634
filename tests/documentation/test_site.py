"""The site is built without network, without a warning, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = """
import socket, sys

def refuse(*arguments, **named):
    raise OSError(f"the site is built without network: {arguments}")

socket.getaddrinfo = socket.create_connection = socket.socket.connect = socket.socket.connect_ex = refuse
from mkdocs.__main__ import cli
cli(["build", "--strict", "--site-dir", sys.argv[1]])  # with --quiet warnings would not be counted
"""
LOADING = {
    ("audio", "src"),
    ("embed", "src"),
    ("iframe", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("input", "src"),
    ("link", "href"),
    ("object", "data"),
    ("script", "src"),
    ("source", "src"),
    ("source", "srcset"),
    ("track", "src"),
    ("use", "href"),
    ("video", "poster"),
    ("video", "src"),
}
"""Where an address is loaded when the page is shown."""
ELSEWHERE = re.compile(r"\s*(\w+:)?//", re.ASCII)
NAMESPACES = re.compile(r"https?://www\.w3\.org/[\w/#-]*")
"""Addresses that name something and are not loaded."""
STYLE = re.compile(r"(?:url\(|@import)\s*[\"']?\s*(?:https?:)?//[^)\"']*")
OURS = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Read(HTMLParser):
    """What a page loads when it is shown, its inline scripts, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.tags: set[str] = set()
        self.classes: set[str] = set()
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.tags.add(tag)
        for name, value in attrs:
            if name == "class":
                self.classes |= set((value or "").split())
            if (tag, name) in LOADING and ELSEWHERE.match(value or ""):
                self.loads.append(f"<{tag} {name}={value}>")
            if name == "style":
                self.styles.append(value or "")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  # as the parser calls it
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)
        if self._inside == "style":
            self.styles.append(data)


def read(html: str) -> Read:
    parser = Read()
    parser.feed(html)
    return parser


def loaded(html: str) -> Iterator[str]:
    """What a page loads from elsewhere."""
    page = read(html)
    yield from page.loads
    for script in page.scripts:
        yield from re.findall(r"https?://[^\s\"'`]+", NAMESPACES.sub("", script))
    for style in page.styles:
        yield from STYLE.findall(style)
    if "mermaid" in page.classes:  # the theme would load what draws it
        yield "a diagram of mermaid"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as CI does it; a warning ends the building."""
    pytest.importorskip("mkdocs", reason="the extra [docs] is not installed: the site was not built")
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-c", BUILD, str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def pages(site: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(site.rglob("*.html")):
        yield str(path.relative_to(site)), path.read_text(encoding="utf-8")


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    found = {name: list(loaded(html)) for name, html in pages(site)}
    assert len(found) > 50
    assert {name: all_of_it for name, all_of_it in found.items() if all_of_it} == {}


def test_styles_load_nothing_from_elsewhere(site: Path) -> None:
    styles = {path.name: STYLE.findall(path.read_text(encoding="utf-8")) for path in site.rglob("*.css")}
    assert styles
    assert {name: found for name, found in styles.items() if found} == {}


FOREIGN = {
    "a script": '<script src="https://cdn.example/x.js"></script>',
    "a script of any scheme": '<script src="//cdn.example/x.js"></script>',
    "a font": '<link rel="stylesheet" href="https://fonts.example/css">',
    "a picture": '<img alt="" src="http://example.org/x.png">',
    "a style": "<style>@import 'https://example.org/x.css';</style>",
    "a background": '<p style="background: url(https://example.org/x.png)">text</p>',
    "an import": '<script type="module">await import("https://cdn.example/x.mjs")</script>',
    "a diagram": '<pre class="mermaid">graph</pre>',
}


@pytest.mark.parametrize("title", FOREIGN)
def test_what_is_loaded_is_noticed(title: str) -> None:
    assert len(list(loaded(FOREIGN[title]))) == 1


def test_what_is_not_loaded_is_left_alone() -> None:
    html = '<a href="https://arxiv.org/abs/2605.18079">paper</a><script src="assets/x.js">const here = "/";</script>'
    assert list(loaded(html + '<svg xmlns="http://www.w3.org/2000/svg"></svg>')) == []


def test_documents_beside_the_code_are_pages(site: Path) -> None:
    """All of them, so that a new one gets its place in the navigation."""
    parts = ("certificates", "verify", "constructions", "benchmarks", "experiments")
    documents = [path for part in parts for path in (ROOT / part).rglob("*.md")]
    documents += [ROOT / name for name in ("TRUST.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    assert len(documents) > 20
    for path in documents:
        page = site / path.relative_to(ROOT).with_suffix(".html")
        page = page.with_name("index.html") if path.name == "README.md" else page
        assert page.is_file(), path


def test_no_text_is_taken_for_a_tag(site: Path) -> None:
    """``<x_k, x_j>`` in a document would not be seen on its page."""
    for name, html in pages(site):
        assert [tag for tag in read(html).tags if not OURS.fullmatch(tag)] == [], name


def test_documents_that_are_named_are_links(site: Path) -> None:
    trust = (site / "TRUST.html").read_text(encoding="utf-8")
    assert '<a href="certificates/ARITHMETIC.html"><code>certificates/ARITHMETIC.md</code></a>' in trust
    theories = (site / "certificates" / "THEORIES.html").read_text(encoding="utf-8")
    assert '<a href="ARITHMETIC.html"><code>ARITHMETIC.md</code></a>' in theories


def test_lists_keep_their_numbers(site: Path) -> None:
    """ "3 to 7 do not apply", says TRUST.md."""
    assert re.findall(r'<ol start="(\d+)">', (site / "TRUST.html").read_text(encoding="utf-8"))[0] == "6"


def test_the_reference_has_signatures_and_examples(site: Path) -> None:
    html = (site / "reference" / "python.html").read_text(encoding="utf-8")
    assert 'id="exactformer.certify"' in html
    assert "&gt;&gt;&gt; </span>" in html
    assert re.search(r'<a [^>]*href="networks\.html#exactformer\.Transformer"', html)


def test_commands_were_run(site: Path) -> None:
    html = (site / "quickstart.html").read_text(encoding="utf-8")
    assert "not valid: " in html
    assert "PROVED" in html
    assert "<!-- run" not in html
