"""KERNELS 2: execution against a second one, on random recipes and inputs; and by hand."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from exactformer.certificates.checker.formats import Format, parse_format
from exactformer.certificates.checker.kernels.execute import Key, execute, least_error, wanted
from exactformer.certificates.checker.kernels.numbers import INFINITY, MINUS_INFINITY, NAN, Number, Special, rounded
from exactformer.certificates.checker.kernels.recipe import read_recipe
from tests.checker.kernels.recipes import flash
from tests.checker.kernels.simulation import Extended, Input, Kernel, mean

COMPUTING = ("float(3,-3,2)", "float(4,-5,4)", "float(5,-8,8)", "fp16", "bf16", "fp32")
ANY = ("float(2,-3,3)", "e4m3fn", "e5m2", "float(3,-3,2)", "bf16", "fp16")
FIXED = ("fixed2.3", "fixed3", "e4m3fn", "bf16", "fp32")
LEAST = {"e4m3fn": "-448"}


def drawn(random: Random) -> dict[str, Any]:
    """A recipe."""
    computing = random.choice(COMPUTING)
    form = parse_format("", computing)
    scores = [name for name in (*ANY, *FIXED, computing) if form.includes(parse_format("", name))]
    blocks, split = random.choice((None, 1, 2, 3)), random.choice((None, None, {"count": 2}, {"length": 2}))
    quotient = random.choice(("divide", "reciprocal", "weights"))
    if quotient == "weights":
        blocks = split = None
    constants = ("-inf", "-inf", "-2", text(-form.largest), text(form.largest / 2))
    return {
        "formats": {
            "score": random.choice(scores),
            "computing": computing,
            "weight": random.choice((*ANY, computing)),
            "value": random.choice(FIXED),
            "output": random.choice(FIXED),
        },
        "scale": random.choice(("1", "1", "1/2", "3/4", "1/3")),
        "mask": random.choice((None, {"how": random.choice(("add", "select")), "constant": random.choice(constants)})),
        "block": blocks,
        "splits": split,
        "maximum": {
            "start": random.choice(("-inf", "-inf", "-1", "0", "2", text(-form.largest))),
            "threshold": random.choice(("0", "0", "1", "5/2")),
            "guard": random.choice((None, "local", "stored")),
        },
        "exponential": {
            "base": random.choice(("e", "2")),
            "argument": random.choice(("difference", "fused")),
            "ulps": 1,
            "one": random.random() < 0.5,
            "offset": random.choice((0, 0, 2, -2, 8)),
        },
        "overflow": random.choice(("inf", "nan", "saturate")),
        "sum": "before cast" if quotient == "weights" else random.choice(("cast", "before cast")),
        "quotient": quotient,
        "empty": random.choice((None, "zero")),
        "merge": None if split is None else random.choice(("sums", "means")),
    }


def text(number: Fraction) -> str:
    return str(number)


def inputs(random: Random, recipe: dict[str, Any]) -> list[Input]:
    score, value = (parse_format("", recipe["formats"][role]) for role in ("score", "value"))
    masks = random.choice((0.0, 0.0, 0.5, 1.0)) if recipe["mask"] else 0.0
    extent = random.choice((1, 1, 4, 30, 300))
    return [
        (number(random, score, extent), number(random, value, 3), random.random() < masks)
        for _ in range(random.randint(1, 6))
    ]


def number(random: Random, form: Format, extent: int) -> Fraction:
    """A number of a format: small, or one of the ends."""
    if random.random() < 0.1:
        return random.choice((form.largest, -form.largest, form.unit, form.least_normal))
    found = rounded(form, Fraction(random.randint(-16 * extent, 16 * extent), 16))
    return form.largest if isinstance(found, Special) else found


def same(found: Number, simulated: Extended) -> bool:
    if isinstance(found, Fraction):
        return found == simulated
    return {INFINITY: math.inf, MINUS_INFINITY: -math.inf, NAN: math.nan}[found] == simulated or (
        found is NAN and math.isnan(simulated)
    )


@pytest.mark.parametrize("seed", range(8))
def test_random_recipes_are_executed_as_a_second_executor_does(seed: int) -> None:
    random = Random(seed)
    seen = set[type[object] | Special]()
    for _ in range(120):
        recipe = drawn(random)
        read, kernel = read_recipe("recipe", recipe), Kernel(recipe)
        for _ in range(6):
            keys = inputs(random, recipe)
            found = execute(read, [Key(*key) for key in keys])
            assert same(found, kernel.output(keys)), (recipe, keys)
            seen.add(found if isinstance(found, Special) else Fraction)
    assert seen >= {NAN, INFINITY, Fraction}


def test_what_is_wanted_lies_between_its_ends() -> None:
    random = Random(1)
    recipe = flash()
    read = read_recipe("recipe", recipe)
    for _ in range(300):
        keys = inputs(random, recipe)
        ends = wanted(read, [Key(*key) for key in keys], 100)
        if ends is None:
            assert all(masked for _, _, masked in keys)
            continue
        low, high = ends
        exact = mean(Fraction(recipe["scale"]), keys)
        values = [value for _, value, masked in keys if not masked]
        assert low <= exact + Fraction(1, 2**300)
        assert exact <= high + Fraction(1, 2**300)
        assert high - low <= len(keys) * Fraction(4, 2**100) * (max(values) - min(values))


def keys(*scores: int, value: int = 1) -> list[Key]:
    return [Key(Fraction(score), Fraction(value)) for score in scores]


def test_by_hand() -> None:
    recipe = read_recipe("recipe", flash())
    assert execute(recipe, [Key(Fraction(5), Fraction(3))]) == 3
    assert execute(recipe, [Key(Fraction(5), Fraction(3)), Key(Fraction(5), Fraction(4))]) == Fraction(7, 2)
    assert execute(recipe, [Key(Fraction(5), Fraction(3)), Key(Fraction(5), Fraction(4), True)]) == 3
    assert execute(recipe, [Key(Fraction(5), Fraction(3), True)]) == 0
    assert wanted(recipe, [Key(Fraction(5), Fraction(3), True)]) is None
    assert wanted(recipe, keys(1, 2, 3)) == (Fraction(1), Fraction(1))


def test_errors() -> None:
    no_guard = read_recipe("recipe", flash(maximum__guard=None, empty=None))
    all_masked = [Key(Fraction(1), Fraction(1), True)]
    assert least_error(no_guard, all_masked) is INFINITY
    assert least_error(read_recipe("recipe", flash()), all_masked) == 0
    low_start = read_recipe("recipe", flash(maximum__start="-50000"))
    assert least_error(low_start, keys(-60000)) == 1
    assert least_error(low_start, keys(-50000)) == 0


def test_a_masked_key_needs_a_mask() -> None:
    with pytest.raises(ValueError, match="masked"):
        execute(read_recipe("recipe", flash(mask=None)), [Key(Fraction(1), Fraction(1), True)])
