"""Which neurons a drift can change, and by how much they change a coordinate together (DRIFT 4).

Words:
    reach      how far the pre-activation of a neuron may be from its hardmax value t
    touched    a neuron that a drift may change: reach > 0 and top + reach > 0, top the largest t
    block      inputs from one register: their places among all inputs, and the forms of the register there
    change     relu(t') - relu(t), for |t' - t| <= reach
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.drift.forms import LARGEST, SMALLEST, VALUES, Form
from exactformer.certificates.checker.weights import Ints

SUMS_AT_ONCE = 2**23
"""How many sums of two neurons' weights, for each input of one register, are computed at once."""
MOST_COMPARED = 2**11
"""If more neurons than this may change a coordinate, all are counted together."""
MOST_BY_CASES = 8
MOST_INPUTS = 13
MOST_COMBINATIONS = 2**12
"""The most neurons, inputs of one register, and combinations of values for `by_cases`."""

Bools: TypeAlias = NDArray[np.bool_]
Block: TypeAlias = tuple[tuple[int, ...], tuple[Form, ...]]


@dataclass(frozen=True)
class Neurons:
    """Neurons at the tokens of a class: row n of ``weights`` has one entry for each input, summed where there are two.

    ``drifts`` are those of the inputs.
    """

    bias: Ints
    weights: Ints
    blocks: tuple[Block, ...]
    drifts: tuple[Fraction, ...]

    def some(self, rows: Ints) -> Neurons:
        """Some of the neurons."""
        return Neurons(self.bias[rows], self.weights[rows], self.blocks, self.drifts)

    def top(self) -> Ints:
        """The largest t: registers are looked at one by one, so some choice of their forms attains it."""
        return self.bias + sum((_largest(self.weights, block) for block in self.blocks), np.zeros_like(self.bias))

    def reach(self) -> list[Fraction]:
        """The sums of |weight| times drift."""
        kinds = sorted(set(self.drifts) - {Fraction(0)})
        counts = [
            np.abs(self.weights[:, [drift == kind for drift in self.drifts]]).sum(axis=1).tolist() for kind in kinds
        ]
        rows = zip(*counts, strict=True) if kinds else [()] * len(self.bias)
        return [sum((kind * count for kind, count in zip(kinds, row, strict=True)), Fraction(0)) for row in rows]

    def least(self) -> Ints:
        """The least t that is not negative: 1 where t is odd, else 0.

        No input is 0 in any form, so all are -1 or 1, and t has the parity of bias plus weights.
        """
        may_be_0 = np.zeros(self.weights.shape[1], dtype=bool)
        for places, forms in self.blocks:
            may_be_0[list(places)] = [any(0 in VALUES[form[place]] for form in forms) for place in range(len(places))]
        only_signs = ~((self.weights != 0) & may_be_0).any(axis=1)
        return np.where(only_signs, (self.bias + self.weights.sum(axis=1)) % 2, 0)


def _largest(weights: Ints, block: Block) -> Ints:
    """The largest sum of weight times input over the forms of one register; ``weights`` end with the inputs' axis."""
    found: Ints | None = None
    for form in block[1]:
        total = np.zeros(weights.shape[:-1], np.int64)
        for place, code in zip(block[0], form, strict=True):
            total += _most(weights[..., place], code)
        found = total if found is None else np.maximum(found, total)
    return np.zeros(weights.shape[:-1], np.int64) if found is None else found


def _most(weights: Ints, code: int) -> Ints:
    """The largest weight times input, of inputs that can be this."""
    return np.maximum(weights * LARGEST[code], weights * SMALLEST[code])


