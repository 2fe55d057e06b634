"""Writes the texts of the library's Sudoku machines again: ``python -m exactformer.constructions.machines.sudoku``."""

from __future__ import annotations

from exactformer.constructions.machines.library import LIBRARY
from exactformer.constructions.machines.sudoku.program import SHAPES, text_of


def main() -> None:
    for boxes in SHAPES:
        LIBRARY[f"sudoku-{boxes.side}x{boxes.side}"].path.write_text(text_of(boxes), encoding="utf-8")


if __name__ == "__main__":
    main()
