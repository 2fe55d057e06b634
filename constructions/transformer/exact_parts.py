"""What a transformer of any exact weights consists of (NETWORKS 1): forms, heads, layers, positions, tokens.

form   of a vector x: the sum of number * x[index], plus a bias
map    (coordinate, form) pairs: each adds what its form makes to its coordinate
head   queries, keys and values are forms of x; its map is of the values
output what a network says at a position: the largest of some forms of the last x, or the number nearest to one
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

from exactformer.constructions.transformer.exact_numbers import TransformerError, Vector, is_dyadic

LARGEST_BITS = 64
"""Of positions."""


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
    """score_ij = scale times the sum over l of query_l(x_i) key_l(x_j); what i receives of the values, ``out`` adds to
    x_i.  The scale is any rational above 0, such as 1/sqrt(d_k).
    """

    query: Forms
    key: Forms
    value: Forms
    out: LinearMap
    name: str = ""
    scale: Fraction = Fraction(1)


@dataclass(frozen=True)
class TransformerLayer:
    """All heads read the same x; all neurons, relu of their forms, read x as attention left it."""

    heads: tuple[AttentionHead, ...] = ()
    neurons: Forms = ()
    out: LinearMap = ()


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
    """A token by its name: the vector that it begins with, and the form that is its logit."""

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
"""None: the tokens of the vocabulary, with their unembeddings."""


def added_up(vectors: Sequence[Vector]) -> Vector:
    """The sum of sparse vectors.

    >>> added_up([((0, Fraction(1)),), ((0, Fraction(-1)), (2, Fraction(3)))])
    ((2, Fraction(3, 1)),)
    """
    total: dict[int, Fraction] = {}
    for vector in vectors:
        for index, number in vector:
            total[index] = total.get(index, Fraction(0)) + number
    return tuple((index, number) for index, number in sorted(total.items()) if number)


# ---------------------------------------------------------------------------- what has to hold of them


def require_vector(vector: Vector, length: int, where: str) -> None:
    """Indices ascend and are below the length; numbers are dyadic and not 0.  Raises TransformerError."""
    before = -1
    for index, number in vector:
        if not before < index < length:
            raise TransformerError(f"{where}: index {index} comes after {before}, of {length}; indices have to ascend")
        if not number or not is_dyadic(number):
            raise TransformerError(f"{where}, index {index}: {number} is 0, or its denominator is no power of two")
        before = index


def require_forms(forms: Sequence[Form], length: int, where: str) -> None:
    """Raises TransformerError."""
    for number, form in enumerate(forms):
        require_vector(form.vector, length, f"{where} {number}")
        if not is_dyadic(form.bias):
            raise TransformerError(f"{where} {number}: the bias {form.bias} has no power of two as its denominator")


def require_map(linear: LinearMap, width: int, length: int, where: str) -> None:
    """Raises TransformerError."""
    before = -1
    for coordinate, form in linear:
        if not before < coordinate < width:
            raise TransformerError(f"{where}: coordinate {coordinate} comes after {before}, of {width}")
        require_forms([form], length, f"{where}, coordinate {coordinate}, form")
        before = coordinate


def require_layer(layer: TransformerLayer, width: int, where: str) -> None:
    """Raises TransformerError."""
    for place, head in enumerate(layer.heads):
        of_head = f"{where}, head {place}"
        if len(head.query) != len(head.key):
            raise TransformerError(
                f"{of_head}: {len(head.query)} queries and {len(head.key)} keys; a score needs as many of both"
            )
        for name, forms in (("query", head.query), ("key", head.key), ("value", head.value)):
            require_forms(forms, width, f"{of_head}, {name}")
        require_map(head.out, width, len(head.value), f"{of_head}, out")
        if head.scale <= 0:
            raise TransformerError(f"{of_head}: the scale of scores is {head.scale}; it has to be above 0")
    require_forms(layer.neurons, width, f"{where}, neuron")
    require_map(layer.out, width, len(layer.neurons), f"{where}, out of the MLP")


def require_outputs(outputs: Outputs, width: int) -> None:
    """Raises TransformerError."""
    match outputs:
        case LargestOutputs(names, forms):
            if len(names) < 2:
                raise TransformerError(f"there are {len(names)} outputs; a network needs at least two")
            if len(names) != len(forms):
                raise TransformerError(f"{len(names)} names for {len(forms)} outputs; each output needs one")
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise TransformerError(f"the output {twice!r} is there twice; names have to be unique")
            for name, form in zip(names, forms, strict=True):
                require_forms([form], width, f"the output {name!r}, form")
        case NearestOutputs(form, numbers):
            if len(numbers) < 2:
                raise TransformerError(f"there are {len(numbers)} numbers for outputs; a network needs at least two")
            for before, after in pairwise(numbers):
                if before >= after:
                    raise TransformerError(f"the outputs' number {after} comes after {before}; numbers have to ascend")
            require_forms([form], width, "the outputs' form")


def numbers_of(layer: TransformerLayer) -> Iterator[tuple[str, Fraction]]:
    """Every weight and bias of a layer, and where it stands."""
    for place, head in enumerate(layer.heads):
        for name, forms in (("query", head.query), ("key", head.key), ("value", head.value)):
            yield from numbers_of_forms(forms, f"head {place}, {name}")
        yield from numbers_of_map(head.out, f"head {place}, out")
    yield from numbers_of_forms(layer.neurons, "neuron")
    yield from numbers_of_map(layer.out, "out of the MLP")


def numbers_of_forms(forms: Sequence[Form], where: str) -> Iterator[tuple[str, Fraction]]:
    """The numbers of forms, biases that are not 0 included."""
    for number, form in enumerate(forms):
        for index, weight in form.vector:
            yield f"{where} {number}, index {index}", weight
        if form.bias:
            yield f"{where} {number}, bias", form.bias


def numbers_of_map(linear: LinearMap, where: str) -> Iterator[tuple[str, Fraction]]:
    """The numbers of a map."""
    for coordinate, form in linear:
        for index, weight in form.vector:
            yield f"{where}, coordinate {coordinate}, index {index}", weight
        if form.bias:
            yield f"{where}, coordinate {coordinate}, bias", form.bias


def numbers_of_outputs(outputs: Outputs) -> Iterator[tuple[str, Fraction]]:
    """Every weight and bias of outputs' forms.  (The numbers that outputs are compared with are no weights.)"""
    match outputs:
        case LargestOutputs(names, forms):
            for name, form in zip(names, forms, strict=True):
                yield from numbers_of_forms([form], f"the output {name!r}, form")
        case NearestOutputs(form, _):
            yield from numbers_of_forms([form], "the outputs' form")


