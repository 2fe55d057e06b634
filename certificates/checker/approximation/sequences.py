"""APPROXIMATION section 5.2: all corner sequences, and what the network has to give on each."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np

from exactformer.certificates.checker.approximation.columns import Columns
from exactformer.certificates.checker.approximation.functions import LIBRARY, Array
from exactformer.certificates.checker.approximation.network import Layer
from exactformer.certificates.checker.approximation.reading import rationals
from exactformer.certificates.checker.approximation.statement import Statement
from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Json, Rejected, items, members, rational_text, require_same


def cell_sequences(statement: Statement) -> Array:
    """The cells' numbers, shape (sequences, n), in lexicographic order."""
    D, n = statement.cells**statement.d, statement.n
    found = (
        itertools.product(range(D), repeat=n)
        if statement.positional
        else itertools.combinations_with_replacement(range(D), n)
    )
    flat = np.fromiter(itertools.chain.from_iterable(found), dtype=np.int64)
    return flat.reshape(statement.sequences, n)


def check_sequences(cells: Array, layers: tuple[Layer, ...], statement: Statement, deadline: Deadline) -> None:
    """After these layers there is exactly f at the centres; or 0 if columns repeat and the network has no positions."""
    # coordinates of the corners in units of delta: digits of the cell's number, shape (sequences, n, d)
    corners = cells[:, :, None] // statement.cells ** np.arange(statement.d) % statement.cells
    starts = corners
    if statement.positional:
        starts = corners + statement.cells * np.arange(statement.n)[None, :, None]  # column k gains k - 1
    columns = Columns(starts, statement.cells)
    for layer in layers:
        columns.apply(layer, deadline)
    asked: Array = np.ones(len(cells), dtype=bool)
    if not statement.positional:
        asked = np.asarray((np.diff(cells, axis=1) > 0).all(axis=1))
    above, below = _expected(corners, cells, asked, statement)
    above[~asked] = 0
    wrong = columns.numerators.astype(object) * below != above * columns.denominator
    if wrong.any():
        place = tuple(int(index) for index in np.argwhere(wrong)[0])
        raise _wrong_result(place, cells, columns, Fraction(above[place], np.broadcast_to(below, above.shape)[place]))


def _expected(corners: Array, cells: Array, asked: Array, statement: Statement) -> tuple[Array, Array]:
    """Numerators and denominators of f at the centres of the cells; Python integers."""
    if statement.stated:
        return _read_table(statement.table, cells, asked, statement)
    function = LIBRARY[statement.name]
    above, below = function.at(2 * corners.astype(object) + 1, 2 * statement.cells)
    return above, np.array(below, dtype=object)


def _read_table(table: Json, cells: Array, asked: Array, statement: Statement) -> tuple[Array, Array]:
    """The stated values, one entry for each sequence on which the result has to be f, and 0 elsewhere."""
    field, wanted = "statement.function.table", np.nonzero(asked)[0]
    entries = items(field, table)
    if len(entries) != len(wanted):
        raise Rejected(field, f"has {len(entries)} entries where there must be {len(wanted)}")
    above = np.zeros((*cells.shape, statement.d), dtype=object)
    below = np.ones_like(above)
    for place, (sequence, entry) in enumerate(zip(wanted, entries, strict=True)):
        here = f"{field}[{place}]"
        parts = members(here, entry, "cells", "values")
        require_same(f"{here}.cells", parts["cells"], cells[sequence].tolist())
        columns = items(f"{here}.values", parts["values"])
        if len(columns) != statement.n:
            raise Rejected(f"{here}.values", f"has {len(columns)} columns where there must be {statement.n}")
        for k, column in enumerate(columns):
            values = rationals(f"{here}.values[{k}]", column, statement.d)
            if any(abs(value) > statement.sup for value in values):
                raise Rejected(f"{here}.values[{k}]", f"exceeds sup, {rational_text(statement.sup)}")
            above[sequence, k] = [value.numerator for value in values]
            below[sequence, k] = [value.denominator for value in values]
    return above, below


def _wrong_result(place: tuple[int, ...], cells: Array, columns: Columns, expected: Fraction) -> Rejected:
    sequence, k, coordinate = place
    found = Fraction(int(columns.numerators[place]), columns.denominator)
    numbers = ", ".join(map(str, cells[sequence].tolist()[:32])) + (", .." if cells.shape[1] > 32 else "")
    return Rejected(
        "network",
        f"on the cells {numbers} it gives {rational_text(found)} in column {k + 1}, coordinate {coordinate + 1}, "
        f"where it must give {rational_text(expected)}",
    )
