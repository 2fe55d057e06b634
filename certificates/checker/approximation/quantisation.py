"""APPROXIMATION section 5.1: the first layers take all of every cell to its corner, for all reals, not for samples.

Each layer reads and writes one coordinate, so a coordinate goes through a function of one variable that is affine
between breaks. An interval is cut where a piece ends and mapped exactly. We also keep track of which ends belong to it,
because a negative slope takes [a, b) to (a', b'].
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.certificates.checker.approximation.network import Layer, Piece, TokenWise
from exactformer.certificates.checker.approximation.reading import require_short
from exactformer.certificates.checker.approximation.statement import Statement
from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Rejected, TooLarge, rational_text

MOST_INTERVALS = 2**16


@dataclass(frozen=True)
class Interval:
    """The reals between ``low`` and ``high``, with the ends that belong to it; never empty."""

    low: Fraction
    high: Fraction
    with_low: bool
    with_high: bool

    def __str__(self) -> str:
        ends = rational_text(self.low), rational_text(self.high)
        return f"{'[' if self.with_low else '('}{ends[0]}, {ends[1]}{']' if self.with_high else ')'}"


@dataclass(frozen=True)
class Step:
    """z becomes slope z + intercept on low <= z < high; an end that is ``None`` is infinite."""

    low: Fraction | None
    high: Fraction | None
    slope: Fraction
    intercept: Fraction

    def keeps(self, interval: Interval) -> bool:
        """Whether the step surely changes no point of the interval (a quick test, not a sharp one)."""
        if self.slope != 1 or self.intercept != 0:
            return False
        return (self.low is None or self.low <= interval.low) and (self.high is None or interval.high < self.high)

    def part(self, interval: Interval) -> Interval | None:
        """The part of the interval inside [low, high)."""
        low, with_low, high, with_high = interval.low, interval.with_low, interval.high, interval.with_high
        if self.low is not None and self.low > low:
            low, with_low = self.low, True
        if self.high is not None and self.high <= high:
            high, with_high = self.high, False
        if low > high or (low == high and not (with_low and with_high)):
            return None
        return Interval(low, high, with_low, with_high)

    def image(self, interval: Interval) -> Interval:
        """All values on the interval, and no others."""
        if self.slope == 1 and self.intercept == 0:
            return interval
        ends = self.slope * interval.low + self.intercept, self.slope * interval.high + self.intercept
        require_short(*ends)
        if self.slope > 0:
            return Interval(*ends, interval.with_low, interval.with_high)
        if self.slope < 0:
            return Interval(ends[1], ends[0], interval.with_high, interval.with_low)
        return Interval(*ends, True, True)


def check_quantisation(layers: tuple[Layer, ...], statement: Statement, deadline: Deadline) -> None:
    """Make sure that these layers take, in every coordinate of every column, all of [j delta, (j + 1) delta) to j
    delta."""
    steps: list[list[tuple[Step, ...]]] = [[] for _ in range(statement.d)]
    for place, layer in enumerate(layers):
        coordinate, found = _steps(f"layers[{place}]", layer)
        steps[coordinate].append(found)
    delta = Fraction(1, statement.cells)
    # column k starts in [k - 1, k) with positions: all columns together in [0, n)
    count = statement.cells * (statement.n if statement.positional else 1)
    for coordinate, through in enumerate(steps):
        starts = [Interval(j * delta, (j + 1) * delta, True, False) for j in range(count)]
        for start, ends in zip(starts, _follow(starts, through, deadline), strict=True):
            if ends != {Interval(start.low, start.low, True, True)}:
                wrong = next(str(end) for end in sorted(ends, key=str) if not end.low == end.high == start.low)
                raise Rejected(
                    "evidence.quantisation_layers",
                    f"are {len(layers)}, but they take a part of {start} in coordinate {coordinate + 1} to {wrong}, "
                    f"not to {rational_text(start.low)}",
                )


def _follow(starts: list[Interval], through: list[tuple[Step, ...]], deadline: Deadline) -> list[set[Interval]]:
    """For each interval the intervals that its points end in."""
    found = [{start} for start in starts]
    for steps in through:
        deadline.left("evidence.quantisation_layers")
        found = [_moved(intervals, steps) for intervals in found]
        if sum(map(len, found)) > MOST_INTERVALS:
            raise TooLarge(f"the first layers cut the cells into more than {MOST_INTERVALS} intervals")
    return found


def _moved(intervals: set[Interval], steps: tuple[Step, ...]) -> set[Interval]:
    """The images of all parts that the steps cut the intervals into."""
    if all(any(step.keeps(interval) for step in steps) for interval in intervals):
        return intervals
    parts = ((step, step.part(interval)) for interval in intervals for step in steps)
    return {step.image(part) for step, part in parts if part is not None}


def _steps(field: str, layer: Layer) -> tuple[int, tuple[Step, ...]]:
    """The coordinate that a layer of the first part is about, and its step there."""
    if not isinstance(layer, TokenWise):
        raise Rejected(field, "is attention, among the layers that quantise")
    read = [place for place, weight in enumerate(layer.weights) if weight]
    written = [place for place, weight in enumerate(layer.output) if weight]
    if len(read) != 1 or layer.weights[read[0]] != 1 or written != read:
        raise Rejected(field, "does not read one coordinate with weight 1 and write this one only, but quantises")
    output = layer.output[written[0]]

    def step(piece: Piece) -> Step:
        """z + output (slope (z + bias) + intercept), for z + bias between low and high."""
        low = None if piece.low is None else piece.low - layer.bias
        high = None if piece.high is None else piece.high - layer.bias
        return Step(low, high, 1 + output * piece.slope, output * (piece.slope * layer.bias + piece.intercept))

    return read[0], tuple(step(piece) for piece in layer.pieces)
