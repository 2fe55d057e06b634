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
from exactformer.verify.arithmetic.formats import BF16, FixedFormat, round_to
from exactformer.verify.arithmetic.models import parse_arithmetic
from tests.given.networks import random_transformer
from tests.given.simulation import Simulation, exp
from tests.given.walked import enclosed, replayed

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
"""Coarse formats, so that roundings are many and large."""


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_simulations_lie_within(arithmetic: str) -> None:
    shown = tight = 0
    for seed in range(12):
        rng = Random(f"{arithmetic} {seed}")
        net = random_transformer(rng, layers=1 + seed % 2, bits=2, length=None if seed % 3 == 0 else 5)
        tokens = [rng.choice("abcd") for _ in range(rng.randint(1, 5))]
        beta = rng.choice([1, 1, 4])
        found = enclosed(net, tokens, arithmetic, beta)
        if not found.shown:
            continue
        shown += 1
        nominal = replayed(net, tokens).states[1:]
        for _ in range(5):
            done, logits = Simulation(net, parse_arithmetic(arithmetic), beta, rng).run(tokens)
            for drift, columns, exact in zip(found.walked.drifts, done, nominal, strict=True):
                assert drift is not None
                off = max(
                    abs(one - wanted) for column, of_token in zip(columns, exact, strict=True)
                    for one, wanted in zip(column, of_token, strict=True)
                )  # fmt: skip
                assert off <= drift
                tight += 2 * off >= drift
            for place, column in enumerate(done[-1]):
                for row, one in enumerate(column):
                    low, high = found.interval(row, place)
                    assert low <= one <= high
            for place, own in enumerate(logits):
                for other in range(1, len(own)):
                    if (above := found.above(place, 0, other)) is not None:
                        assert above[0] <= own[0] - own[other] <= above[1]
    assert shown > 5
    assert tight > 20


M = 32 + Fraction(1, 4)
"""A number of bf16, whose square is not one."""
CANCELLING = {
    "scores": LayerWeights([HeadWeights([[1, 0], [1, 0]], [[1, 0], [-1, 0]], [[0, 1]], [[0], [1]])]),
    "neurons": LayerWeights([], [[M, -M]], [[0], [64]]),
}


@pytest.mark.parametrize("where", CANCELLING)
def test_products_that_cancel_are_rounded_all_the_same(where: str) -> None:
    """In real numbers a score, or a neuron, is 0; with a fused multiply-add it is the rounding error of one product."""
    first = [[M, 0], [-M, 1]] if where == "scores" else [[M, M], [M, M]]
    net = Transformer.build("ab", first, [[1, 0], [0, 1]], [CANCELLING[where]], causal=False)
    arithmetic = "rounded:bf16/bf16@bf16+linearbf16"
    found = enclosed(net, ["a", "b"], arithmetic)
    ends = set()
    for seed in range(20):
        done, _ = Simulation(net, parse_arithmetic(arithmetic), 1, Random(seed)).run(["a", "b"])
        ends.add(done[-1][0][1])
        low, high = found.interval(1, 0)
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
    found = enclosed(net, ["a", "b"], "fused:bf16/bf16/bf16")
    u, q, k = Fraction(1, 2**8), Fraction(2) ** -133, 2
    p = [Fraction(1), round_to(BF16, exp(Fraction(-1, 2)))]
    gamma = k * u / (1 - k * u)
    mean = (p[0] + p[1] * 3 / 2) / sum(p)
    off_num, off_den = gamma * (p[0] + p[1] * 3 / 2) + k * q, gamma * sum(p) + k * q
    off = (off_num + mean * off_den) / (sum(p) - off_den)
    low, high = found.interval(1, 0)
    assert round_to(BF16, mean - off) <= low < mean < high <= round_to(BF16, mean + off)


FIXED4 = FixedFormat(4)


def scored(first: Fraction, second: Fraction) -> Transformer:
    """Token b, with value 1, scores first + second below token a, with value 0."""
    weights = HeadWeights([[0, 0], [0, 0]], [[0, -first], [0, -16 * second]], [[0, 1]], [[1], [0]], [1, 1 / 16])
    return Transformer.build("ab", [[0, 0], [0, 1]], [[1, 0], [0, 1]], [LayerWeights([weights])], causal=False)


def test_what_is_below_the_largest_score_is_rounded_to_the_accumulator() -> None:
    """8 + 9/256 is not a number of bf16: exp is taken at 8 + 1/16, which gives another weight."""
    x = 8 + Fraction(9, 256)
    found = enclosed(scored(Fraction(8), x - 8), ["a", "b"], "fused:bf16/bf16/bf16")
    low, high = found.interval(0, 0)
    shares = (p / (1 + p) for p in (round_to(BF16, exp(-one)) for one in (round_to(BF16, x), x)))
    share, other = (round_to(BF16, one) for one in shares)
    assert low <= share <= high < other


def test_a_fixed_accumulator_rounds_no_differences_of_scores() -> None:
    x = Fraction(25, 256)
    found = enclosed(scored(Fraction(0), x), ["a", "b"], "fused:fixed4/fixed4/fixed4")
    share, other = (p / (1 + p) for p in (round_to(FIXED4, exp(-one)) for one in (x, round_to(FIXED4, x))))
    assert found.interval(0, 0) == (round_to(FIXED4, share),) * 2
    assert round_to(FIXED4, share) != round_to(FIXED4, other)


def test_what_is_below_the_largest_score_may_overflow_the_accumulator() -> None:
    assert enclosed(scored(Fraction(64000), Fraction(1000)), ["a", "b"], "fused:fp16/fp16/fp16").shown
    found = enclosed(scored(Fraction(64000), Fraction(2000)), ["a", "b"], "fused:fp16/fp16/fp16")
    assert found.walked.unbounded == "layer 1, attention: a number may overflow fp16"


def test_known_numbers_stay_known() -> None:
    """Where all numbers are small integers and attention is sharp, nothing is rounded, and the intervals are points."""
    net = Transformer.build("ab", [[1, 0], [0, 1]], [[1, 0], [0, 1]], [])
    found = enclosed(net, ["a", "b"], "fused:bf16")
    assert all(low == high for row in range(2) for place in range(2) for low, high in [found.interval(row, place)])


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
    found = enclosed(net, tokens, "fused:fp32")
    *_, x, logits = as_arrays(net, tokens)
    widest = Fraction(0)
    for place, column in enumerate(x):
        for row, one in enumerate(column):
            low, high = found.interval(row, place)
            assert low <= Fraction(float(one)) <= high
            widest = max(widest, high - low)
    assert 0 < widest < Fraction(1, 50)
    own = [Fraction(float(one)) for one in logits[len(tokens) - 1]]
    for other in (0, 1, 3):
        above = found.above(len(tokens) - 1, 2, other)
        assert above is not None
        assert above[0] <= own[2] - own[other] <= above[1]


def test_an_overflow_is_noticed_and_ends_what_is_shown() -> None:
    net = Transformer.build("ab", [[400, 0], [0, 1]], [[1, 0], [0, 1]], [], positions=[[400, 0]])
    found = enclosed(net, ["a"], "rounded:e4m3fn/e4m3fn")
    assert not found.shown
    assert found.walked.unbounded == "the embedding: a number may overflow e4m3fn"
    assert enclosed(net, ["b"], "rounded:e4m3fn/e4m3fn").shown
