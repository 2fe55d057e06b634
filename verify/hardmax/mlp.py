"""The MLP of one layer over a whole sequence, in integers (spec 1.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from exactformer.constructions.transformer.network import Mlp
from exactformer.verify.hardmax.attention import Activations

TOKENS_AT_A_TIME = 2048


@dataclass(frozen=True)
class PreparedMlp:
    """An MLP as two sparse matrices, in a dtype wide enough that nothing can overflow on ternary input."""

    inputs: csr_array
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
        return cls(
            csr_array((mlp.inputs.weight.astype(dtype), mlp.inputs.coordinate, mlp.inputs.start), (mlp.size, width)),
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
