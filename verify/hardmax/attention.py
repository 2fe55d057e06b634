"""Hardmax attention of one head over whole sequences, in integers.

Several sequences are side by side as the columns of one array; ``start[i]`` is the first column of i's sequence, and
query i sees the columns start[i] .. i.

score_ij = <x_i[query], x_j[key]> for those j; the *maximisers* of query i are the j that attain its largest
score, the *separation* is how far below every other visible position scores.  Three ways to find them, all exact:

* directly, a block of query rows at a time: n x n scores;
* by scanning, if few queries differ (``const`` and flags): one running maximum per different query;
* by index, if the queries carry positions: keys are grouped by what they add to every query (their *offset*) and by
  which coordinates are non-zero; inside a group a key scores the possible maximum exactly if it agrees with the query
  in every shared coordinate, and at least 2 less otherwise, so sorting finds the keys that agree.  Queries that this
  leaves open are computed directly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.network import CompiledHead

Activations = NDArray[np.int8]
"""[d, n]: one column per position, entries in {-1, 0, 1}."""

Ints = NDArray[np.int64]

DIRECT_UP_TO = 96
"""Sequences up to this length are computed directly."""
SCANNED_QUERIES = 8
"""Up to this many different queries are scanned one by one."""
MOST_GROUP_PAIRS = 64
"""With more kinds of queries and keys than this, scores are computed directly instead of by index."""
BLOCK = 1 << 20
"""How many scores are held at a time when computing directly."""
ROWS_SETTLED = 32
"""How many lower bounds are resolved at a time."""
NONE = np.int64(-(1 << 40))
"""A number below every score."""


@dataclass(frozen=True)
class Attention:
    """What one head does at each of n queries; value sums are over the maximisers.

    ``runner_up_gap`` is the separation at the query, or a lower bound if ``gap_exact`` is false; it is ``NO_GAP`` if
    every visible position is a maximiser.
    """

    maximisers: Ints
    """[n] how many."""
    value_sum: Ints
    """[d_v, n]"""
    value_size: Ints
    """[d_v, n] the sum of |value|."""
    runner_up_gap: Ints
    """[n]"""
    gap_exact: NDArray[np.bool_]
    """[n]"""

    @classmethod
    def empty(cls, length: int, values: int) -> Attention:
        return cls(
            np.zeros(length, np.int64),
            np.zeros((values, length), np.int64),
            np.zeros((values, length), np.int64),
            np.full(length, NO_GAP),
            np.ones(length, np.bool_),
        )

    def put(self, rows: Ints, other: Attention) -> None:
        """Take over what ``other`` says about the queries ``rows``."""
        self.maximisers[rows] = other.maximisers
        self.value_sum[:, rows] = other.value_sum
        self.value_size[:, rows] = other.value_size
        self.runner_up_gap[rows] = other.runner_up_gap
        self.gap_exact[rows] = other.gap_exact


NO_GAP = np.int64(1 << 40)


@dataclass(frozen=True)
class _Scores:
    """score_ij = offset[j] + sum_c weight[c] * query[c, i] * key[c, j], up to a term that depends on i alone."""

    query: Activations
    key: Activations
    weight: Ints
    offset: Ints
    value: Activations
    start: Ints

    @property
    def length(self) -> int:
        return int(self.key.shape[1])

    def window(self, rows: Ints) -> tuple[Ints, slice]:
        """[len(rows), window] scores, NONE if the key is not visible, and the columns of the window: from the first
        that one of the ``rows`` (ascending) sees to the last of them."""
        seen = slice(int(self.start[rows[0]]), int(rows[-1]) + 1)
        weighted = self.query[:, rows].T.astype(np.int64) * self.weight
        scores: Ints = weighted @ self.key[:, seen].astype(np.int64) + self.offset[seen]
        columns = np.arange(seen.start, seen.stop)
        scores[(rows[:, None] < columns) | (columns < self.start[rows, None])] = NONE
        return scores, seen


def attend(head: CompiledHead, x: Activations, position_bits: int, start: Ints) -> Attention:
    """All queries of ``head`` over the activations ``x`` that the layer starts from.

    The first ``position_bits`` rows of ``x`` must be the signed binary positions, counted from ``start``.
    """
    if head.key == tuple(range(position_bits)):
        named = named_positions(x[list(head.query)], start)
        if named is not None:
            return by_position(named, start)(x[list(head.value)])
    scores = _split(head, x, start)
    if scores.length <= DIRECT_UP_TO:
        return _directly(scores, np.arange(scores.length))
    codes = _codes(scores.query)
    distinct, first, which = np.unique(codes, return_index=True, return_inverse=True)
    if len(distinct) <= SCANNED_QUERIES:
        return _by_scanning(scores, first, which)
    return _by_index(scores)


def named_positions(queries: Activations, start: Ints) -> Ints | None:
    """[n]: the column whose signed binary position each query [r, n] is; None unless each names a visible one."""
    if not queries.all():
        return None
    bits = queries > 0
    if bits[62:].any():
        return None
    position = (np.int64(1) << np.arange(min(62, len(bits)), dtype=np.int64)) @ bits[:62]
    visible = position <= np.arange(queries.shape[1]) - start
    return position + start if visible.all() else None


def by_position(named: Ints, start: Ints) -> Callable[[Activations], Attention]:
    """From the values [d_v, n], the attention of queries that name these columns.

    Each has one maximiser.  From position 1 on the separation is exactly 2, because some other visible position differs
    in one bit: a smaller one with a set bit of x cleared, or 1 if x = 0.
    """
    n = len(named)
    one, exact = np.ones(n, np.int64), np.ones(n, np.bool_)
    gap = np.where(np.arange(n) > start, np.int64(2), NO_GAP)

    def attention(value: Activations) -> Attention:
        found = value[:, named].astype(np.int64)
        return Attention(one, found, np.abs(found), gap, exact)

    return attention


def settle_separation(head: CompiledHead, x: Activations, start: Ints, found: Attention) -> tuple[int, int] | None:
    """The exact least separation over all queries and the first column that has it; None without competitors.

    Lower bounds are resolved smallest first, in order of position, until the first of the least is exact.
    """
    gaps = found.runner_up_gap.copy()
    exact = found.gap_exact.copy()
    scores: _Scores | None = None
    while True:
        least = gaps.min()
        if least == NO_GAP:
            return None
        candidates = np.flatnonzero(gaps == least)
        if exact[candidates[0]]:
            return int(least), int(candidates[0])
        scores = scores or _split(head, x, start)
        block = candidates[:ROWS_SETTLED]
        rows = block[~exact[block]]
        gaps[rows] = _directly(scores, rows).runner_up_gap
        exact[rows] = True


def score_gaps(head: CompiledHead, x: Activations, start: Ints, query: int) -> tuple[Ints, Activations]:
    """How far below the maximum each column that query sees scores, [visible], and the values, [d_v, visible]."""
    scores = _split(head, x, start)
    row, seen = scores.window(np.array([query]))
    return row[0].max() - row[0], scores.value[:, seen]


def _split(head: CompiledHead, x: Activations, start: Ints) -> _Scores:
    pairs: dict[tuple[int, int], int] = {}
    for pair in zip(head.query, head.key, strict=True):
        pairs[pair] = pairs.get(pair, 0) + 1
    queries = x[[q for q, _ in pairs]]
    keys = x[[k for _, k in pairs]]
    weights = np.array(list(pairs.values()), dtype=np.int64)
    constant = (queries == queries[:, :1]).all(axis=1)
    # What all queries share adds the same to a key for every query.
    offset = (weights[constant] * queries[constant, 0]) @ keys[constant].astype(np.int64)
    # A key coordinate that never varies adds the same to all keys: no maximum or separation depends on it.
    live = ~constant & (keys != keys[:, :1]).any(axis=1)
    return _Scores(queries[live], keys[live], weights[live], offset, x[list(head.value)], start)


def _codes(columns: Activations) -> Ints:
    """[n] numbers that are equal exactly where the ternary columns are equal."""
    codes = np.zeros(columns.shape[1], np.int64)
    for first in range(0, columns.shape[0], 32):
        part = columns[first : first + 32].astype(np.int64) + 1
        word = 3 ** np.arange(len(part), dtype=np.int64) @ part  # below 3**32 < 2**51
        if first:
            codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
            word = np.unique(word, return_inverse=True)[1].astype(np.int64)
            word += codes * len(word)
        codes = word
    return codes


def _directly(scores: _Scores, rows: Ints) -> Attention:
    result = Attention.empty(len(rows), len(scores.value))
    first = 0
    while first < len(rows):
        # As many rows as fit a block together with the columns they see.
        columns = rows[first:] + 1 - scores.start[rows[first]]
        cost = columns * np.arange(1, len(columns) + 1)
        block = np.arange(first, first + max(1, int(np.searchsorted(cost, BLOCK, side="right"))))
        first = int(block[-1]) + 1
        score, seen = scores.window(rows[block])
        values = scores.value[:, seen].T.astype(np.int64)
        top = score.max(axis=1)
        chosen = score == top[:, None]
        score[chosen] = NONE
        runner_up = score.max(axis=1)
        selected = chosen.astype(np.int64)
        result.put(
            block,
            Attention(
                chosen.sum(axis=1),
                (selected @ values).T,
                (selected @ np.abs(values)).T,
                np.where(runner_up == NONE, NO_GAP, top - runner_up),
                np.ones(len(block), np.bool_),
            ),
        )
    return result


LIFT = np.int64(1 << 32)
"""More than any two scores differ by: added once per sequence, it makes running maxima start anew with each."""


def _by_scanning(scores: _Scores, first: Ints, which: Ints) -> Attention:
    """One pass over the keys for each different query; ``first[u]`` is the place of query u, ``which[i] = u``."""
    result = Attention.empty(scores.length, len(scores.value))
    values = scores.value.astype(np.int64)
    opens = scores.start == np.arange(scores.length)
    floor = np.cumsum(opens) * LIFT - LIFT // 2  # below all scores of the own sequence, above all of those before
    for number, example in enumerate(first):
        rows = np.flatnonzero(which == number)
        plain = (scores.weight * scores.query[:, example]) @ scores.key.astype(np.int64) + scores.offset
        score = plain + floor + LIFT // 2
        top = np.maximum.accumulate(score)
        before = np.where(opens, floor, np.concatenate([[NONE], top[:-1]]))
        chosen = score == top
        record = score > before
        # A score below the running maximum is a runner-up from then on; so is a maximum that is beaten.
        runner_up = np.maximum.accumulate(np.where(record, before, np.where(chosen, floor, score)))
        # Sums over the maximisers restart at each record.
        since = np.maximum.accumulate(np.where(record, np.arange(len(score)), 0))

        def since_record(amount: Ints, chosen: NDArray[np.bool_] = chosen, since: Ints = since) -> Ints:
            total = np.cumsum(np.where(chosen, amount, 0), axis=-1)
            return np.asarray(total - (total - np.where(chosen, amount, 0))[..., since])

        gap = np.where(runner_up == floor, NO_GAP, top - runner_up)
        result.put(
            rows,
            Attention(
                since_record(np.ones_like(score))[rows],
                since_record(values)[:, rows],
                since_record(np.abs(values))[:, rows],
                gap[rows],
                np.ones(len(rows), np.bool_),
            ),
        )
    return result


def _by_index(scores: _Scores) -> Attention:
    n = scores.length
    positions = np.arange(n)
    query_kinds = _groups(_codes(np.abs(scores.query)))
    key_kinds = _groups(_codes(np.abs(scores.key)), scores.offset)
    if len(query_kinds) * len(key_kinds) > MOST_GROUP_PAIRS:
        return _directly(scores, positions)
    result = Attention.empty(n, len(scores.value))
    for rows in query_kinds:
        result.put(rows, _index_rows(scores, rows, key_kinds))
    return result


def _groups(*codes: Ints) -> list[Ints]:
    """The positions that agree in all ``codes``, each group ascending."""
    kinds = np.unique(np.stack(codes), axis=1, return_inverse=True)[1].ravel()
    order = np.argsort(kinds, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(kinds[order])) + 1)


def _index_rows(scores: _Scores, rows: Ints, key_kinds: list[Ints]) -> Attention:
    """The queries ``rows``, which are non-zero in the same coordinates, against each kind of keys."""
    top = np.full(len(rows), NONE)  # the best score that some key is known to attain
    bound = np.full(len(rows), NONE)  # keys that are not counted score at most this
    levels: list[tuple[Ints, Ints, _Matches]] = []
    for keys in key_kinds:
        shared = (scores.query[:, rows[0]] != 0) & (scores.key[:, keys[0]] != 0)
        matches = _match(scores, rows, keys, shared)
        visible = np.searchsorted(keys, rows, side="right") - np.searchsorted(keys, scores.start[rows])
        best = int(scores.weight[shared].sum() + scores.offset[keys[0]])
        level = np.where(matches.count > 0, best, NONE)
        top = np.maximum(top, level)
        if shared.any():
            # One disagreement turns +weight into -weight.
            below = best - 2 * int(scores.weight[shared].min())
            bound = np.maximum(bound, np.where(visible > matches.count, below, NONE))
        levels.append((level, matches.count, matches))
    settled = bound < top
    attained = np.full(len(rows), NONE)  # the best score known to be attained below the top
    count = np.zeros(len(rows), np.int64)
    value_sum = np.zeros((len(scores.value), len(rows)), np.int64)
    value_size = np.zeros_like(value_sum)
    for level, number, matches in levels:
        at_top = level == top
        attained = np.maximum(attained, np.where(at_top, NONE, level))
        count += np.where(at_top, number, 0)
        value_sum += np.where(at_top, matches.value_sum, 0)
        value_size += np.where(at_top, matches.value_size, 0)
    runner_up = np.maximum(attained, bound)
    gap = np.where(runner_up == NONE, NO_GAP, top - runner_up)
    result = Attention(count, value_sum, value_size, gap, attained >= bound)
    open_rows = np.flatnonzero(~settled)
    if len(open_rows):
        result.put(open_rows, _directly(scores, rows[open_rows]))
    return result


@dataclass(frozen=True)
class _Matches:
    """Per query: how many visible keys of the group agree with it, and sums over their values."""

    count: Ints
    value_sum: Ints
    value_size: Ints


def _match(scores: _Scores, rows: Ints, keys: Ints, shared: NDArray[np.bool_]) -> _Matches:
    n = scores.length
    codes = _codes(np.concatenate([scores.query[shared][:, rows], scores.key[shared][:, keys]], axis=1))
    names = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    query_names, key_names = names[: len(rows)], names[len(rows) :]
    # Keys in order of (name, column), both in one number, so that "same name, start <= column <= i" is a range.
    ranks = key_names * n + keys
    order = np.argsort(ranks)
    ranks = ranks[order]
    low = np.searchsorted(ranks, query_names * n + scores.start[rows])
    high = np.searchsorted(ranks, query_names * n + rows, side="right")
    values = scores.value[:, keys[order]].astype(np.int64)

    def total(amount: Ints) -> Ints:
        running = np.concatenate([np.zeros((len(amount), 1), np.int64), np.cumsum(amount, axis=1)], axis=1)
        return np.asarray(running[:, high] - running[:, low])

    return _Matches(high - low, total(values), total(np.abs(values)))
