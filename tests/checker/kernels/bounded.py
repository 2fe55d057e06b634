"""Random recipes and inputs for the bound of errors: the recipe executed must be within it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

from exactformer.certificates.checker.formats import parse_format
from exactformer.certificates.checker.kernels.bound import Inputs
from exactformer.certificates.checker.kernels.execute import Key
from exactformer.certificates.checker.kernels.recipe import Recipe, read_recipe

COMPUTING = ("fp32", "float(12,-60,60)", "float(8,-30,30)", "bf16", "fp16")
WEIGHTS = ("bf16", "fp16", "e4m3fn", "e5m2", "fp32", "float(5,-8,8)")
SELECTED, ADDED = (-100, -10, -2000, -3), (-64, -1024, -20, -4)
DRIFTS = ("0", "0", "0", "1/64", "1/5")
NARROW = ("float(12,-60,4)", "float(11,-9,9)", "float(14,-20,2)", "float(7,-12,12)", "float(24,-40,10)", "e4m3fn")
NARROW_WEIGHTS = ("float(3,-4,3)", "float(2,-2,1)", "e4m3fn", "float(5,-8,8)")


def random_recipe(random: Random) -> dict[str, Any]:
    """As KERNELS 1 says."""
    choice = random.choice
    computing, splits = (
        choice(COMPUTING),
        choice((None, None, {"count": choice((1, 2, 3))}, {"length": choice((1, 2))})),
    )
    mask = choice((None, None, ("select", "-inf"), ("select", str(choice(SELECTED))), ("add", str(choice(ADDED)))))
    return {
        "formats": {
            "score": computing,
            "computing": computing,
            "weight": choice(WEIGHTS),
            "value": choice(("bf16", "e4m3fn", "fp32")),
            "output": choice(("bf16", "fp32", "fp16", computing)),
        },
        "scale": choice(("1", "1", "1/2", "3/8", "1/3", "2")),
        "mask": None if mask is None else {"how": mask[0], "constant": mask[1]},
        "block": choice((None, 1, 2, 3)),
        "splits": splits,
        "maximum": {
            "start": choice(("-inf", "-inf", "-inf", "0", "-4", "-32")),
            "threshold": choice(("0", "0", "0", "1", "4")),
            "guard": choice((None, "local", "stored")),
        },
        "exponential": {
            "base": choice("e2"),
            "argument": choice(("difference", "fused")),
            "ulps": choice((1, 2)),
            "one": choice((True, False)),
            "offset": choice((0, 0, 0, 2, 8, -3)),
        },
        "overflow": choice(("inf", "nan", "saturate")),
        "sum": choice(("cast", "before cast")),
        "quotient": choice(("divide", "reciprocal")),
        "empty": choice((None, "zero")),
        "merge": None if splits is None else choice(("sums", "means")),
    }


def narrow_recipe(random: Random) -> dict[str, Any]:
    """With formats of few numbers, larger offsets, and all errors of exponentials."""
    recipe, choice = random_recipe(random), random.choice
    computing = choice((*NARROW, *COMPUTING))
    form = parse_format("computing", computing)
    formats = {
        "score": computing,
        "computing": computing,
        "weight": choice((*NARROW_WEIGHTS, computing)),
        "value": choice(("bf16", "fp32", "fixed3.3", "fixed4.12")),
        "output": choice(("bf16", "fp32", "e4m3fn", "fixed4.12", computing)),
    }
    mask = recipe["mask"]
    if mask is not None and mask["constant"] != "-inf":
        constants = (Fraction(mask["constant"]), -form.largest, -form.largest / 2, Fraction(-5))
        mask = mask | {"constant": str(form.of(max(choice(constants), -form.largest)))}
    maximum, starts = recipe["maximum"], ("-inf", str(-form.largest), "-7", "1")
    most = 2 ** max((form.p or 0) - 3, 0)
    exponential = recipe["exponential"] | {"ulps": choice((1, 1, min(2, most), most))}
    return recipe | {
        "formats": formats,
        "mask": mask,
        "maximum": maximum | {"start": choice(starts), "threshold": choice(("0", maximum["threshold"], "5/2", "6"))},
        "exponential": exponential | {"offset": choice((0, 0, -8, -2, 5, 20))},
        "scale": choice(("1", "1", "1/2", "3/8", "1/3")),
    }


def written_out(recipe: dict[str, Any]) -> dict[str, Any]:
    """Attention written out: weights are divided before they are cast."""
    return recipe | {"block": None, "splits": None, "merge": None, "sum": "before cast", "quotient": "weights"}


@dataclass(frozen=True)
class Case:
    """A recipe and ranges of its inputs."""

    document: dict[str, Any]
    recipe: Recipe
    inputs: Inputs

    @classmethod
    def drawn(cls, random: Random) -> Case:
        document = random_recipe(random)
        document = written_out(document) if random.random() < 0.25 else document
        recipe = read_recipe("recipe", document)
        low, high = random.choice((-1, -4, -10, -40, -120, -3)), random.choice((0, 1, 5, 20, 60))
        values = random.choice(((0, 1), (-1, 1), (1, 1), (-3, 5), (2, 3)))
        masked = "none" if recipe.mask_how is None else random.choice(("none", "some", "any"))
        return cls(
            document,
            recipe,
            Inputs(
                random.choice((1, 2, 3, 4, 6, 9)),
                (recipe.score.of(Fraction(low)), recipe.score.of(Fraction(high))),
                (recipe.value.of(Fraction(values[0])), recipe.value.of(Fraction(values[1]))),
                masked,
                Fraction(random.choice(DRIFTS)),
            ),
        )

    @classmethod
    def narrow(cls, random: Random) -> Case:
        """With few numbers of formats, points as ranges, and values far from 0, or up to the largest ones."""
        document = narrow_recipe(random)
        document = written_out(document) if random.random() < 0.25 else document
        recipe = read_recipe("recipe", document)
        low, high = random.choice(((0, 0), (-3, 3), (3, 3), (-7, 0), (-1, 2), (-100, 2), (-14, 14), (5, 7)))
        values = random.choice(((0, 1), (-1, 1), (1, 1), (7, 7), (6, 7), (-7, 5), (3000, 3001), (2**12 - 1, 2**20)))
        score, value = (min(max(form.largest, Fraction(1)), Fraction(2**20)) for form in (recipe.score, recipe.value))
        scores = [recipe.score.of(max(min(Fraction(end), score), -score)) for end in (low, high)]
        ends = [recipe.value.of(max(min(Fraction(end), value), -value)) for end in values]
        masked = "none" if recipe.mask_how is None else random.choice(("none", "some", "any"))
        number, drift = random.choice((1, 1, 2, 3, 5, 8, 12)), Fraction(random.choice(DRIFTS))
        return cls(document, recipe, Inputs(number, (scores[0], scores[1]), (ends[0], ends[1]), masked, drift))

    def keys(self, random: Random) -> list[Key]:
        """An input within the ranges: ends, even steps, and what is little below the upper end."""
        (low, high), (least, most) = self.inputs.scores, self.inputs.values
        found = []
        for _ in range(random.randint(1, self.inputs.keys)):
            between = low + (high - low) * Fraction(random.randint(0, 64), 64)
            near = max(high - Fraction(random.randint(0, 160), 16), low)
            score = self.recipe.score.of(random.choice((low, high, between, near)))
            inner = self.recipe.value.of(least + (most - least) * Fraction(random.randint(0, 8), 8))
            value = random.choice((least, most, least, most, inner))
            found.append(Key(score, value, self.inputs.masked != "none" and random.random() < 0.4))
        if self.inputs.masked == "some" and all(key.masked for key in found):
            found[random.randrange(len(found))] = found[0]._replace(masked=False)
        return found
