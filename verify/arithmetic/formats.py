"""Number formats and rounding to them, in exact rationals.

Words of this file:

* A *format* is a finite set of dyadic rationals, symmetric about 0: a `FloatFormat` or a `FixedFormat`.
* The *quantum* at x is the distance between the neighbouring values of the format around x.
* The *rounding cell* of a value v is the set of all rationals that round (to nearest, ties to even) to v.

There are no infinities, NaNs or signed zeros: a result that would be one of the first two is a `FormatOverflow`.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import floor

DEFAULT_INTEGER_BITS = 8
# Limits on what can be named (ARITHMETIC 2), so that a hostile name cannot cost unbounded memory.
LARGEST_PRECISION = 1024
LARGEST_EXPONENT = 4096


class FormatError(ValueError):
    """A text, or a set of parameters, is not that of a number format."""


class FormatOverflow(ArithmeticError):
    """A value rounds beyond the largest finite number of its format."""

    def __init__(self, number_format: Format) -> None:
        super().__init__(
            f"a value rounds beyond the largest finite number of {number_format.name};"
            " keep sums and scores below it or name a wider format"
        )
        self.format = number_format


class Rounding(enum.Enum):
    """Rounding directions.  For a number between two values, the last two give the neighbour of smaller and of larger
    magnitude."""

    NEAREST_EVEN = "nearest-even"
    TOWARD_ZERO = "toward-zero"
    AWAY_FROM_ZERO = "away-from-zero"


@dataclass(frozen=True)
class FloatFormat:
    """Binary floating point with subnormals.

    The values are 0 and +-n 2^(e-precision+1) with emin <= e <= emax and 0 < n < 2^precision, up to
    max_finite. `precision` counts the significand bits with the hidden one; the smallest normal is 2^emin
    and the smallest subnormal 2^(emin-precision+1). Raises FormatError if no format that can be named has these
    parameters.

    >>> FloatFormat(8, -126, 127, BF16.max_finite) == BF16, BF16.name
    (True, 'bf16')
    """

    precision: int
    emin: int
    emax: int
    max_finite: Fraction

    def __post_init__(self) -> None:
        if not 2 <= self.precision <= LARGEST_PRECISION:
            raise FormatError(f"precision {self.precision} is outside 2..{LARGEST_PRECISION}")
        if not -LARGEST_EXPONENT <= self.emin <= 0 <= self.emax <= LARGEST_EXPONENT:
            raise FormatError(
                f"exponents emin {self.emin}, emax {self.emax} do not satisfy"
                f" -{LARGEST_EXPONENT} <= emin <= 0 <= emax <= {LARGEST_EXPONENT}"
            )
        full = _full_max_finite(self.precision, self.emax)
        is_e4m3fn = (self.precision, self.emin, self.emax, self.max_finite) == _E4M3FN
        if self.max_finite != full and not is_e4m3fn:
            raise FormatError(
                f"max_finite must be (2 - 2^{1 - self.precision}) 2^{self.emax} at precision {self.precision}"
                f" and emax {self.emax}, except in e4m3fn"
            )

    @property
    def name(self) -> str:
        """The canonical text, which `parse_format` reads back."""
        for name, known in NAMED_FORMATS.items():
            if self == known:
                return name
        return f"float({self.precision},{self.emin},{self.emax})"

    @property
    def quantum_exponent(self) -> int:
        """k such that 2^k is the smallest positive value; every value is a multiple of it."""
        return self.emin - self.precision + 1


@dataclass(frozen=True)
class FixedFormat:
    """Fixed point: the multiples x of 2^-fractional_bits with |x| < 2^integer_bits.

    Raises FormatError without a fractional bit, because 1 would then be odd, and ties would be rounded away from it; or
    if 1 would not be a value.

    >>> FixedFormat(12).name, FixedFormat(12, 4).name
    ('fixed12', 'fixed12.4')
    """

    fractional_bits: int
    integer_bits: int = DEFAULT_INTEGER_BITS

    def __post_init__(self) -> None:
        if not 1 <= self.fractional_bits <= LARGEST_EXPONENT or not 1 <= self.integer_bits <= LARGEST_EXPONENT:
            raise FormatError(
                f"fixed point needs 1 to {LARGEST_EXPONENT} fractional bits and 1 to {LARGEST_EXPONENT} integer bits,"
                f" got {self.fractional_bits} and {self.integer_bits}"
            )

    @property
    def name(self) -> str:
        """The canonical text, which `parse_format` reads back."""
        integer_part = "" if self.integer_bits == DEFAULT_INTEGER_BITS else f".{self.integer_bits}"
        return f"fixed{self.fractional_bits}{integer_part}"

    @property
    def max_finite(self) -> Fraction:
        """The largest value, 2^integer_bits - 2^-fractional_bits."""
        return (1 << self.integer_bits) - power_of_two(self.quantum_exponent)

    @property
    def quantum_exponent(self) -> int:
        """k such that 2^k is the smallest positive value; every value is a multiple of it."""
        return -self.fractional_bits


Format = FloatFormat | FixedFormat


@dataclass(frozen=True)
class RoundingCell:
    """An interval of rationals, each end in it or not."""

    low: Fraction
    high: Fraction
    low_included: bool
    high_included: bool

    def contains(self, x: Fraction) -> bool:
        """Whether x lies in the interval."""
        above = self.low < x or (self.low_included and x == self.low)
        below = x < self.high or (self.high_included and x == self.high)
        return above and below


@lru_cache(maxsize=1 << 13)
def power_of_two(exponent: int) -> Fraction:
    """2^exponent as an exact rational, for exponents of either sign."""
    return Fraction(1 << exponent) if exponent >= 0 else Fraction(1, 1 << -exponent)


def round_to(number_format: Format, x: Fraction, mode: Rounding = Rounding.NEAREST_EVEN) -> Fraction:
    """The value of the format that x rounds to, exactly.

    Overflow is that of IEEE 754: x rounded as if the exponent were unbounded exceeds max_finite; then
    FormatOverflow is raised. (So e4m3fn sends 464, half way between 448 and the missing 480, to 448.)

    >>> round_to(BF16, Fraction(1, 3))
    Fraction(171, 512)
    >>> round_to(E4M3FN, Fraction(464))
    Fraction(448, 1)
    """
    return round_ratio(number_format, x.numerator, x.denominator, mode)


def round_ratio(
    number_format: Format, numerator: int, denominator: int, mode: Rounding = Rounding.NEAREST_EVEN
) -> Fraction:
    """`round_to` of numerator / denominator, which need not be in lowest terms; denominator > 0.

    Saves the greatest common divisor of long integers, the cost of building a Fraction.
    """
    multiple, exponent = round_to_multiple(number_format, numerator, denominator, mode)
    return Fraction(multiple << max(exponent, 0), 1 << max(-exponent, 0))


def round_to_multiple(
    number_format: Format, numerator: int, denominator: int, mode: Rounding = Rounding.NEAREST_EVEN
) -> tuple[int, int]:
    """`round_ratio` as (n, k): the value is n 2^k.  Saves building a Fraction, if there are many.

    >>> round_to_multiple(BF16, -1, 3)
    (-171, -9)
    """
    if numerator == 0 and denominator > 0:
        return 0, 0
    multiple, exponent = _rounded(number_format, abs(numerator), denominator, mode)
    # Most are below the largest power of two of the format, by far.
    within = number_format.integer_bits if isinstance(number_format, FixedFormat) else number_format.emax
    if multiple.bit_length() + exponent > within and multiple * power_of_two(exponent) > number_format.max_finite:
        raise FormatOverflow(number_format)
    return multiple if numerator > 0 else -multiple, exponent


def _rounded(number_format: Format, numerator: int, denominator: int, mode: Rounding) -> tuple[int, int]:
    """numerator / denominator > 0, rounded as if there were no largest value: a multiple, and its unit's exponent."""
    if denominator <= 0:
        raise ValueError(f"the denominator must be positive, got {denominator}")
    exponent = _quantum_exponent_at(number_format, numerator, denominator)
    if exponent >= 0:
        denominator <<= exponent
    else:
        numerator <<= -exponent
    multiple, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if (mode is Rounding.AWAY_FROM_ZERO and remainder) or (
        mode is Rounding.NEAREST_EVEN and (twice > denominator or (twice == denominator and multiple % 2 == 1))
    ):
        multiple += 1
    return multiple, exponent


