"""The hardmax forward pass, exact, sublayer by sublayer.

Activations are int8 arrays [d, n], one column per token.  An activation outside {-1, 0, 1}, or a head whose tied
values do not average to a ternary value, ends the evaluation with an error that says where.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np

from exactformer.constructions.transformer.network import CompiledHead, Network
from exactformer.verify.hardmax.attention import Activations, Attention, Ints
from exactformer.verify.hardmax.batch import Batch, position_codes
from exactformer.verify.hardmax.layer import attend_layer
from exactformer.verify.hardmax.mlp import mlp_delta
from exactformer.verify.hardmax.prepared import PreparedHeads, PreparedNetwork


class Sublayer(Enum):
    """The two halves of a layer."""

    ATTENTION = "attention"
    MLP = "MLP"


class NotTernaryError(ValueError):
    """An activation that is not in {-1, 0, 1}: at which sequence, token, layer, sublayer and coordinate."""

    def __init__(self, sequence: int, token: int, layer: int, sublayer: Sublayer, coordinate: str, value: str) -> None:
        super().__init__(
            f"sequence {sequence}, token {token}, layer {layer}, after the {sublayer.value}: {coordinate} "
            f"becomes {value}, which is not in {{-1, 0, 1}}"
        )
        self.sequence = sequence
        self.token = token
        self.layer = layer
        self.sublayer = sublayer
        self.coordinate = coordinate
        self.value = value


@dataclass(frozen=True)
class Stage:
    """One sublayer done: activations before and after it, and what its heads did (none for an MLP)."""

    layer: int
    sublayer: Sublayer
    before: Activations
    after: Activations
    attentions: tuple[tuple[CompiledHead, Attention], ...] = ()


def stages(prepared: PreparedNetwork, batch: Batch) -> Iterator[Stage]:
    """Every sublayer in turn.  Raises NotTernaryError at the first activation that leaves {-1, 0, 1}."""
    network = prepared.network
    codes = position_codes(network.position_bits, batch.start)
    x = batch.x
    for number, (heads, mlp) in enumerate(zip(prepared.heads, prepared.mlps, strict=True), start=1):
        r = network.position_bits if (x[: network.position_bits] == codes).all() else 0
        attentions = attend_layer(heads, x, batch, r)
        gained = _gained_by_heads(network, number, heads, attentions, batch)
        after = add_ternary(network, number, Sublayer.ATTENTION, x, heads.written, gained, batch)
        yield Stage(number, Sublayer.ATTENTION, x, after, attentions)
        x = after
        after = add_ternary(network, number, Sublayer.MLP, x, mlp.written, mlp_delta(mlp, x), batch)
        yield Stage(number, Sublayer.MLP, x, after)
        x = after


def final_activations(prepared: PreparedNetwork, batch: Batch) -> Activations:
    """[d, n]: the residual stream after the last layer."""
    x = batch.x
    for stage in stages(prepared, batch):
        x = stage.after
    return x


def _gained_by_heads(
    network: Network,
    layer: int,
    heads: PreparedHeads,
    attentions: tuple[tuple[CompiledHead, Attention], ...],
    batch: Batch,
) -> Ints:
    """[written coordinates, n]: what each column gains there, the means of the maximisers' values."""
    gained = np.zeros((len(heads.written), batch.length), np.int64)
    for (head, attention), rows in zip(attentions, heads.rows, strict=True):
        average = attention.value_sum
        if attention.maximisers.max() > 1:
            average, remainder = np.divmod(attention.value_sum, attention.maximisers)
            if remainder.any():
                row, column = map(int, np.argwhere(remainder)[0])
                value = f"{attention.value_sum[row, column]}/{attention.maximisers[column]} more than it was"
                name = network.coordinate_name(head.out[row])
                raise NotTernaryError(*batch.place(column), layer, Sublayer.ATTENTION, name, value)
        np.add.at(gained, rows, average)  # a coordinate may be listed twice
    return gained


def add_ternary(
    network: Network,
    layer: int,
    sublayer: Sublayer,
    x: Activations,
    coordinates: Ints,
    gained: Ints,
    batch: Batch,
) -> Activations:
    """``x`` with ``gained`` added to the rows ``coordinates``; NotTernaryError if that leaves {-1, 0, 1}."""
    if not len(coordinates):
        return x
    total = x[coordinates] + gained
    if total.max() > 1 or total.min() < -1:
        bad = np.argwhere(np.abs(total) > 1)
        row, column = map(int, bad[np.argmin(bad[:, 1])])
        name = network.coordinate_name(int(coordinates[row]))
        raise NotTernaryError(*batch.place(column), layer, sublayer, name, str(total[row, column]))
    after = x.copy()
    after[coordinates] = total
    return after
