"""SPEC 16: ties all at once and one by one, by the definition; and what deciding them costs, in numbers rounded."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random

import pytest
from exactformer.certificates.checker.arithmetic import case_entry as case_on_runs
from exactformer.certificates.checker.arithmetic import cells, condition, exp_above, largest_admitted, parse_model
from exactformer.certificates.checker.steps.naming import Model
from exactformer.certificates.checker.ties import MOST_ONE_BY_ONE, Outcome, outcome

from exactformer.certificates.checker import ties
from exactformer.certificates.checker.formats import Format

ROUNDED = [
    f"rounded:{weight}/{activation}"
    for weight in ("bf16", "fp16", "fp32", "e4m3fn", "fixed6", "fixed12", "fixed32", "float(3,-40,3)", "float(9,-5,3)")
    for activation in ("bf16", "fp16", "e5m2")
]


def by_the_text(model: Model, N: int, D: int, M: int, e: int) -> Outcome:
    """Section 16, *rounded*, sentence by sentence."""
    tau, W, n = exp_above(D << e), model.weight, N - 1
    t, ((one_low, one_high), (_, zero_high)) = Fraction(tau[0], 1 << tau[1]), cells(model)
    leak = n * W.of(t)
    if leak > zero_high:
        return Outcome(tau, None, leak, 0)
    u = Fraction(0) if W.p is None else Fraction(1, 2**W.p)
    low, high = 1 / (1 + n * t) - leak, 1 + leak
    slack = min(low - one_low, one_high - high)
    at_once = min(M, int(2 * slack / W.unit)) if slack >= u else 0
    off = max(u, at_once * W.unit / 2)
    hull = [low - off, high + off] if at_once > 0 else []
    up_to = at_once
    for m in range(at_once + 1, min(M, at_once + 2**12) + 1):
        others = (N - m) * W.of(t / m)
        ends = m * W.of(1 / (m + (N - m) * t)) - others, m * W.of(Fraction(1, m)) + others
        hull += ends
        if not (one_low <= ends[0] and ends[1] <= one_high):
            break
        up_to = m
    return Outcome(tau, (min(hull), max(hull)) if hull else None, leak, up_to)


def draws(number: int) -> Iterator[tuple[Model, int, int, int, int]]:
    rng = Random("ties")
    for _ in range(number):
        N = rng.choice((1, 2, 5, 40, 300, 5000, 2**20, 2**40))
        M = min(N, rng.choice((1, 2, 7, 100, 400, 2**16, N)))
        yield parse_model("", rng.choice(ROUNDED)), N, rng.choice((1, 2, 4)), M, rng.randrange(11)


def test_ties_are_what_the_text_says() -> None:
    at_once, some, all_of_them = 0, 0, 0
    for model, N, D, M, e in draws(200):
        expected = by_the_text(model, N, D, M, e)
        assert outcome(model, N, D, M, e) == expected, (model.weight.name, model.activation.name, N, D, M, e)
        assert ties.holds(model, N, D, M, e) == (expected.up_to == M)
        at_once += expected.up_to > MOST_ONE_BY_ONE
        some += 0 < expected.up_to < M
        all_of_them += 1 < expected.up_to == M
    assert at_once > 3
    assert min(some, all_of_them) > 30


def test_all_ties_that_are_shown_at_once_meet_the_condition_one_by_one() -> None:
    tried = 0
    for model, N, D, M, e in draws(150):
        up_to = min(outcome(model, N, D, M, e).up_to, 300)
        tried += up_to
        for m in range(1, up_to + 1):
            assert condition(model, N, D, (m,), e).holds, (model.weight.name, model.activation.name, N, D, m, e)
    assert tried > 1000


GRID = [
    "rounded:fixed60/bf16", "rounded:fixed32/bf16", "rounded:fp16/bf16", "rounded:bf16/bf16", "rounded:e4m3fn/bf16",
    "fused:bf16/fp32/bf16", "fused:e4m3fn/fp16/e4m3fn", "rounded:bf16/fp32/bf16", "exact",
    "fused:bf16/fp32/bf16+online512+wide+faithful+divide", "rounded:fixed12/fp32/fp16+exp5+truncate",
    "rounded:float(2000,-4000,4000)/bf16", "fused:bf16/float(300,-400,400)/bf16+reciprocal",
]  # fmt: skip
MOST_ROUNDED = 6 * MOST_ONE_BY_ONE
"""Of a case that fails at its last tie: four for each, at one beta; little at others."""


@pytest.fixture
def rounded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list with one entry for each number that is rounded."""
    asked, really = list[int](), Format.round

    def counting(*arguments: object) -> Fraction:
        asked.append(1)
        return really(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Format, "round", counting)
    outcome.cache_clear()
    return asked


@pytest.mark.parametrize("text", GRID)
def test_a_case_costs_little_whatever_the_arithmetic_and_the_context(text: str, rounded: list[int]) -> None:
    model = parse_model("", text)
    admitted = largest_admitted(model, 40)
    assert admitted is not None
    for k in (8, 24, 40, 64):
        for most in (1, 5000, 2**k):
            rounded.clear()
            ties.case_entry(model, 2**k, 1, min(most, 2**k), min(7, admitted), admitted)
            assert len(rounded) < MOST_ROUNDED, (k, most)
        rounded.clear()
        case_on_runs(model, 2**k, 1, [(1, 60), (70, 200)], min(7, admitted), admitted)
        assert len(rounded) < 200 * 60, k  # 191 ties, up to 14 exponents


@pytest.mark.parametrize(
    "text", ["rounded:bf16/bf16", "rounded:fp32/bf16", "rounded:fixed6/fp16", "fused:bf16/fp32/bf16"]
)
@pytest.mark.parametrize("e", [3, 6, 9])
def test_ties_up_to_a_bound_meet_the_condition_one_by_one(text: str, e: int) -> None:
    model, N, M = parse_model("at", text), 40, 24
    found = outcome(model, N, 1, M, e)
    assert all(condition(model, N, 1, (m,), e).holds for m in range(1, found.up_to + 1))


def test_the_first_tie_that_fails_ends_the_range() -> None:
    model = parse_model("at", "rounded:fixed6/fp16")
    found = outcome(model, 40, 1, 24, 7)
    assert 0 < found.up_to < 24
    assert not condition(model, 40, 1, (found.up_to + 1,), 7).holds
    assert found.one is not None
    assert found.one[0] < 1


def test_ties_at_once_when_weights_are_normal() -> None:
    model = parse_model("at", "rounded:fp32/bf16")
    found = outcome(model, 2**64, 1, 2**64, 8)
    assert found.up_to == 2**64
    assert found.one is not None
    assert 0 < 1 - found.one[0] < Fraction(1, 2**23)
    assert outcome(model, 2**64, 1, 2**64, 5).up_to == 0
