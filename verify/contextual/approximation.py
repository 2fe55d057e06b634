"""Theorems 2 and 3 (arXiv 1912.10077) for one function: which delta, which network, and its distance to the function.

On the cell of a proper grid sequence the network gives f at the cell's centre, so every entry is within w(delta/2) of
f's, w the modulus.  On cells of sequences with a repeated column it gives 0.  Their measure is
mu = 1 - prod_j (1 - j/D), at most n(n-1)/2 delta^d; with positional encoding there are none.  So, on [0, 1)^(d x n),

    integral of sum_entries |network - f|^p  <=  n d ((1 - mu) w(delta/2)^p + mu S^p),    |f| <= S,

and every entry is within w(delta/2) except on a set of measure mu.  The network is the one of Lemmas 5 to 7, decided
here for this grid.  Only the modulus is not decided: it is stated with the function.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from math import comb

from exactformer.constructions.contextual.contextual_mapping import Interval, interval
from exactformer.constructions.contextual.functions import Target
from exactformer.constructions.contextual.grid import Grid, Sequence
from exactformer.constructions.contextual.network import Network, Step, mapping_steps
from exactformer.constructions.contextual.positional import encoded_sequences, positional_grid
from exactformer.constructions.contextual.value_mapping import Numbers, ValueMapping, classes, value_mapping

LARGEST_STEPS = 100_000
"""No finer grid than 1/delta = this is considered."""
ROOT_DENOMINATOR = 10**6
MOST_TOKENS, MOST_COORDINATES = 64, 8


class SpecificationError(ValueError):
    """The function cannot be approximated as asked, or not so finely."""


@dataclass(frozen=True)
class LayerCounts:
    """How many layers of each kind the network has."""

    quantisation: int
    selective: int
    dismissal: int
    bumps: int

    @property
    def attention(self) -> int:
        """Selective shifts and the global one."""
        return self.selective + 1

    @property
    def tokenwise(self) -> int:
        """All layers except the one that takes a lift back."""
        return self.quantisation + self.dismissal + self.bumps


@dataclass(frozen=True)
class Approximation:
    """f is approximated on [0, 1)^(d x n) within epsilon, in L^p and, except on a set of measure `repeated`,
    everywhere.

    grid: with extent n if there is a positional encoding; sup: a bound on |f|.
    """

    target: Target
    epsilon: Fraction
    p: int
    positional: bool
    grid: Grid
    sup: Fraction

    @property
    def cell_error(self) -> Fraction:
        """w(delta/2): how far an entry can be from f's, on cells of proper sequences."""
        return Fraction(self.target.modulus(self.grid.delta / 2))

    @property
    def repeated(self) -> Fraction:
        """mu: the measure of the inputs with two tokens in one cell; 0 with positional encoding."""
        return Fraction(0) if self.positional else repeated_measure(self.grid)

    @property
    def integral_bound(self) -> Fraction:
        """A bound on the integral of sum_entries |network - f|^p."""
        proper, p = (1 - self.repeated) * self.cell_error**self.p, self.p
        return self.grid.n * self.grid.d * (proper + self.repeated * self.sup**p)

    @property
    def lp_bound(self) -> Fraction:
        """A rational that is at least the p-th root of `integral_bound`, and at most 10^-6 more."""
        return root_above(self.integral_bound, self.p)

    @property
    def holds(self) -> bool:
        """Whether both bounds are at most epsilon."""
        return self.integral_bound <= self.epsilon**self.p and self.cell_error <= self.epsilon

    @property
    def interval(self) -> Interval:
        """t_l and t_r."""
        return interval(self.grid)

    @property
    def counts(self) -> LayerCounts:
        grid = self.grid
        cells = grid.delta.denominator**grid.d
        sequences = cells**grid.n if self.positional else comb(grid.columns, grid.n)
        selective = grid.n * cells if self.positional else grid.columns
        return LayerCounts(grid.d * (1 + grid.steps), selective, 1 + grid.d, grid.n * sequences)

    def wish(self, numbers: Numbers) -> Sequence:
        """f at the centre of the cell of a proper sequence: its columns' labels in units of delta."""
        half, positional = self.grid.delta / 2, self.positional
        return self.target.evaluate(
            tuple(
                tuple(z + half - (k if positional else 0) for z in self.grid.column(number))
                for k, number in enumerate(numbers)
            )
        )

    def sequences(self) -> Iterator[Numbers]:
        """The proper sequences that the network tells apart, up to permutation: labels in units of delta."""
        return encoded_sequences(self.grid) if self.positional else classes(self.grid)

    def first_sequences(self, most: int) -> Iterator[Numbers]:
        """At most `most` of them, without listing the columns of the grid, of which there may be very many.

        With a positional encoding, those whose columns lie in the first cells of their ranges.
        """
        if not self.positional:
            return islice(classes(self.grid), most)
        steps, corner = self.grid.delta.denominator, sum(self.grid.direction)
        return (tuple(k * steps * corner + j for k in range(self.grid.n)) for j in range(min(most, steps)))

    def values(self) -> ValueMapping:
        """The value mapping: one entry per id, so `counts.bumps` of them."""
        return value_mapping(self.grid, self.wish, self.sequences())

    def network(self, values: ValueMapping) -> Network:
        """The whole modified transformer."""
        return Network((*mapping_steps(self.grid, self.positional), Step("value mapping", values.layers)))


