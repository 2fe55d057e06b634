"""Rational upper bounds of exp at integers up to 0, however small exp is there.

`mpmath` computes exp to some bits more than are asked for.  It does not prove how far its last bit may be off, so the
bound is moved upward by 256 units of it.  Below -4096 the bound is that of -4096.  (`exponentials` has the bounds of
ARITHMETIC 5.1, on a grid.)
"""

from __future__ import annotations

from fractions import Fraction

from mpmath.libmp import from_int, mpf_exp

from exactformer.verify.arithmetic.formats import power_of_two

BITS = 120
OFF = 256
"""Units of the last place, so 2^-111 relatively at most."""
LARGEST_EXPONENT = 4096


def exp_minus_upper(x: int) -> Fraction:
    """A rational >= exp(-x), for an integer x >= 0; it never increases with x.  Raises ValueError for x < 0.

    >>> exp_minus_upper(0), 2**10 * exp_minus_upper(7) > 0, exp_minus_upper(5000) == exp_minus_upper(4096)
    (Fraction(1, 1), True, True)
    """
    if x < 0:
        raise ValueError(f"exp is bounded up to 0, got {-x}")
    if x == 0:
        return Fraction(1)
    sign, significand, exponent, bits = mpf_exp(from_int(-min(x, LARGEST_EXPONENT)), BITS)
    longer = max(0, BITS - int(bits))
    whole = int(significand) << longer
    if sign or whole <= OFF:
        raise ArithmeticError("exp is positive")
    return min(Fraction(1), (whole + OFF) * power_of_two(int(exponent) - longer))
