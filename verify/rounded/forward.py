"""The forward pass of the softmax network in one arithmetic, sublayer by sublayer, in exact numbers (README.md).

attention   x <- rnd_A(x + sum over heads of o_h), each o_h a value of A, the sum exact
MLP         x <- rnd_A(x + MLP(x)), the MLP exact in the rationals
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.network import Layer, Mlp
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import Sublayer
from exactformer.verify.hardmax.mlp import PreparedMlp, mlp_delta
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.rounded.attention import Setting, head_output
from exactformer.verify.rounded.dyadic import SAFE, Dyadic, Numerators, compact, numerators_at, plus, rounded, whole


@dataclass(frozen=True)
class RoundedStage:
    """One sublayer done: the activations [d, n] after it, values of A."""

    layer: int
    sublayer: Sublayer
    after: Dyadic


def rounded_stages(prepared: PreparedNetwork, sequence: TokenSequence, setting: Setting) -> Iterator[RoundedStage]:
    """Every sublayer in turn, on what the network reads of the sequence.

    Raises FormatOverflow and Undecided: then nothing is known from this sublayer on.
    """
    network = prepared.network
    x = rounded(setting.model.activations, whole(embed(prepared, [sequence]).x))
    for number, (layer, mlp) in enumerate(zip(network.layers, prepared.mlps, strict=True), start=1):
        x = _attended(setting, layer, prepared.heads[number - 1].written, x, network.position_bits)
        yield RoundedStage(number, Sublayer.ATTENTION, x)
        x = _added(setting, x, mlp.written, mlp_output(layer.mlp, mlp, x))
        yield RoundedStage(number, Sublayer.MLP, x)


def _attended(setting: Setting, layer: Layer, written: NDArray[np.int64], x: Dyadic, position_bits: int) -> Dyadic:
    if not layer.heads:
        return x
    gained = whole(np.zeros((len(written), x.numerators.shape[1]), np.int64))
    place = {coordinate: row for row, coordinate in enumerate(written.tolist())}
    for head in layer.heads:
        output = head_output(setting, head, x, position_bits)
        for row, coordinate in enumerate(head.out):  # a coordinate may be listed twice
            spread = np.zeros(gained.numerators.shape, dtype=output.numerators.dtype)
            spread[place[coordinate]] = output.numerators[row]
            gained = plus(gained, Dyadic(spread, output.places))
    return _added(setting, x, written, gained)


def _added(setting: Setting, x: Dyadic, coordinates: NDArray[np.int64], gained: Dyadic) -> Dyadic:
    """x with ``gained`` added to the rows ``coordinates``, rounded to A."""
    if not len(coordinates):
        return x
    changed = rounded(setting.model.activations, plus(x[coordinates], gained))
    places = max(x.places, changed.places)
    rows = numerators_at(changed, places)
    total = numerators_at(x, places).copy()
    if rows.dtype == object:
        total = total.astype(object)
    total[coordinates] = rows
    return compact(Dyadic(total, places))


def mlp_output(mlp: Mlp, prepared: PreparedMlp, x: Dyadic) -> Dyadic:
    """[written coordinates, n]: what the MLP adds, exactly."""
    one = 1 << x.places
    size = np.abs(x.numerators)
    ternary = np.asarray(((size == 0) | (size == one)).all(axis=0), dtype=np.bool_)
    if ternary.all():
        return whole(mlp_delta(prepared, np.asarray(np.sign(x.numerators), dtype=np.int8)))
    others = np.flatnonzero(~ternary)
    exact = _wide(mlp, prepared, x[:, others])
    fast = mlp_delta(prepared, np.asarray(np.sign(x.numerators[:, ternary]), dtype=np.int8))
    total = np.zeros((len(prepared.written), x.numerators.shape[1]), dtype=exact.dtype)
    total[:, ternary] = numerators_at(whole(fast), x.places)
    total[:, others] = exact
    return Dyadic(total, x.places)


def _wide(mlp: Mlp, prepared: PreparedMlp, x: Dyadic) -> Numerators:
    """[written coordinates, n]: numerators over x's power of two, for activations of any size."""
    if _reach(mlp, x) < SAFE:
        hidden = prepared.inputs.astype(np.int64) @ x.numerators[prepared.read]
        hidden = hidden + (mlp.bias.astype(np.int64) << x.places)[:, None]
        return np.asarray(prepared.outputs.astype(np.int64) @ np.maximum(hidden, 0))
    return _by_neuron(mlp, prepared, x)


def _reach(mlp: Mlp, x: Dyadic) -> int:
    """No sum of any neuron or output exceeds it, over x's power of two."""
    parts = (mlp.inputs.weight, mlp.bias, mlp.outputs.weight)
    weights_in, bias, weights_out = (int(np.abs(part.astype(np.int64)).sum()) for part in parts)
    return (weights_in * x.largest + (bias << x.places)) * max(1, weights_out)


def _by_neuron(mlp: Mlp, prepared: PreparedMlp, x: Dyadic) -> Numerators:
    """As `_wide`, in Python's integers."""
    numerators = x.numerators.astype(object)
    total = np.zeros((len(prepared.written), numerators.shape[1]), dtype=object)
    place = {coordinate: row for row, coordinate in enumerate(prepared.written.tolist())}
    rows = zip(mlp.inputs.rows(), mlp.bias.tolist(), mlp.outputs.rows(), strict=True)
    for read, bias, outputs in rows:
        hidden = np.full(numerators.shape[1], bias << x.places, dtype=object)
        for coordinate, weight in read:
            hidden = hidden + weight * numerators[coordinate]
        hidden = np.maximum(hidden, 0)
        for coordinate, weight in outputs:
            total[place[coordinate]] += weight * hidden
    return total
