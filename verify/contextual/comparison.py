"""The two constructions side by side, for the same number n of tokens: magnitudes and bits.

They have different tasks: one approximates a function of n tokens of [0, 1)^d, the other runs a machine for n tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from exactformer.constructions.contextual.grid import Grid, GridError
from exactformer.constructions.contextual.positional import positional_grid
from exactformer.constructions.turing.paradigm import Paradigm, position_bits_for
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.audit import Row, audit_row
from exactformer.verify.contextual.audit import Cost, softmax_factor
from exactformer.verify.contextual.id_formats import Smallest, smallest_format
from exactformer.verify.counting import Subject, network_size
from exactformer.verify.writes import most_writes


class DeltaRule(Enum):
    """How delta follows from n."""

    STATED = "as-stated"
    COARSEST = "coarsest"


Delta = Fraction | DeltaRule


def delta_for(n: int, d: int, positional: bool, rule: DeltaRule) -> Fraction:
    """The largest 1/m with n < m - 1, as Lemma 6 is stated; or the largest on whose grid n columns can be distinct.

    >>> delta_for(4, 1, False, DeltaRule.STATED), delta_for(4, 2, False, DeltaRule.COARSEST)
    (Fraction(1, 6), Fraction(1, 2))
    """
    if rule is DeltaRule.STATED:
        return Fraction(1, n + 2)
    steps = 2
    while not positional and steps**d < n:
        steps += 1
    return Fraction(1, steps)


@dataclass(frozen=True)
class HighPrecision:
    """The high-precision construction for n tokens, what its ids need, and the factor of softmax (None: not
    certified)."""

    cost: Cost
    smallest: Smallest
    factor: int | None


@dataclass(frozen=True)
class Pair:
    """Both constructions for n tokens; `high` is a sentence if there is no grid with n distinct columns."""

    n: int
    d: int
    delta: Fraction
    high: HighPrecision | str
    ternary: Row


def high_precision(n: int, d: int, delta: Fraction, positional: bool) -> HighPrecision | str:
    """One side of a row; a sentence for grids with too few columns.  Raises GridError for other bad numbers."""
    if not positional and delta > 0 and delta.numerator == 1 and n > delta.denominator**d:
        return f"n = {n} tokens cannot be distinct among {delta.denominator**d} grid columns (d = {d}, delta = {delta})"
    cost = Cost(positional_grid(n, d, delta) if positional else Grid(n, d, delta), positional)
    return HighPrecision(cost, smallest_format(cost), softmax_factor(cost))


def compare(
    subject: Subject,
    model: ArithmeticModel,
    contexts: Iterable[int],
    dimensions: Iterable[int],
    delta: Delta,
    positional: bool = False,
) -> Iterator[Pair]:
    """The rows, dimension by dimension, each for all n.

    Raises GridError for numbers that are not those of a grid, ContextError and ModelError as `audit` does.
    """
    lengths = tuple(contexts)
    for n in lengths:
        if n < 2:
            raise GridError(f"n = {n}: the contextual mapping is stated for n >= 2 tokens")
    bits = {n: position_bits_for(n, Paradigm.COT) for n in lengths}
    sizes = {r: network_size(Paradigm.COT, subject, r) for r in sorted(set(bits.values()))}
    most = {n: most_writes(subject.machine, Paradigm.COT, n) for n in lengths}
    ternary = {n: audit_row(model, n, sizes[bits[n]], most[n]) for n in lengths}
    for d in dimensions:
        for n in lengths:
            chosen = delta_for(n, d, positional, delta) if isinstance(delta, DeltaRule) else delta
            yield Pair(n, d, chosen, high_precision(n, d, chosen, positional), ternary[n])
