"""Integer enclosures of exp(-x) for dyadic x >= 0, as narrow as asked for, and weights rounded without doubt.

exp(-x) of a rational x > 0 is irrational, and so is a softmax weight unless all positions have the same score: with
different rational exponents x_g, exp(-x_h) = q sum of c_g exp(-x_g) has no rational solution q (Lindemann).  So a
narrow enough enclosure does not contain the middle between two values of a format, and both its ends round to the same
value.  How narrow it has to be is not known in advance; beyond ``MOST_BITS`` there is an `Undecided`, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from exactformer.verify.arithmetic.formats import Format, round_ratio

MOST_BITS = 1 << 13
"""Enclosures are refined up to a width of about 2^-MOST_BITS."""


class Undecided(ArithmeticError):
    """The narrowest enclosure that is tried does not decide a rounding."""

    def __init__(self, number_format: Format) -> None:
        super().__init__(
            f"a rounding to {number_format.name} is not decided by {MOST_BITS} bits of the exponential;"
            " nothing is known about this run"
        )


@lru_cache(maxsize=1 << 16)
def exp_minus(numerator: int, places: int, bits: int) -> tuple[int, int]:
    """Integers (low, high) with low <= 2^bits exp(-x) <= high, for x = numerator / 2^places >= 0.

    x is halved k times until y < 1; exp(-y) = 1 - y + y^2/2! - .. alternates with falling terms, so the rest is at most
    the first term left out; and k squarings of an enclosure within [0, 1], rounded outward, lead back.

    >>> exp_minus(0, 0, 8), exp_minus(1, 0, 10)  # 1024/e is 376.7..
    ((256, 256), (376, 377))
    """
    if numerator < 0:
        raise ValueError(f"exp(-x) is enclosed for x >= 0, got {numerator}/2^{places}")
    if numerator == 0:
        return 1 << bits, 1 << bits
    if numerator > bits << places:
        return 0, 1  # exp(-x) < 2^-x
    halvings = max(0, numerator.bit_length() - places)
    # Each squaring at most doubles the width of the enclosure, and each term adds a few units.
    work = bits + halvings + 16
    low, high = _series(numerator, places + halvings, work)
    for _ in range(halvings):
        low, high = low * low >> work, -(-high * high >> work)
    return low >> work - bits, min(1 << bits, -(-high >> work - bits))


def _series(numerator: int, places: int, work: int) -> tuple[int, int]:
    """2^work exp(-y) enclosed for 0 < y = numerator / 2^places < 1."""
    term_low = term_high = low = high = 1 << work
    order, negative = 0, True
    while term_high > 1:
        order += 1
        term_low = (term_low * numerator >> places) // order
        term_high = -(-term_high * numerator // (order << places))
        if negative:
            low, high = low - term_high, high - term_low
        else:
            low, high = low + term_low, high + term_high
        negative = not negative
    return max(0, low - term_high), high + term_high


def first_bits(number_format: Format) -> int:
    """A width at which it is mostly seen which weights round to 0: for x above it, exp(-x) is below half of the
    smallest positive value."""
    return max(64, 2 - number_format.quantum_exponent)


def _widths(number_format: Format) -> Iterator[int]:
    bits = first_bits(number_format)
    while bits <= max(MOST_BITS, first_bits(number_format)):
        yield bits
        bits *= 2


@lru_cache(maxsize=1 << 16)
def rounded_exp_minus(number_format: Format, numerator: int, places: int) -> Fraction:
    """exp(-x) rounded to the format, x = numerator / 2^places >= 0.  Raises Undecided."""
    for bits in _widths(number_format):
        low, high = exp_minus(numerator, places, bits)
        result = round_ratio(number_format, low, 1 << bits)
        if result == round_ratio(number_format, high, 1 << bits):
            return result
    raise Undecided(number_format)


Classes = tuple[tuple[int, int], ...]
"""(gap >= 0, how many positions have it), the gaps ascending from 0, over a common power of two."""


@lru_cache(maxsize=1 << 14)
def rounded_softmax(number_format: Format, classes: Classes, places: int, far: int = 0) -> tuple[Fraction, ...]:
    """The softmax weight of one position of each class, rounded to the format; gaps are multiples of 2^-places.

    ``far`` more positions have gaps above ``first_bits``: their weights round to 0, and count only in the sum.
    Raises Undecided.

    >>> from exactformer.verify.arithmetic.formats import BF16
    >>> rounded_softmax(BF16, ((0, 3), (300, 5)), 0), rounded_softmax(BF16, ((0, 3),), 0, far=5)
    ((Fraction(171, 512), Fraction(0, 1)), (Fraction(171, 512),))
    """
    if len(classes) == 1 and far == 0:
        return (round_ratio(number_format, 1, classes[0][1]),)
    far_bits = first_bits(number_format)
    for bits in _widths(number_format):
        enclosures = [exp_minus(gap, places, bits) for gap, _ in classes]
        total_low = sum(count * low for (_, count), (low, _) in zip(classes, enclosures, strict=True))
        total_high = sum(count * high for (_, count), (_, high) in zip(classes, enclosures, strict=True))
        total_high += far << bits - far_bits  # exp(-x) < 2^-far_bits
        lows = [round_ratio(number_format, low, total_high) for low, _ in enclosures]
        if lows == [round_ratio(number_format, high, total_low) for _, high in enclosures]:
            return tuple(lows)
    raise Undecided(number_format)
