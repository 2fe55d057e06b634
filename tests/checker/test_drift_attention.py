"""DRIFT 1 to 3 on small cases, computed by hand; and no head drifts by more than the bounds say."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random

import pytest

from exactformer.certificates.checker.drift.attention import (
    Case,
    HeadCases,
    Softmax,
    before_layer,
    behind_attention,
    how_far_scores_move,
    output_drift,
    score_drift,
)
from exactformer.certificates.checker.drift.forms import NotShown, rounded_drift, values_of
from exactformer.certificates.checker.softmax.model import Model, parse_model
from exactformer.certificates.checker.weights import Head
from tests.checker.softmax.kernel import Kernel, Position

NONE = Fraction(0)


def model(text: str) -> Model:
    return parse_model("", text)


# DRIFT 1


def test_values_are_magnitudes() -> None:
    assert list(map(set, values_of((bytes([0, 2, 1]), bytes([1, 2, 2]))))) == [{0, 1}, {1}, {1}]
    assert list(map(set, values_of((bytes([3, 4, 5, 6]),)))) == [{1}, {0, 1}, {0, 1}, {0, 1}]


# DRIFT 2

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


# DRIFT 3


def test_scores_drift() -> None:
    quarter, half = Fraction(1, 4), Fraction(1, 2)
    links = [(quarter, 1, NONE, 1), (NONE, 1, quarter / 2, 0), (half, 0, half, 1), (half, 1, NONE, 0)]
    assert score_drift(links) == (quarter + quarter / 2 + (half + quarter), 1 + quarter + quarter / 2 + 3 * quarter)


FLOAT_SCORES = model("rounded:bf16/bf16@float(4,-6,8)")
"""u = 2^-4, largest 480."""
FIXED_SCORES = model("rounded:bf16/bf16@fixed2.9")
"""Steps of 1/4, largest 512 - 1/4."""


def test_how_far_scores_move() -> None:
    quarter, four = Fraction(1, 4), Fraction(4)
    assert how_far_scores_move(FLOAT_SCORES, NONE, Fraction(10**6), 5) == 0
    assert how_far_scores_move(FLOAT_SCORES, quarter, four, 6) == 2 * (quarter + Fraction(4, 16))
    assert how_far_scores_move(FIXED_SCORES, quarter, four, 2) == 2 * (quarter + Fraction(1, 32))
    assert how_far_scores_move(FIXED_SCORES, quarter, four - Fraction(1, 256), 7) > 0


@pytest.mark.parametrize(
    ("scores", "reach", "e"),
    [
        (FLOAT_SCORES, Fraction(4), 7),
        (FLOAT_SCORES, Fraction(480, 34) + Fraction(1, 100), 5),
        (FIXED_SCORES, Fraction(4) - Fraction(1, 512), 7),
    ],
)
def test_scores_may_overflow(scores: Model, reach: Fraction, e: int) -> None:
    with pytest.raises(NotShown, match="scores may overflow"):
        how_far_scores_move(scores, Fraction(1, 4), reach, e)


def drift(
    text: str, dv: Fraction = NONE, *, N: int = 16, e: int = 7, gap: Fraction = Fraction(2), moved: Fraction = NONE,
    most: int | None = None,
) -> Fraction:  # fmt: skip
    """How far an output is off, where up to ``most`` tokens share a value; without it one token has 0."""
    return output_drift(Softmax(model(text), N, e), gap, moved, dv, most is not None, most or 1)


ROUNDED = Fraction(1, 257)
"""How far weights of 8 bits may be off, relative to what they are."""


def near(drift: Fraction, expected: Fraction) -> bool:
    """Up to where it is rounded to fp32."""
    return abs(drift - expected) < Fraction(1, 2**24)


def test_weights_that_are_rounded() -> None:
    small = Fraction(1, 64)
    assert drift("rounded:bf16/fp32") == 0
    assert drift("rounded:bf16/fp32", most=2) == 0  # the case holds: 1/2 is a value
    assert near(drift("rounded:bf16/fp32", most=4), ROUNDED)
    assert drift("rounded:bf16/fp32", small) == small  # a weight of 1
    assert near(drift("rounded:bf16/fp32", small, most=2), small + (1 + small) * ROUNDED)
    assert drift("rounded:bf16/bf16", Fraction(3, 1024), most=1) == Fraction(1, 256)  # at 1
    assert drift("rounded:fixed4/fixed8", N=3, e=0) == 2 * Fraction(1, 8)  # exp(-2)/(1 + exp(-2)) is 2/16


def test_scores_that_move() -> None:
    thousandth = Fraction(1, 1000)
    assert drift("rounded:bf16/fp32", moved=thousandth) == 0
    assert drift("rounded:bf16/fp32", gap=Fraction(1, 256), moved=thousandth) > Fraction(9, 10)  # exp(-1/2) leaks
    assert drift("fused:fp32/fp32/fp32", moved=thousandth, most=4, N=4) < Fraction(1, 2**20)  # all share the value
    assert drift("fused:fp32/fp32/fp32", Fraction(1, 64), moved=thousandth, most=4, N=4) < Fraction(1, 63)


def test_sums_in_an_accumulator() -> None:
    small, tau, u = Fraction(1, 64), Fraction(139, 1024), Fraction(1, 2**24)  # bf16 of exp(-2) = 0.1353
    leak = 2 * tau
    assert abs(drift("fused:bf16/fp32/fp32", N=3, e=0) - leak / (1 + leak)) < Fraction(1, 2**20)
    assert abs(drift("fused:bf16/fp32/fp32", N=3, e=0, most=1) - 2 * leak / (1 + leak)) < Fraction(1, 2**20)
    assert drift("fused:bf16/fp32/fp32", N=9, most=4) == 0
    assert 0 < drift("fused:bf16/fp32/fp32", small, N=9, most=4) - small < 2**7 * u
    assert drift("fused:fixed8/fixed8/fixed8", N=9, most=4) == 0
    assert drift("fused:fixed8/fixed8/fixed8", N=9, e=0, most=4) > 1


@pytest.mark.parametrize(
    ("text", "N", "dv", "reason"),
    [
        ("fused:e4m3fn/e4m3fn/bf16", 5000, NONE, "of 5000 terms may overflow e4m3fn"),
        ("fused:fixed8/fixed8.4/bf16", 300, NONE, "of 300 terms may overflow fixed8.4"),
        ("fused:bf16/bf16/bf16", 300, Fraction(1, 64), "values drift by up to 1/64"),
        ("rounded:fixed1.1/float(24,-126,0)", 3, Fraction(1), r"overflow float\(24,-126,0\)"),
    ],
)
def test_no_drift_is_shown(text: str, N: int, dv: Fraction, reason: str) -> None:
    with pytest.raises(NotShown, match=reason):
        drift(text, dv, N=N, e=0, most=2)


def head(shares: bool = True, *, query: Sequence[int] = (0,), separation: int = 2, most: int = 4) -> HeadCases:
    """Coordinate 0 asks, 1 answers, 2 is read, 3 is written; tokens of class B receive 0."""
    of_class = {"A": {Case(separation, shares, most)}, "B": {Case(separation, False, 16)}}
    return HeadCases(Head("h", "content", list(query), [1] * len(query), [2], [3]), of_class)


def drifts(**of: str) -> dict[str, list[Fraction]]:
    return {cls: list(map(Fraction, text.split())) for cls, text in of.items()}


ONES = {"A": [1, 1, 1, 1], "B": [1, 1, 1, 1]}
SOFTMAX = Softmax(model("rounded:bf16/fp32"), 16, 7)


def behind(of_head: HeadCases, of: dict[str, str], magnitudes: dict[str, list[int]] = ONES) -> dict[str, Fraction]:
    """The drift of coordinate 3 after attention."""
    found = behind_attention("layer 1", SOFTMAX, [of_head], before_layer(drifts(**of), magnitudes))
    return {cls: values[3] for cls, values in found.items()}


def test_attention() -> None:
    """Values may be those of any token; where up to 16 tokens share 0 their weights are rounded."""
    nothing = "0 0 0 0"
    assert behind(head(most=1), {"A": nothing, "B": nothing}) == {"A": 0, "B": 0}
    value = behind(head(most=1), {"A": "0 0 0 1/4", "B": "0 0 1/8 0"})
    assert value["A"] == Fraction(1, 4) + Fraction(1, 8)
    assert near(value["B"], (1 + ROUNDED) / 8)
    ties = behind(head(), {"A": nothing, "B": nothing})
    assert near(ties["A"], ROUNDED)
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
    assert behind(head(most=1, separation=3), far)["A"] <= Fraction(1, 256)
    with pytest.raises(NotShown, match="scores drift by up to 2"):
        behind(head(most=1, query=(0, 0), separation=3), far)
    silent = {"A": [1, 0, 1, 1], "B": [1, 0, 1, 1]}
    assert behind(head(most=1), far, silent)["A"] <= Fraction(1, 256)  # no key is anything but 0
    with pytest.raises(NotShown, match="scores drift by up to 1"):
        behind(head(most=1), far, {**silent, "B": [1, 1, 1, 1]})


TEXTS = ("rounded:e5m2/bf16", "rounded:fixed5/bf16", "fused:e5m2/float(5,-16,15)/bf16", "fused:fixed5/fixed7/bf16")


@pytest.mark.parametrize("text", TEXTS)
def test_weights_that_may_occur(text: str) -> None:
    """Scores, values and orders of additions are anything that the gap and the drifts allow."""
    random, of, shown = Random(text), model(text), 0
    for _ in range(80):
        N, most = random.randint(2, 9), random.randint(1, 3)
        gap, moved = Fraction(random.randint(1, 12), 2), random.choice((NONE, Fraction(1, 8), Fraction(1, 2)))
        shares, dv = random.random() < Fraction(3, 4), Fraction(random.choice((0, 0, 1, 8)), 64)
        chosen = random.randint(1, min(most, N)) if shares else random.randint(1, N)
        nominal = random.choice((-1, 1)) if shares else 0
        xs = [NONE, *(moved * random.randint(0, 8) / 8 for _ in range(chosen - 1))]
        xs += [gap + random.choice((0, 0, random.randint(0, 8))) for _ in range(N - chosen)]
        nominals = [nominal] * chosen + [random.choice((-1, 0, 1)) for _ in range(N - chosen)]
        seen = [Position(x, v + random.choice((-1, 1)) * dv) for x, v in zip(xs, nominals, strict=True)]
        random.shuffle(seen)
        try:
            bound = output_drift(Softmax(of, N, 0), gap, moved, dv, shares, most if shares else N)
        except NotShown:
            continue
        output = of.activation.of(Kernel(of, random).output(seen)[0])
        assert abs(output - nominal) <= bound, (N, gap, moved, dv, seen)
        shown += 1
    assert shown > 30
