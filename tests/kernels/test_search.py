"""What is tried is within the ranges and the work; what is found is small; and bounds are near what is found."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

import pytest

from exactformer.certificates.checker.kernels.bound import Inputs, errors
from exactformer.certificates.checker.kernels.execute import Key, execute
from exactformer.certificates.kernels.files import load_recipe, names
from exactformer.certificates.kernels.search import (
    MOST_KEYS,
    MOST_WORK,
    candidates,
    differing_input,
    failing_input,
    keys_of,
    random_inputs,
    within_work,
    worst_error,
)

RANGES = {
    "none": Inputs(300, (Fraction(-64), Fraction(64)), (Fraction(-1), Fraction(1)), "none"),
    "some": Inputs(300, (Fraction(-3), Fraction(70000)), (Fraction(0), Fraction(3)), "some"),
    "any": Inputs(9, (Fraction(-64), Fraction(-32)), (Fraction(1), Fraction(1)), "any"),
}


@pytest.mark.parametrize("masked", RANGES)
@pytest.mark.parametrize("name", names())
def test_what_is_tried_is_an_input(name: str, masked: str) -> None:
    recipe, inputs = load_recipe(name).recipe, RANGES[masked]
    tried = [keys_of(runs) for runs in islice(candidates(recipe, inputs), 0, None, 97)]
    tried += random_inputs(recipe, inputs, 50, 0)
    assert [len(keys) for keys in tried[:-50]] == sorted(len(keys) for keys in tried[:-50])
    for keys in tried:
        assert 1 <= len(keys) <= inputs.keys
        masks = [key.masked for key in keys]
        assert not any(masks) or masked != "none"
        assert not all(masks) or masked == "any"
        for key in keys:
            assert recipe.score.has(key.score)
            assert recipe.value.has(key.value)
            assert inputs.scores[0] <= key.score <= inputs.scores[1]
            assert inputs.values[0] <= key.value <= inputs.values[1]


def test_the_work_is_bounded_and_progress_is_said() -> None:
    recipe = load_recipe("flash-4-fp8").recipe
    inputs = Inputs(2**40, (Fraction(-64), Fraction(64)), (Fraction(-1), Fraction(1)), "none")
    said = list[tuple[int, int]]()
    numbers = [
        len(keys_of(runs))
        for runs in within_work(candidates(recipe, inputs), lambda _, done, total: said.append((done, total)))
    ]
    assert sum(numbers) <= MOST_WORK
    assert max(numbers) == MOST_KEYS
    assert said[-1] == (sum(numbers), MOST_WORK)


def test_what_is_found_is_the_same_again_and_simple() -> None:
    recipe = load_recipe("buggy-finite-mask").recipe
    inputs = Inputs(8, (Fraction(-20001), Fraction(7)), (Fraction(1), Fraction(100)), "some")
    found = failing_input(recipe, inputs, Fraction(1))
    assert found == failing_input(recipe, inputs, Fraction(1))
    assert found is not None
    assert found.keys == (Key(Fraction(0), Fraction(1), True), Key(Fraction(-16384), Fraction(100)))
    assert (found.output, found.error) == (Fraction(1), Fraction(99))


QUALITY = {
    "flash-2-bf16": 4, "flash-2-fp16": 4, "flash-2-bf16-unfused": 4, "flash-3-fp8": 4, "flash-4-bf16": 4,
    "flash-4-fp8": 4, "eager-bf16": 4, "cudnn-like-bf16": 4, "cpu-bf16": 4, "decode-by-length": 4,
}  # fmt: skip


@pytest.mark.parametrize("name", QUALITY)
def test_bounds_are_near_the_largest_error_that_is_found(name: str) -> None:
    """The bound is never below the error, and at most this many times as large; benchmarks try more inputs."""
    recipe = load_recipe(name).recipe
    inputs = Inputs(8, (Fraction(-64), Fraction(64)), (Fraction(-1), Fraction(1)), "none")
    bound = sum(errors(recipe, inputs).values())
    worst = worst_error(recipe, inputs, 400)
    assert isinstance(worst.error, Fraction)
    assert worst.error <= bound <= QUALITY[name] * worst.error


def test_two_recipes_that_are_the_same_do_not_differ() -> None:
    text = load_recipe("buggy-split-count")
    whole = text.changed("splits", "{count: 1}").recipe
    inputs = Inputs(8, (Fraction(-8), Fraction(8)), (Fraction(-1), Fraction(1)), "none")
    assert differing_input(whole, whole, inputs, 50) is None
    wider = text.changed("splits", "{length: 256}").recipe
    assert differing_input(whole, wider, inputs, 50) is None
    two = text.changed("splits", "{length: 2}").recipe
    keys = differing_input(whole, two, inputs, 3000)
    assert keys is not None
    assert execute(whole, keys) != execute(two, keys)
