"""What a head's softmax makes of scores and values that are known in intervals (NETWORKS 3 and 7).

    exact     the mean of the values, with weights exp(score)
    rounded   the sum of rnd_W(a_j) v_j, exactly, a_j the softmax of the scores
    fused     num / den, sums in ACC of p_j v_j and of p_j, with p_j = rnd_W(exp(rnd_ACC(score_j - largest score)));
              a fixed ACC rounds only sums

Shapes: scores and weights are [tokens, tokens], a row for each query; values are [d_v, tokens].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactformer.constructions.transformer.exact_numbers import is_dyadic
from exactformer.verify.arithmetic.exp_bounds import exp_bounds
from exactformer.verify.arithmetic.formats import FixedFormat, Format, power_of_two, round_to_multiple
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact, Fused
from exactformer.verify.given.enclosed import (
    GUARD_BITS,
    KEPT_BITS,
    NO_GRID,
    Dyadic,
    Enclosed,
    Ends,
    Flags,
    Ints,
    NotShown,
    Terms,
    down_to,
    enclosed_of,
    errors,
    round_end,
    widened,
)
from exactformer.verify.given.integers import Table, lowest_bit, product, table

Interval = tuple[Fraction, Fraction]
Dyadics = tuple[Dyadic, Dyadic]


def seen_by(token: int, tokens: int, *, causal: bool) -> range:
    """The tokens that a token sees."""
    return range(token + 1) if causal else range(tokens)


def scores_of(query: Enclosed, key: Enclosed, number_format: Format | None, beta: int, *, causal: bool) -> Ends:
    """[tokens, tokens]: beta times the sums of query_l(i) key_l(j) in the format of scores.  Raises NotShown."""
    count = query.tokens
    exponent = query.exponent + key.exponent
    if (query.low == query.high).all() and (key.low == key.high).all():
        low = high = product(query.low.T, key.low)
    else:
        low, high = table(count, count), table(count, count)
        for a, b, c, d in zip(query.low, query.high, key.low, key.high, strict=True):
            products = [np.multiply.outer(one, other) for one in (a, b) for other in (c, d)]
            low = low + np.minimum(np.minimum(products[0], products[1]), np.minimum(products[2], products[3]))
            high = high + np.maximum(np.maximum(products[0], products[1]), np.maximum(products[2], products[3]))
    ends = Ends(low, high, exponent)
    if number_format is not None:
        seen = np.tri(count, dtype=np.bool_) if causal else np.ones((count, count), np.bool_)
        ends = widened(ends, errors(_terms_of_scores(query, key, seen), number_format))
        greatest = number_format.max_finite / (beta * power_of_two(ends.exponent))
        if max(*(abs(int(one)) for one in ends.low[seen]), *(abs(int(one)) for one in ends.high[seen])) > greatest:
            raise NotShown(f"beta times a score may overflow {number_format.name}")
    return Ends(ends.low * beta, ends.high * beta, ends.exponent)


def _terms_of_scores(query: Enclosed, key: Enclosed, seen: Flags) -> Terms:
    first, second = query.nonzero, key.nonzero
    count = first.T.astype(np.int64) @ second.astype(np.int64)
    grid = np.full(count.shape, NO_GRID, np.int64)
    for l_grid, r_grid, a, b in zip(query.grid, key.grid, first, second, strict=True):
        both = np.logical_and.outer(a, b)
        grid = np.minimum(grid, np.where(both, np.add.outer(l_grid, r_grid), NO_GRID))
    largest = product(query.largest.T, key.largest)
    largest[~seen] = 0
    return Terms(largest, query.exponent + key.exponent, np.where(seen, count, 0), grid)


@dataclass(frozen=True)
class Attended:
    """A head's scores and values, ready for softmax."""

    scores: Ends
    values: Enclosed
    causal: bool

    @property
    def tokens(self) -> int:
        return self.values.tokens

    def seen(self, token: int) -> range:
        return seen_by(token, self.tokens, causal=self.causal)


