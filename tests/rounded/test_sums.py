"""Weights and sums: orders of accumulation step by step, enclosures that do not decide, and `evaluate_query`."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import sequences_of
from exactformer.verify.arithmetic.formats import FormatOverflow, ieee_format, parse_format
from exactformer.verify.arithmetic.models import Exact, Fused, parse_arithmetic, split_beta
from exactformer.verify.arithmetic.query import evaluate_query
from exactformer.verify.hardmax.attention import score_gaps
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import Sublayer, stages
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.rounded import exponential
from exactformer.verify.rounded.attention import Setting, UnsupportedArithmetic, head_output
from exactformer.verify.rounded.dyadic import whole
from exactformer.verify.rounded.exponential import Undecided, rounded_exp_minus
from exactformer.verify.rounded.order import Order, denominator_sum, numerator_sum
from tests.rounded.naive import both_ends, exp_minus, halved, left_to_right


@pytest.mark.parametrize("name", ["bf16", "e4m3fn", "fixed3", "fp32"])
def test_orders_step_by_step(name: str) -> None:
    rng = Random(name)
    model = Fused(parse_format("float(2,-1,0)"), parse_format(name), parse_format("fp32"))
    for _ in range(60):
        places, size = rng.randrange(12), rng.choice((3, 200))
        terms = [rng.choice((0, 1, 1, rng.randrange(size))) for _ in range(rng.randrange(1, 40))]
        signed = [rng.choice((-1, 1)) * term for term in terms]
        exact = [Fraction(term, 1 << places) for term in signed]
        try:
            expected = left_to_right(model, exact)
        except FormatOverflow:
            with pytest.raises(FormatOverflow):
                numerator_sum(model.accumulator, signed, places)
            continue
        assert numerator_sum(model.accumulator, signed, places) == expected
        kept = [Fraction(1) for term in terms if term]
        assert denominator_sum(model.accumulator, [1] * len(kept), 0, Order.PAIRWISE_DENOMINATOR) == (
            halved(model, kept) if kept else 0
        )


def test_equal_terms_that_stop_growing() -> None:
    fp8 = parse_format("e4m3fn")
    assert [numerator_sum(fp8, [1] * n, 0) for n in (15, 16, 17, 400)] == [15, 16, 16, 16]
    assert [numerator_sum(fp8, [3] * n, 0) for n in (6, 7, 8, 9)] == [18, 20, 24, 28]
    assert denominator_sum(fp8, [1] * 400, 0, Order.PAIRWISE_DENOMINATOR) == 384


def test_a_rounding_that_is_not_decided_is_no_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    number_format = ieee_format(200, 0, 0)  # its spacing is four times as wide as the first enclosure
    monkeypatch.setattr(exponential, "MOST_BITS", 1)
    undecided = []
    for gap in range(1, 60):
        try:
            rounded_exp_minus(number_format, gap, 3)
        except Undecided:
            undecided.append(gap)
    assert undecided
    monkeypatch.undo()
    for gap in undecided:
        low, high = exp_minus(Fraction(gap, 8))
        assert rounded_exp_minus(number_format, gap, 3) == both_ends(number_format, low, high)


def test_arithmetics_that_are_not_computed_are_refused() -> None:
    with pytest.raises(UnsupportedArithmetic, match="exact"):
        Setting(Exact(), split_beta(0))  # type: ignore[arg-type]


ENCLOSED = ("rounded:bf16", "rounded:e4m3fn/bf16", "rounded:fixed8", "fused:e4m3fn", "fused:bf16/bf16/bf16")


@pytest.mark.parametrize("arithmetic", ENCLOSED)
def test_evaluate_query_encloses_what_a_head_computes(arithmetic: str) -> None:
    """On hardmax activations, at betas that leak and at one that does not, in both orders."""
    rng, model = Random(arithmetic), parse_arithmetic(arithmetic)
    assert not isinstance(model, Exact)
    machine = load_machine("rewrite")
    prepared = PreparedNetwork(construct(Paradigm.COT, machine, 6))
    (sequence,) = sequences_of(Paradigm.COT, trace(machine, "1" * 12), 6)
    batch = embed(prepared, [sequence])
    looked_at = apart = 0
    for stage in stages(prepared, batch):
        if stage.sublayer is not Sublayer.ATTENTION or not stage.attentions:
            continue
        head, _ = rng.choice(stage.attentions)
        setting = Setting(model, split_beta(rng.choice((0, 1, 2, 4, 7))), rng.choice(list(Order)))
        output = head_output(setting, head, whole(stage.before), prepared.network.position_bits)
        for query in rng.sample(range(batch.length), 8):
            gaps, values = score_gaps(head, stage.before, batch.start, query)
            for row, value in enumerate(values):
                histogram = {
                    int(gap): (
                        int((gaps == gap).sum()),
                        int((value[gaps == gap] == 1).sum()),
                        int((value[gaps == gap] == -1).sum()),
                    )
                    for gap in np.unique(gaps)
                }
                low, high = evaluate_query(model, setting.split.beta, histogram)
                assert low <= output.value(row, query) <= high, (stage.layer, query, row)
                looked_at += 1
                apart += output.value(row, query) not in (-1, 0, 1)
    assert looked_at > 100
    assert apart > 10
