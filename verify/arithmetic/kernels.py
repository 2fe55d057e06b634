"""Named compositions: what is believed about some kinds of attention kernels, written as arithmetics (ARITHMETIC 2).

``--arithmetic kernel:NAME`` stands for the arithmetic of that name; certificates contain the arithmetic, not the name.
A name claims nothing about any library: users decide whether their kernel computes what its line says.  `believed`
lists what was taken from reading kernels and is not proved.

**The error of exp2 with a folded scale.**  GPU kernels compute exp(s - s_max) as exp2(fma(s, c, -M)), c = rnd(log2 e /
sqrt(H)) and M = rnd(s_max c) in fp32.  At s = s_max the argument should be 0 and is the error of M: with |s c| < 2^e it
is at most 2^(e-25). For s < s_max there is added: |x| 2^-24 for c, and 2^-17 for the fused product, where |x| <= 151
(beyond, the result is 0). exp2 itself errs by a factor of 1 + 2^-22 at most.  So the result errs by a factor of at most
2^A (1 + 2^-22), where A = 2^(e-25) + 2^-17 + 151 * 2^-24, and U = 2^23 times (that - 1), rounded up, will do:
`folded_exp2_ulps`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor

from exactformer.verify.arithmetic.formats import power_of_two

EXACT_SCORES = "scores are sums of products in fp32 that are exact, as they are small integers times a power of two"
ANY_ORDER = "sums are additions of two numbers each, to nearest, in some order"
TRUNCATING = (
    "each addition of a matrix unit gives a neighbour of the exact sum; real units align several terms to the largest "
    "and truncate them, which agrees with this only for two terms at a time"
)
FLUSHING = "additions and products flush nothing that matters: numbers below 2^-126 are rounded to 0 with W in any case"
OUTSIDE = (
    "outside attention matrix products add in fp32, in any order, and their results are stored in {}: both formats "
    "hold "
    "them exactly, which a certificate shows for fp32 and an export for {}"
)


@dataclass(frozen=True)
class NamedKernel:
    """A composition with a name: what it describes, and what is believed about such kernels and not proved.

    largest_score: beta times every score has to be at most this in magnitude; None if that makes no difference.
    """

    name: str
    arithmetic: str
    describes: str
    believed: tuple[str, ...]
    largest_score: int | None = None


def folded_exp2_ulps(exponent: int) -> int:
    """U for exp2 with a folded scale, where scores times log2 e are below 2^exponent in magnitude.

    2^A <= 1 + ln2 A + (ln2 A)^2 for 0 <= A <= 1, and ln 2 < 6932/10000.

    >>> folded_exp2_ulps(10), folded_exp2_ulps(12), folded_exp2_ulps(14)
    (277, 809, 2940)
    """
    if not 0 <= exponent <= 20:
        raise ValueError(f"scores times log2 e have to be below 2^0 to 2^20, not 2^{exponent}")
    scaled = Fraction(6932, 10000) * (power_of_two(exponent - 25) + power_of_two(-17) + 151 * power_of_two(-24))
    factor = (1 + scaled + scaled**2) * (1 + power_of_two(-22))
    return -(-(factor - 1) * (1 << 23) // 1)


def _eager(name: str) -> NamedKernel:
    return NamedKernel(
        f"eager-{name}",
        f"rounded:{name}/fp32/{name}@{name}+head256+once+exp2-one",
        f"attention written out: scores stored in {name}, softmax in fp32, its weights cast to {name}, and a matrix "
        "product that accumulates in fp32",
        (
            "scores are accumulated in fp32 and rounded once",
            "exp is within 2 ulp in fp32, and 1 at 0",
            ANY_ORDER,
            OUTSIDE.format(name, name),
        ),
    )


def _math(name: str) -> NamedKernel:
    return NamedKernel(
        f"math-{name}",
        f"rounded:fp32/fp32/{name}+head256+exp2-one",
        f"attention with {name} inputs that are widened: scores, softmax and both products in fp32, the result cast "
        f"to {name}",
        (
            EXACT_SCORES,
            "exp is within 2 ulp in fp32, and 1 at 0",
            ANY_ORDER,
            "if query and key are each multiplied by 256^(-1/4) = 1/4, that is exact, too",
            OUTSIDE.format(name, name),
        ),
    )


def _flash(name: str, weights: str, activations: str, exponent: int) -> NamedKernel:
    ulps, largest = folded_exp2_ulps(exponent), floor(power_of_two(exponent) / Fraction(14427, 10000))
    return NamedKernel(
        f"flash-{name}",
        f"fused:{weights}/fp32/{activations}+head256+exp{ulps}+online64+wide+faithful+reciprocal",
        "blockwise attention on a GPU: running maximum, exp2 with a folded scale, row sums in fp32 before weights are "
        f"cast to {weights}, a truncating matrix unit, a product with the reciprocal of the row sum, cast to "
        f"{activations}",
        (
            f"beta times every score is at most {largest}: otherwise exp2 of the folded scale errs by more than "
            f"{ulps} ulp",
            "exp2 errs by a factor of 1 + 2^-22 at most, and flushes",
            EXACT_SCORES,
            TRUNCATING,
            FLUSHING,
            OUTSIDE.format(activations, activations),
        ),
        largest,
    )


def _blockwise_cpu(name: str) -> NamedKernel:
    return NamedKernel(
        f"cpu-{name}",
        f"fused:{name}/fp32/{name}+head256+exp20-one+online512+wide+reciprocal",
        "blockwise attention on a CPU: blocks of 512, a vectorised exp, row sums in fp32 before weights are cast to "
        f"{name}, a product with the reciprocal of the row sum",
        (
            "the vectorised exp is within 20 ulp in fp32, flushes, and is 1 at 0",
            EXACT_SCORES,
            ANY_ORDER,
            OUTSIDE.format(name, name),
        ),
    )


_ALL = (
    _eager("bf16"),
    _eager("fp16"),
    _math("bf16"),
    _math("fp16"),
    _flash("bf16", "bf16", "bf16", 15),
    _flash("fp16", "fp16", "fp16", 13),
    _flash("fp8", "e4m3fn", "bf16", 15),
    _blockwise_cpu("bf16"),
    _blockwise_cpu("fp16"),
)

KERNELS: dict[str, NamedKernel] = {kernel.name: kernel for kernel in _ALL}


WHOLE = {
    "fp32": "rounded:fp32/fp32/fp32+exp2-one",
    "bf16": "rounded:bf16/fp32/bf16@bf16+stored+once+exp2-one",
    "fp16": "rounded:fp16/fp32/fp16@fp16+stored+once+exp2-one",
}
"""A format instead of an arithmetic: for a network of any exact weights whose results are all stored in it, and which
adds in fp32, with attention written out; exp is believed to be within 2 ulp in fp32, and 1 at 0."""


def named_kernel(name: str) -> NamedKernel | tuple[str, ...]:
    """The kernel of this name, or the known names if there is none."""
    return KERNELS.get(name, tuple(KERNELS))
