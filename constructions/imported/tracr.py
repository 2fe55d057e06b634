"""Reads a model that Tracr compiled from a RASP program, as a transformer of exact weights.

Tracr (https://github.com/google-deepmind/tracr, package tracr-pypi 1.0.0) makes an `AssembledTransformerModel`:

    x = token_embed[token] + pos_embed[position]
    per layer   x += linear(softmax(query(x) key(x)' / float32(sqrt(key_size))) value(x))
                x += linear_2(relu(linear_1(x)))
    output      at each position the value whose coordinate of x is the largest, or the one coordinate that is a number

Its weights are float32, so they are exact dyadic numbers.  Nothing here imports Tracr or JAX: numpy reads the arrays.

``model.apply`` does three further things that the network does not.  It refuses words that do not begin with the
token BOS; it says BOS at position 0, whatever is computed there; and if several values share the largest coordinate,
it says the first.  So ask about words that begin with BOS, from position 1 on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from inspect import getclosurevars
from typing import Any, Protocol, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.imported.zeros import without_zeros
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import (
    HeadWeights,
    LayerWeights,
    largest_outputs,
    nearest_outputs,
)
from exactformer.constructions.transformer.exact_numbers import TransformerError
from exactformer.constructions.transformer.exact_parts import Outputs

Array: TypeAlias = NDArray[Any]
Params: TypeAlias = Mapping[str, Mapping[str, object]]


class Assembled(Protocol):
    """What is read of an `AssembledTransformerModel`."""

    @property
    def params(self) -> Params: ...
    @property
    def model_config(self) -> Any: ...
    @property
    def residual_labels(self) -> Sequence[str]: ...
    @property
    def input_encoder(self) -> Any: ...
    @property
    def output_encoder(self) -> Any: ...
    @property
    def get_compiled_model(self) -> Callable[[], Any]: ...


def from_tracr(model: Assembled, numbers: Sequence[int | float | Fraction] | None = None) -> Transformer:
    """The transformer of an `AssembledTransformerModel`: same tokens, named by ``str``; same layers; coordinates have
    its residual labels; a position for BOS and each of max_seq_len tokens.

    numbers: if the program's output is a number, the numbers that it may say; the output is the nearest of them.  Heads
    see the padding token, as in the models that Tracr assembles, which mask none.  Parts that are all 0 add nothing and
    are left out: neurons, heads, a head's queries with their keys, and its values.  (A head with values whose queries
    and keys are 0 takes means: it stays.)  There is no dropout, as in ``apply``.

    Raises TransformerError for layer norm, an activation other than relu, and anything that is not such a model.
    """
    config, labels = model.model_config, list(model.residual_labels)
    if config.layer_norm:
        raise TransformerError("the model has layer norm, which is not representable; compile it without")
    activation = getattr(config.activation_function, "__name__", config.activation_function)
    if activation != "relu":
        raise TransformerError(f"the model's MLPs have the activation {activation}; only relu is representable")
    if not hasattr(model.input_encoder, "encoding_map"):
        raise TransformerError(
            "the model has no encoder of its input's tokens; give a model that compile_rasp_to_model made"
        )
    embedding = _array(model.params, "token_embed", "embeddings")
    scale = 1 / Fraction(float(np.sqrt(config.key_size).astype(embedding.dtype)))
    return Transformer.build(
        tokens_of(model),
        embedding,
        None,
        [_layer(model.params, number, config.num_heads, scale) for number in range(config.num_layers)],
        positions=_array(model.params, "pos_embed", "embeddings"),
        causal=bool(config.causal),
        coordinates=labels,
        outputs=_outputs(model, labels, numbers),
    )


def is_tracr(model: object) -> TypeGuard[Assembled]:
    """Whether it looks like an `AssembledTransformerModel`."""
    return all(hasattr(model, name) for name in ("params", "model_config", "residual_labels", "input_encoder"))


def says_numbers(model: Any) -> bool:
    """Whether its output is a number, not one of a set of values."""
    return not hasattr(model.output_encoder, "encoding_map")


def tokens_of(model: Any) -> list[str]:
    """The names of its tokens, in order."""
    return _texts(model.input_encoder.encoding_map)


def _array(params: Params, module: str, name: str) -> Array:
    try:
        return np.asarray(params[module][name])
    except KeyError:
        raise TransformerError(f"the model has no parameter {name!r} of {module!r}; is it one of Tracr's?") from None


def _texts(encoding: Mapping[object, int]) -> list[str]:
    """The values of an encoder, in the order of their numbers."""
    return [str(value) for value, _ in sorted(encoding.items(), key=lambda item: item[1])]


# ---------------------------------------------------------------------------- layers


def _layer(params: Params, number: int, heads: int, scale: Fraction) -> LayerWeights:
    of_heads = _heads(params, f"transformer/layer_{number}/attn", heads, scale)
    neurons, neurons_bias = _linear(params, f"transformer/layer_{number}/mlp/linear_1")
    out, out_bias = _linear(params, f"transformer/layer_{number}/mlp/linear_2")
    return without_zeros(LayerWeights(of_heads, neurons, out, neurons_bias, out_bias))


def _heads(params: Params, name: str, heads: int, scale: Fraction) -> list[HeadWeights]:
    """[key_size, d] for each head's parts; the output's bias is added once, by the first head."""
    (query, query_bias), (key, key_bias), (value, value_bias) = (
        _linear(params, f"{name}/{part}") for part in ("query", "key", "value")
    )
    out, out_bias = _linear(params, f"{name}/linear")

    def part(rows: Array, place: int) -> Array:
        """Rows, or columns of ``out``, of a head follow those of the one before it."""
        size = len(rows) // heads
        found: Array = rows[place * size : (place + 1) * size]
        return found

    return [
        HeadWeights(
            part(query, place),
            part(key, place),
            part(value, place),
            part(out.T, place).T,
            part(query_bias, place),
            part(key_bias, place),
            part(value_bias, place),
            None if place else out_bias,
            f"head {place}",
            scale,
        )
        for place in range(heads)
    ]


def _linear(params: Params, name: str) -> tuple[Array, Array]:
    """[outputs, inputs] and [outputs]; Haiku keeps the transpose."""
    return _array(params, name, "w").T, _array(params, name, "b")


# ---------------------------------------------------------------------------- outputs


def _outputs(model: Any, labels: Sequence[str], numbers: Sequence[int | float | Fraction] | None) -> Outputs:
    """Rows of the projection from the residual space to the output space."""
    rows = np.eye(len(labels), dtype=np.int64)[_read(model, labels)]
    encoding = getattr(model.output_encoder, "encoding_map", None)
    if encoding is not None:
        if numbers is not None:
            raise TransformerError("the program's output is one of a set of values; leave the numbers out")
        return largest_outputs(_texts(encoding), rows, width=len(labels))
    if numbers is None:
        raise TransformerError("the program's output is a number; say which numbers it may be: numbers=[..]")
    if len(rows) != 1:
        raise TransformerError(
            f"the program's output is a number, and the model reads {len(rows)} coordinates, not one"
        )
    return nearest_outputs(rows[0], numbers, width=len(labels))


def _read(model: Any, labels: Sequence[str]) -> list[int]:
    """The coordinates that are read: the basis of the output space, which is what unembedding projects to.

    No parameter tells it: the matrix is a constant of the function that makes the model, with the spaces beside it.
    """
    known = getclosurevars(model.get_compiled_model).nonlocals
    try:
        residual, output = list(known["residual_space"].basis), list(known["output_space"].basis)
    except (KeyError, AttributeError):
        raise TransformerError(
            "the model does not say which coordinates it reads; give a model that compile_rasp_to_model made"
        ) from None
    if list(map(str, residual)) != list(labels):
        raise TransformerError(
            "the model's residual labels are not those of its residual space; give it as it was made"
        )
    missing = [direction for direction in output if direction not in residual]
    if missing:
        raise TransformerError(f"the model reads {missing[0]}, which is not a direction of its residual space")
    return [residual.index(direction) for direction in output]
