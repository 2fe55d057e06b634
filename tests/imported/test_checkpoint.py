"""Checkpoints of transformers: what is read computes what the model's own code does, here written out in float64."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from exactformer.constructions.imported.checkpoint import from_checkpoint, is_checkpoint
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_numbers import TransformerError
from tests.command_line.invoking import invoke
from tests.given.walked import enclosed
from tests.imported.test_decoder import folder_of

Array = NDArray[Any]
Tensors = dict[str, Array]

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 12,
    "intermediate_size": 5,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "max_position_embeddings": 16,
    "head_dim": 4,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-5,
    "rope_parameters": {"rope_theta": 50.0, "rope_type": "default"},
    "tie_word_embeddings": False,
    "vocab_size": 6,
}
PHI3 = LLAMA | {
    "model_type": "phi3",
    "rope_parameters": {"rope_theta": 50.0, "rope_type": "default", "partial_rotary_factor": 0.5},
    "tie_word_embeddings": True,
}
TORCHWRIGHT: dict[str, Any] = {
    "model_type": "torchwright_custom",
    "d": 8,
    "d_head": 4,
    "d_rot": 2,
    "n_layers": 2,
    "n_heads_per_layer": [2, 1],
    "d_hidden_per_layer": [3, 5],
    "max_position_embeddings": 16,
    "rms_norm": True,
    "rms_norm_eps": 1e-5,
    "rope_base": 50.0,
    "tie_word_embeddings": True,
    "vocab_size": 6,
}
CONFIGS = {
    "llama": LLAMA,
    "llama with an embedding of its own type, biases and one group": LLAMA | {"num_key_value_heads": 1, "biases": True},
    "phi3": PHI3,
    "torchwright": TORCHWRIGHT,
    "torchwright without norms": TORCHWRIGHT | {"rms_norm": False},
}


def shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shapes of all tensors that the model has."""
    mine = config["model_type"] == "torchwright_custom"
    d, v = config["d" if mine else "hidden_size"], config["vocab_size"]
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (v, d)}
    if not config["tie_word_embeddings"]:
        found["lm_head.weight"] = (v, d)
    norms = config.get("rms_norm", True)
    if norms:
        found["model.norm.weight"] = (d,)
    for number in range(config["n_layers" if mine else "num_hidden_layers"]):
        at = f"model.layers.{number}"
        if norms:
            found |= {f"{at}.{name}_layernorm.weight": (d,) for name in ("input", "post_attention")}
        if mine:
            every, ff = config["n_heads_per_layer"][number] * config["d_head"], config["d_hidden_per_layer"][number]
            found |= {f"{at}.self_attn.{name}_proj.weight": (every, d) for name in "qkv"}
            found |= {f"{at}.self_attn.o_proj.weight": (d, every), f"{at}.mlp.fc1.weight": (ff, d)}
            found |= {f"{at}.mlp.fc1.bias": (ff,), f"{at}.mlp.fc2.weight": (d, ff), f"{at}.mlp.fc2.bias": (d,)}
            continue
        width, ff = config["head_dim"], config["intermediate_size"]
        heads, groups = config["num_attention_heads"] * width, config["num_key_value_heads"] * width
        found |= {f"{at}.self_attn.o_proj.weight": (d, heads), f"{at}.mlp.down_proj.weight": (d, ff)}
        if config["model_type"] == "phi3":
            found |= {f"{at}.self_attn.qkv_proj.weight": (heads + 2 * groups, d)}
            found |= {f"{at}.mlp.gate_up_proj.weight": (2 * ff, d)}
        else:
            for name, size in (("q", heads), ("k", groups), ("v", groups)):
                found[f"{at}.self_attn.{name}_proj.weight"] = (size, d)
                if config.get("biases"):
                    found[f"{at}.self_attn.{name}_proj.bias"] = (size,)
            found |= {f"{at}.mlp.{name}_proj.weight": (ff, d) for name in ("gate", "up")}
    return found


def random_tensors(config: dict[str, Any], seed: int) -> Tensors:
    random = np.random.default_rng(seed)
    found = {name: random.normal(0, 0.7, shape).astype(np.float32) for name, shape in shapes(config).items()}
    for name in [name for name in found if name.endswith("proj.weight") and "self_attn" in name]:
        found[name][::3] = 0  # rows that are left out, or half of what is rotated
    return found


