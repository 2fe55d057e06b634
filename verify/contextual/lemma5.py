"""Lemma 5 on one grid, for all real inputs: the layers quantise each coordinate as they should.

A layer maps a half-open interval, on which a coordinate is an affine function of the input, to such intervals: it is
cut where the activation has its breaks.  So the layers can be followed on each cell as a whole, which decides all reals
in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from exactformer.constructions.contextual.grid import Grid
from exactformer.constructions.contextual.layers import TokenwiseLayer, unit
from exactformer.constructions.contextual.quantisation import coordinate_layers, quantisation, quantised
from exactformer.verify.contextual.lemma6 import Fails

ZERO, ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True)
class Segment:
    """For inputs t in [low, high) (None: without end) the coordinate is slope t + intercept."""

    low: Fraction | None
    high: Fraction | None
    slope: Fraction
    intercept: Fraction

    def at(self, t: Fraction) -> Fraction:
        return self.slope * t + self.intercept

    def cut(self, place: Fraction) -> tuple[Segment, ...]:
        """The parts on each side of the input `place`: [.., place) and [place, ..)."""
        if (self.low is not None and place <= self.low) or (self.high is not None and self.high <= place):
            return (self,)
        return (
            Segment(self.low, place, self.slope, self.intercept),
            Segment(place, self.high, self.slope, self.intercept),
        )

    @property
    def inner(self) -> Fraction:
        """A point of it."""
        if self.low is not None:
            return self.low
        return self.high - 1 if self.high is not None else ZERO


@dataclass(frozen=True)
class Quantises:
    """Lemma 5 holds on this grid: layers is d + d/delta, cells the half-open intervals looked at per coordinate."""

    grid: Grid
    layers: int
    cells: int


def behind(segment: Segment, layer: TokenwiseLayer, place: int) -> Iterator[Segment]:
    """The segment after a layer that reads and writes only the coordinate at `place`.

    Raises ValueError for other layers, and for a segment with slope < 0, which turns half-open intervals round.
    """
    e = unit(place, len(layer.weights))
    if tuple(layer.weights) != e or tuple(layer.output) != e or segment.slope < 0:
        raise ValueError(f"{layer} does not act on coordinate {place} alone, or turns it round")
    parts = [segment]
    if segment.slope > 0:
        for stop in layer.activation.breaks:
            where = (stop - layer.bias - segment.intercept) / segment.slope
            parts = [cut for part in parts for cut in part.cut(where)]
    for part in parts:
        slope, intercept = layer.activation.piece_at(part.at(part.inner) + layer.bias)
        yield Segment(
            part.low,
            part.high,
            part.slope * (1 + slope),
            part.intercept + slope * (part.intercept + layer.bias) + intercept,
        )


def follow(segment: Segment, layers: Sequence[TokenwiseLayer], place: int) -> Iterator[Segment]:
    """The segment after the layers, in parts; layers that add 0 to all of a part are skipped."""
    actives = [active(layer) for layer in layers]
    waiting = [(segment, 0)]
    while waiting:
        part, done = waiting.pop()
        following = (k for k in range(done, len(layers)) if not _apart(part, *actives[k]))
        k = next(following, None)
        if k is None:
            yield part
        else:
            waiting += ((piece, k + 1) for piece in behind(part, layers[k], place))


def active(layer: TokenwiseLayer) -> tuple[Fraction | None, Fraction | None]:
    """The ends of [low, high) outside which the layer adds 0; None: no such end is known."""
    breaks, pieces = layer.activation.breaks, layer.activation.pieces
    return (
        breaks[0] - layer.bias if pieces[0] == (ZERO, ZERO) else None,
        breaks[-1] - layer.bias if pieces[-1] == (ZERO, ZERO) else None,
    )


def _apart(part: Segment, low: Fraction | None, high: Fraction | None) -> bool:
    """Whether all values of the segment are below `low`, or not below `high`; False if that is not seen."""
    if part.slope == 0:
        return (low is not None and part.intercept < low) or (high is not None and part.intercept >= high)
    # Rising: values reach from that at the low end to below that at the high end.
    beneath = low is not None and part.high is not None and part.at(part.high) <= low
    above = high is not None and part.low is not None and part.at(part.low) >= high
    return beneath or above


def check_lemma5(grid: Grid, layers: Sequence[TokenwiseLayer] | None = None) -> Quantises | Fails:
    """Follow the layers (the construction's, unless others are given for the first coordinate) on every real.

    >>> check_lemma5(Grid(2, 2, Fraction(1, 4)))
    Quantises(grid=Grid(n=2, d=2, delta=Fraction(1, 4), extent=1), layers=10, cells=6)
    """
    count = len(quantisation(grid))
    ends = [None, *grid.values, Fraction(grid.extent), None]
    for place in range(grid.d):
        chosen = coordinate_layers(grid, place) if layers is None or place else layers
        for low, high in pairwise(ends):
            for part in follow(Segment(low, high, ONE, ZERO), chosen, place):
                wanted = quantised(grid, part.inner)
                if part.slope != 0 or part.intercept != wanted:
                    return Fails(grid, 5, f"{part.inner} becomes {part.at(part.inner)} near it, not {wanted}")
    expected = grid.d * (1 + grid.steps)
    if count != expected:
        return Fails(grid, 5, f"{count} layers, not {expected}")
    return Quantises(grid, count, len(ends) - 1)
