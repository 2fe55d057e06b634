"""Columns at once against the definition, one number after the other; intervals against points; numbers; functions."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from exactformer.certificates.checker.approximation import columns as columns_of
from exactformer.certificates.checker.approximation import quantisation
from exactformer.certificates.checker.approximation.columns import SMALL, Columns, Scaled
from exactformer.certificates.checker.approximation.functions import LIBRARY
from exactformer.certificates.checker.approximation.network import read_network
from exactformer.certificates.checker.approximation.quantisation import Interval, Step, _follow
from exactformer.certificates.checker.approximation.sequences import cell_sequences
from exactformer.certificates.checker.approximation.statement import Statement, number_of_sequences
from exactformer.certificates.checker.document import Rejected, TooLarge, rational
from tests.checker.conftest import UNLIMITED
from tests.checker.small_approximation import FUNCTIONS, Layer, evaluate, head, token_wise


def statement(n: int, d: int, cells: int, positional: bool) -> Statement:
    zero = Fraction(0)
    count = number_of_sequences(n, d, cells, positional)
    return Statement(None, "sort", False, n, d, cells, count, positional, Fraction(1), 1, zero, zero, Fraction(1), None)


def random_layer(d: int, chance: random.Random, large: int) -> Layer:
    """Small integers and fractions, so that ties, factors of 0 and values at breaks are frequent; rarely large ones."""

    def number() -> Fraction:
        scale = chance.choice([1, 1, 1, 1, 1, large])
        return Fraction(chance.randint(-2, 2) * scale, chance.choice([1, 1, 1, 2, 3]))

    def vector() -> list[Fraction]:
        return [number() for _ in range(d)]

    if chance.random() < 1 / 2:
        heads = [head(*_ints(vector(), number(), vector(), vector(), vector())) for _ in range(chance.randint(1, 3))]
        return {"heads": heads}
    breaks = sorted({number() for _ in range(chance.randint(0, 2))})
    pieces = [[number(), number()] for _ in range(len(breaks) + 1)]
    pieces[chance.randrange(len(pieces))][0] = Fraction(0)
    return token_wise(_ints(vector())[0], number(), list(breaks), pieces, vector())


def _ints(*values: Any) -> tuple[Any, ...]:
    return values


@pytest.mark.parametrize("large", [1, 2**21, 2**70])
def test_all_sequences_at_once_give_what_the_definition_gives(large: int) -> None:
    chance, types = random.Random(large), set[str]()
    for _ in range(60):
        n, d = chance.randint(2, 4), chance.randint(1, 3)
        written = [random_layer(d, chance, large) for _ in range(chance.randint(1, 6))]
        form: dict[str, Any] = {
            "format": "exactformer approximation network",
            "version": 1,
            "n": n,
            "d": d,
            "positional": False,
        }
        layers = read_network(form | {"layers": written}, statement(n, d, 2, False))
        starts = np.array(
            [[[chance.randint(-3, 3) for _ in range(d)] for _ in range(n)] for _ in range(12)], dtype=np.int64
        )
        columns = Columns(starts, 2)
        for layer in layers:
            columns.apply(layer, UNLIMITED)
            types.add(columns.numerators.dtype.name)
        for sequence, found in zip(starts.tolist(), columns.numerators.tolist(), strict=True):
            expected = evaluate(written, [[Fraction(x, 2) for x in column] for column in sequence])
            assert [[Fraction(x, columns.denominator) for x in column] for column in found] == expected
        assert max(abs(int(x)) for x in columns.numerators.flat) <= columns.bound
    assert types == ({"int64"} if large == 1 else {"int64", "object"})


def test_int64_is_used_again_when_numbers_are_small_again() -> None:
    columns = Columns(np.array([[[1], [2]]], dtype=np.int64), 1)
    there = token_wise([1], 0, [0], [[0, 0], [2**80, 0]], [1])
    back = token_wise([1], 0, [0], [[0, 0], [Fraction(-(2**80), 1 + 2**80), 0]], [1])
    form: dict[str, Any] = {
        "format": "exactformer approximation network",
        "version": 1,
        "n": 2,
        "d": 1,
        "positional": False,
    }
    layers = read_network(form | {"layers": [there, back, back]}, statement(2, 1, 2, False))
    names = []
    for layer in layers[:2]:
        columns.apply(layer, UNLIMITED)
        names.append(columns.numerators.dtype.name)
    assert (names[0], Fraction(int(columns.numerators[0, 1, 0]), columns.denominator)) == ("object", Fraction(2))
    columns._tighten()
    assert (columns.numerators.dtype.name, columns.denominator, columns.bound) == ("int64", 1, 2)
    assert columns.bound < SMALL


def test_an_interval_and_its_points_go_to_the_same_places() -> None:
    """Random steps: every point's path ends in an interval; every end that belongs to an interval is reached."""
    chance = random.Random(5)

    def step(low: Fraction | None, high: Fraction | None) -> Step:
        """Slopes are powers of 2: then all ends of parts are reached from multiples of 1/64."""
        slope = chance.choice([Fraction(text) for text in ("0", "1", "-1", "2", "-2", "1/2", "-1/2")])
        return Step(low, high, slope, Fraction(chance.randint(-4, 4), 2))

    for _ in range(200):
        through = []
        for _ in range(3):
            first, second = sorted(chance.sample([Fraction(x, 2) for x in range(-4, 5)], 2))
            ends = [(None, first), (first, second), (second, None)]
            through.append(tuple(step(low, high) for low, high in ends))
        (found,) = _follow([Interval(Fraction(0), Fraction(1), True, False)], through, UNLIMITED)
        reached = {_path(Fraction(i, 64), through) for i in range(64)}
        for point in reached:
            assert any(_holds(interval, point) for interval in found), (through, point)
        for interval in found:
            assert any(_holds(interval, point) for point in reached), (through, str(interval))
            assert not interval.with_low or interval.low in reached, (through, str(interval))
            assert not interval.with_high or interval.high in reached, (through, str(interval))


