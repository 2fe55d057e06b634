"""Whether heads give the hardmax value: facts that are known otherwise; all numbers of ties at once; what it costs."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from exactformer.certificates.checker.formats import Format
from exactformer.certificates.checker.refutation import enclosed
from exactformer.certificates.checker.runs import Seen
from exactformer.certificates.checker.softmax import cases
from exactformer.certificates.checker.softmax.cases import Head, holds
from exactformer.certificates.checker.softmax.heads import received
from exactformer.certificates.checker.softmax.model import largest_admitted, parse_model
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Value
from exactformer.certificates.checker.softmax.queries import Query
from tests.checker.softmax.bounds import bounds, case
from tests.checker.softmax.kernel import point

ONE = point(Fraction(1))


def head(text: str, N: int, D: int | None, e: int) -> Head:
    return Head(Arithmetic.of(parse_model("", text), e, N), N, D)


def up_to(text: str, N: int, D: int | None, e: int) -> int:
    """How many ties are shown, one by one."""
    of = head(text, N, D, e)
    return next((m - 1 for m in range(1, N + 1) if not of.keeps_1([(m, m)])), N) if of.keeps_0() else 0


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
    """With nothing leaking, m * rnd(1/m) rounds to 1 up to here: the smallest m that fail were computed exactly."""
    assert up_to(f"rounded:{weight}/{activation}", 300, None, 0) == (smallest or 301) - 1


def test_61_ties_in_bf16_are_refuted() -> None:
    model = parse_model("x", "rounded:bf16/bf16")
    for e in (0, 7, 40):
        assert enclosed("x", model, Seen(60, 1, ((0, (0, 0, 60)),)), e) == ONE
        low, high = enclosed("x", model, Seen(61, 1, ((0, (0, 0, 61)), (64, (0, 9, 0)))), e)
        assert low == high != 1


def test_a_leak_is_refuted_until_it_rounds_away() -> None:
    leaks = Seen(1, 0, ((0, (0, 1, 0)), (1, (0, 0, 1))))
    fused = parse_model("x", "fused:bf16/fp32/bf16")
    assert all(enclosed("x", fused, leaks, e)[0] > 0 for e in range(7))
    assert enclosed("x", fused, leaks, 7) == enclosed("x", fused, leaks, 40) == point(Fraction(0))


@pytest.mark.parametrize(
    ("text", "D", "e"),
    [
        ("rounded:fp16/bf16", 1, 5),
        ("rounded:bf16/e4m3fn", 1, 4),
        ("fused:bf16/fp32/bf16", 1, 7),
        ("fused:bf16/fp32/bf16", 2, 6),
    ],
)
def test_the_least_beta_is_where_leaks_fall_below_half_of_the_smallest_number(text: str, D: int, e: int) -> None:
    """Leaked weights round to 0 when beta D is above 25 ln 2 for fp16, 134 ln 2 for bf16."""
    shown = [holds(parse_model("x", text), 256, D, ((1, 2),), beta) for beta in range(10)]
    assert shown == [beta >= e for beta in range(10)]


def test_real_numbers_always_leak() -> None:
    exact = parse_model("x", "exact")
    assert not any(holds(exact, 256, 1, ((1, 1),), e) for e in range(9))
    assert holds(exact, 256, None, ((1, 256),), 0)


def test_accumulators_that_swallow_or_overflow() -> None:
    """bf16 counts up to 256, and others below u/2 / (2N (1 + N u)) do not change that; fixed point to its largest."""
    swallows = "fused:bf16/bf16/e4m3fn+divide"
    assert bounds(swallows, case(1000, 32, 1, 256), 1000) == ONE
    assert bounds(swallows, case(1000, 32, 1, 257), 1000) != ONE
    assert holds(parse_model("x", swallows), 1000, 1, ((1, 256),), 5)
    assert not holds(parse_model("x", swallows), 1000, 1, ((257, 257),), 5)
    assert not holds(parse_model("x", "fused:bf16/bf16/e4m3fn+faithful"), 1000, 1, ((256, 256),), 5)
    narrow = parse_model("x", "rounded:float(3,-126,5)/float(8,-126,5)/bf16")  # up to 63.75
    assert holds(narrow, 63, 1, ((1, 1),), 12)
    assert not holds(narrow, 64, 1, ((1, 1),), 12)  # 64 that share 0 may be there
    fixed = parse_model("x", "fused:fixed8/fixed8.4/bf16")
    assert holds(fixed, 15, 1, ((3, 3),), 12)
    assert not holds(fixed, 16, 1, ((3, 3),), 12)


def test_a_sum_with_no_bound_on_its_error_is_not_shown() -> None:
    """(N - 1) 2^-8 >= 1 says nothing where others do not round away."""
    text = "fused:bf16/bf16/bf16"
    assert [bounds(text, case(N, 1, 1, 3), N, cast=True) != ONE for N in (256, 257, 1000)] == [True] * 3
    low, high = bounds(text, case(50, 1, 1, 40), 50) or (0, 0)
    assert 0 < low < 1 < high < 2


@pytest.mark.parametrize(
    ("text", "N", "e", "ties"),
    [
        ("rounded:fp16/fp32/e4m3fn", 2**20, 7, 2**13),  # 11 bits fit 24; 1/m is normal up to 2^14
        ("rounded:fp32/bf16", 2**64, 8, 2**64),
        ("fused:bf16/fp32/bf16+wide+divide", 2**20, 8, 2**20),
        ("fused:bf16/bf16/bf16+divide", 1000, 8, 256),
        ("fused:bf16/float(300,-400,400)/bf16+reciprocal", 2**64, 7, 2**64),
    ],
)
def test_all_ties_at_once(text: str, N: int, e: int, ties: int) -> None:
    of = head(text, N, 1, e)
    assert of.gives(1, ties, of.arithmetic.one)
    assert holds(parse_model("", text), N, 1, ((1, ties),), e)


@pytest.mark.parametrize(
    ("text", "N", "e", "ties"),
    [
        ("rounded:fp32/bf16", 2**64, 5, 1),
        ("fused:bf16/fp32/bf16+wide+divide", 2**20, 0, 1),
        ("fused:bf16/bf16/bf16+divide", 1000, 8, 257),
        ("rounded:fixed8/fp32/bf16", 20, 5, 3),  # 3 * 85/256 is 255/256, and bf16 would need 511/512
        ("rounded:fixed6/fp16", 40, 7, 3),  # 3 * 21/64
    ],
)
def test_the_first_number_of_ties_that_is_not_shown(text: str, N: int, e: int, ties: int) -> None:
    model = parse_model("", text)
    assert not holds(model, N, 1, ((1, ties),), e)
    assert ties == 1 or holds(model, N, 1, ((1, ties - 1),), e)


@pytest.mark.parametrize(
    "text", ["rounded:bf16/bf16", "rounded:bf16/fp32/bf16", "rounded:fp32/bf16", "rounded:e5m2/e5m2"]
)
def test_ranges_are_shown_just_where_each_number_is(text: str) -> None:
    of = head(text, 40, 1, 9)
    alone = [of.keeps_1([(m, m)]) for m in range(1, 41)]
    for first, last in product(range(1, 41, 3), repeat=2):
        if first <= last:
            assert of.keeps_1([(first, last)]) == all(alone[first - 1 : last])
            assert of.keeps_1([(first, first), (last, last)]) == (alone[first - 1] and alone[last - 1])


def test_a_range_of_which_some_half_is_not_shown_is_not() -> None:
    of = head("rounded:bf16/bf16", 300, 1, 9)
    assert of.keeps_1([(1, 60)])
    assert not of.keeps_1([(1, 61)])
    assert not of.keeps_1([(61, 300)])
    assert of.keeps_1([(62, 62)])


def test_no_more_queries_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """40 numbers, one by one, take 79 queries."""
    asked = list[tuple[int, int]]()

    def gives(_: Head, least: int, most: int, value: Value) -> bool:
        asked.append((least, most))
        return least == most and value.high > 0

    monkeypatch.setattr(Head, "gives", gives)
    for allowed, shown in ((78, False), (79, True)):
        monkeypatch.setattr(cases, "MOST_QUERIES", allowed)
        asked.clear()
        assert head("rounded:bf16/bf16", 40, 1, 9).keeps_1([(1, 40)]) == shown
        assert len(asked) == allowed


GRID = [
    "rounded:fixed60/bf16", "rounded:fixed32/bf16", "rounded:fp16/bf16", "rounded:bf16/bf16", "rounded:e4m3fn/bf16",
    "fused:bf16/fp32/bf16", "fused:e4m3fn/fp16/e4m3fn", "rounded:bf16/fp32/bf16", "exact",
    "fused:bf16/fp32/bf16+online512+wide+faithful+divide", "rounded:fixed12/fp32/fp16+exp5+truncate",
    "rounded:float(2000,-4000,4000)/bf16", "fused:bf16/float(300,-400,400)/bf16+reciprocal",
]  # fmt: skip


@pytest.mark.parametrize("text", GRID)
def test_a_case_costs_little_whatever_the_arithmetic_and_the_context(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In queries, and in numbers rounded for each."""
    queries, rounded = list[int](), list[int]()
    really, asked = Format.round, received

    def counting(*arguments: Any) -> Fraction:
        rounded.append(1)
        return really(*arguments)

    def receiving(arithmetic: Arithmetic, query: Query, columns: Any) -> list[Value]:
        queries.append(1)
        return asked(arithmetic, query, columns)

    monkeypatch.setattr(Format, "round", counting)
    monkeypatch.setattr(cases, "received", receiving)
    model = parse_model("", text)
    admitted = largest_admitted(model, 40)
    assert admitted is not None
    for k, most in product((8, 24, 64), (1, 5000, 2**64)):
        queries.clear()
        rounded.clear()
        holds.cache_clear()
        holds(model, 2**k, 1, ((1, min(most, 2**k)),), min(7, admitted))
        assert len(queries) < 200
        assert len(rounded) <= 16 * len(queries)
