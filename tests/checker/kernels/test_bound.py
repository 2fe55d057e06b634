"""No input that is executed is off by more than is shown; and what is not shown, with the reason."""

from __future__ import annotations

import re
from fractions import Fraction
from random import Random
from typing import Any

import mpmath
import pytest

from exactformer.certificates.checker.kernels.bound import CAUSES, Inputs, Unshown, errors, exponential_of
from exactformer.certificates.checker.kernels.execute import least_error
from exactformer.certificates.checker.kernels.recipe import read_recipe
from tests.checker.kernels.adversary import worst
from tests.checker.kernels.bounded import Case
from tests.checker.kernels.causes import plain

SEEDS, AT_ONCE, INPUTS = 400, 100, 8
KINDS = {"drawn": Case.drawn, "narrow": Case.narrow}


def closest(kind: str, seed: int) -> Fraction | None:
    """The largest part of the bound that an input is off by, in some ways to compute it; None if there is no bound."""
    random = Random(seed)
    case = KINDS[kind](random)
    try:
        found = errors(case.recipe, case.inputs)
    except Unshown:
        return None
    assert tuple(found) == CAUSES
    total, largest = sum(found.values()), Fraction(0)
    for _ in range(INPUTS):
        keys = case.keys(random)
        executed, other = least_error(case.recipe, keys), worst(case.document, keys, random, case.inputs.drift)
        assert isinstance(executed, Fraction), keys
        assert max(executed, other) <= total, keys
        largest = max(largest, executed, Fraction(other))
    return largest / total if total else Fraction(0)


@pytest.mark.parametrize("begin", range(0, SEEDS, AT_ONCE))
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_is_computed_is_off_by_more(kind: str, begin: int) -> None:
    """Of random recipes; some of them have a bound, and some are nearly met."""
    found = [closest(kind, seed) for seed in range(begin, begin + AT_ONCE)]
    shown = [one for one in found if one is not None]
    assert AT_ONCE / 8 < len(shown) < AT_ONCE * 4 / 5
    assert max(shown) > Fraction(1, 4)


FLASH: dict[str, Any] = {
    "formats": {"score": "fp32", "computing": "fp32", "weight": "bf16", "value": "bf16", "output": "bf16"},
    "scale": "1",
    "mask": None,
    "block": 64,
    "splits": None,
    "maximum": {"start": "-inf", "threshold": "0", "guard": None},
    "exponential": {"base": "2", "argument": "fused", "ulps": 2, "one": False, "offset": 0},
    "overflow": "inf",
    "sum": "before cast",
    "quotient": "reciprocal",
    "empty": None,
    "merge": None,
}


def flash(**changes: Any) -> dict[str, Any]:
    """With other values for some fields; for fields that are objects, for the given members."""
    found = dict(FLASH)
    for name, value in changes.items():
        found[name] = found[name] | value if isinstance(value, dict) and isinstance(found[name], dict) else value
    return found


def inputs(keys: int = 128, scores: tuple[int, int] = (-8, 8), masked: str = "none") -> Inputs:
    low, high = map(Fraction, scores)
    return Inputs(keys, (low, high), (Fraction(0), Fraction(1)), masked)