def is_representable(number_format: Format, x: Fraction) -> bool:
    """Whether x is a value of the format."""
    if abs(x) > number_format.max_finite:
        return False
    return round_to(number_format, x, Rounding.TOWARD_ZERO) == x


def counted(number_format: Format) -> int:
    """C: the largest number such that it and all integers below are values of the format.

    So a sum of up to C ones, or of integers whose magnitudes sum to at most C, is exact in any order, with any rounding
    that keeps values.

    >>> counted(FP16), counted(E4M3FN), counted(FixedFormat(4, 5))
    (2048, 16, 31)
    """
    if isinstance(number_format, FloatFormat) and number_format.emax >= number_format.precision:
        return 1 << number_format.precision
    return floor(number_format.max_finite)


def rounding_cell(number_format: Format, value: Fraction) -> RoundingCell:
    """Exactly the rationals that round to nearest even to `value`, which must be a value of the format.

    Raises ValueError when it is not.

    >>> rounding_cell(BF16, Fraction(1))
    RoundingCell(low=Fraction(511, 512), high=Fraction(257, 256), low_included=True, high_included=True)
    """
    if not is_representable(number_format, value):
        raise ValueError(f"{value} is not a value of {number_format.name}")
    if value < 0:
        mirrored = rounding_cell(number_format, -value)
        return RoundingCell(-mirrored.high, -mirrored.low, mirrored.high_included, mirrored.low_included)
    if value == 0:
        half = power_of_two(number_format.quantum_exponent - 1)
        return RoundingCell(-half, half, True, True)
    exponent = _quantum_exponent_at(number_format, value.numerator, value.denominator)
    quantum = power_of_two(exponent)
    multiple = value / quantum
    below = quantum
    # Just below a power of two that is not the smallest normal the values lie twice as densely.
    if (
        isinstance(number_format, FloatFormat)
        and exponent > number_format.quantum_exponent
        and multiple == 1 << (number_format.precision - 1)
    ):
        below = quantum / 2
    # Half-way points belong to the even multiple. A power of two at which the quantum halves is an even
    # multiple on both sides, as precision >= 2.
    even = multiple.numerator % 2 == 0
    return RoundingCell(value - below / 2, value + quantum / 2, even, even)


