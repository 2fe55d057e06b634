"""Which way to run an exported decoder goes with which arithmetic (SPEC 7.1).

``sdpa``      torch's scaled_dot_product_attention as it chooses itself; on a CPU a blockwise kernel
``sdpa math`` the same with the backend ``MATH``: products and softmax in fp32, the result rounded once
``eager``     softmax in fp32, weights rounded to the dtype, a matrix product: as Hugging Face's eager attention
``quotient``  exp(score - maximum) rounded to the dtype, sums of numerator and denominator in fp32, one division

What is only *believed* of the kernels, from measuring version 2.13.0 on a CPU: that exp(0) is 1 and that exp of a
large negative number is 0; that sums are in fp32; that ``sdpa`` multiplies by a reciprocal instead of dividing.
With weights 0 and 1 only, that changes nothing in bf16 and fp16: m * fl(1/m) is within 2^-23 of 1, which rounds to
1.  In fp32 it does: 41 * fl(1/41) < 1.  So a ``fused`` certificate in fp32 goes with ``quotient``, and ``sdpa`` in
fp32 with ``rounded:fp32/fp32``, whose weights 1/m are rounded likewise.  ``eager`` and ``sdpa math`` in fp32 go
with none: they add m rounded weights, with a rounding at each addition, where ``rounded`` rounds their sum once (10
ties are enough to differ).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from certificates.export.source import Arithmetic

HALF = ("bf16", "fp16")


@dataclass(frozen=True)
class Runtime:
    """``dtype``: of parameters and activations; ``attention``: its name in model.py; ``math``: SDPA's MATH backend."""

    dtype: str
    attention: str
    math: bool = False

    def __str__(self) -> str:
        return f"{self.attention}{' math' if self.math else ''} {self.dtype}"


def runtimes_of(arithmetic: Arithmetic) -> tuple[Runtime, ...]:
    """The ways to run that are believed to be instances of this arithmetic; none for most.

    >>> [str(one) for one in runtimes_of(Arithmetic.of("fused:bf16/fp32/bf16"))]
    ['sdpa bf16', 'quotient bf16']
    >>> runtimes_of(Arithmetic.of("rounded:e4m3fn/bf16"))
    ()
    """
    if re.search(r"\+(?!head)", arithmetic.text):
        return ()  # A composition of steps (SPEC 19) is about one kernel; which one, its text says.
    match arithmetic.kind, arithmetic.formats:
        case "fused", (weights, "fp32", dtype) if weights == dtype in HALF:
            return Runtime(dtype, "sdpa"), Runtime(dtype, "quotient")
        case "fused", ("fp32", "fp32", "fp32"):
            return (Runtime("fp32", "quotient"),)
        case "rounded", ("fp32", dtype) if dtype in HALF:
            return (Runtime(dtype, "sdpa", math=True),)
        case "rounded", (weights, dtype) if weights == dtype in HALF:
            return (Runtime(dtype, "eager"),)
        case "rounded", ("fp32", "fp32"):
            return (Runtime("fp32", "sdpa"),)
    return ()
