"""APPROXIMATION section 4, on many sequences at once: integers over one common denominator, exactly.

Integers are kept in int64 as long as a bound on their magnitude shows that nothing overflows, else as Python integers.
Most layers change few columns: a layer looks at all of them and computes only where its piece is not 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactformer.certificates.checker.approximation.functions import Array
from exactformer.certificates.checker.approximation.network import Head, Layer, Piece, TokenWise
from exactformer.certificates.checker.approximation.reading import require_short
from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import TooLarge

SMALL = 2**62
"""Integers below this are computed in int64."""
MOST_BITS = 2**30
"""The most bits, together, of integers that are not computed in int64."""


@dataclass(frozen=True)
class Scaled:
    """Rationals ``numerators`` / ``denominator``, no numerator larger than ``bound`` in magnitude."""

    numerators: Array
    denominator: int
    bound: int

    def affine(self, slope: Fraction, intercept: Fraction) -> Scaled:
        """slope * (each number) + intercept."""
        common = math.lcm(slope.denominator, intercept.denominator)
        factor, offset = int(slope * common), int(intercept * common) * self.denominator
        bound = max(abs(factor), 1) * max(self.bound, 1) + abs(offset)
        return Scaled(fitting(self.numerators, bound) * factor + offset, self.denominator * common, bound).reduced()

    def reduced(self) -> Scaled:
        """The same numbers with the least common denominator."""
        if self.denominator == 1:
            return self
        common = math.gcd(int(np.gcd.reduce(self.numerators.ravel())), self.denominator)
        return Scaled(self.numerators // common, self.denominator // common, self.bound // common)


def fitting(numbers: Array, bound: int) -> Array:
    """The same integers, which must be at most ``bound``, in int64 if that is enough for computing up to ``bound``."""
    require_short(bound)
    if bound < SMALL:
        return numbers.astype(np.int64, copy=False)
    if numbers.size * bound.bit_length() > MOST_BITS:
        raise TooLarge(f"{numbers.size} numbers of {bound.bit_length()} bits are more than the {MOST_BITS} bits kept")
    return numbers.astype(object, copy=False)


class Columns:
    """The columns of all sequences, after the layers that were applied so far; shape (sequences, n, d)."""

    def __init__(self, numerators: Array, denominator: int) -> None:
        """Rationals ``numerators`` / ``denominator``; the array is copied."""
        self.numerators, self.denominator = numerators.copy(), denominator
        self.bound = _largest(numerators)

    def apply(self, layer: Layer, deadline: Deadline) -> None:
        deadline.left("network")
        if isinstance(layer, TokenWise):
            self._apply_token_wise(layer)
            return
        before = Columns(self.numerators, self.denominator)  # all heads read the same columns
        for head in layer:
            deadline.left("network")
            self._add((slice(None), slice(None)), before._gain(head), head.output)

    def _apply_token_wise(self, layer: TokenWise) -> None:
        t = self._form(layer.weights, layer.bias)
        for piece in layer.pieces:
            if not piece.is_zero:
                at = np.nonzero(_where(t, piece))
                if len(at[0]):
                    here = Scaled(t.numerators[at], t.denominator, t.bound)
                    self._add(at, here.affine(piece.slope, piece.intercept), layer.output)

    def _form(self, weights: tuple[Fraction, ...], constant: Fraction) -> Scaled:
        """weights . z + constant for every column; shape (sequences, n)."""
        common = math.lcm(constant.denominator, *(weight.denominator for weight in weights))
        factors, offset = [int(weight * common) for weight in weights], int(constant * common)
        reach = max(sum(map(abs, factors)), 1)
        bound = self._room(lambda: reach * max(self.bound, 1) + abs(offset) * self.denominator)
        numbers = fitting(self.numerators, bound)
        total = np.full(numbers.shape[:2], offset * self.denominator, dtype=numbers.dtype)
        for coordinate, factor in enumerate(factors):
            if factor:
                total = total + numbers[:, :, coordinate] * factor
        return Scaled(total, self.denominator * common, bound)

    def _gain(self, head: Head) -> Scaled:
        """The mean of value . z_j over the j with the largest score; shape (sequences, n).

        All scores of column k have the factor query . z_k + bias. If it is positive, the largest are those where
        key . z_j is largest; if it is negative, those where it is smallest; if it is 0, all are tied.
        """
        factor = self._form(head.query, head.bias).numerators
        keys = self._form(head.key, Fraction(0)).numerators
        values = self._form(head.value, Fraction(0))
        n = keys.shape[1]
        cases = (
            (factor > 0, keys == keys.max(axis=1, keepdims=True)),
            (factor < 0, keys == keys.min(axis=1, keepdims=True)),
            (factor == 0, np.ones(keys.shape, dtype=bool)),
        )
        numbers = fitting(values.numerators, n * max(values.bound, 1))
        means, common = [], 1
        for columns, selected in cases:
            if columns.any():
                sums, counts = np.where(selected, numbers, 0).sum(axis=1), selected.sum(axis=1)
                shared = np.gcd(sums, counts)
                sums, counts = sums // shared, (counts // shared).astype(np.int64)  # the mean in lowest terms
                needed = columns.any(axis=1)
                common = math.lcm(common, *map(int, np.unique(counts[needed])))
                means.append((columns, np.where(needed, sums, 0), counts))
        require_short(common)
        bound = max(values.bound, 1) * max(common, n)  # |mean| <= values.bound
        found = fitting(np.zeros(keys.shape, dtype=np.int64), bound)
        for columns, sums, counts in means:
            scaled = fitting(sums, bound) * (common // fitting(counts, bound))
            found = np.where(columns, scaled[:, None], found)
        return Scaled(found, values.denominator * common, bound).reduced()

    def _add(self, at: tuple[Array, ...] | tuple[slice, slice], gain: Scaled, output: tuple[Fraction, ...]) -> None:
        """The columns at these places gain ``gain`` times ``output``."""
        for coordinate, weight in enumerate(output):
            if weight:
                self._add_to((*at, coordinate), gain.affine(weight, Fraction(0)))

    def _add_to(self, at: tuple[Array | slice | int, ...], gain: Scaled) -> None:
        def common() -> int:
            return math.lcm(self.denominator, gain.denominator)

        def needed() -> int:
            return (
                max(self.bound, 1) * (common() // self.denominator) + max(gain.bound, 1) * common() // gain.denominator
            )

        bound, denominator = self._room(needed), common()
        require_short(denominator)
        self.numerators = fitting(self.numerators, bound)
        if denominator != self.denominator:
            factor = denominator // self.denominator
            self.numerators, self.bound, self.denominator = self.numerators * factor, self.bound * factor, denominator
        changed = self.numerators[at] + fitting(gain.numerators, bound) * (denominator // gain.denominator)
        self.numerators[at] = changed
        self.bound = max(self.bound, _largest(changed))

    def _room(self, needed: Callable[[], int]) -> int:
        """A bound on what is going to be computed; the bound of the columns is made exact if int64 needs that."""
        if needed() >= SMALL:
            self._tighten()
        return needed()

    def _tighten(self) -> None:
        """The bound is now attained, over the least denominator; so int64 is used again as soon as that is possible."""
        common = math.gcd(int(np.gcd.reduce(self.numerators.ravel())), self.denominator)
        numbers = self.numerators // common if common > 1 else self.numerators
        self.bound = _largest(numbers)
        self.numerators, self.denominator = fitting(numbers, self.bound), self.denominator // common


def _where(t: Scaled, piece: Piece) -> Array:
    """low <= t < high, as integers: t is ``numerators`` / ``denominator``."""

    def least(end: Fraction) -> int:
        """The least integer >= end * denominator, moved to where all numerators are on the same side of it."""
        return min(max(math.ceil(end * t.denominator), -t.bound), t.bound + 1)

    inside = np.ones(t.numerators.shape, dtype=bool)
    if piece.low is not None:
        inside &= t.numerators >= least(piece.low)
    if piece.high is not None:
        inside &= t.numerators < least(piece.high)
    return inside


def _largest(numbers: Array) -> int:
    return max(abs(int(numbers.max())), abs(int(numbers.min()))) if numbers.size else 0
