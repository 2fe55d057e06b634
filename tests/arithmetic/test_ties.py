"""Any number of maximisers up to a bound, against the decision for each single number; and numbers that are known."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from itertools import product

import pytest
from exactformer.certificates.checker.arithmetic import parse_model
from exactformer.certificates.checker.ties import outcome

from exactformer.verify.arithmetic import at_once
from exactformer.verify.arithmetic.cells import activation_cells
from exactformer.verify.arithmetic.exponential import exp_minus_upper
from exactformer.verify.arithmetic.formats import round_to
from exactformer.verify.arithmetic.models import (
    ArithmeticModel,
    Exact,
    Rounded,
    largest_beta_exponent,
    parse_arithmetic,
)
from exactformer.verify.arithmetic.scaled_separation import smallest_beta_for_ties
from exactformer.verify.arithmetic.softmax import Fails, HeadFacts, Holds, decide
from exactformer.verify.arithmetic.ties import TieDecision, TieFacts, decide_ties
from tests.effort import calls

ROUNDED = (
    "rounded:bf16/bf16",
    "rounded:fp16/bf16",
    "rounded:fp32/fp32",
    "rounded:e4m3fn/e5m2",
    "rounded:e5m2/e5m2",
    "rounded:float(5,-3,4)/float(3,-2,2)",
    "rounded:float(6,-2,2)/float(3,-2,2)",
    "rounded:float(9,-4,0)/e4m3fn",
    "rounded:float(4,0,1)/float(2,0,1)",
    "rounded:fixed3/fixed2",
    "rounded:fixed12/fixed4",
    "rounded:fixed12/bf16",
    "rounded:fixed1.1/float(2,0,1)",
    "rounded:fixed3.2/fixed1.2",
    "rounded:fp32/fixed6",
)
FUSED = (
    "fused:bf16",
    "fused:e4m3fn/fp16/bf16",
    "fused:e4m3fn/float(4,-9,9)/e4m3fn",
    "fused:float(2,-1,1)/float(3,-2,3)/float(2,0,1)",
    "fused:fixed3/fixed4.5/bf16",
    "fused:fixed2/fixed2.3/fixed2",
    "fused:e5m2/float(5,-20,4)/e5m2",
)
MODELS = (*ROUNDED, *FUSED, "exact")
CONTEXTS, SEPARATIONS, BETAS = (1, 2, 3, 7, 24, 60), (1, 2), (1, 2, 4, 8, 16, 64, 1024)


def one_by_one(model: ArithmeticModel, facts: TieFacts, beta: int) -> int:
    """The last of the numbers 1, 2, .. that hold, each decided for itself."""
    for m in range(1, facts.most + 1):
        if isinstance(decide(model, HeadFacts(facts.separation, (m,), facts.context), beta), Fails):
            return m - 1
    return facts.most


@pytest.mark.parametrize("text", MODELS)
def test_all_at_once_is_each_for_itself(text: str) -> None:
    model, found = parse_arithmetic(text), set()
    for context, separation, beta in product(CONTEXTS, SEPARATIONS, BETAS):
        facts = TieFacts(separation, context, context)
        found.add(up_to := decide_ties(model, facts, beta).up_to)
        assert up_to == one_by_one(model, facts, beta), (facts, beta)
        for most in {1, up_to, up_to + 1} & set(range(1, context)):
            assert decide_ties(model, TieFacts(separation, most, context), beta).up_to == min(up_to, most)
    assert len(found) > (text != "exact"), "all alike"


@pytest.mark.parametrize("text", ROUNDED)
def test_what_is_said_to_be_rounded_is_what_each_number_rounds(text: str) -> None:
    """An interval around those of all numbers, up to the first that fails; no wider where none is decided at once."""
    model = parse_arithmetic(text)
    for context, beta in product((2, 24, 60), BETAS):
        facts = TieFacts(1, context, context)
        made = decide_ties(model, facts, beta)
        decided = [
            decide(model, HeadFacts(1, (m,), context), beta).bounds for m in range(1, min(made.up_to + 1, context) + 1)
        ]
        lows = [bounds.one_low for bounds in decided if bounds is not None and bounds.one_low is not None]
        highs = [bounds.one_high for bounds in decided if bounds is not None and bounds.one_high is not None]
        first = decided[0]
        assert first is not None
        assert (made.tau, made.zero) == (exp_minus_upper(beta), first.zero_bound)
        if made.one is None:
            assert not first.zero_cell.contains(first.zero_bound)
            continue
        assert made.one[0] <= min(lows)
        assert max(highs) <= made.one[1]
        if made.up_to < context:
            assert not (first.one_cell.contains(made.one[0]) and first.one_cell.contains(made.one[1]))
        else:
            assert first.one_cell.contains(made.one[0])
            assert first.one_cell.contains(made.one[1])
        if made.up_to == 0:
            assert made.one == (min(lows), max(highs))


def exponents(model: ArithmeticModel) -> range:
    return range(min(largest_beta_exponent(model, 8), 14) + 1)


@pytest.mark.parametrize("text", MODELS)
def test_more_beta_is_never_worse(text: str) -> None:
    model = parse_arithmetic(text)
    for context, separation in product(CONTEXTS, SEPARATIONS):
        facts = TieFacts(separation, context, context)
        numbers = [decide_ties(model, facts, 1 << e).up_to for e in exponents(model)]
        assert numbers == sorted(numbers)
        enough = [1 << e for e, number in enumerate(numbers) if number == context]
        assert smallest_beta_for_ties(model, facts, exponents(model)[-1]) == (enough[0] if enough else None)


KNOWN: dict[str, int] = {
    # Spec section 4.3: one less than the smallest number of maximisers that fails.
    "rounded:bf16/bf16": 60,
    "rounded:fp16/fp16": 10,
    "rounded:fp32/fp32": 40,
    "rounded:e4m3fn/e4m3fn": 18,
    "rounded:e5m2/e5m2": 28,
    "rounded:bf16/fp32": 2,
    "rounded:bf16/fp16": 2,
    "rounded:fp16/bf16": 65922,
    "rounded:fixed16/bf16": 299,
    "fused:bf16": 2**24,
    "fused:e4m3fn/fp16/bf16": 2**11,
    "fused:fixed4/fixed4/bf16": 2**8 - 1,
}


def decided(text: str, context: int) -> TieDecision:
    """All numbers of maximisers in a context, at a beta that leaves nothing to the others."""
    return decide_ties(parse_arithmetic(text), TieFacts(1, context, context), 1 << 12)


@pytest.mark.parametrize("text", KNOWN)
def test_known_numbers(text: str) -> None:
    for context in (KNOWN[text] - 1, KNOWN[text], KNOWN[text] + 1, 2 * KNOWN[text]):
        # Of fused models the accumulator has to hold as many terms as there are positions, too.
        assert decided(text, context).up_to in ({min(context, KNOWN[text])} | ({0} if "fused" in text else set()))
    assert decided(text, KNOWN[text]).up_to == KNOWN[text]


@pytest.mark.parametrize(
    ("text", "up_to"),
    [
        ("fused:bf16", 2**24),
        ("fused:bf16/fp32/fp32", 2**24),
        ("rounded:fp32/bf16", 2**64),
        ("rounded:fp32/fp16", 2**64),
        ("rounded:fp16/bf16", 65922),
        ("rounded:bf16/bf16", 60),
        ("rounded:fixed12/bf16", 33),
        ("exact", 0),
    ],
)
def test_a_huge_context_is_as_quick_as_a_small_one(text: str, up_to: int) -> None:
    found: list[int] = []
    work = calls(lambda: found.append(decided(text, 2**64).up_to))
    assert found == [up_to]
    # `rounded:fp16/bf16` tries those from 2^14 on one by one.
    assert work < (50 * (up_to - 2**14) if text == "rounded:fp16/bf16" else 20_000), "as if all 2^64 were tried"


def test_numbers_that_are_tried_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """`rounded:fp16/bf16`: at once while m q/2 and a little leak are at most 2^-9, half the spacing below 1."""
    for few in (1, 10, 300):
        monkeypatch.setattr(at_once, "MOST_ONE_BY_ONE", few)
        assert decided("rounded:fp16/bf16", 2**30).up_to == 2**16 - 1 + few
        assert decided("rounded:fixed60/bf16", 2**60).up_to == 2**52 - 1 + few
        assert decided("rounded:bf16/bf16", 2**30).up_to == min(few, 60)
    monkeypatch.setattr(at_once, "MOST_ONE_BY_ONE", 0)
    assert decided("rounded:fp32/bf16", 2**64).up_to == 2**64


SMALL_WEIGHTS = ("float(3,-4,1)", "float(4,-3,0)", "float(5,-5,2)", "fixed3", "fixed5.1", "fixed8", "e5m2")
SMALL_ACTIVATIONS = ("float(2,-1,1)", "float(3,-2,2)", "float(4,-3,0)", "fixed1.1", "fixed3", "fixed6")


def test_what_is_decided_at_once_contains_every_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """By brute force: m weights, each rounded, plus or minus the rounded weights of others, for every m that is decided
    at once, every number of others and some shares that they have."""
    monkeypatch.setattr(at_once, "MOST_ONE_BY_ONE", 0)
    seen = Counter[str]()
    for weights, activations in product(SMALL_WEIGHTS, SMALL_ACTIVATIONS):
        model = parse_arithmetic(f"rounded:{weights}/{activations}")
        assert isinstance(model, Rounded)
        cell = activation_cells(model).one
        for context, beta in product((1, 2, 5, 24), (1, 2, 4, 16)):
            made = decide_ties(model, TieFacts(1, context, context), beta)
            assert made.tau is not None
            if made.up_to == 0:
                continue
            assert made.one is not None
            seen[weights.partition("(")[0]] += made.up_to
            assert cell.contains(made.one[0])
            assert cell.contains(made.one[1])
            for m in range(1, made.up_to + 1):
                for others, t in product(range(context - m + 1), (0 * made.tau, made.tau / 3, made.tau)):
                    weight = round_to(model.weights, 1 / (m + others * t))
                    leak = others * round_to(model.weights, t / (m + others * t))
                    assert made.one[0] <= m * weight - leak, (model.text, context, beta, m, others)
                    assert m * weight + leak <= made.one[1], (model.text, context, beta, m, others)
    assert all(seen[kind] > 30 for kind in ("float", "fixed3", "fixed8", "e5m2")), seen


def test_no_beta_is_enough_where_none_is() -> None:
    bf16, exact = parse_arithmetic("rounded:bf16/bf16"), parse_arithmetic("exact")
    assert smallest_beta_for_ties(bf16, TieFacts(1, 60, 2**20), 20) == 128
    assert smallest_beta_for_ties(bf16, TieFacts(1, 61, 2**20), 20) is None
    assert smallest_beta_for_ties(exact, TieFacts(2, 1, 4), 20) is None
    assert smallest_beta_for_ties(bf16, TieFacts(1, 60, 2**20), 4) is None


def test_the_checker_comes_to_the_same_numbers() -> None:
    """It has its own code for SPEC section 16."""
    rng = random.Random(0)
    for text in MODELS:
        model = parse_arithmetic(text)
        theirs = parse_model("arithmetic", model.text)
        for _ in range(40):
            context, separation, e = rng.choice((*CONTEXTS, 300, 2**40)), rng.choice(SEPARATIONS), rng.randrange(11)
            most = min(context, rng.choice((1, 5, 100)))
            here = decide_ties(model, TieFacts(separation, most, context), 1 << e)
            there = outcome(theirs, context, separation, most, e)
            assert there.tau is not None
            assert Fraction(there.tau[0], 1 << there.tau[1]) == here.tau
            assert (there.one, there.zero, there.up_to) == (here.one, here.zero, here.up_to), (text, context, most, e)


def test_the_model_of_real_numbers_proves_nothing_unless_there_is_one_position() -> None:
    facts = TieFacts(1, 1, 1)
    assert isinstance(decide(Exact(), HeadFacts(1, (1,), 1), 1), Holds)
    assert decide_ties(Exact(), facts, 1).up_to == 1
    assert decide_ties(Exact(), TieFacts(1, 2, 2), 1 << 20).up_to == 0
