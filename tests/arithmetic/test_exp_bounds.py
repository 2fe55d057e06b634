"""Upper bounds of exp(-x) against ball arithmetic (Arb)."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import flint
import pytest

from exactformer.verify.arithmetic.exp_bounds import exp_minus_upper

SPOT_CHECKS = [*range(130), *range(130, 4000, 173), 4095, 4096, 4097, 4098, 5000, 2**40]


def as_arb(x: Fraction) -> flint.arb:
    return flint.arb(flint.fmpq(x.numerator, x.denominator))


@pytest.fixture(autouse=True)
def _bits() -> None:
    flint.ctx.prec = 256


def test_exp_is_bounded_closely_up_to_4096() -> None:
    for x in SPOT_CHECKS:
        high, exponential = exp_minus_upper(x), flint.arb(-x).exp()
        assert exponential < as_arb(high) or x == 0
        assert as_arb(high - high / 2**100) < exponential or x > 4096


def test_the_upper_bound_never_increases() -> None:
    bounds = [exp_minus_upper(x) for x in SPOT_CHECKS]
    assert all(left >= right for left, right in pairwise(bounds))


def test_zero_is_exact() -> None:
    assert exp_minus_upper(0) == 1


def test_rejects_a_negative_argument() -> None:
    with pytest.raises(ValueError, match="up to 0, got 1"):
        exp_minus_upper(-1)
