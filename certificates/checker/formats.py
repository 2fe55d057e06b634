"""Number formats and rounding (ARITHMETIC section 1).

Words:
    format  a set of numbers with rounding to nearest, ties to even; p counts the leading bit
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal, TypeAlias

from exactformer.certificates.checker.document import Rejected, quote

Rounding: TypeAlias = Literal["nearest", "down", "up"]

LARGEST_PARAMETER = 4096
"""The largest parameter of a format that this checker reads."""


class Overflow(Exception):
    """A magnitude is rounded beyond the largest value of a format."""


@dataclass(frozen=True)
class Format:
    """Numbers k * 2^e with |k| < 2^p, e >= ``lowest`` and magnitude <= ``largest``; p is None for fixed point."""

    name: str
    p: int | None
    lowest: int
    largest: Fraction

    @cached_property
    def unit(self) -> Fraction:
        """The smallest positive value."""
        return Fraction(2) ** self.lowest

    @cached_property
    def roundoff(self) -> Fraction:
        """2^-p: the relative error of rounding to nearest, among normal numbers; 0 for fixed point: sums are exact."""
        return Fraction(0) if self.p is None else Fraction(2) ** -self.p

    @cached_property
    def least_normal(self) -> Fraction:
        """2^emin; for fixed point the unit."""
        return self.unit if self.p is None else self.unit * 2 ** (self.p - 1)

    @property
    def counted(self) -> int:
        """The largest number up to which all integers are values, so that a sum of ones is exact up to there."""
        return int(self.largest) if self.p is None else min(int(self.largest), 2**self.p)

    def counts(self, number: int) -> bool:
        """Whether 0, 1, .., number are all values."""
        return number <= self.counted

    def has(self, number: int | Fraction) -> bool:
        """Whether a number is a value."""
        try:
            return self.round(number.numerator, number.denominator) == number
        except Overflow:
            return False

    def includes(self, other: Format) -> bool:
        """Whether all values of another format are values."""
        bits = other.largest.numerator.bit_length() if other.p is None else other.p
        fine = self.p is None or bits <= self.p
        return fine and self.lowest <= other.lowest and other.largest <= self.largest

    def round(self, numerator: int, denominator: int, to: Rounding = "nearest") -> Fraction:
        """numerator/denominator rounded (ARITHMETIC 2), for denominator > 0; no gcd of the two is taken.

        ``down`` and ``up`` yield the neighbour whose magnitude is smaller or larger, or the number if it is a value.
        """
        magnitude, exponent = abs(numerator), self.lowest
        if self.p is not None and magnitude:
            log = magnitude.bit_length() - denominator.bit_length()  # 2^(log-1) < magnitude/denominator < 2^(log+1)
            if magnitude << max(-log, 0) < denominator << max(log, 0):
                log -= 1
            exponent = max(exponent, log - self.p + 1)
        whole, rest = divmod(magnitude << max(-exponent, 0), denominator << max(exponent, 0))
        twice = 2 * rest - (denominator << max(exponent, 0))
        if to == "nearest":
            whole += twice > 0 or (twice == 0 and whole % 2 == 1)
        else:
            whole += to == "up" and rest > 0
        rounded = Fraction(whole << max(exponent, 0), 1 << max(-exponent, 0))
        if rounded > self.largest:
            raise Overflow
        return rounded if numerator >= 0 else -rounded

    def of(self, value: Fraction, to: Rounding = "nearest") -> Fraction:
        """A rational number, rounded."""
        return self.round(value.numerator, value.denominator, to)


def floating(name: str, p: int, emin: int, emax: int, largest: Fraction | None = None) -> Format:
    """A floating-point format (ARITHMETIC 2)."""
    return Format(name, p, emin - p + 1, largest or (2 - Fraction(2) ** (1 - p)) * Fraction(2) ** emax)


NAMED = {
    "fp32": floating("fp32", 24, -126, 127),
    "bf16": floating("bf16", 8, -126, 127),
    "fp16": floating("fp16", 11, -14, 15),
    "e5m2": floating("e5m2", 3, -14, 15),
    "e4m3fn": floating("e4m3fn", 4, -6, 8, Fraction(448)),
}


def parse_format(field: str, name: str) -> Format:
    """The format of this name; 1 must be a normal value of it with neighbours on both sides."""
    number = "(0|-?[1-9][0-9]{0,4})"
    if name in NAMED:
        return NAMED[name]
    if match := re.fullmatch(rf"float\({number},{number},{number}\)", name, re.ASCII):
        p, emin, emax = (int(digits) for digits in match.groups())
        if not (2 <= p <= LARGEST_PARAMETER and -LARGEST_PARAMETER <= emin <= 0 <= emax <= LARGEST_PARAMETER):
            raise Rejected(field, f"{name} is not in the limits 2 <= p, emin <= 0 <= emax, all <= {LARGEST_PARAMETER}")
        own = floating(name, p, emin, emax)
        for known in NAMED.values():
            if replace(own, name=known.name) == known:
                raise Rejected(field, f"the canonical text of {name} is {known.name}")
        return own
    if match := re.fullmatch(rf"fixed{number}(?:\.{number})?", name, re.ASCII):
        f, i = int(match[1]), int(match[2] or 8)
        if not (1 <= f <= LARGEST_PARAMETER and 1 <= i <= LARGEST_PARAMETER) or match[2] == "8":
            raise Rejected(field, f"{name} is not canonical, or not in the limits 1 <= F, I <= {LARGEST_PARAMETER}")
        return Format(name, None, -f, Fraction(2) ** i - Fraction(2) ** -f)
    raise Rejected(field, f"{quote(name)} is not a format")


def adds_values_of(accumulator: Format, weight: Format) -> bool:
    """Whether all weights in [0, 1] are values of the accumulator's format.

    The bound (N-1) u for a sum in any order (Jeannerod and Rump, 2013) is about terms that are values of the
    format that adds them; and fixed-point additions are exact only then.
    """
    bits = -weight.lowest if weight.p is None else weight.p
    return accumulator.lowest <= weight.lowest and (accumulator.p is None or bits <= accumulator.p)
