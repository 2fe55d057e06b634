"""Formats, rounding, the exponential and the inequalities, against other implementations and by brute force."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise

import ml_dtypes
import numpy as np
import pytest
from exactformer.certificates.checker.arithmetic import condition, exp_above, least_beta, parse_model
from exactformer.certificates.checker.enclosure import exp_below

from exactformer.certificates.checker import arithmetic
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.formats import NAMED, Format, Overflow, parse_format

DTYPES = {
    "fp32": np.float32,
    "fp16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "e4m3fn": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
}


def values(fmt: Format) -> list[Fraction]:
    """All values of a small format from 0 on."""
    found, k, exponent = [Fraction(0)], 1, fmt.lowest
    while found[-1] < fmt.largest:
        found.append(k * Fraction(2) ** exponent)
        k += 1
        if fmt.p is not None and k == 2**fmt.p:
            k, exponent = k // 2, exponent + 1
    return found


@pytest.mark.parametrize(
    "name", ["e4m3fn", "e5m2", "float(3,-2,3)", "float(2,0,0)", "float(4,0,2)", "fixed3.2", "fixed1.1"]
)
def test_rounding_is_to_the_nearest_value_and_ties_go_to_even(name: str) -> None:
    fmt = parse_format("x", name)
    for place, (low, high) in enumerate(pairwise(values(fmt))):
        middle, eps = (low + high) / 2, (high - low) / 1000
        even = low if place % 2 == 0 else high  # values are in the order of k, exponent by exponent
        for x, expected in ((low, low), (middle - eps, low), (middle, even), (middle + eps, high), (high, high)):
            assert fmt.round(x.numerator, x.denominator) == expected
            assert fmt.round(-3 * x.numerator, 3 * x.denominator) == -expected


@pytest.mark.parametrize("name", DTYPES)
def test_rounding_agrees_with_hardware_and_ml_dtypes(name: str) -> None:
    rng = random.Random(name)
    fmt, largest = NAMED[name], float(NAMED[name].largest)
    for _ in range(3000):
        x = float(np.float32(rng.uniform(-2, 2) * 2.0 ** rng.randint(-30, 7)))
        if abs(x) > largest:
            continue
        if name == "fp32":  # from double, as np.float32 of a float32 would not round
            x = rng.uniform(-2, 2) * 2.0 ** rng.randint(-149, 60)
        exact = Fraction(x)
        assert fmt.round(exact.numerator, exact.denominator) == Fraction(float(DTYPES[name](x))), x


def test_overflow_is_beyond_the_midpoint_after_the_largest_value() -> None:
    assert NAMED["e4m3fn"].round(464, 1) == 448  # a tie: 448 is even
    for name, x in (("e4m3fn", 465), ("e5m2", 61440), ("fp16", 65520), ("fixed3.2", 4)):
        fmt = parse_format("x", name)
        fmt.round(int(fmt.largest), 1)
        with pytest.raises(Overflow):
            fmt.round(x, 1)


@pytest.mark.parametrize("name", [*DTYPES, "float(3,0,0)", "float(5,-20,20)", "fixed1.1", "fixed16"])
def test_cells_are_all_that_rounds_to_0_and_to_1(name: str) -> None:
    fmt = parse_format("x", name)
    for value in (0, 1):
        low, high = fmt.cell(value)
        eps = (high - low) / 2**20
        for inside in (low, high):
            assert fmt.round(inside.numerator, inside.denominator) == value
        for outside in (low - eps, high + eps):
            assert fmt.round(outside.numerator, outside.denominator) != value


@pytest.mark.parametrize(
    ("weight", "activation", "smallest"),
    [
        ("bf16", "bf16", 61),
        ("fp16", "fp16", 11),
        ("fp32", "fp32", 41),
        ("e4m3fn", "e4m3fn", 19),
        ("e5m2", "e5m2", 29),
        ("bf16", "fp16", 3),
        ("bf16", "fp32", 3),
        ("fp16", "bf16", None),
        ("fp32", "bf16", None),
        ("bf16", "e4m3fn", None),
    ],
)
def test_smallest_number_of_ties_that_does_not_sum_to_one(weight: str, activation: str, smallest: int | None) -> None:
    """The facts of section 4.3 of the sources: with nothing leaking, m * rnd(1/m) rounds to 1 up to here."""
    model = parse_model("x", f"rounded:{weight}/{activation}")
    failing = (m for m in range(1, 300) if not condition(model, 300, None, [m], 0).holds)
    assert next(failing, None) == smallest


def test_the_bounds_of_1_over_e() -> None:
    low, term = Fraction(0), Fraction(1)
    for k in range(1, 61):  # the alternating series, cut after a negative term
        low, term = low + term, -term / k
    assert term > 0  # so low < 1/e < low + term
    assert Fraction(arithmetic.BELOW_1_OVER_E, 2**128) < low < low + term < Fraction(arithmetic.ABOVE_1_OVER_E, 2**128)


@pytest.mark.parametrize("x", [1, 2, 3, 64, 1000, 4096])
def test_the_bounds_of_exp(x: int) -> None:
    (above, shift), (below, same) = exp_above(x), exp_below(x)
    assert shift == same
    exact_low, exact_high = arithmetic.BELOW_1_OVER_E**x, arithmetic.ABOVE_1_OVER_E**x
    assert below << 128 * x - shift <= exact_low < exact_high <= above << 128 * x - shift
    assert (above - below) * 2**51 < above  # 2^-63 of rounding, and the error of 1/e x times
    assert 2**63 <= below < above <= 2**64


def test_exp_beyond_4096() -> None:
    assert exp_above(4097) == exp_above(4096)
    assert exp_below(4097)[0] == 0 < exp_below(4096)[0]


REJECTED = [
    "bf16", "rounded:bf16", "rounded:bf16/bf16/bf16/bf16", "fused:bf16/bf16", "fused:bf16", "exact:", "exact:fp32",
    "Exact", "rounded:bf16/bf16@fp32", "rounded:bf16/bf16@", "rounded:bf16/bf17", "rounded:bf16/ bf16", "exact\n",
    "rounded:float(8,-126,127)/bf16", "rounded:float(1,-9,9)/bf16", "rounded:float(4,1,9)/bf16",
    "rounded:float(04,-6,9)/bf16", "rounded:float(4,-6,-1)/bf16", "rounded:float(4,-6,99999)/bf16",
    "rounded:fixed0/bf16", "rounded:fixed8.8/bf16", "rounded:fixed8.0/bf16", "rounded:fixed/bf16", "",
    "fused:fp32/bf16/bf16", "fused:bf16/fixed8/bf16", "fused:bf16/fp16/bf16",
]  # fmt: skip


@pytest.mark.parametrize("text", REJECTED)
def test_texts_that_name_no_model(text: str) -> None:
    with pytest.raises(Rejected):
        parse_model("x", text)


def test_models() -> None:
    model = parse_model("x", "fused:bf16/fp32/fp16@float(30,-100,100)")
    names = (model.weight.name, model.accumulator.name, model.activation.name, model.score.name)
    assert (model.kind, *names) == ("fused", "bf16", "fp32", "fp16", "float(30,-100,100)")
    assert parse_model("x", "rounded:fixed4/e5m2").activation.name == "e5m2"
    assert parse_model("x", "exact@bf16").score.name == "bf16"


@pytest.mark.parametrize(
    ("text", "largest_score", "expected"),
    [
        ("exact", 31, 123),  # 31 * 2^123 < 2^128
        ("exact", 2**24 + 1, None),
        ("exact@fp16", 31, 11),
        ("rounded:bf16/bf16", 31, 123),
        ("rounded:fp16/fp16", 31, 30),  # 2^15 is the largest power of two in fp16
        ("rounded:fp16/fixed8", 31, 14),  # 2^7 in fixed8
        ("exact@fixed4.1", 2, None),
    ],
)
def test_admitted_betas(text: str, largest_score: int, expected: int | None) -> None:
    assert arithmetic.largest_admitted(parse_model("x", text), largest_score) == expected


def test_least_beta_is_what_leaks_below_half_of_the_smallest_subnormal() -> None:
    """Section 4.3 of the sources: beta D > 25 ln 2 for fp16, 134 ln 2 for bf16."""
    assert least_beta(parse_model("x", "rounded:fp16/bf16"), 256, 1, [1, 2], 30) == 5
    assert least_beta(parse_model("x", "rounded:bf16/e4m3fn"), 256, 1, [1, 2], 30) == 4
    assert least_beta(parse_model("x", "fused:bf16/fp32/bf16"), 256, 1, [1, 2], 30) == 7
    assert least_beta(parse_model("x", "fused:bf16/fp32/bf16"), 256, 2, [1, 2], 30) == 6
    assert least_beta(parse_model("x", "fused:bf16/fp32/bf16"), 256, 1, [1, 2], 6) is None
    assert least_beta(parse_model("x", "exact"), 256, 1, [1], 123) is None


def test_accumulators_that_fail() -> None:
    """bf16 counts up to 256 only, fixed point up to its largest value."""
    bf16, fixed = parse_model("x", "fused:bf16/bf16/bf16"), parse_model("x", "fused:fixed8/fixed8.4/bf16")
    assert condition(bf16, 1000, 1, [256], 12).holds
    assert condition(bf16, 1000, 1, [257], 12) == arithmetic.Condition(exp_above(4096), None, None, False)
    for N in (257, 1000):  # an error of (N-1) 2^-8 >= 1 says nothing
        assert condition(bf16, N, 1, [3], 0) == arithmetic.Condition(exp_above(1), None, None, False)
    assert condition(bf16, 256, 1, [3], 0).one is not None
    assert condition(fixed, 15, 1, [3], 12).holds
    assert condition(fixed, 16, 1, [3], 12).zero is None


def accumulate(fmt: Format, terms: list[Fraction], rng: random.Random) -> Fraction:
    """Sum in a random order, as a random tree of additions."""
    terms = list(terms)
    while len(terms) > 1:
        left, right = (terms.pop(rng.randrange(len(terms))) for _ in range(2))
        terms.append(fmt.round((left + right).numerator, (left + right).denominator))
    return terms[0]


@pytest.mark.parametrize(
    "text", ["fused:e5m2/float(4,-14,15)/e5m2", "rounded:e5m2/e5m2", "fused:float(3,-9,4)/float(7,-9,9)/e5m2"]
)
def test_bounds_hold_for_random_queries(text: str) -> None:
    """Whatever the other positions score (at least D lower) and hold, in any order, the output is in the bounds."""
    model, rng, seen = parse_model("x", text), random.Random(text), 0
    for _ in range(1000):
        N, e = rng.randint(2, 12), rng.randint(0, 3)
        m = rng.randint(1, N)
        visible, beta = rng.randint(m, N), 2**e
        here = condition(model, N, 1, [m], e)
        if here.one is None or here.zero is None:
            continue
        gaps = [rng.choice([1, 1, 2, 5]) * beta for _ in range(visible - m)]
        t = [Fraction(1)] * m + [Fraction(exp_below(x)[0], 2 ** exp_below(x)[1]) for x in gaps]
        others = [rng.choice([-1, -1, 0, 1]) for _ in gaps]
        for value, (low, high) in ((1, here.one), (0, (-here.zero, here.zero)), (-1, (-here.one[1], -here.one[0]))):
            v = [value] * m + others
            if model.kind == "rounded":
                a = [model.weight.round((x / sum(t)).numerator, (x / sum(t)).denominator) for x in t]
                out = sum((x * y for x, y in zip(a, v, strict=True)), Fraction(0))
            else:
                p = [model.weight.round(x.numerator, x.denominator) for x in t]
                den = accumulate(model.accumulator, p, rng)
                out = accumulate(model.accumulator, [x * y for x, y in zip(p, v, strict=True)], rng) / den
            assert low <= out <= high, (N, e, m, gaps, v)
            seen += 1
    assert seen > 800
