"""Networks in the form the forward pass works with.

Networks share the layers that depend only on the shape of a machine.  These are prepared once and kept as long as one
of the networks lives.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.network import CompiledHead, Layer, Mlp, Network
from exactformer.constructions.transformer.vocabulary import Vector
from exactformer.verify.hardmax.attention import Ints
from exactformer.verify.hardmax.mlp import PreparedMlp


@dataclass(frozen=True, eq=False)
class PreparedHeads:
    """The heads of one layer, and where their results go.

    ``written`` are the coordinates that some head writes; row ``rows[h]`` of it belongs to entry h's ``out`` list.
    """

    heads: tuple[CompiledHead, ...]
    written: Ints
    rows: tuple[Ints, ...]
    by_query: tuple[tuple[Ints, tuple[int, ...]], ...]
    """Heads whose key is exactly ``pos``: for each different query list, the heads that have it."""
    others: tuple[int, ...]
    """The heads with another key."""

    @classmethod
    def of(cls, heads: tuple[CompiledHead, ...], position_bits: int) -> PreparedHeads:
        written = np.array(sorted({c for head in heads for c in head.out}), dtype=np.int64)
        by_query: dict[tuple[int, ...], list[int]] = {}
        others: list[int] = []
        for number, head in enumerate(heads):
            if head.key == tuple(range(position_bits)):
                by_query.setdefault(head.query, []).append(number)
            else:
                others.append(number)
        return cls(
            heads,
            written,
            tuple(np.searchsorted(written, head.out) for head in heads),
            tuple((np.array(query), tuple(numbers)) for query, numbers in by_query.items()),
            tuple(others),
        )


@dataclass(frozen=True, eq=False)
class PreparedNetwork:
    """A network, ready to be evaluated."""

    network: Network

    @cached_property
    def mlps(self) -> tuple[PreparedMlp, ...]:
        return tuple(_prepared_mlp(layer.mlp, self.network.width) for layer in self.network.layers)

    @cached_property
    def heads(self) -> tuple[PreparedHeads, ...]:
        return tuple(_prepared_heads(layer, self.network.position_bits) for layer in self.network.layers)

    @cached_property
    def embeddings(self) -> tuple[tuple[NDArray[np.int8], tuple[NDArray[np.int8], ...]], ...]:
        """Per family: its fixed vector [d], and per field the table [d, values]."""
        width = self.network.width
        return tuple(
            (
                dense(family.embedding, width),
                tuple(np.stack([dense(v, width) for v in field.embedding], axis=1) for field in family.fields),
            )
            for family in self.network.vocabulary.families
        )


_MLPS: WeakKeyDictionary[Mlp, PreparedMlp] = WeakKeyDictionary()
_HEADS: WeakKeyDictionary[Layer, PreparedHeads] = WeakKeyDictionary()


def _prepared_mlp(mlp: Mlp, width: int) -> PreparedMlp:
    if mlp not in _MLPS:
        _MLPS[mlp] = PreparedMlp.of(mlp, width)
    return _MLPS[mlp]


def _prepared_heads(layer: Layer, position_bits: int) -> PreparedHeads:
    if layer not in _HEADS:
        _HEADS[layer] = PreparedHeads.of(layer.heads, position_bits)
    return _HEADS[layer]


def dense(vector: Vector, width: int) -> NDArray[np.int8]:
    """A sparse vector written out, [width]."""
    written = np.zeros(width, np.int8)
    for coordinate, value in vector:
        written[coordinate] = value
    return written
