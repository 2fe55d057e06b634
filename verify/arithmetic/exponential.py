"""Upper bounds of exp(-x) for integers x >= 0, with nothing but integers: for what is not a head of a model, where
another program recomputes every bit.  (Heads have the enclosures of `exponentials`.)

1. 1/e = 1/0! - 1/1! + 1/2! - 1/3! + ... alternates with falling terms, so it lies below the partial sum whose last
   term is +1/40!. Rounded up to a multiple of 2^-128:

       HIGH = 125182886983370532117250726298150828302 / 2^128   (ceiling of 2^128 times the sum up to k = 40)

2. For an integer 0 <= x <= 4096, exp(-x) <= HIGH^x. The numerator HIGH_NUMERATOR^x (an exact integer power)
   is rounded up to 64 significand bits: with b its bit length and s = max(0, b - 64), the bound is
   ceil(HIGH_NUMERATOR^x / 2^s) 2^s / 2^(128 x).
3. For x > 4096, exp decreases, so the bound is that of x = 4096.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import ceil, factorial

CONSTANT_BITS = 128
SIGNIFICAND_BITS = 64
LARGEST_EXPONENT = 4096


def _one_over_e_numerator() -> int:
    """The ceiling of 2^128 times the partial sum of step 1."""
    return ceil(sum(Fraction((-1) ** k, factorial(k)) for k in range(41)) * (1 << CONSTANT_BITS))


HIGH_NUMERATOR = _one_over_e_numerator()


@lru_cache(maxsize=4096)
def exp_minus_upper(x: int) -> Fraction:
    """A rational >= exp(-x), for an integer x >= 0: steps 2 and 3 above. It never increases with x.

    Raises ValueError for x < 0.

    >>> exp_minus_upper(0), 2 ** 10 * exp_minus_upper(7) > 0, exp_minus_upper(5000) == exp_minus_upper(4096)
    (Fraction(1, 1), True, True)
    """
    if x < 0:
        raise ValueError(f"exp(-x) is bounded for integers x >= 0, got {x}")
    x = min(x, LARGEST_EXPONENT)
    power = HIGH_NUMERATOR**x
    shift = max(0, power.bit_length() - SIGNIFICAND_BITS)
    return Fraction(-(-power >> shift), 1 << (CONSTANT_BITS * x - shift))
