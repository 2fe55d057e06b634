"""Weights as exact numbers: every float is a dyadic rational, and taken as the one it is (NETWORKS 1).

Words: a number is *dyadic* if its denominator is a power of two; a *row* is a sparse vector, its entries ascending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, Protocol, TypeAlias

import numpy as np

Vector: TypeAlias = tuple[tuple[int, Fraction], ...]
"""(index, number) pairs, indices ascending, numbers not 0; what is not listed is 0."""


class Numbers(Protocol):
    """Something that contains numbers, or rows of them."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> object: ...


Matrix: TypeAlias = Numbers | None
"""What a user may give: a numpy array (integers; float16, float32, float64; bfloat16 and float8 of ml_dtypes), or lists
of numbers, Fractions among them."""

Number: TypeAlias = int | float | Fraction | np.float16 | np.float32
"""One number; numpy's float64 is a float."""

SHORT_FLOATS = {"bfloat16", "float8_e4m3fn", "float8_e5m2"}
"""Types of ml_dtypes: each value is one of float64."""


class TransformerError(ValueError):
    """Something does not describe a transformer: where, and what is wrong, in one sentence."""


MOST_BITS = 8192
"""The most bits of a weight's numerator and denominator; float64 needs 1,126."""


def is_dyadic(number: Fraction) -> bool:
    """Whether the denominator is a power of two.

    >>> is_dyadic(Fraction(3, 8)), is_dyadic(Fraction(1, 3))
    (True, False)
    """
    return number.denominator & (number.denominator - 1) == 0


def exact_number(value: object, where: str) -> Fraction:
    """The dyadic number that a value is.

    Raises TransformerError for NaN, infinities, other rationals, and anything that is not a number.

    >>> exact_number(0.1, "w"), exact_number(np.float32(0.5), "w")
    (Fraction(3602879701896397, 36028797018963968), Fraction(1, 2))
    """
    if isinstance(value, (bool, np.bool_)):
        raise TransformerError(f"{where} is {value}, which is not a number")
    if isinstance(value, (int, np.integer)):
        return _short(Fraction(int(value)), where)
    if isinstance(value, Fraction):
        if not is_dyadic(value):
            raise TransformerError(f"{where} is {value}, whose denominator is not a power of two; round it first")
        return _short(value, where)
    if isinstance(value, (float, np.floating)):
        try:
            return Fraction(*(int(part) for part in value.as_integer_ratio()))
        except (ValueError, OverflowError):
            raise TransformerError(f"{where} is {value}; weights have to be finite numbers") from None
    raise TransformerError(f"{where} is {value!r}, which is not an integer, float or Fraction")


def exact_rational(value: object, where: str) -> Fraction:
    """The number that a value is: as `exact_number`, but any Fraction is allowed.  Raises TransformerError.

    >>> exact_rational(Fraction(1, 3), "scale"), exact_rational(0.5, "scale")
    (Fraction(1, 3), Fraction(1, 2))
    """
    return _short(value, where) if isinstance(value, Fraction) else exact_number(value, where)


def _short(number: Fraction, where: str) -> Fraction:
    bits = max(abs(number.numerator), number.denominator).bit_length()
    if bits > MOST_BITS:
        raise TransformerError(f"{where} has {bits} bits; weights have at most {MOST_BITS}")
    return number


def exact_vector(value: Matrix, length: int, where: str) -> Vector:
    """A vector of this length; None is zeros.  Raises TransformerError."""
    if value is None:
        return ()
    row = _as_lists(value, where)
    if _depth(row) != 1 or len(row) != length:
        raise TransformerError(f"{where} has shape {_shape(row)}; it has to be ({length},)")
    return _row(row, where)


