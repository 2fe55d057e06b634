"""ARITHMETIC 3, DRIFT 3: how far scores stay apart that are rounded, or drift (verify/ARGUMENTS.md, 8 and 9)."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from random import Random

import pytest

from exactformer.certificates.checker.drift.attention import how_far_scores_move, score_drift
from exactformer.certificates.checker.drift.forms import NotShown
from exactformer.certificates.checker.softmax.model import parse_model, separation_of_scores

SCORES = ("float(2,0,9)", "float(3,0,9)", "float(4,-3,9)", "fixed1.9")


@pytest.mark.parametrize("name", SCORES)
def test_scores_that_are_rounded_once_stay_as_far_apart_as_said_and_no_further(name: str) -> None:
    """Over all pairs of scores at least D apart; a power of two times them is rounded alike."""
    model, attained = parse_model("at", f"rounded:bf16/bf16@{name}+once"), 0
    for largest, D in product((4, 9, 20), (1, 2, 5)):
        apart = separation_of_scores(model, largest, D)
        scores = range(-largest, largest + 1)
        for beta in (1, 2, 8):
            rounded = {score: model.score.of(Fraction(beta * score)) for score in scores}
            found = [rounded[a] - rounded[b] for a in scores for b in scores if a - b >= D]
            assert min(found) == beta * apart
            attained += apart < D
    assert (attained > 0) == name.startswith("float")


def test_a_factor_that_is_no_power_of_two_would_not_keep_them_apart() -> None:
    """In 3 bits 7 and 6 are values; 9 times them, 63 and 54, round to 64 and 56."""
    model = parse_model("at", "rounded:bf16/bf16@float(3,0,9)+once")
    rounded = [model.score.of(Fraction(score)) for score in (7, 6, 7 * 9, 6 * 9)]
    assert rounded == [7, 6, 64, 56]
    assert rounded[2] - rounded[3] < 9 * (rounded[0] - rounded[1])


@pytest.mark.parametrize("name", ["float(3,0,9)", "float(4,-3,9)", "float(5,0,9)", "fixed1.9"])
def test_scores_that_drift_and_are_rounded_keep_the_gap(name: str) -> None:
    """All ways in which coordinates of a query and of two keys can drift; also where a score near 0 is subnormal."""
    model, random = parse_model("at", f"rounded:bf16/bf16@{name}"), Random(name)
    shown = subnormal = closer = 0
    while shown < 30:
        q, one, other = ([random.choice((-1, 0, 1)) for _ in range(2)] for _ in range(3))
        nominal = [sum(a * b for a, b in zip(q, key, strict=True)) for key in (one, other)]
        dq, dk = ([Fraction(random.choice((0, 1, 3)), 64) for _ in range(2)] for _ in range(2))
        D, e = nominal[0] - nominal[1], random.randint(0, 4)
        magnitudes = [max(abs(a), abs(b)) for a, b in zip(one, other, strict=True)]
        eta, reach = score_drift([(dq[c], abs(q[c]), dk[c], magnitudes[c]) for c in range(2)])
        try:
            if D < 1 or not eta:
                continue
            gap = D - how_far_scores_move(model, eta, reach, e)
        except NotShown:
            continue
        if gap <= 0:
            continue
        shown += 1
        for signs in product((-1, 1), repeat=6):
            moved = [value + sign * d for value, sign, d in zip(q, signs, dq, strict=False)]
            scores = []
            for key, its in ((one, signs[2:4]), (other, signs[4:])):
                exact = sum((a * (b + s * d) for a, b, s, d in zip(moved, key, its, dk, strict=True)), Fraction(0))
                scores.append(model.score.of(exact * 2**e))
                subnormal += 0 < abs(exact * 2**e) < model.score.least_normal
            assert scores[0] - scores[1] >= gap * 2**e, (name, q, one, other)
            closer += scores[0] - scores[1] < (D - 2 * eta) * 2**e
    assert closer > 0, "as if drifting scores were not rounded"
    assert subnormal > 0 or not name.endswith(",0,9)")


def test_where_a_score_is_tiny_its_error_is_more_than_relative() -> None:
    """1/32 rounds to 0 where the smallest value is 1/4: an error above 2^-p times 1/32, not above 2^-p T, as T >= 1."""
    score = parse_model("at", "rounded:bf16/bf16@float(3,0,9)").score
    tiny = Fraction(1, 32)
    assert score.roundoff * tiny < tiny - score.of(tiny) <= score.roundoff
