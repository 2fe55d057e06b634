"""The standard transformer: softmax with a factor lambda instead of hardmax, up to four ReLUs for each activation.

An activation has at most two jumps and a constant piece.  Each jump becomes a steep ramp with two kinks.  One ReLU per
kink, facing away from the constant piece, gives the activation everywhere except on the ramps: at most four ReLUs.

On [0, 1)^(d x n) ramps matter in the quantisation only: ids keep delta/4 away from all others, and the ramps that
recognise what is outside [0, extent) are outside, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.constructions.contextual.grid import Column, Grid
from exactformer.constructions.contextual.layers import ZERO, PiecewiseLinear, TokenwiseLayer, unit
from exactformer.constructions.contextual.quantisation import coordinate_layers
from exactformer.constructions.contextual.value_mapping import ValueMapping


@dataclass(frozen=True)
class Relu:
    """coefficient * max(0, facing * (t - place)), facing 1 or -1."""

    coefficient: Fraction
    facing: int
    place: Fraction

    def __call__(self, t: Fraction) -> Fraction:
        return self.coefficient * max(ZERO, self.facing * (t - self.place))


@dataclass(frozen=True)
class Relus:
    """A constant and a sum of ReLUs; `ramps` are the open intervals where it is not the activation it stands for."""

    constant: Fraction
    relus: tuple[Relu, ...]
    ramps: tuple[tuple[Fraction, Fraction], ...]

    def __call__(self, t: Fraction) -> Fraction:
        return self.constant + sum((relu(t) for relu in self.relus), ZERO)


@dataclass(frozen=True)
class Ramp:
    """Where a jump at a break is bridged: on (break - length, break), or beyond it when `beyond`."""

    length: Fraction
    beyond: bool = False


def as_relus(activation: PiecewiseLinear, ramps: tuple[Ramp, ...]) -> Relus:
    """The activation as ReLUs, one ramp per break; a break without a jump or a kink costs none.

    >>> step = PiecewiseLinear((Fraction(0),), ((Fraction(0), Fraction(0)), (Fraction(0), Fraction(1))))
    >>> relus = as_relus(step, (Ramp(Fraction(1, 8)),))
    >>> len(relus.relus), [str(relus(Fraction(t, 16))) for t in (-3, -2, -1, 0, 9)]
    (2, ['0', '0', '1/2', '1', '1'])
    """
    pieces = activation.pieces
    anchor = next(i for i, (slope, _) in enumerate(pieces) if slope == 0)
    relus: list[Relu] = []
    bridged: list[tuple[Fraction, Fraction]] = []
    for i, (stop, ramp) in enumerate(zip(activation.breaks, ramps, strict=True)):
        (before, low_intercept), (after, high_intercept) = pieces[i], pieces[i + 1]
        if before * stop + low_intercept == after * stop + high_intercept:
            kinks = [(stop, after - before)]
        else:
            start, end = (stop, stop + ramp.length) if ramp.beyond else (stop - ramp.length, stop)
            rise = (after * end + high_intercept) - (before * start + low_intercept)
            steep = rise / ramp.length
            kinks = [(start, steep - before), (end, after - steep)]
            bridged.append((start, end))
        facing = 1 if i >= anchor else -1
        relus += (Relu(kink, facing, place) for place, kink in kinks if kink)
    return Relus(pieces[anchor][1], tuple(relus), tuple(bridged))


@dataclass(frozen=True)
class ReluLayer:
    """A token-wise layer with ReLUs: hidden width at most 4."""

    layer: TokenwiseLayer
    relus: Relus

    def on_column(self, column: Column) -> Column:
        activity = self.relus(
            sum((w * z for w, z in zip(self.layer.weights, column, strict=True)), ZERO) + self.layer.bias
        )
        return tuple(z + out * activity for z, out in zip(column, self.layer.output, strict=True))

    @property
    def width(self) -> int:
        """How many ReLUs."""
        return len(self.relus.relus)


def quantisation_relus(grid: Grid, length: Fraction) -> tuple[ReluLayer, ...]:
    """Quantisation with ramps of this length, 0 < length < delta, at the upper ends of the cells."""
    found = []
    for place in range(grid.d):
        leave, *down = coordinate_layers(grid, place)
        found.append(ReluLayer(leave, as_relus(leave.activation, (Ramp(length), Ramp(length, beyond=True)))))
        found += (ReluLayer(one, as_relus(one.activation, (Ramp(length),) * 2)) for one in down)
    return tuple(found)


def value_relus(values: ValueMapping) -> tuple[ReluLayer, ...]:
    """The value mapping with ramps of length delta/4: right for every id that is off by at most delta/4."""
    ramp = Ramp(values.grid.delta / 4)
    return tuple(
        ReluLayer(layer, as_relus(layer.activation, (ramp,) * len(layer.activation.breaks))) for layer in values.layers
    )


def clamp_layers(d: int, most: Fraction) -> tuple[ReluLayer, ...]:
    """One layer per coordinate that sends it into [-most, most]; it has no jumps.

    Not in the published construction: without it the values on the ramps, up to t_r, would count in L^p.
    """
    one = Fraction(1)
    activation = PiecewiseLinear((-most, most), ((-one, -most), (ZERO, ZERO), (-one, most)))
    none = Ramp(one)
    layers = (TokenwiseLayer(unit(i, d), ZERO, activation, unit(i, d)) for i in range(d))
    return tuple(ReluLayer(layer, as_relus(activation, (none, none))) for layer in layers)
