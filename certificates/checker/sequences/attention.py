"""NETWORKS sections 3 and 7: what a softmax head makes for one token, from ends of scores and values.

A *weight* here is what a value is multiplied with, up to a common factor where means are taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from exactformer.certificates.checker.sequences.enclosure import (
    EXACT,
    Arithmetic,
    Ends,
    Unbounded,
    Value,
    exponential,
)


def received(
    arithmetic: Arithmetic, query: Sequence[Value], keys: Sequence[Sequence[Value]], values: Sequence[Sequence[Value]]
) -> list[Value]:
    """The head's output o for a token with this query, from the keys and values of all tokens that it sees."""
    scores = [score(arithmetic, query, key) for key in keys]
    columns = list(zip(*values, strict=True))
    if arithmetic.kind == "fused":
        found = quotient_ends(arithmetic, scores, columns)
    else:
        weights = softmax_weights(arithmetic, scores)
        found = [averaged_ends(arithmetic, weights, column) for column in columns]
    return [arithmetic.rounded(arithmetic.activation, o) for o in found]


def score(arithmetic: Arithmetic, query: Sequence[Value], key: Sequence[Value]) -> Ends:
    """beta times sum_S of the products of query and key; it must not overflow S, and is exact then."""
    low, high = (
        end << arithmetic.e
        for end in arithmetic.sum(arithmetic.score, arithmetic.products(zip(query, key, strict=True)))
    )
    if arithmetic.kind != EXACT and max(-low, high) > arithmetic.scaled(arithmetic.score.largest):
        raise Unbounded
    return low, high


def softmax_weights(arithmetic: Arithmetic, scores: Sequence[Ends]) -> list[Ends]:
    """e^score over e^(the largest upper end): a factor that all weights have in common."""
    top, grid = max(high for _, high in scores), arithmetic.grid
    return [(exponential(top - low, grid)[0], exponential(top - high, grid)[1]) for low, high in scores]


def mean_above(weights: Sequence[Ends], tops: Sequence[int]) -> int:
    """The largest mean of numbers of at most ``tops``, with weights between their ends, not all 0; rounded up.

    The mean grows with the weight of what is above it and falls with that of what is below. So the largest one has the
    upper ends for the largest numbers, as long as they are above the mean so far, and the lower ends for the others.
    """
    pairs = sorted(zip(tops, weights, strict=True), reverse=True)
    number = sum(top * low for top, (low, _) in pairs)
    weight = sum(low for low, _ in weights)
    for top, (low, high) in pairs:
        if weight and number >= top * weight:
            break
        number, weight = number + top * (high - low), weight + high - low
    return -(-number // weight)


def mean_of(weights: Sequence[Ends], column: Sequence[Value]) -> Ends:
    """Ends of the mean of values with these weights."""
    return -mean_above(weights, [-value.low for value in column]), mean_above(weights, [value.high for value in column])


def averaged_ends(arithmetic: Arithmetic, weights: Sequence[Ends], column: Sequence[Value]) -> Ends:
    """*exact*: the mean. *rounded*: the sum of rnd_W(a_j) v_j, enclosed in two ways.

    |rnd_W(a) - a| <= u a + q / 2; so the sum is off from the mean by at most u times the mean of |v_j|, and q / 2 times
    the sum of |v_j|. And rnd_W(a_j) is between the rounded ends of a_j, e^low_j / (e^low_j + others' e^high) and with
    low and high exchanged.
    """
    low, high = mean_of(weights, column)
    form = arithmetic.weight
    if arithmetic.kind == EXACT:
        return low, high
    sizes = [value.size for value in column]
    error = -(-arithmetic.scaled(form.unit) * sum(sizes) >> (arithmetic.grid + 1))
    if form.p is not None:
        error += -(-mean_above(weights, sizes) >> form.p)
    least = most = 0
    for (below, above), value in zip(rounded_weights(arithmetic, weights), column, strict=True):
        least += value.low * (below if value.low >= 0 else above)
        most += value.high * (above if value.high >= 0 else below)
    return max(low - error, least >> arithmetic.grid), min(high + error, -(-most >> arithmetic.grid))


def rounded_weights(arithmetic: Arithmetic, weights: Sequence[Ends]) -> list[Ends]:
    """Ends of rnd_W(a_j), a = softmax."""
    if len(weights) == 1:
        return [(1 << arithmetic.grid, 1 << arithmetic.grid)]
    form, round_to = arithmetic.weight, arithmetic.nearest
    all_low, all_high = sum(low for low, _ in weights), sum(high for _, high in weights)
    return [
        (round_to(form, low, low + all_high - high), round_to(form, high, high + all_low - low))
        for low, high in weights
    ]


def quotient_ends(arithmetic: Arithmetic, scores: Sequence[Ends], columns: Sequence[Sequence[Value]]) -> list[Ends]:
    """num / den, for every coordinate of the values.

    num = N + n with |n| <= E_n, N = sum of p_j v_j; den = D + d with |d| <= E_d, D = sum of p_j. So num / den - N / D
    is (n - (N / D) d) / den. And den >= 1: some p_j is 1, and rounded sums of numbers >= 0, one of them 1, are at
    least 1.
    """
    p = exponentials(arithmetic, scores)
    of_den = arithmetic.numbers(p)
    error_den = arithmetic.error(arithmetic.accumulator, of_den, products=False)
    den = max(of_den.low - error_den, 1 << arithmetic.grid)
    weights = [(one.low, one.high) for one in p]
    found = list[Ends]()
    for column in columns:
        error = arithmetic.error(arithmetic.accumulator, arithmetic.products(zip(p, column, strict=True)))
        low, high = mean_of(weights, column)
        off = -(-((error << arithmetic.grid) + max(-low, high) * error_den) // den)
        found.append((low - off, high + off))
    return found


def exponentials(arithmetic: Arithmetic, scores: Sequence[Ends]) -> list[Value]:
    """p_j = rnd_W(exp(score_j - largest score)), numbers of W.

    The exponent is the smaller of 0 and score_j - the largest other score; and at most score_j - any other's lower end.
    """
    least = max(low for low, _ in scores)
    highs = sorted((high for _, high in scores), reverse=True)
    found = list[Value]()
    for low, high in scores:
        others = highs[1:2] if high == highs[0] else highs[:1]
        below = exponential(max(others[0] - low, 0), arithmetic.grid)[0] if others else 1 << arithmetic.grid
        above = exponential(max(least - high, 0), arithmetic.grid)[1]
        found.append(arithmetic.rounded(arithmetic.weight, (below, above)))
    return found
