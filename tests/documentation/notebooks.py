"""Notebooks: where they are, how they are executed, and in which form they are stored.

A notebook is executed in a folder of its own, in a kernel of this very Python.  What is stored is what it then shows;
only hashes of files that have a date in them are covered.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from difflib import unified_diff
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTATION = ROOT / "documentation"
NOTEBOOKS = sorted(path for path in DOCUMENTATION.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
NETWORKS = "tests/imported/networks"
"""Read by notebooks, by their relative path."""
COLUMNS = 80
LONGEST_SECONDS = 600
"""For one cell; what takes longer hangs."""

PIPED = """
import subprocess
def _piped(command):
    shell = get_ipython()
    done = subprocess.run(
        shell.var_expand(command, depth=1), shell=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    print(done.stdout, end="")
get_ipython().system = _piped
"""
"""Lines that begin with ! print into a pipe: a terminal would add a progress bar where a machine is slow."""

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
DATED = re.compile(r"(sha256\s+)[0-9a-f]{16}(?=\.\.\.)")
"""What reports print of a certificate's file, which has the date and the seconds that it took."""


@contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """A command `exactformer` of this Python, one width of lines, and nothing of the user's settings."""
    command = folder / "bin" / "exactformer"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m exactformer "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    path = os.pathsep.join((str(command.parent), str(Path(sys.executable).parent), os.environ["PATH"]))
    given = {"PATH": path, "COLUMNS": str(COLUMNS), "NO_COLOR": "1", "TERM": "dumb"}
    given |= {name: str(folder / "settings") for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    before = dict(os.environ)
    os.environ.update(given)
    os.environ.pop("EXACTFORMER_TRACEBACK", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def read(path: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def executed(path: Path) -> NotebookNode:
    """The notebook as it is stored when all of its cells have been executed anew.

    Raises CellExecutionError for a cell that raises.
    """
    notebook = read(path)
    with TemporaryDirectory() as name, _environment(Path(name)):
        folder = Path(name) / path.parent.relative_to(ROOT)
        folder.mkdir(parents=True)
        (Path(name) / NETWORKS).parent.mkdir(parents=True)
        (Path(name) / NETWORKS).symlink_to(ROOT / NETWORKS)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(PIPED))
        client = NotebookClient(
            notebook,
            timeout=LONGEST_SECONDS,
            coalesce_streams=True,
            extra_arguments=["--IPKernelApp.log_level=40"],
            resources={"metadata": {"path": str(folder)}},
        )
        with client.setup_kernel():
            for number, cell in enumerate(notebook.cells):
                client.execute_cell(cell, number, store_history=number > 0)
        del notebook.cells[0]
    return stored(notebook)


def stored(notebook: NotebookNode) -> NotebookNode:
    """The form that is committed: no times, no versions, of outputs only what a page shows."""
    kept = deepcopy(notebook)
    kept.metadata = nbformat.from_dict(METADATA)
    for cell in kept.cells:
        cell.metadata = NotebookNode({name: value for name, value in cell.metadata.items() if name == "tags"})
        if cell.cell_type == "code":
            cell.outputs = [_shown(output) for output in cell.outputs]
    return kept


def _shown(output: NotebookNode) -> NotebookNode:
    if output.output_type == "stream":
        output.text = _covered(output.text)
    elif "data" in output:
        output.metadata = NotebookNode()
        if "text/html" in output.data:
            output.data = NotebookNode({"text/html": output.data["text/html"]})
        for kind, text in output.data.items():
            output.data[kind] = _covered(text)
    return output


def _covered(text: str) -> str:
    return DATED.sub(r"\1" + "." * 16, text)


def write(notebook: NotebookNode, path: Path) -> None:
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def differences(was: NotebookNode, now: NotebookNode) -> list[str]:
    """Where two notebooks of the same cells show something else, line by line."""
    lines = (_lines(was), _lines(now))
    return list(unified_diff(*lines, "stored", "executed", lineterm="", n=1))


def _lines(notebook: NotebookNode) -> list[str]:
    """All that is shown, under the cell that shows it."""
    found = list[str]()
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            found += [f"cell {number}, [{cell.execution_count}]: {cell.source}"]
            found += [line for output in cell.outputs for line in _lines_of(output)]
    return found


def _lines_of(output: Any) -> list[str]:
    match output.output_type:
        case "stream":
            return [f"{output.name}:", *output.text.splitlines()]
        case "error":
            return [f"error: {output.ename}: {output.evalue}"]
    return [line for kind, text in sorted(output.data.items()) for line in (f"{kind}:", *text.splitlines())]
