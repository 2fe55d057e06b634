"""What holds for all tests: hypothesis waits as long as it takes, and Ctrl-C ends the tests at any moment.

By default an example that takes 200 ms fails, as it may on a busy machine.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import interrupt, walked

# Reports are as wide as COLUMNS says, which workers of pytest-xdist set to 80; tests that want a width set it.
os.environ.pop("COLUMNS", None)

settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")


def pytest_configure() -> None:
    """Before the first test."""
    interrupt.install()


def pytest_collection() -> None:
    """What pytest collects stays until the end, so the garbage collector would find no cycles meanwhile."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From here on the garbage collector looks for cycles only among what tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def folder_of_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this session, the same for all processes that run tests."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "of-all"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def walked_once(folder_of_all: Path) -> Iterator[None]:
    """What the kernel shows of a network is shown once in this session; see `tests.walked`."""
    with walked.once(folder_of_all):
        yield
