"""Upper bounds of exp(-x) against ball arithmetic (Arb), and the recipe against another run of it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import flint
import pytest

from exactformer.verify.arithmetic.exponential import (
    HIGH_NUMERATOR,
    exp_minus_upper,
)

HIGH = 125182886983370532117250726298150828302
SPOT_CHECKS = [*range(130), *range(130, 4000, 173), 4095, 4096, 4097, 4098, 5000, 2**40]


def as_arb(x: Fraction) -> flint.arb:
    return flint.arb(flint.fmpq(x.numerator, x.denominator))


@pytest.fixture(autouse=True)
def _bits() -> None:
    flint.ctx.prec = 256


def test_the_constant_is_the_one_written_out() -> None:
    assert HIGH_NUMERATOR == HIGH
    assert as_arb(Fraction(HIGH - 1, 2**128)) < flint.arb(-1).exp() < as_arb(Fraction(HIGH, 2**128))


def rounded_up_to_64_bits(n: int, x: int) -> Fraction:
    """n / 2^(128 x), rounded."""
    shift = max(0, n.bit_length() - 64)
    return Fraction(-(-n >> shift), 1 << (128 * x - shift))


def test_the_recipe_bounds_exp_for_every_x_up_to_5000() -> None:
    """The recipe, run anew with running products; the function must agree with it bit for bit."""
    power, high = 1, Fraction(1)
    spots = set(SPOT_CHECKS)
    for x in range(5001):
        if x <= 4096:
            high, power = rounded_up_to_64_bits(power, x), power * HIGH
        exponential = flint.arb(-x).exp()
        assert exponential < as_arb(high) or x == 0
        if x in spots:
            assert exp_minus_upper(x) == high
            assert as_arb(high - high / 2**60) < exponential or x > 4096


def test_the_upper_bound_never_increases() -> None:
    bounds = [exp_minus_upper(x) for x in SPOT_CHECKS]
    assert all(left >= right for left, right in pairwise(bounds))


def test_zero_is_exact() -> None:
    assert exp_minus_upper(0) == 1


def test_rejects_a_negative_argument() -> None:
    with pytest.raises(ValueError, match="-1"):
        exp_minus_upper(-1)
