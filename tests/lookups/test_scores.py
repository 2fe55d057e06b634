"""Scores in every order of additions, against all orders one by one; and coordinates of a format."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import pytest

from exactformer.constructions.lookups.layer_norm_hash import phi
from exactformer.constructions.lookups.scheme import Root
from exactformer.verify.arithmetic.formats import (
    BF16,
    FP16,
    FP32,
    FixedFormat,
    Format,
    ieee_format,
    round_to,
    rounding_cell,
)
from exactformer.verify.arithmetic.groups import Interval
from exactformer.verify.lookups.scores import ScoreArithmetic, held, precision, relative_error, score

TINY = ieee_format(4, -40, 40)
PLAIN = ScoreArithmetic("tiny", TINY, TINY, TINY, "")


def all_sums(sums: Format, terms: tuple[Fraction, ...]) -> set[Fraction]:
    """Every result of adding products in any order and grouping, fused or not: written in another way."""
    if len(terms) == 1:
        return {round_to(sums, terms[0])}
    found = set()
    for order in permutations(terms):
        for cut in range(1, len(order)):
            first, second = order[:cut], order[cut:]
            for one in all_sums(sums, first) | (set(first) if cut == 1 else set()):
                found |= {round_to(sums, one + other) for other in all_sums(sums, second)}
    return found


@pytest.mark.parametrize(
    "terms",
    [(9, 7), (15, 1, 1), (17, -16, 3), (100, -97, -2, 1), (1, 1, 1, 31), (Fraction(1, 512), 5, -5, 1)],
)
def test_least_and_largest_are_those_of_all_orders(terms: tuple[int, ...]) -> None:
    products = tuple(map(Fraction, terms))
    found = score(PLAIN, [Fraction(1)] * len(products), products)
    every = all_sums(TINY, products)
    assert (found.low, found.high) == (min(every), max(every))


def test_orders_differ_and_storing_rounds_once_more() -> None:
    ones = [Fraction(1)] * 3
    found = score(PLAIN, [Fraction(16), *ones[1:]], ones)
    assert found == Interval(Fraction(16), Fraction(18))
    stored = ScoreArithmetic("stored", TINY, FP32, TINY, "")
    assert score(stored, [Fraction(17)], [Fraction(1)]) == Interval(Fraction(16), Fraction(16))


@pytest.mark.parametrize("number_format", [BF16, FP16, FP32])
@pytest.mark.parametrize("k", [0, 1, 2, 7, 40, 1000])
def test_a_root_is_held_as_the_nearest_number(number_format: Format, k: int) -> None:
    """The root is in the number's rounding cell: the ends are compared by their squares."""
    for coordinate in phi(k):
        if not isinstance(coordinate, Root):
            raise TypeError
        value = held(number_format, coordinate)
        cell = rounding_cell(number_format, abs(value))
        assert max(cell.low, Fraction(0)) ** 2 <= coordinate.square <= cell.high**2
        assert value == 0 or (value > 0) == (coordinate.sign > 0)


def test_the_error_bound_holds_and_is_not_far_off() -> None:
    """Of products of two rounded coordinates each."""
    bound, worst = relative_error(PLAIN, 4), Fraction(0)
    for i in range(12):
        for k in range(12):
            own = [held(TINY, one) for one in phi(i)]
            other = [held(TINY, one) for one in phi(k)]
            c, d = i * k + 1, i - k
            low, high = Root(1, Fraction(c * c, c * c + d * d)).between(60)
            found = score(PLAIN, own, other)
            worst = max(worst, found.high - high, low - found.low)
    assert 0 < worst <= bound
    assert worst * 8 > bound


def test_fixed_point_is_not_audited() -> None:
    with pytest.raises(ValueError, match="scores in fixed12 are not audited; name a floating format"):
        precision(FixedFormat(12))


@pytest.mark.parametrize("terms", [1, 2, 4])
def test_the_error_bound_counts_every_rounding(terms: int) -> None:
    """Two coordinates, a product and ``terms`` - 1 additions, each by 2^-p; and the score where it is stored."""
    u = Fraction(1, 2**24)
    in_fp32 = ScoreArithmetic("fp32", FP32, FP32, FP32, "")
    assert (2 + terms) * u < relative_error(in_fp32, terms) < (2 + terms + Fraction(1, 100)) * u
    stored = ScoreArithmetic("bf16 stored", FP32, FP32, BF16, "")
    assert relative_error(stored, terms) > relative_error(in_fp32, terms) + Fraction(1, 2**8)
