"""Hooks of MkDocs: pages that lie beside the code, links between pages, and tables that the code has.

* A page of the navigation that is not in `documentation/` is a file of the repository: it stays where it is.
* Every link is written as in the repository, so that it also works where the files are read there.  A path of a page
  in code style, such as `certificates/SPEC.md`, becomes a link.
* A comment asks for a table that the code has, or for a section of the README: `<!-- table: verdicts -->`,
  `<!-- section: README.md: The commands -->`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from exactformer.certificates.command_line.help import Context
from exactformer.certificates.command_line.main import cli
from exactformer.certificates.command_line.outcome import MEANING as EXIT_CODES
from exactformer.verify.verdict import MEANING, Basis, Verdict

ROOT = Path(__file__).parent.parent
PAGES = "documentation"
"""The folder of the pages that are only part of the site, from `ROOT`."""
LINK = re.compile(r"(?<=\]\()(?P<path>[^()\s:#]+)(?P<anchor>#[^()\s]*)?(?=\))")
"""The target of a Markdown link within the repository."""
NAMED = re.compile(r"(?P<link><a [^>]*>)?<code>(?P<path>[\w./-]+\.md)</code>")
"""A document that is named in code style, in HTML."""
HELP_WIDTH = 96
"""Columns of help texts: what a page is wide enough for."""
DIRECTIVE = re.compile(r"^<!-- (?P<kind>table|section): (?P<what>.+?) -->$", re.MULTILINE)


# ---------------------------------------------------------------------------- pages beside the code


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Pages of the navigation that are in no folder of the site, and pictures that lie beside them."""
    folders = set()
    for path in _paths(config.nav):
        if files.get_file_from_path(path) is None and (ROOT / path).is_file():
            files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
            folders.add(Path(path).parent)
    for folder in folders:
        for picture in sorted((ROOT / folder).glob("*.svg")):
            uri = picture.relative_to(ROOT).as_posix()
            files.append(File.generated(config, uri, abs_src_path=str(picture)))
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


def repository_path(page: str) -> str:
    """Where the file of a page of the site is in the repository."""
    inside = f"{PAGES}/{page}"
    return inside if (ROOT / inside).is_file() else page


def site_path(path: str) -> str:
    """Which page of the site a file of the repository is."""
    return path.removeprefix(f"{PAGES}/")


# ---------------------------------------------------------------------------- links


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Tables and sections instead of the comments that ask for them; links as the site has them."""
    markdown = DIRECTIVE.sub(lambda found: _asked_for(found, page.file.src_uri), markdown)
    return with_links_of_the_site(markdown, page.file.src_uri)


def with_links_of_the_site(markdown: str, page: str) -> str:
    """Links that are written as from the file in the repository lead from the page to pages.

    >>> with_links_of_the_site("[Trust](../TRUST.md#what), [start](index.md)", "quickstart.md")
    '[Trust](TRUST.md#what), [start](index.md)'
    """

    def rewritten(found: re.Match[str]) -> str:
        target = _resolved(repository_path(page), found["path"])
        return posixpath.relpath(site_path(target), posixpath.dirname(page) or ".") + (found["anchor"] or "")

    return LINK.sub(rewritten, markdown)


def _resolved(start: str, path: str) -> str:
    """The file of the repository that a relative path names in the file `start`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(start), path))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Documents that are named in code style are links, if they are pages."""

    def linked(found: re.Match[str]) -> str:
        start = repository_path(page.file.src_uri)
        for path in (_resolved(start, found["path"]), found["path"]):
            file = files.get_file_from_path(site_path(path))
            if file is not None and file != page.file and not found["link"]:
                return f'<a href="{file.url_relative_to(page.file)}">{found[0]}</a>'
        return found[0]

    return NAMED.sub(linked, html)


# ---------------------------------------------------------------------------- what is written once


def table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    """A table of Markdown with two columns.

    >>> print(table(("a", "b"), [("1", "x")]))
    | a | b |
    |---|---|
    | `1` | x |
    """
    return "\n".join([f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| `{one}` | {other} |" for one, other in rows)])


def help_of_commands() -> str:
    """What each command prints with ``--help``, under a heading of its name."""
    with Context(cli, info_name="exactformer", terminal_width=HELP_WIDTH) as whole:
        parts = [_fenced(cli.get_help(whole))]
        for name, command in sorted(cli.commands.items()):
            with Context(command, whole, info_name=name, terminal_width=HELP_WIDTH) as context:
                parts.append(f"## {name}\n\n{_fenced(command.get_help(context))}")
    return "\n\n".join(parts)


def _fenced(text: str) -> str:
    return f"```text\n{text}\n```"


TABLES: dict[str, Callable[[], str]] = {
    "verdicts": lambda: table(
        ("verdict", "what is known of the claim"), [(one.value, MEANING[one]) for one in Verdict]
    ),
    "grounds": lambda: table(("title", "what a statement rests on"), [(one.title, MEANING[one]) for one in Basis]),
    "exit codes": lambda: table(("code", "meaning"), [(str(one.value), said) for one, said in EXIT_CODES.items()]),
    "commands": help_of_commands,
}


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level, without it.

    >>> section("# A\\n\\n## B\\n\\none\\n\\n## C\\n\\ntwo\\n", "B")
    'one'
    """
    begin = text.index(f"\n## {title}\n") + len(f"\n## {title}\n")
    end = text.find("\n## ", begin)
    return text[begin : end if end >= 0 else None].strip()


def _asked_for(found: re.Match[str], page: str) -> str:
    if found["kind"] == "table":
        if found["what"] not in TABLES:
            raise PluginError(f"{page}: there is no table {found['what']!r}; there are {', '.join(TABLES)}")
        return TABLES[found["what"]]()
    path, _, title = found["what"].partition(": ")
    try:
        text = section((ROOT / path).read_text(encoding="utf-8"), title)
    except (OSError, ValueError) as error:
        raise PluginError(f"{page}: there is no section {title!r} in {path}") from error
    return _from_elsewhere(text, path, repository_path(page))


def _from_elsewhere(text: str, path: str, to: str) -> str:
    """A text of one file, with links as another has to write them."""

    def rewritten(found: re.Match[str]) -> str:
        target = _resolved(path, found["path"])
        return posixpath.relpath(target, posixpath.dirname(to) or ".") + (found["anchor"] or "")

    return LINK.sub(rewritten, text)
