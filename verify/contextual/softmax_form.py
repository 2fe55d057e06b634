"""How far the standard form is from the modified transformer, for every input of [0, 1)^(d x n) not on ramps.

Softmax.  Let every label be off by at most E < delta/2.  Different labels are multiples of delta, so at least
delta - 2E apart (columns with the same label stay the same); thresholds lie between, so |query| >= delta/2 - E and it
keeps its sign.  So a head with factor lambda gives the extreme label up to the *leak*

    (n-1) y exp(-lambda |query| y),   y = delta - 2E,   where lambda |query| y >= 1,

as y exp(-c y) falls for c y >= 1.  A layer adds D times the difference of its two heads.  For columns that do not move
both give the same extreme, so E grows by D leak; for the (at most one) label that moves, by D (2E + 2 leak).
At most n labels move, each once.  The global shift adds D^(n+1) (E + leak), its query being 1.  The bounds E[s], s the
number of labels that have moved, are followed through all layers, in integers, rounded up.

ReLUs.  Apart from ramps quantisation is exact.  An id that is off by at most delta/4 meets its own bump at 1 and all
others at 0 (ramps of delta/4, ids delta apart), and is not dismissed; others are.  So outputs are off by as much as the
id was: E.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.constructions.contextual.global_shift import global_factor
from exactformer.constructions.contextual.grid import Grid
from exactformer.constructions.contextual.standard_form import clamp_layers, quantisation_relus, value_relus
from exactformer.constructions.contextual.value_mapping import ValueMapping, entries
from exactformer.verify.arithmetic.exp_bounds import LARGEST_EXPONENT, exp_minus_upper
from exactformer.verify.contextual.approximation import Approximation, root_above

SPARE_BITS = 128
"""Errors are rounded up to multiples of 2^-bits: this many bits more than the layers magnify an error."""
MOST_STEPS = 50_000
"""The most labels times layers that are followed."""


class StandardFormError(ValueError):
    """There is no factor that this file can certify, or the grid has too many layers to follow."""


@dataclass(frozen=True)
class Scale:
    """Errors as integers, multiples of 2^-bits, rounded up; `radius` is delta/2, rounded down."""

    grid: Grid
    bits: int
    radius: int

    @classmethod
    def of(cls, grid: Grid) -> Scale:
        magnified = (2 * grid.columns + 1) ** (grid.n + 1) * global_factor(grid)
        bits = magnified.bit_length() + SPARE_BITS
        return cls(grid, bits, (1 << bits) // (2 * grid.delta.denominator))

    def leak(self, factor: int, query: int, apart: int) -> int | None:
        """A bound on the leak of one head, for |query| and distances at least these.

        None unless lambda |query| y >= 1.
        """
        exponent = factor * query * apart >> 2 * self.bits
        if query <= 0 or apart <= 0 or exponent < 1:
            return None
        bound = exp_minus_upper(exponent)
        return -(-(self.grid.n - 1) * apart * bound.numerator // bound.denominator)


def id_error(grid: Grid, layers: int, factor: int) -> Fraction | None:
    """How far ids can be off after `layers` selective shifts and the global one; None if that is not bounded.

    factor: lambda, an integer >= 1.
    """
    scale = Scale.of(grid)
    errors = [0]
    for _ in range(layers):
        stays, moves = list[int](), list[int]()
        for error in errors:
            half = scale.radius - error
            leaked = scale.leak(factor, half, 2 * half)
            if leaked is None:
                return None
            stays.append(error + grid.columns * leaked)
            moves.append(error + grid.columns * 2 * (error + leaked))
        errors = [stays[0], *map(max, stays[1:], moves), moves[-1]][: grid.n + 1]
    worst = max(errors)
    leaked = scale.leak(factor, 1 << scale.bits, 2 * (scale.radius - worst))
    if leaked is None:
        return None
    return Fraction(worst + global_factor(grid) * (worst + leaked), 1 << scale.bits)


def smallest_factor(grid: Grid, layers: int, most: Fraction) -> tuple[int, Fraction]:
    """The smallest power of two lambda for which `id_error` is at most `most`, and that error.

    Raises StandardFormError if there is none: exp(-x) is bounded for x <= 4096 only.
    """
    if layers * (grid.n + 1) > MOST_STEPS:
        raise StandardFormError(
            f"{layers} selective shifts are too many: softmax is not followed through so many layers"
        )
    factor = 1
    while factor * grid.delta**2 / 2 <= 2 * LARGEST_EXPONENT:
        error = id_error(grid, layers, factor)
        if error is not None and error <= most:
            return factor, error
        factor *= 2
    raise StandardFormError(f"no lambda is certified: exp(-{LARGEST_EXPONENT}) is too large for {grid.n} tokens")


@dataclass(frozen=True)
class StandardForm:
    """The standard transformer for an approximation: lambda, the distance of outputs to the modified one's, the ramps.

    ramp: length of the ramps of the quantisation; each entry is clamped to [-S, S], S = approximation.sup.
    """

    approximation: Approximation
    factor: int
    error: Fraction
    ramp: Fraction

    @property
    def on_ramps(self) -> Fraction:
        """The measure of the inputs with a coordinate on a ramp: 1 - (1 - ramp/delta)^(nd)."""
        grid = self.approximation.grid
        return 1 - (1 - self.ramp / grid.delta) ** (grid.n * grid.d)

    @property
    def left_out(self) -> Fraction:
        """A bound on the measure of the inputs on ramps or with two tokens in one cell."""
        return self.on_ramps + self.approximation.repeated

    @property
    def entry_error(self) -> Fraction:
        """How far an entry can be from f's, elsewhere."""
        return self.approximation.cell_error + self.error

    @property
    def integral_bound(self) -> Fraction:
        """A bound on the integral of sum_entries |network - f|^p.

        Apart from ramps, columns of repeated cells become 0, up to the error; on ramps entries are within S, as f's.
        """
        found = self.approximation
        mu, p = found.repeated, found.p
        repeated = mu * (found.sup + self.error) ** p
        return (
            found.grid.n
            * found.grid.d
            * ((1 - mu) * self.entry_error**p + repeated + self.on_ramps * (2 * found.sup) ** p)
        )

    @property
    def lp_bound(self) -> Fraction:
        """A rational at least the p-th root of `integral_bound`."""
        return root_above(self.integral_bound, self.approximation.p)

    @property
    def holds(self) -> bool:
        """Whether both bounds are at most epsilon."""
        found = self.approximation
        return self.integral_bound <= found.epsilon**found.p and self.entry_error <= found.epsilon


