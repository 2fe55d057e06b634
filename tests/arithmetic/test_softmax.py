"""Decisions about heads, against a table of smallest failures, single queries, and simulated accumulation."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest

from exactformer.verify.arithmetic.exponentials import exp_minus, with_slack
from exactformer.verify.arithmetic.formats import BF16, FP16, FP32, FixedFormat, round_to, rounding_cell
from exactformer.verify.arithmetic.groups import Interval
from exactformer.verify.arithmetic.models import (
    Exact,
    Fused,
    ModelError,
    Rounded,
    largest_beta_exponent,
    parse_arithmetic,
)
from exactformer.verify.arithmetic.query import evaluate_query
from exactformer.verify.arithmetic.rounding import NotShown
from exactformer.verify.arithmetic.softmax import (
    FactsError,
    Fails,
    HeadBounds,
    HeadFacts,
    Holds,
    decide,
    smallest_beta,
)
from exactformer.verify.arithmetic.ties import TieFacts, decide_ties
from tests.arithmetic.accumulating import simulate_fused
from tests.effort import calls

SMALLEST_FAILING_TIES = {
    # Spec section 4.3.
    "bf16/bf16": 61,
    "fp16/fp16": 11,
    "fp32/fp32": 41,
    "e4m3fn/e4m3fn": 19,
    "e5m2/e5m2": 29,
    "bf16/fp16": 3,
    "bf16/fp32": 3,
    "fp16/bf16": None,
    "fp32/bf16": None,
    "bf16/e4m3fn": None,
    "bf16/e5m2": None,
}


def exactly(value: int) -> tuple[Fraction, Fraction]:
    return Fraction(value), Fraction(value)


@pytest.mark.parametrize("formats", SMALLEST_FAILING_TIES)
def test_the_table_of_ties(formats: str) -> None:
    model = parse_arithmetic(f"rounded:{formats}")
    smallest = SMALLEST_FAILING_TIES[formats]
    assert decide_ties(model, TieFacts(1, 4999, 4999), 1 << 12).up_to == (4999 if smallest is None else smallest - 1)
    for m in range(1, 80):
        # Nothing leaks: hold the function against one query, and against the decision.
        kept = evaluate_query(model, 1, {0: (m, m, 0)}) == exactly(1)
        assert isinstance(decide(model, HeadFacts(None, (m,), m), 1), Holds) == kept
        assert kept or (smallest is not None and m >= smallest)
    if smallest is not None:
        assert evaluate_query(model, 1, {0: (smallest, smallest, 0)}) != exactly(1)


MODELS = [
    "rounded:bf16",
    "rounded:fp16",
    "rounded:fp32/bf16",
    "rounded:bf16/fp16",
    "rounded:e4m3fn/e5m2",
    "rounded:float(6,-10,10)/float(3,-2,3)",
    "rounded:fixed9/fixed6",
    "fused:bf16",
    "fused:bf16/fp32/fp16",
    "fused:fp32/fp32/e4m3fn",
    "fused:e4m3fn/fp16/e5m2",
    "fused:float(6,-10,10)/float(9,-20,20)/float(3,-2,3)",
    "fused:float(5,-10,10)/float(6,-20,20)/float(2,-1,3)",
    "fused:fixed9/fixed9/fixed4",
    "fused:fixed9/fixed12.5/float(3,-2,3)",
]


def draw_facts(rng: random.Random) -> HeadFacts:
    context = rng.choice([1, 2, 3, 5, 9, 17, 33])
    ties = sorted({rng.randint(1, context) for _ in range(rng.randint(0, 3))})
    return HeadFacts(rng.choice([None, 1, 2, 3]), tuple(ties), context)


def draw_query(facts: HeadFacts, rng: random.Random) -> tuple[int, dict[int, tuple[int, int, int]]]:
    """A shared value and a score histogram that agree with the facts; half of them leak as much as they may."""
    value = rng.choice([-1, 0, 1]) if facts.ties else 0
    visible = facts.context if rng.random() < 0.5 else rng.randint(1, facts.context)
    m = rng.choice(facts.ties) if value else rng.randint(1, visible)
    m = m if facts.separation else max(m, visible if not value else m)
    others = max(0, visible - m) if facts.separation else 0
    gaps: Counter[tuple[int, int]] = Counter()
    worst = rng.random() < 0.5
    for _ in range(others):
        gap = facts.separation if worst else (facts.separation or 0) + rng.randint(0, 3)
        gaps[gap or 0, (-value or 1) if worst else rng.choice([-1, 0, 1])] += 1
    histogram = {0: (m, m * (value == 1), m * (value == -1))}
    for gap in {gap for gap, _ in gaps}:
        plus, zero, minus = (gaps[gap, v] for v in (1, 0, -1))
        histogram[gap] = (plus + zero + minus, plus, minus)
    return value, histogram


@pytest.mark.parametrize("text", MODELS)
def test_where_the_decision_holds_every_query_gives_exactly_the_hardmax_value(text: str) -> None:
    """The soundness of `decide`. Each round looks on both sides of the smallest beta that holds."""
    rng = random.Random(text)
    model = parse_arithmetic(text)
    seen: Counter[str] = Counter()
    for _ in range(250):
        facts = draw_facts(rng)
        smallest = smallest_beta(model, facts, 8)
        beta = rng.choice(
            [1, 2, 4, 8] if smallest is None else [smallest, smallest, 2 * smallest, max(1, smallest // 2)]
        )
        decision = decide(model, facts, beta)
        for _ in range(4):
            value, histogram = draw_query(facts, rng)
            try:
                low, high = evaluate_query(model, beta, histogram)
            except NotShown:
                assert isinstance(decision, Fails)
                continue
            if isinstance(decision, Holds):
                seen["holds"] += 1
                seen["holds with competitors"] += facts.separation is not None and facts.context > 1
                # A sum swallows what is small next to ones; of -1 that is said by cases only, as the mirror image.
                assert low == high == value or (value == -1 and low <= value <= high)
            else:
                seen["fails"] += 1
                seen["refuted"] += not low <= value <= high
            if isinstance(model, Fused):
                result = simulate_fused(model, beta, histogram, rng)
                assert low <= result <= high
                seen["leaks kept out"] += isinstance(decision, Holds) and leaks(model, beta, histogram)
    assert min(seen["holds with competitors"], seen["fails"]) > 20
    if "rounded" in text:
        assert seen["refuted"] > 0
    if text in ("fused:bf16/fp32/fp16", "fused:fp32/fp32/e4m3fn", MODELS[11], MODELS[12], MODELS[14]):
        assert seen["leaks kept out"] > 0


def leaks(model: Fused, beta: int, histogram: dict[int, tuple[int, int, int]]) -> bool:
    return any(gap and round_to(model.weights, exp_minus(beta * gap).high) > 0 for gap in histogram)


@pytest.mark.parametrize("text", MODELS)
def test_the_decision_is_monotone_in_beta(text: str) -> None:
    rng = random.Random(text)
    model = parse_arithmetic(text)
    for _ in range(60):
        facts = draw_facts(rng)
        holds = [isinstance(decide(model, facts, 2**e), Holds) for e in range(10)]
        assert holds == sorted(holds)
        expected = 2 ** holds.index(True) if any(holds) else None
        assert smallest_beta(model, facts, 9) == expected
        if expected is not None and expected > 1:
            assert smallest_beta(model, facts, expected.bit_length() - 2) is None


def worst_query(facts: HeadFacts, m: int, value: int) -> dict[int, tuple[int, int, int]]:
    """All others at the separation, and as far from the shared value (0 or 1) as can be."""
    others = facts.context - m
    positive, negative = (others, 0) if value == 0 else (0, others)
    return {0: (m, m * value, 0), facts.separation or 1: (others, positive, negative)}


@pytest.mark.parametrize("weights", ["fp32", "bf16", "fp16", "float(6,-100,10)"])
@pytest.mark.parametrize("m", [1, 2, 5])
def test_the_rounded_bounds_are_attained_by_the_worst_query(weights: str, m: int) -> None:
    """With activations so precise that they hide nothing; the bounds are slack only where tau^2 matters."""
    model = parse_arithmetic(f"rounded:{weights}/float(200,-2000,10)")
    facts = HeadFacts(2, (m,), 20)
    for beta in (1, 2, 4, 8, 16, 32):
        bounds = decide(model, facts, beta).bounds
        assert bounds.one is not None
        assert bounds.zero is not None
        low, _ = evaluate_query(model, beta, worst_query(facts, m, 1))
        _, zero = evaluate_query(model, beta, worst_query(facts, 1, 0))
        assert bounds.one.low <= low
        assert zero <= bounds.zero.high
        if beta >= 16:
            assert bounds.one.low == low
            assert bounds.zero.high == zero


@pytest.mark.parametrize(("text", "exponent_bits"), [("rounded:fp16", 25), ("rounded:bf16", 134), ("fused:fp32", 150)])
def test_the_leak_is_gone_just_where_the_spec_says(text: str, exponent_bits: int) -> None:
    """beta D > 25 ln 2 (fp16), 134 ln 2 (bf16), 150 ln 2 (fp32 exponentials); ln 2 = 0.693147..."""
    threshold = exponent_bits * Fraction(693147, 10**6)
    model = parse_arithmetic(text)
    for x in range(1, 200):
        holds = isinstance(decide(model, HeadFacts(x, (1,), 16), 1), Holds)
        assert holds == (x > threshold)


@pytest.mark.parametrize("facts", [HeadFacts(1, (1, 2), 9), HeadFacts(2, (3,), 4), HeadFacts(1, (), 5)])
@pytest.mark.parametrize("beta", [1, 2, 8])
def test_exact_reports_an_error_bound_that_queries_keep_and_attain(facts: HeadFacts, beta: int) -> None:
    decision = decide(Exact(), facts, beta)
    assert isinstance(decision, Fails)
    zero, slack = decision.bounds.zero, Fraction(1, 2**50)
    assert zero is not None
    low, high = evaluate_query(Exact(), beta, worst_query(facts, 1, 0))
    assert low <= zero.high <= high + slack
    for m in facts.ties:
        low, _ = evaluate_query(Exact(), beta, worst_query(facts, m, 1))
        assert decision.bounds.one is not None
        assert decision.bounds.one.low <= low + slack
        assert m != facts.ties[0] or low - slack <= decision.bounds.one.low


@pytest.mark.parametrize("text", ["exact", *MODELS])
def test_a_single_position_or_no_competitor_always_holds(text: str) -> None:
    model = parse_arithmetic(text)
    assert isinstance(decide(model, HeadFacts(1, (1,), 1), 1), Holds)
    assert isinstance(decide(model, HeadFacts(None, (1, 2), 9), 1), Holds)


REASONS = {
    "tie of 61 in bf16": ("rounded:bf16", HeadFacts(2, (1, 60, 61), 64), 64, 61, "rounds to 255/256 in bf16, not 1"),
    "leak into 0": ("rounded:bf16", HeadFacts(1, (1,), 16), 64, 1, "has the value 0, the result"),
    "leak into 0, fused": ("fused:bf16", HeadFacts(1, (), 16), 64, 1, "has the value 0, the result"),
    "large leak into 1": ("rounded:fp32/bf16", HeadFacts(1, (2,), 16), 1, 2, "2 maximisers share the value 1"),
    "more ones than the accumulator counts": (
        "fused:e4m3fn/fp16/e4m3fn",
        HeadFacts(2, (1, 2049), 4096),
        64,
        2049,
        "sums of 2049 terms are not accurate in the accumulator fp16",
    ),
    "sums that may overflow": ("fused:e4m3fn/fp16/e4m3fn", HeadFacts(2, (1,), 2**16), 64, 1, "may overflow the"),
    "fixed accumulator too short": ("fused:fixed9/fixed9/bf16", HeadFacts(2, (1,), 256), 64, 1, "sums of 256 terms"),
    "too many inaccurate terms": ("fused:bf16/fp32/fp16", HeadFacts(1, (1,), 2**25), 1, 1, "are not accurate in"),
    "result beyond the format": ("rounded:e4m3fn", HeadFacts(1, (1,), 2**30), 4, 1, "beyond the largest finite number"),
}


@pytest.mark.parametrize("title", REASONS)
def test_names_the_reason(title: str) -> None:
    text, facts, beta, m, says = REASONS[title]
    decision = decide(parse_arithmetic(text), facts, beta)
    assert isinstance(decision, Fails)
    assert decision.reason.maximisers == m
    assert says in decision.reason.sentence
    assert len(decision.reason.sentence) < 250


def test_both_ends_must_round_to_the_value() -> None:
    """Here only the upper end is outside the rounding cell of 1."""
    decision = decide(parse_arithmetic("rounded:fixed9/fixed6"), HeadFacts(3, (27,), 32), 1)
    assert isinstance(decision, Fails)
    assert decision.bounds.one is not None
    assert rounding_cell(FixedFormat(6), Fraction(1)).contains(decision.bounds.one.low)
    assert "rounds to 65/64 in fixed6, not 1" in decision.reason.sentence


def test_a_leak_that_outweighs_the_maximisers_is_bounded_too() -> None:
    """One maximiser of value 1 and 63 leaks of exp(-1), of value -1: the result is near -1, inside the bounds."""
    model = Fused(BF16, FP32, FP16)
    facts = HeadFacts(1, (1,), 64)
    one = decide(model, facts, 1).bounds.one
    assert one is not None
    low, high = evaluate_query(model, 1, worst_query(facts, 1, 1))
    assert one.low <= low <= high < Fraction(-9, 10)
    assert one.low > -1
    assert Fraction(99, 100) < one.high < Fraction(101, 100)


def test_a_reason_with_huge_numbers_is_still_a_sentence() -> None:
    model = parse_arithmetic("rounded:float(8,-4096,127)/float(8,-4096,127)")
    decision = decide(model, HeadFacts(1, (), 2**64), 2048)
    assert isinstance(decision, Fails)
    assert "the value 0" in decision.reason.sentence
    assert "2^" in decision.reason.sentence


def test_scores_that_may_become_equal_are_the_reason() -> None:
    decision = decide(parse_arithmetic("fused:bf16@e4m3fn+once"), HeadFacts(2, (1,), 64, 64), 8)
    assert isinstance(decision, Fails)
    assert decision.bounds == HeadBounds(None, None)
    assert "scores up to 64 that are 2 apart may be equal" in decision.reason.sentence


BAD_FACTS: dict[str, dict[str, Any]] = {
    "separation 0": {"separation": 0, "ties": (1,), "context": 4},
    "negative separation": {"separation": -2, "ties": (1,), "context": 4},
    "more maximisers than positions": {"separation": 2, "ties": (1, 5), "context": 4},
    "no maximiser": {"separation": 2, "ties": (0, 1), "context": 4},
    "unsorted ties": {"separation": 2, "ties": (2, 1), "context": 4},
    "repeated ties": {"separation": 2, "ties": (1, 1), "context": 4},
    "no positions": {"separation": 2, "ties": (), "context": 0},
}


@pytest.mark.parametrize("title", BAD_FACTS)
def test_rejects_as_facts(title: str) -> None:
    with pytest.raises(FactsError):
        HeadFacts(**BAD_FACTS[title])


@pytest.mark.parametrize("beta", [0, -2, 3, 6])
def test_rejects_a_beta_that_is_no_power_of_two(beta: int) -> None:
    with pytest.raises(ModelError, match=str(beta)):
        decide(parse_arithmetic("fused:bf16"), HeadFacts(2, (1,), 4), beta)


def test_the_bounds_are_rationals_one_can_recompute() -> None:
    bounds = decide(Rounded(FP32, FP32), HeadFacts(2, (3,), 10), 16).bounds
    tau = exp_minus(32).high
    leak = 7 * round_to(FP32, tau / (3 + tau))
    assert bounds.one == Interval(
        3 * round_to(FP32, 1 / (3 + 7 * tau)) - leak,
        3 * round_to(FP32, Fraction(1, 3)) + leak,
    )


def test_the_fused_bounds_are_rationals_one_can_recompute() -> None:
    """num and den for each maximiser, and their quotient near the mean: both hold."""
    one = decide(Fused(BF16, FP32, FP32), HeadFacts(2, (3,), 10), 4).bounds.one
    delta, error = round_to(BF16, exp_minus(8).high), Fraction(9, 2**24)
    low = (3 - 7 * delta - error * (3 + 7 * delta)) / ((3 + 7 * delta) * (1 + error))
    off = 2 * error / (1 - error)
    model = Fused(BF16, FP32, FP32)
    both = (Interval(low, (1 + error) / (1 - error)), Interval((3 - 7 * delta) / (3 + 7 * delta) - off, 1 + off))
    assert one == with_slack(model, both[0]).meet(with_slack(model, both[1]))


@pytest.mark.parametrize("text", ["rounded:fp32/bf16", "rounded:bf16", "fused:bf16", "exact", "fused:bf16/fp32/fp16"])
@pytest.mark.parametrize("context", [2**16, 2**64])
def test_work_grows_with_the_ties_and_not_with_the_context(text: str, context: int) -> None:
    model = parse_arithmetic(text)

    def search(ties: int) -> None:
        smallest_beta(model, HeadFacts(2, tuple(range(1, ties + 1)), context), largest_beta_exponent(model, 64))

    # Seven decisions, one or two thousand calls for each range of ties that is looked at.
    assert calls(lambda: search(1)) < 30_000
    assert calls(lambda: search(1_000)) < 1_000 * 4_000


@pytest.mark.parametrize("text", ["rounded:fp32/bf16", "fused:bf16", "exact"])
def test_numbers_stay_short_however_large_beta_is(text: str) -> None:
    bounds = decide(parse_arithmetic(text), HeadFacts(2, (1, 1000), 2**64), 1 << 64).bounds
    assert bounds.one is not None
    assert bounds.zero is not None
    assert max(x.denominator.bit_length() for x in (*bounds.one, *bounds.zero)) < 700
