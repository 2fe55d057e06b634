"""Position codes of -1 and 1, and one-hot positions, in closed form.

*Codes*: r = bit_length(N - 1) products, each -1 or 1.  Let p be the precision of sums.  If r <= 2^p all partial sums
are exact, in every order.  If r = 2^p + 1, the right score is 2^p in every order: the last addition is of two exact
numbers, and 2^p + 1, halfway, is rounded to the even one.  Any other key has at most 2^p ones, so its partial sums are
exact, and its score is at most 2^p - 1.  If r = 2^p + 2, adding the ones of the right key one by one ends at 2^p, and a
key with one -1 has exactly that if the -1 is added early: then they are equal.
A stored score is rounded once more: r and r - 2 have to stay different; lower scores stay lower, because rounding is
monotone.  This first fails shortly above 2^p', p' being the precision of stored scores.

*One-hot*: one product is not 0, or none is.  Adding 0 is exact: scores are 1 and 0, in every context.
"""

from __future__ import annotations

from fractions import Fraction

from exactformer.verify.arithmetic.formats import round_to
from exactformer.verify.arithmetic.groups import Interval
from exactformer.verify.lookups.scores import ScoreArithmetic, precision
from exactformer.verify.lookups.separation import (
    LARGEST_CONTEXT_BITS,
    CodeCounterexample,
    Crowd,
    Separation,
    Tier,
    UpTo,
)


def most_code_bits(arithmetic: ScoreArithmetic) -> int:
    """The largest r up to which codes of r bits separate.

    >>> from exactformer.verify.lookups.arithmetics import ARITHMETICS
    >>> [most_code_bits(each) for each in ARITHMETICS if each.name in ("fp32", "bf16")]
    [16777217, 260]
    """
    sums, stored = precision(arithmetic.sums), precision(arithmetic.stored)
    if stored >= sums:
        return (1 << sums) + 1
    r = 1 << stored
    while r <= 1 << sums and _stored_gap(arithmetic, r) > 0:
        r += 1
    return r - 1


def _stored_gap(arithmetic: ScoreArithmetic, r: int) -> Fraction:
    return round_to(arithmetic.stored, Fraction(r)) - round_to(arithmetic.stored, Fraction(r - 2))


def codes(arithmetic: ScoreArithmetic) -> Separation:
    """N = 2^r, r the largest number of bits that separate."""
    r = most_code_bits(arithmetic)
    first = collision(arithmetic, r + 1)
    gap = Fraction(1 if precision(arithmetic.stored) >= precision(arithmetic.sums) else 2)
    # In context 2^64 sums of 64 are exact: 64 codes differ in one bit, and are 2 lower, all others 4.
    used = min(r, LARGEST_CONTEXT_BITS)
    tiers = Tier(used, Fraction(2)), Tier(None, Fraction(4))
    crowds = tuple(Crowd(1 << bits, bits) for bits in range(1, 11))
    sure = first if first.is_sure else None
    return Separation(UpTo(r), "closed form", gap, Fraction(used), first, sure, tiers, crowds)


def collision(arithmetic: ScoreArithmetic, r: int) -> CodeCounterexample:
    """Codes of r bits that do not separate: the score of the code of ones with itself, and with one that has a -1."""
    stored, exact = arithmetic.stored, 1 << precision(arithmetic.sums)
    own, other = round_to(stored, Fraction(r)), round_to(stored, Fraction(r - 2))
    if r <= exact:
        return CodeCounterexample(r, Interval(own, own), Interval(other, other))
    # Added one by one, sums stay at 2^p; in pairs they come as near as they can to r, and to r - 2.
    stuck = Fraction(exact)
    return CodeCounterexample(r, Interval(stuck, max(own, stuck)), Interval(min(other, stuck), stuck))


def one_hot() -> Separation:
    """One-hot positions separate in every context."""
    crowds = tuple(Crowd(1 << bits, (1 << bits) - 1) for bits in range(1, LARGEST_CONTEXT_BITS))
    return Separation(None, "closed form", Fraction(1), Fraction(1), tiers=(Tier(None, Fraction(1)),), crowds=crowds)
