"""What is said of small queries, computed by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

from exactformer.certificates.checker.refutation import enclosed
from exactformer.certificates.checker.runs import Seen
from exactformer.certificates.checker.softmax.exponentials import computed
from exactformer.certificates.checker.softmax.model import parse_model
from exactformer.certificates.checker.softmax.numbers import Arithmetic
from tests.checker.softmax.bounds import Some, at, bounds, case
from tests.checker.softmax.kernel import Interval, point

F = Fraction
T, P = "float(3,-4,3)", "float(5,-4,3)"
"""3 bits: u = 1/8, q = 1/64, numbers up to 14, and 0, 1, .., 8. 5 bits: u = 1/32, q = 1/256."""

ONE = (F(1), F(1))
SMALL = {
    # exp(-8) is below q/2 = 1/128: others add nothing
    "nothing leaks": (f"fused:{T}/{T}/{T}", 4, case(4, 8, 1, 1, 4), ONE),
    "nothing leaks from blocks": (f"fused:{T}/{T}/{T}+online2+divide", 4, case(4, 8, 1, 2), ONE),
    "1/2 + 1/2": (f"rounded:{T}/{T}/{T}", 4, case(4, 8, 1, 2), ONE),
    # three weights of 5/16, added with an error of 2 u
    "three thirds": (f"rounded:{T}/{T}/{T}", 4, case(4, 8, 1, 3), (F(45, 64), F(75, 64))),
    "three thirds, exactly added": (f"rounded:{T}/{T}", 4, case(4, 8, 1, 3), (F(15, 16), F(15, 16))),
    # 5/16 or 3/8; k u = 2/4, so E = 1 says nothing, and no partial sum is above 2 T = 9/4
    "three thirds, faithful": (f"rounded:{T}/{T}/{T}+faithful", 4, case(4, 8, 1, 3), (F(-9, 4), F(9, 4))),
    # M = 1, E = 1/8 for both sums: d = 1/4 / (7/8)
    "an exp that is wrong": (f"fused:{T}/{T}/{T}+exp1", 4, case(4, 8, 1, 2), (F(5, 7), F(9, 7))),
    # exp(0) in [3/4, 5/4]: per maximiser 3/4 - 5/32 .. 5/4 + 5/32
    "and added twice": (f"fused:{T}/{T}/{T}+exp1+wide", 4, case(4, 8, 1, 2), (F(19, 45), F(45, 19))),
    "one maximiser, divided": (f"fused:{T}/{T}/{T}+exp1+wide+divide", 4, case(4, 8, 1, 1), (F(5, 8), F(7, 4))),
    "exact at 0": (f"fused:{T}/{T}/{T}+exp1-one", 4, case(4, 8, 1, 2), ONE),
    # den is 2, and 1/2 is a number; of three 1/3 becomes 5/16, and 3 of it 15/16 is a tie that goes to 1
    "reciprocal": (f"fused:{T}/{T}/{T}+reciprocal", 4, case(4, 8, 1, 2), ONE),
    "reciprocal of 3": (f"fused:{T}/{T}/{T}+reciprocal", 4, case(4, 8, 1, 3), ONE),
    # exp(-2) = 0.135 -> 1/8. num of 1 + 3/8: E = 3/8, 1 - 3/8 - E 11/8 .. (11/8)^2; den 1 .. (11/8)^2
    "others leak": (f"fused:{T}/{T}/{T}+wide", 4, case(4, 2, 1, 1), (F(7, 121), F(121, 64))),
    "others leak, divided": (f"fused:{T}/{T}/{T}+wide+divide", 4, case(4, 2, 1, 1), (F(1, 16), F(2))),
    "others alone": (f"fused:{T}/{T}/{T}", 4, case(4, 2, 0, 1, 4), (F(-15, 32), F(15, 32))),
    # E = 3/32: num >= 5/8 - 33/256, den <= 11/8 (1 + E). Above, M <= 1 and d = 2 E/(1 - E)
    "in more bits": (f"fused:{T}/{P}/{T}", 4, case(4, 2, 1, 1), (F(127, 385), F(35, 29))),
    # F = rnd(exp(-2)) = 17/128 > 1/8; k = 2 + 2, E = 1/7, Q = 3/256 (1 + E)
    "from blocks": (f"fused:{T}/{P}/{T}+online2", 3, case(3, 2, 1, 1), (
        (F(94, 128) - F(162, 896) - F(3, 224)) / (F(162, 112) + F(3, 224)), F(37, 27),
    )),
    # two blocks of three terms: k = 3 + 2 products, E = 5/3 says nothing; no partial sum is above 4
    "from blocks, in few bits": (f"fused:{T}/{T}/{T}+online2", 4, case(4, 2, 1, 1), (F(-4), F(4))),
    # one to four weights of 3 bits, which fit 5: 1/33 + 1/9 (1 + 1/33) for both roundings
    "1 to 4 ties": (f"rounded:{T}/{P}/{T}", 8, case(8, 99, 1, 1, 4), (F(254, 297), F(340, 297))),
    # five do not: E = 1/8 of 340/297 more
    "1 to 5 ties": (f"rounded:{T}/{P}/{T}", 8, case(8, 99, 1, 1, 5), (F(423, 594), F(765, 594))),
    # 1/2 and 1/4 of fixed2: 1/m of them, off by half of 1/4 each, or by 1/m if that is less
    "fixed weights": ("rounded:fixed2/fixed8", 3, [at(0, 1, 1, 3)], (F(5, 8), F(11, 8))),
    # 19/16 in 3 bits: E = 1/7, Q = q 8/7
    "a value of more bits": (f"fused:{T}/{T}/float(5,-9,9)", 1, [at(0, F(19, 16))], (F(1), F(11, 8))),
}  # fmt: skip


def close(found: Interval | None, ends: Interval) -> bool:
    """Ends are moved outward, by next to nothing."""
    return found is not None and 0 <= ends[0] - found[0] < F(1, 2**99) and 0 <= found[1] - ends[1] < F(1, 2**99)


@pytest.mark.parametrize("title", SMALL)
def test_small_queries(title: str) -> None:
    text, N, groups, expected = SMALL[title]
    assert close(bounds(text, groups, N), expected)


NOTHING = {
    "64 ones": ("fused:bf16/float(8,-126,5)/bf16", 64, case(64, 99, 1, 1, 64)),  # up to 63.75
    "too large values": ("fused:e5m2/fp16/bf16", 2, [at(0, 40000, 2)]),
    "fixed point": ("fused:fixed4.1/fixed4.1/bf16", 2, [at(0, 1, 2)]),
    "before the maximum is met": ("fused:fixed4/float(5,-9,1)/bf16+online1", 4, case(4, 99, 1, 1)),  # 3.875
    "exponentials of neighbours": ("fused:bf16/fp32/bf16+online1", 2, [Some(2, 2, F(0), F(1), F(1), F(1))]),
    "1/den overflows": ("fused:float(2,-1,1)/float(2,-1,0)/bf16+exp1+reciprocal", 1, [at(0, 1)]),
    "a product overflows": ("rounded:float(2,-1,0)/float(5,-9,0)/bf16", 1, [at(0, 2)]),  # 1.9375
    "the activation overflows": ("rounded:fixed1.1/float(3,0,0)", 3, [at(0, F(7, 4), 3)]),
}


@pytest.mark.parametrize("title", NOTHING)
def test_nothing_is_shown(title: str) -> None:
    text, N, groups = NOTHING[title]
    assert bounds(text, groups, N, cast=True) is None


def test_a_reciprocal_is_not_asked_to_be_normal_for_a_sum_of_nothing() -> None:
    assert bounds("fused:fixed4/float(8,-2,7)/bf16+reciprocal", [at(0, 0, 5)]) == point(F(0))


def test_sums_of_nothing_before_the_maximum_is_met_are_0() -> None:
    assert bounds("fused:bf16/bf16/bf16+online1", [at(0, 0), at(1, 0, 299)]) == point(F(0))


def test_an_exponential_that_is_wrong_by_ulps() -> None:
    """U = 2, q = 2^-10, 2^(1-p) = 2^-4: 2 q for small numbers, 1/8 of large ones; perhaps 0 below 2^-6, surely q/2."""
    arithmetic = Arithmetic.of(parse_model("x", "fused:fixed4/float(5,-6,6)/bf16+exp2-one"), 0, 9)
    unit = arithmetic.unit

    def ends(x: int, exact: bool = True) -> list[float]:
        return [end / unit for end in computed(arithmetic, x * unit // 100, exact)]

    def wrong(y: float, by: float) -> object:
        return pytest.approx([y - by, y + by], rel=1e-9)

    assert ends(0) == [1, 1]
    assert ends(0, exact=False) == [7 / 8, 9 / 8]  # of x just above 0
    assert ends(69) == wrong(0.5015760690660556, 0.0626970086)
    assert ends(415) == wrong(0.0157644164849, 0.0157644164849 / 8)
    assert ends(416) == pytest.approx([0, 0.01560755758 + 2**-9])
    assert ends(762) == pytest.approx([0, 0.00049054180 + 2**-9])
    assert ends(763) == [0, 0]


def test_exponentials_that_come_out_right_at_0_may_be_wrong_near_it() -> None:
    """Up to 5/4 where x is 1/100 or less, so that it has more than half of the weight."""
    near_0 = [at(0, 0), Some(1, 1, F(0), F(1, 100), F(1), F(1))]
    found = bounds("fused:float(5,-6,6)/float(5,-6,6)/bf16+exp4-one", near_0)
    assert found is not None
    assert found[1] > F(5, 9)


def test_a_refutation_is_about_steps_too() -> None:
    """1/3 in fixed4 is 5/16, and 15/16 a tie that is rounded to 1 with 3 bits, or cut to 7/8."""
    for step, expected in (("", F(1)), ("+truncate", F(7, 8))):
        model = parse_model("x", f"rounded:fixed4/float(7,-8,9)/float(3,-6,3){step}")
        assert enclosed("x", model, Seen(3, 1, ((0, (0, 0, 3)),)), 0) == (expected, expected)


def test_what_is_known_exactly_has_no_error() -> None:
    """exp(-6) is 0 in fixed4, and 1/2 + 1/2 = 1 also by either neighbour."""
    groups = [at(0, 1, 2), at(6, -1)]
    for step in ("+divide", "+exp1-one+truncate", "+faithful"):
        assert bounds(f"fused:fixed4/float(7,-8,9)/bf16{step}", groups, cast=True) == ONE


def test_no_share_is_above_1() -> None:
    """exp(0) from 1/2 to 3/2, over as much, where den is not at least 1."""
    fine = "float(7,-8,9)"
    third = parse_model("", f"fused:{fine}/{fine}/{fine}").activation.of(F(1, 3))
    assert bounds(f"fused:{fine}/{fine}/{fine}+exp32+wide", [at(0, 1)], cast=True) == (third, F(3))
    assert bounds(f"fused:{fine}/{fine}/{fine}+exp32", [at(0, 1)], cast=True) == ONE