def repeated_measure(grid: Grid) -> Fraction:
    """The measure of the inputs in [0, 1)^(d x n) with two columns in one cell: 1 - prod_j (1 - j/D).

    >>> repeated_measure(Grid(2, 1, Fraction(1, 4)))
    Fraction(1, 4)
    """
    distinct = Fraction(1)
    for j in range(grid.n):
        distinct *= 1 - Fraction(j, grid.columns)
    return 1 - distinct


def root_above(x: Fraction, p: int) -> Fraction:
    """A multiple of 10^-6 that is at least x^(1/p), the smallest one.

    >>> root_above(Fraction(1, 8), 3), root_above(Fraction(2), 2)
    (Fraction(1, 2), Fraction(707107, 500000))
    """
    wanted = x * ROOT_DENOMINATOR**p
    low, high = -1, 1
    while high**p < wanted:
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if middle**p >= wanted else (middle, high)
    return Fraction(high, ROOT_DENOMINATOR)


def sup_bound(target: Target, n: int, d: int) -> Fraction:
    """|f| <= this on [0, 1]^(d x n): as stated, or |f(1/2, .., 1/2)| + w(1/2)."""
    if target.bound is not None:
        return target.bound
    half = Fraction(1, 2)
    middle = target.evaluate(((half,) * d,) * n)
    return max(abs(z) for column in middle for z in column) + target.modulus(half)


def plan_with_room(
    target: Target, n: int, d: int, epsilon: Fraction, p: int, positional: bool = False, delta: Fraction | None = None
) -> Approximation:
    """`plan` for 15/16 of epsilon, which leaves something for softmax and ramps; it claims the whole epsilon."""
    return replace(plan(target, n, d, epsilon * Fraction(15, 16), p, positional, delta), epsilon=epsilon)


def plan(
    target: Target,
    n: int,
    d: int,
    epsilon: Fraction,
    p: int,
    positional: bool = False,
    delta: Fraction | None = None,
) -> Approximation:
    """The coarsest grid on which both bounds are at most epsilon (for a modulus that never falls); or that of delta.

    A function that is not equivariant gets a positional encoding.  The grid satisfies n < 1/delta - 1, as the lemmas
    are stated, although `verify.contextual.beyond` does without.
    Raises SpecificationError, GridError.
    """
    if epsilon <= 0:
        raise SpecificationError(f"epsilon = {epsilon}: give a positive number")
    if p < 1:
        raise SpecificationError(f"p = {p}: give an integer p >= 1")
    if n < 2 or d < 1:
        raise SpecificationError(f"n = {n}, d = {d}: give n >= 2 tokens (Lemma 6) of d >= 1 coordinates")
    if n > MOST_TOKENS or d > MOST_COORDINATES:
        raise SpecificationError(
            f"n = {n}, d = {d}: give at most {MOST_TOKENS} tokens of {MOST_COORDINATES} coordinates"
        )
    positional = positional or not target.equivariant
    sup = sup_bound(target, n, d)

    def at(size: Fraction) -> Approximation:
        grid = positional_grid(n, d, size) if positional else Grid(n, d, size)
        return Approximation(target, epsilon, p, positional, grid, sup)

    if delta is not None:
        found = at(delta)
        found.grid.require_stated()
        if not found.holds:
            raise SpecificationError(
                f"delta = {delta} is too large for epsilon = {epsilon}: the bounds are {found.lp_bound} in L^{p} and"
                f" {found.cell_error} apart from repeated columns; leave out --delta to have it chosen"
            )
        return found
    # n < 1/delta - 1 from 1/delta = n + 2 on.  The bounds fall with delta (if the modulus does), so bisection finds the
    # first that holds; the result is checked again.
    low, high = n + 1, n + 2
    while not at(Fraction(1, high)).holds:
        if high >= LARGEST_STEPS:
            raise SpecificationError(
                f"epsilon = {epsilon} would need delta below 1/{LARGEST_STEPS}: give a larger epsilon"
            )
        low, high = high, min(2 * high, LARGEST_STEPS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if at(Fraction(1, middle)).holds else (middle, high)
    return at(Fraction(1, high))
