"""Step 1 (Lemma 5): token-wise layers that send each coordinate to the lower end of its cell, or outside.

One layer per coordinate sends what is not in [0, extent) to `outside`; then one layer per coordinate and cell sends
[k delta, (k+1) delta) to k delta.  `outside` is negative, so no later layer moves it: d + d extent/delta layers.
"""

from __future__ import annotations

from fractions import Fraction

from exactformer.constructions.contextual.grid import Grid, Sequence
from exactformer.constructions.contextual.layers import ZERO, PiecewiseLinear, TokenwiseLayer, unit


def quantised(grid: Grid, t: Fraction) -> Fraction:
    """What a coordinate t should become.

    >>> grid = Grid(2, 1, Fraction(1, 4))
    >>> [str(quantised(grid, Fraction(t))) for t in ("-1/100", "0", "1/4", "99/100", "1")]
    ['-16', '0', '1/4', '3/4', '-16']
    """
    return t // grid.delta * grid.delta if 0 <= t < grid.extent else grid.outside


def quantised_sequence(grid: Grid, sequence: Sequence) -> Sequence:
    """`quantised`, for every coordinate of every column."""
    return tuple(tuple(quantised(grid, t) for t in column) for column in sequence)


def quantisation(grid: Grid) -> tuple[TokenwiseLayer, ...]:
    """The layers, coordinate by coordinate."""
    return tuple(layer for place in range(grid.d) for layer in coordinate_layers(grid, place))


def coordinate_layers(grid: Grid, place: int) -> tuple[TokenwiseLayer, ...]:
    """The layers that quantise the coordinate at this place: first what is outside, then cell by cell."""
    outward = (Fraction(-1), grid.outside)  # t + (-t + outside) = outside
    leave = PiecewiseLinear((ZERO, Fraction(grid.extent)), (outward, (ZERO, ZERO), outward))
    flat = (ZERO, ZERO)
    down = PiecewiseLinear((ZERO, grid.delta), (flat, (Fraction(-1), ZERO), flat))
    e = unit(place, grid.d)
    return (
        TokenwiseLayer(e, ZERO, leave, e),
        *(TokenwiseLayer(e, -low, down, e) for low in grid.values),
    )
