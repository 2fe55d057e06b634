"""The next token: the unique maximum of <unembed(token), x>, taken register by register.

The logit of a token is the fixed part of its family plus one term per field, so a family's maximum is the sum of
its fields' maxima, and it is unique when each of these is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.vocabulary import Family, Token, Vector
from exactformer.verify.hardmax.attention import Activations

Ints = NDArray[np.int64]
LOWEST = np.int64(-(1 << 40))


@dataclass(frozen=True)
class Readout:
    """Per position: the greedy next token, and its margin over the best other token (0: not unique)."""

    family: Ints
    values: tuple[Ints, ...]
    """For each family [fields, n]: the best value of each field."""
    margin: Ints
    network: Network

    def token(self, position: int) -> Token:
        family = int(self.family[position])
        name = self.network.vocabulary.families[family].name
        return Token(name, tuple(int(value) for value in self.values[family][:, position]))


def read_out(network: Network, x: Activations) -> Readout:
    """The next token after each position, from the activations [d, n] after the last layer."""
    n = x.shape[1]
    best = np.full((len(network.vocabulary.families), n), LOWEST)
    margin_inside = np.full_like(best, -LOWEST)
    values: list[Ints] = []
    for number, family in enumerate(network.vocabulary.families):
        best[number], margin_inside[number], chosen = _family_maximum(family, x)
        values.append(chosen)
    winner = best.argmax(axis=0)
    columns = np.arange(n)
    top = best[winner, columns]
    best[winner, columns] = LOWEST
    margin = np.minimum(top - best.max(axis=0), margin_inside[winner, columns])
    return Readout(winner, tuple(values), margin, network)


def _family_maximum(family: Family, x: Activations) -> tuple[Ints, Ints, Ints]:
    """For one family: the largest logit [n], its margin inside the family [n], the best values [fields, n]."""
    total = _logits((family.unembedding,), x)[0]
    margin = np.full(x.shape[1], -LOWEST)
    chosen = np.zeros((len(family.fields), x.shape[1]), np.int64)
    for number, field in enumerate(family.fields):
        logits = _logits(field.unembedding, x)
        chosen[number] = logits.argmax(axis=0)
        if len(logits) > 1:
            # Changing one field to its second best value costs the least.
            second, first = np.partition(logits, -2, axis=0)[-2:]
            margin = np.minimum(margin, first - second)
        total = total + logits.max(axis=0)
    return total, margin, chosen


def _logits(vectors: tuple[Vector, ...], x: Activations) -> Ints:
    """[len(vectors), n]: <vector, x>."""
    used = sorted({coordinate for vector in vectors for coordinate, _ in vector})
    place = {coordinate: row for row, coordinate in enumerate(used)}
    weights = np.zeros((len(vectors), len(used)), np.int64)
    for row, vector in enumerate(vectors):
        for coordinate, value in vector:
            weights[row, place[coordinate]] = value
    return np.asarray(weights @ x[used].astype(np.int64))