def _path(z: Fraction, through: list[tuple[Step, ...]]) -> Fraction:
    for steps in through:
        step = next(s for s in steps if (s.low is None or z >= s.low) and (s.high is None or z < s.high))
        z = step.slope * z + step.intercept
    return z


def _holds(interval: Interval, z: Fraction) -> bool:
    low = z > interval.low or (interval.with_low and z == interval.low)
    return low and (z < interval.high or (interval.with_high and z == interval.high))


def test_intervals_that_double_are_not_followed_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantisation, "MOST_INTERVALS", 100)
    tent = tuple(
        Step(low, high, Fraction(slope), Fraction(intercept))
        for low, high, slope, intercept in (
            (None, Fraction(1, 2), 2, 0),
            (Fraction(1, 2), Fraction(3, 4), Fraction(-7, 5), Fraction(17, 10)),
            (Fraction(3, 4), None, 3, Fraction(-15, 7)),
        )
    )
    with pytest.raises(TooLarge, match="more than 100 intervals"):
        _follow([Interval(Fraction(0), Fraction(1), True, False)], [tent] * 200, UNLIMITED)


@pytest.mark.parametrize("text", ["1/0", "+1", "01", "1/02", " 1", "1\n", "2/6", "0/3", "1e3", "", "/2", "१"])
def test_not_a_rational(text: str) -> None:
    with pytest.raises(Rejected):
        rational("here", text)


@pytest.mark.parametrize("name", LIBRARY)
def test_functions_at_centres(name: str) -> None:
    chance = random.Random(name)
    for n, d, cells in ((2, 1, 2), (3, 2, 4), (4, 3, 3)):
        centres = [[2 * chance.randrange(cells) + 1 for _ in range(d)] for _ in range(n)]
        above, below = LIBRARY[name].at(np.array([centres], dtype=object), 2 * cells)
        expected = FUNCTIONS[name][0]([[Fraction(c, 2 * cells) for c in column] for column in centres])
        assert [[Fraction(x, below) for x in column] for column in above[0].tolist()] == expected


@pytest.mark.parametrize(("n", "d", "cells", "positional", "count"), [(2, 1, 64, False, 2080), (3, 2, 2, True, 64)])
def test_sequences_gone_through(n: int, d: int, cells: int, positional: bool, count: int) -> None:
    about = statement(n, d, cells, positional)
    found = [tuple(row) for row in cell_sequences(about).tolist()]
    assert about.sequences == len(set(found)) == count
    assert found == sorted(found)
    assert positional or all(list(row) == sorted(row) for row in found)


@pytest.mark.parametrize(
    ("n", "d", "cells", "positional"),
    [
        (3, 1, 41, True), (2, 1, 362, False), (40_000, 1, 2, False), (17, 1, 2, True), (2, 17, 2, False),
        (2**53, 1, 2, False), (2**53, 1, 2, True), (2, 2**53, 2, True), (65_000, 1, 65_000, False),
        (2, 1, 2**53, False),
    ],
)  # fmt: skip
def test_more_sequences_or_entries_than_the_limit(n: int, d: int, cells: int, positional: bool) -> None:
    """However many there are: nothing is computed with large numbers before that is known."""
    with pytest.raises(TooLarge, match="cells than this checker goes through"):
        number_of_sequences(n, d, cells, positional)


def test_the_quick_bounds_refuse_nothing_that_the_count_does_not() -> None:
    seen = 0
    for n, d, cells in itertools.product([*range(2, 19), 360, 40_000], [1, 2, 3, 15, 16, 17], [2, 3, 16, 17, 18, 256]):
        for positional in (True, False):
            D = cells**d
            exact = D**n if positional else math.comb(D + n - 1, n) if min(D, n) < 10**4 else 2**99
            too_many = exact > 2**16 or exact * n * d > 2**22
            seen += not too_many
            try:
                assert number_of_sequences(n, d, cells, positional) == exact
                assert not too_many
            except TooLarge:
                assert too_many, (n, d, cells, positional)
    assert seen > 50


def test_many_long_integers_are_not_computed_with(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.array([2**70, 1, 0, -1], dtype=object)
    assert columns_of.fitting(numbers, 2**80).tolist() == numbers.tolist()
    monkeypatch.setattr(columns_of, "MOST_BITS", 4 * 81 - 1)
    with pytest.raises(TooLarge, match="4 numbers of 81 bits"):
        columns_of.fitting(numbers, 2**80)
    assert columns_of.fitting(np.array([1, 2]), 2**61).dtype == np.int64


def test_common_denominators_are_the_least() -> None:
    found = Scaled(np.array([2, -4], dtype=np.int64), 6, 4).reduced()
    assert (found.numerators.tolist(), found.denominator, found.bound) == ([1, -2], 3, 2)
