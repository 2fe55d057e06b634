"""Rounding against brute force over all values of small formats, and against ml_dtypes on large ones."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactformer.verify.arithmetic.formats import (
    BF16,
    E4M3FN,
    E5M2,
    FP16,
    FP32,
    FixedFormat,
    FloatFormat,
    Format,
    FormatError,
    FormatOverflow,
    Rounding,
    is_representable,
    parse_format,
    power_of_two,
    round_ratio,
    round_to,
    rounding_cell,
)
from tests.arithmetic.small_formats import SMALL_FORMATS, all_values, has_even_significand

values_of = cache(all_values)
small = st.sampled_from(SMALL_FORMATS)
rationals = st.one_of(
    st.fractions(min_value=-9, max_value=9),
    st.builds(lambda n, k: Fraction(n) / 2**k, st.integers(-4000, 4000), st.integers(0, 20)),
    st.builds(lambda n, k: Fraction(n) / 2**k + Fraction(1, 3**60), st.integers(-400, 400), st.integers(0, 12)),
)


@given(small, rationals)
def test_nearest_is_the_nearest_of_all_values(number_format: Format, x: Fraction) -> None:
    values = values_of(number_format)
    if not values[0] <= x <= values[-1]:
        return
    distance = min(abs(x - value) for value in values)
    nearest = [value for value in values if abs(x - value) == distance]
    if len(nearest) == 2:
        nearest = [value for value in nearest if has_even_significand(number_format, value)]
    assert [round_to(number_format, x)] == nearest


@given(small, rationals)
def test_toward_zero_is_the_largest_value_not_beyond(number_format: Format, x: Fraction) -> None:
    values = values_of(number_format)
    if values[0] <= x <= values[-1]:
        expected = max(value for value in values if 0 <= value <= abs(x))
        assert round_to(number_format, x, Rounding.TOWARD_ZERO) == (expected if x >= 0 else -expected)


@given(small, rationals, rationals, st.sampled_from(Rounding))
def test_monotone_idempotent_and_odd(number_format: Format, x: Fraction, y: Fraction, mode: Rounding) -> None:
    largest = number_format.max_finite
    x, y = (max(-largest, min(largest, z)) for z in sorted((x, y)))
    rounded = round_to(number_format, x, mode)
    assert rounded <= round_to(number_format, y, mode)
    assert round_to(number_format, rounded, mode) == rounded
    assert is_representable(number_format, rounded)
    assert round_to(number_format, -x, mode) == -rounded
    assert round_ratio(number_format, 6 * x.numerator, 6 * x.denominator, mode) == rounded


@pytest.mark.parametrize("number_format", SMALL_FORMATS, ids=lambda f: f.name)
def test_cells_are_exactly_what_rounds_to_the_value(number_format: Format) -> None:
    tiny = power_of_two(-200)
    cells = {value: rounding_cell(number_format, value) for value in values_of(number_format)}
    for value, cell in cells.items():
        for end, inward in ((cell.low, tiny), (cell.high, -tiny)):
            assert round_to(number_format, end + inward) == value
            for x in (end, end - inward):
                try:
                    inside = round_to(number_format, x) == value
                except FormatOverflow:
                    inside = False
                assert inside == cell.contains(x)
    ascending = list(cells.values())
    for left, right in pairwise(ascending):
        assert left.high == right.low
        assert left.high_included != right.low_included


@pytest.mark.parametrize("number_format", SMALL_FORMATS, ids=lambda f: f.name)
def test_representable_are_exactly_the_values(number_format: Format) -> None:
    values = set(values_of(number_format))
    step = power_of_two(number_format.quantum_exponent - 1)
    multiples = range(-2000, 2001)
    assert {n * step for n in multiples if is_representable(number_format, n * step)} == {
        n * step for n in multiples if n * step in values
    }
    assert not is_representable(number_format, number_format.max_finite * 2)


ML_DTYPES: tuple[tuple[FloatFormat, Any, Any], ...] = (
    (FP16, np.float16, np.uint16),
    (BF16, ml_dtypes.bfloat16, np.uint16),
    (E4M3FN, ml_dtypes.float8_e4m3fn, np.uint8),
    (E5M2, ml_dtypes.float8_e5m2, np.uint8),
)


@pytest.mark.parametrize(("number_format", "dtype", "pattern"), ML_DTYPES, ids=lambda x: getattr(x, "name", ""))
def test_agrees_with_ml_dtypes_at_every_value_and_midpoint(
    number_format: FloatFormat, dtype: Any, pattern: Any
) -> None:
    """The points are values of float32, so the casts round once."""
    positive = np.arange(1 << (8 * np.dtype(pattern).itemsize - 1), dtype=pattern).view(dtype)
    with np.errstate(invalid="ignore"):  # the patterns of NaN
        floats = positive.astype(np.float64)
    floats = floats[np.isfinite(floats)]
    quarter_points = [floats] + [floats[:-1] + (floats[1:] - floats[:-1]) * k / 4 for k in (1, 2, 3)]
    for points in quarter_points:
        expected = points.astype(dtype).astype(np.float64)
        ours = [round_to(number_format, Fraction(x)) for x in points.tolist()]
        assert ours == [Fraction(x) for x in expected.tolist()]
    assert Fraction(floats[-1].item()) == number_format.max_finite
    # Just beside a midpoint, by less than float64 can tell: to the larger neighbour, or to the smaller.
    tiny = power_of_two(-300)
    values = [Fraction(x) for x in floats.tolist()]
    for low, high in list(pairwise(values))[:: max(1, len(values) // 500)]:
        middle = (low + high) / 2
        assert (round_to(number_format, middle - tiny), round_to(number_format, middle + tiny)) == (low, high)


def test_where_a_cast_through_float64_rounds_twice_we_round_once() -> None:
    just_above_half_way = 1 + Fraction(1, 2**8) + Fraction(1, 2**60)
    assert float(np.array(float(just_above_half_way)).astype(ml_dtypes.bfloat16)) == 1.0
    assert round_to(BF16, just_above_half_way) == 1 + Fraction(1, 2**7)


OVERFLOWS: dict[str, tuple[Format, Fraction, Fraction]] = {
    # title: format, the largest that stays, the step beyond
    "IEEE threshold of bf16 is excluded": (
        BF16,
        power_of_two(128) - power_of_two(119) - power_of_two(-9),
        power_of_two(-9),
    ),
    "fp16 from 65520 on": (FP16, Fraction(65520) - Fraction(1, 10**9), Fraction(1, 10**9)),
    "fp32 threshold": (FP32, power_of_two(128) - power_of_two(103) - 1, Fraction(1)),
    "e4m3fn keeps 464, half way to the missing 480": (E4M3FN, Fraction(464), Fraction(1, 10**9)),
    "e5m2 from 61440 on": (E5M2, Fraction(61440) - Fraction(1, 10**9), Fraction(1, 10**9)),
    "fixed point": (FixedFormat(2, 3), Fraction(63, 8) - Fraction(1, 10**9), Fraction(1, 10**9)),
}


@pytest.mark.parametrize("title", OVERFLOWS)
def test_overflow_threshold(title: str) -> None:
    number_format, stays, step = OVERFLOWS[title]
    assert round_to(number_format, stays) == number_format.max_finite
    assert round_to(number_format, -stays) == -number_format.max_finite
    for sign in (1, -1):
        with pytest.raises(FormatOverflow, match=number_format.name):
            round_to(number_format, sign * (stays + step))


@pytest.mark.parametrize(
    "name",
    [
        "fp32",
        "bf16",
        "fp16",
        "e4m3fn",
        "e5m2",
        "fixed1",
        "fixed12",
        "fixed12.4",
        "float(5,-3,4)",
        "float(2,0,0)",
    ],
)
def test_names_parse_back(name: str) -> None:
    number_format = parse_format(name)
    assert number_format.name == name
    assert parse_format(number_format.name) == number_format


SYNONYMS = {
    "fp8-e4m3fn": "e4m3fn",
    "fp8-e5m2": "e5m2",
    "fixed12.8": "fixed12",
    "float(11, -14, 15)": "fp16",
    "float(8,-126,127)": "bf16",
}


@pytest.mark.parametrize("text", SYNONYMS)
def test_synonyms(text: str) -> None:
    assert parse_format(text).name == SYNONYMS[text]


BAD_TEXTS = {
    "empty": "",
    "unknown name": "fp64",
    "wrong case": "BF16",
    "trailing line": "bf16\n",
    "fixed without bits": "fixed",
    "fixed with an empty integer part": "fixed12.",
    "fixed without room for 1": "fixed12.0",
    "fixed where 1 is odd": "fixed0",
    "more bits than certificates have": "fixed4097",
    "more bits before the point": "fixed1.4097",
    "an exponent that certificates do not have": "float(8,-4097,127)",
    "negative bits": "fixed-3",
    "digits of another script": "fixed\u0663",
    "two numbers only": "float(3,-2)",
    "precision 1": "float(1,-2,2)",
    "1 is not a value: emin above 0": "float(3,1,2)",
    "negative emax": "float(3,-2,-1)",
    "enormous": "float(999999,-2,2)",
    "enormous exponent": "float(3,-2,999999)",
}


@pytest.mark.parametrize("title", BAD_TEXTS)
def test_rejects_as_a_format(title: str) -> None:
    with pytest.raises(FormatError):
        parse_format(BAD_TEXTS[title])


def test_unknown_names_are_told_what_is_known() -> None:
    with pytest.raises(FormatError, match=r"'fp64'.*fp32, bf16, fp16, e4m3fn, e5m2.*fixedF.*float\(p,emin,emax\)"):
        parse_format("fp64")


def test_rejects_a_format_that_lies_about_its_largest_value() -> None:
    with pytest.raises(FormatError, match="max_finite"):
        FloatFormat(8, -126, 127, Fraction(448))


def test_rejects_the_cell_of_what_is_no_value() -> None:
    with pytest.raises(ValueError, match="not a value of bf16"):
        rounding_cell(BF16, Fraction(1, 3))


def test_rejects_a_ratio_without_positive_denominator() -> None:
    with pytest.raises(ValueError, match="positive"):
        round_ratio(BF16, 1, -3)
