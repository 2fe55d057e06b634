"""verify/ARGUMENTS.md: each argument has its four parts, and its tests are there; all of this folder are named."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import exactformer.certificates
import exactformer.verify
import tests

HERE, ROOT = Path(__file__).parent, Path(tests.__file__).parent.parent
SPECIFICATION = {
    path.stem: path.read_text(encoding="utf-8") for path in Path(exactformer.certificates.__file__).parent.glob("*.md")
}
"""By the names of its parts."""
TEXT = (Path(exactformer.verify.__file__).parent / "ARGUMENTS.md").read_text(encoding="utf-8")
ARGUMENTS = {int(number): text for number, text in re.findall(r"^## (\d+)\. (.*?)(?=^## |\Z)", TEXT, re.M | re.S)}
PARTS = ["Stated", "Why", "What would break it", "Tests"]


@cache
def functions(path: Path) -> set[str]:
    """The test functions of a file."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def named(text: str) -> set[tuple[str, str]]:
    """The tests that a text names: file and function."""
    return set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text))


def test_arguments_are_numbered() -> None:
    assert list(ARGUMENTS) == list(range(1, len(ARGUMENTS) + 1))


@pytest.mark.parametrize("number", ARGUMENTS)
def test_an_argument_has_its_parts_and_its_tests_are_there(number: int) -> None:
    text = ARGUMENTS[number]
    assert re.findall(r"^\*\*([\w ]+)\.\*\* ", text, re.M) == PARTS
    tests_of_it = named(text[text.index("**Tests.**") :])
    assert tests_of_it
    for file, function in tests_of_it:
        assert function in functions(ROOT / file), f"{file} has no {function}"


@pytest.mark.parametrize("number", ARGUMENTS)
def test_the_sections_of_the_specification_that_it_is_about_are_there(number: int) -> None:
    part, _, sections = ARGUMENTS[number].partition(":")[0].partition(" ")
    assert sections
    for section in sections.split(", "):
        assert re.search(rf"^##+ {re.escape(section)} ", SPECIFICATION[part], re.M), f"{part} has no section {section}"


def test_the_specification_refers_to_arguments_that_are_there() -> None:
    text = "".join(SPECIFICATION.values())
    assert {int(number) for number in re.findall(r"[aA]rguments? (\d+)\b", text)} == set(ARGUMENTS)


def test_all_tests_of_this_folder_are_of_some_argument() -> None:
    known = named(TEXT)
    for path in HERE.glob("test_*.py"):
        if path != Path(__file__):
            file = path.relative_to(ROOT).as_posix()
            assert {(file, function) for function in functions(path)} <= known, file
