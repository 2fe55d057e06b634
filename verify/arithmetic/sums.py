"""Sums of weighted values in an accumulator, in any order of additions (certificates/ARITHMETIC.md, 5.2).

A *term* is what one position adds, w v.  A `Sum` knows how far it may be from the exact sum.  u, q, p and C are those
of the accumulator.

Facts relied on, about a sum of K terms that are numbers of a floating accumulator; S is the sum of their magnitudes:

* One addition errs by at most u |exact sum|, whatever its size: below the normal numbers sums are exact.
* (Jeannerod and Rump 2013; to nearest.)  |computed - exact| <= (K - 1) u S.  By induction: let the last addition join
  computed sums c1, c2 of K1, K2 terms with magnitudes S1, S2.  Its error is at most |c1|, |c2| and u |c1 + c2|; and K -
  1 = (K1 - 1) + K2 = (K2 - 1) + K1, so it is to be at most u (K2 S1 + K1 S2).  If S2 <= u S1 then |c2| <= S2 (1 + (K2 -
  1) u) <= u K2 S1; if S1 <= u S2, likewise.  Otherwise u (|c1| + |c2|) <= u (S1 + S2 + (K1 - 1) u S1 + (K2 - 1) u S2)
  <= u (S1 + S2 + (K1 - 1) S2 + (K2 - 1) S1).
* A computed sum of terms that are not negative is at least each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from exactformer.verify.arithmetic.formats import FixedFormat, FloatFormat, Format, counted, power_of_two
from exactformer.verify.arithmetic.groups import ONE, ZERO, Group, Interval, Query, Value, lowest_bit
from exactformer.verify.arithmetic.rounding import (
    NotShown,
    WithSums,
    accumulator_of,
    smallest_positive,
    unit_of_sums,
)


class Term(NamedTuple):
    """What each position of a group adds: a weight times a value.

    number_format: the format of the weights, if it is not None.  alike: they are equal.  largest: at least |w v|.
    """

    group: Group
    weight: Interval
    value: Value
    number_format: Format | None
    alike: bool
    largest: Fraction

    @classmethod
    def of(cls, group: Group, weight: Interval, value: Value, number_format: Format | None, *, alike: bool) -> Term:
        """The term, from its fields except the last."""
        largest = weight.high if value.magnitude == 1 else weight.high * value.magnitude
        return cls(group, weight, value, number_format, alike, largest)

    @property
    def is_one(self) -> bool:
        """Whether w v is surely 1."""
        return self.value.low == self.value.high == 1 == self.weight.low == self.weight.high

    @property
    def grain(self) -> Fraction | None:
        """A power of two that divides every w v; None if none is known."""
        weight, value = self._weight_grain(), self.value.grain
        return None if weight is None or value is None else weight * value

    def _weight_grain(self) -> Fraction | None:
        """The distance of the format's numbers at the least weight: all larger weights are multiples of it."""
        low = self.weight.low
        if self.number_format is None:
            return None
        if low == self.weight.high:
            return lowest_bit(low)
        if isinstance(self.number_format, FixedFormat) or low == 0:
            return smallest_positive(self.number_format)
        exponent = low.numerator.bit_length() - low.denominator.bit_length()
        return power_of_two(max(exponent, self.number_format.emin) - self.number_format.precision + 1)


class Part(NamedTuple):
    """What the positions of a group add together, or for each position of the first group: a weight times a value."""

    group: Group
    weight: Interval
    value: Value


def in_all(terms: Sequence[Term], *, zeros: bool = False) -> list[Part]:
    """What each group adds; without ``zeros``, only groups whose weights are not 0."""
    return [
        Part(t.group, t.weight.times(t.group.least, t.group.most), t.value) for t in terms if zeros or t.weight.high
    ]


def per_first(query: Query, terms: Sequence[Term], *, zeros: bool = False) -> list[Part]:
    """The same for one position of the first group."""
    return [
        Part(t.group, t.weight.times(f.low, f.high), t.value)
        for f, t in zip(query.per_first, terms, strict=True)
        if zeros or t.weight.high
    ]


def exact_sum(parts: Iterable[Part]) -> Interval:
    """The sum of the parts, in real numbers."""
    low = high = ZERO
    for part in parts:
        weight, value = part.weight, part.value
        if value.low:
            low += value.low * (weight.high if value.low < 0 else weight.low)
        if value.high:
            high += value.high * (weight.low if value.high < 0 else weight.high)
    return Interval(low, high)