def standard_form(approximation: Approximation) -> StandardForm:
    """The smallest lambda, a power of two, that is certified for the error that the bounds allow; and ramps.

    Error and ramps share what the modified transformer's bounds leave of epsilon: they are halved until both fit.
    Raises StandardFormError.
    """
    grid = approximation.grid
    # Outputs stay below every bump by a whole delta, so that ids and outputs that are off by delta/4 are not confused.
    if approximation.sup * sum(grid.direction) > approximation.interval.low - grid.delta:
        raise StandardFormError("outputs come near ids, so a lift is needed: there is no standard form for that")
    counts = approximation.counts
    share = grid.delta / 4
    for _ in range(64):
        plain = StandardForm(approximation, 0, share, ramp=grid.delta * share / 4)
        if plain.holds:
            factor, error = smallest_factor(grid, counts.selective, share)
            return StandardForm(approximation, factor, error, plain.ramp)
        share /= 2
    raise StandardFormError(
        f"nothing of epsilon = {approximation.epsilon} is left for softmax and ramps: give a smaller delta"
    )


def widest(form: StandardForm, values: ValueMapping | None) -> int:
    """The largest number of ReLUs of a token-wise layer: at most 4.  Without `values` one bump stands for all."""
    found = form.approximation
    layers = [*quantisation_relus(found.grid, form.ramp), *clamp_layers(found.grid.d, found.sup)]
    one = ValueMapping(found.grid, tuple(entries(found.grid, found.first_sequences(1), found.wish)))
    return max(layer.width for layer in (*layers, *value_relus(values or one)))