def received(head: Attended, model: ArithmeticModel) -> Enclosed:
    """[d_v, tokens]: what every token receives.  Raises NotShown."""
    if isinstance(model, Exact):
        means = _Means.of(_softmax_weights(head), head.values)
        ends = [[_outward(*means.interval(row, token)) for token in range(head.tokens)] for row in means.rows]
        return _enclosed(ends, head, None)
    if isinstance(model, Fused):
        return _fused(head, model.weights, model.accumulator, model.activations)
    return _rounded(head, model.weights, model.activations)


def _enclosed(ends: Sequence[Sequence[Dyadics]], head: Attended, number_format: Format | None) -> Enclosed:
    flat = [one for row in ends for one in row]
    shape = (len(head.values.low), head.tokens)
    return enclosed_of([*(low for low, _ in flat), *(high for _, high in flat)], shape, number_format)


def _outward(low: Fraction, high: Fraction) -> Dyadics:
    """A number that is known and dyadic, or ends moved outward to `KEPT_BITS` bits."""
    if low == high and is_dyadic(low):
        return ((low.numerator, 1 - low.denominator.bit_length()),) * 2
    (above, at) = _down(-high)
    return _down(low), (-above, at)


def _down(number: Fraction) -> Dyadic:
    shift = max(0, KEPT_BITS + number.denominator.bit_length() - number.numerator.bit_length())
    return down_to((number.numerator << shift) // number.denominator, KEPT_BITS), -shift


# ---------------------------------------------------------------------------- weights


@dataclass(frozen=True)
class Weights:
    """[tokens, tokens]: the least and the largest that each weight may be, times 2^exponent; 0 where not seen."""

    low: Table
    high: Table
    exponent: int


def _softmax_weights(head: Attended) -> Weights:
    """exp(score - the row's largest possible score): softmax weights up to a factor that a row has in common."""
    count, exponent = head.tokens, head.scores.exponent
    bounds: dict[tuple[int, int], tuple[tuple[int, int, int], tuple[int, int, int]]] = {}
    for token in range(count):
        seen = head.seen(token)
        low, high = head.scores.low[token], head.scores.high[token]
        top = max(high[other] for other in seen)
        for other in seen:
            bounds[token, other] = (
                exp_bounds(int(low[other] - top), exponent),
                exp_bounds(int(high[other] - top), exponent),
            )
    finest = min(at for pair in bounds.values() for _, _, at in pair)
    made = Weights(table(count, count), table(count, count), finest)
    for place, ((low_end, _, low_at), (_, high_end, high_at)) in bounds.items():
        made.low[place] = low_end << (low_at - finest)
        made.high[place] = high_end << (high_at - finest)
    return made


def _fused_weights(head: Attended, number_format: Format, accumulator: Format) -> Weights:
    """rnd_W(exp(rnd_ACC(score - largest score))); 1 where no other token can score more.  Raises NotShown."""
    count, exponent, finest = head.tokens, head.scores.exponent, number_format.quantum_exponent
    made = Weights(table(count, count), table(count, count), finest)
    known: dict[tuple[int, bool], int] = {}

    def weight(gap: int, *, upper: bool) -> int:
        if (found := known.get((gap, upper))) is None:
            low, high, at = exp_bounds(*_held(gap, exponent, accumulator))
            multiple, at = round_to_multiple(number_format, high if upper else low, 1 << -at)
            found = known[gap, upper] = multiple << (at - finest)
        return found

    for token in range(count):
        seen = head.seen(token)
        low, high = head.scores.low[token], head.scores.high[token]
        order = sorted((high[other] for other in seen), reverse=True)
        top, least = order[0], max(low[other] for other in seen)
        for other in seen:
            # The largest of the other tokens' scores that are possible.
            rival = order[1] if high[other] == top and len(order) > 1 else top
            first = len(seen) == 1 or low[other] >= rival
            made.low[token, other] = weight(0 if first else int(low[other] - top), upper=False)
            made.high[token, other] = weight(min(0, int(high[other] - least)), upper=True)
    return made


def _held(gap: int, exponent: int, accumulator: Format) -> Dyadic:
    """How far a score is below the largest, as a floating accumulator holds it: rounding is monotone, so ends are."""
    if isinstance(accumulator, FixedFormat):
        return gap, exponent
    return round_end(gap << max(exponent, 0), 1 << max(-exponent, 0), accumulator)


# ---------------------------------------------------------------------------- means


@dataclass(frozen=True)
class _Means:
    """Least and largest of (sum of w_j v_j) / (sum of w_j), for weights and values in their intervals."""

    weights: Weights
    values: Enclosed
    sums_low: Table
    sums_high: Table
    """[d_v, tokens]: sums of the least weights times the least, and the largest, values."""
    least: tuple[int, ...]
    """Of each query the sum of the least weights."""
    loose: tuple[frozenset[int], ...]
    """Of each query the tokens whose weight is not known."""
    rising: tuple[tuple[int, ...], ...]
    falling: tuple[tuple[int, ...], ...]
    """Of each row of values the tokens by their least value, rising, and by their largest, falling."""

    @property
    def rows(self) -> range:
        return range(len(self.values.low))

    @classmethod
    def of(cls, weights: Weights, values: Enclosed) -> _Means:
        places = range(values.tokens)
        loose = np.asarray(weights.low != weights.high, dtype=np.bool_)
        return cls(
            weights,
            values,
            product(values.low, weights.low.T),
            product(values.high, weights.low.T),
            tuple(sum(row) for row in weights.low.tolist()),
            tuple(frozenset(np.flatnonzero(row).tolist()) for row in loose),
            tuple(tuple(sorted(places, key=row.__getitem__)) for row in values.low.tolist()),
            tuple(tuple(sorted(places, key=row.__getitem__, reverse=True)) for row in values.high.tolist()),
        )

    def interval(self, row: int, token: int) -> Interval:
        unit = power_of_two(self.values.exponent)
        low = self._end(self.sums_low[row, token], token, self.rising[row], self.values.low[row], -1)
        high = self._end(self.sums_high[row, token], token, self.falling[row], self.values.high[row], 1)
        return low * unit, high * unit

    def _end(self, above: int, token: int, order: Sequence[int], values: Table, sign: int) -> Fraction:
        """From the least weights on: raise those of the best values as long as that helps."""
        below, loose = self.least[token], self.loose[token]
        if loose:
            low, high = self.weights.low[token], self.weights.high[token]
            for other in order:
                if other in loose:
                    value = values[other]
                    if below and sign * (value * below - above) <= 0:
                        break
                    above += (high[other] - low[other]) * value
                    below += high[other] - low[other]
        return Fraction(int(above), int(below))


# ---------------------------------------------------------------------------- rounded


def _rounded(head: Attended, number_format: Format, activations: Format) -> Enclosed:
    weights, values = _softmax_weights(head), head.values
    means = _Means.of(weights, values)
    shares = _shares(weights, head, number_format.quantum_exponent - GUARD_BITS)
    fine, q = shares.exponent, number_format.quantum_exponent
    low, high = table(head.tokens, head.tokens), table(head.tokens, head.tokens)
    off = table(head.tokens, head.tokens)
    for token in range(head.tokens):
        for other in head.seen(token):
            for made, share in ((low, shares.low), (high, shares.high)):
                multiple, at = round_to_multiple(number_format, int(share[token, other]), 1 << -fine)
                made[token, other] = multiple << (at - q)
            # Rounding a weight a errs by at most u a + q/2.
            off[token, other] = 1 << (q - 1 - fine)
            if not isinstance(number_format, FixedFormat):
                off[token, other] -= -shares.high[token, other] >> number_format.precision
    unit = power_of_two(values.exponent)
    error = product(values.largest, off.T)
    below = product(np.maximum(values.low, 0), low.T) - product(np.maximum(-values.low, 0), high.T)
    above = product(np.maximum(values.high, 0), high.T) - product(np.maximum(-values.high, 0), low.T)
    ends = []
    for row in means.rows:
        found = []
        for token in range(head.tokens):
            least, largest = means.interval(row, token)
            around = int(error[row, token]) * power_of_two(fine) * unit
            bottom = max(least - around, int(below[row, token]) * power_of_two(q) * unit)
            top = min(largest + around, int(above[row, token]) * power_of_two(q) * unit)
            found.append(_round_both(bottom, top, activations))
        ends.append(found)
    return _enclosed(ends, head, activations)


def _shares(weights: Weights, head: Attended, fine: int) -> Weights:
    """Of softmax: each weight's share of their sum, moved outward to multiples of 2^fine."""
    count = head.tokens
    made = Weights(table(count, count), table(count, count), fine)
    for token in range(count):
        seen = head.seen(token)
        low, high = weights.low[token].tolist(), weights.high[token].tolist()
        lows, highs = sum(low), sum(high)
        for other in seen:
            others = highs - high[other]
            made.low[token, other] = (low[other] << -fine) // (low[other] + others) if others else 1 << -fine
            made.high[token, other] = -(-(high[other] << -fine) // (high[other] + lows - low[other]))
    return made


def _round_both(low: Fraction, high: Fraction, number_format: Format) -> Dyadics:
    return (
        round_end(low.numerator, low.denominator, number_format),
        round_end(high.numerator, high.denominator, number_format),
    )


# ---------------------------------------------------------------------------- fused


def _fused(head: Attended, number_format: Format, accumulator: Format, activations: Format) -> Enclosed:
    weights, values = _fused_weights(head, number_format, accumulator), head.values
    means = _Means.of(weights, values)
    grid = _grid(weights, number_format)
    counted = np.asarray(weights.high != 0, dtype=np.int64)
    # [1, tokens] and [d_v, tokens]
    of_den = Terms(
        weights.high.sum(axis=1).reshape(1, -1), weights.exponent, counted.sum(axis=1).reshape(1, -1), _least(grid)
    )
    of_num = Terms(
        product(values.largest, weights.high.T),
        weights.exponent + values.exponent,
        values.nonzero.astype(np.int64) @ counted.T,
        _grid_of_products(grid, values),
    )
    den, num = errors(of_den, accumulator), errors(of_num, accumulator)
    ends = []
    for row in means.rows:
        found = []
        for token in range(head.tokens):
            low, high = means.interval(row, token)
            if den is not None or num is not None:
                off_den = Fraction(0) if den is None else den.interval(0, token)[1]
                off_num = Fraction(0) if num is None else num.interval(row, token)[1]
                # Some p is 1.
                divisor = max(Fraction(1), means.least[token] * power_of_two(weights.exponent)) - off_den
                if divisor <= 0:
                    raise NotShown(f"a denominator, a sum in {accumulator.name}, may be 0")
                around = (off_num + max(abs(low), abs(high)) * off_den) / divisor
                low, high = low - around, high + around
            found.append(_round_both(low, high, activations))
        ends.append(found)
    return _enclosed(ends, head, activations)


def _grid(weights: Weights, number_format: Format) -> Ints:
    """[tokens, tokens]: what each weight is a multiple of; of one that is known its own lowest bit."""
    q = number_format.quantum_exponent
    made = np.full(weights.low.shape, NO_GRID, np.int64)
    for place, (low, high) in enumerate(zip(weights.low.flat, weights.high.flat, strict=True)):
        if high:
            made.flat[place] = lowest_bit(int(low)) + weights.exponent if low == high else q
    return made


def _grid_of_products(grid: Ints, values: Enclosed) -> Ints:
    """[d_v, tokens]: what all products of a query's weights with a row of values are multiples of."""
    made = np.full(values.low.shape, NO_GRID, np.int64)
    for row, own in enumerate(np.where(values.nonzero, values.grid, NO_GRID)):
        made[row] = _least(grid + own)
    return made


def _least(grid: Ints) -> Ints:
    """[1, tokens]: of each query."""
    return np.asarray(grid.min(axis=1)).reshape(1, -1)
