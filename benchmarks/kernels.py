"""How near the proved error of each recipe of an attention kernel is to the largest error that is found.

    python -m benchmarks.kernels [--inputs 100000]

Recipes that go wrong are left out.  For each of the others: the proved error, by cause, and the largest error found on
special inputs and random ones of up to 12 keys, executed exactly; none may be above the proved one.  Prints the table
and writes benchmarks/kernels.json and benchmarks/kernels.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from benchmarks.command import parser_of
from exactformer.certificates.checker.kernels.bound import CAUSES, Inputs, errors
from exactformer.certificates.kernels.files import load_recipe, names
from exactformer.certificates.kernels.search import worst_error

RESULTS = Path(__file__).with_name("kernels.json")
TABLE = RESULTS.with_suffix(".md")
KEYS = 12
RANGES = (((-64, 64), (-1, 1)), ((-8, 8), (0, 1)))
"""The ranges of scores, before they are scaled, and of values."""
HEAD = """# Errors of attention kernels: proved, and found

    python -m benchmarks.kernels

Inputs have at most 12 keys, none of them masked; the ranges are of scores before they are scaled. *Proved* is how far
an output is from exact softmax at most, for all inputs in the ranges and all orders of sums; the last column has its
largest parts by cause. *Found* is the largest error of {number:,} random inputs and of special ones, each executed
exactly, in the order of its keys.

| recipe | scores | values | proved | found | ratio | largest causes |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Result:
    """The result for a recipe and ranges."""

    recipe: str
    scores: tuple[int, int]
    values: tuple[int, int]
    proved: float
    found: float
    causes: dict[str, float]

    @property
    def row(self) -> str:
        largest = sorted(self.causes, key=lambda cause: -self.causes[cause])[:3]
        causes = ", ".join(f"{cause} {self.causes[cause]:.2g}" for cause in largest if self.causes[cause])
        ranges = (f"{low} to {high}" for low, high in (self.scores, self.values))
        numbers = f"{self.proved:.3g} | {self.found:.3g} | {self.proved / self.found:.2f}"
        return f"| `{self.recipe}` | {' | '.join(ranges)} | {numbers} | {causes} |\n"


def measured(name: str, scores: tuple[int, int], values: tuple[int, int], number: int) -> Result:
    """Raises RuntimeError if an error is found that is above the proved one: that would be a bug."""
    recipe = load_recipe(name).recipe
    ends = tuple((Fraction(low), Fraction(high)) for low, high in (scores, values))
    inputs = Inputs(KEYS, ends[0], ends[1], "none")
    proved, worst = errors(recipe, inputs), worst_error(recipe, inputs, number)
    if not isinstance(worst.error, Fraction) or worst.error > sum(proved.values()):
        raise RuntimeError(f"{name}: an error of {worst.error} is found, and less is proved: {worst.keys}")
    causes = {cause: float(proved[cause]) for cause in CAUSES}
    return Result(name, scores, values, float(sum(proved.values())), float(worst.error), causes)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = parser_of(__file__, __doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="random inputs for each row")
    number = parser.parse_args(arguments).inputs
    results = list[Result]()
    for name in names():
        if not load_recipe(name).name.startswith("buggy-"):
            for scores, values in RANGES:
                results.append(measured(name, scores, values, number))
                print(results[-1].row, end="", flush=True)
    RESULTS.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n", encoding="utf-8")
    TABLE.write_text(HEAD.format(number=number) + "".join(one.row for one in results), encoding="utf-8")


if __name__ == "__main__":
    main()
