"""The hardmax transformer on one sequence, in exact rationals (NETWORKS 2).

Of a head, token i receives the mean of the values of the tokens that it sees and whose score with i is the largest.
Numbers that belong together are integers times one unit, a rational.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_parts import added_up
from exactformer.verify.given.integers import Table, common_shift, linear, product, table
from exactformer.verify.given.weights import HeadRows, LayerRows, Rows, TransformerRows


@dataclass(frozen=True)
class Exact:
    """numbers / (2^shift * divisor), [rows, tokens]; the divisor is odd."""

    numbers: Table
    shift: int
    divisor: int = 1

    @property
    def tokens(self) -> int:
        return int(self.numbers.shape[1])

    @property
    def one(self) -> int:
        """The integer that stands for 1."""
        return self.divisor << self.shift

    def value(self, row: int, token: int) -> Fraction:
        return Fraction(int(self.numbers[row, token]), self.one)

    def over(self, shift: int, divisor: int) -> Table:
        """The integers at a finer unit."""
        finer: Table = self.numbers * ((divisor // self.divisor) << (shift - self.shift))
        return finer

    def shortened(self) -> Exact:
        """With the largest unit."""
        flat = [int(one) for one in self.numbers.flat]
        away = min(common_shift(flat), self.shift) if any(flat) else self.shift
        common = math.gcd(self.divisor, *flat) if self.divisor > 1 else 1
        return Exact(self.numbers // (common << away), self.shift - away, self.divisor // common)

    @classmethod
    def of(cls, columns: Sequence[Sequence[tuple[int, Fraction]]], width: int) -> Exact:
        """From sparse vectors of dyadic numbers, one per token."""
        shift = max((one.denominator.bit_length() - 1 for column in columns for _, one in column), default=0)
        numbers = table(width, len(columns))
        for token, column in enumerate(columns):
            for row, one in column:
                numbers[row, token] = one.numerator << (shift + 1 - one.denominator.bit_length())
        return cls(numbers, shift)


def stacked(parts: Sequence[Exact]) -> Exact:
    """Rows below each other."""
    shift, divisor = max(part.shift for part in parts), math.lcm(*(part.divisor for part in parts))
    return Exact(np.concatenate([part.over(shift, divisor) for part in parts]), shift, divisor)


def of_forms(rows: Rows, x: Exact) -> Exact:
    """[rows, tokens]: the forms of x."""
    ones = np.full((1, x.tokens), x.one, dtype=object)
    return Exact(linear(rows.entries, np.concatenate([x.numbers, ones])), x.shift - rows.exponent, x.divisor)


@dataclass(frozen=True)
class Head:
    """A head at all queries of a sequence: the least gap that is not 0, None if there is none; the most maximisers."""

    separation: Fraction | None
    ties: int

    def joined(self, other: Head) -> Head:
        """On both sequences."""
        gaps = [one for one in (self.separation, other.separation) if one is not None]
        return Head(min(gaps, default=None), max(self.ties, other.ties))


@dataclass(frozen=True)
class Sublayers:
    """x after attention, and after the MLP, [d, tokens] each; and what the heads did."""

    attention: Exact
    mlp: Exact
    heads: tuple[Head, ...]


@dataclass(frozen=True)
class Replayed:
    """A sequence: x at first, after every sublayer, and the logits [vocabulary, tokens]."""

    embedded: Exact
    layers: tuple[Sublayers, ...]
    logits: Exact


def start(net: Transformer, tokens: Sequence[str]) -> list[tuple[tuple[tuple[int, Fraction], ...], ...]]:
    """Of each token its embedding, and the vector of its position if there are positions."""
    embedded = [net.vocabulary[net.index[token]].embedding for token in tokens]
    if net.positions is None:
        return [(vector,) for vector in embedded]
    return [(vector, net.positions.vector(place)) for place, vector in enumerate(embedded)]


def replay(rows: TransformerRows, tokens: Sequence[str]) -> Replayed:
    """The hardmax transformer on tokens of its vocabulary, not more than it has positions."""
    net = rows.net
    embedded = x = Exact.of([added_up(parts) for parts in start(net, tokens)], net.width)
    done = []
    for layer in rows.layers:
        done.append(_layer(layer, x, causal=net.causal))
        x = done[-1].mlp
    return Replayed(embedded, tuple(done), of_forms(rows.logits, x).shortened())


def _layer(layer: LayerRows, x: Exact, *, causal: bool) -> Sublayers:
    found = [_head(head, x, causal=causal) for head in layer.heads]
    attention = of_forms(layer.attention, stacked([x, *(received for received, _ in found)])).shortened()
    made = of_forms(layer.neurons, attention)
    neurons = Exact(np.maximum(made.numbers, 0), made.shift, made.divisor)
    mlp = of_forms(layer.mlp, stacked([attention, neurons])).shortened()
    return Sublayers(attention, mlp, tuple(head for _, head in found))


def _head(head: HeadRows, x: Exact, *, causal: bool) -> tuple[Exact, Head]:
    """What every token receives, [d_v, tokens], and the head's gaps and ties."""
    query, key, value = (of_forms(rows, x) for rows in (head.query, head.key, head.value))
    score = product(query.numbers.T, key.numbers)
    least, ties = None, 0
    sums, counts = table(len(value.numbers), x.tokens), []
    for token, tied, gap in _maximisers(score, causal=causal):
        counts.append(len(tied))
        ties = max(ties, len(tied))
        least = gap if least is None or (gap is not None and gap < least) else least
        sums[:, token] = value.numbers[:, tied].sum(axis=1)
    together = math.lcm(
        *(count for token, count in enumerate(counts) if any(one % count for one in sums[:, token].tolist()))
    )
    for token, count in enumerate(counts):
        sums[:, token] = sums[:, token] * together // count
    odd = together >> common_shift([together])
    received = Exact(sums, value.shift + (together // odd).bit_length() - 1, value.divisor * odd)
    unit = query.one * key.one
    return received.shortened(), Head(None if least is None else Fraction(least, unit), ties)


def _maximisers(score: Table, *, causal: bool) -> Iterator[tuple[int, list[int], int | None]]:
    """Of each token those that have the largest score with it, and how far the next one is below."""
    for token, row in enumerate(score.tolist()):
        seen = row[: token + 1] if causal else row
        top = max(seen)
        others = [one for one in seen if one != top]
        yield token, [place for place, one in enumerate(seen) if one == top], top - max(others) if others else None
