"""Sums in an accumulator of few bits, in two orders that `fused` allows, each addition rounded (ARITHMETIC 2).

Terms are integers over a common power of two; a term is a product p v, added exactly and rounded once with the sum
(a fused multiply-add).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from exactformer.verify.arithmetic.formats import FixedFormat, Format, FormatOverflow


class Order(Enum):
    """How numerator and denominator are summed.

    ``LEFT_TO_RIGHT``: both from the first position to the last.  ``PAIRWISE_DENOMINATOR``: the denominator as a
    balanced tree (a reduction), the numerator from the first position to the last (a matrix product).
    """

    LEFT_TO_RIGHT = "left-to-right"
    PAIRWISE_DENOMINATOR = "pairwise-denominator"


def numerator_sum(accumulator: Format, terms: Sequence[int], places: int) -> Fraction:
    """The sum of the terms from left to right.  Raises FormatOverflow.

    >>> from exactformer.verify.arithmetic.formats import BF16
    >>> numerator_sum(BF16, [1] * 300, 0)
    Fraction(256, 1)
    """
    terms = [term for term in terms if term]
    unit = _Unit.of(accumulator, places)
    if unit.is_exact(terms):
        return Fraction(sum(terms), 1 << places)
    total, repeated = 0, all(term == terms[0] for term in terms)
    for term in terms:
        before, total = total, unit.round(total + term)
        if repeated and before == total:
            break  # it stays where it is
    return Fraction(total, 1 << places)


def denominator_sum(accumulator: Format, terms: Sequence[int], places: int, order: Order) -> Fraction:
    """The sum of the terms in the given order.  Raises FormatOverflow.

    >>> from exactformer.verify.arithmetic.formats import BF16
    >>> denominator_sum(BF16, [1] * 300, 0, Order.PAIRWISE_DENOMINATOR)
    Fraction(300, 1)
    """
    unit = _Unit.of(accumulator, places)
    if order is Order.LEFT_TO_RIGHT or unit.is_exact(terms):
        return numerator_sum(accumulator, terms, places)
    level = [term for term in terms if term]
    return Fraction(_halved(unit, level), 1 << places)


def _halved(unit: _Unit, terms: Sequence[int]) -> int:
    if len(terms) == 1:
        return terms[0]
    middle = (len(terms) + 1) // 2
    return unit.round(_halved(unit, terms[:middle]) + _halved(unit, terms[middle:]))


@dataclass(frozen=True)
class _Unit:
    """The accumulator in integers n that stand for n / 2^places.

    precision: None in fixed point; coarser: how many low bits of n are 0 in every value; largest: the largest value,
    rounded down.
    """

    accumulator: Format
    precision: int | None
    coarser: int
    largest: int

    @classmethod
    def of(cls, accumulator: Format, places: int) -> _Unit:
        precision = None if isinstance(accumulator, FixedFormat) else accumulator.precision
        largest = accumulator.max_finite * (1 << places)
        return cls(
            accumulator,
            precision,
            max(0, places + accumulator.quantum_exponent),
            largest.numerator // largest.denominator,
        )

    def round(self, n: int) -> int:
        """To nearest, ties to even.  Raises FormatOverflow."""
        size = abs(n)
        shift = self.coarser
        if self.precision is not None:
            shift = max(shift, size.bit_length() - self.precision)
        if shift:
            multiple, rest = size >> shift, size & (1 << shift) - 1
            half = 1 << shift - 1
            if rest > half or (rest == half and multiple & 1):
                multiple += 1
            size = multiple << shift
        if size > self.largest:
            raise FormatOverflow(self.accumulator)
        return size if n >= 0 else -size

    def is_exact(self, terms: Sequence[int]) -> bool:
        """Whether every partial sum, in any order, is a value: not too many times the spacing of the terms."""
        size = sum(abs(term) for term in terms)
        within = self.precision is None or size <= 1 << self.precision
        return within and self.coarser == 0 and size <= self.largest
