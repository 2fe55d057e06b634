"""Simpler layers instead of attention: bilinear projection and separable convolution; and plain attention heads.

All are residual, as attention is: they give Z plus

* bilinear: W_O Z W_P, W_O of shape (d, d), W_P of shape (n, n);
* convolution: W_O (Z * C), each row i of Z convolved with row i of C, (d, w) with w odd, zeros beyond the ends;
* attention: sum over heads of W_O W_V Z softmax((W_K Z)^T (W_Q Z)), W_Q, W_K, W_V of shape (m, d), W_O of (d, m); with
  hardmax, the mean over the best-scored tokens.

Weights are rational, and so is every result but softmax's, which is exact in `constructions.contextual.exponential`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from exactformer.constructions.contextual.exponential import Quotient, added
from exactformer.constructions.contextual.grid import Column, Sequence
from exactformer.constructions.contextual.layers import dot

Matrix = tuple[tuple[Fraction, ...], ...]
"""Rows."""


class WeightsError(ValueError):
    """Matrices whose shapes do not fit."""


def identity(size: int) -> Matrix:
    return tuple(tuple(Fraction(i == j) for j in range(size)) for i in range(size))


def applied(matrix: Matrix, column: Iterable[Fraction]) -> Column:
    """matrix times column."""
    entries = tuple(column)
    return tuple(dot(row, entries) for row in matrix)


def require_shape(name: str, matrix: Matrix, rows: int, columns: int) -> None:
    """Raises WeightsError."""
    if len(matrix) != rows or any(len(row) != columns for row in matrix):
        raise WeightsError(f"{name} must have {rows} rows of {columns} numbers")


@dataclass(frozen=True)
class Bilinear:
    """Z + W_O Z W_P: column k gains sum_j W_P[j][k] W_O z_j."""

    output: Matrix
    projection: Matrix

    def require_fit(self, n: int, d: int) -> None:
        require_shape("output", self.output, d, d)
        require_shape("projection", self.projection, n, n)

    def __call__(self, sequence: Sequence) -> Sequence:
        rows = tuple(zip(*sequence, strict=True))
        found = []
        for k, column in enumerate(sequence):
            weights = [row[k] for row in self.projection]
            mixed = applied(self.output, (dot(weights, row) for row in rows))
            found.append(tuple(a + b for a, b in zip(column, mixed, strict=True)))
        return tuple(found)


@dataclass(frozen=True)
class Convolution:
    """Z + W_O (Z * C): tap t of row i reads column k + t - w//2."""

    output: Matrix
    kernel: Matrix

    def require_fit(self, n: int, d: int) -> None:
        require_shape("output", self.output, d, d)
        width = len(self.kernel[0]) if self.kernel else 0
        require_shape("kernel", self.kernel, d, width)
        if width % 2 == 0 or width > 2 * n + 1:
            raise WeightsError(f"kernel must have an odd number of taps, at most {2 * n + 1}")

    def __call__(self, sequence: Sequence) -> Sequence:
        reach = len(self.kernel[0]) // 2
        found = []
        for k, column in enumerate(sequence):
            near = [(t, sequence[k + t - reach]) for t in range(2 * reach + 1) if 0 <= k + t - reach < len(sequence)]
            mixed = applied(
                self.output, (sum((row[t] * z[i] for t, z in near), Fraction(0)) for i, row in enumerate(self.kernel))
            )
            found.append(tuple(a + b for a, b in zip(column, mixed, strict=True)))
        return tuple(found)


@dataclass(frozen=True)
class PlainHead:
    """W_Q, W_K, W_V and W_O of one head."""

    query: Matrix
    key: Matrix
    value: Matrix
    output: Matrix

    def require_fit(self, d: int) -> None:
        size = len(self.query)
        for name in ("query", "key", "value"):
            require_shape(name, getattr(self, name), size, d)
        require_shape("output", self.output, d, size)

    def scores(self, sequence: Sequence, column: Column) -> list[Fraction]:
        """The score of each token for this column's query."""
        query = applied(self.query, column)
        return [dot(query, applied(self.key, other)) for other in sequence]

    def read(self, sequence: Sequence) -> list[Column]:
        """W_O W_V z_j for each token."""
        return [applied(self.output, applied(self.value, column)) for column in sequence]


@dataclass(frozen=True)
class HardmaxAttention:
    """Heads that average over the best-scored tokens."""

    heads: tuple[PlainHead, ...]

    def require_fit(self, n: int, d: int) -> None:  # noqa: ARG002 - any number of tokens fits
        for head in self.heads:
            head.require_fit(d)

    def __call__(self, sequence: Sequence) -> Sequence:
        found = []
        for column in sequence:
            total = column
            for head in self.heads:
                scores, values = head.scores(sequence, column), head.read(sequence)
                best = [value for score, value in zip(scores, values, strict=True) if score == max(scores)]
                mean = (sum(row, Fraction(0)) / len(best) for row in zip(*best, strict=True))
                total = tuple(a + b for a, b in zip(total, mean, strict=True))
            found.append(total)
        return tuple(found)


@dataclass(frozen=True)
class SoftmaxAttention:
    """Heads with softmax: results are exact quotients of sums of exponentials."""

    heads: tuple[PlainHead, ...]

    def require_fit(self, n: int, d: int) -> None:  # noqa: ARG002 - any number of tokens fits
        for head in self.heads:
            head.require_fit(d)

    def __call__(self, sequence: Sequence) -> tuple[tuple[Quotient, ...], ...]:
        found = []
        for column in sequence:
            total = [Quotient.of(z) for z in column]
            for head in self.heads:
                scores, values = head.scores(sequence, column), head.read(sequence)
                for i in range(len(column)):
                    above: dict[Fraction, Fraction] = {}
                    below: dict[Fraction, Fraction] = {}
                    for score, value in zip(scores, values, strict=True):
                        above = dict(added(above, {score: value[i]}))
                        below = dict(added(below, {score: Fraction(1)}))
                    total[i] += Quotient(above, below)
            found.append(tuple(total))
        return tuple(found)


Substitute = Bilinear | Convolution | HardmaxAttention | SoftmaxAttention


def default_layer(kind: str, n: int, d: int) -> Substitute:
    """The simplest weights: identities; W_P that averages; a kernel of three ones."""
    one = identity(d)
    if kind == "bilinear":
        return Bilinear(one, ((Fraction(1, n),) * n,) * n)
    if kind == "convolution":
        return Convolution(one, ((Fraction(1),) * 3,) * d)
    heads = (PlainHead(one, one, one, one),)
    return SoftmaxAttention(heads) if kind == "attention" else HardmaxAttention(heads)
