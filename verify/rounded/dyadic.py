"""Arrays of dyadic rationals: integers over one common power of two, exact whatever their size.

Numerators are int64 as long as nothing can overflow, and Python's own integers (dtype object) otherwise; both give
the same numbers.  Every activation is a value of a number format, so it is dyadic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactformer.verify.arithmetic.formats import FixedFormat, Format, round_ratio

Numerators = NDArray[Any]
"""int64, or object with Python's integers."""

SAFE = 1 << 62
"""Magnitudes below this fit int64, and so does the sum of two of them."""


@dataclass(frozen=True, eq=False)
class Dyadic:
    """The numbers numerators / 2^places, places >= 0."""

    numerators: Numerators
    places: int

    def value(self, *index: int) -> Fraction:
        """One number of the array."""
        return Fraction(int(self.numerators[index]), 1 << self.places)

    def __getitem__(self, index: Any) -> Dyadic:
        return Dyadic(self.numerators[index], self.places)

    @property
    def largest(self) -> int:
        """The largest |numerator|, 0 if there is none."""
        return int(np.abs(self.numerators).max()) if self.numerators.size else 0


def whole(numbers: NDArray[Any]) -> Dyadic:
    """An array of integers of any type."""
    return Dyadic(numbers.astype(np.int64), 0)


def of_fractions(numbers: list[Fraction], shape: tuple[int, ...]) -> Dyadic:
    """Dyadic rationals in the order of the array; ValueError if one is not dyadic."""
    places = max((number.denominator.bit_length() - 1 for number in numbers), default=0)
    if any(number.denominator & (number.denominator - 1) for number in numbers):
        raise ValueError("a number is not dyadic")
    numerators = [number.numerator << places - number.denominator.bit_length() + 1 for number in numbers]
    return Dyadic(_fitting(numerators).reshape(shape), places)


def _fitting(numerators: list[int]) -> Numerators:
    small = all(-SAFE < one < SAFE for one in numerators)
    return np.array(numerators, dtype=np.int64 if small else object)


def numerators_at(numbers: Dyadic, places: int) -> Numerators:
    """The numerators over 2^places, for places not below those of ``numbers``."""
    shift = places - numbers.places
    if shift == 0:
        return numbers.numerators
    if numbers.numerators.dtype == object or numbers.largest << shift >= SAFE:
        return np.asarray(numbers.numerators.astype(object) * (1 << shift))
    return np.asarray(numbers.numerators << shift)


def plus(first: Dyadic, second: Dyadic) -> Dyadic:
    """The sum, entry by entry."""
    places = max(first.places, second.places)
    left, right = numerators_at(first, places), numerators_at(second, places)
    # Both are below SAFE if they are int64, so their sum fits.
    return compact(Dyadic(np.asarray(left + right), places))


def compact(numbers: Dyadic) -> Dyadic:
    """The same numbers over the smallest power of two, in int64 if they fit."""
    numerators, places = numbers.numerators, numbers.places
    if numerators.size == 0:
        return whole(numerators)
    if numerators.dtype == object:
        together = reduce(or_, (int(one) for one in numerators.ravel()))
    elif places == 0:
        together = 1
    else:
        together = int(np.bitwise_or.reduce(numerators, axis=None))
    if together == 0:
        return whole(numerators)
    shift = min(places, (together & -together).bit_length() - 1)
    if shift:
        numerators = np.asarray(numerators >> shift)
    if numerators.dtype == object or int(np.abs(numerators).max()) >= SAFE:
        large = int(np.abs(numerators).max()) >= SAFE
        numerators = numerators.astype(object if large else np.int64)
    return Dyadic(numerators, places - shift)


def scaled(numbers: Dyadic, exponent: int) -> Dyadic:
    """The numbers times 2^exponent, exponent >= 0."""
    shared = min(exponent, numbers.places)
    return Dyadic(numerators_at(numbers, numbers.places + exponent - shared), numbers.places - shared)


def product(left: Dyadic, right: Dyadic) -> Dyadic:
    """The matrix product [a, b] x [b, c]."""
    inner = left.numerators.shape[1]
    one, two = left.numerators, right.numerators
    if one.dtype == object or two.dtype == object or left.largest * right.largest * max(1, inner) >= SAFE:
        one, two = one.astype(object), two.astype(object)
    return Dyadic(np.asarray(one @ two), left.places + right.places)


def mapped(numbers: Dyadic, change: Callable[[int, int], Fraction]) -> Dyadic:
    """``change(numerator, 2^places)`` of each number, computed once for equal ones; the results must be dyadic."""
    distinct, which = np.unique(numbers.numerators, return_inverse=True)
    results = of_fractions([change(int(one), 1 << numbers.places) for one in distinct], distinct.shape)
    return Dyadic(results.numerators[which.reshape(numbers.numerators.shape)], results.places)


def rounded(number_format: Format, numbers: Dyadic) -> Dyadic:
    """Each number rounded to the format, to nearest with ties to even; FormatOverflow beyond its largest value."""
    numerators, places = numbers.numerators, numbers.places
    # If the spacing of the numbers is that of the format, those of few enough bits are its values.
    limit = number_format.max_finite.numerator << places if number_format.max_finite.denominator == 1 else 0
    if isinstance(number_format, FixedFormat):
        limit = (1 << number_format.integer_bits + places) - 1
    else:
        limit = min(limit, 1 << number_format.precision)
    if places > -number_format.quantum_exponent:
        limit = 0
    doubtful = np.abs(numerators) > limit
    if not doubtful.any():
        return numbers

    def change(numerator: int, denominator: int) -> Fraction:
        return round_ratio(number_format, numerator, denominator)

    # A rounded number is a multiple of 2^-places, too: rounding makes the spacing wider, or leaves the number alone.
    changed = mapped(Dyadic(numerators[doubtful], places), change)
    total = Dyadic(numerators.copy(), places)
    total.numerators[doubtful] = numerators_at(changed, places)
    return total
