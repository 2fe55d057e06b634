"""A hook of MkDocs: pages that lie beside the code, and links between pages.

* A page of the navigation that is not in `documentation/` is a file of the repository: it stays where it is.
* Every link is written as in the repository, so that it also works where files are read there.  One to a file that is
  no page is no link on the site.
* A document that is named in code style, such as `certificates/SPEC.md`, becomes a link.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
FOLDER = "documentation"
"""The folder of the pages that are only part of the site, from `ROOT`."""
LINK = re.compile(r"\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<path>[^()\s:#]+)(?P<anchor>#[^()\s]*)?\)")
"""A Markdown link, or picture, within the repository."""
NAMED = re.compile(r"(?P<link><a [^>]*>)?<code>(?P<path>[\w./-]+\.md)</code>")
"""A document that is named in code style, in HTML."""
FOREIGN = re.compile(r"<script\b[^>]*>(?:(?!</script>).)*https?://(?:(?!</script>).)*</script>", re.DOTALL)
"""A script that names an address elsewhere, as in the pages of notebooks, where it would draw diagrams."""
SHOWN = {".md", ".ipynb", ".svg", ".png"}
"""What the site has: pages and pictures."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Pages of the navigation that are not in the folder, and the pictures that they show."""
    for path in _paths(config.nav):
        if files.get_file_from_path(path) is None and (ROOT / path).is_file():
            for one in (path, *_pictures(path)):
                files.append(File.generated(config, one, abs_src_path=str(ROOT / one)))
    return files


def _paths(nav: object) -> Iterator[str]:
    """Every file that the navigation names."""
    match nav:
        case str():
            yield nav
        case dict():
            for each in nav.values():
                yield from _paths(each)
        case list():
            for each in nav:
                yield from _paths(each)


def _pictures(document: str) -> Iterator[str]:
    for found in LINK.finditer((ROOT / document).read_text(encoding="utf-8")):
        if Path(found["path"]).suffix in SHOWN - {".md", ".ipynb"}:
            yield resolved(document, found["path"])


def in_repository(page: str) -> str:
    """Where the file of a page of the site is in the repository.

    >>> in_repository("index.md"), in_repository("TRUST.md")
    ('documentation/index.md', 'TRUST.md')
    """
    inside = f"{FOLDER}/{page}"
    return inside if (ROOT / inside).is_file() else page


def resolved(start: str, path: str) -> str:
    """The file of the repository that a relative path names in the file `start`.

    >>> resolved("verify/README.md", "../TRUST.md")
    'TRUST.md'
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(start), path))


def moved(markdown: str, start: str, to: str) -> str:
    """A text of the file `start`, with its links as the file `to` has to write them.

    >>> moved("[Trust](TRUST.md)", "README.md", "documentation/index.md")
    '[Trust](../TRUST.md)'
    """

    def link(found: re.Match[str]) -> str:
        target = posixpath.relpath(resolved(start, found["path"]), posixpath.dirname(to) or ".")
        return f"[{found['text']}]({target}{found['anchor'] or ''})"

    return LINK.sub(link, markdown)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Links lead from page to page."""
    return between_pages(markdown, page.file.src_uri)


def between_pages(markdown: str, page: str) -> str:
    """Links that are written as in the repository, as the page has to write them.

    >>> between_pages("[Trust](../TRUST.md#what), [a module](../verify/verdict.py)", "index.md")
    '[Trust](TRUST.md#what), a module'
    """
    start = in_repository(page)

    def link(found: re.Match[str]) -> str:
        target = resolved(start, found["path"])
        if (ROOT / target).exists() and Path(target).suffix not in SHOWN:
            return found["text"]
        target = posixpath.relpath(target.removeprefix(f"{FOLDER}/"), posixpath.dirname(page) or ".")
        return f"[{found['text']}]({target}{found['anchor'] or ''})"

    return LINK.sub(link, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Documents that are named in code style are links, if they are pages."""

    def linked(found: re.Match[str]) -> str:
        start = in_repository(page.file.src_uri)
        for path in (resolved(start, found["path"]), found["path"]):
            file = files.get_file_from_path(path.removeprefix(f"{FOLDER}/"))
            if file is not None and file != page.file and not found["link"]:
                return f'<a href="{file.url_relative_to(page.file)}">{found[0]}</a>'
        return found[0]

    return NAMED.sub(linked, html)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001
    """No page loads anything from elsewhere."""
    return without_foreign_scripts(output)


def without_foreign_scripts(html: str) -> str:
    """The page without scripts that name an address elsewhere.

    >>> without_foreign_scripts("<script>1</script><script>import('https://x')</script><p>https://y</p>")
    '<script>1</script><p>https://y</p>'
    """
    return FOREIGN.sub("", html)
