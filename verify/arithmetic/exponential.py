"""Rational enclosures of exp(-x) for integers x >= 0, with nothing but integers (spec section 4.4).

The recipe, in full, so that another program can recompute every bit:

1. 1/e = 1/0! - 1/1! + 1/2! - 1/3! + ... alternates with falling terms, so it lies above the partial sum
   whose last term is -1/41! and below the one whose last term is +1/40!. Rounded outward to multiples of
   2^-128:

       LOW  = 125182886983370532117250726298150828301 / 2^128   (floor of 2^128 times the sum up to k = 41)
       HIGH = 125182886983370532117250726298150828302 / 2^128   (ceiling of 2^128 times the sum up to k = 40)

   and LOW < 1/e < HIGH.
2. For an integer 0 <= x <= 4096, exp(-x) <= HIGH^x. The numerator HIGH_NUMERATOR^x (an exact integer power)
   is rounded up to 64 significand bits: with b its bit length and s = max(0, b - 64), the bound is
   ceil(HIGH_NUMERATOR^x / 2^s) 2^s / 2^(128 x). Likewise LOW^x rounded down (floor for ceil) is a lower
   bound.
3. For x > 4096, exp decreases, so the upper bound is that of x = 4096; the lower bound is 0.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import factorial

CONSTANT_BITS = 128
SIGNIFICAND_BITS = 64
LARGEST_EXPONENT = 4096
STEADY_BETA_EXPONENT = LARGEST_EXPONENT.bit_length()
"""From beta = 2^13 on, no enclosure of exp(-beta gap) changes any more, for integer gaps."""


def _one_over_e_numerators() -> tuple[int, int]:
    """(floor, ceiling) of 2^128 times the partial sums of step 1."""
    scale = 1 << CONSTANT_BITS
    below = sum(Fraction((-1) ** k, factorial(k)) for k in range(42)) * scale
    above = sum(Fraction((-1) ** k, factorial(k)) for k in range(41)) * scale
    return below.numerator // below.denominator, -(-above.numerator // above.denominator)


LOW_NUMERATOR, HIGH_NUMERATOR = _one_over_e_numerators()


@lru_cache(maxsize=4096)
def exp_minus_upper(x: int) -> Fraction:
    """A rational >= exp(-x), for an integer x >= 0: steps 2 and 3 above. It never increases with x.

    Raises ValueError for x < 0.

    >>> exp_minus_upper(0), 2 ** 10 * exp_minus_upper(7) > 0, exp_minus_upper(5000) == exp_minus_upper(4096)
    (Fraction(1, 1), True, True)
    """
    _check(x)
    x = min(x, LARGEST_EXPONENT)
    power = HIGH_NUMERATOR**x
    shift = max(0, power.bit_length() - SIGNIFICAND_BITS)
    return Fraction(-(-power >> shift), 1 << (CONSTANT_BITS * x - shift))


@lru_cache(maxsize=4096)
def _exp_minus_lower(x: int) -> Fraction:
    if x > LARGEST_EXPONENT:
        return Fraction(0)
    power = LOW_NUMERATOR**x
    shift = max(0, power.bit_length() - SIGNIFICAND_BITS)
    return Fraction(power >> shift, 1 << (CONSTANT_BITS * x - shift))


def exp_minus_enclosure(x: int) -> tuple[Fraction, Fraction]:
    """Rationals (low, high) with low <= exp(-x) <= high, for an integer x >= 0: steps 2 and 3 above.

    high is `exp_minus_upper(x)`. Raises ValueError for x < 0.

    >>> exp_minus_enclosure(0)
    (Fraction(1, 1), Fraction(1, 1))
    """
    _check(x)
    return _exp_minus_lower(x), exp_minus_upper(x)


def _check(x: int) -> None:
    if x < 0:
        raise ValueError(f"exp(-x) is enclosed for integers x >= 0, got {x}")
