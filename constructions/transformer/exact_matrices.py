"""Makes transformers from matrices in the shapes of other tools: rows are what is made, columns what is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.constructions.transformer.exact_norms import Norms, NormWeights, norm_of
from exactformer.constructions.transformer.exact_numbers import (
    Matrix,
    Number,
    TransformerError,
    Vector,
    exact_number,
    exact_rational,
    exact_rows,
    exact_vector,
)
from exactformer.constructions.transformer.exact_parts import (
    AttentionHead,
    BitPositions,
    Form,
    Forms,
    LargestOutputs,
    LinearMap,
    NearestOutputs,
    Positions,
    TablePositions,
    TransformerLayer,
)
from exactformer.constructions.transformer.exact_rotary import rotations_of


@dataclass(frozen=True, eq=False)
class HeadWeights:
    """A head's matrices: query and key [d_k, d], value [d_v, d], out [d, d_v]; biases [d_k], [d_k], [d_v], [d].

    ``scale``, a number above 0, multiplies scores: Fraction(1, 8) divides them by sqrt(64).
    ``rotary`` are triples (a, b, plane): entries a and b of queries and keys are rotated by that plane of the network's
    tables.  `rotate_half` has those of most models.
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
    scale: Number = 1
    rotary: Sequence[tuple[int, int, int]] = ()


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """A layer's heads, and its MLP: neurons [d_ff, d], out [d, d_ff], biases [d_ff] and [d]; without it, no MLP.

    A neuron makes the activation (relu, identity, silu, gelu or gelu_tanh) of its row.  With gates [d_ff, d], biases
    [d_ff], it is the activation of its gate times its row: what others call gate_proj, up_proj and down_proj are gates,
    neurons and out.  Heads read x through ``heads_norm``, neurons through ``mlp_norm``; x passes ``behind_heads_norm``
    and ``behind_mlp_norm`` after everything has been added.
    """

    heads: Sequence[HeadWeights] = ()
    neurons: Matrix = None
    out: Matrix = None
    neurons_bias: Matrix = None
    out_bias: Matrix = None
    gates: Matrix = None
    gates_bias: Matrix = None
    activation: str = "relu"
    heads_norm: NormWeights | None = None
    behind_heads_norm: NormWeights | None = None
    mlp_norm: NormWeights | None = None
    behind_mlp_norm: NormWeights | None = None


def layer_of(weights: LayerWeights, width: int, where: str) -> TransformerLayer:
    """The layer of these matrices.  Raises TransformerError."""
    heads = tuple(_head(head, width, f"{where}, head {place}") for place, head in enumerate(weights.heads))
    given = (weights.out, weights.neurons_bias, weights.gates)
    if weights.neurons is None and any(one is not None for one in given):
        raise TransformerError(f"{where} has an MLP without neurons; give neurons, of shape (d_ff, {width})")
    if weights.gates is None and weights.gates_bias is not None:
        raise TransformerError(f"{where} has a bias of gates, but no gates; give gates, of shape (d_ff, {width})")
    neurons, gates, out = Forms(), Forms(), [Vector()] * width
    if weights.neurons is not None:
        neurons = forms_of(weights.neurons, weights.neurons_bias, width, f"{where}, neurons")
        out = exact_rows(weights.out, len(neurons), f"{where}, out", width)
    if weights.gates is not None:
        gates = forms_of(weights.gates, weights.gates_bias, width, f"{where}, gates", len(neurons))
    added = _map(out, exact_vector(weights.out_bias, width, f"{where}, out_bias"))
    return TransformerLayer(heads, neurons, added, weights.activation, gates, _norms(weights, width, where))


def _norms(weights: LayerWeights, width: int, where: str) -> Norms:
    return Norms(
        heads=norm_of(weights.heads_norm, width, f"{where}, heads_norm"),
        behind_heads=norm_of(weights.behind_heads_norm, width, f"{where}, behind_heads_norm"),
        mlp=norm_of(weights.mlp_norm, width, f"{where}, mlp_norm"),
        behind_mlp=norm_of(weights.behind_mlp_norm, width, f"{where}, behind_mlp_norm"),
    )


def _head(weights: HeadWeights, width: int, where: str) -> AttentionHead:
    query = forms_of(weights.query, weights.query_bias, width, f"{where}, query")
    key = forms_of(weights.key, weights.key_bias, width, f"{where}, key", len(query))
    value = forms_of(weights.value, weights.value_bias, width, f"{where}, value")
    out = exact_rows(weights.out, len(value), f"{where}, out", width)
    added = exact_vector(weights.out_bias, width, f"{where}, out_bias")
    scale = exact_rational(weights.scale, f"{where}, scale")
    rotary = rotations_of(weights.rotary, where)
    return AttentionHead(query, key, value, _map(out, added), weights.name, scale, rotary)


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


def largest_outputs(names: Sequence[str], matrix: Matrix, bias: Matrix = None, *, width: int) -> LargestOutputs:
    """Outputs for `Transformer.build` that are not its tokens: for each a row of the matrix [names, width], a bias
    [names].

    Raises TransformerError.

    >>> largest_outputs(["yes", "no"], [[0, 1], [0, -1]], width=2).forms[1]
    Form(vector=((1, Fraction(-1, 1)),), bias=Fraction(0, 1))
    """
    for name in names:
        if not isinstance(name, str):
            raise TransformerError(f"the output {name!r} is not a text; outputs are named by texts")
    return LargestOutputs(tuple(names), forms_of(matrix, bias, width, "outputs", len(names)))


def nearest_outputs(row: Matrix, numbers: Sequence[Number], bias: Number = 0, *, width: int) -> NearestOutputs:
    """Outputs that are numbers: the nearest of these, in any order, to the row [width] times x plus the bias.

    Raises TransformerError.

    >>> nearest_outputs([1, 0], [0, Fraction(1, 3), -1], width=2).names
    ('-1', '0', '1/3')
    """
    form = Form(exact_vector(row, width, "the outputs' row"), exact_number(bias, "the outputs' bias"))
    return NearestOutputs(form, tuple(sorted(exact_rational(one, "an output's number") for one in numbers)))
