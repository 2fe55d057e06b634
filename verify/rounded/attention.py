"""One softmax head in one arithmetic, on exact activations: what each query receives.

    score = rnd_S(beta <q, k>)       gap = largest score - score, exact
    rounded   o = rnd_A(sum_j rnd_W(softmax_j) v_j), the sum exact
    fused     o = rnd_A(num / den), num = sum_j p_j v_j and den = sum_j p_j in ACC, p_j = rnd_W(exp(-gap_j))

Nothing is approximated.  Queries whose scores are sums of -1, 0 and 1, as in the hardmax network, and whose other
positions have a weight that rounds to 0, need the maximisers only: `verify.hardmax.attention` finds them.  All other
queries are computed score by score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.network import CompiledHead
from exactformer.verify.arithmetic.exp_bounds import exp_minus_upper
from exactformer.verify.arithmetic.formats import FixedFormat, FormatOverflow, round_ratio, round_to
from exactformer.verify.arithmetic.models import ArithmeticModel, BetaSplit, Fused, ModelError, Rounded
from exactformer.verify.hardmax.attention import NO_GAP, Attention, attend
from exactformer.verify.rounded.dyadic import (
    SAFE,
    Dyadic,
    compact,
    mapped,
    numerators_at,
    of_fractions,
    product,
    rounded,
    scaled,
)
from exactformer.verify.rounded.exponential import Undecided, first_bits, rounded_exp_minus, rounded_softmax
from exactformer.verify.rounded.order import Order, denominator_sum, numerator_sum

SCORES_AT_ONCE = 1 << 21
"""How many scores are held at a time."""

RoundedModel = Rounded | Fused
"""The arithmetics that round."""

Part = tuple[NDArray[np.int64], Dyadic]
"""Some of the queries, and what they receive: [d_v, queries]."""


@dataclass(frozen=True)
class Setting:
    """What a run is computed in: the arithmetic, beta and its split, and the order of sums in an accumulator.

    Raises UnsupportedArithmetic for a model that names steps: these are not computed here.
    """

    model: RoundedModel
    split: BetaSplit
    order: Order = Order.LEFT_TO_RIGHT

    def __post_init__(self) -> None:
        if not is_supported(self.model):
            raise UnsupportedArithmetic(self.model)


class UnsupportedArithmetic(ModelError):
    """An arithmetic in which no run is computed here."""

    def __init__(self, model: ArithmeticModel) -> None:
        super().__init__(
            f"runs are computed in rounded:W/A and fused:W/ACC/A, with @S for the scores, not in {model.text}"
        )


def is_supported(model: ArithmeticModel) -> TypeGuard[RoundedModel]:
    """Whether the model is `rounded` or `fused` with nothing but its formats."""
    match model:
        case Rounded():
            return model == Rounded(model.weights, model.activations, model.scores)
        case Fused():
            return model == Fused(model.weights, model.accumulator, model.activations, model.scores)
    return False


def head_output(setting: Setting, head: CompiledHead, x: Dyadic, position_bits: int) -> Dyadic:
    """[d_v, n]: what the head computes at each of the n positions of one sequence; values of the format A.

    x: [d, n], values of A; the rows of ``position_bits`` coordinates from 0 hold the signed binary positions.
    Raises FormatOverflow and Undecided.
    """
    n = x.numerators.shape[1]
    values = compact(x[list(head.value)])
    queries, keys = compact(x[list(head.query)]), compact(x[list(head.key)])
    _check_scaled(setting, queries, keys)
    ternary = _leading_ternary(queries, keys)
    if values.numerators.dtype == object or values.largest * n >= SAFE or not _integer_scores_fit(setting, head):
        ternary = 0
    parts: list[Part] = []
    if ternary:
        parts = _by_maximisers(setting, head, x[:, :ternary], values[:, :ternary], position_bits)
    done = np.zeros(n, np.bool_)
    for rows, _ in parts:
        done[rows] = True
    parts += _score_by_score(setting, queries, keys, values, np.flatnonzero(~done))
    return _assembled(parts, (len(head.value), n))


def _assembled(parts: list[Part], shape: tuple[int, int]) -> Dyadic:
    """The columns of all parts, which are disjoint and complete."""
    places = max(results.places for _, results in parts)
    numerators = [(rows, numerators_at(results, places)) for rows, results in parts]
    kind = object if any(one.dtype == object for _, one in numerators) else np.int64
    total = np.zeros(shape, dtype=kind)
    for rows, one in numerators:
        total[:, rows] = one
    return compact(Dyadic(total, places))


def _check_scaled(setting: Setting, queries: Dyadic, keys: Dyadic) -> None:
    """Queries and keys, scaled by powers of two >= 1, must stay values of A: only overflow can prevent it."""
    activations = setting.model.activations
    for side, factor in ((queries, setting.split.query), (keys, setting.split.key)):
        if side.largest * factor > activations.max_finite * (1 << side.places):
            raise FormatOverflow(activations)


def _leading_ternary(queries: Dyadic, keys: Dyadic) -> int:
    """How many columns from the first on have queries and keys in {-1, 0, 1}."""
    ternary = np.ones(queries.numerators.shape[1], np.bool_)
    for side in (queries, keys):
        one = 1 << side.places
        size = np.abs(side.numerators)
        ternary &= np.asarray(((size == 0) | (size == one)).all(axis=0), dtype=np.bool_)
    return len(ternary) if ternary.all() else int(np.argmin(ternary))


def _integer_scores_fit(setting: Setting, head: CompiledHead) -> bool:
    """Whether beta times every integer up to the length of the query list is a value of S."""
    scores, longest = setting.model.scores, (1 << len(head.query).bit_length()) - 1
    try:
        # All of them have at most the bits of this one.
        return round_to(scores, Fraction(longest * setting.split.beta)) == longest * setting.split.beta
    except FormatOverflow:
        return False


def _by_maximisers(setting: Setting, head: CompiledHead, x: Dyadic, values: Dyadic, position_bits: int) -> list[Part]:
    """Queries that see queries and keys in {-1, 0, 1} only, as far as their maximisers decide the result."""
    d, n = x.numerators.shape
    # Rows that are neither query nor key of this head are never looked at.
    signs = np.asarray(np.sign(x.numerators), dtype=np.int64)
    moved = replace(head, value=tuple(range(d, d + len(head.value))))
    found = attend(moved, np.concatenate([signs, values.numerators]), position_bits, np.zeros(n, np.int64))
    kinds, which = np.unique(np.stack([found.maximisers, found.runner_up_gap]), axis=1, return_inverse=True)
    parts: list[Part] = []
    for kind, (maximisers, gap) in enumerate(kinds.T.tolist()):
        rows = np.flatnonzero(which.ravel() == kind)
        if _others_vanish(setting, gap):
            parts += _of_tied(setting, found, maximisers, gap, rows, values.places)
    return parts


def _others_vanish(setting: Setting, gap: int) -> bool:
    """Whether every position that is not a maximiser gets a weight that rounds to 0: exp(-beta gap) does."""
    return gap == NO_GAP or round_to(setting.model.weights, exp_minus_upper(setting.split.beta * gap)) == 0


def _of_tied(
    setting: Setting, found: Attention, maximisers: int, gap: int, rows: NDArray[np.int64], places: int
) -> list[Part]:
    """The queries ``rows``, which have so many maximisers and nothing else; those that stay open are left out."""
    model, totals = setting.model, Dyadic(found.value_sum[:, rows], places)
    if isinstance(model, Rounded):
        weight = round_ratio(model.weights, 1, maximisers)
        if gap != NO_GAP:
            leak = exp_minus_upper(setting.split.beta * gap) * len(found.maximisers)
            if round_to(model.weights, 1 / (maximisers + leak)) != weight:
                return []
    else:
        # The numerator is exact in any order where the sum of magnitudes is a number of this many bits.
        limit = _exact_up_to(model, places)
        rows = rows[(found.value_size[:, rows] <= limit).all(axis=0)]
        totals = Dyadic(found.value_sum[:, rows], places)
        weight = 1 / denominator_sum(model.accumulator, [1] * maximisers, 0, setting.order)
    if weight == 1 and maximisers == 1:
        return [(rows, totals)] if len(rows) else []  # one value of A

    def result(numerator: int, denominator: int) -> Fraction:
        return round_to(model.activations, Fraction(numerator, denominator) * weight)

    return [(rows, mapped(totals, result))] if len(rows) else []


def _exact_up_to(model: Fused, places: int) -> int:
    """Up to which size, over 2^places, all numbers are values of the accumulator."""
    accumulator = model.accumulator
    if places > -accumulator.quantum_exponent:
        return 0
    size = accumulator.max_finite * (1 << places)
    most = size.numerator // size.denominator
    return most if isinstance(accumulator, FixedFormat) else min(most, 1 << accumulator.precision)


def _score_by_score(
    setting: Setting, queries: Dyadic, keys: Dyadic, values: Dyadic, rows: NDArray[np.int64]
) -> list[Part]:
    """The queries ``rows`` (ascending), from all scores they see."""
    model, parts = setting.model, list[Part]()
    at_once = max(1, SCORES_AT_ONCE // keys.numerators.shape[1])
    sums = values.numerators.astype(object) if values.largest * keys.numerators.shape[1] >= SAFE else values.numerators
    for first in range(0, len(rows), at_once):
        block = rows[first : first + at_once]
        seen = slice(0, int(block[-1]) + 1)
        scores = _scores(setting, queries[:, block], keys[:, seen])
        near = first_bits(model.weights) << scores.places
        results: list[Fraction] = []
        for line, row in enumerate(block.tolist()):
            score = scores.numerators[line, : row + 1]
            gaps = score.max() - score
            close = np.flatnonzero(gaps <= near)
            if isinstance(model, Rounded):
                results += _rounded_result(model, gaps, close, scores.places, sums[:, seen], values.places)
            else:
                results += _fused_result(
                    model, setting.order, gaps[close], scores.places, sums[:, close], values.places
                )
        shape = len(block), len(values.numerators)
        table = of_fractions(results, shape)
        parts.append((block, Dyadic(table.numerators.T, table.places)))
    return parts


def _scores(setting: Setting, queries: Dyadic, keys: Dyadic) -> Dyadic:
    """[queries, keys]: beta times the products, exact, rounded once to S."""
    exact = product(Dyadic(queries.numerators.T, queries.places), keys)
    return rounded(setting.model.scores, scaled(exact, setting.split.beta.bit_length() - 1))


def _rounded_result(
    model: Rounded,
    gaps: NDArray[Any],
    close: NDArray[np.int64],
    places: int,
    values: NDArray[Any],
    value_places: int,
) -> list[Fraction]:
    """[d_v] of one query, mostly from the positions that are ``close``."""
    try:
        which, weights = _rounded_weights(model, gaps[close], places, len(gaps) - len(close))
    except Undecided:
        # The weight of the others in the sum has to be known better.
        close = np.arange(len(gaps))
        which, weights = _rounded_weights(model, gaps, places, 0)
    totals = [Fraction(0)] * len(values)
    for number, weight in enumerate(weights):
        if weight:
            members = values[:, close if len(weights) == 1 else close[which == number]]
            totals = [
                total + weight * Fraction(int(one), 1 << value_places)
                for total, one in zip(totals, members.sum(axis=1), strict=True)
            ]
    return [round_to(model.activations, total) for total in totals]


def _rounded_weights(
    model: Rounded, gaps: NDArray[Any], places: int, far: int
) -> tuple[NDArray[np.int64], tuple[Fraction, ...]]:
    """Which class each position belongs to, and the weight of one position of each."""
    distinct, which, counts = np.unique(gaps, return_inverse=True, return_counts=True)
    classes = tuple(zip(map(int, distinct), map(int, counts), strict=True))
    return which, rounded_softmax(model.weights, classes, places, far)


def _fused_result(
    model: Fused, order: Order, gaps: NDArray[Any], places: int, values: NDArray[Any], value_places: int
) -> list[Fraction]:
    """[d_v] of one query, from its positions whose weight may not round to 0."""
    distinct, which = np.unique(gaps, return_inverse=True)
    table = of_fractions([rounded_exp_minus(model.weights, int(gap), places) for gap in distinct], distinct.shape)
    weights = [int(one) for one in table.numerators[which]]
    taking_part = [number for number, weight in enumerate(weights) if weight]
    denominator = denominator_sum(model.accumulator, [weights[number] for number in taking_part], table.places, order)
    results: list[Fraction] = []
    for line in values[:, taking_part]:
        terms = [weights[number] * int(one) for number, one in zip(taking_part, line, strict=True)]
        numerator = numerator_sum(model.accumulator, terms, table.places + value_places)
        results.append(round_to(model.activations, numerator / denominator))
    return results
