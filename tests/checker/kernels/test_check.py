"""Certificates about kernels, written by hand: valid ones of each verdict, and ones that say something false."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.kernels.bound import CAUSES, Inputs, Unshown, errors
from exactformer.certificates.checker.kernels.check import AMONG, MOST_EXECUTED, check_kernel
from exactformer.certificates.checker.kernels.recipe import read_recipe
from tests.checker.kernels.causes import plain
from tests.checker.kernels.recipes import flash
from tests.checker.sequences.documents import canonical

Json = Any
NO_MASK = flash(mask=None)


def certificate(
    verdict: str,
    recipe: Json,
    keys: int = 4,
    scores: tuple[str, str] = ("-8", "8"),
    values: tuple[str, str] = ("0", "1"),
    masked: str = "none",
    tolerance: str = "1/100",
    stated: Json = None,
    of: Json = None,
    drift: str | None = None,
) -> dict[str, Json]:
    """As KERNELS 3 says."""
    among = (
        f"{keys} keys at most with scores from {scores[0]} to {scores[1]} and values from {values[0]} to {values[1]}"
    )
    among += AMONG[masked]
    among += f", each score off from an exact one by at most {drift}" if drift else ""
    within = f"makes a finite number of every input of {among}, off from exact softmax by at most {tolerance}"
    claims = {
        "proved": f"A kernel of this recipe {within}.",
        "refuted": f"A kernel of this recipe does not make a number that is off from exact softmax by at most "
        f"{tolerance} of every input of {among}.",
        "inconclusive": f"It is not shown that a kernel of this recipe {within}, nor shown not to be so.",
    }
    statement = {
        "claim": claims[verdict],
        "recipe": recipe,
        "keys": keys,
        "scores": list(scores),
        "values": list(values),
        "masked": masked,
        "tolerance": tolerance,
    } | ({"drift": drift} if drift else {})
    return {
        "format": "exactformer certificate about a kernel",
        "version": 2,
        "statement": statement,
        "errors": stated,
        "input": of,
        "verdict": verdict,
        "provenance": {},
    }


def computed(recipe: Json, keys: int = 4, less: str | None = None, masked: str = "none") -> dict[str, str]:
    """The stated errors; that of one cause a little less."""
    ranges = (Fraction(-8), Fraction(8)), (Fraction(0), Fraction(1))
    found = errors(read_recipe("recipe", recipe), Inputs(keys, *ranges, masked))
    return {cause: str(one - (Fraction(1, 2**200) if cause == less else 0)) for cause, one in found.items()}


def checked(document: Json, folder: Path) -> str:
    path = folder / "kernel.json"
    path.write_bytes(canonical(document))
    return check_kernel(path).verdict


FINITE_MASK = flash(mask={"how": "select", "constant": "-100"})
NO_GUARD, GUARDED = flash(maximum__guard=None), flash()
OUT = [["0", "1", False], ["8", "0", False]]
VALID: dict[str, dict[str, Json]] = {
    "errors as they are computed": certificate("proved", NO_MASK, stated=computed(NO_MASK)),
    "errors that are larger, as large together as the tolerance": certificate(
        "proved", NO_MASK, tolerance=str(len(CAUSES)), stated=dict.fromkeys(computed(NO_MASK), "1")
    ),
    "masked keys": certificate("proved", GUARDED, masked="any", stated=computed(GUARDED, masked="any")),
    "an input that is off by more": certificate(
        "refuted", NO_MASK, tolerance="1/1000000", of=[["0", "1", False], ["1", "0", False]]
    ),
    "a first block that is masked makes NaN": certificate(
        "refuted", NO_GUARD, masked="some", of=[["0", "1", True], ["0", "1", True], ["0", "1", False]]
    ),
    "a row that is masked makes NaN": certificate("refuted", NO_GUARD, masked="any", of=[["0", "1", True]]),
    "exact scores elsewhere": certificate(
        "proved", NO_MASK, drift="1/1024", stated=computed(NO_MASK) | {"product": "1/1024"}
    ),
    "what is true and not said": certificate("inconclusive", NO_MASK),
}


@pytest.mark.parametrize("title", VALID)
def test_valid(title: str, tmp_path: Path) -> None:
    assert checked(VALID[title], tmp_path) == VALID[title]["verdict"]


def changed(document: Json, **fields: Json) -> Json:
    return document | fields


NOT_VALID: dict[str, tuple[Json, str, str]] = {
    "an error a little below what is computed": (
        certificate("proved", NO_MASK, stated=computed(NO_MASK, less="cast")), "errors.cast", "here it is",
    ),
    "errors a little above the tolerance": (
        certificate("proved", NO_MASK, tolerance=str(len(CAUSES) - 1), stated=dict.fromkeys(computed(NO_MASK), "1")),
        "errors", "above the tolerance",
    ),
    "proved of what may be NaN": (
        certificate("proved", NO_GUARD, masked="some", stated=computed(NO_MASK)), "verdict", "there is no guard",
    ),
    "proved of more keys than can be added": (
        certificate("proved", NO_MASK, keys=2**24, stated=computed(NO_MASK)), "verdict", "no close bound",
    ),
    "refuted, as a row that is masked makes 0": (
        certificate("refuted", GUARDED, masked="any", of=[["0", "1", True]]), "input", "is not a refutation",
    ),
    "refuted by what is right": (
        certificate("refuted", NO_MASK, of=OUT), "input", "is not a refutation",
    ),
    "refuted by a masked key, where none is": (
        certificate("refuted", FINITE_MASK, of=[["0", "1", True], ["0", "1", False]]), "input", "is masked otherwise",
    ),
    "refuted by a row that is masked, where some key is not": (
        certificate("refuted", NO_GUARD, masked="some", of=[["0", "1", True]]), "input", "is masked otherwise",
    ),
    "refuted by more keys than there are": (
        certificate("refuted", NO_MASK, keys=1, of=OUT), "input", "has 2 keys, not 1 to 1",
    ),
    "refuted by a value that bf16 does not have": (
        certificate("refuted", NO_MASK, of=[["0", "257/512", False]]), "input[0][1]", "not a value of bf16",
    ),
    "refuted by a score a little above": (
        certificate("refuted", NO_MASK, of=[["8388609/1048576", "1", False]]), "input[0][0]", "not a score of fp32",
    ),
    "refuted without an input": (certificate("refuted", NO_MASK), "input", "where"),
    "inconclusive with errors": (
        certificate("inconclusive", NO_MASK, stated=computed(NO_MASK)), "errors", "is",
    ),
    "exact scores elsewhere, for which nothing is stated": (
        certificate("proved", NO_MASK, drift="1/1024", stated=computed(NO_MASK)), "errors.product", "here it is",
    ),
    "a drift below 0": (certificate("inconclusive", NO_MASK, drift="-1"), "statement.drift", "not above 0"),
    "an unknown field": (certificate("inconclusive", NO_MASK) | {"more": 1}, "certificate", "more"),
    "a recipe with an unknown field": (certificate("inconclusive", NO_MASK | {"more": 1}), "statement.recipe", "more"),
    "masked keys without a mask": (
        certificate("inconclusive", NO_MASK, masked="any"), "statement.masked", "the recipe has no mask",
    ),
    "provenance that is not an object": (
        changed(certificate("inconclusive", NO_MASK), provenance=[]),
        "provenance",
        "is",
    ),
    "a tolerance below 0": (certificate("inconclusive", NO_MASK, tolerance="-1"), "statement.tolerance", "not above 0"),
}  # fmt: skip


@pytest.mark.parametrize("title", NOT_VALID)
def test_not_valid(title: str, tmp_path: Path) -> None:
    document, field, says = NOT_VALID[title]
    with pytest.raises(Rejected) as rejected:
        checked(document, tmp_path)
    assert rejected.value.field == field
    assert says in str(rejected.value)


def test_too_many_keys_are_not_executed(tmp_path: Path) -> None:
    keys = [["0", "1", False]] * (MOST_EXECUTED + 1)
    with pytest.raises(TooLarge, match="has 4097 keys"):
        checked(certificate("refuted", NO_MASK, keys=2**40, of=keys), tmp_path)


def test_as_many_keys_as_are_executed(tmp_path: Path) -> None:
    """fp32 adds up to 2^12 ones without an error: the result is off only by what is rounded at the end."""
    keys = [["0", "1", False]] * (MOST_EXECUTED - 1) + [["-8", "0", False]]
    document = certificate("refuted", NO_MASK, keys=2**40, tolerance="1/100000000", of=keys)
    assert checked(document, tmp_path) == "refuted"


LONG = plain("float(100,-1000,1000)", block=1, maximum={"threshold": "1"})
"""More than 2^40 roundings have a bound, and thresholds are seldom passed."""


def test_no_statement_takes_long() -> None:
    """2^40 keys in as many blocks, or parts: nothing is done for each."""
    wide = (Fraction(-(2**20)), Fraction(2**20)), (Fraction(0), Fraction(1))
    found = errors(read_recipe("recipe", LONG), Inputs(2**40, *wide, "none"))
    assert 0 < sum(found.values()) < Fraction(1, 2**50)
    parts = flash(splits={"length": 1}, merge="means", block=1)
    with pytest.raises(Unshown):
        errors(read_recipe("recipe", parts), Inputs(2**40, *wide, "any"))
