"""Does a layer compute a contextual mapping on this grid?  A proof, or two columns that cannot be told apart.

The question is that of Lemma 6, parts 1 and 2: the columns after the layer are distinct within every proper sequence,
and between every two proper sequences that are not permutations of each other.  Whole columns are compared: if two are
the same, no u tells them apart; if all that must be are distinct, some u does (all directions except those in finitely
many planes).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, permutations
from math import lcm, perm

from exactformer.constructions.contextual.exponential import Quotient
from exactformer.constructions.contextual.grid import Grid
from exactformer.constructions.contextual.substitutes import HardmaxAttention, PlainHead, SoftmaxAttention, Substitute
from exactformer.verify.contextual.lemma6 import GridTooLarge

MOST_COLUMNS = 300_000
PRIME, POINT = 2**61 - 1, 3**37
"""The modulus and the place of residues of quotients; any other choice decides the same."""

Numbers = tuple[int, ...]


@dataclass(frozen=True)
class Distinct:
    """It does: `columns` columns of `sequences` proper sequences were looked at."""

    grid: Grid
    sequences: int
    columns: int


@dataclass(frozen=True)
class Collision:
    """It does not: the columns at these places (from 0) of these sequences (labels, units of delta) become the same."""

    grid: Grid
    first: Numbers
    first_place: int
    second: Numbers
    second_place: int


def check_substitute(grid: Grid, layer: Substitute) -> Distinct | Collision:
    """Run the layer on every proper sequence.  Raises GridTooLarge beyond MOST_COLUMNS columns, WeightsError.

    Attention does not see the order of tokens, so one sequence of each class is run.
    """
    layer.require_fit(grid.n, grid.d)
    unordered = isinstance(layer, HardmaxAttention | SoftmaxAttention)
    count = perm(grid.columns, grid.n) * grid.n
    if count > MOST_COLUMNS:
        raise GridTooLarge(f"{count} columns of proper sequences are more than {MOST_COLUMNS}: give a larger delta")
    sequences: Iterator[Numbers] = (combinations if unordered else permutations)(range(grid.columns), grid.n)
    seen: dict[Hashable, list[Place]] = {}
    number = 0
    for numbers in sequences:
        number += 1
        own: dict[Hashable, list[Place]] = {}
        behind: tuple[tuple[Fraction | Quotient, ...], ...] = layer(tuple(grid.column(one) for one in numbers))
        for position, column in enumerate(behind):
            here, key = Place(numbers, position, column), _key(grid, layer, column)
            for other in (*own.get(key, ()), *seen.get(key, ())):
                if (other.numbers == numbers or sorted(other.numbers) != sorted(numbers)) and here.same_as(other):
                    return Collision(grid, other.numbers, other.position, numbers, position)
            own.setdefault(key, []).append(here)
        for key, places in own.items():
            seen.setdefault(key, []).extend(places)
    return Distinct(grid, number, number * grid.n)


@dataclass(frozen=True)
class Place:
    """A column after the layer: of which sequence, at which position from 0."""

    numbers: Numbers
    position: int
    column: tuple[Fraction | Quotient, ...]

    def same_as(self, other: Place) -> bool:
        """Whether both columns are the same, exactly."""
        return all(
            a.same_as(b) if isinstance(a, Quotient) and isinstance(b, Quotient) else a == b
            for a, b in zip(self.column, other.column, strict=True)
        )


def _key(grid: Grid, layer: Substitute, column: Iterable[Fraction | Quotient]) -> Hashable:
    """Equal for equal columns."""
    if not isinstance(layer, SoftmaxAttention):
        return tuple(column)
    denominator = score_denominator(grid, layer.heads)
    return tuple(one.residue(POINT, denominator, PRIME) if isinstance(one, Quotient) else one for one in column)


def score_denominator(grid: Grid, heads: tuple[PlainHead, ...]) -> int:
    """q such that every exponent of a quotient of this grid is a multiple of 1/q."""
    rows = [row for head in heads for matrix in (head.query, head.key) for row in matrix]
    weights = lcm(*(entry.denominator for row in rows for entry in row))
    return weights**2 * grid.delta.denominator**2
