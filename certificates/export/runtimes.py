"""Which runtime of an exported decoder computes in which arithmetic (ARITHMETIC 2).

``sdpa``      torch's scaled_dot_product_attention as it chooses itself; on a CPU a blockwise kernel
``sdpa math`` the same with the backend ``MATH``: products and softmax in fp32, the result rounded once
``eager``     softmax in fp32, weights rounded to the dtype, a matrix product
``hf``        the same, but scores are stored in the dtype first: as Hugging Face's eager attention
``quotient``  exp(score - maximum) rounded to the dtype, sums of numerator and denominator in fp32, one division

This much is only *believed* about the kernels, from measuring version 2.13.0 on a CPU: exp(0) is 1; exp errs by at most
20 ulp (``sdpa``) or 2 ulp (others) and is 0 for large negative numbers; sums are in fp32; ``sdpa`` takes blocks of 512,
and multiplies by a reciprocal instead of dividing.  A model with three formats says how sums are rounded; a simpler
model describes a runtime as well if that makes no difference.  In bf16 and fp16, with weights 0 and 1, it makes none:
m * fl(1/m) is within 2^-23 of 1, which rounds to 1.  In fp32 it does: 41 * fl(1/41) < 1.  So ``fused:fp32/fp32/fp32``
describes ``quotient``, and ``rounded:fp32/fp32``, whose weights 1/m are rounded, describes ``sdpa`` in fp32.  ``eager``
and ``sdpa math`` in fp32 add m rounded weights with a rounding at each addition (with 10 ties the sum already differs
from 1): only ``rounded:fp32/fp32/fp32`` says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from exactformer.certificates.export.source import Arithmetic

HALF = ("bf16", "fp16")
DTYPES = (*HALF, "fp32")
ULPS = {"sdpa": 20, "sdpa math": 2, "eager": 2, "hf": 2, "quotient": 2}
"""How much exp in fp32 is believed to err at most; an arithmetic that allows more describes the runtime as well."""


@dataclass(frozen=True)
class Runtime:
    """``dtype``: of parameters and activations; ``attention``: its name in model.py; ``math``: SDPA's MATH backend."""

    dtype: str
    attention: str
    math: bool = False

    @property
    def name(self) -> str:
        return f"{self.attention} math" if self.math else self.attention

    def __str__(self) -> str:
        return f"{self.name} {self.dtype}"


def runtimes_of(arithmetic: Arithmetic) -> tuple[Runtime, ...]:
    """The ways to run that are believed to be instances of this arithmetic; none for most.

    >>> [str(one) for one in runtimes_of(Arithmetic.of("fused:bf16/fp32/bf16"))]
    ['sdpa bf16', 'quotient bf16']
    >>> [str(one) for one in runtimes_of(Arithmetic.of("rounded:fp32/fp32/fp32+exp2-one"))]
    ['eager fp32', 'sdpa math fp32']
    >>> [str(one) for one in runtimes_of(Arithmetic.of("rounded:bf16/bf16+linearbf16"))]
    ['eager bf16']
    >>> runtimes_of(Arithmetic.of("rounded:e4m3fn/bf16"))
    ()
    """
    dtype = arithmetic.activations
    if dtype not in DTYPES:
        return ()
    # Outside attention everything is exact in the linear format and in the dtype, so all of them give the same.
    steps = tuple(step for step in arithmetic.steps if not re.match("linear|head|exp", step))
    errors = [int(said[1]) for step in arithmetic.steps if (said := re.fullmatch(r"exp(\d+)(-one)?", step))]
    found = [_runtime(name, dtype) for name in _names(arithmetic, dtype, steps)]
    return tuple(one for one in found if all(ulps >= ULPS[one.name] for ulps in errors))


def _names(arithmetic: Arithmetic, dtype: str, steps: tuple[str, ...]) -> tuple[str, ...]:
    match arithmetic.kind, arithmetic.formats, steps:
        case "fused", (weights, "fp32", _), () if weights == dtype:
            return ("sdpa", "quotient") if dtype in HALF else ("quotient",)
        case "fused", (weights, "fp32", _), ("divide",) if weights == dtype:
            return ("quotient",)
        case "fused", (weights, "fp32", _), ("online512", "wide", "reciprocal") if weights == dtype:
            return ("sdpa",)
        case "rounded", ("fp32", "fp32"), ():
            return ("sdpa",)
        case "rounded", ("fp32", _), ():
            return ("sdpa math",)
        case "rounded", (weights, _), () if weights == dtype:
            return ("eager",)
        case "rounded", ("fp32", "fp32", "fp32"), ():
            return ("eager", "sdpa math")
        case "rounded", ("fp32", "fp32", _), ():
            return ("sdpa math",)
        case "rounded", (weights, "fp32", _), () if weights == dtype:
            return ("eager",)
        case "rounded", (weights, "fp32", _), ("once",) if weights == dtype == arithmetic.scores:
            return ("hf",)
    return ()


def _runtime(name: str, dtype: str) -> Runtime:
    attention, _, backend = name.partition(" ")
    return Runtime(dtype, attention, backend == "math")
