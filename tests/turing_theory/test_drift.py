"""Drifts of a machine's theory beside those that the prover for Turing machines finds, and beside what runs do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import pytest

from exactformer.api import certify, prove
from exactformer.certificates.checker.arithmetic import parse_model
from exactformer.certificates.checker.drift.attention import Softmax
from exactformer.certificates.checker.drift.forms import NotShown
from exactformer.certificates.checker.drift.walk import Drift
from exactformer.certificates.checker.theory.drift import Recorded, drift_of
from exactformer.certificates.checker.theory.heads import Found, in_all
from exactformer.certificates.checker.weights import read_network
from exactformer.certificates.document import canonical_bytes
from exactformer.certificates.weights import weights_document
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.theory import cot_theory, scot_theory
from exactformer.constructions.turing.tokens import sequences_of
from exactformer.verify.all_inputs import assess_all, covered_by_drifts
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.annotation.proof import HardmaxProof, prove_hardmax
from exactformer.verify.arithmetic.models import parse_arithmetic, split_beta
from exactformer.verify.drift.bound import Asked, Breakdown, bound_drift
from exactformer.verify.drift.prove import TokensProof, prove_tokens
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.rounded.attention import Setting
from exactformer.verify.rounded.compare import compare
from tests.checker.conftest import UNLIMITED

COT, SCOT = Paradigm.COT, Paradigm.SCOT


@dataclass(frozen=True)
class Machine:
    """A machine's network for 2^bits positions."""

    name: str
    paradigm: Paradigm
    bits: int

    @property
    def context(self) -> int:
        return 1 << self.bits


INCREMENT, LONGER = Machine("increment", COT, 4), Machine("increment", COT, 8)
REWRITE, SUMMARIZED = Machine("rewrite", COT, 4), Machine("increment", SCOT, 4)


@cache
def network_of(machine: Machine) -> Network:
    return construct(machine.paradigm, load_machine(machine.name), machine.bits)


@cache
def proved(machine: Machine) -> HardmaxProof:
    found = prove_hardmax(load_machine(machine.name), network_of(machine), Evidence(None), paradigm=machine.paradigm)
    assert isinstance(found, HardmaxProof)
    return found


@cache
def recorded(machine: Machine) -> Recorded:
    theory = (cot_theory if machine.paradigm is COT else scot_theory)(load_machine(machine.name), machine.bits)
    found = prove(network_of(machine), theory, drifting=True).recorded
    assert found is not None
    return found


@cache
def old(machine: Machine, arithmetic: str, beta: int) -> Drift | None:
    model = covered_by_drifts(parse_arithmetic(arithmetic))
    found = bound_drift(proved(machine), network_of(machine), Asked(model, machine.context, machine.context, beta))
    return None if isinstance(found, Breakdown) else Drift(dict(found.largest), found.margin)


@cache
def new(machine: Machine, arithmetic: str, beta: int) -> Drift | None:
    return followed(machine, arithmetic, beta, recorded(machine))


def followed(machine: Machine, arithmetic: str, beta: int, found: Recorded) -> Drift | None:
    known = read_network(json.loads(canonical_bytes(weights_document(network_of(machine)))))
    softmax = Softmax(parse_model("", arithmetic), machine.context, beta.bit_length() - 1)
    try:
        return drift_of(known, found, softmax, UNLIMITED)
    except NotShown:
        return None


SAME = [
    (INCREMENT, "rounded:bf16/fp16", 32),
    (INCREMENT, "rounded:bf16/bf16", 64),
    (INCREMENT, "rounded:float(6,-30,30)/float(6,-30,30)", 64),
    (INCREMENT, "fused:bf16/bf16/bf16", 128),
    (REWRITE, "rounded:fp16/fp16", 32),
    (REWRITE, "rounded:bf16/bf16", 64),
    (LONGER, "rounded:bf16/bf16", 128),
    (LONGER, "rounded:bf16/fp16", 64),
    (SUMMARIZED, "rounded:bf16/bf16", 64),
    (SUMMARIZED, "rounded:fp16/fp16", 32),
]
NEITHER = [
    (INCREMENT, "rounded:e4m3fn/bf16", 8),
    (INCREMENT, "fused:bf16/bf16/bf16", 64),
    (REWRITE, "fused:bf16/fp32/bf16", 32),
    (LONGER, "rounded:e4m3fn/bf16", 8),
    (SUMMARIZED, "rounded:float(6,-30,30)/float(6,-30,30)", 64),
    (SUMMARIZED, "fused:bf16/fp32/bf16", 64),
]
BETTER = [
    # Each case of a head has its own separation: what SILENT classes receive does not drift, nor does what follows.
    (INCREMENT, "fused:bf16/fp32/bf16", 64),
    (REWRITE, "fused:bf16/fp32/bf16", 64),
    (LONGER, "rounded:bf16/fp16", 16),
    # What drifts cost is counted for the families of tokens that may be right, and for no others.
    (INCREMENT, "rounded:float(6,-30,30)/float(6,-30,30)", 32),
    (LONGER, "rounded:float(6,-30,30)/float(6,-30,30)", 32),
]


