"""The exact output of a recipe on an input, and the output that is wanted (KERNELS 2).

Words:
    key      a key's score, its value, and whether it is masked
    partial  what is known about the keys of a part so far: m, l and o
    weight   the factor of a value, a number of W
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import reduce
from math import ceil, floor
from typing import NamedTuple

from exactformer.certificates.checker.formats import Format
from exactformer.certificates.checker.kernels.numbers import (
    INFINITY,
    MINUS_INFINITY,
    NAN,
    ONE,
    ZERO,
    Number,
    Special,
    is_above,
    largest,
    minus,
    normal,
    over,
    plus,
    power,
    rounded,
    times,
)
from exactformer.certificates.checker.kernels.recipe import Recipe
from exactformer.certificates.checker.softmax.numbers import exponential as exponential_of_minus

BITS = 128
"""The wanted output is enclosed to this many bits after the point, relative to the range of values."""


class Key(NamedTuple):
    score: Fraction
    value: Fraction
    masked: bool = False


class Partial(NamedTuple):
    """The reference m, the sum l of weights, the sum o of weights times values."""

    m: Number
    weights: Number
    values: Number


def execute(recipe: Recipe, keys: Sequence[Key]) -> Number:
    """The output: products and sums are rounded one by one, from the first key to the last."""
    length = recipe.part(len(keys))
    parts = [part_of(recipe, keys[at : at + length]) for at in range(0, len(keys), length)]
    return rounded(recipe.output, quotient(recipe, merged(recipe, parts) if recipe.split else parts[0]))


def part_of(recipe: Recipe, keys: Sequence[Key]) -> Partial:
    """The partial sums of a part, block by block."""
    length = recipe.block or len(keys)
    found = Partial(recipe.start, ZERO, ZERO)
    for at in range(0, len(keys), length):
        found = with_block(recipe, found, keys[at : at + length], first=not at)
    return found


def with_block(recipe: Recipe, before: Partial, keys: Sequence[Key], first: bool) -> Partial:
    """The partial sums with one more block."""
    form = recipe.computing
    scores = [masked_score(recipe, key) for key in keys]
    m, weights, values = reference(recipe, before.m, largest(scores)), before.weights, before.values
    if m != before.m and not first:
        factor = exponential(recipe, before.m, guarded(recipe, m))
        weights, values = rounded(form, times(weights, factor)), rounded(form, times(values, factor))
    of_score = {score: shifted(recipe, exponential(recipe, score, guarded(recipe, m))) for score in set(scores)}
    exponentials = [of_score[score] for score in scores]
    if recipe.sum == "before cast":
        weights = summed(form, weights, exponentials)
    if recipe.quotient == "weights":
        exponentials = [rounded(form, over(p, weights)) for p in exponentials]
    of_exponential = {p: cast(recipe, p) for p in set(exponentials)}
    casts = [of_exponential[p] for p in exponentials]
    if recipe.sum == "cast":
        weights = summed(form, weights, casts)
    products = [rounded(form, times(weight, key.value)) for weight, key in zip(casts, keys, strict=True)]
    return Partial(m, weights, summed(form, values, products))


def summed(form: Format, first: Number, numbers: Iterable[Number]) -> Number:
    """One number after the other added to the first, each sum rounded."""
    return reduce(lambda total, number: rounded(form, plus(total, number)), numbers, first)


def masked_score(recipe: Recipe, key: Key) -> Number:
    """t of a key."""
    form, t = recipe.computing, key.score
    scaled: Number = t
    if recipe.argument == "difference" and recipe.scale != 1:
        scaled = rounded(form, times(recipe.rounded_scale, t))
    if not key.masked:
        return scaled
    if recipe.mask_constant is None:
        raise ValueError("a key is masked, and the recipe has no mask")
    return recipe.mask_constant if recipe.mask_how == "select" else rounded(form, plus(scaled, recipe.mask_constant))


def reference(recipe: Recipe, m: Number, top: Number) -> Number:
    """m of a block, from m before it and the largest t in it."""
    if is_above(top, m) and (not recipe.threshold or is_above(argument(recipe, top, m), recipe.threshold)):
        m = top
    return ZERO if recipe.guard == "stored" and m is MINUS_INFINITY else m


def guarded(recipe: Recipe, m: Number) -> Number:
    """What replaces m in the computation."""
    return ZERO if recipe.guard is not None and m is MINUS_INFINITY else m


def argument(recipe: Recipe, t: Number, m: Number) -> Number:
    """x of E(t, m), in the units of the base."""
    form = recipe.computing
    if recipe.argument == "fused":
        g = recipe.folded_scale
        return rounded(form, plus(times(t, g), minus(rounded(form, times(m, g)))))
    x = rounded(form, plus(t, minus(m)))
    return x if recipe.base == "e" else rounded(form, times(x, recipe.log2_e))


def exponential(recipe: Recipe, t: Number, m: Number) -> Number:
    """E(t, m): the power, rounded once, or 0 below the least normal number."""
    x = argument(recipe, t, m)
    if isinstance(x, Special):
        return ZERO if x is MINUS_INFINITY else x
    return power(recipe.computing, recipe.base, x)


def shifted(recipe: Recipe, e: Number) -> Number:
    """e 2^k, flushed to 0 below the least normal number."""
    return e if isinstance(e, Special) else normal(recipe.computing, e * Fraction(2) ** recipe.offset)


def cast(recipe: Recipe, p: Number) -> Number:
    """A weight from p."""
    weight = rounded(recipe.weight, p)
    if weight is not INFINITY or recipe.overflow == "inf":
        return weight
    return NAN if recipe.overflow == "nan" else recipe.weight.largest


def merged(recipe: Recipe, parts: Sequence[Partial]) -> Partial:
    """The merged sums of all parts."""
    form, m = recipe.computing, largest([part.m for part in parts])
    factors = [exponential(recipe, part.m, guarded(recipe, m)) for part in parts]
    weights = [rounded(form, times(part.weights, factor)) for part, factor in zip(parts, factors, strict=True)]
    if recipe.merge == "sums":
        values = [times(part.values, factor) for part, factor in zip(parts, factors, strict=True)]
    else:
        values = [times(quotient(recipe, part), weight) for part, weight in zip(parts, weights, strict=True)]
    return Partial(m, summed(form, ZERO, weights), summed(form, ZERO, [rounded(form, value) for value in values]))


def quotient(recipe: Recipe, partial: Partial) -> Number:
    """y, from sums."""
    form, weights, values = recipe.computing, partial.weights, partial.values
    if recipe.empty == "zero" and weights == 0:
        return ZERO
    if recipe.quotient == "weights":
        return values
    if recipe.quotient == "divide":
        return rounded(form, over(values, weights))
    return rounded(form, times(values, rounded(form, over(ONE, weights))))


def wanted(recipe: Recipe, keys: Sequence[Key], bits: int = BITS) -> tuple[Fraction, Fraction] | None:
    """Ends of the mean of values with weights exp(c s), of the keys that are not masked; None if all are.

    They are less than n 2^(2 - bits) times the range of values apart. Weights are relative to the largest, which is 1.
    """
    seen = [key for key in keys if not key.masked]
    if not seen:
        return None
    top, least = max(key.score for key in seen), min(key.value for key in seen)
    ends = [weight_of(recipe.scale * (top - key.score), bits) for key in seen]
    below, above = (sum(weights) for weights in zip(*ends, strict=True))
    low = sum((weight * (key.value - least) for (weight, _), key in zip(ends, seen, strict=True)), ZERO)
    high = sum((weight * (key.value - least) for (_, weight), key in zip(ends, seen, strict=True)), ZERO)
    return least + low / above, least + high / below


def weight_of(x: Fraction, bits: int) -> tuple[int, int]:
    """Ends of exp(-x), for x >= 0, in units of 2^-bits."""
    return (
        exponential_of_minus(ceil(x * 2**bits), bits)[0],
        exponential_of_minus(floor(x * 2**bits), bits)[1],
    )


def least_error(recipe: Recipe, keys: Sequence[Key]) -> Number:
    """How far the executed output surely is from the wanted one, as `distance` says."""
    return distance(execute(recipe, keys), wanted(recipe, keys))


def distance(output: Number, ends: tuple[Fraction, Fraction] | None) -> Number:
    """How far an output is from the ends; an infinity if it is not a finite number; 0 if nothing else is wanted."""
    if isinstance(output, Special):
        return INFINITY
    return ZERO if ends is None else max(ZERO, ends[0] - output, output - ends[1])
