"""The hardmax network on a token sequence, in integers (SPEC section 5), and what its heads do (section 6).

Words:
    stream   the activations, one row per coordinate and one column per token, int8; all in {-1, 0, 1}
    query    also the token that asks: column i asks about the columns j <= i, those it *sees*
    gap      how far a score is below the largest that the same query sees
    chosen   the first maximiser of a query
    margin   by how much the produced token beats every other of the vocabulary
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Rejected, TooLarge, quote
from exactformer.certificates.checker.machine import Token
from exactformer.certificates.checker.weights import Family, Field, Head, Ints, Mlp, Network, Sparse

Stream: TypeAlias = NDArray[np.int8]

LARGEST_SUM = 2**62
LARGEST_STREAM = 2**27
"""The most activations: coordinates times tokens."""
BLOCK = 2**19
"""How many scores, or pre-activations, are held at a time."""
LOWEST = -(2**15)
"""A number below every score (`weights.LONGEST_QUERY`)."""


@dataclass(frozen=True)
class Attended:
    """What one head does at every token: its first maximiser, how many there are, and the least other gap.

    ``separation`` is 0 where everything visible is a maximiser, and ``None`` for a lookup, where it is proved.
    """

    chosen: Ints
    maximisers: Ints
    separation: Ints | None


Watch: TypeAlias = Callable[[int, int, Head, Stream, Attended], None]
"""A function that is called with layer (from 1), number, head, what the head reads, and what it does."""


def narrowest(at: str, bound: int) -> np.dtype[np.signedinteger]:
    """A type of integers for sums whose terms' magnitudes add up to at most ``bound``."""
    if bound >= LARGEST_SUM:
        raise Rejected(at, f"sums of magnitude {bound} are more than this checker's limit 2^62")
    return np.dtype(np.int32) if bound < 2**31 else np.dtype(np.int64)


def weighted_sums(matrix: Sparse, columns: Ints) -> Ints:
    """Row k: the sum of weight * columns[index] over row k of ``matrix``, in the type of ``columns``.

    Longest rows first, so that the rows which have a p-th entry are the first ones, for every p.
    """
    length = np.diff(matrix.start)
    order = np.argsort(-length, kind="stable")
    begin, sums = matrix.start[:-1][order], np.zeros((len(length), columns.shape[1]), columns.dtype)
    for place in range(int(np.max(length, initial=0))):
        entry = begin[: np.count_nonzero(length > place)] + place
        sums[: len(entry)] += matrix.weight[entry].astype(columns.dtype)[:, None] * columns[matrix.index[entry]]
    result = np.empty_like(sums)
    result[order] = sums
    return result


def positions(r: int, tokens: int) -> Stream:
    """Row b, column i: bit b of i, as +1 or -1."""
    bits = np.arange(tokens)[None, :] >> np.arange(r)[:, None] & 1
    return (2 * bits - 1).astype(np.int8)


def require_ternary(at: str, stream: Ints, first: int = 0) -> Stream:
    """`Rejected` unless every activation is -1, 0 or 1; the columns are the tokens from ``first`` on."""
    wrong = (stream < -1) | (stream > 1)
    if wrong.any():
        token, coordinate = (int(place) for place in np.argwhere(wrong.T)[0])
        raise Rejected(
            at, f"coordinate {coordinate} of token {first + token} is {stream[coordinate, token]}, not -1, 0 or 1"
        )
    return stream.astype(np.int8)


