"""The console: lines keep to the width, words and rows are never cut, a pipe is not wrapped."""

from __future__ import annotations

import ast
import os
import pty
import sys
from pathlib import Path
from random import Random

import click
import pytest

from exactformer.certificates.command_line import console
from exactformer.certificates.command_line.console import line_width, show
from exactformer.certificates.reports.layout import TIE, Column, Facts, Part, Table, heading, laid_out
from tests.command_line.invoking import Outcome, invoke

FOLDER = Path(console.__file__).parent
WIDTHS = (20, 40, 80, 200)
TEXTS = ("", "one", "  - one two three four five six seven eight nine ten eleven", "x" * 90 + " and y", "a b" * 60)
HEADS = Table(
    (Column("head", key=True), Column("layers"), Column("least beta", right=True)),
    tuple((f"bitA_of_a_long_name_{number}", f"{number}..{number + 9}", str(1 << number)) for number in range(5)),
)
GROUPED = Table(
    (
        Column("n", right=True, key=True),
        Column("d", right=True, key=True),
        Column("bits", "one"),
        Column("bits", "two"),
    ),
    (("2", "1", "3", "4 to 5"), ("2", "2", "30", "4"), ("16", "1", "300", "9")),
)
FACTS = Facts((("context", "16 tokens, positions of r = 4 bits"), ("", "and more"), ("a long title", "one two " * 30)))


def lines(part: Part, width: int | None) -> list[str]:
    return [line.text for line in laid_out([part], width)]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("part", [*TEXTS, FACTS, HEADS, GROUPED], ids=lambda part: type(part).__name__)
def test_lines_keep_to_the_width_unless_they_are_one_word(part: Part, width: int) -> None:
    for line in lines(part, width):
        assert len(line) <= width or len(line.removeprefix("  - ").split()) == 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("part", [*TEXTS, FACTS], ids=lambda part: type(part).__name__)
def test_no_word_is_lost(part: Part, width: int) -> None:
    assert " ".join(lines(part, width)).split() == " ".join(lines(part, None)).split()


@pytest.mark.parametrize("text", TEXTS)
def test_in_a_pipe_a_text_is_one_line(text: str) -> None:
    assert lines(text, None) == [text]


def test_text_goes_on_where_it_began() -> None:
    first, *others = lines(TEXTS[2], 20)
    assert first.startswith("  - one")
    assert others
    assert all(line.startswith("    ") and line[4] != " " for line in others)


@pytest.mark.parametrize("width", [*range(20, 70), None])
@pytest.mark.parametrize("table", [HEADS, GROUPED], ids=["plain", "grouped"])
def test_rows_can_be_told_apart_at_every_width(table: Table, width: int | None) -> None:
    """A column of names that a terminal cuts makes two rows look alike; here they become items of a list."""
    shown = lines(table, width)
    keys = [[cell for column, cell in zip(table.columns, row, strict=True) if column.key] for row in table.rows]
    found = [line for line in shown if line[:1] not in ("", " ") or line.strip()[:1].isdigit()]
    for key in keys:
        assert any(all(cell in line.replace(",", "").split() for cell in key) for line in found)
    everything = " ".join(shown).replace(TIE, " ")
    assert all(cell in everything for row in table.rows for cell in row)
    assert not any("..." in line or "\N{HORIZONTAL ELLIPSIS}" in line for line in shown)


def test_a_table_that_fits_has_a_line_for_each_row() -> None:
    assert len(lines(HEADS, 80)) == 1 + len(HEADS.rows)
    assert len(lines(GROUPED, None)) == 2 + len(GROUPED.rows)
    title, *_ = laid_out([HEADS], None)
    assert title.style == (("bold", True),)


def test_words_that_are_tied_stay_on_a_line() -> None:
    rng = Random(3)
    tied = [TIE.join(["RUN(state", *("1" * rng.randint(1, 4) for _ in range(3))]) for _ in range(40)]
    for width in WIDTHS[1:]:
        assert " ".join(lines(" ".join(tied), width)).split(" ") == tied


@pytest.mark.parametrize(("columns", "width"), [("", None), ("40", 40), ("3", 20), ("0", None), ("x", None)])
def test_columns_decides_where_it_is_a_number(columns: str, width: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert line_width() == width


def test_a_terminal_decides_where_columns_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    master, terminal = pty.openpty()
    try:
        with os.fdopen(terminal, "w") as stream:
            monkeypatch.setattr(sys, "stdout", stream)
            monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((57, 20)))
            assert line_width() == 57
            monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((0, 0)))
            assert line_width() is None
    finally:
        os.close(master)


def test_on_a_terminal_headings_stand_out_and_tied_words_have_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    show([heading("proved", fg="green"), f"one{TIE}two"])
    assert capsys.readouterr().out == "proved\none two\n"
    assert click.style("proved", **dict(heading("proved", fg="green").style)) == "\x1b[32m\x1b[1mproved\x1b[0m"


# ---------------------------------------------------------------------------- every command prints by it


VERBATIM = ("json.dumps", "as_csv_text", "text_of")
"""What is printed as it is: for programs, or to be copied."""


def printing(tree: ast.AST) -> list[str]:
    """Calls that print on standard output, as text."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "click.echo",
            "print",
            "click.secho",
            "sys.stdout.write",
        ):
            on_stderr = any(word.arg == "err" and ast.unparse(word.value) == "True" for word in node.keywords)
            if not on_stderr and not any(f"{name}(" in ast.unparse(node) for name in VERBATIM):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize(
    "path", sorted(FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDER).with_suffix(""))
)
def test_nothing_for_people_is_printed_but_by_the_console(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert path.name == "console.py" or printing(tree) == []
    if path.name != "progress.py":
        assert "rich" not in {name.split(".")[0] for name in imported(tree)}


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_the_width_reaches_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    def at(columns: str) -> Outcome:
        monkeypatch.setenv("COLUMNS", columns)
        return invoke("machines")

    narrow, wide = at("40").out, at("200").out
    assert max(map(len, narrow.splitlines())) <= 40
    assert len(narrow.splitlines()) > len(wide.splitlines())
    assert narrow.split() == wide.split()
