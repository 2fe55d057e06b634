"""The facts about accumulated sums against sums accumulated step by step."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactformer.verify.arithmetic.accumulation import cannot_overflow, counted, relative_summation_error
from exactformer.verify.arithmetic.formats import (
    FixedFormat,
    Format,
    FormatOverflow,
    parse_format,
    power_of_two,
    round_to,
)
from tests.arithmetic.accumulating import accumulate
from tests.arithmetic.small_formats import SMALL_FORMATS, all_values

WIDE = [parse_format(name) for name in ("float(2,-4,40)", "float(3,-5,40)", "float(5,-3,40)", "fixed3.40")]
# Terms: a value of the format in [-1, 1], given by its place among them.
places = st.lists(st.floats(0, 1), min_size=1, max_size=24)


@given(st.sampled_from(WIDE), places, st.booleans(), st.randoms(use_true_random=False))
def test_every_order_errs_by_less_than_the_bound(
    accumulator: Format, fractions: list[float], negative_too: bool, rng: random.Random
) -> None:
    unit = [value for value in UNIT_VALUES[accumulator] if negative_too or value >= 0]
    terms = [unit[min(int(place * len(unit)), len(unit) - 1)] for place in fractions]
    computed = accumulate(accumulator, terms, rng)
    magnitude = sum(map(abs, terms))
    assert abs(computed - sum(terms)) <= relative_summation_error(accumulator, len(terms)) * magnitude
    if not negative_too:
        assert max(terms) <= computed
        assert computed <= len(terms) or len(terms) > counted(accumulator)


UNIT_VALUES = {
    wide: [value for value in all_values(parse_format(wide.name.replace("40", "1"))) if abs(value) <= 1]
    for wide in WIDE
}


@pytest.mark.parametrize("terms", [2, 3, 8, 200])
def test_the_bound_is_nearly_attained(terms: int) -> None:
    """1 + u rounds to 1, as the tie goes to the even significand: every further term u is lost."""
    accumulator = parse_format("float(5,-30,30)")
    unit = power_of_two(-5)
    assert round_to(accumulator, 1 + unit) == 1
    lost = (terms - 1) * unit
    bound = relative_summation_error(accumulator, terms) * (1 + lost)
    assert lost <= bound <= lost * (1 + lost)


@pytest.mark.parametrize("accumulator", SMALL_FORMATS, ids=lambda f: f.name)
def test_counts_up_to_the_first_integer_that_is_no_value(accumulator: Format) -> None:
    values = set(all_values(accumulator))
    assert counted(accumulator) + 1 == next(n for n in range(1, 10**6) if n not in values)


@pytest.mark.parametrize("accumulator", SMALL_FORMATS, ids=lambda f: f.name)
def test_where_overflow_is_excluded_no_order_of_ones_overflows(accumulator: Format) -> None:
    rng = random.Random(1)
    overflowed = 0
    for terms in range(1, 40):
        for _ in range(20):
            try:
                accumulate(accumulator, [Fraction(1)] * terms, rng)
            except FormatOverflow:
                overflowed += 1
                assert not cannot_overflow(accumulator, terms)
    assert cannot_overflow(accumulator, 1)
    assert overflowed > 0 or accumulator.max_finite > 30


def test_overflow_at_the_sizes_of_real_kernels() -> None:
    assert cannot_overflow(parse_format("fp32"), 2**64)
    assert cannot_overflow(parse_format("fp16"), 2048)
    assert not cannot_overflow(parse_format("fp16"), 65536)
    assert cannot_overflow(FixedFormat(12, 16), 65535)
    assert not cannot_overflow(FixedFormat(12, 16), 65536)
