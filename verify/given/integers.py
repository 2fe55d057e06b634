"""Sums of products of long integers, many tokens at a time.

The numbers of a coordinate at all tokens are packed into one long integer, with room between them: one product of it
with a weight is a product for every token.  So `linear` and `product` cost little more than C would.

Shapes: a *table* is an object array [rows, tokens] of Python integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Table: TypeAlias = NDArray[np.object_]
"""[rows, tokens] of Python integers."""
Entries: TypeAlias = tuple[tuple[int, int], ...]
"""(column, coefficient) pairs of one row."""

SHORT = 62
"""Bits: sums whose magnitudes are below fit 64-bit integers."""


def table(rows: int, tokens: int) -> Table:
    """Of zeros."""
    made: Table = np.empty((rows, tokens), dtype=object)
    made[...] = 0
    return made


def largest_bits(numbers: Table) -> int:
    """Bits of the largest magnitude."""
    return max((int(one).bit_length() for one in numbers.flat), default=0)


def pack(numbers: Sequence[int], width: int) -> int:
    """The sum of numbers[i] 2^(8 width i); each magnitude below 2^(8 width - 1)."""
    half = 1 << (8 * width - 1)
    shifted = b"".join((half + one).to_bytes(width, "little") for one in numbers)
    return int.from_bytes(shifted, "little") - half * _ones(len(numbers), width)


def unpack(packed: int, count: int, width: int) -> list[int]:
    """What `pack` packed, or a sum of such numbers."""
    half = 1 << (8 * width - 1)
    data = (packed + half * _ones(count, width)).to_bytes(width * count, "little")
    return [int.from_bytes(data[place : place + width], "little") - half for place in range(0, width * count, width)]


def _ones(count: int, width: int) -> int:
    """The sum of 2^(8 width i), i < count."""
    return int.from_bytes((b"\x01" + bytes(width - 1)) * count, "little")


def linear(rows: Sequence[Entries], x: Table) -> Table:
    """[len(rows), tokens]: for each row the sum of coefficient * x[column]."""
    count = x.shape[1]
    used = {column: x[column].tolist() for column in {column for row in rows for column, _ in row}}
    sizes = {column: max(map(abs, numbers), default=0) for column, numbers in used.items()}
    bound = max((sum(abs(weight) * sizes[column] for column, weight in row) for row in rows), default=0)
    width = max([bound, *sizes.values()]).bit_length() // 8 + 1
    packed = {column: pack(numbers, width) for column, numbers in used.items()}
    made = table(len(rows), count)
    for number, row in enumerate(rows):
        if row:
            total = sum(weight * packed[column] for column, weight in row)
            made[number] = unpack(total, count, width)
    return made


def product(first: Table, second: Table) -> Table:
    """[m, n]: the matrix product of [m, k] and [k, n]."""
    bits = largest_bits(first) + largest_bits(second) + first.shape[1].bit_length()
    if bits <= SHORT:
        short = first.astype(np.int64) @ second.astype(np.int64)
        return np.asarray(short).astype(object)
    rows = [tuple((column, weight) for column, weight in enumerate(row) if weight) for row in first.tolist()]
    return linear(rows, second)


def lowest_bit(number: int) -> int:
    """The exponent of the largest power of two that divides a number other than 0.

    >>> lowest_bit(12), lowest_bit(-1)
    (2, 0)
    """
    return (number & -number).bit_length() - 1


def common_shift(numbers: Iterable[int]) -> int:
    """The exponent of the largest power of two that divides all numbers; 0 if all are 0."""
    together = 0
    for one in numbers:
        together |= one
    return lowest_bit(together) if together else 0
