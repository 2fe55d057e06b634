"""Transformers from matrices, in the shapes that other tools keep them: rows are what is made, columns what is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.constructions.transformer.exact_numbers import (
    Matrix,
    TransformerError,
    Vector,
    exact_rows,
    exact_vector,
)
from exactformer.constructions.transformer.exact_parts import (
    AttentionHead,
    BitPositions,
    Form,
    Forms,
    LinearMap,
    Positions,
    TablePositions,
    TransformerLayer,
)


@dataclass(frozen=True, eq=False)
class HeadWeights:
    """A head's matrices: query and key [d_k, d], value [d_v, d], out [d, d_v]; biases [d_k], [d_k], [d_v], [d].

    Where scores are divided by sqrt(d_k), that has to be in the matrices.
    """

    query: Matrix
    key: Matrix
    value: Matrix
    out: Matrix
    query_bias: Matrix = None
    key_bias: Matrix = None
    value_bias: Matrix = None
    out_bias: Matrix = None
    name: str = ""


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """A layer's heads, and its MLP: neurons [d_ff, d], out [d, d_ff], biases [d_ff] and [d]; without it, no MLP."""

    heads: Sequence[HeadWeights] = ()
    neurons: Matrix = None
    out: Matrix = None
    neurons_bias: Matrix = None
    out_bias: Matrix = None


def layer_of(weights: LayerWeights, width: int, where: str) -> TransformerLayer:
    """The layer of these matrices.  Raises TransformerError."""
    heads = tuple(_head(head, width, f"{where}, head {place}") for place, head in enumerate(weights.heads))
    if weights.neurons is None:
        if weights.out is not None or weights.neurons_bias is not None:
            raise TransformerError(f"{where} has an MLP without neurons; give neurons, of shape (d_ff, {width})")
        added = exact_vector(weights.out_bias, width, f"{where}, out_bias")
        return TransformerLayer(heads, (), _map([()] * width, added))
    neurons = forms_of(weights.neurons, weights.neurons_bias, width, f"{where}, neurons")
    out = exact_rows(weights.out, len(neurons), f"{where}, out", width)
    return TransformerLayer(heads, neurons, _map(out, exact_vector(weights.out_bias, width, f"{where}, out_bias")))


def _head(weights: HeadWeights, width: int, where: str) -> AttentionHead:
    query = forms_of(weights.query, weights.query_bias, width, f"{where}, query")
    key = forms_of(weights.key, weights.key_bias, width, f"{where}, key", len(query))
    value = forms_of(weights.value, weights.value_bias, width, f"{where}, value")
    out = exact_rows(weights.out, len(value), f"{where}, out", width)
    return AttentionHead(
        query, key, value, _map(out, exact_vector(weights.out_bias, width, f"{where}, out_bias")), weights.name
    )


def forms_of(matrix: Matrix, bias: Matrix, columns: int, where: str, rows: int | None = None) -> Forms:
    """A matrix [rows, columns] and a bias [rows] as forms.  Raises TransformerError."""
    found = exact_rows(matrix, columns, where, rows)
    added = dict(exact_vector(bias, len(found), f"{where}, bias"))
    return tuple(Form(row, added.get(number, Fraction(0))) for number, row in enumerate(found))


def _map(rows: Sequence[Vector], bias: Vector) -> LinearMap:
    """Rows and a bias as a map, without forms that are 0."""
    added = dict(bias)
    forms = (Form(row, added.get(number, Fraction(0))) for number, row in enumerate(rows))
    return tuple((coordinate, form) for coordinate, form in enumerate(forms) if not form.is_zero)


def positions_of(given: Positions | Matrix, width: int) -> Positions:
    """None, bits, or a table [tokens, d].  Raises TransformerError."""
    if given is None or isinstance(given, (BitPositions, TablePositions)):
        return given
    return TablePositions(tuple(exact_rows(given, width, "positions")))
