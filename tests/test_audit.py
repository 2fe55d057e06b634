"""Rows of an audit: against the decision for a proved network, and against each number of maximisers for itself."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import product

import pytest

from certificates.weights import parameters
from constructions.machines.library import load_machine
from constructions.transformer.network import Network
from constructions.turing.construct import construct
from constructions.turing.paradigm import ContextError, Paradigm
from verify.all_inputs import assess_all
from verify.annotation.evidence import Evidence
from verify.annotation.proof import HardmaxProof, prove_hardmax
from verify.arithmetic.formats import ieee_format
from verify.arithmetic.models import Rounded, parse_arithmetic
from verify.arithmetic.softmax import Fails, HeadFacts, decide
from verify.arithmetic.ties import TieFacts, decide_ties
from verify.audit import (
    Bits,
    HeadClass,
    Row,
    Verdict,
    attention_weight_bits,
    audit,
    class_of,
    least_misrounded,
    least_scaled_separation,
    most_ties,
)
from verify.counting import Subject

NETWORKS = (("increment", Paradigm.COT), ("binary-multiplication", Paradigm.COT), ("increment", Paradigm.SCOT))
ARITHMETICS = (
    "fused:bf16",
    "fused:e4m3fn",
    "rounded:fp32/bf16",
    "rounded:bf16/bf16",
    "rounded:fp16/fp16",
    "rounded:fixed12/e4m3fn",
    "rounded:e5m2/e5m2",
)


@cache
def proved(name: str, paradigm: Paradigm) -> tuple[HardmaxProof, Network]:
    machine = load_machine(name)
    network = construct(paradigm, machine, 4)
    proof = prove_hardmax(machine, network, Evidence(), paradigm=paradigm)
    assert isinstance(proof, HardmaxProof)
    return proof, network


def one_row(arithmetic: str, context: int, name: str = "increment", paradigm: Paradigm = Paradigm.COT) -> Row:
    (row,) = audit(Subject.of_machine(load_machine(name)), paradigm, [parse_arithmetic(arithmetic)], [context])
    return row


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize(("name", "paradigm"), NETWORKS)
def test_a_row_is_what_follows_from_the_hardmax_proof(name: str, paradigm: Paradigm, arithmetic: str) -> None:
    for context in (9, 16):
        row = one_row(arithmetic, context, name, paradigm)
        made = assess_all(*proved(name, paradigm), row.model, context, context, None)
        assert (row.verdict is Verdict.PROVED) == made.proved
        assert (row.beta, row.split, row.largest_beta) == (made.beta, made.split, 1 << made.largest_exponent)
        assert row.writes == made.most_writes_proved
        least = {(need.heads.separation, need.heads.most_ties(context)): need.least_beta for need in row.needs}
        assert least == {(case.facts.separation, case.facts.most): case.least_beta for case in made.cases}


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_longer_contexts_too(arithmetic: str) -> None:
    """No inequality speaks of the network, so that of a short context does, but for the largest score."""
    for context in (64, 2**14, 2**25):
        row = one_row(arithmetic, context)
        made = assess_all(*proved("increment", Paradigm.COT), row.model, context, context, None)
        assert (row.beta, row.writes) == (made.beta, made.most_writes_proved)
        assert row.failing == (None if made.proved else made.most_writes_proved + 1)


@pytest.mark.parametrize(("name", "paradigm"), NETWORKS)
def test_heads_have_the_classes_that_the_proof_gives_them(name: str, paradigm: Paradigm) -> None:
    proof, _ = proved(name, paradigm)
    wanted = {(head.layer, head.head.name): (head.separation, head.many) for head in proof.heads}
    heads = one_row("fused:bf16", 16, name, paradigm).size.heads
    found = {(h.layer, h.name): (class_of(h).separation, class_of(h) is HeadClass.SEARCH) for h in heads}
    assert found == wanted


@pytest.mark.parametrize("arithmetic", ["fused:bf16", "rounded:e5m2/e5m2"])
def test_parameters_are_those_of_the_network(arithmetic: str) -> None:
    for context in (16, 200):
        row = one_row(arithmetic, context)
        counted = parameters(construct(Paradigm.COT, load_machine("increment"), row.size.position_bits), None)
        scale = {"query": row.split.query, "key": row.split.key}
        assert [(one.matrix, one.magnitude) for one in row.largest] == [
            (m.matrix, int(m.largest) * scale.get(m.matrix, 1)) for m in counted
        ]
        values = {int(v) * scale.get(m.matrix, 1) for m in counted for v in m.values}
        assert row.parameter_values == values
        assert row.largest_parameter.magnitude == max(map(abs, values))
        bits = row.weights
        assert all(abs(v) % 2**bits.lowest == 0 and abs(v) < 2 ** (bits.highest + 1) for v in values)
        odd = [abs(v) // (abs(v) & -abs(v)) for v in values]
        assert max(odd).bit_length() == bits.significand


SMALL = (
    "rounded:float(5,-3,4)/float(3,-2,2)",
    "rounded:float(4,-3,1)/float(4,-3,1)",
    "rounded:e4m3fn/e5m2",
    "rounded:fixed5/fixed3",
    "fused:float(2,-1,1)/float(3,-2,3)/float(2,0,1)",
    "fused:fixed3/fixed4.5/bf16",
)


@pytest.mark.parametrize("text", SMALL)
def test_thresholds_are_those_of_each_number_for_itself(text: str) -> None:
    model = parse_arithmetic(text)
    for context, most in [(1, 1), (7, 7), (40, 1), (40, 5), (40, 40), (200, 200)]:
        found = least_scaled_separation(model, most, context)

        def holds(x: int, context: int = context, most: int = most) -> bool:
            facts = (HeadFacts(x, (m,), context) for m in range(1, most + 1))
            return not any(isinstance(decide(model, one, 1), Fails) for one in facts)

        if found is None:
            assert not holds(4096)
        else:
            assert holds(found)
            assert found == 1 or not holds(found - 1)


@pytest.mark.parametrize("text", [*SMALL, "rounded:fp32/fp32", "rounded:bf16/bf16", "rounded:fp16/bf16"])
def test_the_short_cut_for_many_maximisers_changes_nothing(text: str) -> None:
    model = parse_arithmetic(text)
    for context, x in product((3, 50, 300, 2**20), (1, 5, 12, 30, 120, 4096)):
        most = min(context, 300)
        assert most_ties(model, x, most, context) == decide_ties(model, TieFacts(x, most, context), 1).up_to


def test_the_least_misrounded_number_is_where_rows_fail() -> None:
    for text, wanted in {
        "rounded:fp16": 11,
        "rounded:e4m3fn": 19,
        "rounded:bf16/fp32": 3,
        "rounded:fp32/bf16": None,
    }.items():
        model = parse_arithmetic(text)
        assert isinstance(model, Rounded)
        assert least_misrounded(model) == wanted
        row = one_row(text, 2**30)
        assert (row.failing, row.verdict) == (wanted, Verdict.FAILS if wanted else Verdict.PROVED)


def test_what_the_accumulator_does_not_count_is_open_and_not_refuted() -> None:
    assert one_row("fused:bf16", 2**24).verdict is Verdict.PROVED
    row = one_row("fused:bf16", 2**24 + 1)
    assert (row.verdict, row.failing) == (Verdict.OPEN, 2**24 + 1)
    assert row.binding is HeadClass.SEARCH


def test_the_real_threshold_lies_between_the_two_powers_and_is_that_of_the_subnormals() -> None:
    """bf16: half the least subnormal is 2^-134, and 134 ln 2 = 92.88; fp16: 25 ln 2 = 17.33 (spec 4.3)."""
    for text, wanted in {"fused:bf16": (92, 93), "fused:fp16": (17, 18)}.items():
        row = one_row(text, 2**20)
        assert row.real_beta == (Fraction(wanted[0]), Fraction(wanted[1]))
        assert row.beta // 2 < row.real_beta[1] <= row.beta


def test_attention_weights_need_the_bits_that_are_said() -> None:
    for text, context in product(("rounded:bf16/bf16", "rounded:e5m2/e5m2", "rounded:fixed8/fixed4"), (4, 40, 200)):
        model = parse_arithmetic(text)
        assert isinstance(model, Rounded)
        bits = attention_weight_bits(model, context)
        assert bits is not None
        for precision in range(2, bits.significand + 1):
            shorter = Rounded(ieee_format(precision, -512, 0), model.activations)
            holds = decide_ties(shorter, TieFacts(4096, context, context), 1).up_to == context
            assert holds == (precision == bits.significand)


def test_bits() -> None:
    row = one_row("fused:bf16", 256)
    assert row.scores == Bits(5, 7, 11)  # up to 31 * 128
    assert row.activations == Bits(1, 0, 4)
    assert [Bits(1, 0, top).exponent for top in (0, 1, 2, 3, 6, 7)] == [1, 2, 2, 3, 3, 4]


def test_a_context_beyond_the_construction_is_refused() -> None:
    with pytest.raises(ContextError, match=r"2\*\*64"):
        one_row("fused:bf16", 2**64 + 1)
