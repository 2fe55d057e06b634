"""Certificates of each verdict, made once for all tests of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from exactformer.certificates.certify import Bundle, Request, certify
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.turing.behaviours import Inputs
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.arithmetic.models import parse_arithmetic


@dataclass(frozen=True)
class Sample:
    """What to ask for and the verdict that is due."""

    title: str
    machine: str
    inputs: tuple[str, ...]
    arithmetic: str
    verdict: str
    beta: int | None = None
    context: int | None = None
    paradigm: Paradigm = Paradigm.COT

    def __str__(self) -> str:
        return self.title

    def make(self) -> Bundle:
        """A certificate made anew."""
        model = parse_arithmetic(self.arithmetic)
        machine = load_machine(self.machine)
        runs = Inputs(self.inputs, paradigm=self.paradigm, context=self.context)
        return certify(Request(machine, runs, model, self.beta))


SAMPLES = (
    Sample("certified, fused", "increment", ("1", "0011", "11"), "fused:bf16", "certified"),
    Sample("certified, rounded", "copy", ("01", ""), "rounded:fp32/bf16", "certified"),
    Sample("certified, large context", "rewrite", ("111",), "fused:fp16", "certified", context=5000),
    Sample("certified, beta given", "rewrite", ("1",), "fused:bf16", "certified", beta=512),
    Sample("refuted at one beta", "increment", ("1011",), "fused:bf16", "refuted", beta=1),
    Sample("refuted at every beta", "rewrite", ("1" * 60,), "rounded:bf16/bf16", "refuted"),
    Sample("summarized, certified", "binary-counter", ("00", "1"), "fused:bf16", "certified", paradigm=Paradigm.SCOT),
    Sample("summarized, refuted", "binary-counter", ("00",), "fused:bf16", "refuted", 1, paradigm=Paradigm.SCOT),
    Sample("inconclusive, exact", "bit-sort", ("10",), "exact", "inconclusive"),
    Sample("inconclusive, rounded", "increment", ("1",), "rounded:fp16/fp16", "inconclusive", 32, 2**40),
)


@cache
def bundle(sample: Sample) -> Bundle:
    """The sample's certificate, made once."""
    return sample.make()
