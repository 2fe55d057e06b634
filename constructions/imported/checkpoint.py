"""Reads decoders in folders that Hugging Face's transformers writes: ``config.json``, safetensors, tokenizer's names.

These model types are read:

    phi3, llama         x += o softmax(scale q k') v, x += down(silu(gate) up), each of RMSNorm x; rotary positions
    torchwright_custom  what torchwright 0.2 compiles for its own architecture: relu with biases, scale 1, norms or none

in the shapes that these types have in transformers 5; torchwright compiles for phi3, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.imported.safetensors_file import read_tensors
from exactformer.constructions.imported.zeros import without_zeros
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import HeadWeights, LayerWeights
from exactformer.constructions.transformer.exact_norms import RMSNorm
from exactformer.constructions.transformer.exact_numbers import Matrix, TransformerError
from exactformer.constructions.transformer.exact_rotary import rotary_tables, rotate_half

Array: TypeAlias = NDArray[Any]
INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"


def from_checkpoint(folder: str | Path, positions: int, rotary: Matrix = None) -> Transformer:
    """The transformer in a folder, for sequences of this many tokens; weights as they are stored.

    ``rotary``: cosines and sines as the model computes them, [positions, planes, 2]. Without it they are computed here,
    by the model's formula in numpy's float32; other libraries' may differ in the last bits.  Scores are multiplied with
    1/sqrt(head width) as float32 has it.  Zeros that fill up matrices are left out.

    Raises TransformerError for a folder without such a checkpoint, and for anything that this reader does not know.
    """
    path = Path(folder)
    config = _json(path / "config.json")
    kind = config.get("model_type")
    if kind not in READERS:
        raise TransformerError(f"{path} has a model of type {kind!r}; the types that are read are {', '.join(READERS)}")
    longest = _size(config, "max_position_embeddings")
    if not 1 <= positions <= longest:
        raise TransformerError(f"{positions} positions are asked for, but the model has only {longest}")
    model = READERS[kind](config, _Tensors(_tensors(path)))
    if model.tensors.left:
        raise TransformerError(f"the tensor {min(model.tensors.left)!r} is not one that a {kind} model has")
    layers = [without_zeros(layer) for layer in model.layers]
    rotates = any(head.rotary for layer in layers for head in layer.heads)
    if rotary is None and rotates:
        rotary = model.tables(positions)
    return Transformer.build(
        _tokens(path, len(model.embedding)),
        model.embedding,
        model.unembedding,
        layers,
        rotary=rotary if rotates else None,
        norm=model.norm,
    )


def is_checkpoint(folder: str | Path) -> bool:
    """Whether a folder's config names a model type, as transformers writes it."""
    try:
        return "model_type" in _json(Path(folder) / "config.json")
    except TransformerError:
        return False


@dataclass(frozen=True, eq=False)
class _Model:
    tensors: _Tensors
    embedding: Array
    unembedding: Array
    layers: list[LayerWeights]
    norm: RMSNorm | None
    tables: Callable[[int], Array]
    """A function of the number of positions."""


