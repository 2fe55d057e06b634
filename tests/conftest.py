"""What holds for all tests: hypothesis waits as long as it takes, and Ctrl-C ends them wherever it comes.

By default an example that takes 200 ms fails, as it may on a busy machine.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests import interrupt

# Reports are as wide as COLUMNS says, which workers of pytest-xdist set to 80; tests that want a width set it.
os.environ.pop("COLUMNS", None)

settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")


def pytest_configure() -> None:
    """Before the first test."""
    interrupt.install()
