"""NETWORKS section 2: the hardmax transformer on one sequence, in exact rationals.

A state consists of integers over one denominator; all products and sums are of integers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import mul
from typing import TypeAlias

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.sequences.network import Head, Layer, Logits, Map, Network, Row

LONGEST_NUMBER = 2**13
"""The most bits of a coordinate's numerator, or of the denominator."""

Integers: TypeAlias = list[list[int]]
"""For every token, its numbers."""


@dataclass(frozen=True)
class State:
    """Coordinate c of token i is rows[i][c] / denominator."""

    rows: Integers
    denominator: int

    def with_one(self) -> Integers:
        """The vectors that rows are applied to."""
        return [[*row, self.denominator] for row in self.rows]


@dataclass(frozen=True)
class Tally:
    """About a head, over some queries: the least gap that is not 0, and the most tokens that share the largest
    score."""

    separation: Fraction | None
    ties: int

    def __or__(self, other: Tally) -> Tally:
        gaps = [gap for gap in (self.separation, other.separation) if gap is not None]
        return Tally(min(gaps, default=None), max(self.ties, other.ties))


def first_state(network: Network, tokens: Sequence[str]) -> State:
    """Embedding plus position."""
    vectors = [(network.vocabulary[token].embedding, network.position(i)) for i, token in enumerate(tokens)]
    unit = max((value.denominator for pair in vectors for vector in pair for value in vector.values()), default=1)
    rows = [[0] * network.width for _ in tokens]
    for row, pair in zip(rows, vectors, strict=True):
        for vector in pair:
            for c, value in vector.items():
                row[c] += value.numerator * (unit // value.denominator)
    return State(rows, unit)


def value_of(row: Row, vector: Sequence[int], scale: int) -> int:
    """The row's number, over 2^scale and the vector's denominator; scale is at least the row's."""
    return sum(weight * vector[index] for index, weight in row.terms) << (scale - row.scale)


def behind_attention(
    network: Network, layer: Layer, state: State, seen: Sequence[Sequence[int]], scale: int, deadline: Deadline
) -> tuple[State, list[Tally]]:
    """The state after the heads, which all read the same one; and each head's tally. ``seen``: for each token the
    places of those that it sees."""
    vectors = state.with_one()
    received = [list[tuple[int, int]]() for _ in vectors]
    tallies = list[Tally]()
    for head in layer.heads:
        sums, tally = _head(network, head, vectors, state.denominator << scale, seen, scale, deadline)
        tallies.append(tally)
        for mine, (ties, totals) in zip(received, sums, strict=True):
            mine += [(total, ties) for total in totals]
    common = math.lcm(*(ties for mine in received for _, ties in mine))
    means = [[total * (common // ties) for total, ties in mine] for mine in received]
    return _added(layer.attention, means, common << scale, state, scale, deadline), tallies


def _head(
    network: Network,
    head: Head,
    vectors: Integers,
    unit: int,
    seen: Sequence[Sequence[int]],
    scale: int,
    deadline: Deadline,
) -> tuple[list[tuple[int, list[int]]], Tally]:
    """For each token how many tokens it selects and the sums of their values, over ``unit``; and the head's tally."""
    made = list[Integers]()
    turn = max((planes.scale for planes in network.rotary), default=0) if head.rotary else 0
    for place, vector in enumerate(vectors):
        deadline.left("hardmax: queries, keys, values")
        query, key, value = (
            [value_of(row, vector, scale) for row in rows] for rows in (head.query, head.key, head.value)
        )
        turned = head.turned(network.planes(place))
        made.append([*(_turned(entries, turned, turn) for entries in (query, key)), value])
    queries, keys, values = zip(*made, strict=True)
    sums, tally = list[tuple[int, list[int]]](), Tally(None, 0)
    for query, places in zip(queries, seen, strict=True):
        deadline.left("hardmax: heads")
        scores = [sum(map(mul, query, keys[j])) for j in places]
        best = max(scores)
        chosen = [j for j, score in zip(places, scores, strict=True) if score == best]
        gap = min((best - score for score in scores if score != best), default=None)
        tally |= Tally(None if gap is None else Fraction(gap, (unit << turn) ** 2) * head.scale, len(chosen))
        sums.append((len(chosen), [sum(values[j][r] for j in chosen) for r in range(len(head.value))]))
    return sums, tally


def _turned(entries: list[int], rows: Map, scale: int) -> list[int]:
    """A query or key with its entries rotated; its denominator has the further factor 2^scale."""
    found = [entry << scale for entry in entries]
    for entry, row in rows:
        found[entry] = value_of(row, entries, scale)
    return found


def behind_mlp(layer: Layer, state: State, scale: int, deadline: Deadline) -> State:
    """The state after the MLP."""
    neurons, unit = Integers(), 1 << scale
    for vector in state.with_one():
        deadline.left("hardmax: neurons")
        own, gates = ([value_of(row, vector, scale) for row in rows] for rows in (layer.neurons, layer.gates))
        made = gates or own
        if layer.activation == "relu":
            made = [max(number, 0) for number in made]
        neurons.append([a * b for a, b in zip(made, own, strict=True)] if gates else made)
    if layer.gates:  # products of two numbers
        unit *= state.denominator << scale
    return _added(layer.mlp, neurons, unit, state, scale, deadline)


def _added(rows: Map, numbers: Integers, unit: int, state: State, scale: int, deadline: Deadline) -> State:
    """x plus what the rows make of ``numbers``, x and 1; numbers are over unit * the state's denominator."""
    found = Integers()
    for mine, x in zip(numbers, state.with_one(), strict=True):
        deadline.left("hardmax: sums")
        vector = [*mine, *(value * unit for value in x)]
        behind = [value * unit << scale for value in x[:-1]]
        for coordinate, row in rows:
            behind[coordinate] = value_of(row, vector, scale)
        found.append(behind)
    denominator = state.denominator * unit << scale
    common = math.gcd(denominator, *(value for row in found for value in row))
    reduced = State([[value // common for value in row] for row in found], denominator // common)
    longest = max(value.bit_length() for value in (reduced.denominator, *(v for row in reduced.rows for v in row)))
    if longest > LONGEST_NUMBER:
        raise TooLarge(f"a hardmax activation has more than the {LONGEST_NUMBER} bits this checker computes with")
    return reduced


def margins(rows: Logits, state: State, asked: Sequence[tuple[int, str]], deadline: Deadline) -> Iterator[Fraction]:
    """For each (position, output) that is asked, the output's logit minus the largest other."""
    scale = max(row.scale for row in rows.values())
    vectors = state.with_one()
    for position, expected in asked:
        deadline.left("hardmax.margin")
        logits = {name: value_of(row, vectors[position], scale) for name, row in rows.items()}
        own = logits.pop(expected)
        yield Fraction(own - max(logits.values()), state.denominator << scale)
