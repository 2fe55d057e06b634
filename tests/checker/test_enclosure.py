"""What a head computes is in its enclosure, and the enclosure is tight where everything is determined."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from exactformer.certificates.checker.arithmetic import exp_above, parse_model
from exactformer.certificates.checker.enclosure import NoEnclosure, exp_below, output, weighted

from tests.checker.test_arithmetic import accumulate


@pytest.mark.parametrize(
    "text",
    [
        "rounded:bf16/bf16",
        "rounded:fixed4/e4m3fn",
        "fused:e5m2/e5m2/bf16",
        "fused:fp16/fp32/fp16",
        "rounded:float(100,-300,9)/float(100,-300,9)",
    ],
)
def test_contains_what_the_model_computes(text: str) -> None:
    model, rng = parse_model("x", text), random.Random(text)
    for _ in range(300):
        e = rng.randint(0, 3)
        gaps = [(0, (rng.randint(0, 2), rng.randint(0, 2), rng.randint(1, 3)))]
        gaps += [(g, (rng.randint(0, 3), rng.randint(0, 3), rng.randint(0, 3))) for g in (1, 3) if rng.random() < 0.7]
        low, high = output(model, tuple(gaps), e)
        bounds = [(exp_below(g << e), exp_above(g << e)) for g, _ in gaps]
        exps = [Fraction(a[0] + b[0], 2 ** (a[1] + 1)) for a, b in bounds]
        t = [x for x, (_, count) in zip(exps, gaps, strict=True) for _ in range(sum(count))]
        v = [value for _, count in gaps for value in (-1, 0, 1) for _ in range(count[value + 1])]
        if model.kind == "rounded":
            a = [model.weight.round((x / sum(t)).numerator, (x / sum(t)).denominator) for x in t]
            out = sum((x * y for x, y in zip(a, v, strict=True)), Fraction(0))
        else:
            p = [model.weight.round(x.numerator, x.denominator) for x in t]
            num = accumulate(model.accumulator, [x * y for x, y in zip(p, v, strict=True)], rng)
            out = num / accumulate(model.accumulator, p, rng)
        assert low <= model.activation.round(out.numerator, out.denominator) <= high, (gaps, e)


def exactly(value: int) -> tuple[Fraction, Fraction]:
    return Fraction(value), Fraction(value)


def test_weights_are_taken_from_the_end_that_the_sign_asks_for() -> None:
    weight = (Fraction(1, 4), Fraction(1, 2))
    assert weighted([3, -2, 0], [weight, weight, weight]) == (Fraction(-1, 4), Fraction(1))


def test_61_ties_in_bf16() -> None:
    model = parse_model("x", "rounded:bf16/bf16")
    for e in (0, 7, 40):
        assert output(model, ((0, (0, 0, 60)),), e) == exactly(1)
        low, high = output(model, ((0, (0, 0, 61)), (64, (0, 9, 0))), e)
        assert low == high != 1


def test_a_leak_is_refuted_until_it_rounds_away() -> None:
    fused = parse_model("x", "fused:bf16/fp32/bf16")
    gaps = ((0, (0, 1, 0)), (1, (0, 0, 1)))
    assert all(output(fused, gaps, e)[0] > 0 for e in range(7))
    assert output(fused, gaps, 7) == exactly(0)
    assert output(fused, gaps, 40) == exactly(0)


def test_nothing_is_said_without_a_bound() -> None:
    with pytest.raises(NoEnclosure):
        output(parse_model("x", "exact"), ((0, (0, 0, 1)), (1, (0, 0, 1))), 0)
    with pytest.raises(NoEnclosure, match="overflow"):
        output(parse_model("x", "fused:fixed4.1/fixed4.1/bf16"), ((0, (0, 0, 2)),), 0)
