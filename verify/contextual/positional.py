"""Positional encoding with the unchanged constants of Lemma 6, 1/delta on a domain [0, n): where that fails.

Column k lies in [k-1, k)^d, so its label lies in a range of its own.  But the labels of n ranges are more than
delta^-d, and a shift by delta^-d (max - min) need not carry a column beyond all of them: a later layer can move it
again.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactformer.constructions.contextual.grid import Grid
from exactformer.constructions.contextual.positional import encoded_sequences, positional_grid
from exactformer.verify.contextual.labels import LabelHead
from exactformer.verify.contextual.lemma6 import MOST_SEQUENCES, Fails, GridTooLarge, first_collision, shown


@dataclass(frozen=True)
class AsStated:
    """With these constants no column moves twice and all ids are distinct: on this grid they work."""

    grid: Grid
    sequences: int


def check_stated_constants(n: int, d: int, delta: Fraction) -> AsStated | Fails:
    """Selective shifts by delta^-d at every label from 0 to the largest, u and global factor from 1/delta; all inputs.

    Raises GridTooLarge, GridError.

    >>> check_stated_constants(2, 1, Fraction(1, 4)).instance
    '(3, 4): column 1 is shifted 2 times'
    """
    grid = positional_grid(n, d, delta)
    base = delta.denominator
    if base ** (n * d) > MOST_SEQUENCES:
        raise GridTooLarge(f"{base ** (n * d)} sequences are more than {MOST_SEQUENCES}")
    columns = base**d
    label = {number: _label(grid, number, base) for row in encoded_sequences(grid) for number in row}
    numbers = np.array([[label[number] for number in row] for row in encoded_sequences(grid)], dtype=object)
    times = np.zeros(numbers.shape, dtype=np.int64)
    ids = numbers
    for b in range(int(numbers.max()) + 1):
        heads = LabelHead(1, 1 - 2 * b, columns), LabelHead(1, -1 - 2 * b, -columns)
        added = sum(head.factor * head.result(ids) for head in heads)
        times += np.asarray(added != 0, dtype=np.int64)
        ids = ids + added
    ids = ids + columns ** (n + 1) * ids.max(axis=1, keepdims=True)
    wrong = first_collision(numbers, ids)
    if wrong is not None:
        return Fails(grid, *wrong)
    if (times > 1).any():
        row, k = np.argwhere(times > 1)[0]
        return Fails(grid, 5, f"{shown(numbers[row])}: column {k + 1} is shifted {times[row, k]} times")
    return AsStated(grid, len(numbers))


def _label(grid: Grid, number: int, base: int) -> int:
    """sum_i c_i base^i for the column's coordinates c_i, in units of delta."""
    return sum(int(z / grid.delta) * base**i for i, z in enumerate(grid.column(number)))
