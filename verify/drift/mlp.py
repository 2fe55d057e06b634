"""How far what an MLP adds may be from what it adds nominally, if what it reads has drifted (SPEC 20.4).

A neuron is *touched* if it reads a coordinate that drifts and may be on.  With delta the drift of the coordinates it
reads, it gives relu(t + w . delta) in place of relu(t), t the integer that it reads nominally, *reach* the most that
w . delta can be.
Two bounds, of which the smaller counts:

    exact      few neurons: all nominal inputs, all signs of the w . delta where t = 0; cancellation is seen, such as
               that of x - relu(x) + relu(-x), which is 0 whatever x drifts to
    exclusive  many neurons, of which few can be on together: the transition table
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import ceil, prod

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.verify.drift.nominal import ONE, SIGN, ZERO, Registers
from exactformer.verify.drift.rounding import NONE

MOST_NEURONS = 8
MOST_INPUTS = 1 << 12
"""Limits of the exact bound."""
MOST_PAIRED = 1 << 11
"""Limit of the exclusive bound; beyond it all neurons count."""

Bools = NDArray[np.bool_]

Drifts = Mapping[int, Fraction]
"""Coordinate -> how far it may be from its nominal value; those left out do not drift."""


@dataclass(frozen=True)
class Touched:
    """A touched neuron: what it reads, and ``reach``, the most that w . delta can be."""

    inputs: tuple[tuple[int, int], ...]
    bias: int
    weight: int
    """Of its output to the coordinate in question."""
    reach: Fraction

    @cached_property
    def reach_up(self) -> int:
        """``reach``, rounded up: an integer is at least the one if it is at least the other."""
        return ceil(self.reach)


def drift_behind(neurons: Sequence[Neuron], registers: Registers, drifts: Drifts) -> dict[int, Fraction]:
    """The drift of each coordinate that drifts behind the MLP, before rounding."""
    writing: dict[int, list[Touched]] = defaultdict(list)
    for neuron in neurons:
        inputs = _each_once(neuron.inputs)
        reach = sum((abs(weight) * drifts.get(c, NONE) for c, weight in inputs), NONE)
        if reach and _top(inputs, neuron.bias, registers) + reach > 0:
            for coordinate, weight in neuron.outputs:
                writing[coordinate].append(Touched(inputs, neuron.bias, weight, reach))
    behind = {c: d for c, d in drifts.items() if d}
    for coordinate, touched in writing.items():
        own = drifts.get(coordinate, NONE)
        bounds = [own + _exclusive(touched, registers)]
        if len(touched) <= MOST_NEURONS:
            nominal = list(_nominal_inputs(touched, registers))
            if len(nominal) <= MOST_INPUTS:
                # Of many inputs, few differ in which neurons are on.
                found = {_states(touched, one) for one in nominal}
                bounds.append(max(_exact(coordinate, touched, states, drifts) for states in found))
        behind[coordinate] = min(bounds)
    return behind


def _top(inputs: Sequence[tuple[int, int]], bias: int, registers: Registers) -> int:
    """The largest nominal pre-activation: per register, the largest sum over its forms."""
    by_register: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for c, weight in inputs:
        by_register[registers.offset(c)][c] += weight
    return bias + sum(
        max(
            sum(max(weight * value for value in form[c - offset]) for c, weight in terms.items())
            for form in registers.forms(offset)
        )
        for offset, terms in by_register.items()
    )


def _exclusive(touched: Sequence[Touched], registers: Registers) -> Fraction:
    """At most the touched neurons that can be on together with some one neuron change their result.

    A neuron with reach < 1 changes only if nominally t >= 0, for t <= -1 keeps it off; t >= 1 if t is odd.
    """
    if len(touched) > MOST_PAIRED:
        return sum((abs(one.weight) * one.reach for one in touched), NONE)
    together = _can_be_on_together([(one.inputs, one.bias) for one in touched], registers)
    amounts = [abs(one.weight) * one.reach for one in touched]
    different = sorted(set(amounts))
    group = np.array([different.index(amount) for amount in amounts])
    blunt = np.array([one.reach >= 1 for one in touched])
    together |= blunt[:, None] | blunt[None, :]
    counts = np.stack([together[:, group == g].sum(axis=1) for g in range(len(different))], axis=1)
    return max(
        sum((int(n) * amount for n, amount in zip(row, different, strict=True)), NONE)
        for row in np.unique(counts, axis=0)
    )


def _can_be_on_together(sums: Sequence[tuple[Sequence[tuple[int, int]], int]], registers: Registers) -> Bools:
    """[i, j]: whether t_i >= 0 and t_j >= 0 are possible at once: if not, t_i + t_j < 0 or one of them is less than it
    can be by parity.

    The largest t_i + t_j is the sum, over registers, of the largest over forms of what its coordinates add.
    """
    columns = {c: number for number, c in enumerate(sorted({c for inputs, _ in sums for c, _ in inputs}))}
    weights = np.zeros((len(sums), len(columns)), np.int64)
    for row, (inputs, _) in enumerate(sums):
        for c, weight in inputs:
            weights[row, columns[c]] += weight
    bias = np.array([bias for _, bias in sums], np.int64)
    most = bias[:, None] + bias[None, :]
    by_register: dict[int, list[int]] = defaultdict(list)
    for c in columns:
        by_register[registers.offset(c)].append(c)
    odd = np.full(len(sums), True)
    for offset, listed in by_register.items():
        over_forms = []
        for form in registers.forms(offset):
            added = np.zeros_like(most)
            for c in listed:
                both = weights[:, columns[c], None] + weights[None, :, columns[c]]
                added += {SIGN: abs(both), ONE: both, ZERO: 0 * both}[form[c - offset]]
            over_forms.append(added)
        most += np.max(over_forms, axis=0)
        for c in listed:
            if any(form[c - offset] == ZERO for form in registers.forms(offset)):
                odd &= weights[:, columns[c]] == 0
    least = (odd & ((weights.sum(axis=1) + bias) % 2 == 1)).astype(np.int64)
    together: Bools = most >= least[:, None] + least[None, :]
    return together


def _nominal_inputs(touched: Sequence[Touched], registers: Registers) -> Iterator[dict[int, int]]:
    """All nominal values of what the neurons read; those of the first MOST_INPUTS + 1 if there are more."""
    coordinates = sorted({c for one in touched for c, _ in one.inputs})
    by_register: dict[int, list[int]] = defaultdict(list)
    for c in coordinates:
        by_register[registers.offset(c)].append(c)
    choices = [
        sorted(
            {
                tuple(zip(listed, values, strict=True))
                for form in registers.forms(offset)
                for values in product(*(form[c - offset] for c in listed))
            }
        )
        if len(listed) <= 13
        else None
        for offset, listed in by_register.items()
    ]
    if any(choice is None for choice in choices) or prod(len(c) for c in choices if c is not None) > MOST_INPUTS:
        yield from ({} for _ in range(MOST_INPUTS + 1))
        return
    for chosen in product(*(c for c in choices if c is not None)):
        yield {c: value for part in chosen for c, value in part}


class _State(Enum):
    """What a neuron does, whatever the drift: it is off, on, at 0 without drift, or one or the other."""

    OFF = auto()
    ON = auto()
    EDGE = auto()
    EITHER = auto()


def _states(touched: Sequence[Touched], nominal: Mapping[int, int]) -> tuple[_State, ...]:
    """Of each neuron, for these nominal values."""
    states = []
    for one in touched:
        t = one.bias + sum(weight * nominal[c] for c, weight in one.inputs)
        if t <= -one.reach_up:
            states.append(_State.OFF)
        elif t >= one.reach_up:
            states.append(_State.ON)
        else:
            states.append(_State.EDGE if t == 0 else _State.EITHER)
    return tuple(states)


def _exact(coordinate: int, touched: Sequence[Touched], states: Sequence[_State], drifts: Drifts) -> Fraction:
    """The largest change of the coordinate, where neurons are in these states without drift, and for any drift."""
    linear: dict[int, int] = defaultdict(int)
    linear[coordinate] += 1
    blunt = NONE
    edges: dict[tuple[tuple[int, int], ...], dict[int, int]] = defaultdict(lambda: {1: 0, -1: 0})
    for one, state in zip(touched, states, strict=True):
        if state is _State.OFF:
            continue
        slope = tuple((c, weight) for c, weight in one.inputs if drifts.get(c))
        if state is _State.ON:
            for c, weight in slope:
                linear[c] += one.weight * weight
        elif state is _State.EDGE and slope:
            sign = 1 if slope[0][1] > 0 else -1
            edges[tuple((c, sign * weight) for c, weight in slope)][sign] += one.weight
        else:
            blunt += abs(one.weight) * one.reach
    worst = NONE
    # Where w . delta >= 0 neurons along w are on and those along -w off; and conversely.
    for signs in product((1, -1), repeat=len(edges)):
        slopes = dict(linear)
        for sign, (direction, weights) in zip(signs, edges.items(), strict=True):
            for c, weight in direction:
                slopes[c] = slopes.get(c, 0) + sign * weights[sign] * weight
        worst = max(worst, sum((abs(slope) * drifts.get(c, NONE) for c, slope in slopes.items()), NONE))
    return worst + blunt


def _each_once(inputs: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """What a neuron reads, by coordinate; those whose weights cancel are left out."""
    weights: dict[int, int] = defaultdict(int)
    for c, weight in inputs:
        weights[c] += weight
    return tuple(sorted((c, weight) for c, weight in weights.items() if weight))
