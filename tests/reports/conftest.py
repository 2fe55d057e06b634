"""Certificates of every kind, made once for each process that runs tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reports.made import Made, made


@pytest.fixture(scope="session")
def folder_of_certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="session")
def of_title(folder_of_certificates: Path) -> Callable[[str], Made]:
    """From a title of `made.TITLES` to its certificate."""
    return lambda title: made(title, folder_of_certificates)
