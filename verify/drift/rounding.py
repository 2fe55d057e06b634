"""How the rounding of an activation changes how far it is from a value of the hardmax network."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from exactformer.verify.arithmetic.formats import Format, round_to

NONE = Fraction(0)


def rounded_drift(activations: Format, nominal: Iterable[int], drift: Fraction) -> Fraction:
    """The drift of a coordinate once it is rounded: nominally one of these, and at most ``drift`` away.

    Rounding is monotone and symmetric, so the ends of the interval round to the ends of where the result can be; and
    values of the format stay: without drift there is none afterwards.  Raises FormatOverflow.

    >>> from exactformer.verify.arithmetic.formats import BF16
    >>> rounded_drift(BF16, (-1, 1), Fraction(1, 512)), rounded_drift(BF16, (0,), Fraction(1, 2**134))
    (Fraction(0, 1), Fraction(0, 1))
    """
    if drift == NONE:
        return NONE
    ends = {(value, end) for value in {abs(one) for one in nominal} for end in (value - drift, value + drift)}
    return max(abs(round_to(activations, end) - value) for value, end in ends)
