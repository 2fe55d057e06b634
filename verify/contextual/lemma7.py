"""Lemma 7 on one grid: the value layers send each id to its output column, and every other column to 0.

A column is run through the layers exactly, but only through the bumps that can fire: a bump fires on labels within
delta/2 of its id, and ids are multiples of delta, so at most one id is that near.  `bump_places` makes sure that every
bump has this form.  After a bump has fired, the new label is looked at in the same way: the column may have been sent
to where a later bump fires.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import comb

from exactformer.constructions.contextual.contextual_mapping import ids
from exactformer.constructions.contextual.grid import Column, Grid
from exactformer.constructions.contextual.layers import constant_inside
from exactformer.constructions.contextual.value_mapping import ValueMapping
from exactformer.verify.contextual.labels import outside_numbers
from exactformer.verify.contextual.lemma6 import Fails

MOST_OTHERS = 20_000


@dataclass(frozen=True)
class MapsValues:
    """Lemma 7 holds for these outputs: `bumps` ids reach theirs, `others` columns of other sequences become 0.

    others: how many were run (all of a grid with at most MOST_OTHERS sequences, else none: then by Lemma 6, part 4).
    """

    grid: Grid
    layers: int
    bumps: int
    others: int
    lift: int


def bump_places(mapping: ValueMapping) -> Mapping[int, int]:
    """From the id of each bump, in units of delta, to its place.  Raises ValueError for a bump of another form."""
    half = mapping.grid.delta / 2
    near, u = constant_inside(-half, half, 1, 0), mapping.grid.direction
    found: dict[int, int] = {}
    for place, layer in enumerate(mapping.bumps):
        number = -layer.bias / mapping.grid.delta
        if number.denominator != 1 or layer.activation != near or tuple(layer.weights) != u or int(number) in found:
            raise ValueError(f"bump {place} is not a bump at a multiple of delta of its own")
        found[int(number)] = place
    return found


def run_bumps(mapping: ValueMapping, places: Mapping[int, int], column: Column) -> Column:
    """The column after all bumps."""
    done = -1
    while True:
        # The multiple of delta in (label - delta/2, label + delta/2], the only id that the label is near.
        number = (mapping.grid.label(column) / mapping.grid.delta + Fraction(1, 2)).__floor__()
        place = places.get(number, -1)
        if place <= done:
            return column
        column, done = mapping.bumps[place].on_column(column), place


def run_value_layers(mapping: ValueMapping, places: Mapping[int, int], column: Column) -> Column:
    """The column after all value layers."""
    for layer in mapping.dismissal:
        column = layer.on_column(column)
    column = run_bumps(mapping, places, column)
    for layer in mapping.restoring:
        column = layer.on_column(column)
    return column


def expected_layers(mapping: ValueMapping) -> int:
    """1 + d layers that dismiss, a bump per id, and one more layer if there is a lift."""
    return 1 + mapping.grid.d + len(mapping.entries) + (mapping.lift > 0)


def check_lemma7(mapping: ValueMapping) -> MapsValues | Fails:
    """Run every id's column, and on small grids every column of every other sequence."""
    grid = mapping.grid
    places = bump_places(mapping)
    for entry in mapping.entries:
        if not mapping.interval.low <= entry.id <= mapping.interval.high or grid.label(entry.behind) != entry.id:
            return Fails(grid, 7, f"the id {entry.id} is not that of its column, or outside [t_l, t_r]")
        found = run_value_layers(mapping, places, entry.behind)
        if found != entry.output:
            return Fails(grid, 7, f"the column with id {entry.id} becomes {_text(found)}, not {_text(entry.output)}")
    others = 0
    if (grid.steps + 1) ** (grid.n * grid.d) <= MOST_OTHERS:
        for column in _other_columns(grid):
            found = run_value_layers(mapping, places, column)
            if any(found):
                return Fails(grid, 7, f"{_text(column)} of a sequence that is not proper becomes {_text(found)}, not 0")
            others += 1
    if len(mapping.layers) != expected_layers(mapping):
        return Fails(grid, 7, f"{len(mapping.layers)} layers, not {expected_layers(mapping)}")
    return MapsValues(grid, len(mapping.layers), len(places), others, mapping.lift)


def _other_columns(grid: Grid) -> set[Column]:
    """The columns of all sequences that are not proper, after the contextual mapping."""
    columns = [*((number, grid.column(number)) for number in range(grid.columns))]
    outside = [column for column in grid.quantised_columns() if grid.outside in column]
    columns += zip(outside_numbers(grid), outside, strict=True)
    found = set()
    for sequence in product(columns, repeat=grid.n):
        numbers = [number for number, _ in sequence]
        if min(numbers) >= 0 and len(set(numbers)) == grid.n:
            continue
        behind = other_ids(grid, numbers)
        for number, (first, *rest) in sequence:
            found.add((first + (behind[number] - number) * grid.delta, *rest))
    return found


def other_ids(grid: Grid, numbers: list[int]) -> dict[int, int]:
    """From number to id, if some may be outside (negative): these stay the smallest, and are not shifted alone."""
    smallest = min(numbers)
    if smallest >= 0:
        return ids(grid, numbers)
    behind, largest = {number: number for number in numbers}, max(numbers)
    for number in sorted({number for number in numbers if number >= 0}):
        largest = number + grid.columns * (largest - smallest)
        behind[number] = largest
    return {number: x + grid.columns ** (grid.n + 1) * largest for number, x in behind.items()}


def stated_layers(grid: Grid) -> Fraction:
    """n (1/delta)^(dn) / n!, the number of value layers as stated; the exact number of ids is n C((1/delta)^d, n)."""
    orders = 1
    for k in range(1, grid.n + 1):
        orders *= k
    return Fraction(grid.n * grid.columns**grid.n, orders)


def number_of_ids(grid: Grid) -> int:
    """n C(steps^d, n)."""
    return grid.n * comb(grid.columns, grid.n)


def _text(column: Column) -> str:
    return f"({', '.join(map(str, column))})"
