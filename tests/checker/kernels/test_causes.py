"""Each cause of errors is needed, and each demand that all numbers are finite: without it, some input is further
off."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import pytest

from exactformer.certificates.checker.kernels.bound import CAUSES, Unshown
from exactformer.certificates.checker.kernels.execute import Key, least_error
from exactformer.certificates.checker.kernels.numbers import Special
from exactformer.certificates.checker.kernels.recipe import read_recipe
from tests.checker.kernels.causes import Example, plain, written

FUSED = {"argument": "fused", "base": "2"}


def masks(constant: int | str, how: str = "select") -> dict[str, Any]:
    return {"how": how, "constant": str(constant)}


NEEDED = {
    "product": Example(plain(), "0:0 0:1", drift="1/8"),
    "argument": Example(plain(block=1, exponential=FUSED), "131071:0 131072:1"),
    "exponential": Example(plain(exponential={"ulps": 2048, "one": False}), "0:0 1/16:1"),
    "underflow": Example(plain(formats={"weight": "e4m3fn"}), "0:1 -8:1*511", direction=-1),
    "mask": Example(plain(mask=masks(-3)), "0:0 0:1m", masked="some"),
    "cast": Example(plain(formats={"weight": "bf16"}), "0:1 -1/256:1*20", direction=-1),
    "sums": Example(plain("float(12,-60,60)"), "0:1 -135/16:1*128", 24),
    "merge": Example(
        plain("float(9,-60,60)", splits={"length": 1}, merge="sums", exponential={"ulps": 40, "one": False}),
        "0:187/128", 2759,
    ),
    "quotient": Example(
        plain("float(6,-60,60)", quotient="reciprocal", exponential={"ulps": 2, "one": False}), "0:39/32", 100, -1
    ),
    "output": Example(plain(formats={"output": "bf16"}), "0:257/256"),
}  # fmt: skip


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_is_needed(cause: str) -> None:
    found = NEEDED[cause].bound()
    others, error = sum(found.values()) - found[cause], NEEDED[cause].error()
    assert isinstance(error, Fraction)
    assert others < error <= others + found[cause]


LOWEST = str(-(2**24 - 1) * 2**104)
WIDE: dict[str, Any] = {"formats": {"weight": "fp32", "value": "fp32", "output": "fp32"}}
NOT_FINITE: dict[str, tuple[Example, str]] = {
    "a product with a masked score, as a reference, that errs by more than exponents have": (
        Example(plain(mask=masks(-5 * 2**100), block=1, exponential=FUSED), "0:0m 0:1", masked="some"),
        "beyond all formats",
    ),
    "the same in a row": (
        Example(plain(mask=masks(LOWEST), scale="1/4", exponential=FUSED), "0:1m", masked="any"),
        "beyond all formats",
    ),
    "the same, of the start": (
        Example(
            plain(mask=masks(-2_999_999_488), block=1, maximum={"start": "-2999999488"}, exponential=FUSED),
            "0:0m 0:1", masked="some",
        ),
        "an exponential may be beyond the largest number of fp32",
    ),
    "the same, by less, in a weight": (
        Example(
            plain(
                formats={"weight": "e4m3fn"}, mask=masks(-15_999_988), block=1, overflow="nan",
                exponential=FUSED | {"offset": 8},
            ),
            "0:0m 0:1", masked="some",
        ),
        "a weight may be about 2^12, beyond the largest number of e4m3fn",
    ),
    "a reciprocal of the weights of a row that is masked": (
        Example(
            plain("float(12,-60,20)", mask=masks(-30), maximum={"start": "0"}, quotient="reciprocal"),
            "0:1m 0:1m", masked="any",
        ),
        "a reciprocal may be beyond the largest number",
    ),
    "the same, where t may be anything, as a mask that is added overflows": (
        Example(
            plain("float(12,-60,6)", mask=masks(-100, "add"), quotient="reciprocal", empty="zero",
                  maximum={"start": "-100"}),
            "-20:1m", masked="any", scores=("-64", "0"),
        ),
        "a reciprocal may be beyond the largest number",
    ),
    "t of a masked key that is -inf, as a mask that is added overflows": (
        Example(plain("float(12,-60,6)", mask=masks(-100, "add")), "-60:1m", masked="any", scores=("-64", "0")),
        "-inf minus -inf is NaN",
    ),
    "a quotient beyond the largest number, of sums that are not": (
        Example(
            plain("fp16", formats={"value": "bf16", "output": "fp32"}, exponential={"offset": -8}), "0:131072"
        ),
        "a quotient may be beyond the largest number of fp16",
    ),
    "exponentials beyond the largest number, before an offset": (
        Example(
            plain("float(12,-60,4)", formats={"value": "bf16"}, block=1, maximum={"threshold": "6"},
                  exponential={"base": "2", "offset": -8}),
            "0:1 4:1",
        ),
        "an exponential may be beyond the largest number of float(12,-60,4)",
    ),
    "a reciprocal beyond the largest number": (
        Example(plain("float(12,-60,4)", formats={"weight": "fp32"}, exponential={"offset": -6}, quotient="reciprocal"),
                "0:1"),
        "a reciprocal may be beyond the largest number",
    ),
    "a product with a score beyond the largest number": (
        Example(plain("fp16", exponential=FUSED), "60000:1"), "the product of a maximum",
    ),
    "a scaled score beyond the largest number": (
        Example(plain("fp16", scale="2"), "60000:1"), "a score may be beyond the largest number",
    ),
    "an output beyond the largest number": (
        Example(plain(formats={"output": "e4m3fn"}), "0:500"), "the output may be beyond the largest number of e4m3fn",
    ),
    "a sum of values beyond the largest number": (
        Example(plain("fp16"), "0:60000*2"), "a sum may be beyond the largest number of fp16",
    ),
    "a mean of a part that is masked": (
        Example(plain(mask=masks("-inf"), splits={"length": 1}, merge="means", maximum={"guard": "local"}),
                "0:1m 0:1", masked="some"),
        "the sum of weights is 0 then",
    ),
    "a block that is masked": (
        Example(plain(mask=masks("-inf"), block=1), "0:1m 0:1", masked="some"), "-inf minus -inf is NaN",
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", NOT_FINITE)
def test_what_is_no_finite_number_is_not_shown_to_be_one(title: str) -> None:
    example, says = NOT_FINITE[title]
    ways = [example.error() for example in example.ways(40)]
    assert math.inf in ways
    with pytest.raises(Unshown, match=re.escape(says)):
        example.bound()


TOO_FAR = Example(plain(scale="2"), "0:1", drift="1/3")


def test_exact_scores_that_are_too_far() -> None:
    with pytest.raises(Unshown, match="exact scores may be too far from these"):
        TOO_FAR.bound()


LOST: dict[str, tuple[Example, str]] = {
    "an argument that is -inf, as F has no such number": (
        Example(plain("float(24,-126,2)", exponential={"base": "2"}), "3:0 -3:1"), "a difference may be beyond",
    ),
    "a start far above": (
        Example(plain(maximum={"start": "100"}), "0:1"), "the reference may be so far above all scores",
    ),
    "weights below the normal numbers": (
        Example(plain(formats={"weight": "e4m3fn"}, maximum={"start": "8"}), "0:1"),
        "weights underflow when they are cast",
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", LOST)
def test_all_weight_may_be_lost(title: str) -> None:
    example, says = LOST[title]
    keys = [Key(*key) for key in written(example.keys)]
    error = least_error(read_recipe("recipe", example.recipe), keys)
    assert isinstance(error, Special) or error > Fraction(1, 500)
    with pytest.raises(Unshown, match=re.escape(says)):
        example.bound()
