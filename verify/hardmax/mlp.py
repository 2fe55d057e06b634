"""The MLP of one layer over a whole sequence, in integers: x + W2 . relu(W1 . x + b)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from exactformer.constructions.transformer.network import Mlp
from exactformer.verify.hardmax.attention import Activations

TOKENS_AT_A_TIME = 2048
LARGE = 2**10
"""With more neurons than this, such as one for each transition of a machine, equal columns are computed once."""
DIGITS = 19
"""3^19 < 2^31: this many ternary coordinates are the digits of a number that fits next to the number of a column."""


@dataclass(frozen=True)
class PreparedMlp:
    """An MLP as two sparse matrices, in a dtype wide enough that nothing can overflow on ternary input."""

    read: NDArray[np.int64]
    """The coordinates the MLP reads."""
    inputs: csr_array
    """[d_ff, read coordinates]"""
    bias: NDArray[np.signedinteger]
    outputs: csr_array
    """[written coordinates, d_ff]"""
    written: NDArray[np.int64]
    """The coordinates the MLP writes."""

    @classmethod
    def of(cls, mlp: Mlp, width: int) -> PreparedMlp:
        # |pre-activation| <= sum |weight| + |bias| for ternary input; what a coordinate gains is at most the sum
        # over its neurons of |weight| * that bound.
        in_weight, out_weight, bias = (
            np.abs(part.astype(np.int64)) for part in (mlp.inputs.weight, mlp.outputs.weight, mlp.bias)
        )
        reach = _row_sums(in_weight, mlp.inputs.start) + bias
        if int(reach.max(initial=0)) * int(out_weight.sum()) > np.iinfo(np.int64).max:
            raise OverflowError("the weights of an MLP are so large that its sums may not fit 64 bits")
        neuron_of = np.repeat(np.arange(mlp.size), np.diff(mlp.outputs.start))
        gain = np.zeros(width, np.int64)
        np.add.at(gain, mlp.outputs.coordinate, out_weight * reach[neuron_of])
        largest = max(int(reach.max(initial=0)), int(gain.max(initial=0)))
        dtype = next(t for t in (np.int16, np.int32, np.int64) if largest <= np.iinfo(t).max)
        written = np.unique(mlp.outputs.coordinate).astype(np.int64)
        read, place = np.unique(mlp.inputs.coordinate, return_inverse=True)
        return cls(
            read.astype(np.int64),
            csr_array((mlp.inputs.weight.astype(dtype), place, mlp.inputs.start), (mlp.size, len(read))),
            mlp.bias.astype(dtype),
            csr_array(
                (
                    mlp.outputs.weight.astype(dtype),
                    (np.searchsorted(written, mlp.outputs.coordinate), neuron_of),
                ),
                (len(written), mlp.size),
            ),
            written,
        )


def mlp_delta(mlp: PreparedMlp, x: Activations) -> NDArray[np.int64]:
    """[written coordinates, n]: what the MLP adds."""
    x = x[mlp.read]
    if len(mlp.bias) <= LARGE:
        return _delta(mlp, x)
    first, which = _distinct(x)
    return _delta(mlp, x[:, first])[:, which]


def _distinct(x: Activations) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A column of each kind, and the kind of every column of ternary ``x``, which has fewer than 2^31 columns."""
    first, which = np.zeros(1, np.int64), np.zeros(x.shape[1], np.int64)
    for place in range(0, len(x), DIGITS):
        digits = x[place : place + DIGITS].astype(np.int64) + 1
        numbers = which * 3**DIGITS + 3 ** np.arange(len(digits)) @ digits
        _, first, which = np.unique(numbers, return_index=True, return_inverse=True)
    return first, which


def _delta(mlp: PreparedMlp, x: Activations) -> NDArray[np.int64]:
    """The same, from the coordinates that are read."""
    delta = np.empty((len(mlp.written), x.shape[1]), np.int64)
    for first in range(0, x.shape[1], TOKENS_AT_A_TIME):
        columns = slice(first, first + TOKENS_AT_A_TIME)
        hidden = mlp.inputs @ x[:, columns].astype(mlp.bias.dtype)
        hidden += mlp.bias[:, None]
        np.maximum(hidden, 0, out=hidden)
        delta[:, columns] = mlp.outputs @ hidden
    return delta


def _row_sums(entries: NDArray[np.int64], start: NDArray[np.int32]) -> NDArray[np.int64]:
    running = np.concatenate([[0], np.cumsum(entries, dtype=np.int64)])
    return np.asarray(running[start[1:]] - running[start[:-1]])
