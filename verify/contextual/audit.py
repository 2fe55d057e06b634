"""What the high-precision construction costs: depth, parameters, magnitudes and bits, in closed form.

Units of delta: inputs, biases and ids times 1/delta, which leaves weights as they are.  Then ids are integers, and
every parameter is a multiple of 1/2.  D = steps^d and G = D^(n+1), as in `verify.contextual.beyond`.

The counts are for the network of `Approximation.network` with outputs that stay below all ids (no lift), and with the
bumps of outputs that are 0; other outputs change a bump's output by at most themselves, and need their own bits
besides. What softmax and ReLUs add is counted separately: `softmax_factor`, `Cost.neurons`.  The steepness of ramps is
not counted, because users choose their length, nor are the d clamping layers (`standard_form`), which the published
network does not have.

Nothing here shows that the network is right: Lemmas 5 to 7 do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property

from exactformer.constructions.contextual.contextual_mapping import ids, interval, largest_entry
from exactformer.constructions.contextual.functions import LIBRARY
from exactformer.constructions.contextual.global_shift import global_factor
from exactformer.constructions.contextual.grid import Grid, GridError
from exactformer.constructions.contextual.value_mapping import Numbers
from exactformer.verify.audit import Bits
from exactformer.verify.contextual.approximation import Approximation, LayerCounts
from exactformer.verify.contextual.formats import ids_of
from exactformer.verify.contextual.softmax_form import StandardFormError, smallest_factor

LATE = 8
"""How many columns are varied in the search for an id that needs many bits."""


class Condition(Enum):
    """What is known about the contextual mapping of a grid with 2 <= n <= D."""

    STATED = "as Lemma 6 is stated, n < 1/delta - 1"
    BEYOND = (
        "Lemma 6 is not stated here (n >= 1/delta - 1); the proof in verify/contextual/beyond.py, which this count does"
        " not run, does without that condition if n columns can be distinct"
    )


class Kind(Enum):
    """Kinds of parameters, in the order of the layers."""

    CELL = "cell offset"
    OUTSIDE = "value for what is outside"
    LABEL = "label weight"
    THRESHOLD = "threshold"
    SELECTIVE = "selective shift factor"
    GLOBAL = "global shift factor"
    INTERVAL = "ends of the interval"
    DISMISSAL = "dismissal"
    BUMP_OFFSET = "bump offset"
    BUMP_OUTPUT = "bump output"


@dataclass(frozen=True)
class Parameters:
    """One kind: the largest magnitude, in units of delta, and significand bits that hold all of them exactly.

    The bits are the fewest possible, except for bumps, which may need fewer.
    """

    kind: Kind
    largest: Fraction
    significand: int


@dataclass(frozen=True)
class Between:
    """An integer with known bounds."""

    least: int
    most: int


def significand_bits(value: int) -> int:
    """The significand bits of an integer other than 0: those of its odd part.

    >>> significand_bits(12), significand_bits(-7)
    (2, 3)
    """
    return (abs(value) // (value & -value)).bit_length()


@dataclass(frozen=True)
class Cost:
    """All counts for one grid; with positional encoding a `positional_grid`.  Raises GridError for one token."""

    grid: Grid
    positional: bool = False

    def __post_init__(self) -> None:
        if self.grid.n < 2:
            raise GridError("n = 1: Lemmas 6 and 7 are about n >= 2 tokens")

    @property
    def condition(self) -> Condition:
        return Condition.STATED if self.grid.as_stated else Condition.BEYOND

    @cached_property
    def approximation(self) -> Approximation:
        """An approximation of any function: the counts do not depend on it."""
        one = Fraction(1)
        return Approximation(LIBRARY["polynomial"], one, 1, self.positional, self.grid, one)

    @cached_property
    def counts(self) -> LayerCounts:
        return self.approximation.counts

    @property
    def blocks(self) -> int:
        """Depth in blocks of one attention and one token-wise layer: the first token-wise layer after the global shift
        shares its block, all others have one of their own."""
        return self.counts.attention + self.counts.tokenwise - 1

    @property
    def heads(self) -> int:
        """Heads of size 1: two per selective shift, one in the global shift."""
        return 2 * self.counts.selective + 1

    @property
    def neurons(self) -> int:
        """ReLUs of the standard form: 4 per jump up and down, 3 for a cell (continuous at its lower end), 1 for a
        kink."""
        grid = self.grid
        return grid.d * (4 + 3 * grid.steps) + 4 + grid.d + 4 * self.counts.bumps

    @property
    def dense(self) -> int:
        """Parameters of a stock transformer of these blocks: 2 heads of size 1 with a bias of the query, 4 ReLUs with
        biases, a bias of the output; and the positional encoding."""
        d = self.grid.d
        block = 2 * (4 * d + 1) + 4 * (2 * d + 1) + d
        return self.blocks * block + (self.grid.n * d if self.positional else 0)

    @property
    def nonzero(self) -> int:
        """Those of them that are not 0, if no entry of a bump's output is 0."""
        d, counts = self.grid.d, self.counts
        attention = counts.selective * 2 * (3 * d + 2) + 2 * d + 2
        # ReLUs at 0 have no bias: one of those for the outside, one of the cell at 0, all that cut off negatives.
        quantising = d * (11 + 9 * self.grid.steps - 1)
        dismissing = 4 * (2 * d + 1) + d + 2 * d
        encoding = (self.grid.n - 1) * d if self.positional else 0
        return attention + quantising + dismissing + 4 * (2 * d + 1) * counts.bumps + encoding

    @cached_property
    def largest_id(self) -> int:
        """The largest id of a sequence that the network tells apart.

        x_n grows with a_n and falls as any other a_j grows; positional encoding leaves each column its own range.
        """
        grid = self.grid
        cells = grid.delta.denominator
        others = range(grid.n - 1)
        lowest = [k * cells * sum(grid.direction) if self.positional else k for k in others]
        return ids(grid, [*lowest, grid.columns - 1])[grid.columns - 1]

    @cached_property
    def id_bits(self) -> Between:
        """Significand bits that hold every id exactly.

        D even: the parity of an id is that of its label, so the largest, with the label D-1, is odd.
        D odd: x_j has the parity of x_(j-1), so x_j + G x_n is even; ids near the largest give a lower bound.
        """
        length = self.largest_id.bit_length()
        if self.grid.columns % 2 == 0:
            return Between(length, length)
        return Between(max(map(significand_bits, self._late_ids())), length - 1)

    def _late_ids(self) -> list[int]:
        """Ids of a few sequences that lie near the largest one."""
        grid, top = self.grid, self.grid.columns - 1
        if self.positional:
            cells = grid.delta.denominator
            first = tuple(k * cells * sum(grid.direction) for k in range(grid.n - 1))
            return ids_of(grid, [(*first, top - k) for k in range(min(cells, LATE))])
        found: list[Numbers] = []
        for skipped in range(min(grid.n, LATE, grid.columns - grid.n + 1)):
            # 0, .., n-1 without one of the last: the smallest labels beside D-1 and D-2.
            lowest = [k for k in range(grid.n) if k != grid.n - 1 - skipped]
            found += [(*lowest, last) for last in (top, top - 1) if last > lowest[-1]]
        return ids_of(grid, found)

    @property
    def distinct_bits(self) -> int | None:
        """No fewer significand bits keep the ids of one sequence distinct: G < 2^p (*gap*); None for n = 2."""
        return global_factor(self.grid).bit_length() if self.grid.n >= 3 else None

    @cached_property
    def parameters(self) -> tuple[Parameters, ...]:
        """Every kind, in the order of `Kind`."""
        grid, steps, columns = self.grid, self.grid.steps, self.grid.columns
        unit = grid.delta.denominator
        high = int(interval(grid).high * unit)
        away = steps ** (grid.n * grid.d + 1)
        down = int((largest_entry(grid) + 1) * unit)
        lead = self.largest_id - (columns - steps)  # the first coordinate of the column with the largest id
        half = Fraction(1, 2)
        return (
            Parameters(Kind.CELL, Fraction(steps), (steps - 1 + steps % 2).bit_length()),
            Parameters(Kind.OUTSIDE, Fraction(away), significand_bits(away)),
            Parameters(Kind.LABEL, Fraction(grid.direction[-1]), significand_bits(grid.direction[-1])),
            Parameters(Kind.THRESHOLD, columns - half, (2 * columns - 1).bit_length()),
            Parameters(Kind.SELECTIVE, Fraction(columns), significand_bits(columns)),
            Parameters(Kind.GLOBAL, Fraction(global_factor(grid)), significand_bits(global_factor(grid))),
            Parameters(Kind.INTERVAL, high + half, (2 * high + 1).bit_length()),
            Parameters(Kind.DISMISSAL, Fraction(down), significand_bits(down)),
            Parameters(Kind.BUMP_OFFSET, Fraction(self.largest_id), self.id_bits.most),
            Parameters(Kind.BUMP_OUTPUT, Fraction(lead), lead.bit_length()),
        )

    @property
    def largest(self) -> Parameters:
        """The kind with the largest magnitude."""
        return max(self.parameters, key=lambda one: one.largest)

    @property
    def bound_parameters(self) -> tuple[Parameters, ...]:
        """All except the dismissal's: any larger number does as well, so its bits are a matter of choice."""
        return tuple(one for one in self.parameters if one.kind is not Kind.DISMISSAL)

    @property
    def needed_bits(self) -> int:
        """Significand bits that hold all `bound_parameters`."""
        return max(one.significand for one in self.bound_parameters)

    @property
    def weights(self) -> Bits:
        """The bits that all parameters need, the fewest possible: a bump needs no more than the upper end of the
        interval, 2 t_r + 1 odd, because nothing in it is beyond t_r."""
        bits = max(one.significand for one in self.parameters)
        return Bits(bits, -1, int(self.largest.largest).bit_length() - 1)

    @property
    def activations(self) -> Bits:
        """The bits that labels and ids need at most, from 1 up."""
        return Bits(self.id_bits.most, 0, self.largest_id.bit_length() - 1)


def softmax_factor(cost: Cost) -> int | None:
    """lambda: the smallest power of two certified to keep softmax's ids within delta/4; None if there is none.

    It multiplies scores of labels in the units of the inputs, so it is lambda delta^2 in units of delta.
    """
    try:
        return smallest_factor(cost.grid, cost.counts.selective, cost.grid.delta / 4)[0]
    except StandardFormError:
        return None
