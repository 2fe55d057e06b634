"""Single queries against Arb and against simulated accumulation; what is not a query is rejected."""

from __future__ import annotations

import random
from fractions import Fraction

import flint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactformer.verify.arithmetic.formats import round_to
from exactformer.verify.arithmetic.models import Exact, Fused, ModelError, Rounded, parse_arithmetic
from exactformer.verify.arithmetic.query import HistogramError, evaluate_query
from exactformer.verify.arithmetic.rounding import NotShown
from tests.arithmetic.accumulating import simulate_fused

Histogram = dict[int, tuple[int, int, int]]
counts = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)).map(lambda c: (sum(c), c[0], c[1]))
histograms = st.builds(
    lambda first, rest: {**rest, 0: (first[0] + 1, first[1], first[2])},
    counts,
    st.dictionaries(st.integers(1, 12), counts, max_size=4),
)
betas = st.sampled_from([1, 2, 4, 8, 16])


def exactly(value: int) -> tuple[Fraction, Fraction]:
    return Fraction(value), Fraction(value)


def softmax_by_arb(beta: int, gaps: Histogram) -> list[tuple[int, flint.arb]]:
    """(sum of values, softmax weight) per gap."""
    flint.ctx.prec = 400
    exponentials = {gap: flint.arb(-beta * gap).exp() for gap in gaps}
    total = sum(gaps[gap][0] * exponentials[gap] for gap in gaps)
    return [(plus - minus, exponentials[gap] / total) for gap, (_, plus, minus) in gaps.items()]


def to_fraction(x: flint.arb) -> Fraction:
    mantissa, exponent = x.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


@given(histograms, betas)
def test_exact_is_enclosed_tightly(gaps: Histogram, beta: int) -> None:
    low, high = evaluate_query(Exact(), beta, gaps)
    result = sum(total * to_fraction(weight) for total, weight in softmax_by_arb(beta, gaps))
    tiny = Fraction(1, 2**390)
    assert low - tiny <= result <= high + tiny
    assert high - low < Fraction(1, 2**50)


@given(histograms, betas, st.sampled_from(["rounded:bf16", "rounded:fp16/bf16", "rounded:e4m3fn", "rounded:fixed9"]))
def test_rounded_is_exactly_what_rounding_arb_gives(gaps: Histogram, beta: int, text: str) -> None:
    model = parse_arithmetic(text)
    assert isinstance(model, Rounded)
    if len([gap for gap in gaps if gaps[gap][0]]) == 1:
        return  # weights 1/m: Arb's midpoints are not exact, and Fractions are compared elsewhere
    weights = [(total, to_fraction(weight)) for total, weight in softmax_by_arb(beta, gaps)]
    sum_before = sum((total * round_to(model.weights, weight) for total, weight in weights), Fraction(0))
    result = round_to(model.activations, sum_before)
    assert evaluate_query(model, beta, gaps) == (result, result)


@given(
    histograms,
    betas,
    st.sampled_from(
        [
            "fused:bf16",
            "fused:fp16/fp16/bf16",
            "fused:e4m3fn/fp16/fp16",
            "fused:float(3,-8,3)/float(4,-8,20)/float(12,-20,20)",
            "fused:fixed6/fixed6/fp16",
        ]
    ),
    st.randoms(use_true_random=False),
)
def test_fused_encloses_every_order_of_accumulation(gaps: Histogram, beta: int, text: str, rng: random.Random) -> None:
    model = parse_arithmetic(text)
    assert isinstance(model, Fused)
    low, high = evaluate_query(model, beta, gaps)
    results = {simulate_fused(model, beta, gaps, rng) for _ in range(4)}
    assert all(low <= result <= high for result in results)
    if "fixed6" in text:
        assert {low, high} == results


REFUTATIONS: dict[str, tuple[str, int, Histogram, int]] = {
    # title: arithmetic, beta, histogram, hardmax value
    "61 writers of a cell in all-bf16": ("rounded:bf16", 64, {0: (61, 61, 0), 2: (3, 0, 3)}, 1),
    "61 writers of -1": ("rounded:bf16", 64, {0: (61, 0, 61), 2: (3, 0, 3)}, -1),
    "a leak that stays in fp16": ("rounded:fp16", 8, {0: (1, 0, 0), 2: (5, 5, 0)}, 0),
    "a leak in a fused kernel": ("fused:bf16", 32, {0: (4, 0, 0), 2: (1, 1, 0)}, 0),
    "softmax without rounding": ("exact", 4, {0: (1, 1, 0), 1: (1, 0, 0)}, 1),
}


@pytest.mark.parametrize("title", REFUTATIONS)
def test_refutes(title: str) -> None:
    text, beta, gaps, hardmax = REFUTATIONS[title]
    low, high = evaluate_query(parse_arithmetic(text), beta, gaps)
    assert not low <= hardmax <= high


def test_61_ties_are_fine_when_fused() -> None:
    assert evaluate_query(parse_arithmetic("fused:bf16"), 64, {0: (61, 61, 0), 2: (3, 0, 3)}) == exactly(1)


def test_what_order_decides_is_an_interval() -> None:
    """4 + 1/2 + 1/2 is 4 or 5 in a 3-bit accumulator, as 4 + 1/2 rounds to 4."""
    model = parse_arithmetic("fused:float(3,-8,3)/float(3,-8,20)/float(12,-20,20)")
    assert isinstance(model, Fused)
    gaps = {0: (4, 4, 0), 1: (2, 2, 0)}
    low, high = evaluate_query(model, 1, gaps)
    rng = random.Random(3)
    results = {simulate_fused(model, 1, gaps, rng) for _ in range(100)}
    assert len(results) > 1
    assert low <= min(results) < max(results) <= high


def test_beyond_the_cap_of_the_exponential() -> None:
    assert evaluate_query(parse_arithmetic("fused:bf16"), 4096, {0: (2, 0, 2), 5: (9, 9, 0)}) == exactly(-1)


@pytest.mark.parametrize(
    ("text", "gaps"),
    [("fused:e4m3fn/fp16/e4m3fn", {0: (65536, 0, 0)}), ("fused:fixed9/fixed9/bf16", {0: (256, 256, 0)})],
)
def test_says_nothing_where_overflow_is_possible(text: str, gaps: Histogram) -> None:
    with pytest.raises(NotShown, match="may overflow"):
        evaluate_query(parse_arithmetic(text), 1, gaps)


BAD_HISTOGRAMS: dict[str, Histogram] = {
    "empty": {},
    "nobody at the maximum": {1: (3, 0, 0)},
    "none at gap 0": {0: (0, 0, 0), 1: (3, 0, 0)},
    "above the maximum": {0: (1, 0, 0), -1: (1, 0, 0)},
    "more values than positions": {0: (2, 2, 1)},
    "a negative count": {0: (2, -1, 1)},
}


@pytest.mark.parametrize("title", BAD_HISTOGRAMS)
def test_rejects_as_a_histogram(title: str) -> None:
    with pytest.raises(HistogramError):
        evaluate_query(parse_arithmetic("fused:bf16"), 1, BAD_HISTOGRAMS[title])


def test_rejects_a_beta_that_is_no_power_of_two() -> None:
    with pytest.raises(ModelError, match="3"):
        evaluate_query(Exact(), 3, {0: (1, 1, 0)})
