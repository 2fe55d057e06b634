"""Whether a number format holds everything but the softmax exactly: weights, sums of the MLPs, logits, scores.

A certificate shows that nothing is rounded outside attention in the linear format of its arithmetic (ARITHMETIC 8).  A
decoder is written in another format, so the same bounds are compared with that one.  Assumed about the runtime: a
matrix product adds its terms in fp32, in any order, and rounds the sum once to the format.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from exactformer.certificates.export.dense import Dense, Tensor
from exactformer.certificates.export.source import ExportError
from exactformer.certificates.linear_format import Sum, sums_of, too_large
from exactformer.verify.arithmetic.formats import BF16, FP16, FP32, counted, is_representable

DTYPES = {"bf16": BF16, "fp16": FP16, "fp32": FP32}


def require_exact(dense: Dense, dtype: str, largest_score: int) -> None:
    """Raises ExportError, with the number that is too large, if a decoder in ``dtype`` is not exact up to softmax.

    ``largest_score``: a bound of every score's partial sums, before beta.
    """
    for tensor in dense.tensors():
        _require_entries(tensor, dtype)
    sums = sums_of(dense.weights)
    # An MLP adds -2..2 to the residual stream; its partial sums are in fp32.
    stored = (bound for bound in sums if bound.kind is not Sum.RESIDUAL)
    if wrong := too_large(DTYPES[dtype], stored) or too_large(FP32, sums):
        raise ExportError(wrong)
    if largest_score > counted(FP32) or largest_score * dense.split.beta > FP32.max_finite:
        root = dense.split.beta // dense.beta
        raise ExportError(
            f"scores may reach {largest_score} x beta {dense.beta} x {root} (the root of the head width), which fp32 "
            "does not hold exactly"
        )


def _require_entries(tensor: Tensor, dtype: str) -> None:
    # Nearly all entries are 0, which every format holds.
    for value in np.unique(tensor.entries[tensor.entries != 0]).tolist():
        if not is_representable(DTYPES[dtype], Fraction(value * tensor.scale)):
            raise ExportError(f"{dtype} does not hold the entry {value * tensor.scale} of {tensor.name}")