def written(folder: Path, config: dict[str, Any], tensors: Tensors, files: int = 1) -> Path:
    """A checkpoint, in one file or several."""
    (folder / "config.json").write_text(json.dumps(config))
    words = {"vocab": {"a": 0, "b": 1, "<s>": 2}}
    (folder / "tokenizer.json").write_text(
        json.dumps({"model": words, "added_tokens": [{"id": 3, "content": "<pad>"}]})
    )
    if files == 1:
        save_file(tensors, folder / "model.safetensors")
        return folder
    index = dict[str, str]()
    for number in range(files):
        part = {name: tensors[name] for name in sorted(tensors)[number::files]}
        save_file(part, folder / f"part-{number}.safetensors")
        index |= dict.fromkeys(part, f"part-{number}.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return folder


def forward(config: dict[str, Any], tensors: Tensors, ids: list[int]) -> Array:
    """Logits [tokens, vocabulary], in float64, as transformers' and torchwright's code computes them."""
    mine = config["model_type"] == "torchwright_custom"

    def norm(name: str, x: Array) -> Array:
        if f"{name}.weight" not in tensors:
            return x
        inverse = 1 / np.sqrt((x**2).mean(-1, keepdims=True) + config["rms_norm_eps"])
        found: Array = x * inverse * tensors[f"{name}.weight"]
        return found

    def linear(name: str, x: Array) -> Array:
        found: Array = x @ tensors[f"{name}.weight"].astype(np.float64).T + tensors.get(f"{name}.bias", np.float64(0))
        return found

    def rotated(x: Array, entries: int, base: float) -> Array:
        """[tokens, heads, width]: of the first so many entries the first half with the second."""
        angles = np.arange(len(x))[:, None] * base ** (-np.arange(0, entries, 2) / entries)
        cosines, sines = (np.concatenate([f(angles)] * 2, axis=1)[:, None] for f in (np.cos, np.sin))
        front, half = x[..., :entries], entries // 2
        turned = np.concatenate([-front[..., half:], front[..., :half]], axis=-1)
        return np.concatenate([front * cosines + turned * sines, x[..., entries:]], axis=-1)

    x = tensors["model.embed_tokens.weight"].astype(np.float64)[ids]
    for number in range(config["n_layers" if mine else "num_hidden_layers"]):
        at = f"model.layers.{number}"
        read = norm(f"{at}.input_layernorm", x)
        if mine:
            width, base, entries, scale = config["d_head"], config["rope_base"], config["d_rot"], 1.0
            heads = groups = config["n_heads_per_layer"][number]
            parts = [linear(f"{at}.self_attn.{name}_proj", read) for name in "qkv"]
        else:
            width, rope = config["head_dim"], config["rope_parameters"]
            base, entries = rope["rope_theta"], int(width * rope.get("partial_rotary_factor", 1))
            heads, groups, scale = config["num_attention_heads"], config["num_key_value_heads"], width**-0.5
            if config["model_type"] == "phi3":
                sizes = np.cumsum([heads * width, groups * width])
                parts = np.split(linear(f"{at}.self_attn.qkv_proj", read), sizes, axis=1)
            else:
                parts = [linear(f"{at}.self_attn.{name}_proj", read) for name in "qkv"]
        q, k, v = (part.reshape(len(ids), -1, width) for part in parts)
        q, k = rotated(q, entries, base), rotated(k, entries, base)
        k, v = (np.repeat(one, heads // groups, axis=1) for one in (k, v))
        scores = np.einsum("ihw,jhw->hij", q, k) * scale
        scores[:, ~np.tri(len(ids), dtype=bool)] = -np.inf
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        made = np.einsum("hij,jhw->ihw", weights / weights.sum(-1, keepdims=True), v)
        x = x + linear(f"{at}.self_attn.o_proj", made.reshape(len(ids), -1))
        read = norm(f"{at}.post_attention_layernorm", x)
        if mine:
            x = x + linear(f"{at}.mlp.fc2", np.maximum(linear(f"{at}.mlp.fc1", read), 0))
            continue
        if config["model_type"] == "phi3":
            gate, up = np.split(linear(f"{at}.mlp.gate_up_proj", read), 2, axis=1)
        else:
            gate, up = linear(f"{at}.mlp.gate_proj", read), linear(f"{at}.mlp.up_proj", read)
        x = x + linear(f"{at}.mlp.down_proj", gate / (1 + np.exp(-gate)) * up)
    x = norm("model.norm", x)
    return linear("model.embed_tokens" if config["tie_word_embeddings"] else "lm_head", x)


@pytest.mark.parametrize("title", CONFIGS)
def test_logits_are_those_of_the_model(title: str, tmp_path: Path) -> None:
    """Its cosines are computed in float32, so not all digits are the same."""
    config = CONFIGS[title]
    tensors = random_tensors(config, len(title))
    net = from_checkpoint(written(tmp_path, config, tensors, files=1 + len(title) % 2), 8)
    assert [token.name for token in net.vocabulary] == ["a", "b", "<s>", "<pad>", "<token 4>", "<token 5>"]
    ids = [2, 0, 5, 0, 1, 3]
    found = enclosed(net, [net.vocabulary[place].name for place in ids], "exact")
    logits = forward(config, tensors, ids)
    spread = 0.0
    for place in range(len(ids)):
        for other in range(1, 6):
            above = found.above(place, 0, other)
            assert above is not None
            wanted = logits[place, 0] - logits[place, other]
            assert abs(float(above[0]) - wanted) < 1e-4
            spread = max(spread, abs(wanted))
    assert spread > 1


def test_what_is_0_is_left_out(tmp_path: Path) -> None:
    tensors = random_tensors(TORCHWRIGHT, 0)
    name = "model.layers.0.self_attn."
    tensors[f"{name}q_proj.weight"][:4] = tensors[f"{name}k_proj.weight"][:4] = 0
    tensors[f"{name}v_proj.weight"][:4] = tensors[f"{name}o_proj.weight"][:, :4] = 0
    assert len(from_checkpoint(written(tmp_path, TORCHWRIGHT, tensors), 8).layers[0].heads) == 1


def test_heads_that_are_left_out_rotate_nothing(tmp_path: Path) -> None:
    tensors = random_tensors(TORCHWRIGHT, 0)
    for name in [name for name in tensors if "self_attn" in name]:
        tensors[name][:] = 0
    net = from_checkpoint(written(tmp_path, TORCHWRIGHT, tensors), 8)
    assert not any(layer.heads for layer in net.layers)
    assert not net.rotary


def test_a_model_gives_its_own_cosines(tmp_path: Path) -> None:
    folder = written(tmp_path, PHI3, random_tensors(PHI3, 0))
    own = np.stack([np.full((3, 1), 0.5), np.full((3, 1), 0.25)], axis=-1)
    assert [[(float(c), float(s)) for c, s in planes] for planes in from_checkpoint(folder, 3, own).rotary] == [
        [(0.5, 0.25)]
    ] * 3


def changed(config: dict[str, Any], **fields: Any) -> Callable[[Path], Transformer]:
    def read(folder: Path) -> Transformer:
        return from_checkpoint(written(folder, config | fields, random_tensors(config, 0)), 8)

    return read


def with_tensors(change: Callable[[Tensors], Any]) -> Callable[[Path], Transformer]:
    def read(folder: Path) -> Transformer:
        tensors = random_tensors(LLAMA, 0)
        change(tensors)
        return from_checkpoint(written(folder, LLAMA, tensors), 8)

    return read


def with_file(name: str, text: str, files: int = 1) -> Callable[[Path], Transformer]:
    def read(folder: Path) -> Transformer:
        written(folder, LLAMA, random_tensors(LLAMA, 0), files)
        (folder / name).write_text(text)
        return from_checkpoint(folder, 8)

    return read


REFUSED: dict[str, tuple[Callable[[Path], Transformer], str]] = {
    "another type of model": (
        changed(LLAMA, model_type="gpt2"),
        "a model of type 'gpt2'; the types that are read are phi3, llama, ",
    ),
    "no type": (changed(LLAMA, model_type=None), "a model of type None"),
    "another activation": (changed(LLAMA, hidden_act="gelu"), "hidden_act is 'gelu'; only 'silu' is read"),
    "a window": (changed(LLAMA, sliding_window=4), "sliding_window is 4; only None is read"),
    "scaled frequencies": (
        changed(LLAMA, rope_parameters={"rope_theta": 50.0, "rope_type": "yarn"}),
        "rope_type is 'yarn'; only 'default' is read",
    ),
    "scaled frequencies, as older versions say it": (
        changed(LLAMA, rope_parameters=None, rope_theta=50.0, rope_scaling={"type": "linear"}),
        "rope_scaling is {'type': 'linear'}; only none is read",
    ),
    "groups that do not divide heads": (
        changed(LLAMA, num_key_value_heads=3),
        "num_attention_heads is 4, which is not a",
    ),
    "no number of layers": (changed(LLAMA, num_hidden_layers=True), "num_hidden_layers is True; it has to be an integ"),
    "no list of heads": (changed(TORCHWRIGHT, n_heads_per_layer=2), "n_heads_per_layer is 2; it has to be a list"),
    "no base": (changed(TORCHWRIGHT, rope_base=None), "rope_base is None; it has to be a number above 0"),
    "few positions": (changed(LLAMA, max_position_embeddings=7), "8 positions are asked for, but the model has only 7"),
    "a tensor that is missing": (
        with_tensors(lambda tensors: tensors.pop("model.norm.weight")),
        "the tensor 'model.norm.weight' is missing",
    ),
    "a tensor too many": (
        with_tensors(lambda tensors: tensors.update({"model.layers.0.mlp.bias": np.zeros(3, np.float32)})),
        "the tensor 'model.layers.0.mlp.bias' is not one that a llama model has",
    ),
    "a shape": (
        with_tensors(lambda tensors: tensors.update({"model.norm.weight": np.zeros(3, np.float32)})),
        "the tensor 'model.norm.weight' has shape (3,); the config says (12,)",
    ),
    "not a number": (
        with_tensors(lambda tensors: tensors.update({"model.norm.weight": np.full(12, np.nan, np.float32)})),
        "nan",
    ),
    "no config": (with_file("config.json", "[]"), "config.json is not a JSON object"),
    "a config that is none": (with_file("config.json", "{"), "config.json is not a JSON document"),
    "an index that is none": (with_file("model.safetensors.index.json", "{}"), "has no weight_map"),
    "an index of another folder": (
        with_file("model.safetensors.index.json", '{"weight_map": {"x": "../x.safetensors"}}'),
        "names '../x.safetensors', which is not in its folder",
    ),
    "an index without a tensor": (
        with_file("model.safetensors.index.json", '{"weight_map": {"lm_head.weight": "model.safetensors"}}'),
        "the tensor 'model.embed_tokens.weight' is not in it, or not in its files",
    ),
    "a tokenizer without words": (
        with_file("tokenizer.json", "{}"),
        "the tokenizer's words cannot be read: KeyError('model')",
    ),
}


@pytest.mark.parametrize("title", REFUSED)
def test_what_is_not_read(title: str, tmp_path: Path) -> None:
    read, says = REFUSED[title]
    with pytest.raises(TransformerError, match=re.escape(says)):
        read(tmp_path)


def test_a_folder_is_a_model(tmp_path: Path) -> None:
    """``verify FOLDER``; an exported decoder is a folder, too, but not a checkpoint."""
    written(tmp_path, PHI3, random_tensors(PHI3, 0))
    (tmp_path / "spec.py").write_text("def expected(word):\n    return ['a'] * len(word)\n")
    options = ("--spec", tmp_path / "spec.py", "--words", "[a b]{1,2}", "--length", "2", "--arithmetic", "fp32")
    done = invoke("verify", tmp_path, *options, "--out", tmp_path / "out")
    assert done.code == 1
    assert "REFUTED" in done.out
    assert is_checkpoint(tmp_path)
    (tmp_path / "exported").mkdir()
    assert not is_checkpoint(folder_of(tmp_path / "exported"))
    assert not is_checkpoint(tmp_path / "none")
