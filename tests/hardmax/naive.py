"""The hardmax transformer as it is defined, one position, head and neuron at a time: the fast evaluation is compared
with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.network import CompiledHead, Layer, Mlp, Network
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.construct import construct_cot
from exactformer.constructions.turing.tokens import TokenSequence, cot_tokens
from exactformer.verify.hardmax.attention import NO_GAP, Activations, Attention, Ints


def naive_scores(head: CompiledHead, x: Activations, query: int, first: int = 0) -> list[int]:
    """The score of every column from ``first`` to the query's own."""
    columns = x.tolist()
    return [
        sum(columns[q][query] * columns[k][key] for q, k in zip(head.query, head.key, strict=True))
        for key in range(first, query + 1)
    ]


def naive_attention(head: CompiledHead, x: Activations, start: Ints) -> Attention:
    """One query, one key and one coordinate at a time."""
    n, columns = x.shape[1], x.tolist()
    result = Attention.empty(n, len(head.value))
    for query in range(n):
        first = int(start[query])
        scores = naive_scores(head, x, query, first)
        top = max(scores)
        chosen = [first + place for place, score in enumerate(scores) if score == top]
        result.maximisers[query] = len(chosen)
        for row, coordinate in enumerate(head.value):
            result.value_sum[row, query] = sum(columns[coordinate][key] for key in chosen)
            result.value_size[row, query] = sum(abs(columns[coordinate][key]) for key in chosen)
        below = [score for score in scores if score < top]
        result.runner_up_gap[query] = top - max(below) if below else NO_GAP
    return result


def naive_mlp(units: Sequence[Neuron], column: Sequence[int]) -> list[int]:
    """What the neurons add to one column."""
    gained = [0] * len(column)
    for unit in units:
        active = max(0, unit.bias + sum(weight * column[c] for c, weight in unit.inputs))
        for c, weight in unit.outputs:
            gained[c] += weight * active
    return gained


def naive_embedding(network: Network, tokens: Sequence[Token]) -> NDArray[np.int64]:
    x = np.zeros((network.width, len(tokens)), np.int64)
    for position, token in enumerate(tokens):
        family = network.vocabulary.family(token)
        vectors = [family.embedding]
        vectors += [field.embedding[value] for field, value in zip(family.fields, token.values, strict=True)]
        for vector in vectors:
            for coordinate, value in vector:
                x[coordinate, position] += value
        for bit in range(network.position_bits):
            x[bit, position] = 1 if position >> bit & 1 else -1
    return x


def naive_forward(network: Network, tokens: Sequence[Token]) -> list[NDArray[np.int64]]:
    """The embedding and the activations after every sublayer, each [d, n]."""
    x = naive_embedding(network, tokens)
    after = [x]
    n = len(tokens)
    for layer in network.layers:
        gained = np.zeros_like(x)
        for head in layer.heads:
            scores = x[list(head.query)].T @ x[list(head.key)]
            for query in range(n):
                visible = scores[query, : query + 1]
                chosen = np.flatnonzero(visible == visible.max())
                for source, target in zip(head.value, head.out, strict=True):
                    mean = Fraction(int(x[source, chosen].sum()), len(chosen))
                    assert mean.denominator == 1, f"{head.name} at {query} averages to {mean}"
                    gained[target, query] += int(mean)
        x = x + gained
        after.append(x)
        gained = np.zeros_like(x)
        for unit in layer.mlp.neurons():
            active = np.full(n, unit.bias)
            for c, weight in unit.inputs:
                active = active + weight * x[c]
            for c, weight in unit.outputs:
                gained[c] += weight * np.maximum(active, 0)
        x = x + gained
        after.append(x)
    return after


@dataclass(frozen=True)
class Scene:
    """A head, ternary activations with sequences side by side, and where these start."""

    head: CompiledHead
    x: Activations
    start: Ints


def random_scene(rng: Random, length: int, wide: bool = False) -> Scene:
    """Activations with all that may go wrong: columns of zeros, rows that never change, flags, registers of +-1 that
    are sometimes zero, columns that repeat with another value; heads that list coordinates several times."""
    rows: list[list[int]] = []
    for _ in range(rng.randint(4, 12)):
        domain = rng.choice([(-1, 0, 1), (-1, 1), (0, 1), (0, 0, 0, 1), (-1, -1, -1, 1)])
        rows.append([rng.choice(domain) for _ in range(length)])
    rows.append([rng.choice((-1, 0, 1))] * length)
    rows.append([1] * length)
    columns = [list(column) for column in zip(*rows, strict=True)]
    for place in range(1, length):
        if rng.random() < 0.35:
            columns[place] = list(columns[rng.randrange(place)])
            if rng.random() < 0.3:
                columns[place][rng.randrange(len(rows))] = rng.choice((-1, 0, 1))
        elif rng.random() < 0.1:
            columns[place] = [0] * len(rows)
    x = np.array(columns, dtype=np.int8).T.copy()
    some = rng.sample(range(len(rows)), rng.randint(1, min(6, len(rows))))
    width = rng.randint(40, 75) if wide else rng.randint(1, 9)
    kept = range(len(rows)) if wide else some
    query = tuple(rng.choice(kept) for _ in range(width))
    key = tuple(rng.choice(kept) for _ in range(width))
    value = tuple(rng.randrange(len(rows)) for _ in range(rng.randint(1, 3)))
    head = CompiledHead("random", HeadKind.CONTENT, query, key, value, tuple(range(len(value))))
    return Scene(head, x, random_start(rng, length))


def random_start(rng: Random, length: int) -> Ints:
    """One sequence, or a few of any lengths side by side."""
    opens = [0, *sorted(rng.sample(range(1, length), min(length - 1, rng.choice((0, 0, 1, 3)))))]
    lengths = np.diff([*opens, length])
    return np.repeat(np.array(opens, dtype=np.int64), lengths)


def network_and_run(name: str, word: str, position_bits: int) -> tuple[Network, TokenSequence]:
    """A chain-of-thought network and one of its sequences."""
    machine = load_machine(name)
    return construct_cot(machine, position_bits), cot_tokens(machine, trace(machine, word), position_bits)


def with_layer(network: Network, number: int, heads: tuple[CompiledHead, ...] | None, mlp: Mlp | None) -> Network:
    """The network with other heads or another MLP in one layer (counted from 1)."""
    old = network.layers[number - 1]
    layer = Layer(old.heads if heads is None else heads, old.mlp if mlp is None else mlp)
    return replace(network, layers=(*network.layers[: number - 1], layer, *network.layers[number:]))


def with_neurons(network: Network, number: int, *units: Neuron) -> Network:
    """The network with further neurons in one layer."""
    return with_layer(network, number, None, Mlp.joined(network.layers[number - 1].mlp, Mlp.of(units)))


def with_head(network: Network, number: int, head: CompiledHead, index: int | None = None) -> Network:
    """The network with another head at an index of one layer, or with one head more."""
    heads = network.layers[number - 1].heads
    place = len(heads) if index is None else index
    return with_layer(network, number, (*heads[:place], head, *heads[place + 1 :]), None)