SELECT, LOWEST = {"how": "select", "constant": "-inf"}, str(-(2**24 - 1) * 2**104)
FP8 = {"weight": "e4m3fn"}
NOT_SHOWN: dict[str, tuple[dict[str, Any], Inputs, str]] = {
    "a product with the maximum that errs by more than exponents have": (
        flash(), inputs(scores=(-(2**30), 2**30)), "the arguments of exponentials have no close bound",
    ),
    "a start above all scores": (
        flash(maximum={"start": "-50000"}), inputs(scores=(-100_000, 8)),
        "the reference may be so far above all scores that exponentials become 0",
    ),
    "a first block that is masked": (
        flash(mask=SELECT), inputs(masked="some"), "all keys of a block may be masked: -inf minus -inf is NaN",
    ),
    "a row that is masked": (
        flash(mask=SELECT), inputs(64, masked="any"), "all keys of a block may be masked: -inf minus -inf is NaN",
    ),
    "a row that is masked, guarded, divided by 0": (
        flash(mask=SELECT, maximum={"guard": "local"}), inputs(masked="any"), "the sum of weights is 0 then, and 0 / 0",
    ),
    "a guard that is stored, above all scores": (
        flash(mask=SELECT, maximum={"guard": "stored"}), inputs(scores=(-200, -150), masked="some"),
        "the reference may be so far above all scores",
    ),
    "weights above W's largest number": (
        flash(formats=FP8, exponential={"offset": 9}), inputs(), "a weight may be about 2^9, beyond the largest number",
    ),
    "weights above W's largest number, as the reference lags": (
        flash(formats=FP8, exponential={"offset": 6}, maximum={"threshold": "4"}), inputs(),
        "a weight may be about 2^10, beyond the largest number",
    ),
    "weights below W's normal numbers": (
        flash(formats={"weight": "fp16"}, maximum={"start": "20"}), inputs(), "weights underflow when they are cast",
    ),
    "a part that is masked, of which a mean is taken": (
        flash(mask=SELECT, maximum={"start": "-60"}, splits={"count": 2}, merge="means"), inputs(masked="some"),
        "the sum of weights is 0 then, and 0 / 0",
    ),
    "a row that is masked by a number far below the start": (
        flash(mask={"how": "select", "constant": "-3000"}, maximum={"start": "-8"}), inputs(masked="any"),
        "their weights may be 0 then, or nearly 0",
    ),
    "sums that may overflow": (
        flash(formats={"score": "fp16", "computing": "fp16"}, block=None), inputs(2**16),
        "a sum may be beyond the largest number of fp16",
    ),
    "as many keys as fp32 cannot count": (flash(block=None), inputs(2**24), "roundings together have no bound"),
    "roundings and rescaling that have a bound each, but not together": (
        plain("fp16", block=1), inputs(400, scores=(0, 0)), "sums have no close bound",
    ),
    "a reciprocal of a sum below the normal numbers": (
        plain("float(11,-3,11)", quotient="reciprocal"), inputs(100, scores=(0, 0)), "the reciprocal of a sum",
    ),
    "numbers of three bits": (plain("e5m2"), inputs(1, scores=(0, 0)), "e5m2 has too few bits"),
    "masked scores that may be infinite": (
        flash(mask={"how": "add", "constant": str((2**24 - 1) * 2**104)}), inputs(scores=(-8, 2**120), masked="some"),
        "a masked score may be infinite",
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", NOT_SHOWN)
def test_what_is_not_shown(title: str) -> None:
    recipe, given, says = NOT_SHOWN[title]
    with pytest.raises(Unshown, match=re.escape(says)):
        errors(read_recipe("recipe", recipe), given)


SHOWN: dict[str, tuple[dict[str, Any], Inputs, str, Fraction]] = {
    "all in the ranges that these kernels are made for": (flash(), inputs(4096), "total", Fraction(1, 100)),
    "differences, and not products, of large scores": (
        flash(exponential={"argument": "difference", "base": "e"}), inputs(scores=(-(2**30), 2**30)),
        "argument", Fraction(1, 10**3),
    ),
    "a start below all scores": (flash(maximum={"start": "-100"}), inputs(), "total", Fraction(1, 100)),
    "rows that are masked, with a guard and 0 for 0 / 0": (
        flash(mask=SELECT, maximum={"guard": "local"}, empty="zero"), inputs(masked="any"), "total", Fraction(1, 100),
    ),
    "masks that are lowest numbers": (
        flash(mask={"how": "select", "constant": LOWEST}, scale="1/4", exponential={"argument": "difference"}),
        inputs(masked="any"), "mask", Fraction(1, 2**500),
    ),
    "an offset that e4m3fn has room for": (
        flash(formats=FP8, exponential={"offset": 4}, maximum={"threshold": "4"}), inputs(64),
        "underflow", Fraction(1, 200),
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", SHOWN)
def test_what_is_shown(title: str) -> None:
    recipe, given, cause, most = SHOWN[title]
    found = errors(read_recipe("recipe", recipe), given)
    assert (sum(found.values()) if cause == "total" else found[cause]) <= most


@pytest.mark.parametrize("x", ["0", "1/3", "-1/3", "17", "-17", "700", "-700"])
def test_ends_of_exponentials(x: str) -> None:
    low, high = exponential_of(Fraction(x))
    with mpmath.workprec(3000):
        found = mpmath.exp(mpmath.mpf(Fraction(x).numerator) / Fraction(x).denominator)
        ends = [mpmath.mpf(end.numerator) / end.denominator for end in (low, high)]
        assert ends[0] <= found <= ends[1]
        assert ends[1] - ends[0] <= mpmath.mpf(2) ** -1000 * max(found**2, 1)


def test_saturation_is_an_error() -> None:
    """P is 2^8, and 2^4 times that where the reference lags: e4m3fn ends at 448, while the row sum goes on."""
    found = errors(
        read_recipe(
            "recipe",
            flash(formats=FP8, overflow="saturate", exponential={"offset": 8}, maximum={"threshold": "4"}),
        ),
        inputs(4),
    )
    assert found["cast"] > Fraction(8, 10)


def test_what_underflows_in_fp8_while_the_row_sum_goes_on() -> None:
    """Half of all weight may be lost, of a thousand keys: values of 1 give a half."""
    found = errors(read_recipe("recipe", flash(formats=FP8)), inputs(1024))
    assert found["underflow"] == pytest.approx(0.5, abs=0.01)
