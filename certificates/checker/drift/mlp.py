"""MLPs on activations that drift (DRIFT 4): which coordinates change, class by class, layer by layer.

What a neuron adds to a coordinate changes only if a drift touches the neuron. There are two sound bounds; the smaller
one counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.drift.forms import Drifts, Form, Held
from exactformer.certificates.checker.drift.neurons import (
    MOST_BY_CASES,
    MOST_COMPARED,
    Block,
    Neurons,
    by_cases,
    by_pairs,
    together,
)
from exactformer.certificates.checker.weights import Ints, Mlp, Network

MOST_WEIGHTS = 2**24
"""The most weights, zeros included, of the neurons of a layer that read what drifts."""


def behind_mlp(
    mlp: Mlp, network: Network, held: Mapping[str, Held], drifts: Mapping[str, Drifts], deadline: Deadline
) -> dict[str, Drifts]:
    """The drifts of the exact sums of x and what neurons add, for each class; ``held`` and ``drifts`` are before it."""
    return {cls: _of_class(mlp, network, held[cls], before, deadline) for cls, before in drifts.items()}


def _of_class(mlp: Mlp, network: Network, held: Held, before: Drifts, deadline: Deadline) -> Drifts:
    behind = list(before)
    found = _touched(mlp, network, held, before)
    if found is None:
        return behind
    rows, inputs, neurons, reach = found
    number = np.full(len(mlp.bias), -1)
    number[rows] = np.arange(len(rows))
    all_pairs = together(neurons, reach, deadline) if len(rows) <= 2 * MOST_COMPARED else None
    start = mlp.out_of.start
    for coordinate in range(len(behind)):
        deadline.left("drift")
        entries = slice(int(start[coordinate]), int(start[coordinate + 1]))
        which = number[mlp.out_of.index[entries]]
        which, factors = which[which >= 0], mlp.out_of.weight[entries][which >= 0].tolist()
        if len(which):
            costs = [abs(factor) * reach[n] for factor, n in zip(factors, which.tolist(), strict=True)]
            pairs = None
            if len(which) <= MOST_COMPARED:
                some = [reach[n] for n in which.tolist()]
                pairs = (
                    together(neurons.some(which), some, deadline)
                    if all_pairs is None
                    else all_pairs[np.ix_(which, which)]
                )
            bounds = [before[coordinate] + by_pairs(pairs, costs)]
            if len(which) <= MOST_BY_CASES:
                own = inputs.index(coordinate) if coordinate in inputs else None
                bounds += _by_cases(neurons.some(which), factors, own, before[coordinate])
            behind[coordinate] = min(bounds)
    return behind


def _touched(
    mlp: Mlp, network: Network, held: Held, before: Drifts
) -> tuple[Ints, list[int], Neurons, list[Fraction]] | None:
    """The touched neurons of a layer, the coordinates that they read, what these hold, and how far the neurons
    reach."""
    drifting = np.array([drift != 0 for drift in before], dtype=bool)
    row = np.repeat(np.arange(len(mlp.bias)), np.diff(mlp.into.start))
    rows = np.unique(row[drifting[mlp.into.index]])
    if not len(rows):
        return None
    into = mlp.into.some_rows(rows)
    inputs, column = np.unique(into.index, return_inverse=True)
    if len(rows) * len(inputs) > MOST_WEIGHTS:
        raise TooLarge(f"drift: {len(rows)} neurons read {len(inputs)} coordinates; {MOST_WEIGHTS} weights are kept")
    weights = np.zeros((len(rows), len(inputs)), np.int64)
    np.add.at(weights, (np.repeat(np.arange(len(rows)), np.diff(into.start)), column.reshape(-1)), into.weight)
    places: dict[str, list[tuple[int, int]]] = {}
    for number, coordinate in enumerate(inputs.tolist()):
        register, _, place = network.places[coordinate]
        places.setdefault(register, []).append((number, place))
    blocks = tuple(
        _block([number for number, _ in found], [place for _, place in found], held[register])
        for register, found in places.items()
    )
    neurons = Neurons(mlp.bias[rows], weights, blocks, tuple(before[coordinate] for coordinate in inputs.tolist()))
    reach = neurons.reach()
    touched = [
        number
        for number, (far, top) in enumerate(zip(reach, neurons.top().tolist(), strict=True))
        if far > 0 and top + far > 0
    ]
    if not touched:
        return None
    return rows[touched], inputs.tolist(), neurons.some(np.array(touched)), [reach[number] for number in touched]


def _block(numbers: Sequence[int], places: Sequence[int], forms: Sequence[Form]) -> Block:
    """The forms of a register, at some of its coordinates."""
    return tuple(numbers), tuple(sorted({bytes(form[place] for place in places) for form in forms}))


def _by_cases(neurons: Neurons, factors: Sequence[int], own: int | None, own_drift: Fraction) -> list[Fraction]:
    """The second bound of DRIFT 4, if it is computed; only what these neurons read counts as an input."""
    used = np.flatnonzero((neurons.weights != 0).any(axis=0)).tolist()
    renumbered = {place: number for number, place in enumerate(used)}
    blocks = list[Block]()
    for numbers, forms in neurons.blocks:
        kept = [place for place, number in enumerate(numbers) if number in renumbered]
        if kept:
            blocks.append(_block([renumbered[numbers[place]] for place in kept], kept, forms))
    found = by_cases(
        tuple(neurons.bias.tolist()),
        tuple(map(tuple, neurons.weights[:, used].tolist())),
        tuple(factors),
        tuple(neurons.drifts[place] for place in used),
        tuple(blocks),
        renumbered.get(own) if own is not None else None,
        own_drift,
    )
    return [] if found is None else [found]
