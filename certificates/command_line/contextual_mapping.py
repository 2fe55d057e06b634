"""``exactformer contextual-mapping``: does one simple layer compute a contextual mapping on a grid?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from exactformer.certificates.command_line.console import show
from exactformer.certificates.command_line.outcome import InputRefused, refusing
from exactformer.certificates.command_line.verdicts import EXIT_CODE
from exactformer.certificates.reports.verdicts import headline
from exactformer.constructions.contextual.grid import Grid, GridError
from exactformer.constructions.contextual.substitutes import (
    Bilinear,
    Convolution,
    HardmaxAttention,
    Matrix,
    PlainHead,
    SoftmaxAttention,
    Substitute,
    WeightsError,
    default_layer,
)
from exactformer.verify.contextual.lemma6 import GridTooLarge
from exactformer.verify.contextual.substitutes import Collision, check_substitute
from exactformer.verify.verdict import Verdict

NAMES = {"bilinear": ("output", "projection"), "convolution": ("output", "kernel")}
HEAD = ("query", "key", "value", "output")
MOST_BYTES = 1 << 20


def execute(layer: str, n: int, d: int, delta: Fraction, weights: Path | None) -> None:
    """Decide, and say what was found.  Exit code: 0 it does, 1 two columns collide, 2 bad input."""
    with refusing(GridError, GridTooLarge, WeightsError):
        grid = Grid(n, d, delta)
        computed = default_layer(layer, n, d) if weights is None else read_layer(layer, weights)
        found = check_substitute(grid, computed)
    where = f"{n} tokens of dimension {d}, delta = {grid.delta}"
    if not isinstance(found, Collision):
        show(
            [
                f"{headline(Verdict.PROVED)}: {layer} computes a contextual mapping on this grid ({where}): it tells "
                f"apart the columns of all {found.sequences} sequences with distinct columns, except for sequences "
                "that are permutations of one another."
            ]
        )
        return
    verdict = Verdict.REFUTED
    said = [f"{headline(verdict)}: {layer} does not compute a contextual mapping on this grid ({where}), because"]
    for numbers, place in ((found.first, found.first_place), (found.second, found.second_place)):
        columns = "; ".join(" ".join(map(str, grid.column(number))) for number in numbers)
        said.append(f"  column {place + 1} of ({columns})")
    show([*said, "become the same column."])
    raise SystemExit(EXIT_CODE[verdict])


def read_layer(kind: str, path: Path) -> Substitute:
    """Weights from a JSON file: matrices as lists of rows, numbers as integers or texts like "1/2"."""
    try:
        text = path.read_bytes()
        document = json.loads(text) if len(text) <= MOST_BYTES else None
    except (OSError, ValueError) as error:
        raise InputRefused(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise InputRefused(f"{path} must hold a JSON object of matrices, at most {MOST_BYTES} bytes")
    if kind == "bilinear":
        return Bilinear(*_matrices(document, NAMES[kind], path))
    if kind == "convolution":
        return Convolution(*_matrices(document, NAMES[kind], path))
    heads = document.get("heads")
    if not isinstance(heads, list) or not heads or not all(isinstance(head, dict) for head in heads):
        raise InputRefused(f'{path} must hold "heads", a list of objects, each with {", ".join(HEAD)}')
    found = tuple(PlainHead(*_matrices(head, HEAD, path)) for head in heads)
    return SoftmaxAttention(found) if kind == "attention" else HardmaxAttention(found)


def _matrices(document: Mapping[str, Any], names: tuple[str, ...], path: Path) -> list[Matrix]:
    found = []
    for name in names:
        rows = document.get(name)
        if not isinstance(rows, list) or not rows or not all(isinstance(row, list) for row in rows):
            raise InputRefused(f"{path}: {name} must be a list of rows")
        found.append(tuple(tuple(_number(entry, name, path) for entry in row) for row in rows))
    return found


def _number(entry: object, name: str, path: Path) -> Fraction:
    try:
        if isinstance(entry, str) or (isinstance(entry, int) and not isinstance(entry, bool)):
            return Fraction(entry)
    except (ValueError, ZeroDivisionError):
        pass
    raise InputRefused(f'{path}: {name} holds {entry!r}; give integers, or texts like "1/2"')
