"""Sequences side by side: embedding, positions, and which sequence a column belongs to."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.transformer.vocabulary import Family, Token, Vocabulary
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.verify.hardmax import batch as module
from exactformer.verify.hardmax.batch import TooLongError, embed, embed_token, in_batches
from exactformer.verify.hardmax.prepared import PreparedNetwork
from tests.hardmax.naive import naive_embedding, network_and_run

SEQUENCES = [network_and_run("increment", word, 6)[1] for word in ("1", "0011", "11", "0")]
NETWORK = network_and_run("increment", "1", 6)[0]


def test_every_sequence_is_embedded_as_if_alone() -> None:
    batch = embed(PreparedNetwork(NETWORK), SEQUENCES)
    assert (batch.x == np.concatenate([naive_embedding(NETWORK, s.tokens) for s in SEQUENCES], axis=1)).all()
    lengths = list(map(len, SEQUENCES))
    assert batch.opens == (0, lengths[0], sum(lengths[:2]), sum(lengths[:3]))
    column = 0
    for number, sequence in enumerate(SEQUENCES):
        for position in range(len(sequence)):
            assert batch.place(column) == (number, position)
            assert batch.start[column] == batch.opens[number]
            assert batch.grid[number, position] == column
            column += 1
    assert batch.length == column
    assert (batch.grid == -1).sum() == len(SEQUENCES) * max(lengths) - column


def test_only_what_is_read_is_embedded() -> None:
    short = replace(SEQUENCES[1], read=5)
    batch = embed(PreparedNetwork(NETWORK), [short, SEQUENCES[0]])
    assert batch.opens == (0, 5)
    assert (batch.x[:, :5] == naive_embedding(NETWORK, SEQUENCES[1].tokens)[:, :5]).all()


@pytest.mark.parametrize("position", [0, 5, 63])
def test_one_token_at_a_position(position: int) -> None:
    for token in SEQUENCES[1].tokens:
        alone = embed_token(PreparedNetwork(NETWORK), token, position)[:, 0]
        expected = naive_embedding(NETWORK, [token] * (position + 1))[:, position]
        assert (alone == expected).all()


def test_positions_beyond_62_bits() -> None:
    network = Network((Span("pos", 0, 70),), 70, (), Vocabulary((Family("T", ()),)))
    far = embed_token(PreparedNetwork(network), Token("T"), 2**68 + 2**63 + 1)
    assert far[:, 0].tolist() == [1, *[-1] * 62, 1, *[-1] * 4, 1, -1]
    batch = embed(PreparedNetwork(network), [TokenSequence((Token("T"),) * 9, 1, 9)])
    assert (batch.x == naive_embedding(network, (Token("T"),) * 9)).all()


def test_a_sequence_longer_than_the_context_is_refused() -> None:
    network, sequence = network_and_run("increment", "0011", 4)
    assert len(sequence) > 16
    with pytest.raises(TooLongError, match=f"{len(sequence)} tokens do not fit the 16 positions of r = 4"):
        embed(PreparedNetwork(network), [sequence])
    embed(PreparedNetwork(network), [replace(sequence, read=16)])


@pytest.mark.parametrize("limit", [1, 15, 40, 1000])
def test_batches_keep_the_order_and_the_limit(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COLUMNS_AT_A_TIME", limit)
    groups = list(in_batches(SEQUENCES))
    assert [sequence for group in groups for sequence in group] == SEQUENCES
    assert all(len(group) == 1 or sum(map(len, group)) <= limit for group in groups)
    for group, following in pairwise(groups):
        assert sum(map(len, group)) + len(following[0]) > limit
