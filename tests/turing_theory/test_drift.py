"""Drifts of a machine's theory, compared with those that an earlier prover proved, and with what runs do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import pytest

from exactformer.api import certify
from exactformer.certificates.checker.drift.attention import Softmax
from exactformer.certificates.checker.drift.forms import NotShown
from exactformer.certificates.checker.drift.walk import Drift
from exactformer.certificates.checker.softmax.model import parse_model
from exactformer.certificates.checker.theory.drift import Recorded, drift_of
from exactformer.certificates.checker.theory.heads import Found, in_all
from exactformer.certificates.checker.weights import Network as ReadNetwork
from exactformer.certificates.checker.weights import read_network
from exactformer.certificates.document import canonical_bytes
from exactformer.certificates.theory_certificate import prove
from exactformer.certificates.weights import weights_document
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.theory import cot_theory, scot_theory
from exactformer.constructions.turing.tokens import sequences_of
from exactformer.verify.all_inputs import covered_by_drifts
from exactformer.verify.arithmetic.models import parse_arithmetic, split_beta
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
def as_read(machine: Machine) -> ReadNetwork:
    """The network as the checker reads it."""
    return read_network(json.loads(canonical_bytes(weights_document(network_of(machine)))))


@cache
def recorded(machine: Machine) -> Recorded:
    theory = (cot_theory if machine.paradigm is COT else scot_theory)(load_machine(machine.name), machine.bits)
    found = prove(network_of(machine), theory, drifting=True).recorded
    assert found is not None
    return found


@cache
def new(machine: Machine, arithmetic: str, beta: int) -> Drift | None:
    return followed(machine, arithmetic, beta, recorded(machine))


def followed(machine: Machine, arithmetic: str, beta: int, found: Recorded) -> Drift | None:
    softmax = Softmax(parse_model("", arithmetic), machine.context, beta.bit_length() - 1)
    try:
        return drift_of(as_read(machine), found, softmax, UNLIMITED)
    except NotShown:
        return None


BOUNDED = [
    (INCREMENT, "rounded:bf16/fp16", 32, "7/256", "211/256"),
    (INCREMENT, "rounded:bf16/bf16", 64, "7/128", "83/128"),
    (INCREMENT, "rounded:float(6,-30,30)/float(6,-30,30)", 64, "9/64", "5/64"),
    (INCREMENT, "fused:bf16/bf16/bf16", 128, "0", "1"),
    (REWRITE, "rounded:fp16/fp16", 32, "3/1024", "1007/1024"),
    (REWRITE, "rounded:bf16/bf16", 64, "3/128", "111/128"),
    (LONGER, "rounded:bf16/bf16", 128, "9/256", "197/256"),
    (LONGER, "rounded:bf16/fp16", 64, "7/256", "211/256"),
    (SUMMARIZED, "rounded:bf16/bf16", 64, "3/32", "11/128"),
    (SUMMARIZED, "rounded:fp16/fp16", 32, "9/1024", "931/1024"),
]
"""The largest drift and the margin that a prover for Turing machines alone found: with the separation of a head in all
of its cases, as if a token of any family could be the next, and with a bound for all queries of a head at once."""
NEITHER = [
    (INCREMENT, "rounded:e4m3fn/bf16", 8),
    (INCREMENT, "fused:bf16/bf16/bf16", 64),
    (LONGER, "rounded:e4m3fn/bf16", 8),
    (SUMMARIZED, "rounded:float(6,-30,30)/float(6,-30,30)", 64),
]
"""Where neither proves anything."""
BETTER = [
    # Sums of products of values that drift have a bound, too.
    (REWRITE, "fused:bf16/fp32/bf16", 32),
    (SUMMARIZED, "fused:bf16/fp32/bf16", 64),
    # Each case of a head has its own separation: what SILENT classes receive does not drift, nor does what follows.
    (INCREMENT, "fused:bf16/fp32/bf16", 64),
    (REWRITE, "fused:bf16/fp32/bf16", 64),
    (LONGER, "rounded:bf16/fp16", 16),
    # What drifts cost is counted for the families of tokens that may be right, and for no others.
    (INCREMENT, "rounded:float(6,-30,30)/float(6,-30,30)", 32),
    (LONGER, "rounded:float(6,-30,30)/float(6,-30,30)", 32),
]
"""Where that one proved nothing."""


@pytest.mark.parametrize(("machine", "arithmetic", "beta", "most", "margin"), BOUNDED)
def test_no_more_drifts(machine: Machine, arithmetic: str, beta: int, most: str, margin: str) -> None:
    found = new(machine, arithmetic, beta)
    assert found is not None
    assert found.most <= Fraction(most)
    assert 1 >= found.margin >= Fraction(margin)


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


@pytest.mark.parametrize(("machine", "arithmetic", "beta"), [BOUNDED[1][:3], BOUNDED[5][:3], BETTER[0]])
def test_with_less_of_its_cases_a_head_shows_no_more(machine: Machine, arithmetic: str, beta: int) -> None:
    found, coarsely = new(machine, arithmetic, beta), followed(machine, arithmetic, beta, coarse(recorded(machine)))
    assert found is not None
    if coarsely is not None:
        assert coarsely.most >= found.most
        assert coarsely.margin <= found.margin


@pytest.mark.parametrize(("machine", "arithmetic", "beta"), BETTER[-1:])
def test_and_sometimes_nothing(machine: Machine, arithmetic: str, beta: int) -> None:
    assert followed(machine, arithmetic, beta, coarse(recorded(machine))) is None


@pytest.mark.parametrize(("machine", "arithmetic", "beta"), NEITHER)
def test_nothing_is_proved(machine: Machine, arithmetic: str, beta: int) -> None:
    assert new(machine, arithmetic, beta) is None


@pytest.mark.parametrize(("machine", "arithmetic", "beta"), BETTER)
def test_more_is_proved_where_it_is_known_why(machine: Machine, arithmetic: str, beta: int) -> None:
    assert new(machine, arithmetic, beta) is not None


def test_the_least_beta_is_found() -> None:
    machine = load_machine("increment")
    certificate = certify(network_of(INCREMENT), cot_theory(machine, 4), "rounded:bf16/fp16", context=16, tokens=True)
    assert certificate.verdict.value == "tokens proved"
    assert certificate.bundle.universal.beta == 16
    given = certify(network_of(INCREMENT), cot_theory(machine, 4), "rounded:bf16/fp16", context=16, beta=8, tokens=True)
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