def together(neurons: Neurons, reach: Sequence[Fraction], deadline: Deadline) -> Bools:
    """Which pairs may change at one token.

    A neuron changes only if t > -reach. If reach < 1, t is an integer, so t >= 0, and at least ``least``. Hence two of
    reach < 1 change only if t_i + t_j can be at least the sum of both.
    """
    n, least = len(neurons.bias), neurons.least()
    far = np.array([value >= 1 for value in reach], dtype=bool)
    found: Bools = far[:, None] | far[None, :] | np.eye(n, dtype=bool)
    used = np.flatnonzero((neurons.weights != 0).any(axis=0)).tolist()
    widest = max((len(places) for places, _ in neurons.blocks), default=1)
    step = max(1, SUMS_AT_ONCE // (n * widest))
    for start in range(0, n, step):
        deadline.left("drift")
        rows = slice(start, start + step)
        needed = least[rows, None] + least[None, :]
        sums = neurons.bias[rows, None] + neurons.bias[None, :]
        for places, forms in neurons.blocks:
            kept = [number for number, place in enumerate(places) if place in used]
            pairs = {
                place: neurons.weights[rows, None, place] + neurons.weights[None, :, place]
                for place in (places[number] for number in kept)
            }
            best: Ints | None = None
            for form in sorted({bytes(form[number] for number in kept) for form in forms}):
                total = np.zeros_like(sums)
                for number, code in zip(kept, form, strict=True):
                    total += _most(pairs[places[number]], code)
                best = total if best is None else np.maximum(best, total)
            if best is not None:
                sums = sums + best
        found[rows] |= sums >= needed
    return found


def by_pairs(pairs: Bools | None, costs: Sequence[Fraction]) -> Fraction:
    """The largest sum of the costs of neurons that may change together with one of them, itself included.

    If some neurons change, take any of them: all others are among those that may change together with it. Without
    ``pairs`` all may.
    """
    if pairs is None:
        return sum(costs, Fraction(0))
    kinds = sorted(set(costs))
    counts = np.stack([pairs[:, [cost == kind for cost in costs]].sum(axis=1) for kind in kinds], axis=1)
    return max(
        sum((kind * count for kind, count in zip(kinds, row, strict=True)), Fraction(0))
        for row in np.unique(counts, axis=0).tolist()
    )


@lru_cache(maxsize=2**14)
def by_cases(
    bias: tuple[int, ...],
    weights: tuple[tuple[int, ...], ...],
    out: tuple[int, ...],
    drifts: tuple[Fraction, ...],
    blocks: tuple[Block, ...],
    own: int | None,
    own_drift: Fraction,
) -> Fraction | None:
    """How far a coordinate that these touched neurons write may be from its hardmax value; None if it is too much.

    ``own`` is the place of the coordinate among the inputs, if it is one. Only the t of all neurons matter: so these
    are collected, register by register, each of whose vectors may occur with each of another one.
    """
    sums, combinations = {bias}, 1
    for places, forms in blocks:
        if len(places) > MOST_INPUTS:
            return None
        if any(prod(len(VALUES[code]) for code in form) > MOST_COMBINATIONS for form in forms):
            return None
        vectors = {vector for form in forms for vector in product(*(VALUES[code] for code in form))}
        combinations *= len(vectors)
        if combinations > MOST_COMBINATIONS:
            return None
        rows = [[row[place] for place in places] for row in weights]
        added = {tuple(sum(w * x for w, x in zip(row, vector, strict=True)) for row in rows) for vector in vectors}
        sums = {tuple(a + b for a, b in zip(t, more, strict=True)) for t in sums for more in added}
    return max(_at(t, weights, out, drifts, own, own_drift) for t in sums)


def _at(
    t: Sequence[int],
    weights: Sequence[Sequence[int]],
    out: Sequence[int],
    drifts: Sequence[Fraction],
    own: int | None,
    own_drift: Fraction,
) -> Fraction:
    """The same bound if pre-activations are t in the hardmax transformer.

    t <= -reach: the neuron stays 0. t >= reach: its change is w . delta, with delta the drifts of the inputs as they
    are. t = 0: its change is relu(w . delta), that is w . delta or 0, by the sign of w . delta, which w and -w share;
    other signs may be anything. Else it changes by at most reach. Slopes count what all of these and the coordinate
    itself add times each delta, so that what cancels does.
    """
    moving = [place for place, drift in enumerate(drifts) if drift]
    slopes, rest = dict.fromkeys(moving, 0), Fraction(0)
    if own is None or not drifts[own]:
        rest = own_drift
    else:
        slopes[own] += 1
    switched: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for value, row, factor in zip(t, weights, out, strict=True):
        reach = sum((abs(row[place]) * drifts[place] for place in moving), Fraction(0))
        if value >= reach:
            for place in moving:
                slopes[place] += factor * row[place]
        elif value == 0:
            way = tuple(row[place] for place in moving)
            opposite = tuple(-weight for weight in way)
            switched.setdefault(max(way, opposite), []).append((1 if way >= opposite else -1, factor))
        elif value > -reach:
            rest += abs(factor) * reach
    largest = Fraction(0)
    for signs in product((1, -1), repeat=len(switched)):
        here = dict(slopes)
        for sign, (way, neurons) in zip(signs, switched.items(), strict=True):
            for side, factor in neurons:
                if side == sign:
                    for place, weight in zip(moving, way, strict=True):
                        here[place] += factor * side * weight
        largest = max(largest, sum((abs(slope) * drifts[place] for place, slope in here.items()), Fraction(0)))
    return largest + rest
