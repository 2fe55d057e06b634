"""Whatever the order of sums, every number is in its interval: against a simulation written from NETWORKS 3."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import HeadWeights, LayerWeights
from exactformer.constructions.transformer.exact_parts import Form, LinearMap
from exactformer.verify.arithmetic.exp_bounds import exp_bounds
from exactformer.verify.arithmetic.formats import BF16, FixedFormat, round_to
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.given.enclosure import Enclosure, Setting, enclose, rivals
from exactformer.verify.given.hardmax import replay
from exactformer.verify.given.weights import TransformerRows
from tests.given.networks import random_transformer
from tests.given.simulation import Simulation, exp

ARITHMETICS = (
    "exact",
    "rounded:fp32/fp32",
    "rounded:bf16/bf16",
    "rounded:e5m2/bf16+linearbf16",
    "rounded:fixed6/fixed7.4@fixed9.12+linearfixed9.12",
    "fused:bf16",
    "fused:fp16/fp16/fp16@fp16+linearfp16",
    "fused:e4m3fn/fp32/float(5,-20,20)+linearfloat(6,-20,20)",
    "fused:fixed6/fixed7.12/fixed7.5@fixed8.12+linearfixed8.12",
)
"""Coarse ones, so that roundings are many and large."""


def enclosed(net: Transformer, tokens: list[str], arithmetic: str, beta: int) -> Enclosure:
    rows = TransformerRows.of(net)
    return enclose(rows, tokens, replay(rows, tokens), Setting.of(parse_arithmetic(arithmetic), beta))


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_simulations_lie_within(arithmetic: str) -> None:
    shown = tight = 0
    for seed in range(12):
        rng = Random(f"{arithmetic} {seed}")
        net = random_transformer(rng, layers=1 + seed % 2, bits=2, length=None if seed % 3 == 0 else 5)
        tokens = [rng.choice("abcd") for _ in range(rng.randint(1, 5))]
        beta = rng.choice([1, 1, 4])
        rows, setting = TransformerRows.of(net), Setting.of(parse_arithmetic(arithmetic), beta)
        replayed = replay(rows, tokens)
        found = enclose(rows, tokens, replayed, setting)
        if found.final is None:
            continue
        shown += 1
        asked = [(place, 0) for place in range(len(tokens))]
        differences = rivals(rows, found.final, asked, setting.linear)
        nominal = [one for layer in replayed.layers for one in (layer.attention, layer.mlp)]
        for _ in range(5):
            done, logits = Simulation(net, setting.model, beta, rng).run(tokens)
            for drift, columns, exact in zip(found.drifts, done, nominal, strict=True):
                off = max(
                    abs(one - exact.value(row, place)) for place, column in enumerate(columns)
                    for row, one in enumerate(column)
                )  # fmt: skip
                assert off <= drift
                tight += 2 * off >= drift
            for place, column in enumerate(done[-1]):
                for row, one in enumerate(column):
                    low, high = found.final.interval(row, place)
                    assert low <= one <= high
            for rival in differences:
                if rival.above is not None:
                    low, high = rival.above
                    own = logits[rival.position]
                    assert low <= own[rival.expected] - own[rival.other] <= high
    assert shown > 5
    assert tight > 20


M = 32 + Fraction(1, 4)
"""A number of bf16; its square is none."""
CANCELLING = {
    "scores": LayerWeights([HeadWeights([[1, 0], [1, 0]], [[1, 0], [-1, 0]], [[0, 1]], [[0], [1]])]),
    "neurons": LayerWeights([], [[M, -M]], [[0], [64]]),
}


@pytest.mark.parametrize("where", CANCELLING)
def test_products_that_cancel_are_rounded_all_the_same(where: str) -> None:
    """In real numbers a score, or a neuron, is 0; with fused multiply-add it is what rounding one product left."""
    first = [[M, 0], [-M, 1]] if where == "scores" else [[M, M], [M, M]]
    net = Transformer.build("ab", first, [[1, 0], [0, 1]], [CANCELLING[where]], causal=False)
    setting, rows = Setting.of(parse_arithmetic("rounded:bf16/bf16@bf16+linearbf16"), 1), TransformerRows.of(net)
    found = enclose(rows, ["a", "b"], replay(rows, ["a", "b"]), setting)
    assert found.final is not None
    ends = set()
    for seed in range(20):
        done, _ = Simulation(net, setting.model, 1, Random(seed)).run(["a", "b"])
        ends.add(done[-1][0][1])
        low, high = found.final.interval(1, 0)
        assert low <= done[-1][0][1] <= high
    assert len(ends) > 1


def test_a_quotient_is_off_by_the_errors_of_both_sums() -> None:
    """Two tokens at known scores 0 and -1/2, values 1 and 3/2: by the formula of NETWORKS 7, word for word."""
    net = Transformer.build(
        "ab",
        [[1, 0, 1], [0, 1, Fraction(3, 2)]],
        [[1, 0, 0], [0, 1, 0]],
        [LayerWeights([HeadWeights([[1, 0, 0]], [[0.5, 0, 0]], [[0, 0, 1]], [[0], [1], [0]])])],
        causal=False,
    )
    found = enclosed(net, ["a", "b"], "fused:bf16/bf16/bf16", 1)
    assert found.final is not None
    u, q, k = Fraction(1, 2**8), Fraction(2) ** -133, 2
    p = [Fraction(1), round_to(BF16, exp(Fraction(-1, 2)))]
    gamma = k * u / (1 - k * u)
    mean = (p[0] + p[1] * 3 / 2) / sum(p)
    off_num, off_den = gamma * (p[0] + p[1] * 3 / 2) + k * q, gamma * sum(p) + k * q
    off = (off_num + mean * off_den) / (sum(p) - off_den)
    assert found.final.interval(1, 0) == (round_to(BF16, mean - off), round_to(BF16, mean + off))


FIXED4 = FixedFormat(4)


def scored(first: Fraction, second: Fraction) -> Transformer:
    """Token b, with value 1, scores first + second below token a, with value 0."""
    weights = HeadWeights([[0, 0], [0, 0]], [[0, -first], [0, -16 * second]], [[0, 1]], [[1], [0]], [1, 1 / 16])
    return Transformer.build("ab", [[0, 0], [0, 1]], [[1, 0], [0, 1]], [LayerWeights([weights])], causal=False)


def test_what_is_below_the_largest_score_is_rounded_to_the_accumulator() -> None:
    """8 + 9/256 is no number of bf16: exp is taken at 8 + 1/16, which gives another weight."""
    x = 8 + Fraction(9, 256)
    found = enclosed(scored(Fraction(8), x - 8), ["a", "b"], "fused:bf16/bf16/bf16", 1)
    assert found.final is not None
    low, high = found.final.interval(0, 0)
    share, other = (p / (1 + p) for p in (round_to(BF16, exp(-one)) for one in (round_to(BF16, x), x)))
    assert low <= share <= high < other


def test_a_fixed_accumulator_rounds_no_differences_of_scores() -> None:
    x = Fraction(25, 256)
    found = enclosed(scored(Fraction(0), x), ["a", "b"], "fused:fixed4/fixed4/fixed4", 1)
    assert found.final is not None
    share, other = (p / (1 + p) for p in (round_to(FIXED4, exp(-one)) for one in (x, round_to(FIXED4, x))))
    assert found.final.interval(0, 0) == (round_to(FIXED4, share),) * 2
    assert round_to(FIXED4, share) != round_to(FIXED4, other)


def test_what_is_below_the_largest_score_may_overflow_the_accumulator() -> None:
    assert enclosed(scored(Fraction(64000), Fraction(1000)), ["a", "b"], "fused:fp16/fp16/fp16", 1).final is not None
    found = enclosed(scored(Fraction(64000), Fraction(2000)), ["a", "b"], "fused:fp16/fp16/fp16", 1)
    assert found.not_shown == "layer 1, attention: a number that is rounded to fp16 may overflow"


def test_known_numbers_stay_known() -> None:
    """Where all is small integers and attention is sharp, nothing is rounded, and the intervals are points."""
    net = Transformer.build("ab", [[1, 0], [0, 1]], [[1, 0], [0, 1]], [])
    found = enclosed(net, ["a", "b"], "fused:bf16", 1)
    assert found.final is not None
    assert found.final.known.all()


Floats = NDArray[np.float32]


def as_arrays(net: Transformer, tokens: list[str]) -> list[Floats]:
    """[tokens, d] after every sublayer, and the logits: float32 throughout, sums in the order of numpy."""

    def matrix(forms: Sequence[Form], columns: int) -> tuple[Floats, Floats]:
        weight, bias = np.zeros((len(forms), columns), np.float32), np.zeros(len(forms), np.float32)
        for row, form in enumerate(forms):
            bias[row] = float(form.bias)
            for column, number in form.vector:
                weight[row, column] = float(number)
        return weight, bias

    def linear(forms: Sequence[Form], x: Floats) -> Floats:
        weight, bias = matrix(forms, x.shape[1])
        made: Floats = x @ weight.T + bias
        return made

    def added(out: LinearMap, x: Floats, y: Floats) -> Floats:
        x = x.copy()
        if out:
            x[:, [coordinate for coordinate, _ in out]] += linear([form for _, form in out], y)
        return x

    x = np.zeros((len(tokens), net.width), np.float32)
    for place, token in enumerate(tokens):
        for index, number in net.vocabulary[net.index[token]].embedding:
            x[place, index] += np.float32(float(number))
        if net.positions is not None:
            for index, number in net.positions.vector(place):
                x[place, index] += np.float32(float(number))
    done = []
    for layer in net.layers:
        after = x
        for head in layer.heads:
            query, key, value = (linear(forms, x) for forms in (head.query, head.key, head.value))
            scores = query @ key.T
            if net.causal:
                scores = np.where(np.tri(len(tokens), dtype=bool), scores, -np.inf)
            weights = np.exp((scores - scores.max(axis=1, keepdims=True)).astype(np.float64)).astype(np.float32)
            after = added(head.out, after, (weights @ value) / weights.sum(axis=1, keepdims=True, dtype=np.float32))
        x = added(layer.out, after, np.maximum(linear(layer.neurons, after), 0))
        done += [after, x]
    return [*done, linear([token.unembedding for token in net.vocabulary], x)]


@pytest.mark.parametrize("seed", range(12))
def test_numpy_in_float32_lies_within(seed: int) -> None:
    """Its exponentials are those of float64, rounded: within what 24 bits can notice, unless on a tie.  Its order of
    additions is not ours to know."""
    rng = Random(seed)
    net = random_transformer(rng, layers=2, width=6, bits=12, length=9)
    tokens = [rng.choice("abcd") for _ in range(8)]
    rows, setting = TransformerRows.of(net), Setting.of(parse_arithmetic("fused:fp32"), 1)
    replayed = replay(rows, tokens)
    found = enclose(rows, tokens, replayed, setting)
    assert found.final is not None
    *_, x, logits = as_arrays(net, tokens)
    widest = Fraction(0)
    for place, column in enumerate(x):
        for row, one in enumerate(column):
            low, high = found.final.interval(row, place)
            assert low <= Fraction(float(one)) <= high
            widest = max(widest, high - low)
    assert 0 < widest < Fraction(1, 50)
    for rival in rivals(rows, found.final, [(len(tokens) - 1, 2)], setting.linear):
        assert rival.above is not None
        own = [Fraction(float(one)) for one in logits[rival.position]]
        assert rival.above[0] <= own[rival.expected] - own[rival.other] <= rival.above[1]


def test_an_overflow_is_noticed_and_ends_what_is_shown() -> None:
    net = Transformer.build("ab", [[400, 0], [0, 1]], [[1, 0], [0, 1]], [], positions=[[400, 0]])
    found = enclosed(net, ["a"], "rounded:e4m3fn/e4m3fn", 1)
    assert found.final is None
    assert found.not_shown == "the embedding: a number that is rounded to e4m3fn may overflow"
    assert enclosed(net, ["b"], "rounded:e4m3fn/e4m3fn", 1).final is not None


@pytest.mark.parametrize("number", [-1, -3, -1000, -(1 << 50) - 1, -(1 << 61)])
@pytest.mark.parametrize("exponent", [0, -3, -49, -200])
def test_exp_is_enclosed(number: int, exponent: int) -> None:
    low, high, at = exp_bounds(number, exponent)
    unit = Fraction(2) ** at
    x = Fraction(number) * Fraction(2) ** exponent
    if x < -4096:
        assert low == 0
        assert 0 < high * unit < Fraction(1, 2**5900)
    else:
        assert low * unit < exp(x) < high * unit
        assert (high - low) << 100 < high
