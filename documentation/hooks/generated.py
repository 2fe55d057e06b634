"""A hook of MkDocs: what the program says of itself is made when the site is built, so that it is written once.

A comment asks for it:

* ``<!-- table: verdicts -->``: a table that the code has; see `documentation.hooks.tables`.
* ``<!-- section: README.md: Verdicts -->``: what stands under this heading of that file.
* ``<!-- file: examples/brackets.yaml -->``: a whole file, as a block of code.
* ``<!-- run: machines -->``: the command `exactformer machines` and what it prints.  It has to end with exit code 0, or
  with the one that is given: ``<!-- run (exit 1): .. -->``.  With ``<!-- run (8 lines): .. -->`` only the first lines
  are shown.  All commands share a folder, and one that several pages show is run once.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from functools import cache
from pathlib import Path

from click.testing import CliRunner
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from documentation.hooks.pages import ROOT, in_repository, moved
from documentation.hooks.tables import TABLES, WIDTH, fenced
from exactformer.certificates.command_line.main import cli

ASKED = re.compile(r"^<!-- (?P<kind>table|section|file|run)(?: \((?P<how>[^)]*)\))?: (?P<what>.+?) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """What is asked for, instead of the comments."""
    try:
        return ASKED.sub(lambda found: _made(found, page.file.src_uri), markdown)
    except (OSError, ValueError) as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from error


def _made(found: re.Match[str], page: str) -> str:
    if found["kind"] == "run":
        return run(found["what"], found["how"] or "")
    if found["kind"] == "table":
        if found["what"] not in TABLES:
            raise ValueError(f"there is no table {found['what']!r}; there are {', '.join(TABLES)}")
        return TABLES[found["what"]]()
    if found["kind"] == "file":
        return fenced((ROOT / found["what"]).read_text(encoding="utf-8"))
    path, _, title = found["what"].partition(": ")
    return moved(section((ROOT / path).read_text(encoding="utf-8"), title), path, in_repository(page))


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


def run(command: str, how: str = "") -> str:
    """The command as it is typed, and what it prints.  Raises ValueError where it ends otherwise than it should.

    >>> print(run("run increment 1", "1 lines"))
    ```console
    $ exactformer run increment 1
    increment on '1': 4 steps, output '10', 11 tokens
    ...
    ```
    """
    wanted, lines = _wanted(how)
    code, out = _done(command)
    if code != wanted:
        raise ValueError(f"`exactformer {command}` ends with exit code {code}, not {wanted}: {out}")
    said = out.rstrip().splitlines()
    if lines is not None and len(said) > lines:
        said = [*said[:lines], "..."]
    if code:
        said += ["$ echo $?", str(code)]
    return fenced("\n".join([f"$ exactformer {command}", *said]), "console")


@cache
def _done(command: str) -> tuple[int, str]:
    """How a command ends, and what it prints, or complains about."""
    before = Path.cwd()
    os.chdir(_folder().name)
    try:
        done = CliRunner().invoke(cli, shlex.split(command), env={"COLUMNS": str(WIDTH), "NO_COLOR": "1"})
    finally:
        os.chdir(before)
    return done.exit_code, done.stdout or done.stderr


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where all of them run; it goes when the building ends."""
    return tempfile.TemporaryDirectory()


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
