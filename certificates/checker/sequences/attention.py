"""NETWORKS section 3: what a softmax head makes for one token, from what queries, keys and values are in."""

from __future__ import annotations

from collections.abc import Sequence

from exactformer.certificates.checker.softmax.heads import received
from exactformer.certificates.checker.softmax.numbers import EXACT, Arithmetic, Ends, Unbounded, Value
from exactformer.certificates.checker.softmax.queries import Group, Query


def attended(
    arithmetic: Arithmetic, query: Sequence[Value], keys: Sequence[Sequence[Value]], values: Sequence[Sequence[Value]]
) -> list[Value]:
    """The head's output o for a token with this query, from the keys and values of all tokens that it sees."""
    scores = [score(arithmetic, query, key) for key in keys]
    seen = below_the_largest(scores) if arithmetic.kind == "fused" else below_a_number(scores)
    return received(arithmetic, seen, list(zip(*values, strict=True)))


def score(arithmetic: Arithmetic, query: Sequence[Value], key: Sequence[Value]) -> Ends:
    """beta times sum_S of the products of query and key; it must not overflow S, and is exact then."""
    form = arithmetic.model.score
    low, high = (end << arithmetic.e for end in arithmetic.sum(form, arithmetic.products(zip(query, key, strict=True))))
    if arithmetic.kind != EXACT and max(-low, high) > arithmetic.scaled(form.largest):
        raise Unbounded
    return low, high


def below_a_number(scores: Sequence[Ends]) -> Query:
    """How far scores are below the largest that any of them can be: softmax does not depend on what is subtracted."""
    top = max(high for _, high in scores)
    return Query([Group(1, 1, top - high, top - low) for low, high in scores], len(scores), reached=False)


def below_the_largest(scores: Sequence[Ends]) -> Query:
    """How far scores are below the largest one.

    That is at least 0, at least the lower end of any other score less this one's upper end; and at most the upper end
    of some other one less this one's lower end, or 0.
    """
    least = max(low for low, _ in scores)
    highs = sorted((high for _, high in scores), reverse=True)
    groups = list[Group]()
    for low, high in scores:
        others = highs[1:2] if high == highs[0] else highs[:1]
        furthest = max(others[0] - low, 0) if others else 0
        groups.append(Group(1, 1, max(least - high, 0), furthest))
    return Query(groups, len(scores))
