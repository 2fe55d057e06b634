"""Doctests of the experiments need the extra `[train]`: without it they are left out."""

from __future__ import annotations

from importlib.util import find_spec

MISSING = [name for name in ("torch", "matplotlib") if find_spec(name) is None]
collect_ignore_glob = ["*.py"] if MISSING else []


def pytest_report_header() -> list[str]:
    return [f"doctests of experiments are left out: {name} is not installed (extra [train])" for name in MISSING]
