"""Rows of an audit: against the decision for a proved network, and against each number of maximisers for itself."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import product

import pytest

from exactformer.certificates.checker.theory.walk import Walked
from exactformer.certificates.theory_certificate import prove
from exactformer.certificates.weights import parameters
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.constructions.turing.registers import Phases
from exactformer.constructions.turing.theory import turing
from exactformer.verify.all_inputs import Universal, decide_ties_of
from exactformer.verify.arithmetic.formats import ieee_format
from exactformer.verify.arithmetic.models import ArithmeticModel, Rounded, parse_arithmetic
from exactformer.verify.arithmetic.ties import TieFacts, decide_ties
from exactformer.verify.audit import (
    LOWEST_EXPONENT,
    Bits,
    HeadClass,
    Row,
    attention_weight_bits,
    audit,
    class_of,
)
from exactformer.verify.counting import Subject
from exactformer.verify.verdict import Verdict
from exactformer.verify.writes import Grounds, MostWrites

pytestmark = pytest.mark.usefixtures("walked_once")

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
def proved(name: str, paradigm: Paradigm) -> tuple[Network, Walked]:
    network, theory = turing(load_machine(name), context=16, paradigm=paradigm)
    return network, prove(network, theory)


def decided(name: str, paradigm: Paradigm, model: ArithmeticModel, context: int, most: int) -> Universal:
    """What follows from what is proved, where so many tokens may tie; no inequality speaks of the network's context."""
    network, walked = proved(name, paradigm)
    found = [head for layer in walked.heads for head in layer]
    pairs = [(head.separation or 2, 1 if head.ties == 1 else most) for head in found]
    largest = max(len(head.query) for layer in network.layers for head in layer.heads)
    return decide_ties_of(pairs, largest, model, context, None)


def one_row(arithmetic: str, context: int, name: str = "increment", paradigm: Paradigm = Paradigm.COT) -> Row:
    (row,) = audit(Subject.of_machine(load_machine(name)), paradigm, [parse_arithmetic(arithmetic)], [context])
    return row


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize(("name", "paradigm"), NETWORKS)
def test_a_row_is_what_follows_from_the_hardmax_proof(name: str, paradigm: Paradigm, arithmetic: str) -> None:
    for context in (9, 16):
        row = one_row(arithmetic, context, name, paradigm)
        made = decided(name, paradigm, row.model, context, row.most.bound)
        assert row.verdict is made.verdict
        assert (row.beta, row.split, row.largest_beta) == (made.beta, made.split, 1 << made.largest_exponent)
        assert row.writes == made.most_writes_proved
        most = {True: row.most.bound, False: 1}
        least = {(need.heads.separation, most[need.heads.many]): need.least_beta for need in row.needs}
        assert least == {(case.facts.separation, case.facts.most): case.least_beta for case in made.cases}


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_longer_contexts_too(arithmetic: str) -> None:
    """No inequality speaks of the network, so that of a short context does, but for the largest score."""
    for context in (64, 2**14, 2**25):
        row = one_row(arithmetic, context, "binary-multiplication")
        made = decided("binary-multiplication", Paradigm.COT, row.model, context, context)
        assert (row.beta, row.writes) == (made.beta, made.most_writes_proved)
        assert row.failing == (None if made.proved else made.most_writes_proved + 1)


@pytest.mark.parametrize(("name", "paradigm"), NETWORKS)
def test_heads_have_the_classes_that_the_proof_gives_them(name: str, paradigm: Paradigm) -> None:
    network, walked = proved(name, paradigm)
    wanted = {
        (number, head.name): (found.separation, found.ties != 1)
        for number, (layer, of_layer) in enumerate(zip(network.layers, walked.heads, strict=True), start=1)
        for head, found in zip(layer.heads, of_layer, strict=True)
    }
    heads = one_row("fused:bf16", 16, name, paradigm).size.heads
    found = {(h.layer, h.name): (class_of(h).separation, class_of(h).many) for h in heads}
    # Of the last of these heads it is proved that it selects one token; the audit takes all of them together.
    last = {(network.position_bits + Phases.of(4).L2, f"exists_high_{k}") for k in range(1, 4)} & wanted.keys()
    assert {wanted[one] for one in last} == {(1, False)}
    assert found == wanted | dict.fromkeys(last, (1, True))


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


