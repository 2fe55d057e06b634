"""The smallest input on which a recipe goes wrong, the largest error found, and inputs on which two recipes differ.

Inputs are made from runs of equal keys, few keys first, with scores and values that are simple, or special for the
recipe. The checker's code executes each exactly and compares it with exact softmax. What is tried depends only on the
recipe, the ranges and a seed, and is bounded by how many keys are executed.

Words:
    alike     a run of keys with one score and one value, all or none of them masked
    anchor    a score below which others are tried: an end of the range, the start of the maximum, the mask
    distance  how far a score is below an anchor, for example where a weight underflows or sums are rescaled
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, product
from math import isqrt
from random import Random
from typing import NamedTuple

from exactformer.certificates.checker.formats import Format, Overflow
from exactformer.certificates.checker.kernels.bound import Inputs
from exactformer.certificates.checker.kernels.execute import Key, execute, least_error
from exactformer.certificates.checker.kernels.numbers import ZERO, Number, is_above
from exactformer.certificates.checker.kernels.recipe import Recipe

Progress = Callable[[str, int, int], None]
"""A function that is called with what is done, how far it is, and of how much."""

MOST_WORK = 1 << 18
"""The most keys that are executed in all, some 50 µs each."""
MOST_KEYS = 1 << 12
"""The most keys of one input."""
PAIRS = 64
"""Per this many keys of the work there is one input of two keys."""
ABOVE_LN_2 = Fraction(693148, 10**6)


class Alike(NamedTuple):
    """A run of equal keys."""

    number: int
    key: Key


Runs = tuple[Alike, ...]


@dataclass(frozen=True)
class Found:
    """An input, the recipe's output, and how far it is off, at least: an infinity if it is not a number."""

    keys: tuple[Key, ...]
    output: Number
    error: Number

    @classmethod
    def of(cls, recipe: Recipe, keys: Sequence[Key]) -> Found:
        return cls(tuple(keys), execute(recipe, keys), least_error(recipe, keys))


def quietly(_what: str, _done: int, _total: int) -> None:
    """No progress is shown."""


def failing_input(recipe: Recipe, inputs: Inputs, tolerance: Fraction, progress: Progress = quietly) -> Found | None:
    """The smallest input found whose output is not a number, or is off by more than the tolerance; None if there was
    none."""

    def fails(runs: Runs) -> bool:
        return is_above(least_error(recipe, keys_of(runs)), tolerance)

    for runs in within_work(candidates(recipe, inputs), progress):
        if fails(runs):
            return Found.of(recipe, keys_of(simpler(recipe, inputs, shorter(runs, fails), fails)))
    return None


def worst_error(recipe: Recipe, inputs: Inputs, number: int, seed: int = 0, progress: Progress = quietly) -> Found:
    """The largest error found on special inputs and on this many random ones."""
    worst: tuple[Number, Sequence[Key]] = (Fraction(-1), ())
    work = MOST_WORK // 4
    special = (keys_of(runs) for runs in within_work(candidates(recipe, inputs, work), progress, work))
    for keys in chain(special, random_inputs(recipe, inputs, number, seed)):
        error = least_error(recipe, keys)
        if is_above(error, worst[0]):
            worst = error, keys
    return Found.of(recipe, worst[1])


def differing_input(first: Recipe, second: Recipe, inputs: Inputs, number: int, seed: int = 0) -> Sequence[Key] | None:
    """The first of this many random inputs for which two recipes give different outputs."""
    tried = random_inputs(first, inputs, number, seed)
    return next((keys for keys in tried if execute(first, keys) != execute(second, keys)), None)


def keys_of(runs: Iterable[Alike]) -> tuple[Key, ...]:
    """All keys, one by one."""
    return tuple(key for run in runs for key in [run.key] * run.number)


def within_work(candidates: Iterable[Runs], progress: Progress, most: int = MOST_WORK) -> Iterator[Runs]:
    """Inputs, as long as the work allows."""
    work = 0
    for runs in candidates:
        work += sum(run.number for run in runs)
        if work > most:
            return
        progress("inputs tried, keys", work, most)
        yield runs


# Smaller ones


