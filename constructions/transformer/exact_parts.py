"""What a transformer of any exact weights consists of (NETWORKS 1): forms, heads, layers, positions, tokens.

form   the sum of number * x[index] over a vector x, plus a bias
map    (coordinate, form) pairs: each adds what its form makes to its coordinate
head   queries, keys and values are forms of x; its map is of the values
output what a network says at a position: the largest of some forms of the last x, or the number nearest to a form
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from exactformer.constructions.transformer.exact_norms import Norms
from exactformer.constructions.transformer.exact_numbers import Vector
from exactformer.constructions.transformer.exact_rotary import Rotations

LARGEST_BITS = 64
"""The most bits that a position may have."""


@dataclass(frozen=True)
class Form:
    """x -> sum of number * x[index] + bias."""

    vector: Vector
    bias: Fraction = Fraction(0)

    @property
    def is_zero(self) -> bool:
        return not self.vector and not self.bias


Forms: TypeAlias = tuple[Form, ...]
LinearMap: TypeAlias = tuple[tuple[int, Form], ...]
"""Coordinates ascend."""


@dataclass(frozen=True)
class AttentionHead:
    """score_ij = scale times the sum over l of query_l(x_i) key_l(x_j); ``out`` adds what i receives of the values to
    x_i.  The scale is any rational above 0, such as 1/sqrt(d_k).  ``rotary`` says which entries of queries and keys are
    rotated first, by the network's tables.
    """

    query: Forms
    key: Forms
    value: Forms
    out: LinearMap
    name: str = ""
    scale: Fraction = Fraction(1)
    rotary: Rotations = ()


ACTIVATIONS = ("relu", "identity", "silu", "gelu", "gelu_tanh")
"""NETWORKS 1.3."""
RATIONAL_ACTIVATIONS = ("relu", "identity")
NO_NORMS = Norms()


@dataclass(frozen=True)
class TransformerLayer:
    """All heads read the same x; all neurons read x as attention left it.

    A neuron makes the activation of its form; with ``gates``, one for each neuron, the activation of its gate's form
    times its own form.  ``out`` adds the results to x.
    """

    heads: tuple[AttentionHead, ...] = ()
    neurons: Forms = ()
    out: LinearMap = ()
    activation: str = "relu"
    gates: Forms = ()
    norms: Norms = NO_NORMS


@dataclass(frozen=True)
class BitPositions:
    """Coordinate first + b is +1 or -1 as bit b of the position is 1 or 0, 0 <= b < bits; up to 2^bits tokens."""

    first: int
    bits: int

    @property
    def tokens(self) -> int:
        return 1 << self.bits

    def vector(self, position: int) -> Vector:
        """[d]"""
        return tuple((self.first + b, Fraction(1 if position >> b & 1 else -1)) for b in range(self.bits))


@dataclass(frozen=True)
class TablePositions:
    """The vector of every position, for that many tokens."""

    table: tuple[Vector, ...]

    @property
    def tokens(self) -> int:
        return len(self.table)

    def vector(self, position: int) -> Vector:
        """[d]"""
        return self.table[position]


Positions: TypeAlias = BitPositions | TablePositions | None


@dataclass(frozen=True)
class ExactToken:
    """A token: its name, the vector that it begins with, and the form that is its logit."""

    name: str
    embedding: Vector
    unembedding: Form


@dataclass(frozen=True)
class LargestOutputs:
    """The output is the name whose form of x, its logit, is the largest: at least two, names are unique."""

    names: tuple[str, ...]
    forms: Forms


@dataclass(frozen=True)
class NearestOutputs:
    """The output is the number nearest to what the form makes of x: at least two rationals, ascending."""

    form: Form
    numbers: tuple[Fraction, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Each number's text.

        >>> NearestOutputs(Form(()), (Fraction(0), Fraction(1, 3))).names
        ('0', '1/3')
        """
        return tuple(map(str, self.numbers))


Outputs: TypeAlias = LargestOutputs | NearestOutputs | None
"""The outputs; None: the tokens of the vocabulary, with their unembeddings."""
