"""Scripts for PyTorch: which recipes have one, and that it prints what is executed, bit for bit.

On a CPU, of random inputs of up to 8 keys: attention written out in bf16, and the flash backend, print the same bits of
each; in fp32, where exponentials are not rounded correctly and sums have another order, of one key or of equal scores.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from fractions import Fraction

import pytest

from exactformer.certificates.checker.kernels.bound import Inputs
from exactformer.certificates.checker.kernels.execute import Key, execute
from exactformer.certificates.checker.kernels.numbers import NAN, Number, Special
from exactformer.certificates.checker.kernels.recipe import Recipe
from exactformer.certificates.kernels.files import load_recipe, names
from exactformer.certificates.kernels.script import script_of, stock_operation
from exactformer.certificates.kernels.search import failing_input, random_inputs

STOCK = {"math-fp32": "math", "cpu-bf16": "flash", "eager-bf16": "softmax", "buggy-no-guard": "softmax"}


@pytest.mark.parametrize("name", names())
def test_which_recipes_have_a_stock_operation(name: str) -> None:
    recipe = load_recipe(name).recipe
    assert stock_operation(recipe) == STOCK.get(name)
    script = script_of(recipe, [Key(Fraction(1), Fraction(1))])
    assert (script is None) == (name not in STOCK)
    assert script is None or len(script.splitlines()) < 14


def printed(recipe: Recipe, keys: Sequence[Key]) -> str:
    """What the script prints."""
    pytest.importorskip("torch")
    script, said = script_of(recipe, keys), io.StringIO()
    assert script is not None
    with contextlib.redirect_stdout(said):
        exec(compile(script, "script", "exec"), {})
    return said.getvalue().strip()


def is_same(text: str, number: Number) -> bool:
    return (
        text == number.value
        if isinstance(number, Special)
        else text not in ("nan", "inf") and (Fraction(float(text)) == number)
    )


@pytest.mark.parametrize("masked", ["none", "any"])
@pytest.mark.parametrize(("name", "least"), [("eager-bf16", 100), ("cpu-bf16", 95)])
def test_bf16_has_the_same_bits(name: str, least: int, masked: str) -> None:
    """Where the processor's vectors make a kernel add or exponentiate otherwise, a weight may be rounded to the other
    side: on a processor with AVX2 that changes 1 output of 100."""
    recipe = load_recipe(name).recipe
    inputs = Inputs(8, (Fraction(-32), Fraction(32)), (Fraction(-4), Fraction(4)), masked)
    same = 0
    for keys in random_inputs(recipe, inputs, 100, 1):
        text, exact = printed(recipe, keys), execute(recipe, keys)
        if is_same(text, exact):
            same += 1
        else:
            assert isinstance(exact, Fraction), keys
            # A weight is at most 1, so this changes it by 2^-8 at most; values are up to 4.
            assert abs(Fraction(float(text)) - exact) <= Fraction(4, 2**8), keys
    assert same >= least


def test_fp32_has_the_same_bits_mostly() -> None:
    recipe = load_recipe("math-fp32").recipe
    inputs = Inputs(4, (Fraction(-4), Fraction(4)), (Fraction(-1), Fraction(1)), "any")
    same = 0
    for keys in random_inputs(recipe, inputs, 100, 1):
        text, exact = printed(recipe, keys), execute(recipe, keys)
        same += is_same(text, exact)
        assert isinstance(exact, Fraction)
        assert abs(Fraction(float(text)) - exact) < Fraction(1, 2**20)
        seen = [key for key in keys if not key.masked]
        if len(seen) == 1:
            assert is_same(text, exact)
    assert same > 60


def test_a_failing_input_fails_in_pytorch_too() -> None:
    """pytorch/pytorch#103963: NaN in a row without a key; 0 since PyTorch has a safe softmax."""
    no_guard, math = load_recipe("buggy-no-guard").recipe, load_recipe("math-fp32").recipe
    inputs = Inputs(8, (Fraction(-8), Fraction(8)), (Fraction(-1), Fraction(1)), "any")
    found = failing_input(no_guard, inputs, Fraction(1, 1000))
    assert found is not None
    assert (found.output, printed(no_guard, found.keys)) == (NAN, "nan")
    assert (execute(math, found.keys), printed(math, found.keys)) == (Fraction(0), "0.0")


def test_scores_in_fp32_are_sums_of_numbers_in_bf16() -> None:
    recipe = load_recipe("cpu-bf16").recipe
    score = Fraction(2**23 + 12345, 2**20)
    keys = [Key(score, Fraction(1)), Key(score - Fraction(1, 8), Fraction(-3))]
    script = script_of(recipe, keys)
    assert script is not None
    assert script.count("], [") == 2  # three parts
    assert is_same(printed(recipe, keys), execute(recipe, keys))
    assert script_of(recipe, [Key(Fraction(1, 2**140), Fraction(1))]) is None
