"""Exact numbers, infinities and NaN; rounding them; ln 2, and powers of e and 2 (KERNELS 2).

Arithmetic is that of IEEE 754, without -0: zero has no sign and counts as positive.

Words:
    number   a rational, an infinity, or NaN
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from fractions import Fraction
from functools import lru_cache, partial
from math import ceil, floor
from typing import Literal, TypeAlias

from exactformer.certificates.checker.formats import Format, Overflow
from exactformer.certificates.checker.softmax.numbers import exponential


class Special(Enum):
    """The numbers that are not rationals."""

    INFINITY = "inf"
    MINUS_INFINITY = "-inf"
    NAN = "nan"


INFINITY, MINUS_INFINITY, NAN = Special
Number: TypeAlias = Fraction | Special
Base: TypeAlias = Literal["e", "2"]
ZERO, ONE = Fraction(0), Fraction(1)


def infinity(sign: int) -> Special:
    """The infinity of this sign; NaN for 0."""
    return NAN if not sign else INFINITY if sign > 0 else MINUS_INFINITY


def sign_of(number: Number) -> int:
    """-1, 0 or 1; 0 for NaN."""
    if isinstance(number, Special):
        return {INFINITY: 1, MINUS_INFINITY: -1, NAN: 0}[number]
    return (number > 0) - (number < 0)


def minus(number: Number) -> Number:
    """With the other sign."""
    return infinity(-sign_of(number)) if isinstance(number, Special) else -number


def plus(left: Number, right: Number) -> Number:
    """The exact sum; inf - inf is NaN."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left + right
    special = {number for number in (left, right) if isinstance(number, Special)}
    return special.pop() if len(special) == 1 else NAN


def times(left: Number, right: Number) -> Number:
    """The exact product; 0 times an infinity is NaN."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left * right
    return infinity(sign_of(left) * sign_of(right))


def over(left: Number, right: Number) -> Number:
    """The exact quotient; 0 / 0 and inf / inf are NaN, other numbers over 0 infinities."""
    if isinstance(right, Special):
        return ZERO if isinstance(left, Fraction) and right is not NAN else NAN
    if right == 0:
        return infinity(sign_of(left))
    return left / right if isinstance(left, Fraction) else infinity(sign_of(left) * sign_of(right))


def is_above(left: Number, right: Number) -> bool:
    """Whether one is larger than the other; NaN is not, nor is any number larger than NaN."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left > right
    return NAN not in (left, right) and left != right and (left is INFINITY or right is MINUS_INFINITY)


def largest(numbers: list[Number]) -> Number:
    """The largest of some numbers; NaN is skipped, unless there is nothing else."""
    found = numbers[0]
    for number in numbers[1:]:
        if found is NAN or is_above(number, found):
            found = number
    return found


def rounded(form: Format, number: Number) -> Number:
    """To nearest, ties to even; an infinity beyond the largest number."""
    if isinstance(number, Special):
        return number
    try:
        return form.of(number)
    except Overflow:
        return infinity(sign_of(number))


@lru_cache
def ln2(bits: int) -> tuple[int, int]:
    """Ends of ln 2 in units of 2^-bits.

    ln 2 = sum over k >= 1 of 1 / (k 2^k), whose terms from K on add up to less than 2 / (K 2^K).
    """
    extra = bits + 32
    total = sum((1 << extra) // (k << k) for k in range(1, extra + 1))  # each term at most one unit below
    return total >> 32, (total + extra + 2 >> 32) + 1


def powers(base: Base, x: Fraction) -> Iterator[tuple[Fraction, Fraction]]:
    """Ends of base^x, closer and closer: some 60, 120, 240, .. bits are known.

    base^x = 2^n exp(-r) with r = n ln 2 - z, where z is x or x ln 2; n is such that r >= 0, and is about 1 at most.
    """
    bits = 64
    while True:
        scale = bits + int(abs(x)).bit_length()
        low, high = (Fraction(end, 1 << scale) for end in ln2(scale))
        if base == "2":
            n = ceil(x)
            least, most = (n - x) * low, (n - x) * high
        else:
            n = ceil(x / (low if x > 0 else high))
            least, most = sorted((n * low - x, n * high - x))
        above, below = exponential(floor(least * 2**bits), bits)[1], exponential(ceil(most * 2**bits), bits)[0]
        yield below * Fraction(2) ** (n - bits), above * Fraction(2) ** (n - bits)
        bits *= 2


@lru_cache(maxsize=2**16)
def power(form: Format, base: Base, x: Fraction) -> Number:
    """base^x, rounded; 0 if it is below the least normal number; an infinity beyond the largest.

    For x other than 0, and integers with base 2, it is irrational: it is never in the middle of two numbers.
    """
    if form.p is None:
        raise ValueError(f"{form.name} is not floating")
    if x < form.lowest:  # e^x < 2^x, which is below the smallest number
        return ZERO
    if x > form.largest.numerator.bit_length():  # e^x > 2^x > the largest
        return INFINITY
    if not x or (base == "2" and x.denominator == 1):
        return normal(form, Fraction(2) ** int(x))
    return next(low for low, high in (map(partial(normal, form), ends) for ends in powers(base, x)) if low == high)


def normal(form: Format, number: Fraction) -> Number:
    """A number that is not negative, rounded; 0 if it is below the least normal number."""
    return ZERO if number < form.least_normal else rounded(form, number)


def log2_e(form: Format, factor: Fraction) -> Number:
    """factor log2 e, for a factor above 0, rounded: it is irrational."""
    bits = 64
    while True:
        low, high = (rounded(form, factor * Fraction(1 << bits, end)) for end in reversed(ln2(bits)))
        if low == high:
            return low
        bits *= 2
