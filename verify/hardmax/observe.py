"""What whole runs show about every head, and that every token is predicted (spec 2.5).

Each observation is exact for the runs given and says nothing about others, except where it is marked otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from constructions.transformer.network import CompiledHead
from constructions.transformer.program import HeadKind
from constructions.turing.tokens import TokenSequence
from verify.hardmax.attention import Activations, Attention, named_positions, settle_separation
from verify.hardmax.forward import PreparedNetwork, embed, stages
from verify.hardmax.readout import read_out


class TokenMismatch(ValueError):
    """The network does not produce a token of the sequence, or not as the unique maximum."""

    def __init__(self, run: int, position: int, expected: str, produced: str, margin: int) -> None:
        how = "ties with another token" if margin == 0 else f"wins by {margin}"
        super().__init__(
            f"run {run}, token {position}: expected {expected}, but the network's best token is {produced}, which {how}"
        )


class HeadMismatch(ValueError):
    """A head does not do what the claim needs: tied values differ, or a look-up finds nothing or several."""

    def __init__(self, run: int, token: int, layer: int, head: CompiledHead, what: str) -> None:
        super().__init__(f"run {run}, token {token}, layer {layer}, head {head.name}: {what}")


@dataclass(frozen=True, order=True)
class Query:
    """One position of one run, both counted from 0."""

    run: int
    token: int


@dataclass
class HeadObservation:
    """One head over all runs.

    ``separation`` is the exact least one, first attained at ``witness``; None when no query has a competitor.
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
class RunObservation:
    """One run: its tokens, and the least margin by which the next token wins where the model has to produce it."""

    sequence: TokenSequence
    margin: int


@dataclass(frozen=True)
class Observations:
    """All runs: one entry per run, and one per head, by layer, then in the order of the network."""

    runs: tuple[RunObservation, ...]
    heads: tuple[HeadObservation, ...]


def observe(
    prepared: PreparedNetwork,
    sequences: Sequence[TokenSequence],
    on_sublayer: Callable[[], None] = lambda: None,
) -> Observations:
    """Replay every sequence.  Raises TokenMismatch, HeadMismatch or NotTernaryError at the first thing amiss.

    ``on_sublayer`` is called after each sublayer of each sequence, for progress bars.
    """
    layers = prepared.network.layers
    heads = [
        HeadObservation(number, index, head)
        for number, layer in enumerate(layers, start=1)
        for index, head in enumerate(layer.heads)
    ]
    runs = tuple(_observe_run(prepared, run, sequence, heads, on_sublayer) for run, sequence in enumerate(sequences))
    return Observations(runs, tuple(heads))


def _observe_run(
    prepared: PreparedNetwork,
    run: int,
    sequence: TokenSequence,
    heads: list[HeadObservation],
    on_sublayer: Callable[[], None],
) -> RunObservation:
    x = embed(prepared.network, sequence.tokens)
    observed = iter(heads)
    for stage in stages(prepared, x):
        for head, attention in stage.attentions:
            _observe_head(next(observed), head, attention, stage.before, run)
        x = stage.after
        on_sublayer()
    readout = read_out(prepared.network, x)
    describe = prepared.network.vocabulary.describe
    for position in range(sequence.prompt, len(sequence)):
        produced, margin = readout.token(position - 1), int(readout.margin[position - 1])
        if produced != sequence.tokens[position] or margin < 1:
            expected = describe(sequence.tokens[position])
            raise TokenMismatch(run, position, expected, describe(produced), margin)
    return RunObservation(sequence, int(readout.margin[sequence.prompt - 1 : len(sequence) - 1].min()))


def _observe_head(
    observed: HeadObservation, head: CompiledHead, attention: Attention, before: Activations, run: int
) -> None:
    count = attention.maximisers
    shared = (np.abs(attention.value_sum) == count) | (attention.value_size == 0)
    if not shared.all():
        token = int(np.flatnonzero(~shared.all(axis=0))[0])
        what = f"its {count[token]} maximisers have different values"
        raise HeadMismatch(run, token, observed.layer, head, what)
    if head.kind is HeadKind.LOOKUP:
        _check_lookup(observed, head, before, count, run)
    settled = settle_separation(head, before, attention)
    if settled and (observed.separation is None or settled[0] < observed.separation):
        observed.separation, observed.witness = settled[0], Query(run, settled[1])
    observed.most_maximisers = max(observed.most_maximisers, int(count.max()))
    carrying = np.flatnonzero(attention.value_size.any(axis=0))
    for ties, first in zip(*np.unique(count[carrying], return_index=True), strict=True):
        observed.ties.setdefault(int(ties), Query(run, int(carrying[first])))


def _check_lookup(
    observed: HeadObservation, head: CompiledHead, before: Activations, count: NDArray[np.int64], run: int
) -> None:
    """The lemma about look-ups speaks of queries that are the code of a visible position."""
    if named_positions(before[list(head.query)]) is None or (count != 1).any():
        token = int(np.argmax(count != 1))
        raise HeadMismatch(run, token, observed.layer, head, "a query does not name one visible position")
