"""The weights document as the dense matrices of a stock decoder, in integers times powers of two.

    x = embed_tokens[token] + embed_positions[position]
    per layer   q, k, v = W_q x, W_k x, W_v x, in heads of one width;   x += W_o softmax(q k' / sqrt(head width)) v
                x += W_down relu(W_up x + b_up)
    logits = lm_head x

Each coordinate that a head lists is one row of its part of W_q, W_k, W_v or one column of W_o, with a single entry,
the scale of the matrix.  Heads with fewer coordinates than others are filled up with zeros, which add nothing.

A machine of many tapes has more tokens than a table has rows.  Then the vocabulary is *factored*: a family, and each
value of each of its fields, has a row, and embedding and logit of a token are the sum of those of its parts.

The head width is a power of 4, so 1/sqrt(head width) is a power of two; W_q and W_k make up for it, times beta.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.export.source import ExportError, Source
from exactformer.verify.arithmetic.models import BetaSplit, split_beta

Integers = NDArray[np.int64]
LARGEST_TENSOR = 1 << 28
LARGEST_MODEL = 1 << 30
"""The most entries.  A larger dense decoder is of no use: sparse weights have thousands of times fewer."""


@dataclass(frozen=True)
class Shape:
    """The numbers of a stock decoder; ``vocabulary``: rows of its table; ``heads``, ``hidden``: by layer, the number of
    heads and of neurons."""

    vocabulary: int
    context: int
    layers: int
    width: int
    heads: tuple[int, ...]
    head_width: int
    hidden: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """How many entries all tensors have."""
        layers = 4 * sum(self.heads) * self.head_width * self.width + sum(self.hidden) * (2 * self.width + 1)
        return (2 * self.vocabulary + self.context) * self.width + layers


@dataclass(frozen=True)
class Tensor:
    """entries * scale; scale is a power of two."""

    name: str
    entries: Integers
    scale: int = 1


@dataclass(frozen=True)
class Dense:
    """A network, ready to be written out; ``tokens`` names the rows of the vocabulary; ``factored``: the rows are
    for parts of tokens, and a row of zeros follows them."""

    shape: Shape
    tokens: tuple[str, ...]
    factored: bool
    beta: int
    split: BetaSplit
    weights: dict[str, Any]

    def tensors(self) -> Iterator[Tensor]:
        """All parameters, one tensor at a time, [outputs, inputs] as PyTorch has them."""
        vocabulary, vectors = self.weights["vocabulary"], _parts if self.factored else _vectors
        yield Tensor("embed_tokens.weight", vectors(vocabulary, "embedding", self.shape))
        yield Tensor("embed_positions.weight", _positions(self.weights["position_bits"], self.shape))
        for number, layer in enumerate(self.weights["layers"]):
            yield from self._layer(number, layer)
        yield Tensor("lm_head.weight", vectors(vocabulary, "unembedding", self.shape))

    def _layer(self, number: int, layer: dict[str, Any]) -> Iterator[Tensor]:
        name, heads, shape = f"layers.{number}", layer["heads"], self.shape
        query, key, value, out = (
            _rows_of_heads(heads, side, shape.heads[number], shape) for side in ("query", "key", "value", "out")
        )
        yield Tensor(f"{name}.q_proj.weight", query, self.split.query)
        yield Tensor(f"{name}.k_proj.weight", key, self.split.key)
        yield Tensor(f"{name}.v_proj.weight", value)
        yield Tensor(f"{name}.o_proj.weight", out.T)
        mlp = layer["mlp"]
        yield Tensor(f"{name}.up.weight", _rows(mlp, "in", shape))
        yield Tensor(f"{name}.up.bias", np.array(mlp["bias"], np.int64))
        yield Tensor(f"{name}.down.weight", _rows(mlp, "out", shape).T)


def densify(
    source: Source,
    context: int | None = None,
    beta: int | None = None,
    head_width: int | None = None,
    *,
    may_factor: bool = False,
    even: bool = False,
) -> Dense:
    """The decoder for contexts of ``context`` tokens (default: the certificate's), with the certificate's beta if none
    is given, in heads of the least width that is a power of 4, or of the width given.

    ``may_factor``: the vocabulary, if it is too large for a table; ``even``: as many heads in every layer.
    Raises ExportError if there is no such decoder.
    """
    context = context or source.context
    if context > source.context:
        raise ExportError(f"the certificate is about contexts of {source.context} tokens, not {context}")
    if (beta := beta or source.beta) is None:
        raise ExportError("the certificate is refuted for every beta and so has none; give one with --beta")
    layers, vocabulary = source.weights["layers"], source.weights["vocabulary"]
    heads = [head for layer in layers for head in layer["heads"]]
    widest = max(max(len(head["query"]), len(head["value"])) for head in heads)
    head_width = head_width or source.arithmetic.head_width or power_of_4(widest)
    if head_width < widest or head_width != power_of_4(head_width):
        raise ExportError(f"the head width must be a power of 4 and at least {widest}, not {head_width}")
    width, size = sum(width for _, width in source.weights["registers"]), sum(map(_size, vocabulary))
    # Decoders may have no layer without heads.
    per_layer = [max(len(layer["heads"]), 1) for layer in layers]
    factored = may_factor and size * width > LARGEST_TENSOR
    names = _part_names if factored else _token_names
    shape = Shape(
        vocabulary=1 + sum(1 for family in vocabulary for _ in _part_names(family)) if factored else size,
        context=context,
        layers=len(layers),
        width=width,
        heads=tuple([max(per_layer)] * len(layers) if even else per_layer),
        head_width=head_width,
        hidden=tuple(len(layer["mlp"]["bias"]) for layer in layers),
    )
    _refuse_what_is_too_large(shape)
    tokens = tuple(name for family in vocabulary for name in names(family))
    root = 1 << (head_width.bit_length() - 1) // 2
    split = split_beta((beta * root).bit_length() - 1)
    return Dense(shape, tokens, factored, beta, split, source.weights)


def power_of_4(least: int) -> int:
    """The least power of 4 that is at least ``least`` >= 1.

    >>> [power_of_4(width) for width in (1, 4, 17, 64)]
    [1, 4, 64, 64]
    """
    return 1 << ((least - 1).bit_length() + 1) // 2 * 2


def _refuse_what_is_too_large(shape: Shape) -> None:
    if shape.context * shape.width > LARGEST_TENSOR:
        fits = LARGEST_TENSOR // shape.width
        raise ExportError(
            f"a table of {shape.context} positions x {shape.width} coordinates is too large; give --context with at "
            f"most {fits} tokens, which the certificate covers as well"
        )
    if shape.vocabulary * shape.width > LARGEST_TENSOR:
        raise ExportError(
            f"{shape.vocabulary} tokens x {shape.width} coordinates are too large for a dense table; give --to torch, "
            "whose vocabulary is factored then"
        )
    if shape.parameters > LARGEST_MODEL:
        raise ExportError(
            f"dense matrices would have {shape.parameters} entries, more than {LARGEST_MODEL}; certify a smaller "
            "context"
        )


def _size(family: dict[str, Any]) -> int:
    return prod(len(field["values"]) for field in family["fields"])


def _token_names(family: dict[str, Any]) -> Iterator[str]:
    """Every choice of field values, the last field changing fastest; as `exactformer run` prints them."""
    for values in product(*(field["values"] for field in family["fields"])):
        yield f"{family['name']}({' '.join(values)})" if values else family["name"]


def _part_names(family: dict[str, Any]) -> Iterator[str]:
    """The family, then each value of each field."""
    yield family["name"]
    for field in family["fields"]:
        yield from (f"{family['name']} {field['name']}={value}" for value in field["values"])


def _parts(vocabulary: list[dict[str, Any]], side: str, shape: Shape) -> Integers:
    """[parts, width]: family by family, the family's vector, then those of the field values; last a row of zeros."""
    vectors = [
        vector
        for family in vocabulary
        for vector in (family[side], *(one for field in family["fields"] for one in field[side]))
    ]
    return _written_out([*vectors, []], shape.width)


def _vectors(vocabulary: list[dict[str, Any]], side: str, shape: Shape) -> Integers:
    """[tokens, width]: family by family, the family's vector plus those of the chosen field values."""
    tables = []
    for family in vocabulary:
        table = _written_out([family[side]], shape.width)
        for field in family["fields"]:
            table = (table[:, None] + _written_out(field[side], shape.width)).reshape(-1, shape.width)
        tables.append(table)
    return np.concatenate(tables)


def _written_out(vectors: list[list[list[int]]], width: int) -> Integers:
    """[vectors, width]."""
    table = np.zeros((len(vectors), width), np.int64)
    for row, vector in zip(table, vectors, strict=True):
        for coordinate, value in vector:
            row[coordinate] = value
    return table


def _positions(bits: int, shape: Shape) -> Integers:
    """[context, width]: bit b of the position as +1 or -1 at coordinate b."""
    table = np.zeros((shape.context, shape.width), np.int64)
    table[:, :bits] = 2 * (np.arange(shape.context)[:, None] >> np.minimum(np.arange(bits), 62) & 1) - 1
    return table


def _rows_of_heads(heads: list[dict[str, Any]], side: str, count: int, shape: Shape) -> Integers:
    """[count * head width, width]: row t of a head's part is 1 at the t-th coordinate of its list."""
    matrix = np.zeros((count, shape.head_width, shape.width), np.int64)
    for number, head in enumerate(heads):
        matrix[number, np.arange(len(head[side])), head[side]] = 1
    return matrix.reshape(-1, shape.width)


def _rows(mlp: dict[str, Any], side: str, shape: Shape) -> Integers:
    """[hidden, width]: one row for what each neuron reads or writes; entries listed twice add up."""
    start = mlp[f"{side}_start"]
    matrix = np.zeros((len(start) - 1, shape.width), np.int64)
    neurons = np.repeat(np.arange(len(start) - 1), np.diff(start))
    np.add.at(matrix, (neurons, mlp[f"{side}_coordinate"]), mlp[f"{side}_weight"])
    return matrix
