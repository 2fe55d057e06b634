"""Exponentials: enclosures against ball arithmetic (Arb), and what ``+exp`` and ``+online`` make of them."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import flint
import pytest

from exactformer.verify.arithmetic.exponentials import (
    FEWEST_BITS,
    computed,
    exp_minus,
    grid_bits,
    steady,
    weights_of,
    with_slack,
)
from exactformer.verify.arithmetic.formats import power_of_two, round_to
from exactformer.verify.arithmetic.groups import ALL_ONE, HIGHEST, TERNARY, Group, Interval, Query, sharing
from exactformer.verify.arithmetic.models import Fused, parse_arithmetic
from exactformer.verify.arithmetic.rounding import NotShown
from exactformer.verify.arithmetic.softmax import HeadFacts, smallest_beta

CHECKED = [*range(1, 200), 1000, 4096, 2**64]


def as_arb(x: Fraction) -> flint.arb:
    return flint.arb(flint.fmpq(x.numerator, x.denominator))


def test_exponentials_are_enclosed_closely() -> None:
    flint.ctx.prec = 500
    for x in CHECKED:
        low, high = exp_minus(x)
        exponential = flint.arb(-x).exp()
        assert as_arb(low) < exponential < as_arb(high)
        assert high - low == power_of_two(-FEWEST_BITS)
    assert exp_minus(0) == Interval(Fraction(1), Fraction(1))


def test_neither_end_ever_rises() -> None:
    for (low, high), (next_low, next_high) in pairwise(map(exp_minus, CHECKED)):
        assert next_low <= low
        assert next_high <= high
    for bits in (FEWEST_BITS, 1122):
        assert exp_minus(steady(bits) - 1, bits) != exp_minus(steady(bits), bits) == exp_minus(steady(bits) + 1, bits)


def test_enclosures_are_as_fine_as_the_smallest_number_needs() -> None:
    double = "float(53,-1022,1023)"
    assert grid_bits(parse_arithmetic("fused:bf16")) == grid_bits(parse_arithmetic("exact")) == FEWEST_BITS
    assert grid_bits(parse_arithmetic(f"rounded:{double}/bf16")) == 1074 + 48
    assert smallest_beta(parse_arithmetic(f"fused:{double}/{double}/{double}"), HeadFacts(1, (1,), 2**20), 30) == 1024
    low, high = exp_minus(700, 1122)
    assert 0 < high - low < low / 2**90


def test_what_is_known_has_no_slack() -> None:
    model, one = parse_arithmetic("fused:bf16"), Fraction(1)
    assert with_slack(model, Interval(one, one)) == Interval(one, one)
    low, high = with_slack(model, Interval(-one, one))
    assert 1 < high == -low < 1 + power_of_two(-200)


def test_rejects_a_negative_argument() -> None:
    with pytest.raises(ValueError, match="-1"):
        exp_minus(-1)


def at(gap: int, farthest: int | None) -> Group:
    return Group(1, 1, gap, farthest, ALL_ONE)


def test_an_error_of_some_ulp_goes_outward() -> None:
    """fp16: q = 2^-24, 2^emin = 2^-14; an ulp is 2^-10 of what it is an ulp of, at least q."""
    model = parse_arithmetic("fused:fp16/fp16/fp16+exp3")
    assert computed(model, HIGHEST) == Interval(1 - 3 * power_of_two(-10), 1 + 3 * power_of_two(-10))
    low, high = exp_minus(1)
    ulp = 3 * power_of_two(-10)
    assert computed(model, at(1, 1)) == Interval(low * (1 - ulp), high * (1 + ulp))
    # exp(-10) is subnormal: it may be flushed.  exp(-17) = 2^-24.5 may be 3 q, exp(-18) < 2^-25 is 0.
    assert computed(model, at(10, 10)) == Interval(Fraction(0), exp_minus(10).high + 3 * power_of_two(-24))
    assert computed(model, at(17, None)).high == exp_minus(17).high + 3 * power_of_two(-24)
    assert computed(model, at(18, None)) == Interval(Fraction(0), Fraction(0))


def test_that_exp_of_0_is_1_says_so_of_0_alone() -> None:
    model = parse_arithmetic("fused:fp16/fp16/fp16+exp3-one")
    assert computed(model, HIGHEST) == Interval(Fraction(1), Fraction(1))
    assert computed(model, Group(1, 2, 0, 1, ALL_ONE)).high == 1 + 3 * power_of_two(-10)


def test_with_a_running_maximum_others_may_weigh_what_the_last_rise_leaves_of_a_maximum() -> None:
    model = parse_arithmetic("fused:e4m3fn/fp16/fp16+online4+wide")
    assert isinstance(model, Fused)
    highest, other = weights_of(model, sharing(1, 1, 8, 4))
    assert highest.num == Interval(Fraction(1), Fraction(1))
    # In e4m3fn exp(-8) is 0; as a factor, in fp16, it is not.
    assert other.num == Interval(Fraction(0), round_to(model.accumulator, exp_minus(8).high))
    nearer = Query((HIGHEST, at(8, 8), Group(0, 1, 3, 3, TERNARY)), 3)
    assert weights_of(model, nearer)[1].num.high == round_to(model.accumulator, exp_minus(3).high)
    with pytest.raises(NotShown, match="running maximum"):
        weights_of(model, Query((HIGHEST, Group(0, 1, 0, 3, TERNARY)), 2))