def test_rows_say_from_which_number_of_ties_on_nothing_is_shown() -> None:
    for text, wanted in (("fp16", 11), ("e4m3fn", 19), ("bf16/fp32", 3), ("fp32/bf16", None)):
        row = one_row(f"rounded:{text}", 2**30, "rewrite")
        assert (row.failing, row.verdict) == (wanted, Verdict.INCONCLUSIVE if wanted else Verdict.PROVED)


def test_a_machine_has_the_ties_that_its_bound_on_writes_allows() -> None:
    """increment writes no cell more than 4 times in a chain of thought; of segments, and of sizes, nothing is known."""
    arithmetic, context = "rounded:bf16/bf16", 2**16
    row = one_row(arithmetic, context)
    assert (row.most, row.writes, row.verdict) == (MostWrites(4, Grounds.PROVED), 4, Verdict.PROVED)
    (of_sizes,) = audit(Subject.of_sizes(1, 6, 5), Paradigm.COT, [row.model], [context])
    for other in (
        one_row(arithmetic, context, paradigm=Paradigm.SCOT),
        one_row(arithmetic, context, "rewrite"),
        of_sizes,
    ):
        assert other.most == MostWrites(context, Grounds.CONTEXT)
        assert (other.writes, other.verdict) == (60, Verdict.INCONCLUSIVE)


def test_a_context_that_holds_no_run_is_refused() -> None:
    assert one_row("fused:bf16", 5).verdict is Verdict.PROVED
    with pytest.raises(ContextError, match="fewer than 5 tokens, so a claim about a context of 4 would be"):
        one_row("fused:bf16", 4)


def test_what_the_accumulator_does_not_count_is_open_and_not_refuted() -> None:
    assert one_row("fused:bf16", 2**24, "rewrite").verdict is Verdict.PROVED
    row = one_row("fused:bf16", 2**24 + 1, "rewrite")
    assert (row.verdict, row.failing) == (Verdict.INCONCLUSIVE, 2**24 + 1)
    assert row.binding is HeadClass.SEARCH


def test_the_real_threshold_lies_between_the_two_powers_and_is_that_of_the_subnormals() -> None:
    """bf16: half the least subnormal is 2^-134, and 134 ln 2 = 92.88; fp16: 25 ln 2 = 17.33."""
    for text, wanted in {"fused:bf16": (92, 93), "fused:fp16": (17, 18)}.items():
        row = one_row(text, 2**20)
        assert row.real_beta == (Fraction(wanted[0]), Fraction(wanted[1]))
        assert row.beta // 2 < row.real_beta[1] <= row.beta


def test_attention_weights_need_the_bits_that_are_said() -> None:
    for text, context in product(("rounded:bf16/bf16", "rounded:e5m2/e5m2", "rounded:fixed8/fixed4"), (4, 40, 200)):
        model = parse_arithmetic(text)
        assert isinstance(model, Rounded)
        bits = attention_weight_bits(model, context, context)
        assert bits is not None
        for precision in range(2, bits.significand + 1):
            shorter = Rounded(ieee_format(precision, LOWEST_EXPONENT, 0), model.activations)
            holds = decide_ties(shorter, TieFacts(4096, context, context), 1).up_to == context
            assert holds == (precision == bits.significand)


def test_bits() -> None:
    row = one_row("fused:bf16", 256)
    assert row.scores == Bits(5, 7, 11)  # up to 31 * 128
    assert row.activations == Bits(1, 0, 4)
    assert [Bits(1, 0, top).exponent for top in (0, 1, 2, 3, 6, 7)] == [1, 2, 2, 3, 3, 4]


def test_a_context_beyond_the_construction_is_refused() -> None:
    with pytest.raises(ContextError, match=r"2\^64"):
        one_row("fused:bf16", 2**64 + 1)
