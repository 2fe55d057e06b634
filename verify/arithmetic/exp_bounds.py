"""Rational bounds of exp at dyadic numbers up to 0, however small it is there.

`mpmath` computes exp to some bits more than are asked for; how far its last bit may be off is not proved there, so ends
are moved outward by 256 units of it.  Below -4096 the bounds are 0 and exp(-4096).  (`exponentials` has the bounds of
ARITHMETIC 5.1, on a grid.)
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from mpmath.libmp import from_man_exp, mpf_exp

from exactformer.verify.arithmetic.formats import power_of_two

BITS = 120
OFF = 256
"""Units of the last place, so 2^-111 relatively at most."""
LARGEST_EXPONENT = 4096
LOWEST = -LARGEST_EXPONENT


@lru_cache(maxsize=1 << 16)
def exp_bounds(number: int, exponent: int) -> tuple[int, int, int]:
    """(low, high, e) with low 2^e <= exp(number 2^exponent) <= high 2^e, for number <= 0.

    >>> exp_bounds(0, 5)
    (1, 1, 0)
    """
    if number > 0:
        raise ValueError(f"exp is enclosed up to 0, got {number} 2^{exponent}")
    if number == 0:
        return 1, 1, 0
    bound = LOWEST << -exponent if exponent < 0 else -(-LOWEST >> exponent)
    if number < bound:
        _, high, at = exp_bounds(LOWEST, 0)
        return 0, high, at
    sign, significand, at, bits = mpf_exp(from_man_exp(number, exponent), BITS)
    longer = max(0, BITS - int(bits))
    whole, at = int(significand) << longer, int(at) - longer
    if sign or whole <= OFF:
        raise ArithmeticError("exp is positive")
    low, high = whole - OFF, whole + OFF
    return low, min(high, 1 << -at), at


def exp_minus_upper(x: int) -> Fraction:
    """A rational >= exp(-x), for an integer x >= 0; it never increases with x.  Raises ValueError for x < 0.

    >>> exp_minus_upper(0), 2**10 * exp_minus_upper(7) > 0, exp_minus_upper(5000) == exp_minus_upper(4096)
    (Fraction(1, 1), True, True)
    """
    _, high, at = exp_bounds(-x, 0)
    return high * power_of_two(at)
