"""The hardmax forward pass of a whole sequence, exact, sublayer by sublayer (spec 1.1).

Activations are int8 arrays [d, n], one column per position.  An activation outside {-1, 0, 1}, or a head whose
tied values do not average to a ternary value, ends the evaluation with an error that says where.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from constructions.transformer.network import CompiledHead, Network
from constructions.transformer.vocabulary import Token, Vector
from verify.hardmax.attention import Activations, Attention, Ints, attend
from verify.hardmax.mlp import PreparedMlp, mlp_delta


class Sublayer(Enum):
    """The two halves of a layer."""

    ATTENTION = "attention"
    MLP = "MLP"


class NotTernaryError(ValueError):
    """An activation that is not in {-1, 0, 1}: at which token, layer, sublayer and coordinate."""

    def __init__(self, token: int, layer: int, sublayer: Sublayer, coordinate: str, value: str) -> None:
        super().__init__(
            f"token {token}, layer {layer}, after the {sublayer.value}: {coordinate} becomes {value}, "
            "which is not in {-1, 0, 1}"
        )
        self.token = token
        self.layer = layer
        self.sublayer = sublayer
        self.coordinate = coordinate
        self.value = value


class TooLongError(ValueError):
    """A sequence with more tokens than positions."""


@dataclass(frozen=True)
class Stage:
    """One sublayer done: activations before and after it, and what its heads did (none for an MLP)."""

    layer: int
    sublayer: Sublayer
    before: Activations
    after: Activations
    attentions: tuple[tuple[CompiledHead, Attention], ...] = ()


@dataclass(frozen=True)
class PreparedNetwork:
    """A network with its MLPs and vocabulary in the form the forward pass multiplies with."""

    network: Network
    mlps: tuple[PreparedMlp, ...]

    @classmethod
    def of(cls, network: Network) -> PreparedNetwork:
        return cls(network, tuple(PreparedMlp.of(layer.mlp, network.width) for layer in network.layers))


def embed(network: Network, tokens: Sequence[Token]) -> Activations:
    """[d, n]: the embedding of each token, and its signed binary position in the first r coordinates."""
    r, n = network.position_bits, len(tokens)
    if n > 1 << r:
        raise TooLongError(f"{n} tokens do not fit the {1 << r} positions of r = {r}; give a larger context")
    x = np.zeros((network.width, n), np.int8)
    x[:r] = _position_codes(r, n)
    vocabulary = network.vocabulary
    family_of = np.array([vocabulary.index[token.family] for token in tokens], dtype=np.int64)
    for number, family in enumerate(vocabulary.families):
        here = np.flatnonzero(family_of == number)
        if not len(here):
            continue
        x[:, here] += dense(family.embedding, network.width)[:, None]
        chosen = np.array([tokens[position].values for position in here.tolist()], dtype=np.int64)
        for column, field in enumerate(family.fields):
            table = np.stack([dense(vector, network.width) for vector in field.embedding], axis=1)
            x[:, here] += table[:, chosen[:, column]]
    return x


def _position_codes(bits: int, length: int) -> Activations:
    """[bits, length]: enc(0), enc(1), ..."""
    code = np.full((bits, length), -1, np.int8)
    low = min(bits, 62)
    code[:low] += 2 * (np.arange(length) >> np.arange(low)[:, None] & 1).astype(np.int8)
    return code


def positions_intact(network: Network, x: Activations) -> bool:
    """Whether the first r coordinates still hold each token's own position."""
    r = network.position_bits
    return bool((x[:r] == _position_codes(r, x.shape[1])).all())


def dense(vector: Vector, width: int) -> NDArray[np.int8]:
    """A sparse vector written out, [width]."""
    written = np.zeros(width, np.int8)
    for coordinate, value in vector:
        written[coordinate] = value
    return written


def embed_token(network: Network, token: Token, position: int) -> Activations:
    """[d, 1]: the embedding of one token at a position below 2**r."""
    x = embed(network, [token])
    bits = (position >> bit & 1 for bit in range(network.position_bits))
    x[: network.position_bits, 0] = [1 if bit else -1 for bit in bits]
    return x


def stages(prepared: PreparedNetwork, x: Activations) -> Iterator[Stage]:
    """Every sublayer in turn, from the embedded sequence ``x``.

    Raises NotTernaryError at the first activation that leaves {-1, 0, 1}.
    """
    network = prepared.network
    for number, (layer, mlp) in enumerate(zip(network.layers, prepared.mlps, strict=True), start=1):
        r = network.position_bits if positions_intact(network, x) else 0
        attentions = tuple((head, attend(head, x, r)) for head in layer.heads)
        after = _add_heads(network, number, x, attentions)
        yield Stage(number, Sublayer.ATTENTION, x, after, attentions)
        x = after
        after = add_ternary(network, number, Sublayer.MLP, x, mlp.written, mlp_delta(mlp, x))
        yield Stage(number, Sublayer.MLP, x, after)
        x = after


def _add_heads(
    network: Network, layer: int, x: Activations, attentions: tuple[tuple[CompiledHead, Attention], ...]
) -> Activations:
    written = np.unique([c for head, _ in attentions for c in head.out]).astype(np.int64)
    gained = np.zeros((len(written), x.shape[1]), np.int64)
    for head, attention in attentions:
        average, remainder = np.divmod(attention.value_sum, attention.maximisers)
        if remainder.any():
            row, token = map(int, np.argwhere(remainder)[0])
            value = f"{attention.value_sum[row, token]}/{attention.maximisers[token]} more than it was"
            raise NotTernaryError(token, layer, Sublayer.ATTENTION, network.coordinate_name(head.out[row]), value)
        np.add.at(gained, np.searchsorted(written, head.out), average)
    return add_ternary(network, layer, Sublayer.ATTENTION, x, written, gained)


def add_ternary(
    network: Network,
    layer: int,
    sublayer: Sublayer,
    x: Activations,
    coordinates: Ints,
    gained: Ints,
    first_token: int = 0,
) -> Activations:
    """``x`` with ``gained`` added to the rows ``coordinates``; NotTernaryError where that leaves {-1, 0, 1}.

    ``first_token`` is the position of column 0.
    """
    if not len(coordinates):
        return x
    total = x[coordinates] + gained
    if total.max() > 1 or total.min() < -1:
        bad = np.argwhere(np.abs(total) > 1)
        row, token = bad[np.argmin(bad[:, 1])]
        name = network.coordinate_name(int(coordinates[row]))
        raise NotTernaryError(first_token + int(token), layer, sublayer, name, str(total[row, token]))
    after = x.copy()
    after[coordinates] = total
    return after


def final_activations(prepared: PreparedNetwork, tokens: Sequence[Token]) -> Activations:
    """[d, n]: the residual stream after the last layer."""
    x = embed(prepared.network, tokens)
    for stage in stages(prepared, x):
        x = stage.after
    return x
