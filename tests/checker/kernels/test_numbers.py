"""Numbers with infinities and NaN against Python's floats; powers against mpmath."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import islice, product
from random import Random

import mpmath
import pytest

from exactformer.certificates.checker.formats import NAMED, Overflow
from exactformer.certificates.checker.kernels.numbers import (
    INFINITY,
    MINUS_INFINITY,
    NAN,
    Base,
    Number,
    is_above,
    largest,
    ln2,
    log2_e,
    minus,
    over,
    plus,
    power,
    powers,
    rounded,
    times,
)
from tests.checker.kernels.simulation import fraction_of
from tests.checker.kernels.simulation import power as closely

NUMBERS: dict[Number, float] = {
    INFINITY: math.inf,
    MINUS_INFINITY: -math.inf,
    NAN: math.nan,
    Fraction(0): 0.0,
    Fraction(4): 4.0,
    Fraction(-2): -2.0,
}


def is_same(found: Number, expected: float) -> bool:
    if isinstance(found, Fraction):
        return found == expected
    return NUMBERS[found] == expected or (found is NAN and math.isnan(expected))


def divided(left: float, right: float) -> float:
    return left / right if right else left * math.inf


OPERATIONS: dict[str, tuple[Callable[[Number, Number], Number], Callable[[float, float], float]]] = {
    "sums": (plus, lambda left, right: left + right),
    "products": (times, lambda left, right: left * right),
    "quotients": (over, divided),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_those_of_ieee_754(name: str) -> None:
    ours, floats = OPERATIONS[name]
    for left, right in product(NUMBERS, repeat=2):
        assert is_same(ours(left, right), floats(NUMBERS[left], NUMBERS[right])), (left, right)


def test_comparisons_are_those_of_ieee_754() -> None:
    for left, right in product(NUMBERS, repeat=2):
        assert is_above(left, right) == (NUMBERS[left] > NUMBERS[right])
    assert [minus(number) for number in (INFINITY, MINUS_INFINITY, NAN, Fraction(3))] == [
        MINUS_INFINITY,
        INFINITY,
        NAN,
        Fraction(-3),
    ]
    assert largest([NAN, MINUS_INFINITY, Fraction(1), NAN, Fraction(0)]) == 1
    assert largest([NAN, NAN]) is NAN


def test_what_rounds_to_beyond_the_largest_number_is_an_infinity() -> None:
    e4m3 = NAMED["e4m3fn"]
    assert rounded(e4m3, Fraction(464)) == 448
    assert rounded(e4m3, Fraction(-465)) is MINUS_INFINITY
    assert [rounded(e4m3, number) for number in (INFINITY, NAN)] == [INFINITY, NAN]


def test_ln_2_and_log2_e() -> None:
    for bits in (8, 64, 300):
        low, high = ln2(bits)
        with mpmath.workprec(bits + 100):
            assert low <= fraction_of(mpmath.log(2)) * 2**bits <= high
        assert high - low <= 2
    for name in ("e4m3fn", "bf16", "fp32"):
        with mpmath.workprec(200):
            assert log2_e(NAMED[name], Fraction(1, 3)) == NAMED[name].of(fraction_of(1 / mpmath.log(2)) / 3)


@pytest.mark.parametrize("base", ["e", "2"])
@pytest.mark.parametrize("name", ["e4m3fn", "bf16", "fp16", "fp32"])
def test_powers_are_rounded_correctly(base: Base, name: str) -> None:
    form, random = NAMED[name], Random(7)
    for _ in range(200):
        x = Fraction(random.randint(-(200 << 20), 200 << 20), 1 << random.randint(0, 40))
        y = closely(base, x)
        try:
            expected: Number = Fraction(0) if y < form.least_normal else form.of(y)
        except Overflow:
            expected = INFINITY
        assert power(form, base, x) == expected
    assert power(form, base, Fraction(0)) == 1
    assert power(form, base, Fraction(1, 2**149)) == 1
    assert power(form, base, Fraction(-(10**38))) == 0
    assert power(form, base, Fraction(10**38)) is INFINITY
    assert power(form, "2", Fraction(form.lowest)) == 0


def test_powers_are_enclosed_more_and_more_closely() -> None:
    random = Random(5)
    for base in ("e", "2"):
        for _ in range(50):
            x = Fraction(random.randint(-4096, 4096), random.randint(1, 99))
            for bits, (low, high) in zip((58, 120), islice(powers(base, x), 2), strict=True):
                assert low <= closely(base, x) * (1 + Fraction(1, 2**300))
                assert closely(base, x) * (1 - Fraction(1, 2**300)) <= high
                assert high - low <= low / 2**bits
