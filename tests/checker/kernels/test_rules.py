"""The bound is what KERNELS 6 says: a second reading of the text, on random recipes and on those that are quoted."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

import pytest

from exactformer.certificates.checker.kernels.bound import Inputs, Unshown, errors
from exactformer.certificates.checker.kernels.recipe import read_recipe
from tests.checker.kernels import test_bound as quoted
from tests.checker.kernels.bounded import Case
from tests.checker.kernels.causes import plain
from tests.checker.kernels.rules import Nothing, rules
from tests.checker.kernels.test_causes import LOST, NEEDED, NOT_FINITE, TOO_FAR

SEEDS, AT_ONCE = 400, 100
CLOSE, TINY = 1e-9, 1e-300
"""Exponentials are known to 2^-1024 only; and ln 2 to 1e-10."""
KINDS = {"drawn": Case.drawn, "narrow": Case.narrow}


def agree(document: dict[str, Any], inputs: Inputs) -> None:
    """In whether something is shown, and in each error."""
    try:
        found = errors(read_recipe("recipe", document), inputs)
    except Unshown:
        with pytest.raises(Nothing):
            rules(document, inputs)
        return
    try:
        expected = rules(document, inputs)
    except Nothing:
        pytest.fail("is shown, and not by the text")
    assert found.keys() == expected.keys()
    for cause, error in found.items():
        assert float(error) == pytest.approx(float(expected[cause]), rel=CLOSE, abs=TINY), cause


def agree_about(kind: str, seed: int) -> None:
    case = KINDS[kind](Random(seed))
    agree(case.document, case.inputs)


@pytest.mark.parametrize("begin", range(0, SEEDS, AT_ONCE))
@pytest.mark.parametrize("kind", KINDS)
def test_random_recipes(kind: str, begin: int) -> None:
    for seed in range(begin, begin + AT_ONCE):
        agree_about(kind, seed)


EXAMPLES = {
    title: (example.recipe, example.inputs)
    for title, example in (
        *NEEDED.items(),
        ("exact scores that are too far", TOO_FAR),
        *((title, example) for title, (example, _) in (NOT_FINITE | LOST).items()),
    )
}
FUSED = {"argument": "fused"}
ONLY_HERE: dict[str, tuple[dict[str, Any], Inputs]] = {
    "a threshold that d may miss by more than half": (
        plain("fp16", block=1, exponential=FUSED, maximum={"threshold": "1/16"}), quoted.inputs(4, scores=(20, 20)),
    ),
    "a threshold that is seldom passed": (
        plain(block=1, exponential=FUSED, maximum={"threshold": "8"}), quoted.inputs(100),
    ),
    "a row that is masked, whose output may be beyond the largest number": (
        plain("float(12,-20,24)", formats={"value": "fp32", "output": "fixed4.12"},
              mask={"how": "select", "constant": "-12"}, maximum={"start": "0"}),
        Inputs(1, (Fraction(0), Fraction(0)), (Fraction(0), Fraction(4092)), "any"),
    ),
    "weights far below all others, where numbers are as small": (
        plain("float(24,-2000,2000)"), quoted.inputs(2, scores=(-600, 0)),
    ),
}  # fmt: skip
QUOTED = ONLY_HERE | {
    title: (recipe, inputs) for title, (recipe, inputs, *_) in (quoted.NOT_SHOWN | quoted.SHOWN).items()
}


@pytest.mark.parametrize("title", EXAMPLES | QUOTED)
def test_recipes_that_are_quoted(title: str) -> None:
    agree(*(EXAMPLES | QUOTED)[title])
