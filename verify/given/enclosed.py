"""Numbers in intervals, and sums in a number format whose order is not known (NETWORKS 7).

Words: an end is an integer times 2^exponent; a number is *known* if its ends are one; its *grid* is the exponent of a
power of two that it is a multiple of, whatever value it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from exactformer.verify.arithmetic.formats import FixedFormat, Format, FormatOverflow, power_of_two, round_to_multiple
from exactformer.verify.given.integers import Table, common_shift, linear, lowest_bit, table
from exactformer.verify.given.weights import Rows

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Dyadic = tuple[int, int]
"""(n, k) is n 2^k."""
NO_GRID = 1 << 40
"""The grid of 0, which is a multiple of everything."""
GUARD_BITS = 72
"""How much finer than a unit in the last place the bound of a sum's error is kept."""
KEPT_BITS = 60
"""In real arithmetic, ends that are not known numbers are moved outward to so many bits.  Fewer than a checker keeps,
so that its bounds of drifts are no larger than ours, also where drifts are smaller than what such moves add."""


class NotShown(Exception):
    """Why no interval is known from here on: an overflow is not excluded, or a divisor may be 0."""


@dataclass(frozen=True)
class Ends:
    """[rows, tokens]: low and high times 2^exponent."""

    low: Table
    high: Table
    exponent: int

    def interval(self, row: int, token: int) -> tuple[Fraction, Fraction]:
        unit = power_of_two(self.exponent)
        return int(self.low[row, token]) * unit, int(self.high[row, token]) * unit


@dataclass(frozen=True)
class Enclosed(Ends):
    """Numbers of a format in intervals; grid [rows, tokens]."""

    grid: Ints

    @property
    def tokens(self) -> int:
        return int(self.low.shape[1])

    @property
    def largest(self) -> Table:
        """The largest magnitudes."""
        found: Table = np.maximum(np.abs(self.low), np.abs(self.high))
        return found

    @property
    def nonzero(self) -> Flags:
        """Which may be other than 0."""
        return np.asarray((self.low != 0) | (self.high != 0), dtype=np.bool_)

    @property
    def known(self) -> Flags:
        return np.asarray(self.low == self.high, dtype=np.bool_)

    @classmethod
    def of(cls, ends: Ends, number_format: Format | None) -> Enclosed:
        """Numbers of this format, if there is one: with their grid, and an exponent that is no smaller than needed."""
        away = min(common_shift([*map(int, ends.low.flat), *map(int, ends.high.flat)]), -min(ends.exponent, 0))
        low, high, exponent = ends.low >> away, ends.high >> away, ends.exponent + away
        if exponent > 0:
            low, high, exponent = low << exponent, high << exponent, 0
        unknown = 0 if number_format is None else number_format.quantum_exponent
        grid = [
            (lowest_bit(a) + exponent if a else NO_GRID) if a == b else unknown
            for a, b in zip(low.flat, high.flat, strict=True)
        ]
        return cls(low, high, exponent, np.array(grid, dtype=np.int64).reshape(low.shape))

    def at(self, exponent: int) -> Ends:
        """With a smaller exponent."""
        return Ends(self.low << (self.exponent - exponent), self.high << (self.exponent - exponent), exponent)

    def columns(self, places: Sequence[int]) -> Enclosed:
        """Some tokens."""
        chosen = list(places)
        return Enclosed(self.low[:, chosen], self.high[:, chosen], self.exponent, self.grid[:, chosen])


def stacked(parts: Sequence[Enclosed]) -> Enclosed:
    """Rows below each other, and a row of ones."""
    exponent = min(part.exponent for part in parts)
    ends = [part.at(exponent) for part in parts]
    ones = np.full((1, parts[0].tokens), 1 << -exponent, dtype=object)
    return Enclosed(
        np.concatenate([*(end.low for end in ends), ones]),
        np.concatenate([*(end.high for end in ends), ones]),
        exponent,
        np.concatenate([*(part.grid for part in parts), np.zeros((1, parts[0].tokens), np.int64)]),
    )


# ---------------------------------------------------------------------------- sums


@dataclass(frozen=True)
class Terms:
    """Of sums: the sum of their terms' largest magnitudes, times 2^exponent; how many terms may be other than 0; what
    all of them are multiples of."""

    largest: Table
    exponent: int
    count: Ints
    grid: Ints


def errors(terms: Terms, number_format: Format | None) -> Ends | None:
    """How far sums in a format may be off, in any order: [-error, error], None if all are exact.

    Exact: partial sums are multiples of the grid g, a number of the format, and at most 2^p g.  Else every term passes
    at most k roundings, its product's included: gamma T + k q with gamma = k u / (1 - k u).  Raises NotShown where a
    partial sum may overflow.
    """
    if number_format is None:
        return None
    fixed = isinstance(number_format, FixedFormat)
    p, q = 0 if isinstance(number_format, FixedFormat) else number_format.precision, number_format.quantum_exponent
    fine = min(terms.exponent - p - GUARD_BITS, q)
    finer = terms.exponent - fine
    greatest = number_format.max_finite / power_of_two(fine)
    most = greatest.numerator // greatest.denominator
    found = []
    for largest, count, grid in zip(terms.largest.flat, terms.count.flat, terms.grid.flat, strict=True):
        total, k, g = int(largest) << finer, int(count), int(grid)
        if not k or (g >= q and (fixed or total <= 1 << (p + g - fine)) and total <= most):
            found.append(0)
            continue
        if not fixed and 2 * k > 1 << p:
            raise NotShown(f"a sum of {k} terms in {number_format.name} is not bounded")
        error = k << (q - fine)
        if not fixed:
            error -= -total * k // ((1 << p) - k)
        if total + error > most:
            raise NotShown(f"a sum in {number_format.name} may overflow")
        found.append(error)
    if not any(found):
        return None
    error_table = np.array(found, dtype=object).reshape(terms.largest.shape)
    return Ends(-error_table, error_table, fine)


