"""Networks with norms, gates, smooth activations and rotary positions: from matrices, and what is wrong, with where."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erf

import exactformer as ef
from exactformer.certificates.sequences.certificate import SLACK
from exactformer.constructions.imported.zeros import without_zeros
from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import HeadWeights, LayerWeights
from exactformer.constructions.transformer.exact_norms import LayerNorm, Norm, Norms, NormWeights, RMSNorm
from exactformer.constructions.transformer.exact_numbers import TransformerError
from exactformer.constructions.transformer.exact_parts import Form, TransformerLayer
from exactformer.constructions.transformer.exact_rotary import rotary_tables, rotate_half
from exactformer.verify.arithmetic.formats import BF16, FP16, FP32, round_to
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.stored import Unsupported, require_held, stored_in
from tests.imported.evaluator import final, logits

Floats = NDArray[Any]
EYE = [[1, 0], [0, 1]]
ROTATION = [(0, 1, 0)]


# ---------------------------------------------------------------------------- against matrices, in float64

D, D_FF, HEADS, D_K, TOKENS = 8, 6, 2, 4, 7
ACTIVATION: dict[str, Callable[[Floats], Floats]] = {
    "relu": lambda z: np.where(z > 0, z, 0),
    "identity": lambda z: z,
    "silu": lambda z: z * np.reciprocal(1 + np.exp(-z)),
    "gelu": lambda z: 0.5 * z * (1 + erf(z / 2**0.5)),
    "gelu_tanh": lambda z: 0.5 * z * (1 + np.tanh((2 / np.pi) ** 0.5 * (z + 0.044715 * z**3))),
}


class Decoder:
    """A decoder of random float32 weights, as other tools write them; all its norms are of this kind."""

    def __init__(self, seed: int, kind: type[NormWeights], activation: str, *, gated: bool, behind: bool) -> None:
        rng = np.random.default_rng(seed)

        def random(*shape: int) -> Floats:
            return rng.standard_normal(shape).astype(np.float32)

        self.kind, self.activation, self.behind = kind, activation, behind
        self.embedding, self.unembedding = random(5, D), random(5, D)
        self.q, self.k, self.v, self.o = (random(2, HEADS * D_K, D) for _ in range(4))
        self.up, self.gate, self.down = random(2, D_FF, D), random(2, D_FF, D) if gated else None, random(2, D, D_FF)
        self.up_bias, self.gate_bias = random(2, D_FF), random(2, D_FF)
        self.scales, self.shifts = random(5, D), random(5, D)
        self.tables = rotary_tables(100, D_K, TOKENS)

    def norm(self, number: int) -> NormWeights:
        return self.kind(self.scales[number], np.float32(1e-5), self.shifts[number])

    def built(self) -> Transformer:
        layers = []
        for layer in range(2):
            cut = [slice(head * D_K, (head + 1) * D_K) for head in range(HEADS)]
            heads = [
                HeadWeights(
                    self.q[layer][rows], self.k[layer][rows], self.v[layer][rows], self.o[layer].T[:, rows],
                    scale=Fraction(1, 2), rotary=rotate_half(D_K),
                )
                for rows in cut
            ]  # fmt: skip
            gates = {} if self.gate is None else {"gates": self.gate[layer], "gates_bias": self.gate_bias[layer]}
            first, second = self.norm(2 * layer), self.norm(2 * layer + 1)
            norms: dict[str, Any] = (
                {"behind_heads_norm": first, "behind_mlp_norm": second}
                if self.behind
                else {"heads_norm": first, "mlp_norm": second}
            )
            mlp: dict[str, Any] = {
                "neurons": self.up[layer], "neurons_bias": self.up_bias[layer], "out": self.down[layer],
                "activation": self.activation,
            }  # fmt: skip
            layers.append(LayerWeights(heads, **mlp, **gates, **norms))
        return Transformer.build(
            list("abcde"), self.embedding, self.unembedding, layers, rotary=self.tables, norm=self.norm(4)
        )

    def forward(self, ids: list[int]) -> Floats:
        """[tokens, outputs], in float64."""
        x = self.embedding[ids].astype(np.float64)
        for layer in range(2):
            read = x if self.behind else self.through(2 * layer, x)
            q, k, v = (
                (read @ weights[layer].T.astype(np.float64)).reshape(len(ids), HEADS, D_K).transpose(1, 0, 2)
                for weights in (self.q, self.k, self.v)
            )
            scores = self.turned(q) @ self.turned(k).transpose(0, 2, 1) / np.sqrt(D_K)
            scores[:, ~np.tri(len(ids), dtype=np.bool_)] = -np.inf
            weights = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
            x = x + (weights @ v).transpose(1, 0, 2).reshape(len(ids), -1) @ self.o[layer]
            x = self.through(2 * layer, x) if self.behind else x
            read = x if self.behind else self.through(2 * layer + 1, x)
            up, activation = read @ self.up[layer].T + self.up_bias[layer], ACTIVATION[self.activation]
            gate = None if self.gate is None else read @ self.gate[layer].T + self.gate_bias[layer]
            x = x + (activation(up) if gate is None else activation(gate) * up) @ self.down[layer].T
            x = self.through(2 * layer + 1, x) if self.behind else x
        found: Floats = self.through(4, x) @ self.unembedding.T
        return found

    def through(self, number: int, x: Floats) -> Floats:
        if self.kind is LayerNorm:
            x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + np.float32(1e-5))
        else:
            x = x / np.sqrt(np.square(x).mean(-1, keepdims=True) + np.float32(1e-5))
        found: Floats = x * self.scales[number] + self.shifts[number]
        return found

    def turned(self, x: Floats) -> Floats:
        """x cos + rotate_half(x) sin, [heads, tokens, d_k]."""
        cos, sin = (np.concatenate([self.tables[:, :, one]] * 2, axis=-1)[: x.shape[1]] for one in (0, 1))
        half = np.concatenate([-x[..., D_K // 2 :], x[..., : D_K // 2]], axis=-1)
        found: Floats = x * cos + half * sin
        return found


@pytest.mark.parametrize("activation", ACTIVATION)
@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm])
@pytest.mark.parametrize(("gated", "behind"), [(False, False), (True, False), (True, True)])
def test_what_matrices_compute(kind: type[NormWeights], activation: str, gated: bool, behind: bool) -> None:
    decoder = Decoder(7, kind, activation, gated=gated, behind=behind)
    net, ids = decoder.built(), [3, 0, 0, 4, 1, 2]
    expected = decoder.forward(ids)
    found = logits(net, final(net, ["abcde"[place] for place in ids]))
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert np.ptp(expected) > 1


@pytest.mark.parametrize("activation", ["silu", "gelu", "gelu_tanh"])
@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm])
@pytest.mark.parametrize("behind", [False, True])
def test_certificates_are_about_what_matrices_compute(
    kind: type[NormWeights], activation: str, behind: bool, tmp_path: Path
) -> None:
    """The margin that is certified for exact sums is the one that float64 gives."""
    decoder = Decoder(8, kind, activation, gated=True, behind=behind)
    net, ids = decoder.built(), [3, 0, 0, 4, 1, 2]
    ranked = np.sort(decoder.forward(ids), axis=1)
    best = {place: "abcde"[token] for place, token in enumerate(decoder.forward(ids).argmax(axis=1))}
    certificate = ef.certify(net, ef.Given([(["abcde"[place] for place in ids], best)]), "exact")
    assert certificate.verdict is ef.Verdict.CERTIFIED
    stated = Fraction(certificate.bundle.document["softmax"]["margin"])
    assert float(stated) == pytest.approx(float(1 - SLACK) * (ranked[:, -1] - ranked[:, -2]).min(), rel=2**-10)
    assert ef.check(certificate.write(tmp_path), network=net).verdict == "certified"


def test_zeros_of_gated_and_rotating_layers() -> None:
    """A neuron, a value and a head of zeros are left out; queries and keys that are rotated with each other both
    stay."""
    zero, one = np.zeros((1, 2)), np.ones((1, 2))
    key = np.vstack([zero, zero, one, zero])
    head = HeadWeights(np.zeros((4, 2)), key, one, one.T, rotary=[(0, 1, 0), (2, 3, 1)])
    layer = LayerWeights(
        [head, HeadWeights(zero, zero, zero, zero.T)],
        neurons=np.vstack([zero, zero, one]),
        out=np.zeros((2, 3)),
        gates=np.vstack([zero, one, zero]),
    )
    found = without_zeros(layer)
    assert [np.asarray(part).tolist() for part in (found.neurons, found.gates)] == [[[0, 0], [1, 1]], [[1, 1], [0, 0]]]
    (kept,) = built(layers=[found], rotary=[[[1, 0], [0, 1]]]).layers[0].heads
    assert (len(kept.query), kept.rotary) == (2, ((0, 1, 1),))
    nothing = LayerWeights(neurons=zero, neurons_bias=[0], out=zero.T, gates=zero, gates_bias=[0])
    assert built(layers=[without_zeros(nothing)]).layers == (TransformerLayer(),)


# ---------------------------------------------------------------------------- parts


def built(*, head: dict[str, Any] | None = None, layer: dict[str, Any] | None = None, **changed: Any) -> Transformer:
    one = HeadWeights(**{"query": EYE, "key": EYE, "value": EYE, "out": EYE, **(head or {})})
    fields: dict[str, Any] = {"vocabulary": ["a", "b"], "embedding": EYE, "unembedding": EYE}
    return Transformer.build(**(fields | {"layers": [LayerWeights([one], **(layer or {}))]} | changed))


MLP: dict[str, Any] = {"neurons": [[1, 1]], "out": [[1], [0]]}


def test_parts_are_what_the_matrices_say() -> None:
    layer = {
        **MLP,
        "gates": [[0, 2]],
        "gates_bias": [3],
        "activation": "silu",
        "heads_norm": RMSNorm([1, 0.5], np.float32(0.1)),
        "behind_mlp_norm": LayerNorm([0, 1], 0, [2, 0]),
    }
    tables = np.array([[[1, 0]], [[0.5, -0.25]]], np.float32)
    net = built(layer=layer, head={"rotary": np.array(ROTATION)}, rotary=tables, norm=RMSNorm([1, 1], 1))
    (made,) = net.layers
    assert (made.activation, made.gates) == ("silu", (Form(((1, Fraction(2)),), Fraction(3)),))
    tenth = Fraction(*np.float32(0.1).as_integer_ratio())
    before = Norm(False, tenth, ((0, Fraction(1)), (1, Fraction(1, 2))))
    behind = Norm(True, Fraction(0), ((1, Fraction(1)),), ((0, Fraction(2)),))
    assert made.norms == Norms(heads=before, behind_mlp=behind)
    assert net.norm == Norm(False, Fraction(1), ((0, Fraction(1)), (1, Fraction(1))))
    assert net.norms == (before, behind, net.norm)
    assert made.heads[0].rotary == ((0, 1, 0),)
    assert net.rotary == (((Fraction(1), Fraction(0)),), ((Fraction(1, 2), Fraction(-1, 4)),))
    assert net.planes == 1
    numbers = dict(net.numbers())
    assert numbers["layer 1, gate 0, bias"] == 3
    assert numbers["layer 1, the norm before heads, epsilon"] == tenth
    assert numbers["layer 1, the norm behind the MLP, bias, index 0"] == 2
    assert numbers["the norm before outputs, weight, index 1"] == 1
    assert numbers["rotary, position 1, plane 0, sine"] == Fraction(-1, 4)
    doubled = net.changed(lambda number: 2 * number)
    assert dict(doubled.numbers()) == {where: 2 * number for where, number in numbers.items()}
    assert replace(doubled.layers[0], heads=(), neurons=(), out=(), gates=(), norms=Norms()) == TransformerLayer(
        activation="silu"
    )


def test_positions_end_with_the_shorter_table() -> None:
    turning: dict[str, Any] = {"head": {"rotary": ROTATION}, "rotary": [[[1, 0]], [[1, 0]]]}
    assert [built().longest, built(**turning).longest] == [None, 2]
    assert [built(**turning, positions=[[0, 1]] * length).longest for length in (1, 3)] == [1, 2]


def test_what_has_a_hardmax_transformer() -> None:
    turning: dict[str, Any] = {"head": {"rotary": ROTATION}, "rotary": [[[1, 0]]]}
    assert built(**turning, layer={**MLP, "gates": [[1, 1]], "activation": "identity"}).has_hardmax
    assert not built(layer={**MLP, "activation": "gelu"}).has_hardmax
    assert not built(layer={"mlp_norm": RMSNorm([1, 1], 1)}).has_hardmax
    assert not built(norm=LayerNorm([1, 1], 1)).has_hardmax


def test_html_says_what_there_is() -> None:
    layer = {**MLP, "gates": [[1, 1]], "activation": "silu", "heads_norm": RMSNorm([1, 1], 1)}
    shown = built(
        layer=layer, head={"rotary": ROTATION}, rotary=[[[1, 0]]] * 3, norm=LayerNorm([1, 1], 1)
    )._repr_html_()
    for text in ("gated silu", "1 RMSNorm, 1 LayerNorm", "1 planes for 3 positions"):
        assert f"<td>{text}</td>" in shown


def test_rotary_tables_are_float32() -> None:
    tables = rotary_tables(10000, 6, positions=50)
    assert tables.dtype == np.float32
    assert tables.shape == (50, 3, 2)
    frequencies = [np.float32(10000.0 ** (-2 * plane / 6)) for plane in range(3)]
    for plane, frequency in enumerate(frequencies):
        angles = [float(np.float32(position) * frequency) for position in range(50)]
        assert np.allclose(tables[:, plane], np.stack([np.cos(angles), np.sin(angles)], axis=-1), rtol=0, atol=2**-22)


WRONG_TABLES = {
    "an odd number of entries": (10000, 3, "3 entries are rotated; the number has to be even, and at least 2"),
    "no entry": (10000, 0, "0 entries are rotated"),
    "a base of 0": (0, 2, "the base of the frequencies is 0; it has to be above 0"),
    "a base that is NaN": (float("nan"), 2, "the base of the frequencies is nan"),
}


@pytest.mark.parametrize("title", WRONG_TABLES)
def test_what_are_no_tables(title: str) -> None:
    base, entries, sentence = WRONG_TABLES[title]
    with pytest.raises(TransformerError, match=f"^{re.escape(sentence)}"):
        rotary_tables(base, entries, 4)


def test_an_odd_number_of_entries_has_no_halves() -> None:
    with pytest.raises(TransformerError, match=r"^5 entries are rotated; the number has to be even, and at least 2$"):
        rotate_half(5)


# ---------------------------------------------------------------------------- what is wrong

NORM = RMSNorm([1, 1], 1)
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown activation": (
        {"layer": {**MLP, "activation": "swish"}},
        "layer 1: the activation is 'swish'; it has to be one of relu, identity, silu, gelu, gelu_tanh",
    ),
    "fewer gates than neurons": (
        {"layer": {"neurons": EYE, "out": EYE, "gates": [[1, 1]]}},
        "layer 1, gates has shape (1, 2); it has to be (2, 2)",
    ),
    "gates of another width": (
        {"layer": {**MLP, "gates": [[1, 1, 1]]}},
        "layer 1, gates, row 0 has shape (3,); the matrix has to be (1, 2)",
    ),
    "gates without neurons": ({"layer": {"gates": [[1, 1]]}}, "layer 1 has an MLP without neurons; give neurons"),
    "a bias of gates without gates": (
        {"layer": {**MLP, "gates_bias": [1]}},
        "layer 1 has a bias of gates, but no gates; give gates, of shape (d_ff, 2)",
    ),
    "a norm that is too short": (
        {"layer": {"heads_norm": RMSNorm([1], 1)}},
        "layer 1, heads_norm, weight has shape (1,); it has to be (2,)",
    ),
    "a norm whose bias is too long": (
        {"norm": LayerNorm([1, 1], 1, [0, 0, 1])},
        "norm, bias has shape (3,); it has to be (2,)",
    ),
    "a norm without weight": ({"norm": RMSNorm(None, 1)}, "norm has no weight; give a vector of shape (2,), of ones"),
    "a norm that is a vector": ({"norm": [1, 1]}, "norm is [1, 1]; give a LayerNorm or an RMSNorm"),
    "an epsilon below 0": (
        {"layer": {"behind_heads_norm": RMSNorm([1, 1], -1)}},
        "layer 1, the norm behind heads: epsilon is -1; it has to be at least 0",
    ),
    "an epsilon that is NaN": (
        {"layer": {"mlp_norm": RMSNorm([1, 1], float("nan"))}},
        "layer 1, mlp_norm, epsilon is nan; weights have to be finite numbers",
    ),
    "an epsilon that is not dyadic": (
        {"norm": RMSNorm([1, 1], Fraction(1, 10**5))},
        "norm, epsilon is 1/100000, whose denominator is not a power of two; round it first",
    ),
    "a rotating head without tables": (
        {"head": {"rotary": ROTATION}},
        "layer 1, head 0 rotates, but the network has no tables; give it rotary",
    ),
    "tables without a rotating head": (
        {"rotary": [[[1, 0]]]},
        "there are rotary tables, but no head rotates: say which entries do with a head's rotary",
    ),
    "an entry beyond the query": (
        {"head": {"rotary": [(0, 2, 0)]}, "rotary": [[[1, 0]]]},
        "layer 1, head 0: it rotates entry 2 of its query, which has 2",
    ),
    "an entry with itself": (
        {"head": {"rotary": [(1, 1, 0)]}, "rotary": [[[1, 0]]]},
        "layer 1, head 0: it rotates entry 1 of its query twice; each is in one pair",
    ),
    "a plane beyond the tables": (
        {"head": {"rotary": [(0, 1, 1)]}, "rotary": [[[1, 0]]]},
        "layer 1, head 0: it rotates by plane 1; the network's tables have 1",
    ),
    "a pair for a triple": (
        {"head": {"rotary": [(0, 1)]}, "rotary": [[[1, 0]]]},
        "layer 1, head 0, rotary has (0, 1); give triples (a, b, plane) of integers",
    ),
    "a float for an entry": (
        {"head": {"rotary": [(0, 1.0, 0)]}, "rotary": [[[1, 0]]]},
        "layer 1, head 0, rotary has (0, 1.0, 0); give triples",
    ),
    "tables of other pairs": (
        {"head": {"rotary": ROTATION}, "rotary": [[[1, 0, 0]]]},
        "rotary, position 0, row 0 has shape (3,); the matrix has to be (any number of rows, 2)",
    ),
    "a matrix for tables": (
        {"head": {"rotary": ROTATION}, "rotary": [[1, 0]]},
        "rotary, position 0, row 0 has shape ()",
    ),
    "a number for tables": (
        {"head": {"rotary": ROTATION}, "rotary": np.float32(1)},
        "rotary has shape (); it has to be (positions, rows, 2)",
    ),
    "positions with fewer planes": (
        {"head": {"rotary": ROTATION}, "rotary": [[[1, 0], [1, 0]], [[1, 0]]]},
        "rotary, position 1 has 1 planes, and position 0 has 2; all need the same number, at least one",
    ),
    "no plane": (
        {"head": {"rotary": ROTATION}, "rotary": [[], []]},
        "layer 1, head 0 rotates, but the network has no tables",
    ),
    "a cosine that is infinite": (
        {"head": {"rotary": ROTATION}, "rotary": [[[float("inf"), 0]]]},
        "rotary, position 0, row 0, column 0 is inf; weights have to be finite numbers",
    ),
}


@pytest.mark.parametrize("title", BAD)
def test_what_is_no_transformer(title: str) -> None:
    changed, sentence = BAD[title]
    with pytest.raises(TransformerError, match=f"^{re.escape(sentence)}"):
        built(**changed)


def test_parts_that_do_not_fit() -> None:
    net = built(layer=MLP)
    (layer,) = net.layers
    form = Form(((0, Fraction(1)),))
    wrong: dict[str, TransformerLayer] = {
        "layer 1: 2 gates for 1 neurons; give each neuron a gate, or none": replace(layer, gates=(form, form)),
        "layer 1, gate 0: index 2 comes after -1, of 2": replace(layer, gates=(Form(((2, Fraction(1)),)),)),
        "layer 1, the norm before the MLP, weight: index 2 comes after -1, of 2": replace(
            layer, norms=Norms(mlp=Norm(True, Fraction(0), ((2, Fraction(1)),)))
        ),
        "layer 1, the norm behind the MLP: epsilon is 1/3; it has to be at least 0, with a power": replace(
            layer, norms=Norms(behind_mlp=Norm(True, Fraction(1, 3), ()))
        ),
    }
    for sentence, one in wrong.items():
        with pytest.raises(TransformerError, match=f"^{re.escape(sentence)}"):
            replace(net, layers=(one,))
    turning = built(head={"rotary": ROTATION}, rotary=[[[1, 0]]])
    with pytest.raises(TransformerError, match=r"^rotary, position 0, plane 0, sine is 1/3, whose denominator is no"):
        replace(turning, rotary=(((Fraction(1), Fraction(1, 3)),),))


# ---------------------------------------------------------------------------- number formats


def test_casting_rounds_tables_and_norms_and_keeps_epsilon_in_fp32() -> None:
    tenth = Fraction(0.1)
    net = built(
        layer={**MLP, "gates": [[0.1, 0]], "mlp_norm": RMSNorm([0.1, 1], 1e-8)},
        head={"rotary": ROTATION},
        rotary=[[[0.1, 1]]],
        norm=LayerNorm([1, 1], 1e-5, [0, 0.1]),
    )
    for short in (BF16, FP16, FP32):
        cast, changed = stored_in(net, short)
        numbers = dict(cast.numbers())
        of_format = [
            "layer 1, gate 0, index 0",
            "layer 1, the norm before the MLP, weight, index 0",
            "rotary, position 0, plane 0, cosine",
            "the norm before outputs, bias, index 1",
        ]
        assert {numbers[where] for where in of_format} == {round_to(short, tenth)}
        assert numbers["layer 1, the norm before the MLP, epsilon"] == round_to(FP32, Fraction(1e-8))
        assert numbers["the norm before outputs, epsilon"] == round_to(FP32, Fraction(1e-5))
        assert changed == 6
        require_held(cast, parse_arithmetic("fused:bf16"))
    with pytest.raises(Unsupported, match=r"^rotary, position 0, plane 0, cosine is .*, which is not a number of fp32"):
        require_held(net, parse_arithmetic("fused:bf16"))
    with pytest.raises(Unsupported, match=r"^the norm before outputs, epsilon is .*, which is not a number of fp32; "):
        require_held(built(norm=RMSNorm([1, 1], 1e-5)), parse_arithmetic("fused:bf16"))


def test_public_names() -> None:
    assert (ef.LayerNorm, ef.RMSNorm) == (LayerNorm, RMSNorm)
    assert (ef.rotary_tables, ef.rotate_half) == (rotary_tables, rotate_half)
