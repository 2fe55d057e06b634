"""What whole runs show about every head, and that every token is predicted.

Each observation is exact for the runs given and says nothing about others, except where it is marked otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from exactformer.constructions.transformer.network import CompiledHead
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.verify.hardmax.attention import Activations, Attention, Ints, named_positions, settle_separation
from exactformer.verify.hardmax.batch import Batch, embed, in_batches
from exactformer.verify.hardmax.forward import stages
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.hardmax.readout import read_out


class TokenMismatch(ValueError):
    """The network does not produce a token of the sequence, or not as the unique maximum."""

    def __init__(self, sequence: int, position: int, expected: str, produced: str, margin: int) -> None:
        how = "ties with another token" if margin == 0 else f"wins by {margin}"
        super().__init__(
            f"sequence {sequence}, token {position}: expected {expected}, but the network's best token is "
            f"{produced}, which {how}"
        )


class HeadMismatch(ValueError):
    """A head does not do what the claim needs: tied values differ, or a look-up finds no position or several."""

    def __init__(self, sequence: int, token: int, layer: int, head: CompiledHead, what: str) -> None:
        super().__init__(f"sequence {sequence}, token {token}, layer {layer}, head {head.name}: {what}")


@dataclass(frozen=True, order=True)
class Query:
    """One position of one sequence, both counted from 0."""

    sequence: int
    token: int


@dataclass
class HeadObservation:
    """One head over all sequences.

    ``separation`` is the exact least one, first attained at ``witness``; None if no query has a competitor.
    ``ties`` maps each number of maximisers whose shared value is not all zero to the first query that has it.
    """

    layer: int
    index: int
    head: CompiledHead
    separation: int | None = None
    witness: Query | None = None
    ties: dict[int, Query] = field(default_factory=dict)
    most_maximisers: int = 0


@dataclass(frozen=True)
class Observations:
    """``margins``: per sequence, the least margin by which a token that the model has to produce wins.
    ``heads``: one entry per head, by layer, then in the order of the network."""

    margins: tuple[int, ...]
    heads: tuple[HeadObservation, ...]


def observe(
    prepared: PreparedNetwork,
    sequences: Sequence[TokenSequence],
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Observations:
    """Replay every sequence.  Raises TokenMismatch, HeadMismatch or NotTernaryError at the first thing that is wrong.

    ``progress`` is called after each sublayer with how many are done, and how many there are.
    """
    layers = prepared.network.layers
    heads = [
        HeadObservation(number, index, head)
        for number, layer in enumerate(layers, start=1)
        for index, head in enumerate(layer.heads)
    ]
    groups = list(in_batches(sequences))
    total = 2 * len(layers) * len(groups)
    margins: list[int] = []
    for number, group in enumerate(groups):
        batch = embed(prepared, group)
        x = batch.x
        observed = iter(heads)
        for step, stage in enumerate(stages(prepared, batch), start=1):
            for head, attention in stage.attentions:
                _observe_head(next(observed), head, attention, stage.before, batch, len(margins))
            x = stage.after
            progress(2 * len(layers) * number + step, total)
        margins += least_margins(prepared, group, batch, x, len(margins))
    return Observations(tuple(margins), tuple(heads))


def least_margins(
    prepared: PreparedNetwork, group: Sequence[TokenSequence], batch: Batch, x: Activations, first: int = 0
) -> list[int]:
    """Per sequence the least margin of a token that has to be produced, from the activations ``x`` at the end.

    Raises TokenMismatch if the best next token is another one or not unique; ``first`` numbers the sequences.
    """
    readout = read_out(prepared.network, x)
    describe = prepared.network.vocabulary.describe
    margins = []
    for number, (sequence, column) in enumerate(zip(group, batch.opens, strict=True), start=first):
        for position in range(sequence.prompt, len(sequence)):
            produced, margin = readout.token(column + position - 1), int(readout.margin[column + position - 1])
            if produced != sequence.tokens[position] or margin < 1:
                expected = describe(sequence.tokens[position])
                raise TokenMismatch(number, position, expected, describe(produced), margin)
        needed = readout.margin[column + sequence.prompt - 1 : column + len(sequence) - 1]
        margins.append(int(needed.min()))
    return margins


def _observe_head(
    observed: HeadObservation,
    head: CompiledHead,
    attention: Attention,
    before: Activations,
    batch: Batch,
    first: int,
) -> None:
    """Add what a batch shows; its sequences are numbered from ``first``."""

    def query(column: int) -> Query:
        sequence, token = batch.place(column)
        return Query(first + sequence, token)

    count = attention.maximisers
    shared = (np.abs(attention.value_sum) == count) | (attention.value_size == 0)
    if not shared.all():
        column = int(np.flatnonzero(~shared.all(axis=0))[0])
        where = query(column)
        what = f"its {count[column]} maximisers have different values"
        raise HeadMismatch(where.sequence, where.token, observed.layer, head, what)
    if head.kind is HeadKind.LOOKUP and (
        # The lemma about look-ups is about queries that are the code of a visible position.
        named_positions(before[list(head.query)], batch.start) is None or (count != 1).any()
    ):
        where = query(_first_unnamed(before[list(head.query)], count, batch.start))
        what = "the query does not name one visible position"
        raise HeadMismatch(where.sequence, where.token, observed.layer, head, what)
    settled = settle_separation(head, before, batch.start, attention)
    if settled and (observed.separation is None or settled[0] < observed.separation):
        observed.separation, observed.witness = settled[0], query(settled[1])
    observed.most_maximisers = max(observed.most_maximisers, int(count.max()))
    carrying = np.flatnonzero(attention.value_size.any(axis=0))
    for ties, where_first in zip(*np.unique(count[carrying], return_index=True), strict=True):
        observed.ties.setdefault(int(ties), query(int(carrying[where_first])))


def _first_unnamed(queries: Activations, count: Ints, start: Ints) -> int:
    """The first column whose query names no visible position or has several maximisers."""
    for column in range(len(start)):
        own = slice(column, column + 1)
        if count[column] != 1 or named_positions(queries[:, own], start[own] - column) is None:
            return column
    raise ValueError("every query names one visible position")
