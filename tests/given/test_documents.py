"""The network document and the certificate: canonical, read back, and with the fields of NETWORKS 1 and 4 to 6."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

import exactformer as ef
from exactformer.certificates.files import FileRefused
from exactformer.certificates.names import LONGEST
from exactformer.certificates.network_document import network_bytes, network_document, read_transformer
from exactformer.certificates.network_json import NetworkDocumentError
from exactformer.certificates.sequences.certificate import SLACK, stated_drift, stated_margin
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import (
    HeadWeights,
    LayerWeights,
    largest_outputs,
    nearest_outputs,
)
from exactformer.constructions.transformer.exact_norms import LayerNorm, RMSNorm
from exactformer.constructions.transformer.exact_parts import BitPositions
from exactformer.constructions.transformer.given import Given, GivenError
from exactformer.verify.stored import Unsupported
from exactformer.verify.verdict import Verdict
from tests.given.networks import EVERYTHING, random_transformer

COUNTER = ef.Transformer.build(
    ["a", "b"],
    [[1, 0, 0], [0, 1, 0]],
    [[0, 0, 1], [0, 0, -1]],
    [LayerWeights([HeadWeights([[0, 0, 0]], [[0, 0, 0]], [[1, -1, 0]], [[0], [0], [1]], name="mean")])],
)
"""A head whose scores are all 0: the third coordinate is the number of a less that of b, over the length."""


@pytest.mark.parametrize("seed", range(6))
def test_documents_are_read_back(seed: int) -> None:
    net = random_transformer(Random(seed), layers=2, bits=60 * (seed % 2), length=None if seed < 3 else 4)
    data = network_bytes(net)
    assert read_transformer(data) == net
    assert network_bytes(read_transformer(data)) == data
    assert data == json.dumps(json.loads(data), sort_keys=True, separators=(",", ":")).encode() + b"\n"


def test_positions_in_bits_are_read_back() -> None:
    net = Transformer(2, COUNTER.vocabulary[:0] + _two_tokens(), (), BitPositions(0, 2), False, ("x", "y"))
    assert read_transformer(network_bytes(net)) == net
    document = network_document(net)
    assert document["positions"] == {"bits": [0, 2]}
    assert document["attention"] == "full"


@pytest.mark.parametrize("seed", range(8))
def test_documents_with_norms_gates_and_rotary_positions_are_read_back(seed: int) -> None:
    net = random_transformer(Random(seed), layers=2, bits=60 * (seed % 2), length=None if seed < 3 else 4, **EVERYTHING)
    data = network_bytes(net)
    assert read_transformer(data) == net
    assert network_bytes(read_transformer(data)) == data


def modern() -> Transformer:
    """Norms, gates, an activation and a head that rotates."""
    norm, head = RMSNorm([0.5], 1), HeadWeights([[1], [2]], [[1], [2]], [[1]], [[1]], rotary=[(0, 1, 0)])
    gated = LayerWeights([head], [[1]], [[1]], gates=[[2]], activation="silu", heads_norm=norm, behind_mlp_norm=norm)
    last = LayerNorm([2], Fraction(1, 8), [3])
    tables = [[[1, 0]], [[0.5, -0.25]]]
    return Transformer.build(["a", "b"], [[1], [2]], [[1], [0]], [gated, LayerWeights()], rotary=tables, norm=last)


def test_fields_of_norms_gates_and_rotary_positions() -> None:
    document = network_document(modern())
    norm = {"center": False, "epsilon": 1, "weight": [[0, "1/2"]], "bias": []}
    first, second = document["layers"]
    assert first["norms"] == {"heads": norm, "behind_mlp": norm}
    neuron = [[[0, 1]], 0]
    assert first["mlp"] == {
        "neurons": [neuron], "out": [[0, neuron]], "activation": "silu", "gates": [[[[0, 2]], 0]],
    }  # fmt: skip
    assert first["heads"][0]["rotary"] == [[0, 1, 0]]
    assert second == {"heads": [], "mlp": {"neurons": [], "out": []}}
    assert document["rotary"] == [[[1, 0]], [["1/2", "-1/4"]]]
    assert document["norm"] == {"center": True, "epsilon": "1/8", "weight": [[0, 2]], "bias": [[0, 3]]}
    plain = network_document(COUNTER)
    assert not {"rotary", "norm"} & plain.keys()
    assert {"norms", "rotary"} & {*plain["layers"][0], *plain["layers"][0]["heads"][0]} == set()


def _two_tokens() -> tuple[Any, ...]:
    return Transformer.build(["a", "b"], [[1, 0], [0, 1]], [[1, 0], [0, 1]], []).vocabulary


def all_of_it() -> Transformer:
    """Scales, unseen tokens, outputs of its own."""
    scaled = HeadWeights([[1]], [[1]], [[1]], [[1]], scale=Fraction(1, 3))
    return Transformer.build(
        ["a", "b", "pad"],
        [[1], [2], [3]],
        None,
        [LayerWeights([scaled, HeadWeights([[1]], [[1]], [[1]], [[1]])])],
        unseen=["pad", "b"],
        outputs=largest_outputs(["yes", "no"], [[0.5], [-1]], [0, 3], width=1),
    )


def test_scales_unseen_tokens_and_outputs_are_read_back() -> None:
    net = all_of_it()
    assert read_transformer(network_bytes(net)) == net
    document = network_document(net)
    assert document["unseen"] == ["b", "pad"]
    assert document["outputs"] == {"largest": [["yes", [[[0, "1/2"]], 0]], ["no", [[[0, -1]], 3]]]}
    assert [head.get("scale") for head in document["layers"][0]["heads"]] == ["1/3", None]
    assert document["vocabulary"][2] == {"token": "pad", "embedding": [[0, 3]], "unembedding": [[], 0]}
    near = replace(net, outputs=nearest_outputs([0.5], [1, Fraction(1, 3), 0], 0.25, width=1))
    assert read_transformer(network_bytes(near)) == near
    assert network_document(near)["outputs"] == {"nearest": [[[[0, "1/2"]], "1/4"], [0, "1/3", 1]]}
    plain = network_document(COUNTER)
    assert not {"unseen", "outputs"} & plain.keys()


def test_numbers_are_integers_or_texts() -> None:
    net = Transformer.build(["a", "b"], [[2**53, 2**53 + 1], [-3, Fraction(5, 8)]], [[1, 0], [0, -(2**60)]], [])
    document = network_document(net)
    assert [token["embedding"] for token in document["vocabulary"]] == [
        [[0, 2**53], [1, "9007199254740993"]],
        [[0, -3], [1, "5/8"]],
    ]
    assert document["vocabulary"][1]["unembedding"] == [[[1, str(-(2**60))]], 0]


def changed(place: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        *path, last = place.split(".")
        inside: Any = document
        for key in path:
            inside = inside[int(key) if key.isdigit() else key]
        inside[int(last) if last.isdigit() else last] = value

    return change


BAD = {
    "another version": (changed("version", 1), "the network has format 'exactformer network', version 1"),
    "another format": (changed("format", "weights"), "the network has format 'weights'"),
    "a field more": (changed("more", 1), "network has to be an object with the fields"),
    "another attention": (changed("attention", "local"), "attention is 'local'; it has to be 'causal' or 'full'"),
    "a float": (changed("vocabulary.0.embedding.0.1", 0.5), "the network is not a JSON document: 0.5 is written as a"),
    "a rational that is none": (changed("vocabulary.0.embedding.0.1", "1/0"), "vocabulary[0].embedding is '1/0'"),
    "not dyadic": (changed("vocabulary.0.embedding.0.1", "1/3"), "the embedding of 'a', index 0: 1/3 is 0, or its"),
    "indices that fall": (changed("vocabulary.0.embedding", [[1, 1], [0, 1]]), "the embedding of 'a': index 0 comes"),
    "an index too large": (changed("vocabulary.0.embedding.0.0", 3), "the embedding of 'a': index 3 comes after -1"),
    "a truth value": (changed("width", True), "width has to be an integer from 0 to 2^53"),
    "no list": (changed("layers.0.heads", {}), "layers[0].heads has to be a list"),
    "more keys": (changed("layers.0.heads.0.key", [[[], 0], [[], 0]]), "layer 1, head 0: 1 queries and 2 keys"),
    "a value that is not there": (
        changed("layers.0.heads.0.out.0.1.0.0.0", 5),
        "layer 1, head 0, out, coordinate 2, form 0: index 5 comes after -1, of 1",
    ),
    "a token twice": (changed("vocabulary.1.token", "a"), "the token 'a' is in the vocabulary twice"),
    "bits beyond the width": (changed("positions", {"bits": [2, 2]}), "2 bits of the position from coordinate 2"),
    "positions of a third kind": (changed("positions", {"sine": 1}), "positions has to be an object with the fields"),
}


BAD_EXTENSIONS = {
    "a scale of 1": (changed("layers.0.heads.0.scale", 1), "layers[0].heads[0].scale is 1; leave it out"),
    "a scale of 0": (changed("layers.0.heads.0.scale", 0), "layer 1, head 0: the scale of scores is 0; it has to be a"),
    "a scale below 0": (changed("layers.0.heads.0.scale", "-1/2"), "layer 1, head 0: the scale of scores is -1/2; it "),
    "a scale that is a float": (changed("layers.0.heads.0.scale", 0.5), "the network is not a JSON document: 0.5 is"),
    "a scale that is nothing": (changed("layers.0.heads.0.scale", None), "layers[0].heads[0].scale is None; it has to"),
    "an unknown field of a head": (
        changed("layers.0.heads.0.more", 1),
        "layers[0].heads[0] has to be an object with the fields name, query, key, value, out and, where needed, scale, "
        "rotary",
    ),
    "nothing unseen": (changed("unseen", []), "unseen is empty; leave it out"),
    "an unseen token that is none": (changed("unseen", ["c"]), "the unseen token 'c' is not in the vocabulary"),
    "unseen tokens in another order": (changed("unseen", ["pad", "b"]), "the unseen token 'b' comes after 'pad'; each"),
    "an unseen token twice": (changed("unseen", ["b", "b"]), "the unseen token 'b' comes after 'b'; each is named onc"),
    "unseen tokens that are not texts": (changed("unseen", [1]), "unseen[0] has to be a text"),
    "outputs of both kinds": (changed("outputs.nearest", []), "outputs has to be an object with one field, largest or"),
    "outputs that are nothing": (changed("outputs", None), "outputs has to be an object with one field, largest or ne"),
    "one output": (changed("outputs.largest", [["yes", [[], 0]]]), "there are 1 outputs; a network needs at least two"),
    "an output twice": (changed("outputs.largest.1.0", "yes"), "the output 'yes' is there twice; names have to be uni"),
    "an output without a form": (changed("outputs.largest.1", ["no"]), "outputs.largest[1] has to be a list of 2"),
    "an output named by a number": (changed("outputs.largest.1.0", 1), "outputs.largest[1] has to be a text"),
    "an output beyond the width": (
        changed("outputs.largest.1.1.0.0.0", 1),
        "the output 'no', form 0: index 1 comes after -1, of 1; indices have to ascend",
    ),
    "one number": (changed("outputs", {"nearest": [[[], 0], [1]]}), "there are 1 numbers for outputs; a network needs"),
    "numbers that fall": (changed("outputs", {"nearest": [[[], 0], [1, 0]]}), "the outputs' number 0 comes after 1; n"),
    "a number twice": (changed("outputs", {"nearest": [[[], 0], ["1/3", "1/3"]]}), "the outputs' number 1/3 comes aft"),
    "a form that is none": (changed("outputs", {"nearest": [[], [0, 1]]}), "outputs.nearest[0] has to be a list of 2"),
    "a weight that is not dyadic": (
        changed("outputs", {"nearest": [[[[0, "1/3"]], 0], [0, 1]]}),
        "the outputs' form 0, index 0: 1/3 is 0, or its denominator is not a power of two",
    ),
}


BAD_MODERN = {
    "relu, which is left out": (changed("layers.0.mlp.activation", "relu"), "layers[0].mlp.activation is relu; leave "),
    "an unknown activation": (changed("layers.0.mlp.activation", "swish"), "layer 1: the activation is 'swish'; it ha"),
    "an activation that is not a text": (changed("layers.0.mlp.activation", 1), "layers[0].mlp.activation has to be a"),
    "no gates": (changed("layers.0.mlp.gates", []), "layers[0].mlp.gates is empty; leave it out"),
    "gates that are nothing": (changed("layers.0.mlp.gates", None), "layers[0].mlp.gates has to be a list"),
    "a gate more": (changed("layers.0.mlp.gates", [[[], 0], [[], 0]]), "layer 1: 2 gates for 1 neurons; give each neu"),
    "a field more of an MLP": (
        changed("layers.0.mlp.bias", 1),
        "layers[0].mlp has to be an object with the fields neurons, out and, where needed, activation, gates",
    ),
    "no norms": (changed("layers.0.norms", {}), "layers[0].norms is empty; leave it out"),
    "a norm elsewhere": (
        changed("layers.0.norms.values", {}),
        "layers[0].norms has to be an object with no fields but heads, behind_heads, mlp, behind_mlp",
    ),
    "a norm that is nothing": (
        changed("layers.0.norms.heads", None),
        "layers[0].norms.heads has to be an object with the fields center, epsilon, weight, bias",
    ),
    "a center that is a number": (changed("norm.center", 0), "norm.center has to be true or false"),
    "an epsilon below 0": (changed("norm.epsilon", -1), "the norm before outputs: epsilon is -1; it has to be at leas"),
    "an epsilon that is not dyadic": (changed("norm.epsilon", "1/3"), "the norm before outputs: epsilon is 1/3; it ha"),
    "a weight beyond the width": (
        changed("norm.weight", [[1, 1]]),
        "the norm before outputs, weight: index 1 comes after -1, of 1; indices have to ascend",
    ),
    "a final norm that is nothing": (changed("norm", None), "norm has to be an object with the fields center, epsilon"),
    "no rotary tables": (changed("rotary", []), "rotary is empty; leave it out"),
    "a position without planes": (changed("rotary.1", []), "rotary, position 1 has 0 planes, and position 0 has 1; a"),
    "a cosine without a sine": (changed("rotary.1.0", [1]), "rotary[1][0] has to be a list of 2"),
    "a sine that is a text": (changed("rotary.1.0.1", "x"), "rotary[1][0] is 'x'; it has to be an integer, or a text "),
    "a sine that is not dyadic": (changed("rotary.1.0.1", "1/3"), "rotary, position 1, plane 0, sine is 1/3, whose de"),
    "a head without rotations": (changed("layers.0.heads.0.rotary", []), "layers[0].heads[0].rotary is empty; leave i"),
    "a pair for a rotation": (changed("layers.0.heads.0.rotary.0", [0, 1]), "layers[0].heads[0].rotary[0] has to be a"),
    "an entry below 0": (changed("layers.0.heads.0.rotary.0.0", -1), "layers[0].heads[0].rotary[0] has to be an integ"),
    "an entry twice": (changed("layers.0.heads.0.rotary.0.0", 1), "layer 1, head 0: it rotates entry 1 of its query t"),
    "a plane that is none": (changed("layers.0.heads.0.rotary.0.2", 1), "layer 1, head 0: it rotates by plane 1; the "),
}
SOUND = {
    **dict.fromkeys(BAD, COUNTER),
    **dict.fromkeys(BAD_EXTENSIONS, all_of_it()),
    **dict.fromkeys(BAD_MODERN, modern()),
}


@pytest.mark.parametrize("title", SOUND)
def test_what_is_no_network_document(title: str) -> None:
    change, sentence = (BAD | BAD_EXTENSIONS | BAD_MODERN)[title]
    document = network_document(SOUND[title])
    change(document)
    with pytest.raises(NetworkDocumentError, match=f"^{re.escape(sentence)}"):
        read_transformer(json.dumps(document).encode())


def test_saving_and_loading(tmp_path: Path) -> None:
    path = ef.save_transformer(COUNTER, tmp_path / "counter.json")
    assert ef.load_transformer(path) == COUNTER
    other = random_transformer(Random(1))
    with pytest.raises(FileRefused):
        ef.save_transformer(other, path)
    assert ef.load_transformer(ef.save_transformer(other, path, force=True)) == other
    with pytest.raises(NetworkDocumentError, match="cannot be read"):
        ef.load_transformer(tmp_path / "none.json")


# ---------------------------------------------------------------------------- certificates

MANY, FEW = ["a"] * 5 + ["b"] * 3, ["a"] * 65 + ["b"] * 64


def test_a_certificate_that_certifies(tmp_path: Path) -> None:
    certificate = ef.certify(COUNTER, Given([(MANY, {7: "a"}), ["b"]]), "rounded:fp32/bf16", name="counter")
    assert certificate.verdict is Verdict.CERTIFIED
    assert certificate.claim == (
        "On 2 given sequences, the softmax transformer of these weights, in the arithmetic rounded:fp32/bf16 at "
        "beta = 1, ranks the expected token strictly first at each of the 2 positions asked about."
    )
    path = certificate.write(tmp_path)
    document = json.loads(path.read_bytes())
    assert set(document) == {
        "format", "version", "statement", "network", "hardmax", "softmax", "verdict", "refutation", "provenance",
    }  # fmt: skip
    assert (document["format"], document["version"]) == ("exactformer certificate about sequences", 2)
    assert document["statement"] == {
        "claim": certificate.claim,
        "sequences": [{"tokens": MANY, "asked": [[7, "a"]]}, {"tokens": ["b"], "asked": [[0, "b"]]}],
        "arithmetic": "rounded:fp32/bf16",
        "beta": "1",
    }
    assert document["hardmax"] == {
        "heads": [{"layer": 1, "head": 0, "name": "mean", "separation": None, "ties": 8}],
        "margin": "1/2",
    }
    # 8 weights of 1/8 are exact, and so is their mean.
    assert Fraction(63, 128) * Fraction(4095, 4096) <= Fraction(document["softmax"]["margin"]) <= Fraction(63, 128)
    [[attention, mlp]] = document["softmax"]["drift"]
    assert Fraction(attention) == Fraction(mlp) < Fraction(1, 100)
    assert (document["verdict"], document["refutation"]) == ("certified", None)
    network = tmp_path / document["network"]["weights"]["file"]
    assert sha256(network.read_bytes()).hexdigest() == document["network"]["weights"]["sha256"]
    assert ef.load_transformer(network) == COUNTER
    assert re.fullmatch(r"counter\.2-sequences\.rounded-fp32-bf16\.[0-9a-f]{12}\.certificate\.json", path.name)
    assert certificate.write(tmp_path) == path


def test_a_near_tie_is_refuted_in_bf16() -> None:
    """1 + 2^-9 beats 1, but not in bf16, where it is 1."""
    given = Given([(["a"], {0: "a"})])
    tie = ef.Transformer.build(["a", "b"], [[1 + 2**-9], [1]], [[1], [0]], [], unembedding_bias=[0, 1])
    certified = ef.certify(tie, given, "rounded:fp32/fp32")
    assert certified.verdict is Verdict.CERTIFIED
    refuted = ef.certify(tie, given, "rounded:bf16/bf16")
    assert refuted.verdict is Verdict.REFUTED
    assert refuted.bundle.document["refutation"] == {"sequence": 0, "position": 0, "token": "b"}
    assert refuted.bundle.document["hardmax"]["margin"] == "1/512"
    assert refuted.bundle.document["softmax"]["margin"] is None
    assert refuted.claim.endswith(
        "does not rank the expected token strictly first at each of the 1 position asked about."
    )


def test_averages_are_told_apart() -> None:
    """65 a and 64 b: what is ranked is 1/129 above 0, of 129 weights that are each rounded to bf16."""
    assert ef.certify(COUNTER, Given([(FEW, {128: "a"})]), "fused:bf16").verdict is Verdict.CERTIFIED


def test_what_cannot_be_told_is_inconclusive() -> None:
    """A logit is the sum of two products that cancel, up to less than they may be rounded by."""
    u = Fraction(1, 2**23)
    close = ef.Transformer.build(
        ["a", "b"], [[1 + u, 1 - u], [0, 0]], [[1 + u, -1], [0, 0]], [], unembedding_bias=[-3 * u, 0]
    )
    certificate = ef.certify(close, Given([(["a"], {0: "a"})]), "rounded:fp32/fp32")
    assert certificate.verdict is Verdict.INCONCLUSIVE
    assert certificate.claim.endswith(
        "is not shown to rank the expected token strictly first at each of the 1 position asked about, nor shown not "
        "to."
    )
    assert certificate.bundle.document["softmax"]["margin"] is None
    assert certificate.refutation is None


def test_an_overflow_is_inconclusive_and_says_where() -> None:
    loud = ef.Transformer.build(["a", "b"], [[2**15], [1]], [[1], [0]], [LayerWeights(out_bias=[2**15])])
    certificate = ef.certify(loud, Given([(["b", "a"], {1: "a"})]), "fused:fp16")
    assert certificate.verdict is Verdict.INCONCLUSIVE
    assert certificate.bundle.document["softmax"] == {"margin": None, "drift": [["0", None]]}
    assert certificate.not_shown == "layer 1, MLP: a number may overflow fp16"


def test_compiled_networks_are_taken_as_they_are() -> None:
    network, _ = ef.ngram(letters="abc", n=1, context=32)
    tokens = ["START", "SYM symbol=a", "SYM symbol=b", "SYM symbol=a"]
    given = Given([(tokens, {3: "SYM symbol=b"})])
    certificate = ef.certify(network, given, "fused:bf16", beta=64)
    assert certificate.verdict is Verdict.CERTIFIED
    assert certificate.bundle.document["hardmax"]["margin"] == "1"
    with pytest.raises(TypeError, match="context does not go with Given"):
        ef.certify(network, given, "fused:bf16", context=8)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="Theory of a Transformer is not judged"):
        ef.certify(COUNTER, ef.ngram(letters="abc", n=1, context=32)[1], "exact", context=8)  # type: ignore[call-overload]


TWO: dict[str, Any] = {"vocabulary": "ab", "embedding": [[1, 0], [0, 1]]}
MEAN = HeadWeights([[2, 0]], [[0, 4]], [[0, 1]], [[0], [1]], scale=Fraction(1, 3))
"""b scores 8/3 above a for a token a."""


def test_what_real_models_have_on_given_sequences(tmp_path: Path) -> None:
    """Scales of scores, tokens that no head sees, outputs with names of their own, and kernel steps."""
    outputs = largest_outputs(["mostly b", "mostly a"], [[0, 1], [0, -1]], [-0.5, 0.5], width=2)
    net = ef.Transformer.build(
        **TWO, unembedding=None, layers=[LayerWeights([MEAN])], causal=False, unseen=["a"], outputs=outputs
    )
    certificate = ef.certify(net, Given([(["b", "a", "a"], {2: "mostly b"})]), "rounded:fp32/fp32/bf16+exp2")
    assert certificate.verdict is Verdict.CERTIFIED
    assert ef.check(certificate.write(tmp_path), network=net).verdict == "certified"
    for sequence, says in (
        (["a", "a"], "sequence 0 has only tokens that no head sees"),
        ((["b"], {0: "b"}), "sequence 0: 'b' is not an output"),
    ):
        with pytest.raises(GivenError, match=f"^{says}$"):
            ef.certify(net, Given([sequence]), "exact")
    with pytest.raises(
        GivenError, match=r"^sequence 0 begins with 'a', which no head sees: so its first token sees no"
    ):
        ef.certify(replace(net, causal=True), Given([(["a", "b"], {1: "mostly a"})]), "exact")


def test_a_scale_decides() -> None:
    """Of 1/3 and 1/1024 of 8 below the largest score: with the first b is nearly all, with the second half."""
    verdicts = []
    for scale in (Fraction(1, 3), Fraction(1, 1024)):
        layers = [LayerWeights([replace(MEAN, scale=scale)])]
        net = ef.Transformer.build(
            **TWO, unembedding=[[0, 1], [0, 0]], unembedding_bias=[-0.75, 0], layers=layers, causal=False
        )
        verdicts.append(ef.certify(net, Given([(["a", "b"], {0: "a"})]), "fp32").verdict)
    assert verdicts == [Verdict.CERTIFIED, Verdict.REFUTED]


def test_outputs_that_are_numbers_are_not_ranked() -> None:
    net = ef.Transformer.build(**TWO, unembedding=None, layers=[], outputs=nearest_outputs([1, 0], [1, 2], width=2))
    with pytest.raises(GivenError, match=r"^the outputs of this transformer are numbers, .* ask about words instead"):
        ef.certify(net, Given([(["a"], {0: "1"})]), "exact")


UNSUPPORTED = {
    "fused:bf16+head64": "is not judged because of +head: heads of networks have scales instead",
    "kernel:cpu-bf16": "is not judged because of +head",
    "fused:bf16+online64": "is not judged because of +online",
    "rounded:fp32/bf16+once": "is not judged because of +once with two formats",
    "exact@bf16": "is not judged because of a format of scores in exact, which rounds nothing",
    "rounded:fp32/fp32@fp16": "its score format fp16 does not have all numbers of fp32, which activations are in",
    "fused:bf16+linearfp16": "its linear format fp16 does not have all numbers of bf16, which activations are in",
    "fused:fp16/fp16/fp32": "its accumulator format fp16 does not have all numbers of fp32, which activations are in",
}


@pytest.mark.parametrize("arithmetic", UNSUPPORTED)
def test_arithmetics_that_are_not_judged(arithmetic: str) -> None:
    net = ef.Transformer.build(["a", "b"], [[1], [2]], [[1], [0]], [LayerWeights(out_bias=[9])])
    with pytest.raises(ef.TooLarge, match=re.escape(UNSUPPORTED[arithmetic])):
        ef.certify(net, Given([["a"]]), arithmetic)


def test_weights_that_a_format_does_not_hold() -> None:
    net = ef.Transformer.build(["a", "b"], [[1], [2]], [[1], [0]], [LayerWeights(out_bias=[9])])
    with pytest.raises(Unsupported, match=r"^layer 1, out of the MLP, coordinate 0, bias is 9, which"):
        ef.certify(net, Given([["a"]]), "fused:fp16/fp32/e5m2+linearfloat(3,-14,15)")


WRONG: dict[str, tuple[list[Any], str]] = {
    "an unknown token": ([["a", "c"]], "sequence 0: the token 'c' is not in the vocabulary"),
    "an unknown expected token": ([(["a"], {0: "c"})], "sequence 0: the token 'c' is not in the vocabulary"),
    "two tokens that tie": (
        [["a"], ["a", "b"]],
        "sequence 1, position 1: with hardmax 'a' and 'b' share the largest logit; say which token you expect there",
    ),
}


@pytest.mark.parametrize("title", WRONG)
def test_sequences_that_a_network_does_not_read(title: str) -> None:
    sequences, sentence = WRONG[title]
    with pytest.raises(GivenError, match=f"^{re.escape(sentence)}"):
        ef.certify(COUNTER, Given(sequences), "exact")


def test_more_tokens_than_positions_and_a_beta_that_is_no_power() -> None:
    short = ef.Transformer.build(["a", "b"], [[1], [0]], [[1], [0]], [], positions=[[0], [1]])
    with pytest.raises(GivenError, match=r"^sequence 0 has 3 tokens, but the transformer has only 2 positions$"):
        ef.certify(short, Given([["a", "a", "a"]]), "exact")
    with pytest.raises(ef.BetaError, match="beta is 3; it has to be a power of two"):
        ef.certify(short, Given([["a"]]), "exact", beta=3)


def test_exact_numbers_that_are_too_long_to_write() -> None:
    layer = LayerWeights(neurons=[[2**1000 + 1]], out=[[2**1000 - 1]])
    last = LayerWeights([HeadWeights([[1]], [[1]], [[1]], [[0]])])
    deep = ef.Transformer.build(["a", "b"], [[1], [2]], [[1], [0]], [layer] * 4 + [last])
    with pytest.raises(Unsupported, match=r"^with hardmax, a separation or the margin is an exact rational of 16002"):
        ef.certify(deep, Given([["a", "b"]]), "exact")


@pytest.mark.parametrize("number", [Fraction(1), Fraction(2, 3), Fraction(10**30, 7), Fraction(3, 10**40)])
def test_what_is_stated_leaves_room(number: Fraction) -> None:
    margin, drift = stated_margin(number), stated_drift(number)
    assert number * (1 - SLACK) * Fraction(2047, 2048) <= margin <= number * (1 - SLACK)
    assert number * (1 + SLACK) <= drift <= number * (1 + SLACK) * Fraction(2049, 2048)
    assert len(f"{margin.numerator:b}".strip("0")) <= 13


def test_tiny_drifts_are_stated_in_short() -> None:
    assert stated_drift(Fraction(0)) == 0
    assert stated_drift(Fraction(1, 2**6000)) == Fraction(65, 64 << 1024)


def test_names_are_bounded_and_tell_betas_apart() -> None:
    given = Given([(["a"] * 40, {0: "a"})])
    names = {
        ef.certify(COUNTER, given, "exact", beta=beta, name=name).bundle.subject.name
        for beta in (1, 2)
        for name in ("x" * 400, "../..")
    }
    assert len(names) == 4
    assert all(len(name) <= LONGEST and re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in names)


def test_html_of_a_certificate() -> None:
    spoiled = ef.Transformer.build(
        ["<i>", "b"], [[1], [0]], [[1], [0]], [LayerWeights([HeadWeights([[1]], [[1]], [[1]], [[1]], name="<script>")])]
    )
    shown = ef.certify(spoiled, Given([["<i>", "b"]]), "fused:bf16")._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "<b>REFUTED</b>" in shown or "<b>CERTIFIED</b>" in shown
