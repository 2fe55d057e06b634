"""NETWORKS section 7: intervals for numbers that are computed in formats: sums in any order, rounding, exponentials.

Words:
    grid   the multiples of 2^-G: ends of intervals are integers that count them, moved outward where they are not on it
    grain  an exponent g: whatever the number is, it is a multiple of 2^g
    size   the largest magnitude
    sum_F  a sum by additions in format F, in any order and grouping, with or without fused multiply-add (section 3)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from exactformer.certificates.checker.arithmetic import parse_model
from exactformer.certificates.checker.document import TooLarge, quote
from exactformer.certificates.checker.formats import Format, Overflow
from exactformer.certificates.checker.sequences.network import Row
from exactformer.certificates.checker.steps.naming import Steps

LEAST_GRID, GUARD, LOWEST = 256, 64, -1024
"""G is at least the first, and so much more than the formats' smallest numbers need; these are at least 2^LOWEST."""
EXACT = "exact"

LONGEST_NUMBER = 2**13
"""Bits above the point of ends in *exact*; formats bound them elsewhere."""

Ends: TypeAlias = tuple[int, int]
"""Least and largest, on the grid."""


class Unbounded(Exception):
    """A number may overflow its format: it can be anything, so nothing is known of what follows."""


class Value(NamedTuple):
    """A number that is computed: ends and size on the grid."""

    low: int
    high: int
    size: int
    grain: int


_Factor: TypeAlias = tuple[int, int, int, int]
"""As a `Value`, in other units than the grid's, too."""


class Sum(NamedTuple):
    """Terms of a sum. In units of 2^-bits: the ends of what it is exactly, and the sum T of the terms' sizes; how many
    terms can be other than 0; their common grain."""

    low: int
    high: int
    size: int
    number: int
    grain: int
    bits: int


