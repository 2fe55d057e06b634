"""Transformers that the tests of given sequences share: random ones, and an induction head by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_matrices import HeadWeights, LayerWeights
from exactformer.constructions.transformer.exact_norms import LayerNorm, NormWeights, RMSNorm
from exactformer.constructions.transformer.exact_parts import ACTIVATIONS

Rows = list[list[Fraction]]
EVERYTHING: dict[str, Any] = {"norms": True, "gates": True, "activations": ACTIVATIONS, "rotary": True}
"""The options of `random_transformer`."""


def random_rows(rng: Random, rows: int, columns: int, bits: int, zeros: int = 4) -> Rows:
    """Numbers n/2^bits with |n| <= 2^bits + 2; one in ``zeros`` is 0."""
    size = (1 << bits) + 2
    return [
        [Fraction(0 if rng.randrange(zeros) == 0 else rng.randint(-size, size), 1 << bits) for _ in range(columns)]
        for _ in range(rows)
    ]


def random_transformer(
    rng: Random,
    *,
    layers: int = 1,
    width: int = 3,
    tokens: int = 4,
    bits: int = 2,
    length: int | None = 6,
    norms: bool = False,
    gates: bool = False,
    activations: Sequence[str] = (),
    rotary: bool = False,
) -> Transformer:
    """One with biases everywhere, one or two heads a layer, and a table of positions unless length is None.

    ``norms``: each that there can be is there with probability 1/2, of either kind; ``gates``: so are those of a layer;
    ``activations``: one of these in each layer, in the place of relu; ``rotary``: three of four heads rotate two
    entries of two or three, by tables of two planes whose numbers are any, for ``length`` or six tokens.
    """

    def rows(count: int, columns: int) -> Rows:
        return random_rows(rng, count, columns, bits)

    def bias(count: int) -> list[Fraction]:
        return rows(1, count)[0]

    def head() -> HeadWeights:
        d_k, d_v = rng.randint(1, 2), rng.randint(1, 2)
        rotated = rotary and rng.random() < 0.75
        d_k += rotated
        found = HeadWeights(
            rows(d_k, width), rows(d_k, width), rows(d_v, width), rows(width, d_v), bias(d_k), bias(d_k), bias(d_v),
            bias(width),
        )  # fmt: skip
        first, second = rng.sample(range(d_k), 2) if rotated else (0, 0)
        return replace(found, rotary=[(first, second, rng.randrange(2))]) if rotated else found

    def norm() -> NormWeights | None:
        if not norms or rng.random() < 0.5:
            return None
        kind, epsilon = rng.choice((LayerNorm, RMSNorm)), rng.choice((Fraction(1), Fraction(1, 1024)))
        return kind(bias(width), epsilon, bias(width))

    def layer() -> LayerWeights:
        heads, d_ff = [head() for _ in range(rng.randint(1, 2))], rng.randint(1, 3)
        found = LayerWeights(heads, rows(d_ff, width), rows(width, d_ff), bias(d_ff), bias(width))
        if gates and rng.random() < 0.5:
            found = replace(found, gates=rows(d_ff, width), gates_bias=bias(d_ff))
        if activations:
            found = replace(found, activation=rng.choice(activations))
        return replace(found, heads_norm=norm(), behind_heads_norm=norm(), mlp_norm=norm(), behind_mlp_norm=norm())

    names = [chr(ord("a") + number) for number in range(tokens)]
    embedding, unembedding, made = rows(tokens, width), rows(tokens, width), [layer() for _ in range(layers)]
    rotates = any(head.rotary for layer in made for head in layer.heads)
    return Transformer.build(
        names,
        embedding,
        unembedding,
        made,
        unembedding_bias=bias(tokens),
        positions=None if length is None else rows(length, width),
        causal=rng.random() < 0.5,
        rotary=[rows(2, 2) for _ in range(length or 6)] if rotates else None,
        norm=norm(),
    )
