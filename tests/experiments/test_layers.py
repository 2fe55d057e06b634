"""Experiments use the product; the product does not know them, nor does the wheel."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from tests.test_layers import SOURCES, imports, inside, tree_of

ROOT = Path(__file__).parents[2]
EXPERIMENTS = sorted((ROOT / "experiments").rglob("*.py"))
ALLOWED = ("exactformer.constructions",)


def test_no_module_of_the_product_imports_an_experiment() -> None:
    found = {module for module in SOURCES for name in imports(module, tree_of(module)) if inside(name, "experiments")}
    assert found == set()


def test_such_an_import_would_be_noticed() -> None:
    module = next(iter(SOURCES))
    for text in (
        "import experiments.sudoku",
        "from experiments import sudoku",
        "def f():\n from experiments.a import b",
    ):
        assert any(inside(name, "experiments") for name in imports(module, ast.parse(text)))


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_experiment_imports_constructions_and_nothing_else_of_the_product(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module or ""]
        for name in names:
            if inside(name, "exactformer"):
                assert any(inside(name, allowed) for allowed in ALLOWED)


def test_experiments_are_not_installed_and_their_packages_are_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["packages"]["find"]["include"] == ["exactformer*"]
    extras = project["project"]["optional-dependencies"]
    pinned = [next(each for each in extras[extra] if each.startswith("torch")) for extra in ("torch", "train")]
    assert pinned[0] == pinned[1]
    assert not {"torch", "matplotlib"} & {each.split(">")[0] for each in project["project"]["dependencies"]}
