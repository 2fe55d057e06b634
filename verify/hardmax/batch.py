"""Token sequences as columns: embedded side by side, so that one pass evaluates them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from exactformer.constructions.transformer.vocabulary import Token
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.verify.hardmax.attention import Activations, Ints
from exactformer.verify.hardmax.prepared import PreparedNetwork

COLUMNS_AT_A_TIME = 1 << 16
"""Sequences are put side by side up to this many columns; a longer one is alone."""


class TooLongError(ValueError):
    """A sequence with more tokens than positions."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences side by side: ``start[i]`` is the first column of i's sequence, ``opens`` lists these columns."""

    x: Activations
    start: Ints
    opens: tuple[int, ...]

    @property
    def length(self) -> int:
        return int(self.x.shape[1])

    @cached_property
    def grid(self) -> Ints:
        """[sequences, longest]: the column of each position of each sequence, -1 after its end."""
        lengths = np.diff([*self.opens, self.length])
        position = np.arange(lengths.max())
        return np.where(position < lengths[:, None], position + np.array(self.opens)[:, None], -1)

    def place(self, column: int) -> tuple[int, int]:
        """Which sequence of the batch a column belongs to, and the position there."""
        number = int(np.searchsorted(self.opens, column, side="right")) - 1
        return number, column - self.opens[number]


def embed(prepared: PreparedNetwork, sequences: Sequence[TokenSequence]) -> Batch:
    """The embeddings of what the network reads of each sequence, with the tokens' signed binary positions."""
    network = prepared.network
    lengths = [sequence.read for sequence in sequences]
    if max(lengths) > 1 << network.position_bits:
        raise TooLongError(
            f"{max(lengths)} tokens do not fit the {1 << network.position_bits} positions of "
            f"r = {network.position_bits}; give a larger context"
        )
    opens = np.cumsum([0, *lengths[:-1]])
    start = np.repeat(opens, lengths)
    x = np.zeros((network.width, len(start)), np.int8)
    _add_tokens(prepared, [token for sequence in sequences for token in sequence.tokens[: sequence.read]], x)
    x[: network.position_bits] = position_codes(network.position_bits, start)
    return Batch(x, start, tuple(map(int, opens)))


def embed_token(prepared: PreparedNetwork, token: Token, position: int) -> Activations:
    """[d, 1]: the embedding of one token at a position below 2**r."""
    network = prepared.network
    x = np.zeros((network.width, 1), np.int8)
    _add_tokens(prepared, [token], x)
    bits = (position >> bit & 1 for bit in range(network.position_bits))
    x[: network.position_bits, 0] = [1 if bit else -1 for bit in bits]
    return x


def _add_tokens(prepared: PreparedNetwork, tokens: Sequence[Token], x: Activations) -> None:
    vocabulary = prepared.network.vocabulary
    family_of = np.array([vocabulary.index[token.family] for token in tokens], dtype=np.int64)
    for number, (fixed, tables) in enumerate(prepared.embeddings):
        here = np.flatnonzero(family_of == number)
        if not len(here):
            continue
        x[:, here] += fixed[:, None]
        chosen = np.array([tokens[column].values for column in here.tolist()], dtype=np.int64)
        for column, table in enumerate(tables):
            x[:, here] += table[:, chosen[:, column]]


def position_codes(bits: int, start: Ints) -> Activations:
    """[bits, n]: enc of each column's position in its sequence."""
    position = np.arange(len(start)) - start
    code = np.full((bits, len(start)), -1, np.int8)
    low = min(bits, 62)
    code[:low] += 2 * (position >> np.arange(low)[:, None] & 1).astype(np.int8)
    return code


def in_batches(sequences: Iterable[TokenSequence]) -> Iterable[list[TokenSequence]]:
    """The sequences in order, in groups of at most COLUMNS_AT_A_TIME columns or of one."""
    group: list[TokenSequence] = []
    columns = 0
    for sequence in sequences:
        if group and columns + sequence.read > COLUMNS_AT_A_TIME:
            yield group
            group, columns = [], 0
        group.append(sequence)
        columns += sequence.read
    if group:
        yield group
