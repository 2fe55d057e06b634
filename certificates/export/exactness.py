"""Whether a number format holds everything but the softmax exactly: weights, sums of the MLPs, logits, scores.

The arithmetic models take that as given (SPEC 7.1); a runtime has to deliver it.  The bounds are integers and hold for
every ternary input.  Assumed of the runtime: a matrix product adds its terms in fp32, in any order, and rounds the sum
once to the format.  A sum of integers below 2^24 in magnitude is then exact, and stays so if the format holds it.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from certificates.export.dense import Dense, Integers, Tensor
from certificates.export.source import ExportError
from verify.arithmetic.formats import BF16, FP16, FP32, is_representable

DTYPES = {"bf16": BF16, "fp16": FP16, "fp32": FP32}
ACCUMULATED = 1 << FP32.precision


def require_exact(dense: Dense, dtype: str, largest_score: int) -> None:
    """Raises ExportError, with the number that is too large, if a decoder in ``dtype`` is not exact up to softmax.

    ``largest_score``: a bound of every score's partial sums, before beta.
    """
    stored = 1 << DTYPES[dtype].precision
    reach: Integers = np.zeros(0, np.int64)  # the largest pre-activation of each neuron of the layer at hand
    for tensor in dense.tensors():
        _require_entries(tensor, dtype)
        magnitude = np.abs(tensor.entries)
        if tensor.name.endswith("up.weight"):
            reach = magnitude.sum(axis=1)
        elif tensor.name.endswith("up.bias"):
            reach = reach + magnitude
            _require(reach, stored, f"a pre-activation of {tensor.name[: -len('.up.bias')]}", dtype)
        elif tensor.name.endswith("down.weight"):
            _require(magnitude @ reach, ACCUMULATED, f"the sum of magnitudes that {tensor.name} adds", "fp32")
        elif tensor.name == "lm_head.weight":
            _require(magnitude.sum(axis=1), stored, "a logit", dtype)
    if largest_score > ACCUMULATED or largest_score * dense.split.beta > FP32.max_finite:
        root = dense.split.beta // dense.beta
        raise ExportError(
            f"scores may reach {largest_score} x beta {dense.beta} x {root} (the root of the head width), which fp32 "
            "does not hold exactly"
        )


def _require_entries(tensor: Tensor, dtype: str) -> None:
    for value in np.unique(tensor.entries).tolist():
        if not is_representable(DTYPES[dtype], Fraction(value * tensor.scale)):
            raise ExportError(f"{dtype} does not hold the entry {value * tensor.scale} of {tensor.name}")


def _require(bounds: Integers, largest: int, what: str, name: str) -> None:
    bound = int(bounds.max(initial=0))
    if bound > largest:
        raise ExportError(f"{what} may reach {bound}, and {name} holds all integers only up to {largest}")
