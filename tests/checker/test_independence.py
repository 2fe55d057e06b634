"""The checker stands alone: what it imports, and what its source must not contain."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import exactformer.certificates.checker

SOURCES = sorted(Path(exactformer.certificates.checker.__file__).parent.rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_imports_only_the_standard_library_numpy_and_itself(path: Path) -> None:
    known = sys.stdlib_module_names | {"numpy"}
    for name in imported(ast.parse(path.read_text())):
        assert name.split(".")[0] in known or name.startswith("exactformer.certificates.checker."), name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_assert_no_float_no_matrix_product(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        line = getattr(node, "lineno", 0)
        assert not isinstance(node, ast.Assert | ast.MatMult), line
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float | complex)), line
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        assert name not in {"float", "float16", "float32", "float64", "dot", "mean", "exp", "log2"}, line


def test_the_sources_are_found() -> None:
    found = {path.name for path in SOURCES}
    assert {"check.py", "document.py", "replay.py", "__main__.py", "walk.py", "heads.py", "columns.py"} <= found


def test_the_package_above_imports_nothing_either() -> None:
    above = Path(exactformer.certificates.checker.__file__).parents[1] / "__init__.py"
    assert imported(ast.parse(above.read_text())) == set()
