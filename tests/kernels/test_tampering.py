"""Certificates about kernels with a field changed: every one that says something else is rejected, at that field."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.kernels.bound import Inputs
from exactformer.certificates.checker.kernels.check import check_kernel
from exactformer.certificates.document import canonical_bytes
from exactformer.certificates.kernels.certificate import KernelAsked, certify_kernel
from exactformer.certificates.kernels.files import load_recipe
from exactformer.certificates.kernels.search import quietly

INPUTS = Inputs(8, (Fraction(-8), Fraction(8)), (Fraction(-1), Fraction(1)), "some")


@cache
def proved() -> bytes:
    return certify_kernel(KernelAsked(load_recipe("flash-2-bf16"), INPUTS, Fraction(1, 100)), quietly).bytes


@cache
def refuted() -> bytes:
    return certify_kernel(KernelAsked(load_recipe("flash-2-bf16"), INPUTS, Fraction(1, 1000)), quietly).bytes


def check(document: Any, folder: Path) -> str:
    path = folder / "a.certificate.json"
    path.write_bytes(canonical_bytes(document))
    return check_kernel(path).verdict


def test_as_they_are(tmp_path: Path) -> None:
    assert check(json.loads(proved()), tmp_path) == "proved"
    assert check(json.loads(refuted()), tmp_path) == "refuted"


Change = Callable[[Any], object]


def statement(**fields: Any) -> Change:
    return lambda document: document["statement"].update(fields)


def recipe(**fields: Any) -> Change:
    return lambda document: document["statement"]["recipe"].update(fields)


def everything(**fields: Any) -> Change:
    return lambda document: document.update(fields)


def errors(**fields: Any) -> Change:
    return lambda document: document["errors"].update(fields)


def first_key(*key: Any) -> Change:
    def change(document: Any) -> None:
        document["input"][0] = list(key)

    return change


OF_PROVED: dict[str, tuple[Change, str]] = {
    "another version": (everything(version=3), "version"),
    "a verdict that is none": (everything(verdict="certified"), "verdict"),
    "another verdict": (everything(verdict="inconclusive"), "statement.claim"),
    "an input beside it": (everything(input=[["0", "1", False]]), "input"),
    "no errors": (everything(errors=None), "errors"),
    "a cause less": (lambda document: document["errors"].pop("cast"), "errors"),
    "an error that is too small": (errors(cast="1/257"), "errors.cast"),
    "an error that is negative": (errors(mask="-1"), "errors.mask"),
    "errors above the tolerance": (errors(cast="1/64"), "errors"),
    "another claim": (statement(claim="All is well."), "statement.claim"),
    "more keys": (statement(keys=9), "statement.claim"),
    "no key": (statement(keys=0), "statement.keys"),
    "too many keys": (statement(keys=2**40 + 1), "statement.keys"),
    "a range downward": (statement(scores=["8", "-8"]), "statement.scores"),
    "a range of one number": (statement(scores=["8"]), "statement.scores"),
    "a range that the format does not have": (statement(values=["-1", "1/3"]), "statement.values"),
    "more keys that are masked": (statement(masked="any"), "statement.claim"),
    "a mask that is none": (statement(masked="all"), "statement.masked"),
    "no tolerance": (statement(tolerance="0"), "statement.tolerance"),
    "no mask in the recipe": (recipe(mask=None), "statement.masked"),
    "a recipe that is not shown": (recipe(overflow="wrap"), "statement.recipe.overflow"),
    "a coarser recipe": (
        recipe(formats={"score": "fp32", "computing": "fp32", "weight": "e5m2", "value": "bf16", "output": "bf16"}),
        "errors.underflow",
    ),
    "a field that is unknown": (statement(extra="1"), "statement"),
}
OF_REFUTED: dict[str, tuple[Change, str]] = {
    "errors beside it": (everything(errors={}), "errors"),
    "no input": (everything(input=[]), "input"),
    "an input that is none": (everything(input=None), "input"),
    "too many keys": (lambda document: document["input"].extend([["0", "1", False]] * 8), "input"),
    "a key of two": (first_key("0", "1"), "input[0]"),
    "a score outside": (first_key("9", "1", False), "input[0][0]"),
    "a value outside": (first_key("0", "2", False), "input[0][1]"),
    "a score that the format does not have": (first_key("1/3", "1", False), "input[0][0]"),
    "a mask that is a number": (first_key("0", "1", 0), "input[0][2]"),
    "all keys masked": (everything(input=[["0", "1", True]]), "input"),
    "an input that is right": (everything(input=[["0", "1", False]]), "input"),
    "a larger tolerance": (statement(tolerance="1/100"), "statement.claim"),
    "proved": (everything(verdict="proved", input=None), "statement.claim"),
}


@pytest.mark.parametrize("title", OF_PROVED)
def test_a_changed_proof_is_rejected(title: str, tmp_path: Path) -> None:
    change, field = OF_PROVED[title]
    rejected(json.loads(proved()), change, field, tmp_path)


@pytest.mark.parametrize("title", OF_REFUTED)
def test_a_changed_refutation_is_rejected(title: str, tmp_path: Path) -> None:
    change, field = OF_REFUTED[title]
    rejected(json.loads(refuted()), change, field, tmp_path)


def rejected(document: Any, change: Change, field: str, folder: Path) -> None:
    change(document)
    with pytest.raises(Rejected) as refused:
        check(document, folder)
    assert refused.value.field == field


def test_what_is_too_large_is_not_judged(tmp_path: Path) -> None:
    document = json.loads(refuted())
    wide = "float(4096,-4096,4096)"
    document["statement"]["recipe"]["formats"] = dict.fromkeys(document["statement"]["recipe"]["formats"], wide)
    document["statement"]["keys"] = 2**12
    document["statement"]["claim"] = document["statement"]["claim"].replace("of 8 keys", "of 4096 keys")
    document["input"] = [["0", "1", False]] * 65
    with pytest.raises(TooLarge, match="65 keys of 4096 bits"):
        check(document, tmp_path)
