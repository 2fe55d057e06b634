"""Scores that are rounded products of queries and keys: how far they are from exact ones, and what that does."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

import exactformer as ef
from exactformer.certificates.checker.kernels.bound import Inputs, Unshown, errors
from exactformer.certificates.checker.kernels.execute import Key, execute, wanted
from exactformer.certificates.kernels.files import load_recipe
from exactformer.certificates.kernels.inputs import drift_of_products
from tests.command_line.invoking import invoke

RECIPES = ("flash-2-bf16", "eager-bf16", "flash-3-fp8", "math-fp32")


@pytest.mark.parametrize("name", RECIPES)
def test_outputs_are_near_the_mean_of_exact_scores(name: str) -> None:
    """Scores moved by the drift, in the directions that move the mean the most."""
    recipe, drift = load_recipe(name).recipe, Fraction(1, 4)
    inputs = Inputs(8, (Fraction(-8), Fraction(8)), (Fraction(-1), Fraction(1)), "none", drift)
    found, without = (errors(recipe, one) for one in (inputs, replace(inputs, drift=Fraction(0))))
    assert {cause for cause in found if found[cause] != without[cause]} == {"product"}
    random, worst, total = Random(name), Fraction(0), sum(found.values())
    for _ in range(300):
        keys = [
            Key(recipe.score.of(Fraction(random.randint(-8 * 64, 8 * 64), 64)), Fraction(random.choice((-1, 1))))
            for _ in range(random.randint(2, 8))
        ]
        exact = [key._replace(score=key.score + drift * int(key.value)) for key in keys]
        output, right = execute(recipe, keys), wanted(recipe, exact)
        assert isinstance(output, Fraction)
        assert right is not None
        worst = max(worst, right[0] - output, output - right[1])
    assert worst <= total
    assert worst > found["product"] / 2
    assert worst > sum(without.values()) or name == "flash-3-fp8"


def test_scores_that_drift_too_far() -> None:
    recipe = load_recipe("flash-2-bf16").recipe
    with pytest.raises(Unshown, match="exact scores may be too far from these"):
        errors(recipe, Inputs(8, (Fraction(-8), Fraction(8)), (Fraction(0), Fraction(1)), "none", Fraction(9)))


@pytest.mark.parametrize("name", ["flash-2-bf16", "eager-bf16"])
def test_products_drift_by_no_more(name: str) -> None:
    """64 products, added in fp32 from the first to the last, and rounded to the format of scores."""
    recipe, random, entries = load_recipe(name).recipe, Random(name), Fraction(3)
    drift = drift_of_products(recipe, 64, entries, (Fraction(-576), Fraction(576)))
    worst = Fraction(0)
    for _ in range(60):
        query, key = ([recipe.value.of(Fraction(random.randint(-300, 300), 100)) for _ in range(64)] for _ in "qk")
        total = Fraction(0)
        for one, other in zip(query, key, strict=True):
            total = recipe.computing.of(total + recipe.computing.of(one * other))
        exact = sum((one * other for one, other in zip(query, key, strict=True)), Fraction(0))
        worst = max(worst, abs(recipe.score.of(total) - exact))
    assert 0 < worst <= drift


def test_the_command_and_what_is_checked(tmp_path: Path) -> None:
    options = ("--keys", "8", "--scores", "-8..8", "--values", "0..1", "--out", tmp_path)
    done = invoke("kernel", "flash-2-bf16", *options, "--head-width", "64", "--entries", "4")
    assert done.code == 0
    assert "each score off from an exact one by at most 391/100000, off from exact softmax" in done.out
    (path,) = tmp_path.glob("*.certificate.json")
    assert ef.check(path).verdict == "proved"
    good = json.loads(path.read_text())
    for drift, says in (("0", "0 is left out"), ("-1", "not above 0"), ("391/10000", "statement.claim")):
        tampered = good | {"statement": good["statement"] | {"drift": drift}}
        path.write_text(json.dumps(tampered, sort_keys=True, separators=(",", ":")) + "\n")
        with pytest.raises(ef.Rejected, match=says):
            ef.check(path)
    alone = invoke("kernel", "flash-2-bf16", *options, "--entries", "4")
    assert (alone.code, "--head-width and --entries go together" in alone.err) == (2, True)
    wide = invoke("kernel", "flash-2-bf16", *options, "--head-width", "65536", "--entries", "4", "--tolerance", "1/2")
    assert wide.code in (1, 3)
    with pytest.raises(ef.BehaviourError, match="scores drift by -1; that has to be at least 0"):
        ef.KernelInputs(1, (0, 1), (0, 1), drift=-1)
