"""Any number of maximisers up to a bound, against the decision for each single number; and numbers that are known."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from exactformer.verify.arithmetic.exponentials import exp_minus
from exactformer.verify.arithmetic.formats import round_to, rounding_cell
from exactformer.verify.arithmetic.groups import ONE, sharing
from exactformer.verify.arithmetic.heads import Output
from exactformer.verify.arithmetic.models import (
    ArithmeticModel,
    Exact,
    Rounded,
    largest_beta_exponent,
    parse_arithmetic,
)
from exactformer.verify.arithmetic.rounding import NotShown
from exactformer.verify.arithmetic.scaled_separation import smallest_beta_for_ties
from exactformer.verify.arithmetic.softmax import Fails, HeadFacts, Holds, decide
from exactformer.verify.arithmetic.ties import Search, TieDecision, TieFacts, decide_ties, gives, tried
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
    """The last of the numbers 1, 2, .. for which it holds, each decided by itself."""
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


@pytest.mark.parametrize("text", MODELS)
def test_what_is_said_to_be_rounded_is_what_each_number_rounds(text: str) -> None:
    """An interval around those of all numbers, up to the first that fails."""
    model = parse_arithmetic(text)
    for context, beta in product((2, 24, 60), BETAS):
        made = decide_ties(model, TieFacts(1, context, context), beta)
        decided = [decide(model, HeadFacts(1, (m,), context), beta) for m in range(1, min(made.up_to + 1, context) + 1)]
        assert made.zero == decided[0].bounds.zero
        if made.one is None:
            assert made.up_to == 0
            continue
        ones = [decision.bounds.one for decision in decided if decision.bounds.one is not None]
        if not isinstance(model, Exact):
            cell = rounding_cell(model.activations, ONE)
            assert all(cell.contains(end) for one in ones[: made.up_to] for end in one)
            assert made.up_to < context or all(map(cell.contains, made.one))
        if made.up_to == 0:
            assert made.one == ones[0]


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
    # `rounded:fp16/bf16` tries some hundreds one by one, from 2^16 on.
    assert work < (2_000_000 if text == "rounded:fp16/bf16" else 200_000), "as if all 2^64 were tried"


def test_queries_that_are_tried_come_to_an_end() -> None:
    """`rounded:fp16/bf16`: many at once while m q/2 and a little leak are at most 2^-9, half the spacing below 1."""
    found = []
    for few in (1, 40, 100, 3000):
        search = Search(parse_arithmetic("rounded:fp16/bf16"), 4096, 2**30, left=few)
        assert not search.show(1, 2**30)
        found.append(search.up_to)
    assert found == sorted(found)
    assert found[0] == 0
    assert 2**15 <= found[1] < found[2] < found[3] == 65922


def test_each_half_is_shown_if_not_both_at_once() -> None:
    """Numbers up to 60 are shown one by one; a search that is cut short says how far it came, and why it ended."""
    model = parse_arithmetic("rounded:bf16/bf16")
    search = Search(model, 128, 2**16)
    assert not search.show(1, 2**16)
    assert (search.up_to, search.at) == (60, 61)
    assert isinstance(search.failed, Output)
    short = Search(model, 128, 2**16, left=20)
    assert not short.show(1, 60)
    assert 0 < short.up_to < 60
    assert short.at == short.up_to + 1
    assert isinstance(short.failed, NotShown)
    assert Search(model, 128, 2**16).show(30, 60)


SMALL_WEIGHTS = ("float(3,-4,1)", "float(4,-3,0)", "float(5,-5,2)", "fixed3", "fixed5.1", "fixed8", "e5m2")
SMALL_ACTIVATIONS = ("float(2,-1,1)", "float(3,-2,2)", "float(4,-3,0)", "fixed1.1", "fixed3", "fixed6")


def test_what_is_decided_at_once_contains_every_sum() -> None:
    """By brute force: m weights, each rounded, plus or minus the rounded weights of others, for every m of a range.

    Each of the others has some share, and there are none, one, half of those that may be, and all of them: what they
    add grows with them.
    """
    seen = Counter[str]()
    for weights, activations in product(SMALL_WEIGHTS, SMALL_ACTIVATIONS):
        model = parse_arithmetic(f"rounded:{weights}/{activations}")
        assert isinstance(model, Rounded)
        for context, beta, fewest in product((2, 5, 24), (1, 2, 4, 16), (1, 2, 5)):
            most = min(context, 3 * fewest)
            found = tried(model, sharing(fewest, most, beta, context)) if fewest <= most else None
            if not isinstance(found, Output):
                continue
            low, high = found.before
            seen[weights.partition("(")[0]] += gives(found, ONE)
            tau = exp_minus(beta).low
            for m in range(fewest, most + 1):
                fewer = context - m
                for others, t in product({0, min(1, fewer), fewer // 2, fewer}, (0 * tau, tau / 3, tau)):
                    weight = round_to(model.weights, 1 / (m + others * t))
                    leak = others * round_to(model.weights, t / (m + others * t))
                    assert low <= m * weight - leak, (model.text, context, beta, m, others)
                    assert m * weight + leak <= high, (model.text, context, beta, m, others)
    assert all(seen[kind] > 20 for kind in ("float", "fixed3", "fixed8", "e5m2")), seen


def test_no_beta_is_enough_where_none_is() -> None:
    bf16, exact = parse_arithmetic("rounded:bf16/bf16"), parse_arithmetic("exact")
    assert smallest_beta_for_ties(bf16, TieFacts(1, 60, 2**20), 20) == 128
    assert smallest_beta_for_ties(bf16, TieFacts(1, 61, 2**20), 20) is None
    assert smallest_beta_for_ties(exact, TieFacts(2, 1, 4), 20) is None
    assert smallest_beta_for_ties(bf16, TieFacts(1, 60, 2**20), 4) is None


def test_the_model_of_real_numbers_proves_nothing_unless_there_is_one_position() -> None:
    facts = TieFacts(1, 1, 1)
    assert isinstance(decide(Exact(), HeadFacts(1, (1,), 1), 1), Holds)
    assert decide_ties(Exact(), facts, 1).up_to == 1
    assert decide_ties(Exact(), TieFacts(1, 2, 2), 1 << 20).up_to == 0
