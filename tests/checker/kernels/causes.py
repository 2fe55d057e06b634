"""Recipes, and inputs that show why a part of the bound is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import Any

from exactformer.certificates.checker.kernels.bound import Inputs, errors
from exactformer.certificates.checker.kernels.recipe import read_recipe
from tests.checker.kernels.adversary import distance
from tests.checker.kernels.simulation import Extended, Input

PLAIN: dict[str, Any] = {
    "formats": {"score": "fp32", "computing": "fp32", "weight": "fp32", "value": "fp32", "output": "fp32"},
    "scale": "1",
    "mask": None,
    "block": None,
    "splits": None,
    "maximum": {"start": "-inf", "threshold": "0", "guard": None},
    "exponential": {"base": "e", "argument": "difference", "ulps": 1, "one": True, "offset": 0},
    "overflow": "inf",
    "sum": "before cast",
    "quotient": "divide",
    "empty": None,
    "merge": None,
}


def plain(computing: str = "fp32", **changes: Any) -> dict[str, Any]:
    """All in one format; in fields that are objects, the given members are changed."""
    roles = ("score", "computing", "weight", "value", "output")
    recipe = PLAIN | {"formats": dict.fromkeys(roles, computing)}
    for name, value in changes.items():
        recipe[name] = recipe[name] | value if isinstance(value, dict) and isinstance(recipe[name], dict) else value
    return recipe


def written(keys: str) -> list[Input]:
    """Keys as score:value, followed by an m where they are masked, and by *n for n of them."""
    found = list[Input]()
    for text in keys.split():
        one, _, times = text.partition("*")
        score, value = one.removesuffix("m").split(":")
        found += [(Fraction(score), Fraction(value), one.endswith("m"))] * int(times or 1)
    return found


@dataclass(frozen=True)
class Example:
    """A recipe, and an input in the smallest ranges that have it, or in those given. ``seed`` is the adversary's."""

    recipe: dict[str, Any]
    keys: str
    seed: int = 0
    direction: int = 1
    masked: str = "none"
    scores: tuple[str, str] | None = None
    number: int | None = None
    drift: str = "0"

    @property
    def inputs(self) -> Inputs:
        keys = written(self.keys)
        scores = [key[0] for key in keys] if self.scores is None else [Fraction(end) for end in self.scores]
        values = [key[1] for key in keys]
        ends = (min(scores), max(scores)), (min(values), max(values))
        return Inputs(self.number or len(keys), *ends, self.masked, Fraction(self.drift))

    def bound(self) -> dict[str, Fraction]:
        return errors(read_recipe("recipe", self.recipe), self.inputs)

    def ways(self, number: int) -> Iterator[Example]:
        """To compute it."""
        return (replace(self, seed=seed) for seed in range(number))

    def error(self) -> Extended:
        return distance(self.recipe, written(self.keys), Random(self.seed), self.direction, Fraction(self.drift))
