"""Which number formats can hold the ids of a grid, and from which delta on one cannot.

Ids are taken in units of delta, where they are integers: the network with all lengths times 1/delta.  *Exact*: every
id is a value of the format.  *Distinct*: every id rounds, to nearest even, to another value and none overflows; without
that no later layer can tell them apart.

Why no format holds all grids.  The ids of a sequence lie in an interval of length < x_n at D^(n+1) x_n.  Above 2^p
x_n a format with p significand bits has gaps of more than x_n, so from D^(n+1) >= 2^p on these n ids round to at most
two values: n >= 3 ids collide (*gap*).  For any n, there are n C(D, n) ids, and a format has only so many values
(*count*); and the least id grows beyond the largest value (*range*).  Each of these holds for every smaller delta,
too.  The grids in between are decided one by one, by rounding all ids or by one pair that collides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import comb

from exactformer.constructions.contextual.contextual_mapping import ids
from exactformer.constructions.contextual.grid import Grid
from exactformer.constructions.contextual.value_mapping import Numbers, classes
from exactformer.verify.arithmetic.formats import (
    BF16,
    E4M3FN,
    E5M2,
    FP16,
    FP32,
    FixedFormat,
    FloatFormat,
    Format,
    FormatOverflow,
    is_representable,
    round_to,
)
from exactformer.verify.contextual.approximation import Approximation
from exactformer.verify.contextual.beyond import least_number
from exactformer.verify.contextual.lemma6 import GridTooLarge

MOST_IDS = 200_000
FIRST = 64
NAMED = (FP32, BF16, FP16, E4M3FN, E5M2)


@dataclass(frozen=True)
class Holds:
    """Every id rounds to a value of its own; `exact`: to itself."""

    exact: bool


@dataclass(frozen=True)
class CannotHold:
    """Ids collide or overflow: the instance, in units of delta."""

    instance: str


def can_hold(grid: Grid, number_format: Format) -> Holds | CannotHold:
    """Round ids: a few that are likely to collide, then all.  Raises GridTooLarge if there are too many."""
    found = _collision(number_format, _likely(grid))
    if found is not None:
        return CannotHold(found)
    if grid.n * comb(grid.columns, grid.n) > MOST_IDS:
        raise GridTooLarge(f"more than {MOST_IDS} ids")
    return holds_all(number_format, ids_of(grid, classes(grid)))


def ids_of(grid: Grid, sequences: Iterable[Numbers]) -> list[int]:
    """The ids of these sequences, ascending, in units of delta."""
    return sorted({identity for numbers in sequences for identity in ids(grid, numbers).values()})


def holds_all(number_format: Format, ascending: list[int]) -> Holds | CannotHold:
    """Whether the format can hold these ids."""
    found = _collision(number_format, ascending)
    if found is not None:
        return CannotHold(found)
    return Holds(all(is_representable(number_format, Fraction(one)) for one in ascending))


def formats_for(approximation: Approximation) -> Iterator[tuple[FloatFormat, Holds | CannotHold | None]]:
    """For each named format, whether it can hold the ids that the approximation tells apart; None: not decided.

    If there are more than MOST_IDS ids, only those of the first sequences are looked at, so only `CannotHold` is found.
    """
    grid = approximation.grid
    few = approximation.counts.bumps <= MOST_IDS
    some = ids_of(grid, approximation.sequences() if few else approximation.first_sequences(FIRST))
    for number_format in NAMED:
        found = holds_all(number_format, some)
        yield number_format, found if few or isinstance(found, CannotHold) else None


def _likely(grid: Grid) -> list[int]:
    """Ids of the first sequences and of the last ones: whole sequences, whose ids lie close together."""
    top = grid.columns - 1
    tried: list[Iterable[int]] = []
    for k in range(min(8, grid.columns - grid.n + 1)):
        tried += [range(k, k + grid.n), [*range(grid.n - 1), top - k], range(top - k - grid.n + 1, top - k + 1)]
    return ids_of(grid, (tuple(numbers) for numbers in tried))


def _collision(number_format: Format, numbers: list[int]) -> str | None:
    """Two neighbours of an ascending list that round to the same value, or one that overflows."""
    before: tuple[int, Fraction] | None = None
    for number in numbers:
        try:
            rounded = round_to(number_format, Fraction(number))
        except FormatOverflow:
            return f"the id {number} is beyond {number_format.name}"
        if before is not None and before[1] == rounded:
            return f"the ids {before[0]} and {number} both round to {rounded}"
        before = number, rounded
    return None


@dataclass(frozen=True)
class Limit:
    """Grids (n, d, 1/m): those with m in `holding` can be held, no others; `exact`: those whose ids are values.

    proved_from: from this m on all grids are decided at once, by `because`; below it each m was decided.
    """

    n: int
    d: int
    number_format: Format
    holding: tuple[int, ...]
    exact: tuple[int, ...]
    proved_from: int
    because: str

    @property
    def none_from(self) -> int:
        """The m = 1/delta from which on no grid can be held."""
        return self.holding[-1] + 1 if self.holding else 2


def limit(n: int, d: int, number_format: Format) -> Limit:
    """Decide every 1/delta.  Raises GridTooLarge if one that the proof does not cover has too many ids."""
    holding, exact = list[int](), list[int]()
    for m, reason in _sizes(n, d, number_format):
        if reason is not None:
            return Limit(n, d, number_format, tuple(holding), tuple(exact), m, reason)
        found = can_hold(Grid(n, d, Fraction(1, m)), number_format)
        if isinstance(found, Holds):
            holding.append(m)
            exact += [m] * found.exact
    raise GridTooLarge("no end was found")


def _sizes(n: int, d: int, number_format: Format) -> Iterator[tuple[int, str | None]]:
    """m = 2, 3, .., each with the reason why no grid from this m on can be held, once there is one."""
    m = 2
    while True:
        columns = m**d
        if columns >= n:
            grid = Grid(n, d, Fraction(1, m))
            yield m, reason_against(grid, number_format, n * comb(columns, n))
        m += 1


def reason_against(grid: Grid, number_format: Format, count: int) -> str | None:
    """Why a grid with this many ids to tell apart cannot be held, by *range*, *gap* or *count*; None: none of them."""
    columns, n = grid.columns, grid.n
    factor = columns ** (n + 1)
    if factor * least_number(grid) >= 2 * number_format.max_finite:
        return "range: t_l is beyond the largest value"
    if isinstance(number_format, FixedFormat):
        return None
    if n >= 3 and factor >= 1 << number_format.precision:
        return f"gap: D^(n+1) >= 2^{number_format.precision}, so the n ids of a sequence round to two values"
    values = (number_format.emax - number_format.emin + 2) << (number_format.precision - 1)
    if count > values:
        return f"count: more ids than the format's {values} values from 0 on"
    return None
