"""Layers of the modified transformer: hardmax attention of head size 1, piecewise-linear token-wise layers.

Yun et al. 2020 (arXiv 1912.10077) build this transformer first, and then a softmax one from it.
Both kinds of layers are residual: they add to each column.  Everything is exact over the rationals.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from exactformer.constructions.contextual.grid import Column, Sequence

Rational = Fraction | int
ZERO = Fraction(0)


def dot(weights: Iterable[Rational], column: Iterable[Fraction]) -> Fraction:
    """sum_i weights_i column_i."""
    return sum((w * z for w, z in zip(weights, column, strict=True) if w), ZERO)


@dataclass(frozen=True)
class Head:
    """A head of size 1: query w_q^T z + bias, key w_k^T z, value w_v^T z; its result is added along `output`.

    All four vectors have d entries.  Hardmax averages the values of all keys with the largest score.
    """

    query: tuple[Rational, ...]
    query_bias: Fraction
    key: tuple[Rational, ...]
    value: tuple[Rational, ...]
    output: tuple[Rational, ...]

    def attend(self, sequence: Sequence) -> tuple[Fraction, ...]:
        """The average of the best-scored values, for each column's query."""
        keys = [dot(self.key, column) for column in sequence]
        values = [dot(self.value, column) for column in sequence]
        found = []
        for column in sequence:
            query = dot(self.query, column) + self.query_bias
            scores = [query * key for key in keys]
            most = max(scores)
            best = [value for score, value in zip(scores, values, strict=True) if score == most]
            found.append(sum(best, ZERO) / len(best))
        return tuple(found)


@dataclass(frozen=True)
class AttentionLayer:
    """Heads whose results are added to each column."""

    heads: tuple[Head, ...]

    def __call__(self, sequence: Sequence) -> Sequence:
        results = [(head.output, head.attend(sequence)) for head in self.heads]
        return tuple(
            tuple(z + sum((output[i] * found[k] for output, found in results), ZERO) for i, z in enumerate(column))
            for k, column in enumerate(sequence)
        )


@dataclass(frozen=True)
class PiecewiseLinear:
    """slope t + intercept by pieces: piece i on [breaks[i-1], breaks[i]), the first and the last without end.

    At most three pieces, one of them constant: the activations of the modified transformer.  Raises ValueError for
    others.

    >>> step = PiecewiseLinear((Fraction(0),), ((Fraction(0), Fraction(0)), (Fraction(0), Fraction(1))))
    >>> step(Fraction(-1)), step(Fraction(0))
    (Fraction(0, 1), Fraction(1, 1))
    """

    breaks: tuple[Fraction, ...]
    pieces: tuple[tuple[Fraction, Fraction], ...]

    def __post_init__(self) -> None:
        if len(self.pieces) != len(self.breaks) + 1 or not all(a < b for a, b in pairwise(self.breaks)):
            raise ValueError(f"breaks {self.breaks} do not separate {len(self.pieces)} pieces")
        if len(self.pieces) > 3 or all(slope != 0 for slope, _ in self.pieces):
            raise ValueError("an activation has at most three pieces, one of them constant")

    def piece_at(self, t: Fraction) -> tuple[Fraction, Fraction]:
        """(slope, intercept) of the piece that t lies in."""
        return self.pieces[sum(1 for place in self.breaks if place <= t)]

    def __call__(self, t: Fraction) -> Fraction:
        slope, intercept = self.piece_at(t)
        return slope * t + intercept if slope else intercept


@dataclass(frozen=True)
class TokenwiseLayer:
    """Column z becomes z + output * activation(weights^T z + bias): a feed-forward layer of hidden width 1."""

    weights: tuple[Rational, ...]
    bias: Fraction
    activation: PiecewiseLinear
    output: tuple[Rational, ...]

    def on_column(self, column: Column) -> Column:
        activity = self.activation(dot(self.weights, column) + self.bias)
        if not activity:  # as nearly everywhere: most layers are about one cell of a grid
            return column
        return tuple(z + out * activity if out else z for z, out in zip(column, self.output, strict=True))

    def __call__(self, sequence: Sequence) -> Sequence:
        return tuple(map(self.on_column, sequence))


Layer = AttentionLayer | TokenwiseLayer


def unit(place: int, d: int) -> tuple[int, ...]:
    """The unit vector e^(place+1) of d entries."""
    return tuple(int(i == place) for i in range(d))


def constant_inside(low: Fraction, high: Fraction, inside: Rational, beyond: Rational) -> PiecewiseLinear:
    """`inside` on [low, high), `beyond` elsewhere."""
    far = (ZERO, Fraction(beyond))
    return PiecewiseLinear((low, high), (far, (ZERO, Fraction(inside)), far))
