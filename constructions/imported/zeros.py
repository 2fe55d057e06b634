"""Leaves out parts that are all 0: other tools fill up a layer's matrices to one shape, and these parts add nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.exact_matrices import HeadWeights, LayerWeights

Array: TypeAlias = NDArray[Any]
Flags: TypeAlias = NDArray[np.bool_]


def without_zeros(layer: LayerWeights) -> LayerWeights:
    """A layer whose matrices are arrays, without neurons, heads, query and key pairs, and values that are 0 throughout.

    A part with any number other than 0 stays.  So does a head whose queries and keys are 0: it takes means of values.
    Two entries that are rotated with each other both stay.
    """
    neurons, out = np.asarray(layer.neurons), np.asarray(layer.out)
    bias = _bias(layer.neurons_bias, neurons)
    used = _used(neurons, bias) | out.any(axis=0)
    if layer.gates is not None:
        gates = np.asarray(layer.gates)
        gates_bias = _bias(layer.gates_bias, gates)
        used |= _used(gates, gates_bias)
        layer = replace(layer, gates=gates[used], gates_bias=gates_bias[used])
    kept = [head for head in map(_trimmed, layer.heads) if _is_used(head)]
    return replace(layer, heads=kept, neurons=neurons[used], out=out[:, used], neurons_bias=bias[used])


def _trimmed(head: HeadWeights) -> HeadWeights:
    query, key, value, out = (np.asarray(part) for part in (head.query, head.key, head.value, head.out))
    query_bias, key_bias = _bias(head.query_bias, query), _bias(head.key_bias, key)
    value_bias = _bias(head.value_bias, value)
    asked = _used(query, query_bias) | _used(key, key_bias)
    for a, b, _ in head.rotary:  # each is made of both
        asked[[a, b]] = asked[a] | asked[b]
    given = _used(value, value_bias) | out.any(axis=0)
    place = np.cumsum(asked) - 1
    return replace(
        head,
        query=query[asked],
        key=key[asked],
        value=value[given],
        out=out[:, given],
        query_bias=query_bias[asked],
        key_bias=key_bias[asked],
        value_bias=value_bias[given],
        rotary=[(int(place[a]), int(place[b]), plane) for a, b, plane in head.rotary if asked[a]],
    )


def _is_used(head: HeadWeights) -> bool:
    """The rotations of a trimmed head."""
    return bool(len(np.asarray(head.query)) or len(np.asarray(head.value)) or np.any(np.asarray(head.out_bias)))


def _bias(bias: object, rows: Array) -> Array:
    return np.zeros(len(rows)) if bias is None else np.asarray(bias)


def _used(rows: Array, bias: Array) -> Flags:
    """Which forms are not 0."""
    found: Flags = rows.any(axis=1) | (bias != 0)
    return found