# ---------------------------------------------------------------------------- other numbers in their places

Change: TypeAlias = Callable[[Fraction], Fraction]


def changed_vector(vector: Vector, change: Change) -> Vector:
    """What becomes 0 is left out."""
    found = ((index, change(number)) for index, number in vector)
    return tuple((index, number) for index, number in found if number)


def changed_form(form: Form, change: Change) -> Form:
    """Its bias, too."""
    return Form(changed_vector(form.vector, change), change(form.bias))


def changed_layer(layer: TransformerLayer, change: Change) -> TransformerLayer:
    """All weights and biases; scales of scores stay."""

    def forms(of: Forms) -> Forms:
        return tuple(changed_form(form, change) for form in of)

    def linear(of: LinearMap) -> LinearMap:
        return tuple((coordinate, changed_form(form, change)) for coordinate, form in of)

    heads = tuple(
        replace(head, query=forms(head.query), key=forms(head.key), value=forms(head.value), out=linear(head.out))
        for head in layer.heads
    )
    return TransformerLayer(heads, forms(layer.neurons), linear(layer.out))


def changed_outputs(outputs: Outputs, change: Change) -> Outputs:
    """Their forms; the numbers that an output is the nearest of stay."""
    match outputs:
        case LargestOutputs(names, forms):
            return LargestOutputs(names, tuple(changed_form(form, change) for form in forms))
        case NearestOutputs(form, numbers):
            return NearestOutputs(changed_form(form, change), numbers)
        case None:
            return None