@dataclass(frozen=True)
class Arithmetic:
    """Section 3: where is rounded to which format, and beta = 2^e; with ``exact`` nowhere, and formats mean nothing."""

    kind: str
    weight: Format
    accumulator: Format
    activation: Format
    score: Format
    linear: Format
    e: int
    grid: int

    @property
    def one(self) -> Value:
        """What biases are multiplied with."""
        return Value(1 << self.grid, 1 << self.grid, 1 << self.grid, 0)

    def number(self, form: Format, ends: Ends) -> Value:
        """A number of this format between these ends.

        Known exactly it is a multiple of its lowest bit; else of the spacing of numbers of F at its least magnitude.
        In *exact* grains mean nothing, and numbers may grow: too long ones are not judged.
        """
        low, high = ends
        size, grain, least = max(abs(low), abs(high)), form.lowest, max(low, -high, 0)
        if self.kind == EXACT and size.bit_length() > self.grid + LONGEST_NUMBER:
            raise TooLarge(f"an activation's bound has more than the {LONGEST_NUMBER} bits this checker computes with")
        if low == high and size:
            grain = (low & -low).bit_length() - 1 - self.grid
        elif form.p is not None and least:
            grain = max(grain, least.bit_length() - self.grid - form.p)
        return Value(low, high, size, grain)

    def rounded(self, form: Format, ends: Ends) -> Value:
        """rnd_F of what lies between these ends: rounding is monotone."""
        if self.kind != EXACT:
            low, high = ends
            ends = self.nearest(form, low, 1 << self.grid), self.nearest(form, high, 1 << self.grid)
        return self.number(form, ends)

    def nearest(self, form: Format, numerator: int, denominator: int) -> int:
        """A fraction rounded to F, whose numbers are on the grid."""
        try:
            return self.scaled(form.round(numerator, denominator))
        except Overflow as error:
            raise Unbounded from error

    def scaled(self, value: Fraction) -> int:
        """A number that is on the grid."""
        return (value.numerator << self.grid) // value.denominator

    def sum(self, form: Format, terms: Sum) -> Ends:
        """The ends of sum_F."""
        extra = terms.bits - self.grid
        low, high, error = terms.low >> extra, -(-terms.high >> extra), self.error(form, terms)
        return low - error, high + error

    def error(self, form: Format, terms: Sum, products: bool = True) -> int:
        """How far sum_F can be from the exact sum of its k terms, on the grid, rounded up.

        0 if the terms are multiples of some g = 2^grain >= the unit q of F with T <= 2^p g and T <= the largest number
        of F: each partial sum is m g with |m| <= 2^p, a number of F. Else each term passes at most k roundings (one of
        its product, unless it is fused with an addition; one at each addition above it), which multiply it by some
        1 + d with |d| <= gamma = k u / (1 - k u) = k / (2^p - k). A product, fused or not, is off by q / 2 more where
        the result underflows, which later roundings less than double if k u <= 1/2; additions of numbers of F are exact
        there. So the error is at most gamma T + k q, and no partial result is above T (1 + gamma) + k q. In fixed
        point gamma is 0. A sum of numbers, without products, has k - 1 roundings and no underflow.
        """
        if self.kind == EXACT or not terms.number:
            return 0
        largest, unit, above = (
            self.scaled(form.largest),
            self.scaled(form.unit),
            -(-terms.size >> terms.bits - self.grid),
        )
        few_bits = form.p is None or terms.size <= 1 << form.p + terms.grain + terms.bits
        if terms.grain >= form.lowest and few_bits and above <= largest:
            return 0
        k = terms.number if products else terms.number - 1
        error = k * unit if products else 0
        if form.p is not None:
            if 2 * k > 2**form.p:
                raise Unbounded
            error += -(-above * k // (2**form.p - k))
        if above + error > largest:
            raise Unbounded
        return error

    def products(self, pairs: Iterable[tuple[_Factor, _Factor]], scale: int | None = None) -> Sum:
        """The terms left * right of pairs; what stands left counts units of 2^-scale, or of the grid."""
        low = high = size = count = 0
        grain: int | None = None
        for (a, b, of_left, own), (c, d, of_right, other) in pairs:
            if not of_left or not of_right:
                continue
            if a != b:
                ends = (a * c, a * d, b * c, b * d)
                low, high = low + min(ends), high + max(ends)
            elif a > 0:
                low, high = low + a * c, high + a * d
            else:
                low, high = low + a * d, high + a * c
            size, count, own = size + of_left * of_right, count + 1, own + other
            grain = own if grain is None or own < grain else grain
        return Sum(low, high, size, count, grain or 0, self.grid + (self.grid if scale is None else scale))

    def row(self, row: Row, vector: Sequence[Value]) -> Sum:
        """The terms weight * number of a row."""
        return self.products(((weight, vector[index]) for index, weight in row.weights), row.scale)

    def numbers(self, terms: Sequence[Value]) -> Sum:
        """Terms that are numbers of F themselves."""
        return self.products((((1, 1, 1, 0), term) for term in terms), 0)

    def first(self, entry: Fraction, other: Fraction) -> Value:
        """A coordinate before the first layer: rnd_A(entry + other, added in L), which is one addition."""
        total = entry + other
        units, unit = total.numerator << self.grid, total.denominator
        if self.kind == EXACT:
            return self.number(self.activation, (units // unit, -(-units // unit)))
        added = self.nearest(self.linear, total.numerator, unit)
        return self.rounded(self.activation, (added, added))

    def activated(self, row: Row, vector: Sequence[Value]) -> Value:
        """rnd_A of the row's sum in L."""
        return self.rounded(self.activation, self.sum(self.linear, self.row(row, vector)))

    def neuron(self, row: Row, vector: Sequence[Value]) -> Value:
        """relu of the row's sum in L: a number of L."""
        low, high = self.sum(self.linear, self.row(row, vector))
        return self.number(self.linear, (max(low, 0), max(high, 0)))


def arithmetic_of(text: str, e: int, field: str = "statement.arithmetic") -> Arithmetic:
    """The arithmetic with this text; `Rejected` if it is no canonical one, `TooLarge` if it is not judged."""
    model = parse_model(field, text)
    if model.steps != Steps(linear=model.steps.linear) or model.composed or (model.kind == EXACT and text != EXACT):
        raise TooLarge(f"{field} {quote(text)}: its steps or formats are not judged; NETWORKS 3 names what is")
    if model.kind == EXACT:
        unused = model.activation
        return Arithmetic(EXACT, unused, unused, unused, unused, unused, e, LEAST_GRID)
    holding = {"linear": model.steps.linear, "score": model.score}
    holding |= {"accumulator": model.accumulator} if model.kind == "fused" else {}
    for role, form in holding.items():
        if not holds(form, model.activation):
            raise TooLarge(
                f"{field} {quote(text)} is not judged: its {role} format {form.name} does not have all numbers of "
                f"{model.activation.name}, which activations are in"
            )
    formats = (model.weight, model.accumulator, model.activation, model.score, model.steps.linear)
    lowest = min(form.lowest for form in formats)
    if lowest < LOWEST:
        raise TooLarge(f"{field} {quote(text)} is not judged: a format has numbers below 2^{LOWEST}")
    return Arithmetic(model.kind, *formats, e, max(LEAST_GRID, GUARD - lowest))


def holds(wide: Format, narrow: Format) -> bool:
    """Whether all numbers of ``narrow`` are numbers of ``wide``.

    Those of a floating format are k 2^e with |k| < 2^p, down to its lowest e; of a fixed one k 2^lowest up to the
    largest.
    """
    bits = narrow.p if narrow.p is not None else int(narrow.largest / narrow.unit).bit_length()
    return wide.lowest <= narrow.lowest and narrow.largest <= wide.largest and (wide.p is None or bits <= wide.p)


@lru_cache(maxsize=2**14)
def exponential(x: int, grid: int) -> Ends:
    """Ends of exp(-x / 2^grid) on the grid, for x >= 0.

    exp(-y) for y = x / 2^s <= 2^-8 by its series, whose terms alternate and fall: what is left out is at most the first
    term left out. Then it is squared s times, ends outward. Beyond grid * 0.6932 it is less than one unit, as
    ln 2 < 0.6932.
    """
    if not x:
        return 1 << grid, 1 << grid
    if x * 10_000 > grid * 6_932 << grid:
        return 0, 1
    bits = grid + 64
    s = max(x.bit_length() - grid + 8, 0)
    y = x << 64 >> s  # at most one unit of 2^-bits too small, which exp(-y) is then too large by, at most
    term, total, count = 1 << bits, 0, 0
    while term:  # each is at most two units below the true one: its own floor, and y / count of the one before
        total += -term if count % 2 else term
        count += 1
        term = term * y // (count << bits)
    error = 2 * count + 8
    low, high = total - error, total + error
    for _ in range(s):
        low, high = low * low >> bits, -(-high * high >> bits)
    return max(low >> 64, 0), min(-(-high >> 64), 1 << grid)
