"""Attention of a whole layer: heads with common work share it.

Heads that look positions up with the same query share the positions found.  Of the others, those with lists of the
same lengths are computed in one product of all scores, as long as the sequences are short; else one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from exactformer.constructions.transformer.network import CompiledHead
from exactformer.verify.hardmax.attention import (
    NO_GAP,
    Activations,
    Attention,
    Ints,
    attend,
    by_position,
    named_positions,
)
from exactformer.verify.hardmax.batch import Batch
from exactformer.verify.hardmax.prepared import PreparedHeads

SCORES_AT_ONCE = 1 << 19
"""Up to this many scores, heads of a layer are computed in one product."""


def attend_layer(
    prepared: PreparedHeads, x: Activations, batch: Batch, position_bits: int
) -> tuple[tuple[CompiledHead, Attention], ...]:
    """What each head does, in the order of the layer.

    The first ``position_bits`` rows of ``x`` must be the signed binary positions of the columns; 0 if they are not.
    """
    done: dict[int, Attention] = {}
    others = list(prepared.others)
    for query, numbers in prepared.by_query:
        named = named_positions(x[query], batch.start) if position_bits else None
        if named is None:
            others += numbers
        else:
            found = by_position(named, batch.start)
            done |= {number: found(x[list(prepared.heads[number].value)]) for number in numbers}
    if batch.grid.size * batch.grid.shape[1] > SCORES_AT_ONCE:
        done |= {number: attend(prepared.heads[number], x, position_bits, batch.start) for number in others}
    else:
        alike: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number in others:
            alike[len(prepared.heads[number].query), len(prepared.heads[number].value)].append(number)
        for members in alike.values():
            together = _together([prepared.heads[number] for number in members], x, batch.grid)
            done |= dict(zip(members, together, strict=True))
    return tuple((head, done[number]) for number, head in enumerate(prepared.heads))


def _together(heads: list[CompiledHead], x: Activations, grid: Ints) -> Iterator[Attention]:
    """Heads with lists of the same lengths, from all their scores: [heads, sequences, longest, longest]."""
    inside = grid >= 0
    columns = np.where(inside, grid, 0)
    query = x[np.array([head.query for head in heads])][:, :, columns].transpose(0, 2, 3, 1).astype(np.int32)
    key = x[np.array([head.key for head in heads])][:, :, columns].transpose(0, 2, 1, 3).astype(np.int32)
    value = x[np.array([head.value for head in heads])][:, :, columns].transpose(0, 2, 3, 1).astype(np.int32)
    score = query @ key
    longest = grid.shape[1]
    seen = np.tri(longest, dtype=np.bool_) & inside[:, None, :]
    hidden = np.int32(-(1 << 30))
    score[:, ~seen] = hidden
    top = score.max(axis=3)
    chosen = score == top[..., None]
    np.copyto(score, hidden, where=chosen)
    runner_up = score.max(axis=3)
    count = chosen.sum(axis=3)
    gap = np.where(runner_up == hidden, NO_GAP, (top - runner_up).astype(np.int64))
    selected = chosen.astype(np.int32)
    value_sum = (selected @ value).astype(np.int64)
    value_size = (selected @ np.abs(value)).astype(np.int64)
    exact = np.ones(int(inside.sum()), np.bool_)
    for head in range(len(heads)):
        # Boolean indexing goes sequence by sequence, position by position: the order of the columns.
        yield Attention(
            count[head][inside],
            value_sum[head][inside].T,
            value_size[head][inside].T,
            gap[head][inside],
            exact,
        )
