"""The evaluation against one that groups nothing, on small networks far from hardmax."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.transformer.network import CompiledHead, Network
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import TokenSequence, sequences_of
from exactformer.verify.arithmetic.models import Exact, parse_arithmetic, split_beta
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.rounded.attention import Setting, head_output
from exactformer.verify.rounded.dyadic import Dyadic, compact, of_fractions
from exactformer.verify.rounded.exponential import exp_minus as fast_exp_minus
from exactformer.verify.rounded.forward import rounded_stages
from exactformer.verify.rounded.order import Order
from exactformer.verify.rounded.readout import logit, next_token
from tests.rounded.naive import exp_minus, naive_head, naive_ranking, naive_stages


def setting_of(arithmetic: str, exponent: int, order: Order = Order.LEFT_TO_RIGHT) -> Setting:
    model = parse_arithmetic(arithmetic)
    assert not isinstance(model, Exact)
    return Setting(model, split_beta(exponent), order)


def network_and_run(name: str, word: str, bits: int, tokens: int) -> tuple[Network, TokenSequence]:
    machine = load_machine(name)
    (sequence,) = sequences_of(Paradigm.COT, trace(machine, word), bits)
    short = TokenSequence(sequence.tokens[:tokens], min(sequence.prompt, tokens), min(tokens, len(sequence)))
    return construct(Paradigm.COT, machine, bits), short


SMALL = {
    "leaks everywhere, in 8-bit floats": ("increment", "11", setting_of("rounded:e4m3fn", 0)),
    "leaks everywhere, long activations": ("increment", "11", setting_of("rounded:fp16/fp32", 1)),
    "leaks of a fused kernel": ("increment", "11", setting_of("fused:bf16", 0)),
    "tiny leaks": ("increment", "11", setting_of("fused:bf16", 4)),
    "a small accumulator": ("increment", "11", setting_of("fused:e5m2/float(4,-14,15)/e4m3fn", 0)),
    "a small accumulator, two orders": (
        "increment",
        "11",
        setting_of("fused:e5m2/float(4,-14,15)/bf16", 1, Order.PAIRWISE_DENOMINATOR),
    ),
    "fixed point": ("rewrite", "1", setting_of("rounded:fixed6/fixed4", 2)),
    "rounded scores": ("rewrite", "1", setting_of("fused:fp16/fp32/fp16@bf16", 1)),
}


@pytest.mark.parametrize("title", SMALL)
def test_every_activation_and_token_is_that_of_the_definition(title: str) -> None:
    name, word, setting = SMALL[title]
    network, sequence = network_and_run(name, word, 4, 8)
    expected = naive_stages(network, sequence.tokens, setting)
    found = list(rounded_stages(PreparedNetwork(network), sequence, setting))
    assert len(found) == len(expected)
    drifted = 0
    for stage, columns in zip(found, expected, strict=True):
        for i, column in enumerate(columns):
            assert [stage.after.value(c, i) for c in range(network.width)] == column, (title, stage.layer, i)
            drifted += sum(x not in (-1, 0, 1) for x in column)
    assert drifted > 0  # else this test would compare two hardmax runs
    for i, column in enumerate(expected[-1]):
        ranking = naive_ranking(network.vocabulary, column)
        final = found[-1].after
        best = next_token(network.vocabulary, [int(one) for one in final.numerators[:, i]], final.places)
        assert best.margin == ranking[0].value - ranking[1].value
        assert best.token in [one.token for one in ranking if one.value == ranking[0].value]
        numerators = [int(one) for one in final.numerators[:, i]]
        assert {logit(network.vocabulary, one.token, numerators, final.places) for one in ranking[:1]} == {
            ranking[0].value
        }


def _random_activations(network: Network, n: int, rng: Random, choices: list[Fraction]) -> list[list[Fraction]]:
    columns = [[rng.choice(choices) for _ in range(network.width)] for _ in range(n)]
    for position, column in enumerate(columns):
        column[: network.position_bits] = [
            Fraction(1 if position >> bit & 1 else -1) for bit in range(network.position_bits)
        ]
    return columns


def _table(columns: list[list[Fraction]]) -> Dyadic:
    flat = [columns[i][c] for c in range(len(columns[0])) for i in range(len(columns))]
    return compact(of_fractions(flat, (len(columns[0]), len(columns))))


HEADS = {
    "ternary": [Fraction(n) for n in (-1, 0, 1)],
    "near ternary": [Fraction(n) for n in (-1, 0, 1)] * 6 + [Fraction(255, 256), Fraction(-127, 128)],
    "tiny": [Fraction(n) for n in (-1, 0, 1)] + [Fraction(3, 1 << 90), Fraction(-1, 1 << 60)],
}


@pytest.mark.parametrize("title", HEADS)
@pytest.mark.parametrize("arithmetic", ["rounded:bf16", "rounded:fixed9/bf16", "fused:bf16/bf16/bf16", "fused:e4m3fn"])
def test_heads_on_random_activations(title: str, arithmetic: str) -> None:
    rng = Random(title + arithmetic)
    network, _ = network_and_run("rewrite", "1", 4, 1)
    heads = [head for layer in network.layers for head in layer.heads]
    for number in range(8):
        exponent = rng.randrange(8)
        order = rng.choice(list(Order))
        setting = setting_of(arithmetic, exponent, order)
        columns = _random_activations(network, 7, rng, HEADS[title])
        head = heads[rng.randrange(len(heads))]
        found = head_output(setting, head, _table(columns), network.position_bits)
        expected = [naive_head(setting, head, columns, i) for i in range(len(columns))]
        for i, column in enumerate(expected):
            assert [found.value(row, i) for row in range(len(column))] == column, (title, number, head.name, i)


def test_leaks_that_round_to_nothing_still_share_the_sum() -> None:
    """In 2 fractional bits exp(-3) rounds to 0, and yet seven such positions take a quarter of the weight."""
    head = CompiledHead("first", HeadKind.CONTENT, query=(4, 4, 4), key=(5, 5, 5), value=(5,), out=(6,))
    columns = [[Fraction(1 if i >> bit & 1 else -1) for bit in range(4)] + [Fraction(1), Fraction(0)] for i in range(8)]
    columns[0][5] = Fraction(1)
    setting = setting_of("rounded:fixed2/bf16", 0)
    found = head_output(setting, head, _table(columns), 4)
    assert [found.value(0, i) for i in range(8)] == [naive_head(setting, head, columns, i)[0] for i in range(8)]
    assert [found.value(0, i) for i in (1, 7)] == [Fraction(1), Fraction(3, 4)]


def test_exponentials_are_enclosed_alike() -> None:
    rng = Random(0)
    for _ in range(40):
        places, bits = rng.randrange(12), rng.choice((64, 130))
        numerator = rng.randrange(1, 60 << places)
        low, high = fast_exp_minus(numerator, places, bits)
        below, above = exp_minus(Fraction(numerator, 1 << places))
        assert Fraction(low, 1 << bits) <= above
        assert below <= Fraction(high, 1 << bits)
        assert high - low <= 2
