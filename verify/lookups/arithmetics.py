"""The arithmetics that look-ups are audited in."""

from __future__ import annotations

from exactformer.verify.arithmetic.formats import BF16, FP16, FP32, ieee_format
from exactformer.verify.lookups.scores import ScoreArithmetic

FP64 = ieee_format(53, -1022, 1023)
_D = FP64.name

ARITHMETICS = (
    ScoreArithmetic("fp64", FP64, FP64, FP64, f"rounded:{_D}/{_D}/{_D}@{_D}+linear{_D}+exp2-one"),
    ScoreArithmetic("fp32", FP32, FP32, FP32, "rounded:fp32/fp32/fp32+exp2-one"),
    ScoreArithmetic("fp16, scores fp32", FP16, FP32, FP32, "fused:fp16/fp32/fp16"),
    ScoreArithmetic("fp16", FP16, FP32, FP16, "rounded:fp16/fp32/fp16@fp16+stored+once+exp2-one"),
    ScoreArithmetic("bf16, scores fp32", BF16, FP32, FP32, "fused:bf16/fp32/bf16"),
    ScoreArithmetic("bf16", BF16, FP32, BF16, "rounded:bf16/fp32/bf16@bf16+stored+once+exp2-one"),
)
"""fp64 and fp32 throughout; activations of 16 bits, with scores in fp32 as in fused kernels, or stored in 16 bits as in
attention that is written out.  All of them add products in fp32 (or fp64).
"""
