"""Intervals of numbers computed in formats: rounding, exponentials, sums in any order (ARITHMETIC 5).

Words:
    grid   the multiples of 2^-G; the ends of intervals are integers that count them, rounded outward
    grain  an exponent g such that the number is surely a multiple of 2^g
    size   the largest magnitude
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeAlias

from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.formats import Format, Overflow, Rounding
from exactformer.certificates.checker.softmax.model import Model

LEAST_GRID, GUARD = 256, 64
"""G is at least the first; and the second more than the formats' smallest numbers and a query's positions need."""
EXACT = "exact"

LONGEST_NUMBER = 2**13
"""The most bits of ends above the point in *exact*; elsewhere formats bound them."""

Ends: TypeAlias = tuple[int, int]
"""The least and the largest value, on the grid."""


class Unbounded(Exception):
    """A number may overflow its format, or a rule does not apply: the number can be anything, so nothing is known."""


class Value(NamedTuple):
    """A number that is computed: ends and size on the grid."""

    low: int
    high: int
    size: int
    grain: int


_Factor: TypeAlias = tuple[int, int, int, int]
"""The number as a `Value`, also in other units than the grid's."""


class Sum(NamedTuple):
    """Terms of a sum. In units of 2^-bits: the ends of what it is exactly, and the sum T of the terms' sizes; how many
    terms can be other than 0; their common grain."""

    low: int
    high: int
    size: int
    number: int
    grain: int
    bits: int


