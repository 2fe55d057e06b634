"""The enclosures of exp(-x) against ball arithmetic (Arb), and the recipe against another run of it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import flint
import pytest

from exactformer.verify.arithmetic.exponential import (
    HIGH_NUMERATOR,
    LOW_NUMERATOR,
    exp_minus_enclosure,
    exp_minus_upper,
)

LOW = 125182886983370532117250726298150828301
HIGH = 125182886983370532117250726298150828302
SPOT_CHECKS = [*range(130), *range(130, 4000, 173), 4095, 4096, 4097, 4098, 5000, 2**40]


def as_arb(x: Fraction) -> flint.arb:
    return flint.arb(flint.fmpq(x.numerator, x.denominator))


@pytest.fixture(autouse=True)
def _bits() -> None:
    flint.ctx.prec = 256


def test_the_constants_are_those_written_out() -> None:
    assert (LOW_NUMERATOR, HIGH_NUMERATOR) == (LOW, HIGH)
    one_over_e = flint.arb(-1).exp()
    assert as_arb(Fraction(LOW, 2**128)) < one_over_e < as_arb(Fraction(HIGH, 2**128))


def round_to_64_bits(n: int, x: int, up: bool) -> Fraction:
    """n / 2^(128 x), rounded."""
    shift = max(0, n.bit_length() - 64)
    quotient = n >> shift
    if up and quotient << shift != n:
        quotient += 1
    return Fraction(quotient, 1 << (128 * x - shift))


def test_the_recipe_encloses_exp_for_every_x_up_to_5000() -> None:
    """The recipe, run anew with running products; the functions must agree with it bit for bit."""
    low_power = high_power = 1
    spots = set(SPOT_CHECKS)
    high = Fraction(1)
    for x in range(5001):
        low = Fraction(0)
        if x <= 4096:
            low, high = round_to_64_bits(low_power, x, False), round_to_64_bits(high_power, x, True)
            low_power, high_power = low_power * LOW, high_power * HIGH
        exponential = flint.arb(-x).exp()
        assert as_arb(low) < exponential < as_arb(high) or x == 0
        if x in spots:
            assert exp_minus_enclosure(x) == (low, high)
            assert exp_minus_upper(x) == high
            assert high - low <= low / 2**60 or x > 4096


def test_the_upper_bound_never_increases() -> None:
    bounds = [exp_minus_upper(x) for x in SPOT_CHECKS]
    assert all(left >= right for left, right in pairwise(bounds))


def test_zero_is_exact() -> None:
    assert exp_minus_enclosure(0) == (Fraction(1), Fraction(1))


def test_rejects_a_negative_argument() -> None:
    with pytest.raises(ValueError, match="-1"):
        exp_minus_upper(-1)
    with pytest.raises(ValueError, match="-1"):
        exp_minus_enclosure(-1)