def exact_rows(value: Matrix, columns: int, where: str, rows: int | None = None) -> list[Vector]:
    """A matrix [rows, columns] as sparse rows.  Raises TransformerError."""
    matrix = _as_lists(value, where)
    wanted = f"({'any number of rows' if rows is None else rows}, {columns})"
    if not isinstance(matrix, list) or (rows is not None and len(matrix) != rows):
        raise TransformerError(f"{where} has shape {_shape(matrix)}; it has to be {wanted}")
    found = []
    for number, row in enumerate(matrix):
        if _depth(row) != 1 or len(row) != columns:
            raise TransformerError(f"{where}, row {number} has shape {_shape(row)}; the matrix has to be {wanted}")
        found.append(_row(row, f"{where}, row {number}"))
    return found


def exact_tables(value: Matrix, columns: int, where: str) -> list[list[Vector]]:
    """An array [positions, rows, columns], position by position.  Raises TransformerError."""
    tables = _as_lists(value, where)
    if not isinstance(tables, list):
        raise TransformerError(f"{where} has shape {_shape(tables)}; it has to be (positions, rows, {columns})")
    return [exact_rows(rows, columns, f"{where}, position {position}") for position, rows in enumerate(tables)]


def _row(row: Sequence[object], where: str) -> Vector:
    found = []
    for column, value in enumerate(row):
        if type(value) in (int, float) and not value:  # most entries of other tools' matrices are 0
            continue
        number = exact_number(value, f"{where}, column {column}")
        if number:
            found.append((column, number))
    return tuple(found)


def _as_lists(value: Matrix, where: str) -> Any:
    """A matrix as lists of Python's numbers, which are the same as numpy's."""
    if isinstance(value, (list, tuple)):
        return [_as_lists(one, where) if isinstance(one, (list, tuple, np.ndarray)) else one for one in value]
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TransformerError(f"{where} cannot be read as an array: {error}") from error
    if array.dtype.name in SHORT_FLOATS:
        array = array.astype(np.float64)
    if array.dtype == np.longdouble:
        array = array.astype(object)
    return array.tolist()


def _depth(value: Any) -> int:
    """The shape of nested lists, along the first ones."""
    depth = 0
    while isinstance(value, list):
        depth += 1
        if not value:
            break
        value = value[0]
    return depth


def _shape(value: Any) -> str:
    """The shape as numpy writes it."""
    sizes = []
    while isinstance(value, list):
        sizes.append(len(value))
        if not value:
            break
        value = value[0]
    return str(tuple(sizes))


# ---------------------------------------------------------------------------- sparse vectors


def added_up(vectors: Sequence[Vector]) -> Vector:
    """The sum of sparse vectors.

    >>> added_up([((0, Fraction(1)),), ((0, Fraction(-1)), (2, Fraction(3)))])
    ((2, Fraction(3, 1)),)
    """
    total: dict[int, Fraction] = {}
    for vector in vectors:
        for index, number in vector:
            total[index] = total.get(index, Fraction(0)) + number
    return tuple((index, number) for index, number in sorted(total.items()) if number)


def require_vector(vector: Vector, length: int, where: str) -> None:
    """Make sure that indices ascend below the length, and numbers are dyadic and not 0.  Raises TransformerError."""
    before = -1
    for index, number in vector:
        if not before < index < length:
            raise TransformerError(f"{where}: index {index} comes after {before}, of {length}; indices have to ascend")
        if not number or not is_dyadic(number):
            raise TransformerError(f"{where}, index {index}: {number} is 0, or its denominator is not a power of two")
        before = index


def numbers_of_vector(vector: Vector, where: str) -> Iterator[tuple[str, Fraction]]:
    """Every number, with its place."""
    return ((f"{where}, index {index}", number) for index, number in vector)


Change: TypeAlias = Callable[[Fraction], Fraction]
"""From a number to the one that replaces it, such as a rounded one."""


def changed_vector(vector: Vector, change: Change) -> Vector:
    """The row with other numbers; those that become 0 are left out."""
    found = ((index, change(number)) for index, number in vector)
    return tuple((index, number) for index, number in found if number)