@pytest.mark.parametrize(("machine", "arithmetic", "beta"), SAME)
def test_no_register_drifts_further(machine: Machine, arithmetic: str, beta: int) -> None:
    theirs, ours = old(machine, arithmetic, beta), new(machine, arithmetic, beta)
    assert theirs is not None
    assert ours is not None
    assert all(drift <= theirs.largest[name] for name, drift in ours.largest.items())
    assert ours.most == theirs.most
    assert 1 >= ours.margin >= theirs.margin


def coarse(found: Recorded) -> Recorded:
    """With the least separation of a head in all of its cases, and as if a token of any family could be the next."""
    heads: list[Sequence[Mapping[str, Sequence[Found]]]] = []
    for layer in found.heads:
        least = [in_all(case for cases in head.values() for case in cases).separation for head in layer]
        heads.append(
            [
                {cls: [replace(case, separation=separation) for case in cases] for cls, cases in head.items()}
                for head, separation in zip(layer, least, strict=True)
            ]
        )
    families = {one.family for one in found.outputs}
    margin = min(one.margin for one in found.outputs)
    outputs = [replace(one, family=family, margin=margin) for one in found.outputs for family in families]
    return Recorded(found.stages, heads, outputs)


@pytest.mark.parametrize(("machine", "arithmetic", "beta"), [*SAME, *NEITHER, *BETTER])
def test_that_is_all_the_difference(machine: Machine, arithmetic: str, beta: int) -> None:
    theirs, ours = old(machine, arithmetic, beta), followed(machine, arithmetic, beta, coarse(recorded(machine)))
    assert (theirs is None) == (ours is None)
    if theirs is not None and ours is not None:
        assert ours.margin == theirs.margin
        assert notable(ours) == notable(theirs)


def notable(drift: Drift) -> dict[str, Fraction]:
    """Without tiny ones: those depend on how many tokens heads are said to select that bring 0."""
    return {name: size for name, size in drift.largest.items() if size > Fraction(1, 2**40)}


@pytest.mark.parametrize(("machine", "arithmetic", "beta"), NEITHER)
def test_both_refuse(machine: Machine, arithmetic: str, beta: int) -> None:
    assert old(machine, arithmetic, beta) is None
    assert new(machine, arithmetic, beta) is None


@pytest.mark.parametrize(("machine", "arithmetic", "beta"), BETTER)
def test_more_is_proved_where_it_is_known_why(machine: Machine, arithmetic: str, beta: int) -> None:
    assert old(machine, arithmetic, beta) is None
    assert new(machine, arithmetic, beta) is not None


def test_the_least_beta_is_found() -> None:
    machine, model = load_machine("increment"), parse_arithmetic("rounded:bf16/fp16")
    certificate = certify(network_of(INCREMENT), cot_theory(machine, 4), model.text, context=16, tokens=True)
    universal = assess_all(proved(INCREMENT), network_of(INCREMENT), model, 16, 16, None)
    known = prove_tokens(proved(INCREMENT), network_of(INCREMENT), universal, 16, None)
    assert isinstance(known, TokensProof)
    assert certificate.verdict.value == "tokens proved"
    assert certificate.bundle.universal.beta == 16 < known.beta == 32
    given = certify(network_of(INCREMENT), cot_theory(machine, 4), model.text, context=16, beta=8, tokens=True)
    assert given.verdict.value == "inconclusive"


RUNS = [
    *((REWRITE, "1" * ones, "fused:bf16/fp32/bf16", 64) for ones in (0, 1, 2)),
    *((REWRITE, "1" * ones, "rounded:bf16/bf16", 64) for ones in (0, 1, 2)),
    (Machine("rewrite", COT, 8), "1" * 12, "rounded:fp16/fp16", 32),
    (LONGER, "1011", "rounded:bf16/fp16", 32),
    (LONGER, "111", "fused:bf16/fp32/bf16", 64),
    (LONGER, "1011", "rounded:bf16/fp16", 16),
    (SUMMARIZED, "1", "rounded:bf16/bf16", 64),
]


@pytest.mark.parametrize(("machine", "word", "arithmetic", "beta"), RUNS)
def test_runs_stay_within_the_bound(machine: Machine, word: str, arithmetic: str, beta: int) -> None:
    """In exact numbers: no register drifts further than is proved, and no token is closer to another one."""
    bound = new(machine, arithmetic, beta)
    assert bound is not None
    setting = Setting(covered_by_drifts(parse_arithmetic(arithmetic)), split_beta(beta.bit_length() - 1))
    prepared = PreparedNetwork(network_of(machine))
    for sequence in sequences_of(machine.paradigm, trace(load_machine(machine.name), word), machine.bits):
        assert len(sequence) <= machine.context
        found = compare(prepared, sequence, setting)
        assert found.wrong is None
        assert found.drift
        assert all(drift <= bound.largest[name] for name, drift in found.drift)
        assert found.least_margin is None or found.least_margin >= bound.margin
