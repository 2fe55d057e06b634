"""A decoder that was exported, read back: its weights are those of the network, and torch computes the same with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from exactformer.certificates.export.prepare import Request
from exactformer.certificates.export.targets import files_of
from exactformer.certificates.export.templates.model import Decoder
from exactformer.certificates.network_document import network_bytes, read_transformer
from exactformer.constructions.imported.decoder import from_decoder
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_numbers import TransformerError, added_up
from exactformer.constructions.transformer.exact_parts import AttentionHead, Form
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from tests.export.running import Work, certified, exported, named_sequences
from tests.imported.evaluator import final, logits

WORK = Work("increment", "1011")
SUMMARIZED = Work("reverse", "aab", Paradigm.SCOT)


def folder_of(path: Path, work: Work = WORK, dtype: str = "bf16", **asked: Any) -> Path:
    """What ``export --to torch`` writes."""
    export = exported(certified(work, "fused:bf16"), Request(Path(), "torch", dtype, unproved=True, **asked))
    for name, content in files_of(export, "torch").items():
        (path / name).write_bytes(content())
    return path


@pytest.mark.parametrize("dtype", ["bf16", "fp16", "fp32"])
@pytest.mark.parametrize("work", [WORK, SUMMARIZED], ids=str)
def test_the_network_is_the_one_that_was_exported(work: Work, dtype: str, tmp_path: Path) -> None:
    """Numbers and their order; tokens have the names that `exactformer run` prints, and positions are a table."""
    read = from_decoder(folder_of(tmp_path, work, dtype))
    beta = int(json.loads((tmp_path / "config.json").read_text())["beta"])
    network = construct(work.paradigm, load_machine(work.machine), work.position_bits)
    made = Transformer.of(network)
    assert [(one.embedding, one.unembedding) for one in read.vocabulary] == [
        (one.embedding, one.unembedding) for one in made.vocabulary
    ]
    assert read.longest is not None
    assert read.positions is not None
    assert made.positions is not None
    assert all(read.positions.vector(place) == made.positions.vector(place) for place in range(read.longest))
    assert [layer.neurons for layer in read.layers] == [layer.neurons for layer in made.layers]
    assert [layer.out for layer in read.layers] == [layer.out for layer in made.layers]
    for of_read, of_made in zip(read.layers, made.layers, strict=True):
        assert [scored(head, 1) for head in of_read.heads] == [scored(head, beta) for head in of_made.heads]
        assert [(head.value, head.out) for head in of_read.heads] == [(head.value, head.out) for head in of_made.heads]
    assert read.causal
    assert read.outputs is None
    assert read_transformer(network_bytes(read)) == read


def scored(head: AttentionHead, beta: int) -> list[tuple[tuple[tuple[int, int], Fraction], ...]]:
    """For each product in a score, the coordinates that are multiplied, and how often it counts."""
    return [
        tuple(((i, j), a * b * head.scale * beta) for i, a in query.vector for j, b in key.vector)
        for query, key in zip(head.query, head.key, strict=True)
    ]


@pytest.mark.parametrize("width", [None, 256])
def test_it_computes_what_torch_computes(width: int | None, tmp_path: Path) -> None:
    work = replace(WORK, word="11")
    net, decoder = from_decoder(folder_of(tmp_path, work, "fp32", head_width=width)), Decoder.load(tmp_path, "eager")
    for tokens in named_sequences(work):
        ids = [net.index[token] for token in tokens]
        assert ids == [decoder.vocabulary.read(token) for token in tokens]
        trace: list[Any] = []
        made = decoder(torch.tensor([ids]), trace=trace)[0].numpy()
        x = final(net, tokens)
        assert np.abs(trace[-1][0].numpy() - x).max() < 1e-4
        assert np.abs(made - logits(net, x)).max() < 1e-4


def random_decoder(path: Path, kind: str = "F32", **changed: Any) -> Path:
    """It has 2 layers, with weights that no compiler made; ``changed``: fields of the config's shape."""
    shape = {
        "vocabulary": 3,
        "context": 5,
        "layers": 2,
        "width": 4,
        "heads": [1, 2],
        "head_width": 4,
        "hidden": [3, 3],
        **changed,
    }
    write(path, kind, {"shape": shape, "tokens": ["a", "b", "c"]}, tensors_of(shape))
    return path


