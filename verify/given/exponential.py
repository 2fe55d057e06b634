"""Rational bounds of exp at rationals up to 0.

`mpmath` computes exp to some bits more than are asked for; how far its last bit may be off is not proved there, so ends
are moved outward by 256 units of it.  Below -4096 the bounds are 0 and exp(-4096), as in ARITHMETIC 6.
"""

from __future__ import annotations

from functools import lru_cache

from mpmath.libmp import from_man_exp, mpf_exp

BITS = 120
OFF = 256
"""Units of the last place, so 2^-111 relatively at most."""
LOWEST = -4096


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