def widened(ends: Ends, error: Ends | None) -> Ends:
    """Both added up."""
    if error is None:
        return ends
    exponent = min(ends.exponent, error.exponent)
    first, second = ends.exponent - exponent, error.exponent - exponent
    return Ends((ends.low << first) + (error.low << second), (ends.high << first) + (error.high << second), exponent)


def terms_of(rows: Rows, x: Enclosed) -> Terms:
    """What the forms of x add up; x has the row of ones."""
    count = np.zeros((len(rows.entries), x.tokens), np.int64)
    grid = np.full((len(rows.entries), x.tokens), NO_GRID, np.int64)
    nonzero = x.nonzero
    own = np.where(nonzero, x.grid, NO_GRID)
    for number, (columns, of_weights) in enumerate(rows.places):
        if len(columns):
            count[number] = np.count_nonzero(nonzero[columns], axis=0)
            grid[number] = np.min(own[columns] + of_weights, axis=0)
    return Terms(linear(rows.magnitudes, x.largest), rows.exponent + x.exponent, count, grid)


def of_forms(rows: Rows, x: Enclosed) -> Ends:
    """The forms of x in real numbers; x has the row of ones."""
    middle, spread = linear(rows.entries, x.low + x.high), x.high - x.low
    if spread.any():
        around = linear(rows.magnitudes, spread)
        return Ends(middle - around, middle + around, rows.exponent + x.exponent - 1)
    return Ends(middle, middle, rows.exponent + x.exponent - 1)


def sums_of(rows: Rows, x: Enclosed, number_format: Format | None) -> Ends:
    """The forms of x in a format, in any order; None is real numbers.  Raises NotShown."""
    error = None if number_format is None else errors(terms_of(rows, x), number_format)
    return widened(of_forms(rows, x), error)


# ---------------------------------------------------------------------------- rounding


def rounded(ends: Ends, number_format: Format | None) -> Enclosed:
    """Rounding is monotone: both ends are rounded; None rounds nothing.  Raises NotShown on overflow."""
    if number_format is None:
        return Enclosed.of(shortened(ends), None)
    down, up = -min(ends.exponent, 0), max(ends.exponent, 0)
    seen: dict[int, Dyadic] = {}
    parts = []
    for end in (*ends.low.flat, *ends.high.flat):
        if (found := seen.get(end)) is None:
            found = seen[end] = round_end(end << up, 1 << down, number_format)
        parts.append(found)
    return enclosed_of(parts, ends.low.shape, number_format)


def round_end(numerator: int, denominator: int, number_format: Format) -> Dyadic:
    """The number of a format nearest to a rational.  Raises NotShown on overflow."""
    try:
        return round_to_multiple(number_format, numerator, denominator)
    except FormatOverflow as error:
        raise NotShown(f"a number that is rounded to {number_format.name} may overflow") from error


def enclosed_of(parts: Sequence[Dyadic], shape: tuple[int, ...], number_format: Format | None) -> Enclosed:
    """From dyadic numbers: all low ends, then all high ends."""
    exponent = min((at for _, at in parts), default=0)
    whole = [multiple << (at - exponent) for multiple, at in parts]
    half = len(whole) // 2
    low, high = (_shaped(part, shape) for part in (whole[:half], whole[half:]))
    return Enclosed.of(Ends(low, high, exponent), number_format)


def _shaped(numbers: Sequence[int], shape: tuple[int, ...]) -> Table:
    made = table(1, shape[0] * shape[1])
    made[0] = numbers
    return made.reshape(shape)


def shortened(ends: Ends) -> Ends:
    """Ends of what is not known, moved outward to `KEPT_BITS` bits."""
    low, high = ends.low.copy(), ends.high.copy()
    for place in np.argwhere(low != high).tolist():
        row, token = place
        low[row, token] = down_to(int(low[row, token]), KEPT_BITS)
        high[row, token] = -down_to(-int(high[row, token]), KEPT_BITS)
    return Ends(low, high, ends.exponent)


def down_to(number: int, bits: int) -> int:
    """The largest integer that is at most this one and has at most so many bits before its trailing zeros.

    >>> down_to(0b10111, 3), down_to(-0b10111, 3)
    (20, -24)
    """
    away = max(0, number.bit_length() - bits)
    return number >> away << away


def relu(ends: Ends, number_format: Format | None) -> Enclosed:
    """Monotone, too."""
    clipped = Ends(np.maximum(ends.low, 0), np.maximum(ends.high, 0), ends.exponent)
    return Enclosed.of(shortened(clipped) if number_format is None else clipped, number_format)
