"""Whether a number format holds everything but the softmax exactly: weights, sums of the MLPs, logits, scores.

The arithmetic models take that as given (SPEC 7.1); a runtime has to deliver it.  The bounds are integers and hold for
every ternary input.  Assumed of the runtime: a matrix product adds its terms in fp32, in any order, and rounds the sum
once to the format.  A sum of integers below 2^24 in magnitude is then exact, and stays so if the format holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from certificates.export.dense import Dense, Tensor
from certificates.export.source import ExportError
from verify.arithmetic.formats import BF16, FP16, FP32, FloatFormat, is_representable

DTYPES = {"bf16": BF16, "fp16": FP16, "fp32": FP32}
ACCUMULATED = 1 << FP32.precision


def require_exact(dense: Dense, dtype: str, largest_score: int) -> None:
    """Raises ExportError, with the number that is too large, if a decoder in ``dtype`` is not exact up to softmax."""
    held = DTYPES[dtype]
    for tensor in dense.tensors():
        _require_entries(tensor, dtype, held)
    largest = 1 << held.precision
    for what, bound in _stored_sums(dense):
        if bound > largest:
            raise ExportError(f"{what} may reach {bound}, and {dtype} holds all integers only up to {largest}")
    gain = max(map(_largest_gain, _layers(dense)), default=0)
    if gain > ACCUMULATED:
        raise ExportError(f"a sum of an MLP may reach {gain}, and fp32 adds integers exactly only up to {ACCUMULATED}")
    root = dense.split.beta // dense.beta
    if largest_score > ACCUMULATED or largest_score * dense.split.beta > FP32.max_finite:
        raise ExportError(
            f"scores may reach {largest_score} x beta {dense.beta} x {root} (the root of the head width), which fp32 "
            "does not hold exactly"
        )


def _require_entries(tensor: Tensor, dtype: str, held: FloatFormat) -> None:
    for value in np.unique(tensor.entries).tolist():
        if not is_representable(held, Fraction(value * tensor.scale)):
            raise ExportError(f"{dtype} does not hold the entry {value * tensor.scale} of {tensor.name}")


Matrices = dict[str, np.ndarray[tuple[int, ...], np.dtype[np.int64]]]


def _layers(dense: Dense) -> Iterator[Matrices]:
    """The MLP of each layer: magnitudes of its entries."""
    found: Matrices = {}
    for tensor in dense.tensors():
        part = tensor.name.split(".", 2)[-1]
        if part in ("up.weight", "up.bias", "down.weight"):
            found[part] = np.abs(tensor.entries)
        if part == "down.weight":
            yield found


def _stored_sums(dense: Dense) -> Iterator[tuple[str, int]]:
    """What is stored in the format between two matrices, and the largest magnitude it can have on ternary input."""
    for number, layer in enumerate(_layers(dense), start=1):
        yield f"a pre-activation in the MLP of layer {number}", int(_reach(layer).max(initial=0))
    logits = next(tensor.entries for tensor in dense.tensors() if tensor.name == "lm_head.weight")
    yield "a logit", int(np.abs(logits).sum(axis=1).max(initial=0))


def _reach(layer: Matrices) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.asarray(layer["up.weight"].sum(axis=1) + layer["up.bias"])


def _largest_gain(layer: Matrices) -> int:
    """The largest sum of magnitudes that one coordinate receives from an MLP."""
    return int((layer["down.weight"] @ _reach(layer)).max(initial=0))
