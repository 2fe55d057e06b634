"""NETWORKS section 3: a softmax head's output for one token, from intervals of queries, keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from exactformer.certificates.checker.sequences.network import Head
from exactformer.certificates.checker.softmax.heads import received
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Ends, Unbounded, Value
from exactformer.certificates.checker.softmax.queries import Group, Query
from exactformer.certificates.checker.softmax.sums import accumulator


def attended(
    arithmetic: Arithmetic,
    head: Head,
    query: Sequence[Value],
    keys: Sequence[Sequence[Value]],
    values: Sequence[Sequence[Value]],
) -> list[Value]:
    """The head's output o for a token with this query, from the keys and values of all tokens that it sees."""
    scores = [score(arithmetic, head, query, key) for key in keys]
    seen = query_of(arithmetic, [Scores(1, *ends) for ends in scores])
    return received(arithmetic, seen, list(zip(*values, strict=True)))


def score(arithmetic: Arithmetic, head: Head, query: Sequence[Value], key: Sequence[Value]) -> Ends:
    """beta times the score; it must not overflow S, and is exact then."""
    model, terms = arithmetic.model, arithmetic.products(zip(query, key, strict=True))
    if model.steps.once:
        low, high = arithmetic.rounded(model.score, arithmetic.sum(accumulator(model), terms))[:2]
    else:
        low, high = arithmetic.sum(model.score, terms)
    if head.scale != 1:
        low, high = scaled(arithmetic, head.scale, (low, high))
    low, high = low << arithmetic.e, high << arithmetic.e
    if arithmetic.kind != EXACT and max(-low, high) > arithmetic.scaled(model.score.largest):
        raise Unbounded("a score may overflow")
    return low, high


def scaled(arithmetic: Arithmetic, scale: Fraction, ends: Ends) -> Ends:
    """rnd_S of a positive number times what lies between these ends."""
    low, high = (end * scale.numerator for end in ends)
    if arithmetic.kind == EXACT:
        return low // scale.denominator, -(-high // scale.denominator)
    form, unit = arithmetic.model.score, scale.denominator << arithmetic.grid
    return arithmetic.round(form, low, unit), arithmetic.round(form, high, unit)


class Scores(NamedTuple):
    """So many tokens, each with a score between these ends."""

    number: int
    low: int
    high: int


def query_of(arithmetic: Arithmetic, scores: Sequence[Scores]) -> Query:
    """How far scores are below the largest one; without an accumulator, below the largest that any can be: softmax does
    not depend on what is subtracted then.

    The distance is at least 0, and at least the lower end of any score minus this one's upper end. It is at most the
    upper end of some other token's score minus this one's lower end, or 0. With a floating accumulator it is rounded.
    """
    number, acc = sum(one.number for one in scores), arithmetic.model.accumulator
    if acc is None:
        top = max(one.high for one in scores)
        groups = [Group(one.number, one.number, top - one.high, top - one.low) for one in scores]
        return Query(groups, number, reached=False)
    least = max(one.low for one in scores)
    highs = sorted((high for count, _, high in scores for _ in range(min(count, 2))), reverse=True)
    groups = []
    for count, low, high in scores:
        others = highs[1:2] if high == highs[0] else highs[:1]
        ends = max(least - high, 0), max(others[0] - low, 0) if others else 0
        if acc.p is not None:
            ends = arithmetic.round(acc, ends[0], arithmetic.unit), arithmetic.round(acc, ends[1], arithmetic.unit)
        groups.append(Group(count, count, *ends))
    return Query(groups, number)
