"""What the walk of the checker, which the prover runs as well, finds of a transformer on given tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of
from exactformer.certificates.checker.sequences.hardmax import State, Tally, value_of
from exactformer.certificates.checker.sequences.network import Network, Row, read_network
from exactformer.certificates.checker.sequences.walk import Walked, difference, exact, read_at, walk
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Ends, Unbounded
from exactformer.certificates.network_document import network_bytes
from exactformer.constructions.transformer.exact import Transformer
from exactformer.verify.arithmetic.models import parse_arithmetic
from tests.checker.conftest import UNLIMITED


def as_checked(net: Transformer) -> Network:
    """As the checker reads it."""
    return read_network(json.loads(network_bytes(net)), None)


@dataclass(frozen=True)
class Replayed:
    """Hardmax, [sublayers][tokens][coordinates], the embedding first; logits [tokens][vocabulary]; heads in order."""

    states: list[list[list[Fraction]]]
    logits: list[list[Fraction]]
    heads: list[Tally]


def replayed(net: Transformer, tokens: Sequence[str]) -> Replayed:
    network, heads = as_checked(net), list[Tally]()
    states = list(exact(network, tokens, heads, UNLIMITED))
    rows = [token.unembedding for token in network.vocabulary.values()]
    logits = [[made(row, states[-1], place) for row in rows] for place in range(len(tokens))]
    return Replayed(list(map(numbers, states)), logits, heads)


def numbers(state: State) -> list[list[Fraction]]:
    return [[Fraction(one, state.denominator) for one in row] for row in state.rows]


def made(row: Row, state: State, token: int) -> Fraction:
    return Fraction(value_of(row, state.with_one()[token], row.scale), state.denominator << row.scale)


@dataclass(frozen=True)
class Enclosed:
    """Softmax, in intervals."""

    network: Network
    walked: Walked
    arithmetic: Arithmetic

    @property
    def shown(self) -> bool:
        return self.walked.enclosed is not None

    def interval(self, coordinate: int, token: int) -> tuple[Fraction, Fraction]:
        """The interval of a coordinate of x after the last layer."""
        assert self.walked.enclosed is not None
        low, high, _, _ = self.walked.enclosed[token][coordinate]
        return self.rationals((low, high))

    def above(self, token: int, expected: int, other: int) -> tuple[Fraction, Fraction] | None:
        """By how much a logit is above another; None where an overflow is not excluded."""
        if (vector := read_at(self.arithmetic, self.network, self.walked, token)) is None:
            return None
        rows = [one.unembedding for one in self.network.vocabulary.values()]
        try:
            return self.rationals(difference(self.arithmetic, vector, rows[expected], rows[other]))
        except Unbounded:
            return None

    def rationals(self, ends: Ends) -> tuple[Fraction, Fraction]:
        return Fraction(ends[0], self.arithmetic.unit), Fraction(ends[1], self.arithmetic.unit)


def enclosed(net: Transformer, tokens: Sequence[str], arithmetic: str, beta: int = 1) -> Enclosed:
    network, judged = as_checked(net), arithmetic_of(parse_arithmetic(arithmetic).text, beta.bit_length() - 1)
    return Enclosed(network, walk(network, tokens, judged, UNLIMITED), judged)
