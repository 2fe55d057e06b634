"""Drift through a head: what really comes out, for scores and values near the nominal ones, is within the bound."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from flint import arb, fmpq

from exactformer.verify.arithmetic.formats import Format, round_to
from exactformer.verify.arithmetic.models import Fused, Rounded, parse_arithmetic
from exactformer.verify.drift.attention import BreaksDown, Query, Received, drift_of_result, leaking
from exactformer.verify.drift.rounding import rounded_drift

ARITHMETICS = (
    "rounded:bf16/bf16",
    "rounded:e4m3fn/bf16",
    "rounded:fp16/fp16",
    "fused:bf16/fp32/bf16",
    "fused:e5m2/fp16/fp16",
)


def exponential(x: Fraction) -> Fraction:
    """exp(x), with an error far below what matters here."""
    value = arb(fmpq(x.numerator, x.denominator)).exp()
    middle = value.mid().man_exp()
    return Fraction(int(middle[0])) * Fraction(2) ** int(middle[1])


def result(model: Rounded | Fused, scores: list[Fraction], values: list[Fraction], random: Random) -> Fraction:
    """What the head gives before it is rounded; sums in a random order where the model has an accumulator."""
    top = max(scores)
    weights = [exponential(score - top) for score in scores]
    if isinstance(model, Rounded):
        total = sum(weights)
        return sum((round_to(model.weights, w / total) * v for w, v in zip(weights, values, strict=True)), Fraction(0))
    p = [round_to(model.weights, w) for w in weights]
    numerator = accumulated(model.accumulator, [w * v for w, v in zip(p, values, strict=True)], random)
    return numerator / accumulated(model.accumulator, p, random)


def accumulated(accumulator: Format, terms: list[Fraction], random: Random) -> Fraction:
    left = list(terms)
    while len(left) > 1:
        one, other = (left.pop(random.randrange(len(left))) for _ in range(2))
        left.append(round_to(accumulator, one + other))
    return left[0]


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_no_drift_of_scores_and_values_takes_the_result_further(arithmetic: str) -> None:
    model = parse_arithmetic(arithmetic)
    assert isinstance(model, Rounded | Fused)
    random, widest = Random(arithmetic), Fraction(0)
    for _ in range(600):
        context, beta = random.randint(2, 40), 1 << random.randint(2, 6)
        selected = random.randint(1, context)
        eta = Fraction(random.choice((0, 1, 3)), 32)
        dv = Fraction(random.choice((0, 1)), 64) if isinstance(model, Rounded) else Fraction(0)
        value = random.choice((0, 1, -1))
        separation = random.choice((1, 2))

        def near(nominal: int, by: Fraction, random: Random = random) -> Fraction:
            return nominal + by * random.choice((-1, 0, 1, Fraction(1, 2)))

        scores = [near(0, eta) for _ in range(selected)]
        scores += [near(-separation - random.choice((0, 0, 1)), eta) for _ in range(context - selected)]
        values = [near(value, dv) for _ in range(selected)]
        values += [near(random.choice((-1, 0, 1)), dv) for _ in range(context - selected)]
        query = Query(separation, eta, Fraction(8), context, beta)
        received = Received(selected + random.choice((0, 1)) if value else 1, value != 0, dv)
        try:
            bound = drift_of_result(model, query, received)
        except BreaksDown:
            continue
        apart = abs(result(model, [beta * s for s in scores], values, random) - value)
        assert apart <= bound + Fraction(1, 2**60)  # the exponentials here are only nearly exact
        widest = max(widest, apart / bound if bound > Fraction(1, 2**60) else Fraction(0))
    assert widest > Fraction(1, 8), "the bound is never near what happens"


def test_the_worst_that_the_others_can_do() -> None:
    """One token selected, of possibly two, with value 1; 39 others just below, all with value -1."""
    model = parse_arithmetic("rounded:fp32/fp32")
    assert isinstance(model, Rounded)
    scores, values = [Fraction(0)] + [Fraction(-4)] * 39, [Fraction(1)] + [Fraction(-1)] * 39
    apart = 1 - result(model, scores, values, Random(0))
    bound = drift_of_result(model, Query(1, Fraction(0), Fraction(8), 40, 4), Received(2, True, Fraction(0)))
    assert Fraction(4, 5) < apart <= bound < 2 * apart


def test_scores_that_may_drift_past_each_other_are_refused() -> None:
    model = parse_arithmetic("rounded:bf16/bf16")
    with pytest.raises(BreaksDown, match="closes the separation of 1"):
        leaking(Query(1, Fraction(1, 2), Fraction(8), 16, 128), model.scores)


def test_scores_that_may_overflow_are_refused() -> None:
    model = parse_arithmetic("rounded:fp16/fp16@fp16")
    with pytest.raises(BreaksDown, match="overflow fp16"):
        leaking(Query(1, Fraction(1, 64), Fraction(32), 16, 2048), model.scores)


def test_fused_refuses_values_that_drift() -> None:
    model = parse_arithmetic("fused:bf16")
    assert isinstance(model, Fused)
    with pytest.raises(BreaksDown, match="value drifts"):
        drift_of_result(model, Query(1, Fraction(0), Fraction(8), 16, 128), Received(1, True, Fraction(1, 64)))


def test_ties_of_any_number_cost_one_rounding_of_the_weights() -> None:
    model = parse_arithmetic("rounded:bf16/bf16")
    assert isinstance(model, Rounded)
    query = Query(1, Fraction(0), Fraction(8), 2**40, 256)
    raw = drift_of_result(model, query, Received(2**40, True, Fraction(0)))
    assert Fraction(1, 258) < raw < Fraction(1, 256)
    assert rounded_drift(model.activations, (1,), raw) == Fraction(1, 256)
