"""Lemma 6 on one grid, by running the attention layers on every quantised input: all (1/delta + 1)^(dn) sequences.

What is checked about the ids that the layers give (u^T of each column after them):

1. ids are distinct within a proper sequence;
2. ids are distinct between proper sequences that are not permutations of each other (and permuted with them);
3. ids of proper sequences lie in [t_l, t_r], exactly: both ends are attained, and are what `interval` says;
4. ids of all other quantised sequences lie outside [t_l, t_r];
5. no selective shift moves a column twice, and none moves a column with a coordinate outside;
6. ids of proper sequences are those of the closed form (`constructions.contextual.contextual_mapping`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.contextual.contextual_mapping import interval, largest_magnitude, selective_shifts
from exactformer.constructions.contextual.global_shift import global_factor, global_shift
from exactformer.constructions.contextual.grid import Grid
from exactformer.constructions.contextual.layers import AttentionLayer
from exactformer.verify.contextual.labels import LayerError, Numbers, as_integers, outside_numbers, run_layers

MOST_SEQUENCES = 3_000_000


class GridTooLarge(ValueError):
    """A grid with more sequences than can be looked at one by one."""


@dataclass(frozen=True)
class Contextual:
    """Lemma 6 holds on this grid.  sequences: all that were run; proper: those with distinct grid columns.

    ids: how many different ones proper sequences have, n * C(steps^d, n); t_l and t_r are attained.
    """

    grid: Grid
    sequences: int
    proper: int
    ids: int
    t_l: Fraction
    t_r: Fraction


@dataclass(frozen=True)
class Fails:
    """A part of Lemma 6 that does not hold, with the exact instance.  part: its number above."""

    grid: Grid
    part: int
    instance: str


def sequences_of(grid: Grid) -> int:
    """All quantised sequences."""
    return int((grid.steps + 1) ** (grid.n * grid.d))


def check_lemma6(
    grid: Grid,
    shifts: Sequence[AttentionLayer] | None = None,
    last: AttentionLayer | None = None,
    most: int = MOST_SEQUENCES,
    by_closed_form: bool = True,
) -> Contextual | Fails:
    """Run the layers (the construction's, unless others are given) on every quantised sequence.

    by_closed_form: whether the ids and [t_l, t_r] have to be those of the closed form (6, and the ends in 3), too.
    Raises GridTooLarge beyond `most` sequences.

    >>> check_lemma6(Grid(2, 1, Fraction(1, 4)))
    Contextual(grid=Grid(n=2, d=1, delta=Fraction(1, 4), extent=1), sequences=25, proper=12, ids=12, \
t_l=Fraction(209, 1), t_r=Fraction(2535, 4))
    """
    if sequences_of(grid) > most:
        raise GridTooLarge(f"{sequences_of(grid)} sequences are more than {most}: use the proof for large grids")
    numbers = _all_sequences(grid)
    layers = selective_shifts(grid) if shifts is None else shifts
    try:
        selective = run_layers(grid, layers, as_integers(numbers, largest_magnitude(grid)))
        ids = run_layers(grid, [global_shift(grid) if last is None else last], selective.numbers).numbers
    except LayerError as error:
        return Fails(grid, 5, str(error))
    return _judge(grid, numbers, selective.times, ids, by_closed_form)


def _all_sequences(grid: Grid) -> NDArray[np.int64]:
    """Every sequence of quantised columns as numbers, shape (sequences, n)."""
    columns = np.array([*range(grid.columns), *outside_numbers(grid)], dtype=object)
    if max(map(abs, columns)) * 4 < 2**63:
        columns = columns.astype(np.int64)
    return np.stack(np.meshgrid(*[columns] * grid.n, indexing="ij"), axis=-1).reshape(-1, grid.n)


def proper_rows(numbers: Numbers) -> NDArray[np.bool_]:
    """Which sequences have distinct grid columns."""
    ordered = np.sort(numbers, axis=1)
    proper: NDArray[np.bool_] = ordered[:, 0] >= 0
    for k in range(1, numbers.shape[1]):
        proper = proper & (ordered[:, k] != ordered[:, k - 1])
    return proper


def _judge(
    grid: Grid, numbers: Numbers, times: NDArray[np.int64], ids: Numbers, by_closed_form: bool
) -> Contextual | Fails:
    twice = (times > 1) | ((times > 0) & (numbers < 0))
    if twice.any():
        row, k = np.argwhere(twice)[0]
        return Fails(grid, 5, f"{shown(numbers[row])}: column {k + 1} is shifted {times[row, k]} times")
    proper = proper_rows(numbers)
    inside, ours = numbers[proper], ids[proper]
    wrong = first_collision(inside, ours)
    if wrong is not None:
        return Fails(grid, *wrong)
    if by_closed_form and (ours != closed_form(grid, inside)).any():
        row = int(np.argwhere(ours != closed_form(grid, inside))[0][0])
        return Fails(grid, 6, f"{shown(inside[row])} has ids {shown(ours[row])}, not those of the closed form")
    low, high, stated = int(ours.min()), int(ours.max()), interval(grid)
    if by_closed_form and (low * grid.delta, high * grid.delta) != (stated.low, stated.high):
        return Fails(grid, 3, f"ids reach from {low} to {high} delta, not from {stated.low} to {stated.high}")
    others = (ids >= low) & (ids <= high) & ~proper[:, None]
    if others.any():
        row, k = np.argwhere(others)[0]
        return Fails(grid, 4, f"{shown(numbers[row])}: column {k + 1} has the id {ids[row, k]} in [{low}, {high}]")
    count = len(np.unique(ours))
    if count != grid.n * comb(grid.columns, grid.n):
        return Fails(grid, 2, f"{count} ids, not n C(D, n)")
    return Contextual(grid, len(numbers), len(inside), count, low * grid.delta, high * grid.delta)


def first_collision(numbers: Numbers, ids: Numbers) -> tuple[int, str] | None:
    """Columns whose ids should differ and do not (part 1 within a sequence, 2 between sequences), in words.

    Also, as part 2, one column of two permuted sequences that has two ids.
    """
    n = numbers.shape[1]
    ranked = np.sort(ids, axis=1)
    within = np.nonzero((ranked[:, 1:] == ranked[:, :-1]).any(axis=1))[0]
    if len(within):
        return 1, f"the columns of {shown(numbers[within[0]])} have ids {shown(ids[within[0]])}"
    classes = np.repeat(_classes(np.sort(numbers, axis=1)), n)
    values, number = ids.ravel(), numbers.ravel().astype(np.int64)
    by_id, by_place = np.argsort(values, kind="stable"), np.lexsort((number, classes))
    for order, should_agree in ((by_id, False), (by_place, True)):
        a, b = order[:-1], order[1:]
        same_id, same_place = values[a] == values[b], (classes[a] == classes[b]) & (number[a] == number[b])
        bad = np.nonzero(same_place & ~same_id if should_agree else same_id & ~same_place)[0]
        if len(bad):
            (row, k), (other, m) = (divmod(int(one[bad[0]]), n) for one in (a, b))
            return 2, (
                f"column {k + 1} of {shown(numbers[row])} has the id {ids[row, k]}, column {m + 1} of"
                f" {shown(numbers[other])} has {ids[other, m]}"
            )
    return None


def _classes(ordered: Numbers) -> NDArray[np.int64]:
    """One number per sequence, the same for permutations of it; ordered: each row ascending."""
    known: dict[tuple[int, ...], int] = {}
    return np.array([known.setdefault(tuple(row), len(known)) for row in ordered.tolist()], dtype=np.int64)


def closed_form(grid: Grid, numbers: Numbers) -> Numbers:
    """Ids of proper sequences by recursion: x_j = a_j + D (x_(j-1) - a_j), x_0 = a_n; id_j = x_j + D^(n+1) x_n."""
    bound = largest_magnitude(grid, with_outside=False)
    order = np.argsort(numbers, axis=1)
    a = as_integers(np.take_along_axis(numbers, order, axis=1), bound)
    x = np.empty_like(a)
    before = a[:, -1]
    for j in range(grid.n):
        before = a[:, j] + grid.columns * (before - a[:, j])
        x[:, j] = before
    found = np.empty_like(x)
    np.put_along_axis(found, order, x + global_factor(grid) * x[:, -1:], axis=1)
    return found


def shown(numbers: Numbers) -> str:
    """A sequence as its labels in units of delta."""
    return f"({', '.join(str(int(number)) for number in numbers)})"
