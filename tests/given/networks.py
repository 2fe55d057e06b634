"""Transformers that the tests of given sequences share: random ones, and an induction head by hand."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import HeadWeights, LayerWeights

Rows = list[list[Fraction]]


def random_rows(rng: Random, rows: int, columns: int, bits: int, zeros: int = 4) -> Rows:
    """Numbers n/2^bits with |n| <= 2^bits + 2; one in ``zeros`` is 0."""
    size = (1 << bits) + 2
    return [
        [Fraction(0 if rng.randrange(zeros) == 0 else rng.randint(-size, size), 1 << bits) for _ in range(columns)]
        for _ in range(rows)
    ]


def random_transformer(
    rng: Random, *, layers: int = 1, width: int = 3, tokens: int = 4, bits: int = 2, length: int | None = 6
) -> Transformer:
    """One with biases everywhere, one or two heads a layer, and a table of positions unless length is None."""

    def rows(count: int, columns: int) -> Rows:
        return random_rows(rng, count, columns, bits)

    def bias(count: int) -> list[Fraction]:
        return rows(1, count)[0]

    def head() -> HeadWeights:
        d_k, d_v = rng.randint(1, 2), rng.randint(1, 2)
        return HeadWeights(
            rows(d_k, width), rows(d_k, width), rows(d_v, width), rows(width, d_v), bias(d_k), bias(d_k), bias(d_v),
            bias(width),
        )  # fmt: skip

    def layer() -> LayerWeights:
        heads, d_ff = [head() for _ in range(rng.randint(1, 2))], rng.randint(1, 3)
        return LayerWeights(heads, rows(d_ff, width), rows(width, d_ff), bias(d_ff), bias(width))

    return Transformer.build(
        [chr(ord("a") + number) for number in range(tokens)],
        rows(tokens, width),
        rows(tokens, width),
        [layer() for _ in range(layers)],
        unembedding_bias=bias(tokens),
        positions=None if length is None else rows(length, width),
        causal=rng.random() < 0.5,
    )