@dataclass(frozen=True)
class Arithmetic:
    """An arithmetic model at beta = 2^e; with ``exact`` nothing is rounded, and formats mean nothing."""

    model: Model
    e: int
    grid: int

    @classmethod
    def of(cls, model: Model, e: int, positions: int) -> Arithmetic:
        """The model with a grid that is fine enough for queries of this many positions."""
        formats = (model.weight, model.accumulator, model.activation, model.score, model.steps.linear)
        lowest = 0 if model.kind == EXACT else min(form.lowest for form in formats if form is not None)
        return cls(model, e, max(LEAST_GRID, GUARD + positions.bit_length() - lowest))

    @property
    def kind(self) -> str:
        return self.model.kind

    @cached_property
    def unit(self) -> int:
        """1, on the grid."""
        return 1 << self.grid

    @cached_property
    def one(self) -> Value:
        return Value(self.unit, self.unit, self.unit, 0)

    def number(self, form: Format, ends: Ends) -> Value:
        """A number of this format between these ends.

        If it is known exactly, it is a multiple of its lowest bit; else of the spacing of numbers of F at its least
        magnitude. In *exact* grains mean nothing, and numbers may grow: too long ones are not judged.
        """
        low, high = ends
        size, grain, least = max(abs(low), abs(high)), form.lowest, max(low, -high, 0)
        if self.kind == EXACT and size.bit_length() > self.grid + LONGEST_NUMBER:
            raise TooLarge(f"an activation's bound has more than the {LONGEST_NUMBER} bits this checker computes with")
        if low == high:
            grain = (low & -low).bit_length() - 1 - self.grid if size else 0
        elif form.p is not None and least:
            grain = max(grain, least.bit_length() - self.grid - form.p)
        return Value(low, high, size, grain)

    def rounded(self, form: Format, ends: Ends, to: Rounding = "nearest") -> Value:
        """rnd_F of numbers between these ends: rounding is monotone."""
        if self.kind != EXACT:
            low, high = ends
            below = self.on_grid(form, low, to)
            ends = below, below if low == high else self.on_grid(form, high, to)
        return self.number(form, ends)

    def on_grid(self, form: Format, end: int, to: Rounding = "nearest") -> int:
        """A number on the grid, rounded to F: as `Format.round`, in integers. All numbers of F are on the grid, so
        those near this end are multiples of 2^shift units, shift >= 0."""
        size, shift = abs(end), form.lowest + self.grid
        if form.p is not None:
            shift = max(shift, size.bit_length() - form.p)
        whole, half = size >> shift, 1 << shift >> 1
        rest = size - (whole << shift)
        if to == "nearest":
            whole += rest > half or (rest == half and bool(half) and whole % 2 == 1)
        else:
            whole += to == "up" and rest > 0
        if whole << shift > self.scaled(form.largest):
            raise Unbounded(f"a number may overflow {form.name}")
        return whole << shift if end >= 0 else -(whole << shift)

    def round(self, form: Format, numerator: int, denominator: int, to: Rounding = "nearest") -> int:
        """A fraction rounded to F, whose numbers are on the grid."""
        try:
            return self.scaled(form.round(numerator, denominator, to))
        except Overflow as error:
            raise Unbounded(f"a number may overflow {form.name}") from error

    def scaled(self, value: Fraction) -> int:
        """A number that is on the grid."""
        return (value.numerator << self.grid) // value.denominator

    def sum(self, form: Format, terms: Sum) -> Ends:
        """The ends of sum_F."""
        extra = terms.bits - self.grid
        low, high, error = terms.low >> extra, -(-terms.high >> extra), self.error(form, terms)
        return low - error, high + error

    def error(self, form: Format, terms: Sum, products: bool = True) -> int:
        """How far sum_F can be from the exact sum of its k terms, on the grid, rounded up.

        0 if the terms are multiples of some g = 2^grain >= the unit q of F with T <= 2^p g and T <= the largest number
        of F: each partial sum is m g with |m| <= 2^p, a number of F. Else each term passes at most k roundings (one of
        its product, unless it is fused with an addition; one at each addition above it), which multiply it by some
        1 + d with |d| <= gamma = k u / (1 - k u) = k / (2^p - k). A product, fused or not, is off by q / 2 more where
        the result underflows, which later roundings less than double if k u <= 1/2; additions of numbers of F are exact
        there. So the error is at most gamma T + k q, and no partial result is above T (1 + gamma) + k q. In fixed
        point gamma is 0. A sum of numbers, without products, has k - 1 roundings and no underflow.
        """
        if self.kind == EXACT or not terms.number:
            return 0
        largest, unit, above = (
            self.scaled(form.largest),
            self.scaled(form.unit),
            -(-terms.size >> terms.bits - self.grid),
        )
        few_bits = form.p is None or terms.size <= 1 << form.p + terms.grain + terms.bits
        if terms.grain >= form.lowest and few_bits and above <= largest:
            return 0
        k = terms.number if products else terms.number - 1
        error = k * unit if products else 0
        if form.p is not None:
            if 2 * k > 2**form.p:
                raise Unbounded(f"a sum of {k} terms in {form.name} has no bound")
            error += -(-above * k // (2**form.p - k))
        if above + error > largest:
            raise Unbounded(f"a sum of {k} terms may overflow {form.name}")
        return error

    def products(self, pairs: Iterable[tuple[_Factor, _Factor]], scale: int | None = None) -> Sum:
        """The terms left * right of pairs; left numbers count units of 2^-scale, or of the grid."""
        low = high = size = count = 0
        grain: int | None = None
        for (a, b, of_left, own), (c, d, of_right, other) in pairs:
            if not of_left or not of_right:
                continue
            if a != b:
                ends = (a * c, a * d, b * c, b * d)
                low, high = low + min(ends), high + max(ends)
            elif a > 0:
                low, high = low + a * c, high + a * d
            else:
                low, high = low + a * d, high + a * c
            size, count, own = size + of_left * of_right, count + 1, own + other
            grain = own if grain is None or own < grain else grain
        return Sum(low, high, size, count, grain or 0, self.grid + (self.grid if scale is None else scale))

    def numbers(self, terms: Sequence[Value]) -> Sum:
        """Terms that are numbers of F themselves."""
        return self.products((((1, 1, 1, 0), term) for term in terms), 0)


@lru_cache(maxsize=2**14)
def exponential(x: int, grid: int) -> Ends:
    """Ends of exp(-x / 2^grid) on the grid, for x >= 0.

    exp(-y) for y = x / 2^s <= 2^-8 by its series, whose terms alternate and fall: what is left out is at most the first
    term left out. Then it is squared s times, ends outward. Beyond grid * 0.6932 it is less than one unit, as
    ln 2 < 0.6932.
    """
    if not x:
        return 1 << grid, 1 << grid
    if x * 10_000 > grid * 6_932 << grid:
        return 0, 1
    bits = grid + 64
    s = max(x.bit_length() - grid + 8, 0)
    y = x << 64 >> s  # at most one unit of 2^-bits too small, which exp(-y) is then too large by, at most
    term, total, count = 1 << bits, 0, 0
    while term:  # each is at most two units below the true one: its own floor, and y / count of the one before
        total += -term if count % 2 else term
        count += 1
        term = term * y // (count << bits)
    error = 2 * count + 8
    low, high = total - error, total + error
    for _ in range(s):
        low, high = low * low >> bits, -(-high * high >> bits)
    return max(low >> 64, 0), min(-(-high >> 64), 1 << grid)
