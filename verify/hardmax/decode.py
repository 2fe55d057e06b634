"""Greedy decoding: the network writes its own sequence, one token at a time, in integers.

Earlier positions are kept as the key and value coordinates that each layer's heads read; nothing at a position depends
on later ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from exactformer.constructions.transformer.network import Layer
from exactformer.constructions.transformer.vocabulary import Token
from exactformer.verify.hardmax.attention import Activations, Ints
from exactformer.verify.hardmax.batch import Batch, TooLongError, embed_token
from exactformer.verify.hardmax.forward import Sublayer, add_ternary
from exactformer.verify.hardmax.mlp import mlp_delta
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.hardmax.readout import read_out


class AmbiguousTokenError(ValueError):
    """The best next token is not unique."""


@dataclass
class _LayerCache:
    """What the heads of one layer read of all positions so far: [coordinates read, capacity]."""

    place: dict[int, int]
    kept: Activations

    @classmethod
    def of(cls, layer: Layer) -> _LayerCache:
        read = sorted({c for head in layer.heads for c in (*head.key, *head.value)})
        return cls({c: row for row, c in enumerate(read)}, np.zeros((len(read), 64), np.int8))

    def append(self, x: Activations, position: int) -> None:
        if position == self.kept.shape[1]:
            self.kept = np.concatenate([self.kept, np.zeros_like(self.kept)], axis=1)
        self.kept[:, position] = x[list(self.place), 0]

    def rows(self, coordinates: Sequence[int], length: int) -> Ints:
        return self.kept[[self.place[c] for c in coordinates], :length].astype(np.int64)


def decode(prepared: PreparedNetwork, prompt: Sequence[Token]) -> Iterator[Token]:
    """The tokens the network produces after ``prompt``; the last is the one after a full context of 2**r tokens.

    Raises AmbiguousTokenError if two tokens tie for the best or a head's tied values have no integer mean, and
    NotTernaryError as the forward pass does.
    """
    network = prepared.network
    caches = [_LayerCache.of(layer) for layer in network.layers]
    tokens = list(prompt)
    position = 0
    while position < len(tokens):
        x = _next_column(prepared, caches, tokens[position], position)
        position += 1
        if position < len(prompt):
            continue
        readout = read_out(network, x)
        if readout.margin[0] < 1:
            raise AmbiguousTokenError(f"after token {position - 1}, two tokens tie for the best")
        produced = readout.token(0)
        if position < 1 << network.position_bits:
            tokens.append(produced)
        yield produced


def _next_column(prepared: PreparedNetwork, caches: list[_LayerCache], token: Token, position: int) -> Activations:
    """[d, 1]: the activations of one more token after the last layer."""
    network = prepared.network
    if position >= 1 << network.position_bits:
        raise TooLongError(f"position {position} does not fit r = {network.position_bits}; give a larger context")
    x = embed_token(prepared, token, position)
    here = Batch(x, np.zeros(1, np.int64), (-position,))  # column 0 is this position of sequence 0
    for number, (layer, mlp, cache) in enumerate(zip(network.layers, prepared.mlps, caches, strict=True), start=1):
        cache.append(x, position)
        gained = np.zeros((network.width, 1), np.int64)
        for head in layer.heads:
            scores = x[list(head.query), 0].astype(np.int64) @ cache.rows(head.key, position + 1)
            chosen = scores == scores.max()
            total = cache.rows(head.value, position + 1)[:, chosen].sum(axis=1)
            average, remainder = np.divmod(total, chosen.sum())
            if remainder.any():
                raise AmbiguousTokenError(f"layer {number}, head {head.name}: the tied values do not average to one")
            np.add.at(gained[:, 0], list(head.out), average)
        x = add_ternary(network, number, Sublayer.ATTENTION, x, np.arange(network.width), gained, here)
        x = add_ternary(network, number, Sublayer.MLP, x, mlp.written, mlp_delta(mlp, x), here)
    return x
