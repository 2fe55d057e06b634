"""What neurons add to coordinates, as formulas (SPEC 13.5).

Neurons that add to one coordinate mostly exclude each other: of two, one asks for a bit to be 1 and the other for it
to be 0. So those of a group add what one of them adds, or nothing; sums are over few groups.

Words:
    cube   a set of formulas that must all hold for a neuron to be 1
    group  cubes of which no two can hold at once
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from certificates.checker.document import Rejected
from certificates.checker.universal.formulas import (
    FALSE,
    Cases,
    Formula,
    atom,
    conjunction,
    disjunction,
    equal,
    literal,
    negation,
    same,
    summed,
    term,
    total,
)

Cube: TypeAlias = tuple[Formula, ...]

LARGEST_ACTIVATION = 8
"""Neurons that may be larger than this are not understood."""


@dataclass(frozen=True)
class Neuron:
    """The bias, coordinates with their weights, and for every place of the register what is added to it."""

    bias: int
    inputs: Sequence[tuple[Cases, int]]
    outputs: Sequence[tuple[int, int]]


@dataclass
class Definitions:
    """Names for formulas that occur more than once."""

    names: dict[Formula, Formula] = field(default_factory=dict)

    def name(self, formula: Formula) -> Formula:
        """An atom that is equivalent; formulas without operators stay."""
        if "(" not in formula.removeprefix("(not "):
            return formula
        return self.names.setdefault(formula, atom(f"defined {len(self.names)}"))

    def equations(self) -> list[Formula]:
        """What defines the names."""
        return [equal(name, formula) for formula, name in self.names.items()]


def activation(at: str, neuron: Neuron) -> list[Cube]:
    """relu of the pre-activation, as cubes for: it is more than 0, more than 1, ..

    >>> activation("", Neuron(-1, [({0: "(not |a|)", 1: "|a|"}, 1), ({-1: "(not |b|)", 1: "|b|"}, -1)], []))
    [('|a|', '(not |b|)')]
    """
    top = neuron.bias + sum(max(weight * value for value in cases) for cases, weight in neuron.inputs)
    if top > LARGEST_ACTIVATION:
        raise Rejected(at, f"a neuron of pre-activation up to {top} is beyond what this checker understands")
    if top == 1:
        best = (max(cases, key=lambda value: weight * value) for cases, weight in neuron.inputs)
        return [tuple(cases[value] for (cases, _), value in zip(neuron.inputs, best, strict=True))]
    sums = total([literal(neuron.bias), *(term(cases, weight) for cases, weight in neuron.inputs)])
    return [(f"(> {sums} {level})",) if neuron.inputs else () for level in range(top)]


def groups(cubes: Sequence[Cube]) -> list[list[int]]:
    """The cubes by their places, in groups: of any two in one, one has the negation of a formula of the other."""
    opposite = [frozenset(map(negation, cube)) for cube in cubes]
    found: list[list[int]] = []
    for place, cube in enumerate(cubes):
        fitting = (group for group in found if not any(opposite[other].isdisjoint(cube) for other in group))
        group = next(fitting, None)
        if group is None:
            found.append([place])
        else:
            group.append(place)
    return found


def claim(
    at: str, before: Sequence[Cases], neurons: Sequence[Neuron], after: Sequence[Cases]
) -> tuple[list[Formula], Formula]:
    """Definitions, and with them: before plus what the neurons add is after, in every coordinate."""
    added: dict[Cube, dict[int, int]] = {}
    for neuron in neurons:
        for cube in activation(at, neuron):
            sums = added.setdefault(cube, {})
            for place, factor in neuron.outputs:
                sums[place] = sums.get(place, 0) + factor
    known, cubes = Definitions(), list(added)
    holds = [known.name(conjunction(cube)) for cube in cubes]
    sums_by_group = [[(holds[number], added[cubes[number]]) for number in group] for group in groups(cubes)]
    claims = []
    for place, (first, last) in enumerate(zip(before, after, strict=True)):
        value = first
        for group in sums_by_group:
            parts = [(formula, sums[place]) for formula, sums in group if sums.get(place)]
            if parts:
                value = summed(value, _one_of(parts))
                value = {number: known.name(formula) for number, formula in value.items()}
        claims.append(same(value, last))
    return known.equations(), conjunction(claims)


def _one_of(parts: Sequence[tuple[Formula, int]]) -> Cases:
    """What a group adds: what the one that holds adds, or 0."""
    ways: dict[int, list[Formula]] = {}
    for formula, factor in parts:
        ways.setdefault(factor, []).append(formula)
    cases = {factor: disjunction(formulas) for factor, formulas in ways.items()}
    cases[0] = negation(disjunction(cases.values()))
    return {factor: formula for factor, formula in cases.items() if formula != FALSE}