def tensors_of(shape: dict[str, Any]) -> dict[str, Any]:
    rng, d = np.random.default_rng(7), shape["width"]
    sizes: dict[str, tuple[int, ...]] = {
        "embed_tokens.weight": (3, d),
        "embed_positions.weight": (shape["context"], d),
        "lm_head.weight": (3, d),
    }
    for layer, (heads, hidden) in enumerate(zip(shape["heads"], shape["hidden"], strict=True)):
        rows = heads * shape["head_width"]
        parts = {"q_proj": (rows, d), "k_proj": (rows, d), "v_proj": (rows, d), "o_proj": (d, rows)}
        parts |= {"up": (hidden, d), "down": (d, hidden)}
        sizes |= {f"layers.{layer}.{name}.weight": size for name, size in parts.items()}
        sizes |= {f"layers.{layer}.up.bias": (hidden,)}
    return {name: rng.standard_normal(size).astype(np.float32) for name, size in sizes.items()}


def write(path: Path, kind: str, config: Any, tensors: dict[str, Any]) -> None:
    """Numbers of bf16 are float32 with 16 bits cut off."""
    (path / "config.json").write_text(json.dumps(config))
    header: dict[str, Any] = {"__metadata__": {"claimed": "nothing"}}
    data = b""
    for name, tensor in tensors.items():
        if kind == "BF16":
            part = (tensor.view(np.uint32) >> 16).astype("<u2").tobytes()
        else:
            part = tensor.astype({"F64": "<f8", "F32": "<f4", "F16": "<f2", "I32": "<i4"}[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    (path / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)


@pytest.mark.parametrize("kind", ["F64", "F32", "F16", "BF16"])
def test_weights_are_as_they_are_stored(kind: str, tmp_path: Path) -> None:
    net = from_decoder(random_decoder(tmp_path, kind))
    stored = load_file(tmp_path / "model.safetensors")
    head, rows = net.layers[1].heads[1], slice(4, 8)
    for name, forms in (("q_proj", head.query), ("k_proj", head.key), ("v_proj", head.value)):
        assert forms == forms_of(stored[f"layers.1.{name}.weight"][rows])
    out = forms_of(stored["layers.1.o_proj.weight"][:, rows])
    assert head.out == tuple(enumerate(out))
    assert head.scale == Fraction(1, 2)
    assert tuple(form.vector for form in net.layers[0].neurons) == tuple(
        form.vector for form in forms_of(stored["layers.0.up.weight"])
    )
    assert [form.bias for form in net.layers[0].neurons] == list(map(Fraction, stored["layers.0.up.bias"].tolist()))
    assert net.layers[0].out == tuple(enumerate(forms_of(stored["layers.0.down.weight"])))
    assert net.positions is not None
    first = (net.vocabulary[2].embedding, net.positions.vector(4))
    assert first == tuple(
        forms_of(stored[f"embed_{name}.weight"])[row].vector for name, row in (("tokens", 2), ("positions", 4))
    )
    assert added_up(first)
    assert net.vocabulary[1].unembedding == forms_of(stored["lm_head.weight"])[1]


def forms_of(rows: Any) -> tuple[Form, ...]:
    return tuple(Form(tuple((c, Fraction(one)) for c, one in enumerate(row) if one)) for row in rows.tolist())


def test_random_weights_compute_what_torch_computes(tmp_path: Path) -> None:
    net, decoder = from_decoder(random_decoder(tmp_path)), Decoder.load(tmp_path)
    made = decoder(torch.tensor([[2, 0, 1, 1, 0]]))[0].numpy()
    assert np.abs(made - logits(net, final(net, list("cabba")))).max() < 1e-3


# ---------------------------------------------------------------------------- what is none

Config = dict[str, Any]


def bad_config(change: Callable[[Config], object]) -> Callable[[Path], object]:
    def apply(path: Path) -> None:
        config = json.loads((path / "config.json").read_text())
        change(config)
        (path / "config.json").write_text(json.dumps(config))

    return apply


def bad_tensors(change: Callable[[dict[str, Any]], object], kind: str = "F32") -> Callable[[Path], object]:
    def apply(path: Path) -> None:
        config = json.loads((path / "config.json").read_text())
        tensors = tensors_of(config["shape"])
        change(tensors)
        write(path, kind, config, tensors)

    return apply


def bad_file(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda path: (path / name).write_bytes(data)


def mixed(path: Path) -> None:
    data = (path / "model.safetensors").read_bytes()
    (path / "model.safetensors").write_bytes(data.replace(b'"F32"', b'"F16"', 1))


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda path: (path / "config.json").unlink(), "{path}/config.json cannot be read: No such file"),
    "no weights": (lambda path: (path / "model.safetensors").unlink(), "{path}/model.safetensors cannot be read: No s"),
    "a config that is not JSON": (bad_file("config.json", b"{"), "{path}/config.json is not a config of an exported"),
    "a config without a shape": (bad_config(lambda c: c.pop("shape")), "{path}/config.json is not a config of an exp"),
    "a shape without heads": (
        bad_config(lambda c: c["shape"].pop("heads")),
        "{path}/config.json is not a config of an e",
    ),
    "a width of 0": (
        bad_config(lambda c: c["shape"].update(width=0)),
        "{path}/config.json: the shape's width is 0; it has to be an integer from 1 on",
    ),
    "tokens that are not a list": (
        bad_config(lambda c: c.update(tokens="abc")),
        "{path}/config.json: the tokens are not a list of names",
    ),
    "a token twice": (bad_config(lambda c: c.update(tokens=list("aba"))), "the token 'a' is in the vocabulary twice"),
    "a token too few": (
        bad_config(lambda c: c.update(tokens=["a", "b"])),
        "embedding has shape (3, 4); it has to be (2, 4)",
    ),
    "a head width whose root is not a power of two": (
        lambda path: random_decoder(path, head_width=9),
        "the head width is 9, whose root is not the same number in every attention; it has to be a power of 4",
    ),
    "a head width that is not a square": (
        lambda path: random_decoder(path, head_width=8),
        "the head width is 8, whose root is not the same number in every attention; it has to be a power of 4",
    ),
    "a tensor that is missing": (
        bad_tensors(lambda t: t.pop("layers.1.up.bias")),
        "the tensor 'layers.1.up.bias' is missing",
    ),
    "another tensor": (
        bad_tensors(lambda t: t.update({"norm.weight": np.ones(4, np.float32)})),
        "the tensor 'norm.weight' is not one of a decoder",
    ),
    "a tensor of another shape": (
        bad_config(lambda c: c["shape"].update(hidden=[4, 3])),
        "the tensor 'layers.0.up.weight' has shape (3, 4); the config says (4, 4)",
    ),
    "heads of one layer only": (
        bad_config(lambda c: c["shape"].update(heads=[2])),
        "{path}/config.json: the shape's heads is [2]; it has to list an integer from 1 on for each layer",
    ),
    "a layer without heads": (
        bad_config(lambda c: c["shape"].update(heads=[1, 0])),
        "{path}/config.json: the shape's heads is [1, 0]; it has to list an integer from 1 on for each layer",
    ),
    "a factored vocabulary": (
        bad_config(lambda c: c.update(families=[])),
        "{path}/config.json: the vocabulary is factored, so tokens have no rows of their own that could be read",
    ),
    "a weight that is not a number": (
        bad_tensors(lambda t: t["lm_head.weight"].fill(np.nan)),
        "unembedding, row 0, column 0 is nan; weights have to be finite numbers",
    ),
    "integers": (
        bad_tensors(lambda t: t, "I32"),
        "{path}/model.safetensors has tensors of I32; all have to be of one type among F64, F32,",
    ),
    "two types": (
        mixed,
        "{path}/model.safetensors has tensors of F16 and F32; all have to be of one type among F64, F32,",
    ),
    "an empty file": (bad_file("model.safetensors", b""), "{path}/model.safetensors is not a safetensors file"),
    "no header": (bad_file("model.safetensors", b"\xff" * 64), "{path}/model.safetensors is not a safetensors file"),
    "a header that is a list": (
        bad_file("model.safetensors", (2).to_bytes(8, "little") + b"[]"),
        "{path}/model.safetensors is not a safetensors file",
    ),
    "a file that was cut": (
        lambda path: (path / "model.safetensors").write_bytes((path / "model.safetensors").read_bytes()[:-4]),
        "the tensor 'layers.1.up.bias' has 8 bytes, which are not [3] numbers of F32",
    ),
    "a shape below 0": (
        bad_file(
            "model.safetensors",
            (55).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}}',
        ),
        "the tensor 'a' has the shape [-1], which is not a shape",
    ),
}


@pytest.mark.parametrize("title", BAD)
def test_what_is_no_exported_decoder(title: str, tmp_path: Path) -> None:
    change, sentence = BAD[title]
    random_decoder(tmp_path)
    change(tmp_path)
    with pytest.raises(TransformerError, match=f"^{re.escape(sentence.format(path=tmp_path))}"):
        from_decoder(tmp_path)


def test_a_file_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exactformer.constructions.imported.safetensors_file.LARGEST_FILE", 100)
    with pytest.raises(
        TransformerError, match=r"model\.safetensors is longer than 100 bytes; only smaller models are read$"
    ):
        from_decoder(random_decoder(tmp_path))