def embed(at: str, network: Network, tokens: list[Token]) -> Stream:
    """The embedding of a token sequence with its positions."""
    if network.width * len(tokens) > LARGEST_STREAM:
        raise TooLarge(f"{at}: {network.width} x {len(tokens)} activations; this checker replays {LARGEST_STREAM}")
    families = {family.name: family for family in network.vocabulary}
    vectors: dict[Token, Counter[int]] = {}
    parts, position = [], positions(network.r, len(tokens))
    step = max(1, BLOCK // network.width)
    for first in range(0, len(tokens), step):
        block = np.zeros((network.width, len(tokens[first : first + step])), np.int64)
        for column, token in enumerate(tokens[first : first + step]):
            if token not in vectors:
                vectors[token] = _embedding(families[token[0]], token)
            for coordinate, value in vectors[token].items():
                block[coordinate, column] = value
        block[: network.r] += position[:, first : first + step]
        parts.append(require_ternary(f"{at}, embedding", block, first))
    return np.concatenate(parts, axis=1)


def _embedding(family: Family, token: Token) -> Counter[int]:
    vector: Counter[int] = Counter()
    rows = [field.values.index(value) for field, value in zip(family.fields, token[1], strict=True)]
    for matrix, row in zip((family.embedding, *(f.embedding for f in family.fields)), (0, *rows), strict=True):
        for entry in range(int(matrix.start[row]), int(matrix.start[row + 1])):
            vector[int(matrix.index[entry])] += int(matrix.weight[entry])
    return vector


def lookup(at: str, head: Head, stream: Stream, r: int) -> Attended:
    """What a lookup by position does: the maximiser is the position that the query's bits name, score r.

    Two +-1 vectors of length r that differ in h places have inner product r - 2h, and the keys are the +-1
    vectors of the positions, all different: so it is the only maximiser, and all others score at most r - 2.
    """
    tokens = stream.shape[1]
    query = stream[head.query]
    if not np.array_equal(stream[:r], positions(r, tokens)):
        raise Rejected(at, "the coordinates of pos no longer hold the tokens' own positions")
    if (query == 0).any():
        token = int(np.argwhere((query == 0).any(axis=0))[0, 0])
        raise Rejected(at, f"the query of token {token} is not a vector of +1 and -1: {query[:, token].tolist()}")
    own = np.arange(tokens)
    named = np.zeros(tokens, np.int64)
    for bit in range(min(r, 62)):
        named += (query[bit] > 0) * np.int64(2**bit)
    unseen = (named > own) | (query[62:] > 0).any(axis=0)
    if unseen.any():
        token = int(np.argwhere(unseen)[0, 0])
        raise Rejected(at, f"the query of token {token} names position {named[token]}, which it does not see")
    return Attended(named, np.ones_like(named), None)


def attend(at: str, head: Head, stream: Stream, deadline: Deadline) -> Attended:
    """What any head does, from the scores of its different queries with all keys.

    For one query vector, column j of each table below is about the keys 0..j, that is, about what token j would
    see with this query: ``best`` the largest score, ``level`` the first key that attains it, ``runner`` the
    largest score below it. (A score is below the largest one as soon as it arrives, or when a larger one does.)
    """
    tokens = stream.shape[1]
    pairs = Counter(zip(head.query, head.key, strict=True))
    factor = np.array(list(pairs.values()), np.int16)
    keys = stream[[key for _, key in pairs]].astype(np.int16)
    queries, asked = np.unique(stream[[query for query, _ in pairs]].T, axis=0, return_inverse=True)
    asked = asked.reshape(-1)
    value = np.unique(stream[head.value].T, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int32)
    chosen, maximisers, separation = (np.zeros(tokens, np.int64) for _ in range(3))
    rows = max(1, BLOCK // tokens)
    for first in range(0, len(queries), rows):
        deadline.left(at)
        block = queries[first : first + rows] * factor
        score = np.zeros((len(block), tokens), np.int16)
        for pair in range(len(pairs)):
            score += block[:, pair, None] * keys[pair]
        best = np.maximum.accumulate(score, axis=1)
        before = np.full_like(best, LOWEST)
        before[:, 1:] = best[:, :-1]
        larger = score > before
        below = np.where(larger, before, np.where(score < before, score, np.int16(LOWEST)))
        runner = np.maximum.accumulate(below, axis=1)
        level = np.maximum.accumulate(np.where(larger, np.arange(tokens, dtype=np.int32), np.int32(0)), axis=1)
        attains = score == best
        count = np.cumsum(attains, axis=1, dtype=np.int32)
        differs = np.cumsum(attains & (value != value[level]), axis=1, dtype=np.int32)

        token = np.flatnonzero((asked >= first) & (asked < first + rows))
        query = asked[token] - first
        start = level[query, token]
        unshared = differs[query, token] != differs[query, start]
        if unshared.any():
            raise Rejected(at, f"at token {int(token[unshared][0])} the maximisers have different values")
        chosen[token] = start
        maximisers[token] = count[query, token] - count[query, start] + 1
        gap = best[query, token].astype(np.int64) - runner[query, token]
        separation[token] = np.where(runner[query, token] == LOWEST, 0, gap)
    return Attended(chosen, maximisers, separation)


def is_lookup(head: Head, r: int) -> bool:
    """The form of a lookup by position (SPEC section 6, ``"proved"``)."""
    return head.key == list(range(r)) and len(set(head.query)) == len(head.query)


def run_mlp(at: str, mlp: Mlp, stream: Stream, deadline: Deadline) -> Stream:
    """The stream after an MLP."""
    largest_in = mlp.into.largest_row + int(np.max(np.abs(mlp.bias), initial=0))
    kind = narrowest(at, 1 + largest_in * max(1, mlp.out_of.largest_row))
    bias, step = mlp.bias.astype(kind)[:, None], max(1, BLOCK // max(1, len(mlp.bias), len(stream)))
    blocks = []
    for first in range(0, stream.shape[1], step):
        deadline.left(at)
        columns = stream[:, first : first + step].astype(kind)
        hidden = np.maximum(weighted_sums(mlp.into, columns) + bias, 0)
        blocks.append(require_ternary(at, columns + weighted_sums(mlp.out_of, hidden), first))
    return np.concatenate(blocks, axis=1)


def replay(at: str, network: Network, tokens: list[Token], watch: Watch, deadline: Deadline) -> Stream:
    """The stream after the last layer; every head of every layer is shown to ``watch``."""
    stream = embed(at, network, tokens)
    for number, layer in enumerate(network.layers, start=1):
        many = max(Counter(coordinate for head in layer.heads for coordinate in head.out).values(), default=0)
        added: Ints = stream.astype(np.int8 if many < 2**7 - 1 else np.int32)
        for place, head in enumerate(layer.heads):
            where = f"{at}, layer {number}, head {place} ({head.name})"
            by_position = head.kind == "lookup"
            attended = lookup(where, head, stream, network.r) if by_position else attend(where, head, stream, deadline)
            watch(number, place, head, stream, attended)
            for source, target in zip(head.value, head.out, strict=True):
                added[target] += stream[source, attended.chosen]
        stream = require_ternary(f"{at}, layer {number}, after attention", added)
        stream = run_mlp(f"{at}, layer {number}, MLP", layer.mlp, stream, deadline)
    return stream


def gaps(head: Head, stream: Stream, token: int, row: int) -> list[tuple[int, tuple[int, int, int]]]:
    """For each gap at a query, ascending: how many of the visible values in ``row`` are -1, 0 and 1."""
    score = np.zeros(token + 1, np.int64)
    for query, key in zip(head.query, head.key, strict=True):
        score += stream[query, token] * stream[key, : token + 1].astype(np.int64)
    value = stream[head.value[row], : token + 1]
    pairs = Counter(zip((score.max() - score).tolist(), value.tolist(), strict=True))
    return [(gap, (pairs[gap, -1], pairs[gap, 0], pairs[gap, 1])) for gap in sorted({gap for gap, _ in pairs})]


def least_margin(at: str, network: Network, stream: Stream, tokens: list[Token], prompt: int) -> int:
    """The least margin of the tokens after the prompt (SPEC section 5); `Rejected` if it is not positive.

    The largest score in a family is the sum of its fields' largest ones. Another token of the same family
    differs in some field, and so the best one is below by the least, over the fields, of best - second best.
    """
    columns = stream[:, prompt - 1 : len(tokens) - 1]
    asked = np.arange(columns.shape[1])
    total = np.empty((len(network.vocabulary), len(asked)), np.int64)
    inside = np.full_like(total, LARGEST_SUM)
    names = {family.name: number for number, family in enumerate(network.vocabulary)}
    produced = np.array([names[token[0]] for token in tokens[prompt:]])
    for number, family in enumerate(network.vocabulary):
        parts: tuple[Family | Field, ...] = (family, *family.fields)
        wide = columns.astype(narrowest(at, sum(part.unembedding.largest_row for part in parts)))
        total[number] = weighted_sums(family.unembedding, wide)[0]
        for place, field in enumerate(family.fields):
            scores = weighted_sums(field.unembedding, wide)
            best = np.argmax(scores, axis=0)
            total[number] += scores[best, asked]
            for column in np.flatnonzero(produced == number):
                named, token = tokens[prompt + column], prompt - 1 + int(column)
                if field.values[best[column]] != named[1][place]:
                    better = f"{field.name} {quote(field.values[best[column]])}"
                    raise Rejected(at, f"at token {token} {better} is no worse than in {quote([named[0], *named[1]])}")
            if len(scores) > 1:
                inside[number] = np.minimum(inside[number], scores[best, asked] - np.partition(scores, -2, axis=0)[-2])
    own = total[produced, asked]
    total[produced, asked] = -LARGEST_SUM
    margins = np.minimum(own - total.max(axis=0), inside[produced, asked])
    worst = int(np.argmin(margins))
    if margins[worst] < 1:
        named = tokens[prompt + worst]
        margin = f"has margin {margins[worst]} over the rest of the vocabulary"
        raise Rejected(at, f"at token {prompt - 1 + worst} {quote([named[0], *named[1]])} {margin}")
    return int(margins[worst])
