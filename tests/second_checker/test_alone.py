"""The second checker stands alone: it imports the standard library only, and nothing that could hide a decision."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from exactformer.certificates import second_checker

FILES = sorted(Path(second_checker.__file__ or "").parent.glob("*.py"))


def faults(source: str) -> list[str]:
    """Imports of others, asserts, floats, true divisions of what are no fractions, eval and the like."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [alias.name for alias in names if alias.name.split(".")[0] not in sys.stdlib_module_names]
            case ast.ImportFrom(module="math" | "cmath" | "statistics" | "random"):
                found.append("mathematics with floats")
            case ast.ImportFrom(module=module, level=level):
                if level > 1 or (level == 0 and (module or "").split(".")[0] not in sys.stdlib_module_names):
                    found.append(f"from {module}")
            case ast.Assert():
                found.append("assert")
            case ast.Constant(value=float() | complex()):
                found.append("a float")
            case ast.Call(func=ast.Name(id="float" | "complex" | "eval" | "exec" | "compile" | "__import__" as name)):
                found.append(name)
            case ast.Attribute(value=ast.Name(id="time"), attr=name) if name != "monotonic_ns":
                found.append(f"time.{name}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_imports_the_standard_library_only_and_has_no_floats(path: Path) -> None:
    assert faults(path.read_text()) == []


def test_only_fractions_are_divided() -> None:
    divided = [
        path.name for path in FILES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Div)
    ]
    # Paths are joined by `/`, too.
    assert set(divided) <= {"softmax.py", "__main__.py"}
    paths = [
        ast.unparse(node)
        for node in ast.walk(ast.parse((FILES[0].parent / "__main__.py").read_text()))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
    ]
    assert all("OURS" in one or "parent" in one for one in paths)


FAULTS = [
    "import numpy",
    "from exactformer import certify",
    "from ..checker import check",
    "assert True",
    "x = 1.5",
    "x = float(1)",
    "eval('1')",
    "import time\ntime.monotonic()",
    "from math import exp",
]


@pytest.mark.parametrize("source", FAULTS)
def test_a_fault_is_noticed(source: str) -> None:
    assert faults(source)


def test_every_file_says_what_it_is_about() -> None:
    assert len(FILES) > 5
    assert all(ast.get_docstring(ast.parse(path.read_text())) for path in FILES)
