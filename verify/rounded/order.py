"""Sums in an accumulator of few bits, in two orders that `fused` allows, each addition rounded (SPEC 7.1).

Terms are integers over a common power of two; a term is a product p v, added exactly and rounded once with the sum
(a fused multiply-add).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from fractions import Fraction
from functools import lru_cache

from verify.arithmetic.formats import FixedFormat, Format, round_ratio


class Order(Enum):
    """How numerator and denominator are summed.

    ``LEFT_TO_RIGHT``: both from the first position to the last.  ``PAIRWISE_DENOMINATOR``: the denominator as a
    balanced tree (a reduction), the numerator from the first position to the last (a matrix product).
    """

    LEFT_TO_RIGHT = "left-to-right"
    PAIRWISE_DENOMINATOR = "pairwise-denominator"


def numerator_sum(accumulator: Format, terms: Sequence[int], places: int) -> Fraction:
    """The terms from left to right.  Raises FormatOverflow.

    >>> from verify.arithmetic.formats import BF16
    >>> numerator_sum(BF16, [1] * 300, 0)
    Fraction(256, 1)
    """
    if _is_exact(accumulator, terms, places):
        return Fraction(sum(terms), 1 << places)
    if terms and all(term == terms[0] for term in terms):
        return _repeated(accumulator, terms[0], len(terms), places)
    total = Fraction(0)
    for term in terms:
        total = _added(accumulator, total, Fraction(term, 1 << places))
    return total


def denominator_sum(accumulator: Format, terms: Sequence[int], places: int, order: Order) -> Fraction:
    """The terms in the order that is asked for.  Raises FormatOverflow.

    >>> from verify.arithmetic.formats import BF16
    >>> denominator_sum(BF16, [1] * 300, 0, Order.PAIRWISE_DENOMINATOR)
    Fraction(300, 1)
    """
    if order is Order.LEFT_TO_RIGHT or _is_exact(accumulator, terms, places):
        return numerator_sum(accumulator, terms, places)
    return _pairwise(accumulator, tuple(terms), places)


@lru_cache(maxsize=1 << 12)
def _pairwise(accumulator: Format, terms: tuple[int, ...], places: int) -> Fraction:
    if len(terms) <= 1:
        return Fraction(sum(terms), 1 << places)
    middle = (len(terms) + 1) // 2
    first, second = _pairwise(accumulator, terms[:middle], places), _pairwise(accumulator, terms[middle:], places)
    return _added(accumulator, first, second)


@lru_cache(maxsize=1 << 12)
def _repeated(accumulator: Format, term: int, times: int, places: int) -> Fraction:
    total, added = Fraction(0), Fraction(term, 1 << places)
    for _ in range(times):
        before, total = total, _added(accumulator, total, added)
        if before == total:
            break  # it stays where it is
    return total


def _added(accumulator: Format, first: Fraction, second: Fraction) -> Fraction:
    total = first + second
    return round_ratio(accumulator, total.numerator, total.denominator)


def _is_exact(accumulator: Format, terms: Sequence[int], places: int) -> bool:
    """Whether every partial sum, in any order, is a value: not too many times the spacing of the terms."""
    if places > -accumulator.quantum_exponent:
        return False
    size = sum(abs(term) for term in terms)
    if size > accumulator.max_finite * (1 << places):
        return False
    return isinstance(accumulator, FixedFormat) or size <= 1 << accumulator.precision
