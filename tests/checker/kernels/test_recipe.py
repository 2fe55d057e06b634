"""KERNELS 1: what is not a recipe is rejected, and where."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.kernels.numbers import MINUS_INFINITY
from exactformer.certificates.checker.kernels.recipe import read_recipe
from tests.checker.kernels.recipes import flash

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a format that is none": ({"formats__value": "fp64"}, "recipe.formats.value"),
    "computing in fixed point": ({"formats__computing": "fixed8"}, "recipe.formats.computing"),
    "weights in fixed point": ({"formats__weight": "fixed8"}, "recipe.formats.weight"),
    "scores that are finer than what is computed in": (
        {"formats__computing": "bf16", "formats__score": "fp16"},
        "recipe.formats.score",
    ),
    "a scale of 0": ({"scale": "0"}, "recipe.scale"),
    "a negative scale": ({"scale": "-1"}, "recipe.scale"),
    "a scale that is a number": ({"scale": 1}, "recipe.scale"),
    "a scale that is subnormal": ({"scale": f"1/{2**130}"}, "recipe.scale"),
    "a scale that overflows": ({"scale": str(2**128)}, "recipe.scale"),
    "a scale that overflows times log2 e": ({"scale": str(3 * 2**126)}, "recipe.scale"),
    "a mask in no way": ({"mask": {"how": "multiply", "constant": "0"}}, "recipe.mask.how"),
    "a mask that is not a number of the format": ({"mask": {"how": "add", "constant": "-1/3"}}, "recipe.mask.constant"),
    "a mask of plus infinity": ({"mask": {"how": "add", "constant": "inf"}}, "recipe.mask.constant"),
    "a mask without a constant": ({"mask": {"how": "add"}}, "recipe.mask"),
    "blocks of 0": ({"block": 0}, "recipe.block"),
    "blocks that are true": ({"block": True}, "recipe.block"),
    "splits by both": ({"splits": {"count": 2, "length": 2}, "merge": "sums"}, "recipe.splits"),
    "splits by neither": ({"splits": {}, "merge": "sums"}, "recipe.splits"),
    "splits without a merge": ({"splits": {"count": 2}}, "recipe.merge"),
    "a merge without splits": ({"merge": "sums"}, "recipe.merge"),
    "a start that is not a number of the format": ({"maximum__start": "1/3"}, "recipe.maximum.start"),
    "a negative threshold": ({"maximum__threshold": "-1"}, "recipe.maximum.threshold"),
    "a guard that is none": ({"maximum__guard": "global"}, "recipe.maximum.guard"),
    "a base of 10": ({"exponential__base": "10"}, "recipe.exponential.base"),
    "a base that is a number": ({"exponential__base": 2}, "recipe.exponential.base"),
    "no ulp": ({"exponential__ulps": 0}, "recipe.exponential.ulps"),
    "too many ulps": ({"exponential__ulps": 2**21 + 1}, "recipe.exponential.ulps"),
    "one that is 1": ({"exponential__one": 1}, "recipe.exponential.one"),
    "an offset beyond 64": ({"exponential__offset": 65}, "recipe.exponential.offset"),
    "an overflow that wraps": ({"overflow": "wrap"}, "recipe.overflow"),
    "a sum that is none": ({"sum": None}, "recipe.sum"),
    "a quotient that is none": ({"quotient": "multiply"}, "recipe.quotient"),
    "a quotient of weights, block by block": ({"quotient": "weights"}, "recipe.quotient"),
    "a quotient of weights that are summed as casts": (
        {"quotient": "weights", "block": None, "sum": "cast"},
        "recipe.quotient",
    ),
    "an empty row of NaN": ({"empty": "nan"}, "recipe.empty"),
}


@pytest.mark.parametrize("title", BAD)
def test_a_bad_recipe_is_rejected(title: str) -> None:
    changes, field = BAD[title]
    with pytest.raises(Rejected) as rejected:
        read_recipe("recipe", flash(**changes))
    assert rejected.value.field == field


@pytest.mark.parametrize("value", [None, [], "flash", {}, {**flash(), "extra": None}])
def test_what_is_no_object_with_the_fields_is_rejected(value: Any) -> None:
    with pytest.raises(Rejected):
        read_recipe("recipe", value)


def test_factors_are_rounded() -> None:
    recipe = read_recipe("recipe", flash())
    assert recipe.mask_constant is MINUS_INFINITY
    assert recipe.log2_e == Fraction(12102203, 2**23)
    assert (recipe.rounded_scale, recipe.folded_scale) == (Fraction(1, 8), Fraction(12102203, 2**26))
    assert read_recipe("recipe", flash(scale="1/3", exponential__base="e")).folded_scale == Fraction(11184811, 2**25)


@pytest.mark.parametrize(("splits", "lengths"), [(None, 7), ({"count": 3}, 3), ({"length": 4}, 4), ({"count": 9}, 1)])
def test_parts(splits: dict[str, int] | None, lengths: int) -> None:
    recipe = read_recipe("recipe", flash(splits=splits, merge=None if splits is None else "sums"))
    assert recipe.part(7) == lengths
