"""Sums in an accumulator: what is known of them, against sums that are added step by step."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactformer.verify.arithmetic.formats import (
    FixedFormat,
    Format,
    FormatOverflow,
    counted,
    parse_format,
    power_of_two,
    round_to,
)
from exactformer.verify.arithmetic.groups import ALL_ONE, ONE, ZERO, Group, Interval, Query, Value
from exactformer.verify.arithmetic.models import Fused, parse_arithmetic
from exactformer.verify.arithmetic.rounding import NotShown
from exactformer.verify.arithmetic.sums import EXACT, Sum, Term
from tests.arithmetic.accumulating import accumulate
from tests.arithmetic.small_formats import SMALL_FORMATS, all_values


def sum_of(text: str, groups: list[tuple[Group, Interval]], context: int, exact: bool = False) -> Sum:
    """A sum, in the model's accumulator, of the weights of some groups times their values."""
    model = parse_arithmetic(text)
    assert isinstance(model, Fused)
    terms = [
        Term.of(group, weight, group.value, model.weights if exact else None, alike=exact) for group, weight in groups
    ]
    return Sum.of(model, Query(tuple(group for group, _ in groups), context), terms)


def ones(accumulator: Format, count: int, steps: str = "") -> Sum:
    """This many terms, of which only is known that they are in [0, 1]."""
    text = f"fused:float(2,0,0)/{accumulator.name}/bf16{steps}"
    return sum_of(text, [(Group(count, count, 0, 0, ALL_ONE), Interval(ZERO, ONE))], count)


def cannot_overflow(accumulator: Format, count: int) -> bool:
    try:
        ones(accumulator, count)
    except NotShown:
        return False
    return True


def relative(accumulator: Format, count: int, steps: str = "") -> Fraction:
    error = ones(accumulator, count, steps).error_of(count, settled=True)
    assert error is not None
    assert error.absolute == 0
    return error.relative


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
    assert abs(computed - sum(terms)) <= relative(accumulator, len(terms)) * magnitude
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
    bound = relative(accumulator, terms) * (1 + lost)
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


def known(text: str, weight: Fraction, value: Value, most: int, gap: int = 0, context: int = 64) -> Sum:
    """A sum of up to ``most`` equal weights times a value."""
    return sum_of(text, [(Group(1, most, gap, gap, value), Interval(weight, weight))], context, exact=True)


def test_multiples_of_what_divides_all_terms_are_added_exactly() -> None:
    """fp16 has 11 bits: up to 2^11 times 1/4, as long as nothing else is a smaller part."""
    text, quarter, half = "fused:float(3,-8,1)/float(11,-14,25)/bf16", Fraction(1, 4), Fraction(1, 2)
    groups = [
        (Group(1, 100, 0, 0, ALL_ONE), Interval(half, ONE)),
        (Group(1, 1, 2, 2, ALL_ONE), Interval(quarter, quarter)),
    ]
    # float(3,..) counts eighths from 1/2 on.
    assert sum_of(text, groups, 2**10, exact=True).error == EXACT
    assert sum_of(text, [(Group(1, 2**8 + 1, 0, 0, ALL_ONE), Interval(half, ONE))], 2**10, exact=True).error != EXACT
    assert sum_of(text, [(Group(1, 2**8, 0, 0, ALL_ONE), Interval(half, ONE))], 2**10, exact=True).error == EXACT
    assert known(text, quarter, Value(Fraction(3, 4), Fraction(3, 4), ternary=False), 20).error == EXACT
    third = Value(Fraction(1, 3), Fraction(1, 3), ternary=False)
    assert known(text, quarter, third, 1).error != EXACT


def test_few_times_one_weight_are_added_exactly() -> None:
    """3 and 5 bits: up to 4 times a weight that is not known, if all are equal."""
    text = "fused:float(3,-8,1)/float(5,-14,8)/bf16"
    for most, alike, exact in ((4, True, True), (5, True, False), (4, False, False)):
        model = parse_arithmetic(text)
        assert isinstance(model, Fused)
        group = Group(1, most, 1, 1, ALL_ONE)
        term = Term.of(group, Interval(Fraction(1, 64), ONE), ALL_ONE, model.weights, alike=alike)
        assert (Sum.of(model, Query((group,), 64), [term]).error == EXACT) == exact


def test_ones_swallow_what_is_tiny_unless_additions_may_give_neighbours() -> None:
    """5 bits: u/2 = 2^-6; L is about 16 times the largest of 8 positions."""
    tiny = Value(-ONE, ONE)
    for steps, exponent, swallows in (("", -11, True), ("", -10, False), ("+faithful", -11, False)):
        groups = [
            (Group(1, 4, 0, 0, ALL_ONE), Interval(ONE, ONE)),
            (Group(0, 4, 9, None, tiny), Interval(ZERO, power_of_two(exponent))),
        ]
        found = sum_of(f"fused:float(3,-9,1)/float(5,-24,8)/bf16{steps}", groups, 8)
        assert found.is_swallowed == swallows


def test_products_that_underflow_count_once_and_rescaled_sums_once_more() -> None:
    text = "fused:float(3,-9,1)/float(9,-20,8)/bf16"
    weight, value = Interval(ZERO, Fraction(1, 2)), Value(Fraction(1, 3), Fraction(2, 3), ternary=False)
    q, u = power_of_two(-28), power_of_two(-9)
    groups = [(Group(1, 2, 0, 0, value), weight), (Group(0, 6, 4, None, value), weight)]
    plain, online = sum_of(text, groups, 8).error, sum_of(text + "+online4", groups, 8).error
    assert plain is not None
    assert online is not None
    assert plain.relative == 8 * u / (1 - 8 * u)
    assert plain.absolute == 8 * q * (1 + plain.relative)
    assert online.relative == 10 * u / (1 - 10 * u)
    assert online.absolute == 2 * 8 * q * (1 + online.relative)


def test_what_is_added_before_the_maximum_is_met_may_overflow() -> None:
    """Where the maximum's value is 0, too: others weigh as much as it does before it is met."""
    zero, any_value = Value(ZERO, ZERO), Value(-ONE, ONE)
    groups = [
        (Group(1, 1, 0, 0, zero), Interval(ONE, ONE)),
        (Group(0, 99, 9, None, any_value), Interval(ZERO, power_of_two(-9))),
    ]
    small = "fused:float(3,-9,1)/float(5,-20,5)/bf16"
    assert sum_of(small, groups, 100).largest < 1
    with pytest.raises(NotShown, match="sums of 100 terms may overflow"):
        sum_of(small + "+online1", groups, 100)


def test_additions_that_may_give_neighbours_err_by_more_than_the_sum_of_their_errors() -> None:
    accumulator = parse_format("float(8,-20,20)")
    u = power_of_two(-7)
    assert relative(accumulator, 5, "+faithful") == 4 * u / (1 - 4 * u)
    assert relative(accumulator, 5) == 2 * u


def test_what_was_added_before_the_maximum_was_met_is_not_exact_afterwards() -> None:
    highest, other = Group(1, 2, 0, 0, ALL_ONE), Group(0, 2, 1, None, ALL_ONE)
    text = "fused:float(2,-2,1)/float(8,-12,8)/bf16+online1"
    weights = [(highest, Interval(ONE, ONE)), (other, Interval(ZERO, Fraction(1, 4)))]
    assert sum_of(text, weights, 4, exact=True).error not in (EXACT, None)
    assert sum_of(text, [weights[0], (other, Interval(ZERO, ZERO))], 4, exact=True).error == EXACT
    assert sum_of(text.partition("+")[0], weights, 4, exact=True).error == EXACT
