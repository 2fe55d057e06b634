"""Sums accumulated by additions in a number format, in any order (spec section 4.2, model `fused`).

A *computed sum* of k terms is what any binary tree of k - 1 additions yields, each rounded to nearest in the
accumulator format; the terms are values of the format. Three facts are relied on; u = 2^-precision.

* No underflow. Two values of a format are multiples of its smallest positive value, so is their sum, and
  below the smallest normal every such multiple is a value: one addition errs by at most u |exact sum|,
  whatever its size.
* Lemma (Jeannerod & Rump 2013, any order, any k). |computed - exact| <= (k - 1) u S, S = sum of |terms|.
  Proof by induction on k: let the last addition join computed sums c1, c2 of k1, k2 terms with sums of
  magnitudes S1, S2. As c1 and c2 are values, its error is at most |c1|, |c2| and u |c1 + c2|; and k - 1 =
  (k1 - 1) + k2 = (k2 - 1) + k1, so it remains to bound it by u (k2 S1 + k1 S2). If S2 <= u S1 then |c2| <=
  S2 (1 + (k2 - 1) u) <= u k2 S1; if S1 <= u S2, likewise. Otherwise u S1 < S2 and u S2 < S1, and u (|c1| +
  |c2|) <= u (S1 + S2 + (k1 - 1) u S1 + (k2 - 1) u S2) <= u (S1 + S2 + (k1 - 1) S2 + (k2 - 1) S1) = u (k2 S1
  + k1 S2).
* Rounding is monotone and keeps values, so a computed sum of non-negative terms is at least the largest of
  them, and one of k terms in [0, 1] is at most k as long as the integers up to k are values of the format.

In a fixed-point format additions are exact.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from exactformer.verify.arithmetic.formats import FixedFormat, Format, power_of_two


def relative_summation_error(accumulator: Format, terms: int) -> Fraction:
    """A bound on |computed - exact| / sum of |terms| for that many terms, in any order, barring overflow.

    >>> from exactformer.verify.arithmetic.formats import FP16
    >>> relative_summation_error(FP16, 1025)
    Fraction(1, 2)
    """
    if isinstance(accumulator, FixedFormat):
        return Fraction(0)
    return max(0, terms - 1) * power_of_two(-accumulator.precision)


def counted(number_format: Format) -> int:
    """C: the largest number such that it and all integers below are values of the format.

    So sums of up to so many ones, and of integers whose magnitudes sum to no more, are exact in any order, with any
    rounding that keeps values.

    >>> from exactformer.verify.arithmetic.formats import E4M3FN, FP16, FixedFormat
    >>> counted(FP16), counted(E4M3FN), counted(FixedFormat(4, 5))
    (2048, 16, 31)
    """
    largest = floor(number_format.max_finite)
    return largest if isinstance(number_format, FixedFormat) else min(1 << number_format.precision, largest)


def cannot_overflow(accumulator: Format, terms: int) -> bool:
    """Whether no computed sum of that many terms of magnitude at most 1, in any order, can overflow.

    By the last fact above (on |terms|: rounding is symmetric) if the integers up to their number are values;
    otherwise by the lemma, first applied as if the exponent were unbounded.

    >>> from exactformer.verify.arithmetic.formats import FP16, FP32
    >>> cannot_overflow(FP32, 2 ** 64), cannot_overflow(FP16, 2 ** 16)
    (True, False)
    """
    bound = terms * (1 + relative_summation_error(accumulator, terms))
    return terms <= counted(accumulator) or bound <= accumulator.max_finite