def parse_format(text: str) -> Format:
    """The format that a text names; `parse_format(f.name) == f` for every format f.

    Known: fp32, bf16, fp16, e4m3fn (also fp8-e4m3fn), e5m2 (also fp8-e5m2), fixedF and fixedF.I (F fractional
    and I integer bits), float(p,emin,emax). Raises FormatError otherwise.

    >>> parse_format("fixed12.4")
    FixedFormat(fractional_bits=12, integer_bits=4)
    >>> parse_format("float(11,-14,15)").name
    'fp16'
    """
    named = NAMED_FORMATS.get(_ALIASES.get(text, text))
    if named is not None:
        return named
    fixed = re.fullmatch(r"fixed([0-9]{1,6})(?:\.([0-9]{1,6}))?", text, re.ASCII)
    if fixed is not None:
        fractional, integer = fixed.groups()
        return FixedFormat(int(fractional), DEFAULT_INTEGER_BITS if integer is None else int(integer))
    floating = re.fullmatch(r"float\(([0-9]{1,6}), ?(-?[0-9]{1,6}), ?([0-9]{1,6})\)", text, re.ASCII)
    if floating is not None:
        precision, emin, emax = (int(part) for part in floating.groups())
        return ieee_format(precision, emin, emax)
    raise FormatError(
        f"unknown number format {text!r}; known are {', '.join([*NAMED_FORMATS, *_ALIASES])},"
        " fixedF, fixedF.I and float(p,emin,emax)"
    )


def ieee_format(precision: int, emin: int, emax: int) -> FloatFormat:
    """The float format whose significands are all used up to the largest exponent, as in IEEE 754."""
    if not (0 <= precision <= LARGEST_PRECISION and abs(emax) <= LARGEST_EXPONENT):
        raise FormatError(f"float({precision},{emin},{emax}) is larger than any format that this program accepts")
    return FloatFormat(precision, emin, emax, _full_max_finite(precision, emax))


def _full_max_finite(precision: int, emax: int) -> Fraction:
    return ((1 << precision) - 1) * power_of_two(emax - precision + 1)


def _quantum_exponent_at(number_format: Format, numerator: int, denominator: int) -> int:
    """The exponent of the quantum that rounds numerator / denominator > 0."""
    if isinstance(number_format, FixedFormat):
        return number_format.quantum_exponent
    exponent = numerator.bit_length() - denominator.bit_length()
    # 2^(exponent-1) < numerator / denominator < 2^(exponent+1); bring exponent to the floor of the logarithm.
    if numerator << max(0, -exponent) < denominator << max(0, exponent):
        exponent -= 1
    return max(exponent, number_format.emin) - number_format.precision + 1


_E4M3FN = (4, -6, 8, Fraction(448))

FP32 = ieee_format(24, -126, 127)
BF16 = ieee_format(8, -126, 127)
FP16 = ieee_format(11, -14, 15)
E4M3FN = FloatFormat(*_E4M3FN)
E5M2 = ieee_format(3, -14, 15)

NAMED_FORMATS: dict[str, FloatFormat] = {"fp32": FP32, "bf16": BF16, "fp16": FP16, "e4m3fn": E4M3FN, "e5m2": E5M2}
_ALIASES = {"fp8-e4m3fn": "e4m3fn", "fp8-e5m2": "e5m2"}
