"""Norms of a transformer of any exact weights (NETWORKS 1.2): LayerNorm, RMSNorm, and their places in a layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TypeAlias

from exactformer.constructions.transformer.exact_numbers import (
    Change,
    Matrix,
    Number,
    TransformerError,
    Vector,
    changed_vector,
    exact_number,
    exact_vector,
    is_dyadic,
    numbers_of_vector,
    require_vector,
)


@dataclass(frozen=True)
class Norm:
    """x -> y_c weight_c / sqrt(e + epsilon) + bias_c at every coordinate c, with e the mean of all y_c^2.

    y is x; with ``center`` it is x minus the mean of all x_c.  A coordinate that ``weight`` does not list has weight 0.
    """

    center: bool
    epsilon: Fraction
    weight: Vector
    bias: Vector = ()

    @property
    def kind(self) -> str:
        """Its name in other tools."""
        return "LayerNorm" if self.center else "RMSNorm"


@dataclass(frozen=True)
class Norms:
    """The norms of a layer: heads read x through ``heads``, neurons through ``mlp``; x passes ``behind_heads`` and
    ``behind_mlp`` after everything has been added.
    """

    heads: Norm | None = None
    behind_heads: Norm | None = None
    mlp: Norm | None = None
    behind_mlp: Norm | None = None

    def __iter__(self) -> Iterator[tuple[str, Norm]]:
        """The norms that it has, in the order in which x passes them, each with the name of its place."""
        for field in fields(self):
            norm = getattr(self, field.name)
            if norm is not None:
                yield field.name, norm


PLACES = {
    "heads": "the norm before heads",
    "behind_heads": "the norm behind heads",
    "mlp": "the norm before the MLP",
    "behind_mlp": "the norm behind the MLP",
}
"""The name of a layer's norm in messages, by its field of `Norms`."""
LAST = "the norm before outputs"


def require_norm(norm: Norm, width: int, where: str) -> None:
    """Raises TransformerError."""
    if norm.epsilon < 0 or not is_dyadic(norm.epsilon):
        raise TransformerError(
            f"{where}: epsilon is {norm.epsilon}; it has to be at least 0, with a power of two as its denominator"
        )
    require_vector(norm.weight, width, f"{where}, weight")
    require_vector(norm.bias, width, f"{where}, bias")


def numbers_of_norm(norm: Norm, where: str) -> Iterator[tuple[str, Fraction]]:
    """Weights, biases and epsilon, unless it is 0, each with its place."""
    if norm.epsilon:
        yield f"{where}, epsilon", norm.epsilon
    yield from numbers_of_vector(norm.weight, f"{where}, weight")
    yield from numbers_of_vector(norm.bias, f"{where}, bias")


def changed_norm(norm: Norm | None, change: Change, change_epsilon: Change) -> Norm | None:
    """The norm with weights and biases changed by the first function, epsilon by the second."""
    if norm is None:
        return None
    weight, bias = changed_vector(norm.weight, change), changed_vector(norm.bias, change)
    return Norm(norm.center, change_epsilon(norm.epsilon), weight, bias)


def changed_norms(norms: Norms, change: Change, change_epsilon: Change) -> Norms:
    """All of a layer."""
    return Norms(**{place: changed_norm(norm, change, change_epsilon) for place, norm in norms})


# ---------------------------------------------------------------------------- from arrays


@dataclass(frozen=True, eq=False)
class RMSNorm:
    """weight [d] and, if there is one, bias [d].

    Kernels add epsilon in float32, so it is mostly ``np.float32(1e-6)``: 1e-6 itself is not a number of fp32.
    """

    weight: Matrix
    epsilon: Number
    bias: Matrix = None


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """As `RMSNorm`, but of x minus its mean."""

    weight: Matrix
    epsilon: Number
    bias: Matrix = None


NormWeights: TypeAlias = RMSNorm | LayerNorm


def norm_of(weights: NormWeights | None, width: int, where: str) -> Norm | None:
    """The norm of these arrays.  Raises TransformerError.

    >>> norm_of(LayerNorm([1, 2], epsilon=0.5, bias=[0, 3]), 2, "the norm").bias
    ((1, Fraction(3, 1)),)
    """
    if weights is None:
        return None
    if not isinstance(weights, (RMSNorm, LayerNorm)):
        raise TransformerError(f"{where} is {weights!r:.60}; give a LayerNorm or an RMSNorm")
    if weights.weight is None:
        raise TransformerError(f"{where} has no weight; give a vector of shape ({width},), of ones if need be")
    return Norm(
        isinstance(weights, LayerNorm),
        exact_number(weights.epsilon, f"{where}, epsilon"),
        exact_vector(weights.weight, width, f"{where}, weight"),
        exact_vector(weights.bias, width, f"{where}, bias"),
    )
