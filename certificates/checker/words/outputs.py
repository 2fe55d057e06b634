"""The sure output of a network, from the intervals of x at the end, and its margin (WORDS sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from exactformer.certificates.checker.document import rational_text
from exactformer.certificates.checker.sequences.arithmetic import logit, row_terms
from exactformer.certificates.checker.sequences.network import Logits, Nearest, Row
from exactformer.certificates.checker.sequences.walk import difference
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Ends, Unbounded, Value
from exactformer.certificates.checker.words.states import UNKNOWN, Vector


def names_of(outputs: Logits | Nearest) -> list[str]:
    """The names of all outputs, in order."""
    if isinstance(outputs, Nearest):
        return [rational_text(number) for number in outputs.numbers]
    return list(outputs)


def said(arithmetic: Arithmetic, outputs: Logits | Nearest, vector: Vector) -> tuple[int, Fraction]:
    """The place of the output that is surely strictly the one, and its margin, above 0; else `UNKNOWN`, 0."""
    try:
        if isinstance(outputs, Nearest):
            margins = _margins(arithmetic, outputs, vector)
            best = max(range(len(margins)), key=margins.__getitem__)
            return (best, margins[best]) if margins[best] > 0 else (UNKNOWN, Fraction(0))
        rows = list(outputs.values())
        best = _likely(arithmetic, rows, vector)
        least = min(
            above(arithmetic, rows[best], other, vector)[0] for place, other in enumerate(rows) if place != best
        )
    except Unbounded:
        return UNKNOWN, Fraction(0)
    return (best, Fraction(least, arithmetic.unit)) if least > 0 else (UNKNOWN, Fraction(0))


def is_not_below(arithmetic: Arithmetic, outputs: Logits | Nearest, vector: Vector, other: int, expected: int) -> bool:
    """Whether an output is surely at least as good as the expected one."""
    try:
        if not isinstance(outputs, Nearest):
            rows = list(outputs.values())
            return above(arithmetic, rows[expected], rows[other], vector)[1] <= 0
        low, high = logit(arithmetic, outputs.row, vector)
    except Unbounded:
        return False
    middle = (outputs.numbers[other] + outputs.numbers[expected]) / 2 * arithmetic.unit
    return low >= middle if other > expected else high <= middle


def above(arithmetic: Arithmetic, one: Row, other: Row, vector: Sequence[Value]) -> Ends:
    """Ends of a logit less another."""
    return difference(arithmetic, vector, one, other)


def _likely(arithmetic: Arithmetic, rows: Sequence[Row], vector: Vector) -> int:
    """The output whose logit is the largest at the midpoints of intervals, apart from errors."""
    sums = [(row_terms(arithmetic, row, vector), row) for row in rows]
    return max(range(len(rows)), key=lambda at: Fraction(sums[at][0].low + sums[at][0].high, 2 ** sums[at][0].bits))


def _margins(arithmetic: Arithmetic, outputs: Nearest, vector: Vector) -> list[Fraction]:
    """For every output number, how far what is computed surely is from the point where another one is as near, on its
    own side; below 0 if it may be on the other side."""
    low, high = (Fraction(end, arithmetic.unit) for end in logit(arithmetic, outputs.row, vector))
    middles = [(below + above) / 2 for below, above in pairwise(outputs.numbers)]
    found = []
    for place in range(len(outputs.numbers)):
        left = [low - middles[place - 1]] if place else []
        right = [middles[place] - high] if place < len(middles) else []
        found.append(min(left + right))
    return found
