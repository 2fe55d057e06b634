"""Certificates for all inputs of each verdict, made once for all tests; and checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from exactformer.certificates.certify_all import UniversalBundle, UniversalRequest, certify_all
from exactformer.certificates.checker.check import Valid, check_certificate
from exactformer.certificates.checker.theory.check import check_theory
from exactformer.certificates.theory_certificate import TheoryBundle
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.turing.behaviours import EveryRun
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.arithmetic.models import parse_arithmetic


@dataclass(frozen=True)
class UniversalSample:
    """What to ask for, the verdict that is due, and what the bound on writes per cell rests on."""

    title: str
    machine: str
    context: int
    arithmetic: str
    verdict: str
    evidence: str = "context"
    beta: int | None = None
    assumed_writes: int | None = None
    paradigm: Paradigm = Paradigm.COT
    space: int | None = None

    def __str__(self) -> str:
        return self.title

    @property
    def request(self) -> UniversalRequest:
        return UniversalRequest(
            machine=load_machine(self.machine),
            behaviour=EveryRun(self.context, paradigm=self.paradigm, space=self.space, writes=self.assumed_writes),
            model=parse_arithmetic(self.arithmetic),
            beta=self.beta,
        )

    def make(self) -> UniversalBundle:
        """A certificate made anew."""
        return certify_all(self.request)


ALL_INPUTS = (
    UniversalSample("proved", "binary-addition", 16, "fused:bf16", "proved"),
    UniversalSample("proved, bound proved", "increment", 16, "rounded:bf16/bf16", "proved", "proved"),
    UniversalSample("proved, few tokens", "copy", 9, "rounded:e4m3fn/e4m3fn", "proved"),
    UniversalSample("proved, three tapes", "three-equal-blocks", 16, "rounded:fixed12/bf16", "proved"),
    UniversalSample("proved, beta given", "increment", 16, "fused:bf16", "proved", "proved", beta=256),
    UniversalSample("assumed", "binary-addition", 200, "rounded:bf16/bf16", "proved", "assumed", assumed_writes=60),
    UniversalSample("more assumed than is proved", "increment", 16, "fused:bf16", "proved", "proved", assumed_writes=5),
    UniversalSample("refuted at every beta", "rewrite", 256, "rounded:bf16/bf16", "refuted"),
    UniversalSample("refuted at one beta", "increment", 64, "fused:bf16", "refuted", "proved", beta=8),
    UniversalSample("inconclusive, exact", "increment", 16, "exact", "inconclusive", "proved"),
    UniversalSample(
        "inconclusive, too long", "increment", 16, "fused:e4m3fn/float(4,-9,3)/bf16", "inconclusive", "proved"
    ),
    UniversalSample(
        "inconclusive, assumed",
        "binary-addition",
        200,
        "rounded:bf16/bf16",
        "inconclusive",
        "assumed",
        assumed_writes=61,
    ),
)


@cache
def bundle_for_all(sample: UniversalSample) -> UniversalBundle:
    """The sample's certificate, made once."""
    return sample.make()


def checked(bundle: UniversalBundle, folder: Path) -> Valid:
    """What the checker says of the written certificate, given the theory and the machine."""
    written, machine = bundle.written, write_machine(bundle.request.machine).encode()
    (folder / written.weights_name).write_bytes(written.weights)
    certificate = folder / "certificate.json"
    certificate.write_bytes(written.bytes)
    if isinstance(written, TheoryBundle):
        _, theory = bundle.request.built
        return check_theory(
            certificate, theory.text.encode(), parameters_given=theory.parameters, machine_given=machine
        )
    return check_certificate(certificate, machine)
