"""The softmax transformer on one sequence: every number in an interval, sublayer by sublayer (NETWORKS 3 and 7).

Words: the *drift* after a sublayer is how far an activation may be from its hardmax value, at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactformer.verify.arithmetic.formats import Format
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.given.arithmetic import Formats, formats_of
from exactformer.verify.given.enclosed import (
    NO_GRID,
    Enclosed,
    Ends,
    NotShown,
    Terms,
    errors,
    of_forms,
    relu,
    rounded,
    stacked,
    sums_of,
    terms_of,
    widened,
)
from exactformer.verify.given.hardmax import Exact, Replayed, start
from exactformer.verify.given.integers import lowest_bit
from exactformer.verify.given.softmax import Attended, received, scores_of
from exactformer.verify.given.weights import HeadRows, LayerRows, Rows, TransformerRows


@dataclass(frozen=True)
class Setting:
    """An arithmetic that is judged, and beta."""

    model: ArithmeticModel
    formats: Formats | None
    beta: int

    @classmethod
    def of(cls, model: ArithmeticModel, beta: int) -> Setting:
        """Raises Unsupported."""
        return cls(model, formats_of(model), beta)

    @property
    def activations(self) -> Format | None:
        return None if self.formats is None else self.formats.activations

    @property
    def linear(self) -> Format | None:
        return None if self.formats is None else self.formats.linear

    @property
    def scores(self) -> Format | None:
        return None if self.formats is None else self.formats.scores


@dataclass(frozen=True)
class Enclosure:
    """Of a sequence: the drift after attention and MLP of each layer, as far as it is shown; x at the end, None where
    it is not shown, and then why."""

    drifts: tuple[Fraction, ...]
    final: Enclosed | None
    not_shown: str | None = None


def enclose(rows: TransformerRows, tokens: Sequence[str], replayed: Replayed, setting: Setting) -> Enclosure:
    """Of tokens that were replayed with hardmax."""
    drifts: list[Fraction] = []
    where = "the embedding"
    try:
        x = _embedded(rows, tokens, setting)
        for number, (layer, exact) in enumerate(zip(rows.layers, replayed.layers, strict=True), start=1):
            where = f"layer {number}, attention"
            x = _attention(layer, x, setting, causal=rows.net.causal)
            drifts.append(drift(x, exact.attention))
            where = f"layer {number}, MLP"
            x = _mlp(layer, x, setting)
            drifts.append(drift(x, exact.mlp))
    except NotShown as reason:
        return Enclosure(tuple(drifts), None, f"{where}: {reason}")
    return Enclosure(tuple(drifts), x)


def _embedded(rows: TransformerRows, tokens: Sequence[str], setting: Setting) -> Enclosed:
    """rnd_A of the sum in L of the embedding's and the position's entry."""
    parts = start(rows.net, tokens)
    tables = [Exact.of([vectors[place] for vectors in parts], rows.net.width) for place in range(len(parts[0]))]
    shift = max(part.shift for part in tables)
    entries = [part.over(shift, 1) for part in tables]
    total = np.sum(entries, axis=0)
    grid = [
        min((lowest_bit(int(one)) - shift for one in terms if one), default=NO_GRID)
        for terms in zip(*(part.flat for part in entries), strict=True)
    ]
    terms = Terms(
        np.sum(np.abs(entries), axis=0),
        -shift,
        np.count_nonzero(np.array(entries, dtype=np.bool_), axis=0),
        np.array(grid, dtype=np.int64).reshape(total.shape),
    )
    ends = widened(Ends(total, total, -shift), errors(terms, setting.linear))
    return rounded(ends, setting.activations)


def _attention(layer: LayerRows, x: Enclosed, setting: Setting, *, causal: bool) -> Enclosed:
    read = stacked([x])
    made = [_head(head, read, setting, causal=causal) for head in layer.heads]
    return rounded(sums_of(layer.attention, stacked([x, *made]), setting.linear), setting.activations)


def _head(head: HeadRows, x: Enclosed, setting: Setting, *, causal: bool) -> Enclosed:
    query, key, value = (
        rounded(sums_of(rows, x, setting.linear), setting.activations) for rows in (head.query, head.key, head.value)
    )
    scores = scores_of(query, key, setting.scores, setting.beta, causal=causal)
    return received(Attended(scores, value, causal), setting.model)


def _mlp(layer: LayerRows, x: Enclosed, setting: Setting) -> Enclosed:
    neurons = relu(sums_of(layer.neurons, stacked([x]), setting.linear), setting.linear)
    return rounded(sums_of(layer.mlp, stacked([x, neurons]), setting.linear), setting.activations)


def drift(x: Enclosed, exact: Exact) -> Fraction:
    """How far an activation may be from its hardmax value, at most."""
    shift = max(exact.shift, -x.exponent)
    ends, nominal = x.at(-shift), exact.numbers << (shift - exact.shift)
    off = np.maximum(ends.high * exact.divisor - nominal, nominal - ends.low * exact.divisor)
    return Fraction(int(max(off.flat, default=0)), exact.divisor << shift)


# ---------------------------------------------------------------------------- logits


@dataclass(frozen=True)
class Rival:
    """Another token at a position that is asked about: by how much the expected one's logit is above its, at least and
    at most; None where a sum may overflow."""

    position: int
    expected: int
    other: int
    above: tuple[Fraction, Fraction] | None


def rivals(
    rows: TransformerRows, final: Enclosed, asked: Sequence[tuple[int, int]], number_format: Format | None
) -> list[Rival]:
    """Of every (position, expected token) that is asked about, and every other token.

    Coefficients are subtracted first: what both logits have in common does not count twice.  The errors of both sums
    are added.
    """
    places = sorted({position for position, _ in asked})
    column = {position: number for number, position in enumerate(places)}
    x = stacked([final.columns(places)])
    errors_of = _logit_errors(rows.logits, x, number_format)
    found = []
    for expected in sorted({token for _, token in asked}):
        ends = of_forms(_differences(rows.logits, expected), x)
        for position, token in asked:
            if token != expected:
                continue
            off = errors_of[column[position]]
            for other in range(len(rows.logits.entries)):
                first, second = off[expected], off[other]
                above = None
                if other != expected and first is not None and second is not None:
                    low, high = ends.interval(other, column[position])
                    above = low - first - second, high + first + second
                if other != expected:
                    found.append(Rival(position, expected, other, above))
    return found


def _differences(logits: Rows, expected: int) -> Rows:
    """For every token the expected one's form minus its."""
    own = dict(logits.entries[expected])

    def minus(row: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        left = dict(own)
        for column, weight in row:
            left[column] = left.get(column, 0) - weight
        return tuple((column, weight) for column, weight in sorted(left.items()) if weight)

    return Rows(tuple(map(minus, logits.entries)), logits.columns, logits.exponent)


def _logit_errors(logits: Rows, x: Enclosed, number_format: Format | None) -> list[list[Fraction | None]]:
    """How far each token's sum may be off at each position; None where it may overflow."""
    if number_format is None:
        return [[Fraction(0)] * len(logits.entries)] * x.tokens
    terms = terms_of(logits, x)

    def error(row: int, place: int) -> Fraction | None:
        one = slice(row, row + 1), slice(place, place + 1)
        try:
            off = errors(Terms(terms.largest[one], terms.exponent, terms.count[one], terms.grid[one]), number_format)
        except NotShown:
            return None
        return Fraction(0) if off is None else off.interval(0, 0)[1]

    return [[error(row, place) for row in range(len(logits.entries))] for place in range(x.tokens)]