@dataclass(frozen=True, slots=True)
class Error:
    """A sum is off by at most ``relative`` times the sum of its terms' magnitudes, plus ``absolute``: E and Q."""

    relative: Fraction
    absolute: Fraction


EXACT = Error(ZERO, ZERO)


@dataclass(frozen=True)
class Sum:
    """A sum in the accumulator; ``adding``: its terms, except those that are surely 0, because adding 0 is exact.

    settled: without ``+online``, or if nothing is left of what is added before the maximum is met.  Before that, with
    ``+online``, every position may add as much as one with the highest score.  highest: at least each |w v|, at any
    time.
    """

    model: WithSums
    query: Query
    adding: tuple[Term, ...]
    settled: bool
    highest: Fraction

    @classmethod
    def of(cls, model: WithSums, query: Query, terms: Sequence[Term]) -> Sum:
        """The sum of terms, one for each group.  Raises NotShown if it may overflow."""
        adding = tuple(term for term in terms if term.largest > 0)
        highest, settled = max((term.largest for term in adding), default=ZERO), True
        if model.steps.block is not None:
            settled = not any(term.weight.high for term in terms if not term.group.is_highest)
            highest = max(term.weight.high for term in terms) * max(term.value.magnitude for term in terms)
        made = cls(model, query, adding, settled, highest)
        limit = made.accumulator.max_finite
        if not any(bound <= limit for bound in made.bounds_on_partial_sums()):
            count = query.positions
            raise NotShown(f"sums of {count} terms may overflow the accumulator {made.accumulator.name}")
        return made

    @property
    def accumulator(self) -> Format:
        """ACC."""
        return accumulator_of(self.model)

    def ends(self, parts: Iterable[Part]) -> Interval:
        """An interval of the computed sum, if the exact one is that of these parts."""
        if self.error is None:
            return Interval(-self.magnitude, self.magnitude)
        if self.is_swallowed:
            return exact_sum(part for part in parts if part.group.is_highest)
        parts = tuple(parts)
        found = exact_sum(parts)
        if self.error is EXACT:
            return found
        magnitude = sum((part.weight.high * part.value.magnitude for part in parts), ZERO)
        return found.widened(self.error.relative * magnitude + self.error.absolute)

    @cached_property
    def error(self) -> Error | None:
        """How far the sum is off, apart from what is swallowed; None if that is not known."""
        if self.is_exact or self.is_swallowed:
            return EXACT
        error = self.error_of(self.count, settled=self.settled)
        return error if error is not None and error.relative < 1 else None

    @cached_property
    def largest(self) -> Fraction:
        """B: at least every partial sum."""
        return min(self.bounds_on_partial_sums())

    @cached_property
    def magnitude(self) -> Fraction:
        """A bound on the computed sum, whatever its error is: B, or L if that holds."""
        tiny = self.largest_tiny_sum(self.adding) if self.ternary else None
        return self.largest if tiny is None else min(tiny, self.largest)

    @cached_property
    def count(self) -> int:
        """K: the most terms that are left at the end, including those that are added before the maximum is met."""
        return self.query.count(term.group for term in self.adding) if self.settled else self.query.positions

    @cached_property
    def total(self) -> Fraction:
        """T: at least the sum of |w v| of all these terms."""
        total, left = ZERO, self.count
        for term in sorted(self.adding, key=lambda term: term.largest, reverse=True):
            taken = min(left, term.group.most)
            total += taken * term.largest
            left -= taken
        return total

    @cached_property
    def ternary(self) -> bool:
        """Whether all values are ternary, so that terms are numbers of ACC and no product is rounded."""
        return all(term.value.ternary for term in self.adding)

    def error_of(self, count: int, *, settled: bool) -> Error | None:
        """E and Q of a sum of this many terms, or None if there are none.

        Ternary, to nearest: E = (K - 1) u, the lemma above.  Else a term goes through at most k operations: K - 1
        additions, as no path in a tree has more, its product if that is rounded, and one more product for each block.
        Each multiplies it by a factor between 1 - u and 1 + u, and (1 + u)^k - 1 <= k u/(1 - k u); 1 - (1 - u)^k is
        less.  A product that underflows is off by at most q instead, which later operations enlarge to q (1 + E) at
        most; blocks rescale at most B partial sums each but for the first, so fewer than there are positions.
        """
        u = unit_of_sums(self.model)
        operations = max(0, count - 1) if self.ternary else count
        if self.ternary and settled and not self.model.steps.faithful:
            return Error(operations * u, ZERO)
        if not settled:
            operations += -(-count // (self.model.steps.block or count))
        grown = operations * u
        if grown >= 1:
            return None
        relative = grown / (1 - grown)
        underflowing = (not self.ternary) + (not settled)
        return Error(relative, underflowing * count * smallest_positive(self.accumulator) * (1 + relative))

    def bounds_on_partial_sums(self) -> Iterator[Fraction]:
        """Bounds on every partial sum, at any time.

        Rounding is monotone and keeps numbers: sums of i terms of at most 1 are at most i if that is a number, and of
        terms of at most 2 at most 2 i.  The lemma bounds partial sums by T (1 + (K - 1) u): its induction uses upper
        bounds only, so it holds with products that make sums smaller, too (argument 6).  And there is the error.
        """
        online, accumulator = self.model.steps.block is not None, self.accumulator
        count = self.query.positions if online else self.count
        if self.highest <= 1 and count <= counted(accumulator):
            yield Fraction(count)
        if self.highest <= 2 and isinstance(accumulator, FloatFormat) and count <= 1 << accumulator.precision:
            yield Fraction(2 * count)
        total = count * self.highest if online else self.total
        if self.ternary and not self.model.steps.faithful:
            yield total * (1 + max(0, count - 1) * unit_of_sums(self.model))
        error = self.error_of(count, settled=not online)
        if error is not None:
            yield total * (1 + error.relative) + error.absolute

    @cached_property
    def is_exact(self) -> bool:
        """Whether every partial sum is a number of ACC, so that none is rounded.

        They are multiples of a number that divides all terms, and not too many times that; or multiples of one weight
        of p_W bits, at most 2^(p - p_W) times it.
        """
        if not self.settled:
            return False
        accumulator = self.accumulator
        grains = [term.grain for term in self.adding]
        known = [grain for grain in grains if grain is not None and grain >= smallest_positive(accumulator)]
        if len(known) == len(grains) and (
            not isinstance(accumulator, FloatFormat)
            or self.total <= min(known, default=ONE) * (1 << accumulator.precision)
        ):
            return True
        return len(self.adding) == 1 and self._multiples_of_one_weight(self.adding[0])

    def _multiples_of_one_weight(self, term: Term) -> bool:
        accumulator, weights = self.accumulator, self.model.weights
        if not (term.alike and term.value.ternary and term.number_format == weights):
            return False
        if not (isinstance(weights, FloatFormat) and isinstance(accumulator, FloatFormat)):
            return False
        return self.query.count([term.group]) <= 1 << (accumulator.precision - weights.precision)

    @cached_property
    def is_swallowed(self) -> bool:
        """Whether the sum is the number of positions with the highest score, each of which adds 1.

        A partial sum with i >= 1 ones is i, by induction, if sums of the others stay below u/2: the numbers next to i
        are u or more away, so i plus something below u/2 is rounded to i.
        """
        ones = [term for term in self.adding if term.group.is_highest]
        if not any(term.group.top for term in ones) or not all(term.is_one for term in ones):
            return False
        if self.query.count(term.group for term in ones) > counted(self.accumulator):
            return False
        tiny = self.largest_tiny_sum([term for term in self.adding if not term.group.is_highest])
        return tiny is not None and tiny < unit_of_sums(self.model) / 2

    def largest_tiny_sum(self, terms: Iterable[Term]) -> Fraction | None:
        """L: at least every partial sum of these terms, also as ``+online`` changes them; None with ``+faithful``,
        because adding something tiny may give the next number.

        By the lemma on upper bounds: a product is at most x (1 + u) + q <= 2 (x + q).
        """
        if self.model.steps.faithful:
            return None
        largest = max((term.largest for term in terms), default=ZERO)
        positions = self.query.positions
        grown = 1 + positions * unit_of_sums(self.model)
        return 2 * positions * (largest + smallest_positive(self.accumulator)) * grown
