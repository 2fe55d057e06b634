"""A plain decoder that ``exactformer export --to torch`` wrote, as the transformer of exact weights that it is.

    x = embed_tokens[token] + embed_positions[position]
    per layer   x += o_proj softmax(q_proj x (k_proj x)' / sqrt(head width)) v_proj x, causally, in heads of one width
                x += down relu(up x + bias)
    logits = lm_head x

That is what its ``model.py`` computes in each way to run, in real numbers.  beta is in the weights.
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
    """The numbers of ``config.json`` that the tensors have to go with; ``hidden``: neurons per layer."""

    vocabulary: int
    context: int
    layers: int
    width: int
    heads: int
    head_width: int
    hidden: int

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Every tensor that there has to be, with its shape."""
        all_heads = self.heads * self.head_width
        found: dict[str, tuple[int, ...]] = {
            "embed_tokens.weight": (self.vocabulary, self.width),
            "embed_positions.weight": (self.context, self.width),
            "lm_head.weight": (self.vocabulary, self.width),
        }
        for layer in range(self.layers):
            for part in ("q_proj", "k_proj", "v_proj"):
                found[f"layers.{layer}.{part}.weight"] = (all_heads, self.width)
            found[f"layers.{layer}.o_proj.weight"] = (self.width, all_heads)
            found[f"layers.{layer}.up.weight"] = (self.hidden, self.width)
            found[f"layers.{layer}.up.bias"] = (self.hidden,)
            found[f"layers.{layer}.down.weight"] = (self.width, self.hidden)
        return found


def from_decoder(folder: str | Path) -> Transformer:
    """The transformer in a folder with ``config.json`` and ``model.safetensors``: weights as stored, each head with the
    scale 1/sqrt(head width), a table of positions.  What fills matrices up with 0 is left out.

    Raises TransformerError for files that are no such decoder, and for a head width that is no power of 4: its root is
    then another number in each way to run.
    """
    shape, tokens = _config(Path(folder) / "config.json")
    root = isqrt(shape.head_width)
    if root * root != shape.head_width or root & (root - 1):
        raise TransformerError(
            f"the head width is {shape.head_width}, whose root is not the same number in each way to run; it has to be "
            "a power of 4"
        )
    tensors = read_tensors(Path(folder) / "model.safetensors")
    _require_shapes(tensors, shape)
    return Transformer.build(
        tokens,
        tensors["embed_tokens.weight"],
        tensors["lm_head.weight"],
        [_layer(tensors, f"layers.{layer}", shape, Fraction(1, root)) for layer in range(shape.layers)],
        positions=tensors["embed_positions.weight"],
    )


def _config(path: Path) -> tuple[Shape, list[str]]:
    try:
        config = json.loads(path.read_bytes())
        shape = Shape(**{field.name: config["shape"][field.name] for field in fields(Shape)})
        tokens = config["tokens"]
    except OSError as error:
        raise TransformerError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TransformerError(f"{path} is no config of an exported decoder: {error!r}") from error
    for field in fields(Shape):
        size = getattr(shape, field.name)
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise TransformerError(f"{path}: the shape's {field.name} is {size!r}; it has to be an integer from 1 on")
    if not isinstance(tokens, list):
        raise TransformerError(f"{path}: the tokens are no list of names")
    return shape, tokens


def _require_shapes(tensors: Tensors, shape: Shape) -> None:
    """The tensors are those of the shape, and no others.  Raises TransformerError with the first that is not."""
    wanted = shape.tensors()
    for name in sorted(wanted.keys() ^ tensors.keys()):
        raise TransformerError(f"the tensor {name!r} is {'missing' if name in wanted else 'none of the decoder'}")
    for name, size in wanted.items():
        if tensors[name].shape != size:
            raise TransformerError(f"the tensor {name!r} has shape {tensors[name].shape}; the config says {size}")


def _layer(tensors: Tensors, name: str, shape: Shape, scale: Fraction) -> LayerWeights:
    def rows(part: str, head: int) -> NDArray[Any]:
        """[head width, d]: heads follow each other."""
        start = head * shape.head_width
        found: NDArray[Any] = tensors[f"{name}.{part}.weight"][start : start + shape.head_width]
        return found

    out = np.split(tensors[f"{name}.o_proj.weight"], shape.heads, axis=1)
    heads = [
        HeadWeights(
            rows("q_proj", head),
            rows("k_proj", head),
            rows("v_proj", head),
            out[head],
            name=f"head {head}",
            scale=scale,
        )
        for head in range(shape.heads)
    ]
    up, bias, down = (tensors[f"{name}.{part}"] for part in ("up.weight", "up.bias", "down.weight"))
    return without_zeros(LayerWeights(heads, up, down, bias))
