"""SPEC 20.1 to 20.3 on small cases, computed by hand; and random weights never do more than the bounds say."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random

import pytest
from exactformer.certificates.checker.arithmetic import parse_model
from exactformer.certificates.checker.steps.naming import Model

from exactformer.certificates.checker.drift.attention import (
    Case,
    HeadCases,
    Softmax,
    before_layer,
    behind_attention,
    fused_raw,
    gap_of_rounded,
    output_drift,
    rounded_raw,
    score_drift,
)
from exactformer.certificates.checker.drift.forms import NotShown, rounded_drift, values_of
from exactformer.certificates.checker.weights import Head

NONE = Fraction(0)


def model(text: str) -> Model:
    return parse_model("", text)


# 20.1


def test_values_are_magnitudes() -> None:
    assert list(map(set, values_of((bytes([0, 2, 1]), bytes([1, 2, 2]))))) == [{0, 1}, {1}, {1}]
    assert list(map(set, values_of((bytes([3, 4, 5, 6]),)))) == [{1}, {0, 1}, {0, 1}, {0, 1}]


# 20.2

BF16 = model("rounded:bf16/bf16").activation


@pytest.mark.parametrize(
    ("values", "drift", "rounded"),
    [
        ({0, 1}, Fraction(0), Fraction(0)),
        ({1}, Fraction(1, 512), Fraction(0)),  # both ends are halfway to a neighbour of 1, which is even
        ({1}, Fraction(3, 1024), Fraction(1, 256)),  # 1 - 3/1024 is nearer to 1 - 1/256
        ({0}, Fraction(3, 1024), Fraction(3, 1024)),
        ({0, 1}, Fraction(3, 1024), Fraction(1, 256)),
        (
            {1},
            Fraction(5, 512),
            Fraction(1, 128),
        ),  # 1 + 5/512 is nearer to 1 + 1/128; 1 - 5/512 is halfway
        ({0, 1}, Fraction(5, 512), Fraction(5, 512)),
    ],
)
def test_rounding(values: set[int], drift: Fraction, rounded: Fraction) -> None:
    assert rounded_drift(BF16, values, drift) == rounded


def test_rounding_overflows() -> None:
    fixed = model("rounded:fixed4.1/fixed4.1").activation
    assert rounded_drift(fixed, {1}, Fraction(15, 16)) == Fraction(15, 16)
    with pytest.raises(NotShown, match=r"overflows fixed4\.1"):
        rounded_drift(fixed, {1}, Fraction(1))


# 20.3


def test_scores_drift() -> None:
    quarter, half = Fraction(1, 4), Fraction(1, 2)
    links = [(quarter, 1, NONE, 1), (NONE, 1, quarter / 2, 0), (half, 0, half, 1), (half, 1, NONE, 0)]
    assert score_drift(links) == (quarter + quarter / 2 + (half + quarter), 1 + quarter + quarter / 2 + 3 * quarter)


FLOAT_SCORES = model("rounded:bf16/bf16@float(4,-6,8)")
"""u = 2^-4, largest 480."""
FIXED_SCORES = model("rounded:bf16/bf16@fixed2.9")
"""Steps of 1/4, largest 512 - 1/4."""


def test_the_gap() -> None:
    assert gap_of_rounded(FLOAT_SCORES, 2, NONE, Fraction(10**6), 5) == 2
    assert gap_of_rounded(FLOAT_SCORES, 2, Fraction(1, 4), Fraction(4), 6) == 2 - 2 * (Fraction(1, 4) + Fraction(4, 16))
    assert gap_of_rounded(FIXED_SCORES, 2, Fraction(1, 4), Fraction(4), 2) == 2 - 2 * (Fraction(1, 4) + Fraction(1, 32))
    assert gap_of_rounded(FIXED_SCORES, 2, Fraction(1, 4), Fraction(4) - Fraction(1, 256), 7) < 2


@pytest.mark.parametrize(
    ("scores", "eta", "reach", "e", "reason"),
    [
        (FLOAT_SCORES, Fraction(1, 4), Fraction(4), 7, "scores may overflow"),
        (FLOAT_SCORES, Fraction(1, 4), Fraction(480, 34) + Fraction(1, 100), 5, "scores may overflow"),
        (FIXED_SCORES, Fraction(1, 4), Fraction(4) - Fraction(1, 512), 7, "scores may overflow"),
        (FLOAT_SCORES, Fraction(15, 16), Fraction(1), 0, "the separation is 2"),
        (FLOAT_SCORES, Fraction(1, 4), Fraction(12), 0, "the separation is 2"),
    ],
)
def test_no_gap(scores: Model, eta: Fraction, reach: Fraction, e: int, reason: str) -> None:
    with pytest.raises(NotShown, match=reason):
        gap_of_rounded(scores, 2, eta, reach, e)


EIGHTH = (1, 3)
"""tau = 1/8."""


def test_rounded() -> None:
    bf16, dv = model("rounded:bf16/bf16"), Fraction(1, 16)
    leak, u, q = 2 * Fraction(1, 8) * Fraction(17, 16), Fraction(1, 257), Fraction(1, 2**133)
    assert rounded_raw(bf16, 3, EIGHTH, dv, False, 3) == (1 + u + 3 * q / 2) * dv + leak
    assert rounded_raw(bf16, 3, EIGHTH, dv, True, 1) == dv + leak + Fraction(51, 256)  # 1/(1 + 2/8) rounds to 205/256
    x = u + 2 * q / 2
    assert rounded_raw(bf16, 3, EIGHTH, dv, True, 2) == (1 + x) * dv + leak + 2 * Fraction(1, 8) + x
    assert rounded_raw(bf16, 1, EIGHTH, dv, False, 1) == dv
    fixed = model("rounded:fixed4/fixed8")
    assert rounded_raw(fixed, 3, EIGHTH, NONE, True, 2) == Fraction(1, 4) + Fraction(1, 4) + 2 * Fraction(1, 16) / 2
    assert rounded_raw(fixed, 3, (1, 6), NONE, True, 2) == 0 + 2 * Fraction(1, 64) + Fraction(1, 16)  # tau rounds to 0


def test_fused() -> None:
    fp32, u = model("fused:bf16/fp32/bf16"), Fraction(1, 2**24)
    assert fused_raw(fp32, 3, EIGHTH, NONE, False, 1) == Fraction(1, 4) * (1 + 2 * u) / (1 - 2 * u)
    assert fused_raw(fp32, 3, EIGHTH, NONE, True, 1) == (Fraction(1, 2) + 4 * u) / (1 - 2 * u)
    nothing = (1, 200)
    assert fused_raw(fp32, 9, nothing, NONE, False, 1) == 0
    assert fused_raw(fp32, 9, nothing, NONE, True, 1) == 0
    assert fused_raw(fp32, 9, nothing, NONE, True, 4) == 6 * u / (1 - 3 * u)
    assert fused_raw(model("fused:fixed8/fixed8/fixed8"), 9, nothing, NONE, True, 4) == 0
    assert fused_raw(model("fused:fixed8/fixed8/fixed8"), 9, EIGHTH, NONE, True, 4) == 2


@pytest.mark.parametrize(
    ("text", "N", "tau", "dv", "reason"),
    [
        ("fused:bf16/fp32/bf16", 3, EIGHTH, Fraction(1, 2**20), "values drift"),
        ("fused:bf16/bf16/bf16", 300, EIGHTH, NONE, "no error bound"),
        ("fused:e4m3fn/e4m3fn/bf16", 80, EIGHTH, NONE, "terms may overflow"),
        ("fused:fixed8/fixed8.4/bf16", 16, EIGHTH, NONE, "terms may overflow"),
    ],
)
def test_fused_is_not_shown(text: str, N: int, tau: tuple[int, int], dv: Fraction, reason: str) -> None:
    with pytest.raises(NotShown, match=reason):
        fused_raw(model(text), N, tau, dv, True, 1)


def test_what_a_head_adds() -> None:
    softmax = Softmax(model("rounded:bf16/fp32"), 16, 7)
    two, four = (output_drift(softmax, 2, Fraction(2), False, NONE, True, most) for most in (2, 4))
    assert two == 0  # section 16: 1/2 is a value
    assert abs(four - Fraction(1, 257)) < Fraction(1, 2**20)
    assert output_drift(softmax, 2, Fraction(2), False, NONE, False, 1) == 0
    assert output_drift(softmax, 2, Fraction(1, 256), True, NONE, False, 1) > 1  # tau is above 1/2
    assert output_drift(softmax, 2, Fraction(2), True, NONE, False, 1) == 0
    assert output_drift(softmax, 2, Fraction(2), False, Fraction(1, 64), False, 1) == Fraction(1, 64)
    assert output_drift(softmax, 2, Fraction(2), False, Fraction(1, 64), False, 2) > Fraction(1, 64)
    assert output_drift(softmax, 2, Fraction(2), False, NONE, False, 16) == 0
    assert output_drift(softmax, 2, Fraction(2), False, Fraction(1, 64), True, 1) == Fraction(1, 64)
    coarse = Softmax(model("rounded:bf16/bf16"), 16, 7)
    assert output_drift(coarse, 2, Fraction(2), False, Fraction(3, 1024), True, 1) == Fraction(1, 256)  # at 1


def head(shares: bool = True, *, query: Sequence[int] = (0,), separation: int = 2, most: int = 4) -> HeadCases:
    """Coordinate 0 asks, 1 answers, 2 is read, 3 is written; tokens of class B receive 0."""
    of_class = {"A": {Case(separation, shares, most)}, "B": {Case(separation, False, 16)}}
    return HeadCases(Head("h", "content", list(query), [1] * len(query), [2], [3]), of_class)


def drifts(**of: str) -> dict[str, list[Fraction]]:
    return {cls: list(map(Fraction, text.split())) for cls, text in of.items()}


ONES = {"A": [1, 1, 1, 1], "B": [1, 1, 1, 1]}
SOFTMAX = Softmax(model("rounded:bf16/fp32"), 16, 7)


def behind(of_head: HeadCases, of: dict[str, str], magnitudes: dict[str, list[int]] = ONES) -> dict[str, Fraction]:
    """The drift of coordinate 3 behind attention."""
    found = behind_attention("layer 1", SOFTMAX, [of_head], before_layer(drifts(**of), magnitudes))
    return {cls: values[3] for cls, values in found.items()}


def test_attention() -> None:
    nothing = "0 0 0 0"
    assert behind(head(most=1), {"A": nothing, "B": nothing}) == {"A": 0, "B": 0}
    value = behind(head(most=1), {"A": "0 0 0 1/4", "B": "0 0 1/8 0"})
    assert value["A"] == Fraction(1, 4) + Fraction(1, 8)
    assert abs(8 * value["B"] - Fraction(258, 257)) < Fraction(1, 2**20)  # any number of tokens, of rounded weights
    ties = behind(head(), {"A": nothing, "B": nothing})
    assert Fraction(1, 258) < ties["A"] < Fraction(1, 256)
    assert ties["B"] == 0
    assert behind(head(shares=False), {"A": nothing, "B": nothing}) == {"A": 0, "B": 0}


def test_queries_are_of_the_class_and_keys_of_any() -> None:
    far = {"A": "1 0 0 0", "B": "0 0 0 0"}
    with pytest.raises(NotShown, match=r"layer 1, head 0 \(h\), class A: scores drift by up to 1"):
        behind(head(most=1), far)
    with pytest.raises(NotShown, match="class A: scores drift by up to 1"):
        behind(head(most=1), {"A": "0 0 0 0", "B": "0 1 0 0"})
    with pytest.raises(NotShown, match="class B: scores drift by up to 1"):
        behind(head(most=1), {"A": "0 0 0 0", "B": "1 0 0 0"})
    assert behind(head(most=1, separation=3), far)["A"] == 0
    with pytest.raises(NotShown, match="scores drift by up to 2"):
        behind(head(most=1, query=(0, 0), separation=3), far)
    silent = {"A": [1, 0, 1, 1], "B": [1, 0, 1, 1]}
    assert behind(head(most=1), far, silent)["A"] == 0  # no key is anything but 0
    with pytest.raises(NotShown, match="scores drift by up to 1"):
        behind(head(most=1), far, {**silent, "B": [1, 1, 1, 1]})


@pytest.mark.parametrize("seed", range(60))
def test_weights_that_may_occur(seed: int) -> None:
    """Exponentials, values and orders of additions are anything that the gap and the drifts allow."""
    random = Random(seed)
    N, most, shift = random.randint(2, 9), random.randint(1, 3), random.randint(0, 6)
    tau, shares = Fraction(1, 2**shift), random.random() < Fraction(3, 4)
    chosen = random.randint(1, min(most, N)) if shares else random.randint(1, N)
    nominal = random.choice((-1, 0, 1)) if shares else 0
    exps = [Fraction(1), *(Fraction(random.randint(1, 64), 64) for _ in range(chosen - 1))]
    exps += [tau * min(exps) * Fraction(random.randint(0, 8), 8) for _ in range(N - chosen)]
    dv = Fraction(random.randint(0, 8), 64)
    nominals = [nominal] * chosen + [random.choice((-1, 0, 1)) for _ in range(N - chosen)]
    rounded = model(random.choice(("rounded:e5m2/bf16", "rounded:fixed5/bf16", "rounded:bf16/bf16")))
    weights = [rounded.weight.of(one / sum(exps)) for one in exps]
    moved = [value + random.choice((-1, 1)) * dv for value in nominals]
    output = sum((weight * value for weight, value in zip(weights, moved, strict=True)), Fraction(0))
    assert abs(output - nominal) <= rounded_raw(rounded, N, (1, shift), dv, shares, most)
    fused = model(random.choice(("fused:e5m2/e5m2/bf16", "fused:e4m3fn/bf16/bf16", "fused:fixed5/fixed5/bf16")))
    terms = [(fused.weight.of(one), value) for one, value in zip(exps, nominals, strict=True)]
    random.shuffle(terms)
    num = den = Fraction(0)
    for weight, value in terms:
        num, den = fused.accumulator.of(num + weight * value), fused.accumulator.of(den + weight)
    try:
        bound = fused_raw(fused, N, (1, shift), NONE, shares, most)
    except NotShown:
        return
    assert abs(num / den - nominal) <= bound
