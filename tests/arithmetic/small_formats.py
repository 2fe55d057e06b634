"""Formats with few values, all of which can be listed, to check rounding by brute force."""

from __future__ import annotations

from fractions import Fraction

from exactformer.verify.arithmetic.formats import (
    E4M3FN,
    E5M2,
    FixedFormat,
    FloatFormat,
    Format,
    parse_format,
    power_of_two,
)

SMALL_FORMATS: tuple[Format, ...] = (
    parse_format("float(2,0,1)"),
    parse_format("float(3,-2,2)"),
    parse_format("float(5,-3,4)"),
    E4M3FN,
    E5M2,
    FixedFormat(1, 2),
    FixedFormat(3, 2),
    FixedFormat(5, 1),
)


def all_values(number_format: Format) -> list[Fraction]:
    """Every value of the format, ascending, from the definition in the format's docstring."""
    if isinstance(number_format, FixedFormat):
        step = power_of_two(-number_format.fractional_bits)
        count = 1 << (number_format.fractional_bits + number_format.integer_bits)
        return [n * step for n in range(-count + 1, count)]
    return _float_values(number_format)


def _float_values(number_format: FloatFormat) -> list[Fraction]:
    positive = {
        n * power_of_two(exponent - number_format.precision + 1)
        for exponent in range(number_format.emin, number_format.emax + 1)
        for n in range(1, 1 << number_format.precision)
    }
    kept = sorted(value for value in positive if value <= number_format.max_finite)
    return [-value for value in reversed(kept)] + [Fraction(0)] + kept


def has_even_significand(number_format: Format, value: Fraction) -> bool:
    """Whether the last bit of the significand of a value is 0."""
    if isinstance(number_format, FixedFormat):
        return value * power_of_two(number_format.fractional_bits) % 2 == 0
    exponent = number_format.emin
    while abs(value) >= power_of_two(exponent + 1):
        exponent += 1
    return value / power_of_two(exponent - number_format.precision + 1) % 2 == 0
