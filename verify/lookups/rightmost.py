"""The counting head: up to which N the numbers 1/m, 1 <= m <= N, are different once they are rounded, in closed form.

The score is the key, -1/(k+1), rounded to A; sums and stored scores have to be in formats that hold the numbers of A.
Let 2^(e-1) < m < 2^e, so that 1/m lies among numbers 2^(1-e-p) apart, an ulp:

* e <= p - 1: 1/m - 1/(m+1) > 2^-2e >= an ulp, so 1/m and 1/(m+1) become different numbers.
* e = p: a step is above an ulp while m(m+1) < 2^(2p-1), and at most one from then on.  Numbers that differ by at most
  an ulp, and lie halfway between no two of the format, become equal or neighbours.  So from m0, the first m with
  m(m+1) >= 2^(2p-1), on to m there is a collision if and only if 1/m0 and 1/m become numbers less than m - m0 ulps
  apart.  The first m is found by bisection; it is below 2^p, as there are fewer numbers than m from m0 to 2^p.
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

from exactformer.constructions.lookups.counting import COUNTING
from exactformer.verify.arithmetic.formats import FloatFormat, Format, power_of_two, round_to
from exactformer.verify.lookups.scores import ScoreArithmetic, fewest_bits, precision
from exactformer.verify.lookups.separation import AsComputed, Crowd, Place, Separation, Tier, gap_of


def first_collision(number_format: Format) -> int:
    """The least m such that 1/m and 1/(m-1) are one number of the format.

    Raises ValueError if numbers down to 2^-p are not all normal.

    >>> from exactformer.verify.arithmetic.formats import BF16
    >>> first_collision(BF16)
    191
    """
    p = precision(number_format)
    if not isinstance(number_format, FloatFormat) or number_format.emin > -p:
        raise ValueError(f"{number_format.name} has too few exponents for its precision; name a wider format")
    first = isqrt(1 << (2 * p - 1))  # first (first + 1) >= 2^(2p-1), and first - 1 is below
    while first * (first + 1) < 1 << (2 * p - 1):
        first += 1
    unit = power_of_two(1 - 2 * p)
    start = round_to(number_format, Fraction(1, first))
    low, high = first + 1, 1 << p
    while low < high:
        m = (low + high) // 2
        steps = (start - round_to(number_format, Fraction(1, m))) / unit
        if steps < m - first:
            high = m
        else:
            low = m + 1
    return low


def rightmost(arithmetic: ScoreArithmetic) -> Separation:
    """In context N the numbers 1/1 to 1/N have to be different.  Raises ValueError if scores are narrower than A."""
    if fewest_bits(arithmetic) < precision(arithmetic.activations):
        raise ValueError(f"scores in {arithmetic.name} do not hold all activations; store them in a wider format")
    proved = first_collision(arithmetic.activations) - 1
    last = AsComputed(COUNTING, arithmetic, proved + 1)
    collision = last.compared(proved, Place(proved, proved), Place(proved - 1, proved - 1))
    gap = least_gap(arithmetic, proved)
    # Scores are different multiples of the gap, so the position that is d back is d gaps lower, or more.
    tiers = (*(Tier(1, d * gap) for d in range(1, 4)), Tier(None, 4 * gap))
    return Separation(proved, "closed form", gap, Fraction(1), collision, collision, tiers, (Crowd(proved, 1),))


def least_gap(arithmetic: ScoreArithmetic, proved: int) -> Fraction:
    """How far apart the last two different scores are: an ulp, because both steps and ulps only get smaller."""
    computed = AsComputed(COUNTING, arithmetic, proved)
    last = proved - 1
    return min(
        gap_of(computed.compared(query, Place(query, query), Place(query - 1, query - 1)))
        for query in range(max(1, last - 64), last + 1)
    )
