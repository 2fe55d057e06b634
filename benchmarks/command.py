"""What all benchmarks share: ``python -m benchmarks.NAME --help`` says what one does, and starts nothing."""

from __future__ import annotations

import argparse
from pathlib import Path


def parser_of(file: str, description: str | None) -> argparse.ArgumentParser:
    """The parser of the benchmark in ``file``, described by its docstring; options are added to it."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.{Path(file).stem}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
