"""A hook of MkDocs: what the program says of itself is made when the site is built, so that it is written once.

A comment asks for it:

* ``<!-- table: verdicts -->``: a table that the code has; see `TABLES`.
* ``<!-- section: README.md: Verdicts -->``: what stands under this heading of that file.
* ``<!-- file: examples/brackets.yaml -->``: a whole file, as a block of code.
* ``<!-- run: machines -->``: the command `exactformer machines` and what it prints.  It has to end with exit code 0, or
  with the one that is given: ``<!-- run (exit 1): .. -->``.  With ``<!-- run (8 lines): .. -->`` only the first lines
  are shown.  Commands of one page share a folder.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from click.testing import CliRunner
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from documentation.hooks.pages import ROOT, in_repository, moved
from exactformer.certificates.command_line.help import Context
from exactformer.certificates.command_line.main import cli
from exactformer.certificates.command_line.outcome import MEANING as EXIT_CODES
from exactformer.verify.verdict import MEANING, Basis, Verdict

WIDTH = 92
"""Columns of what a command prints: what a page is wide enough for."""
ASKED = re.compile(r"^<!-- (?P<kind>table|section|file|run)(?: \((?P<how>[^)]*)\))?: (?P<what>.+?) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """What is asked for, instead of the comments."""
    if not ASKED.search(markdown):
        return markdown
    with tempfile.TemporaryDirectory() as folder:
        try:
            return ASKED.sub(lambda found: _made(found, page.file.src_uri, Path(folder)), markdown)
        except (OSError, ValueError) as error:
            raise PluginError(f"{page.file.src_uri}: {error}") from error


def _made(found: re.Match[str], page: str, folder: Path) -> str:
    if found["kind"] == "run":
        return run(found["what"], found["how"] or "", folder)
    if found["kind"] == "table":
        if found["what"] not in TABLES:
            raise ValueError(f"there is no table {found['what']!r}; there are {', '.join(TABLES)}")
        return TABLES[found["what"]]()
    if found["kind"] == "file":
        return fenced((ROOT / found["what"]).read_text(encoding="utf-8"))
    path, _, title = found["what"].partition(": ")
    return moved(section((ROOT / path).read_text(encoding="utf-8"), title), path, in_repository(page))


# ---------------------------------------------------------------------------- tables


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
    with _help("exactformer", cli, None) as whole:
        parts = [fenced(cli.get_help(whole))]
        for name, command in sorted(cli.commands.items()):
            with _help(name, command, whole) as context:
                parts.append(f"## {name}\n\n{fenced(command.get_help(context))}")
    return "\n\n".join(parts)


@contextmanager
def _help(name: str, command: click.Command, parent: click.Context | None) -> Iterator[click.Context]:
    with Context(command, parent, info_name=name, terminal_width=WIDTH, **command.context_settings) as context:
        yield context


def fenced(text: str, language: str = "text") -> str:
    """A block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


TABLES: dict[str, Callable[[], str]] = {
    "verdicts": lambda: table(
        ("verdict", "what is known of the claim"), [(one.value, MEANING[one]) for one in Verdict]
    ),
    "grounds": lambda: table(("title", "what a statement rests on"), [(one.title, MEANING[one]) for one in Basis]),
    "exit codes": lambda: table(("code", "meaning"), [(str(one.value), said) for one, said in EXIT_CODES.items()]),
    "commands": help_of_commands,
}


# ---------------------------------------------------------------------------- sections


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level, without it.  Raises ValueError if there is none.

    >>> section("# A\\n\\n## B\\n\\none\\n\\n## C\\n\\ntwo\\n", "B")
    'one'
    """
    heading = f"\n## {title}\n"
    if heading not in text:
        raise ValueError(f"there is no section {title!r}")
    return text.split(heading, 1)[1].partition("\n## ")[0].strip()


# ---------------------------------------------------------------------------- runs


def run(command: str, how: str, folder: Path) -> str:
    """The command as it is typed, and what it prints.  Raises ValueError where it ends otherwise than it should.

    >>> print(run("run increment 1", "1 lines", Path()))
    ```console
    $ exactformer run increment 1
    increment on '1': 4 steps, output '10', 11 tokens
    ...
    ```
    """
    code, lines = _wanted(how)
    before = Path.cwd()
    os.chdir(folder)
    try:
        done = CliRunner().invoke(cli, shlex.split(command), env={"COLUMNS": str(WIDTH), "NO_COLOR": "1"})
    finally:
        os.chdir(before)
    if done.exit_code != code:
        raise ValueError(f"`exactformer {command}` ends with exit code {done.exit_code}, not {code}: {done.output}")
    said = done.stdout.rstrip().splitlines()
    if lines is not None and len(said) > lines:
        said = [*said[:lines], "..."]
    if code:
        said += ["$ echo $?", str(code)]
    return fenced("\n".join([f"$ exactformer {command}", *said]), "console")


def _wanted(how: str) -> tuple[int, int | None]:
    """The exit code, and how many lines are shown.

    >>> _wanted("exit 1, 8 lines"), _wanted("")
    ((1, 8), (0, None))
    """
    code, lines = 0, None
    for part in filter(None, how.split(", ")):
        if found := re.fullmatch(r"exit (\d+)", part):
            code = int(found[1])
        elif found := re.fullmatch(r"(\d+) lines", part):
            lines = int(found[1])
        else:
            raise ValueError(f"a run is (exit CODE, N lines), not ({how})")
    return code, lines
