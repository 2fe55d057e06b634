"""Formats and rounding: against other implementations, and by hand."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise

import ml_dtypes
import numpy as np
import pytest

from exactformer.certificates.checker.formats import NAMED, Format, Overflow, parse_format

DTYPES = {
    "fp32": np.float32,
    "fp16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "e4m3fn": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
}


def values(fmt: Format) -> list[Fraction]:
    """All values of a small format from 0 on."""
    found, k, exponent = [Fraction(0)], 1, fmt.lowest
    while found[-1] < fmt.largest:
        found.append(k * Fraction(2) ** exponent)
        k += 1
        if fmt.p is not None and k == 2**fmt.p:
            k, exponent = k // 2, exponent + 1
    return found


@pytest.mark.parametrize(
    "name", ["e4m3fn", "e5m2", "float(3,-2,3)", "float(2,0,0)", "float(4,0,2)", "fixed3.2", "fixed1.1"]
)
def test_rounding_is_to_the_nearest_value_and_ties_go_to_even(name: str) -> None:
    fmt = parse_format("x", name)
    for place, (low, high) in enumerate(pairwise(values(fmt))):
        middle, eps = (low + high) / 2, (high - low) / 1000
        even = low if place % 2 == 0 else high  # values are in the order of k, exponent by exponent
        for x, expected in ((low, low), (middle - eps, low), (middle, even), (middle + eps, high), (high, high)):
            assert fmt.round(x.numerator, x.denominator) == expected
            assert fmt.round(-3 * x.numerator, 3 * x.denominator) == -expected


@pytest.mark.parametrize("name", DTYPES)
def test_rounding_agrees_with_hardware_and_ml_dtypes(name: str) -> None:
    rng = random.Random(name)
    fmt, largest = NAMED[name], float(NAMED[name].largest)
    for _ in range(3000):
        x = float(np.float32(rng.uniform(-2, 2) * 2.0 ** rng.randint(-30, 7)))
        if abs(x) > largest:
            continue
        if name == "fp32":  # from double, as np.float32 of a float32 would not round
            x = rng.uniform(-2, 2) * 2.0 ** rng.randint(-149, 60)
        exact = Fraction(x)
        assert fmt.round(exact.numerator, exact.denominator) == Fraction(float(DTYPES[name](x))), x


def test_overflow_is_beyond_the_midpoint_after_the_largest_value() -> None:
    assert NAMED["e4m3fn"].round(464, 1) == 448  # a tie: 448 is even
    for name, x in (("e4m3fn", 465), ("e5m2", 61440), ("fp16", 65520), ("fixed3.2", 4)):
        fmt = parse_format("x", name)
        fmt.round(int(fmt.largest), 1)
        with pytest.raises(Overflow):
            fmt.round(x, 1)


def test_rounding_to_the_neighbours() -> None:
    tiny = parse_format("x", "float(3,-4,3)")
    assert [tiny.of(Fraction(9, 8), to) for to in ("nearest", "down", "up")] == [1, 1, Fraction(5, 4)]
    assert [tiny.of(Fraction(-11, 8), to) for to in ("nearest", "down", "up")] == [
        Fraction(-3, 2),
        Fraction(-5, 4),
        Fraction(-3, 2),
    ]
    assert [tiny.of(Fraction(1, 100), to) for to in ("nearest", "down", "up")] == [Fraction(1, 64), 0, Fraction(1, 64)]
    assert tiny.of(Fraction(5, 4), "up") == tiny.of(Fraction(5, 4), "down") == Fraction(5, 4)
    assert tiny.of(Fraction(15), "down") == 14
    with pytest.raises(Overflow):
        tiny.of(Fraction(29, 2), "up")