def shorter(runs: Runs, fails: Callable[[Runs], bool]) -> Runs:
    """The input with its runs shortened by bisection, as long as it still fails."""
    for place, run in enumerate(runs):
        low, high = 0, run.number
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if fails(with_run(runs, place, Alike(middle, run.key))) else (middle, high)
        runs = with_run(runs, place, Alike(high, run.key))
    return runs


def simpler(recipe: Recipe, inputs: Inputs, runs: Runs, fails: Callable[[Runs], bool]) -> Runs:
    """The input with scores of few bits, if it still fails with them."""
    for place, run in enumerate(runs):
        score = run.key.score
        for number in rounder(recipe.score, score):
            tried = with_run(runs, place, Alike(run.number, run.key._replace(score=number)))
            if within(number, inputs.scores) and fails(tried):
                runs = tried
                break
    return runs


def with_run(runs: Runs, place: int, run: Alike) -> Runs:
    return (*runs[:place], run, *runs[place + 1 :])


def rounder(form: Format, score: Fraction) -> Iterator[Fraction]:
    """Numbers near a score, with few bits first, then with more and more."""
    size = abs(score.numerator).bit_length() - score.denominator.bit_length()
    for exponent in range(size + 1, max(form.lowest, size - (form.p or 64)), -1):
        step = Fraction(2) ** exponent
        for number in (score // step * step, -(-score // step) * step):
            if form.has(number):
                yield number


# What is tried


def candidates(recipe: Recipe, inputs: Inputs, work: int = MOST_WORK) -> Iterator[Runs]:
    """Inputs, few keys first: single keys; pairs; a long run with another key before it, after it, or both.

    Each length has about its share of the work.
    """
    numbers = lengths(recipe, inputs.keys)
    special = kinds(recipe, inputs)
    for number in numbers:
        if number == 1:
            found: Iterable[Runs] = ((Alike(1, key),) for key in single_kinds(recipe, inputs))
        elif number == 2:
            some = special[: isqrt(work // PAIRS)]
            found = ((Alike(1, left), Alike(1, right)) for left, right in product(some, some))
        else:
            found = long_runs(special[: isqrt(work // len(numbers) // number // 2)], number)
        yield from (runs for runs in found if inputs.masked == "any" or not all(run.key.masked for run in runs))


def lengths(recipe: Recipe, most: int) -> list[int]:
    """How many keys inputs have: 1, 2, 3, powers of two, one more than a block or a part, and all."""
    most = min(most, MOST_KEYS)
    special = {1, 2, 3, most, *(2**power for power in range(2, most.bit_length()))}
    special |= {length + 1 for length in (recipe.block, recipe.split_length) if length is not None}
    return sorted(number for number in special if number <= most)


def long_runs(keys: Sequence[Key], number: int) -> Iterator[Runs]:
    """One key and many of another kind, in both orders; and many masked keys between two that are not masked."""
    for one, many in product(keys, keys):
        yield Alike(1, one), Alike(number - 1, many)
        yield Alike(number - 1, many), Alike(1, one)
    masked = next((key for key in keys if key.masked), None)
    if masked is not None:
        for left, right in product(keys, keys):
            yield Alike(1, left), Alike(number - 2, masked), Alike(1, right)


def single_kinds(recipe: Recipe, inputs: Inputs) -> Iterator[Key]:
    """Keys for inputs of one key: small integers, special scores, and ever larger ones."""
    small = [Fraction(number) for number in (0, 1, -1, 2, -2, 3, -3)]
    large = [Fraction(sign * odd * 2**power) for power in range(2, 128) for odd in (1, 3) for sign in (1, -1)]
    scores = numbers_in(recipe.score, inputs.scores, [*small, *special_scores(recipe, inputs), *large])
    values = numbers_in(recipe.value, inputs.values, [Fraction(1), *reversed(inputs.values)])
    masks = (False,) if inputs.masked == "none" else (False, True)
    return (Key(score, value, masked) for masked, score, value in product(masks, scores, values))


def kinds(recipe: Recipe, inputs: Inputs) -> list[Key]:
    """Keys for inputs of several keys, the most special ones first."""
    scores = numbers_in(recipe.score, inputs.scores, special_scores(recipe, inputs))
    low, high = inputs.values
    values = [high] if low == high else [high, low]
    found = [Key(score, value) for score in scores for value in values]
    if inputs.masked != "none":
        found[2:2] = [Key(score, low, True) for score in (scores[:1] if recipe.mask_how == "select" else scores[:3])]
    return found


def special_scores(recipe: Recipe, inputs: Inputs) -> list[Fraction]:
    """Anchors, and what is at a distance below them."""
    low, high = inputs.scores
    simplest = min((abs(score), score) for score in (min(max(low, ZERO), high), low, high))[1]
    scale = recipe.scale if recipe.argument == "difference" else Fraction(1)
    others = [number / scale for number in (recipe.start, recipe.mask_constant) if isinstance(number, Fraction)]
    anchors = [simplest, high, *others]
    return [*(anchor - distance for anchor in anchors for distance in (ZERO, *distances(recipe))), low]


def distances(recipe: Recipe) -> list[Fraction]:
    """Distances in units of scores: just within the threshold, and just beyond what weights and exponentials can be."""
    form, weight, offset = recipe.computing, recipe.weight, recipe.offset
    bits = [
        offset - weight.lowest + 1,  # less than half of W's smallest number
        offset + 1 - weight.least_normal.numerator.bit_length() + weight.least_normal.denominator.bit_length(),
        form.least_normal.denominator.bit_length(),
    ]
    unit = ABOVE_LN_2 if recipe.base == "2" else Fraction(1)
    within_threshold = recipe.threshold * unit * Fraction(63, 64)
    found = [within_threshold, *(number * ABOVE_LN_2 for number in bits if number > 0), Fraction(1), 200 * ABOVE_LN_2]
    return [distance / recipe.scale for distance in found if distance > 0]


def numbers_in(form: Format, ends: tuple[Fraction, Fraction], numbers: Iterable[Fraction]) -> list[Fraction]:
    """The scores within the ends, rounded, each once."""
    found = dict[Fraction, None]()
    for number in numbers:
        try:
            rounded = form.of(number)
        except Overflow:
            continue
        if within(rounded, ends):
            found[rounded] = None
    return list(found)


def within(number: Fraction, ends: tuple[Fraction, Fraction]) -> bool:
    return ends[0] <= number <= ends[1]


# Random ones

MOST_RANDOM = 12
"""Keys of a random input."""
GRAINS = 1 << 16


def random_inputs(recipe: Recipe, inputs: Inputs, number: int, seed: int) -> Iterator[tuple[Key, ...]]:
    """So many keys: scores anywhere in the range, near the largest one, or special; values anywhere, or at the ends."""
    random = Random(seed)
    special = numbers_in(recipe.score, inputs.scores, special_scores(recipe, inputs))
    most = min(inputs.keys, MOST_RANDOM)
    share = {"none": ZERO, "some": Fraction(1, 4), "any": Fraction(1, 4)}[inputs.masked]
    for _ in range(number):
        spread = random.choice((Fraction(1), Fraction(4), Fraction(16), None)) if random.random() < 0.8 else ZERO
        top = _between(recipe.score, inputs.scores, random)
        keys = []
        for _ in range(random.randint(1, most)):
            if spread is None:
                score = _between(recipe.score, inputs.scores, random)
            elif spread:
                low = max(inputs.scores[0], top - spread / recipe.scale)
                score = _between(recipe.score, (low, top), random)
            else:
                score = random.choice(special)
            value = random.choice((*inputs.values, _between(recipe.value, inputs.values, random)))
            keys.append(Key(score, value, random.random() < share))
        if inputs.masked != "any" and all(key.masked for key in keys):
            keys[0] = keys[0]._replace(masked=False)
        yield tuple(keys)


def _between(form: Format, ends: tuple[Fraction, Fraction], random: Random) -> Fraction:
    """A number of the format between ends; the ends are numbers of it, or the rounded number is not below them."""
    low, high = ends
    return form.of(low + (high - low) * random.randint(0, GRAINS) / GRAINS)
