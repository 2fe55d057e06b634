"""Executes notebooks of the documentation and stores what they show.

python -m tests.documentation.refresh [NAME ...]        # all of them, or those whose names have one of these in it
"""

from __future__ import annotations

import sys

from tests.documentation.notebooks import NOTEBOOKS, ROOT, differences, executed, read, write


def main(names: list[str]) -> None:
    for path in NOTEBOOKS:
        if not names or any(name in path.name for name in names):
            was, now = read(path), executed(path)
            write(now, path)
            print(f"{path.relative_to(ROOT)}: {len(differences(was, now))} lines differ")


if __name__ == "__main__":
    main(sys.argv[1:])
