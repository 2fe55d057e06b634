"""What the tests of exports run: a share of the machine table, in both paradigms, and every runtime's arithmetic."""

from __future__ import annotations

from exactformer.certificates.export.runtimes import Runtime, runtimes_of
from exactformer.certificates.export.source import Arithmetic
from exactformer.constructions.turing.paradigm import Paradigm
from tests.export.running import Work
from tests.machine_table import CASES

LARGE = ("balanced-brackets", "binary-addition", "binary-multiplication", "three-equal-blocks")
"""Machines with more than a thousand tokens, which are slow to write out for every runtime: each has one run."""
LARGE_WORK = Work("binary-multiplication", "1*1")

SMALL = tuple(case for case in CASES if case.name not in LARGE)
WORKS = (
    *(Work(case.name, case.word) for case in SMALL[1::3]),
    *(Work(case.name, case.word, Paradigm.SCOT) for case in SMALL[1::8]),
)
MANY_WRITES = Work("rewrite", "1" * 60)
"""61 tokens write one cell."""
MANY_CARRIES = Work("binary-addition", "0+" + "0" * 19 + "1")

ARITHMETICS = (
    "fused:bf16/fp32/bf16",
    "fused:fp16/fp32/fp16",
    "fused:fp32/fp32/fp32",
    "rounded:fp32/bf16",
    "rounded:fp32/fp16",
    "rounded:bf16/bf16",
    "rounded:fp16/fp16",
    "rounded:fp32/fp32",
    "fused:bf16/fp32/bf16+exp20-one+online512+wide+reciprocal",
    "fused:fp32/fp32/fp32+exp20-one+online512+wide+reciprocal",
    "rounded:bf16/fp32/bf16@bf16+once+exp2-one",
    "rounded:fp32/fp32/fp32+exp2-one",
)
RUNS: tuple[tuple[str, Runtime], ...] = tuple(
    (arithmetic, runtime) for arithmetic in ARITHMETICS for runtime in runtimes_of(Arithmetic.of(arithmetic))
)
"""Every arithmetic with a runtime that is believed to be an instance of it."""
