"""The wheel has every file of the packages and the documents of the root; nothing that builds it is deprecated."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("constructions", "verify", "certificates")
"""Folders of the repository; in the package `exactformer`, links to them."""
OF_THE_ROOT = ("README.md", "TRUST.md", "LICENSE")
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of what is in the wheel, built in a copy of the sources; a warning ends the building."""
    sources, folder = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for part in (*PARTS, "src"):
        shutil.copytree(ROOT / part, sources / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", *OF_THE_ROOT):
        shutil.copy(ROOT / name, sources)
    command = [sys.executable, "-W", "error", "-c", BUILD, str(folder)]
    done = subprocess.run(command, cwd=sources, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return ZipFile(built).namelist()


@pytest.mark.parametrize("part", PARTS)
def test_every_file_of_a_part_is_in_the_wheel(wheel: list[str], part: str) -> None:
    files = [path for path in (ROOT / part).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.suffix for path in files} >= {".py", ".md"}
    assert {f"exactformer/{path.relative_to(ROOT)}" for path in files} - set(wheel) == set()
    assert {"exactformer/__init__.py", "exactformer/__main__.py", "exactformer/py.typed"} <= set(wheel)


@pytest.mark.parametrize("name", OF_THE_ROOT)
def test_the_documents_of_the_root_are_in_the_wheel(wheel: list[str], name: str) -> None:
    assert name in {Path(entry).name for entry in wheel if entry.split("/")[0] != "exactformer"}


def test_the_wheel_has_nothing_else(wheel: list[str]) -> None:
    assert {entry.split("/")[0].split("-")[0] for entry in wheel} == {"exactformer"}


def test_the_build_requires_what_knows_its_license() -> None:
    """setuptools 77 is the first that reads ``license`` as an SPDX expression."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["license"] == "MIT"
    assert project["build-system"]["requires"] == ["setuptools>=77"]
