"""Reads a plain decoder that ``exactformer export --to torch`` wrote, as a transformer of exact weights.

    x = embed_tokens[token] + embed_positions[position]
    per layer   x += o_proj softmax(q_proj x (k_proj x)' / sqrt(head width)) v_proj x, causally, in heads of one width
                x += down relu(up x + bias)
    logits = lm_head x

In real numbers, that is what its ``model.py`` computes with every attention.  beta is in the weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from fractions import Fraction
from math import isqrt
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.imported.safetensors_file import read_tensors
from exactformer.constructions.imported.zeros import without_zeros
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import HeadWeights, LayerWeights
from exactformer.constructions.transformer.exact_numbers import TransformerError

Tensors: TypeAlias = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Shape:
    """The numbers of ``config.json`` that the tensors have to agree with; ``heads``, ``hidden``: for each layer, the
    number of heads and of neurons; there may be no neurons."""

    vocabulary: int
    context: int
    layers: int
    width: int
    heads: tuple[int, ...]
    head_width: int
    hidden: tuple[int, ...]

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Every tensor that has to be there, with its shape."""
        found: dict[str, tuple[int, ...]] = {
            "embed_tokens.weight": (self.vocabulary, self.width),
            "embed_positions.weight": (self.context, self.width),
            "lm_head.weight": (self.vocabulary, self.width),
        }
        for layer, (heads, hidden) in enumerate(zip(self.heads, self.hidden, strict=True)):
            for part in ("q_proj", "k_proj", "v_proj"):
                found[f"layers.{layer}.{part}.weight"] = (heads * self.head_width, self.width)
            found[f"layers.{layer}.o_proj.weight"] = (self.width, heads * self.head_width)
            found[f"layers.{layer}.up.weight"] = (hidden, self.width)
            found[f"layers.{layer}.up.bias"] = (hidden,)
            found[f"layers.{layer}.down.weight"] = (self.width, hidden)
        return found


def from_decoder(folder: str | Path) -> Transformer:
    """The transformer in a folder with ``config.json`` and ``model.safetensors``: weights as stored, each head with the
    scale 1/sqrt(head width), a table of positions.  Zeros that fill up matrices are left out.

    Raises TransformerError for files that are not such a decoder, and for a head width that is not a power of 4: then
    every attention has another number for its root.
    """
    shape, tokens = _config(Path(folder) / "config.json")
    root = isqrt(shape.head_width)
    if root * root != shape.head_width or root & (root - 1):
        raise TransformerError(
            f"the head width is {shape.head_width}, whose root is not the same number in every attention; it has to be "
            "a power of 4"
        )
    tensors = read_tensors(Path(folder) / "model.safetensors")
    _require_shapes(tensors, shape)
    return Transformer.build(
        tokens,
        tensors["embed_tokens.weight"],
        tensors["lm_head.weight"],
        [_layer(tensors, layer, shape, Fraction(1, root)) for layer in range(shape.layers)],
        positions=tensors["embed_positions.weight"],
    )


def _config(path: Path) -> tuple[Shape, list[str]]:
    try:
        config = json.loads(path.read_bytes())
        sizes = {field.name: config["shape"][field.name] for field in fields(Shape)}
        tokens = None if "families" in config else config["tokens"]
    except OSError as error:
        raise TransformerError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TransformerError(f"{path} is not a config of an exported decoder: {error!r}") from error
    if tokens is None:
        raise TransformerError(
            f"{path}: the vocabulary is factored, so tokens have no rows of their own that could be read"
        )
    for name in ("vocabulary", "context", "layers", "width", "head_width"):
        if type(sizes[name]) is not int or sizes[name] < 1:
            raise TransformerError(f"{path}: the shape's {name} is {sizes[name]!r}; it has to be an integer from 1 on")
    for name, least in (("heads", 1), ("hidden", 0)):
        listed = sizes[name]
        right = isinstance(listed, list) and len(listed) == sizes["layers"]
        if not right or not all(type(size) is int and size >= least for size in listed):
            raise TransformerError(
                f"{path}: the shape's {name} is {listed!r}; it has to list an integer from {least} on for each layer"
            )
        sizes[name] = tuple(listed)
    if not isinstance(tokens, list):
        raise TransformerError(f"{path}: the tokens are not a list of names")
    return Shape(**sizes), tokens


def _require_shapes(tensors: Tensors, shape: Shape) -> None:
    """Make sure that the tensors are those of the shape.  Raises TransformerError, naming the first that is not."""
    wanted = shape.tensors()
    for name in sorted(wanted.keys() ^ tensors.keys()):
        raise TransformerError(f"the tensor {name!r} is {'missing' if name in wanted else 'not one of a decoder'}")
    for name, size in wanted.items():
        if tensors[name].shape != size:
            raise TransformerError(f"the tensor {name!r} has shape {tensors[name].shape}; the config says {size}")


def _layer(tensors: Tensors, number: int, shape: Shape, scale: Fraction) -> LayerWeights:
    name, count = f"layers.{number}", shape.heads[number]

    def rows(part: str, head: int) -> NDArray[Any]:
        """[head width, d]: heads follow each other."""
        start = head * shape.head_width
        found: NDArray[Any] = tensors[f"{name}.{part}.weight"][start : start + shape.head_width]
        return found

    out = np.split(tensors[f"{name}.o_proj.weight"], count, axis=1)
    heads = [
        HeadWeights(
            rows("q_proj", head),
            rows("k_proj", head),
            rows("v_proj", head),
            out[head],
            name=f"head {head}",
            scale=scale,
        )
        for head in range(count)
    ]
    up, bias, down = (tensors[f"{name}.{part}"] for part in ("up.weight", "up.bias", "down.weight"))
    return without_zeros(LayerWeights(heads, up, down, bias))
