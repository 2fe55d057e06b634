"""Each notebook of the documentation shows what its cells show today, and is stored in one form.

Where one differs on purpose: ``python -m tests.documentation.refresh``, and read what changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from tests.documentation.notebooks import NOTEBOOKS, ROOT, differences, executed, read, stored

TITLES = [str(path.relative_to(ROOT)) for path in NOTEBOOKS]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=TITLES)
def test_a_notebook_shows_what_it_shows_today(path: Path) -> None:
    found = differences(read(path), executed(path))
    assert not found, "\n".join((f"{path.relative_to(ROOT)} shows something else:", *found))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=TITLES)
def test_a_notebook_is_stored_as_refreshing_stores_it(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == nbformat.writes(stored(read(path))) + "\n"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=TITLES)
def test_every_code_cell_was_executed_in_order_without_an_error(path: Path) -> None:
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) == 7


# ---------------------------------------------------------------------------- what is noticed


def small() -> NotebookNode:
    """A text, a table and a cell that shows nothing."""
    text = nbformat.v4.new_output("stream", name="stdout", text="PROVED\nexit code 0\n")
    table = nbformat.v4.new_output("execute_result", {"text/html": "<p>valid</p>"}, execution_count=2)
    cells = [("print(1)", [text]), ("table", [table]), ("x = 1", [])]
    made = [
        nbformat.v4.new_code_cell(source, outputs=shown, execution_count=number, id=f"cell-{number}")
        for number, (source, shown) in enumerate(cells, start=1)
    ]
    notebook: NotebookNode = nbformat.v4.new_notebook(cells=made)
    return notebook


def _text(notebook: NotebookNode) -> None:
    notebook.cells[0].outputs[0].text = "REFUTED\nexit code 0\n"


def _code(notebook: NotebookNode) -> None:
    notebook.cells[0].outputs[0].text = "PROVED\nexit code 1\n"


def _html(notebook: NotebookNode) -> None:
    notebook.cells[1].outputs[0].data["text/html"] = "<p>not valid</p>"


def _missing(notebook: NotebookNode) -> None:
    del notebook.cells[1].outputs[0]


def _more(notebook: NotebookNode) -> None:
    notebook.cells[2].outputs.append(nbformat.v4.new_output("stream", name="stderr", text="Error: no\n"))


def _stream(notebook: NotebookNode) -> None:
    notebook.cells[0].outputs[0].name = "stderr"


def _moved(notebook: NotebookNode) -> None:
    notebook.cells[2].outputs, notebook.cells[1].outputs = notebook.cells[1].outputs, []


def _error(notebook: NotebookNode) -> None:
    notebook.cells[2].outputs = [nbformat.v4.new_output("error", ename="Rejected", evalue="x", traceback=[])]


CHANGES = [_text, _code, _html, _missing, _more, _stream, _moved, _error]


@pytest.mark.parametrize("change", CHANGES)
def test_a_difference_is_noticed(change: Callable[[NotebookNode], None]) -> None:
    was, now = small(), small()
    assert differences(was, now) == []
    change(now)
    assert differences(was, now)
    assert differences(now, was)


def test_what_is_executed_is_what_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are of this Python, in lines of one width and without colours; hashes with a date are covered."""
    monkeypatch.setattr("tests.documentation.notebooks.ROOT", tmp_path)
    (tmp_path / "tests" / "imported" / "networks").mkdir(parents=True)
    sources = [
        "x = 3\n!exactformer machines {x}; echo $?\n!echo $COLUMNS $NO_COLOR",
        "import sys\nprint(sys.stdout.isatty())\n!python -c 'import sys; print(sys.executable, sys.stdout.isatty())'",
        "!exactformer certify increment --input 1 | tail -3",
        "raise ValueError(1)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources[:3]])
    path = tmp_path / "documentation" / "one.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path)
    shown = ["".join(output.text for output in cell.outputs) for cell in executed(path).cells]
    assert shown[0].startswith("Error: '3' is neither")
    assert shown[0].endswith("\n2\n80 1\n")
    assert shown[1].startswith("False\n")
    assert shown[1].endswith(" False\n")
    assert re.search(r"\(sha256\s+\.{19}\)", shown[2])
    notebook.cells.append(nbformat.v4.new_code_cell(sources[3]))
    nbformat.write(notebook, path)
    with pytest.raises(CellExecutionError) as raised:
        executed(path)
    assert (raised.value.ename, raised.value.evalue) == ("ValueError", "1")
