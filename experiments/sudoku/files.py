"""Files that exist in whole or not at all, also when the writing is interrupted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


class FolderError(ValueError):
    """A folder that does not have what is asked for, or has something else."""


def written_whole(path: Path, write: Callable[[Path], object]) -> None:
    """``write`` another file in the same folder, which is then renamed to ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    write(part)
    os.replace(part, path)


def write_text(path: Path, text: str) -> None:
    written_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