class _Tensors:
    """The tensors of a checkpoint; ``left``: those that were not asked for yet."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self.tensors, self.left = tensors, set(tensors)

    def __call__(self, name: str, *shape: int) -> Array:
        """The tensor of this name.  Raises TransformerError if it is not there, or has another shape."""
        if name not in self.tensors:
            raise TransformerError(f"the tensor {name!r} is missing")
        found = self.tensors[name]
        if found.shape != shape:
            raise TransformerError(f"the tensor {name!r} has shape {found.shape}; the config says {shape}")
        self.left.discard(name)
        return found

    def optional(self, name: str, *shape: int) -> Array | None:
        return self(name, *shape) if name in self.tensors else None


# ---------------------------------------------------------------------------- model types


def _llama(config: dict[str, Any], tensors: _Tensors) -> _Model:
    """In phi3 the three projections of attention, and two of the MLP, are in one tensor each."""
    d, ff, heads = (_size(config, name) for name in ("hidden_size", "intermediate_size", "num_attention_heads"))
    groups, layers = _size(config, "num_key_value_heads"), _size(config, "num_hidden_layers")
    width = config.get("head_dim") or d // heads
    if heads % groups:
        raise TransformerError(
            f"num_attention_heads is {heads}, which is not a multiple of num_key_value_heads, {groups}"
        )
    _require(config, "hidden_act", "silu")
    _require(config, "sliding_window", None)
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta"), "rope_type": "default"}
    _require(rope, "rope_type", "default")
    if config.get("rope_scaling"):
        raise TransformerError(f"the config's rope_scaling is {config['rope_scaling']!r}; only none is read")
    base, rotated = _number(rope, "rope_theta"), int(width * (rope.get("partial_rotary_factor") or 1))
    scale = Fraction(float(np.float32(width**-0.5)))

    def norm(name: str) -> RMSNorm:
        return RMSNorm(tensors(f"{name}.weight", d), float(np.float32(_number(config, "rms_norm_eps"))))

    def layer(number: int) -> LayerWeights:
        at = f"model.layers.{number}"
        sizes = heads * width, groups * width, groups * width
        if config["model_type"] == "phi3":
            parts = np.split(tensors(f"{at}.self_attn.qkv_proj.weight", sum(sizes), d), np.cumsum(sizes)[:-1])
            gates, up = np.split(tensors(f"{at}.mlp.gate_up_proj.weight", 2 * ff, d), 2)
            biases: list[Array | None] = [None, None, None]
        else:
            names = [f"{at}.self_attn.{name}_proj" for name in "qkv"]
            parts = [tensors(f"{name}.weight", size, d) for name, size in zip(names, sizes, strict=True)]
            biases = [tensors.optional(f"{name}.bias", size) for name, size in zip(names, sizes, strict=True)]
            gates, up = (tensors(f"{at}.mlp.{name}_proj.weight", ff, d) for name in ("gate", "up"))
        out = tensors(f"{at}.self_attn.o_proj.weight", d, heads * width)
        query, key, value = (
            _by_heads(part, bias, heads, 1 if place == 0 else heads // groups)
            for place, (part, bias) in enumerate(zip(parts, biases, strict=True))
        )
        made = [
            HeadWeights(
                query[head].rows,
                key[head].rows,
                value[head].rows,
                out[:, head * width : (head + 1) * width],
                query[head].bias,
                key[head].bias,
                value[head].bias,
                name=f"head {head}",
                scale=scale,
                rotary=rotate_half(rotated),
            )
            for head in range(heads)
        ]
        return LayerWeights(
            made,
            up,
            tensors(f"{at}.mlp.down_proj.weight", d, ff),
            gates=gates,
            activation="silu",
            heads_norm=norm(f"{at}.input_layernorm"),
            mlp_norm=norm(f"{at}.post_attention_layernorm"),
        )

    read = [layer(number) for number in range(layers)]
    embedding, unembedding = _embeddings(config, tensors, d)
    return _Model(
        tensors, embedding, unembedding, read, norm("model.norm"), lambda count: _tables(base, rotated, count)
    )


def _torchwright(config: dict[str, Any], tensors: _Tensors) -> _Model:
    d, width = _size(config, "d"), _size(config, "d_head")
    rotated = config.get("d_rot") or width
    heads, hidden = _sizes(config, "n_heads_per_layer"), _sizes(config, "d_hidden_per_layer")

    def norm(name: str) -> RMSNorm | None:
        if not config.get("rms_norm"):
            return None
        return RMSNorm(tensors(f"{name}.weight", d), float(np.float32(_number(config, "rms_norm_eps"))))

    def layer(number: int) -> LayerWeights:
        at, every, ff = f"model.layers.{number}", heads[number] * width, hidden[number]
        query, key, value = (
            _by_heads(tensors(f"{at}.self_attn.{name}_proj.weight", every, d), None, heads[number], 1) for name in "qkv"
        )
        out = tensors(f"{at}.self_attn.o_proj.weight", d, every)
        made = [
            HeadWeights(
                query[head].rows,
                key[head].rows,
                value[head].rows,
                out[:, head * width : (head + 1) * width],
                name=f"head {head}",
                rotary=rotate_half(rotated),
            )
            for head in range(heads[number])
        ]
        return LayerWeights(
            made,
            tensors(f"{at}.mlp.fc1.weight", ff, d),
            tensors(f"{at}.mlp.fc2.weight", d, ff),
            tensors(f"{at}.mlp.fc1.bias", ff),
            tensors(f"{at}.mlp.fc2.bias", d),
            heads_norm=norm(f"{at}.input_layernorm"),
            mlp_norm=norm(f"{at}.post_attention_layernorm"),
        )

    read = [layer(number) for number in range(_size(config, "n_layers"))]
    embedding, unembedding = _embeddings(config, tensors, d)
    base = _number(config, "rope_base")
    return _Model(
        tensors, embedding, unembedding, read, norm("model.norm"), lambda count: rotary_tables(base, rotated, count)
    )


READERS: dict[str, Callable[[dict[str, Any], _Tensors], _Model]] = {
    "phi3": _llama,
    "llama": _llama,
    "torchwright_custom": _torchwright,
}


def _embeddings(config: dict[str, Any], tensors: _Tensors, d: int) -> tuple[Array, Array]:
    shape = _size(config, "vocab_size"), d
    embedding = tensors("model.embed_tokens.weight", *shape)
    if config.get("tie_word_embeddings"):
        tensors.optional("lm_head.weight", *shape)  # it is the same one, even if it is stored twice
        return embedding, embedding
    return embedding, tensors("lm_head.weight", *shape)


class _Part(NamedTuple):
    """Rows [head width, d], and their bias [head width]."""

    rows: Array
    bias: Array | None


def _by_heads(matrix: Array, bias: Array | None, heads: int, shared: int) -> list[_Part]:
    """The parts of every head; ``shared``: how many heads share one part."""
    rows = np.split(matrix, heads // shared)
    biases = [None] * len(rows) if bias is None else np.split(bias, len(rows))
    return [_Part(rows[head // shared], biases[head // shared]) for head in range(heads)]


def _tables(base: float, entries: int, positions: int) -> Array:
    """As transformers computes them, in float32: 1 / base^(2p / entries), times the position."""
    exponents = np.arange(0, entries, 2).astype(np.float32) / np.float32(entries)
    frequencies = np.float32(1) / np.power(np.float32(base), exponents)
    angles = np.arange(positions, dtype=np.float32)[:, None] * frequencies
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1)


# ---------------------------------------------------------------------------- files


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise TransformerError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise TransformerError(f"{path} is not a JSON document: {error}") from error
    if not isinstance(found, dict):
        raise TransformerError(f"{path} is not a JSON object")
    return found


def _tensors(path: Path) -> dict[str, Array]:
    """The tensors of one file, or of those that an index names."""
    if not (path / INDEX).exists():
        return read_tensors(path / SINGLE)
    files = _json(path / INDEX).get("weight_map")
    if not isinstance(files, dict):
        raise TransformerError(f"{path / INDEX} has no weight_map")
    found = dict[str, Array]()
    for file in sorted(set(map(str, files.values()))):
        if Path(file).name != file:
            raise TransformerError(f"{path / INDEX} names {file!r}, which is not in its folder")
        found |= read_tensors(path / file)
    if found.keys() != files.keys():
        name = min(found.keys() ^ files.keys())
        raise TransformerError(f"{path / INDEX}: the tensor {name!r} is not in it, or not in its files")
    return found


def _tokens(path: Path, number: int) -> list[str]:
    """The tokens' names: the tokenizer's words, or ``<token 7>`` if it has none."""
    names = dict[int, str]()
    try:
        if (path / "tokenizer.json").exists():
            tokenizer = _json(path / "tokenizer.json")
            names = {int(place): str(word) for word, place in tokenizer["model"]["vocab"].items()}
            names |= {int(one["id"]): str(one["content"]) for one in tokenizer.get("added_tokens") or ()}
        elif (path / "vocab.json").exists():  # a list, as torchwright writes it
            names = dict(enumerate(map(str, json.loads((path / "vocab.json").read_bytes()))))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TransformerError(f"{path}: the tokenizer's words cannot be read: {error!r}") from error
    return [names.get(place, f"<token {place}>") for place in range(number)]


def _require(config: Mapping[str, Any], name: str, wanted: object) -> None:
    if config.get(name, wanted) != wanted:
        raise TransformerError(f"the config's {name} is {config[name]!r}; only {wanted!r} is read")


def _size(config: Mapping[str, Any], name: str) -> int:
    found = config.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise TransformerError(f"the config's {name} is {found!r}; it has to be an integer from 1 on")
    return found


def _sizes(config: Mapping[str, Any], name: str) -> list[int]:
    found = config.get(name)
    if not isinstance(found, list) or not all(isinstance(one, int) and one >= 1 for one in found):
        raise TransformerError(f"the config's {name} is {found!r}; it has to be a list of integers from 1 on")
    return found


def _number(config: Mapping[str, Any], name: str) -> float:
    found = config.get(name)
    if not isinstance(found, (int, float)) or isinstance(found, bool) or found <= 0:
        raise TransformerError(f"the config's {name} is {found!r}; it has to be a number above 0")
    return float(found)
