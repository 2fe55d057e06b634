"""``exactformer arithmetics``: lists number formats, steps of kernels, named kernels, and recipes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

from exactformer.certificates.command_line.console import show
from exactformer.certificates.kernels.files import KernelText, load_recipe, names
from exactformer.certificates.reports.layout import Facts, Part, heading
from exactformer.verify.arithmetic.formats import LARGEST_EXPONENT, LARGEST_PRECISION, NAMED_FORMATS
from exactformer.verify.arithmetic.kernels import KERNELS, WHOLE
from exactformer.verify.arithmetic.models import KERNEL
from exactformer.verify.arithmetic.steps import CATALOGUE

MODELS = {
    "rounded:W/A": "softmax weights are rounded to W, the result to A; sums are exact",
    "rounded:W/ACC/A": "likewise, but exponentials, sums and quotients are in ACC; sums are added in any order",
    "fused:W/ACC/A": "exponentials are rounded to W, summed in ACC in any order, and the quotient of the sums to A",
    "exact": "real softmax without rounding; nothing is certified, only an error is bounded",
}
LINEAR = (
    "Weights, MLP sums, residual sums and logits are in fp32, or in the format of +linearL. A certificate shows that "
    "nothing is rounded there on ternary activations; that a kernel uses this format is believed."
)
FORMATS = {
    "fixedF, fixedF.I": f"F fractional bits, I = 8 others, each from 1 to {LARGEST_EXPONENT}",
    "float(p,emin,emax)": f"p significand bits, from 2 to {LARGEST_PRECISION}; exponents up to {LARGEST_EXPONENT}",
}
FIELDS_OF_RECIPES = {
    "formats": "formats of scores, of all that is computed, of weights, of values, of the output",
    "scale": "the factor of scores; where the exponent is fused, the factor is part of it",
    "mask": "a constant that is added to masked scores, or replaces them: -inf, lowest, or any number",
    "block": "keys come in blocks; a running maximum is kept over the blocks",
    "splits": "keys are split into parts that are computed separately: a number of parts, or a fixed length",
    "maximum": "start: -inf or a number; threshold: how far scores may rise above it before sums are rescaled; guard: "
    "0 instead of -inf, in exponentials only or stored as the maximum",
    "exponential": "base e or 2; argument: a difference, or fused with the product of the rounded maximum; error in "
    "ulp; whether it is 1 at 0; offset: weights times a power of two",
    "overflow": "what weights beyond the range of their format become: inf, nan, or saturate",
    "sum": "whether the sum is of weights as they are cast, or before",
    "quotient": "divide, multiply with the reciprocal, or divide the weights before they are cast",
    "empty": "zero: the output if weights add up to 0",
    "merge": "how parts are combined: by sums, or by means",
}
"""What each operation of a recipe is (KERNELS 1)."""


def execute(as_json: bool) -> None:
    """Print what ``--arithmetic`` takes."""
    if as_json:
        click.echo(json.dumps(document(), indent=1))
    else:
        show(report())


def document() -> dict[str, object]:
    """All of it, for ``--json``."""
    return {
        "models": MODELS,
        "linear": LINEAR,
        "formats": [*NAMED_FORMATS, *FORMATS],
        "in_the_place_of_an_arithmetic": WHOLE,
        "steps": [
            {"step": kind.written, "with": kind.bases.value, "computes": kind.computes, "kernels": kind.kernels}
            for kind in CATALOGUE
        ],
        "kernels": [
            {
                "name": KERNEL + kernel.name,
                "arithmetic": kernel.arithmetic,
                "describes": kernel.describes,
                "believed": list(kernel.believed),
            }
            for kernel in KERNELS.values()
        ],
        "fields_of_recipes": FIELDS_OF_RECIPES,
        "recipes": [
            {"name": text.name, "describes": text.describes, "believed": list(text.believed)} for text in recipes()
        ],
    }


def recipes() -> list[KernelText]:
    """That ``kernel`` takes by name."""
    return [load_recipe(name) for name in names()]


def report() -> Iterator[Part]:
    """All of it, for people."""
    yield heading("models")
    yield "W, ACC and A are formats. @S after them is the format of scores (without it: fp32); steps come last."
    yield Facts(tuple(MODELS.items()), "  ")
    yield LINEAR
    yield ""
    yield heading("formats")
    yield f"  {' '.join(NAMED_FORMATS)}"
    yield Facts(tuple(FORMATS.items()), "  ")
    yield ""
    yield heading("a format instead of an arithmetic")
    yield (
        "The command verify takes a format: attention is written out, every result is stored in the format, sums are "
        "in fp32, and weights are rounded to the format. Assumed: exp is within 2 ulp in fp32, and 1 at 0."
    )
    yield Facts(tuple(WHOLE.items()), "  ")
    yield ""
    yield heading("steps, in the order in which they are written")
    rows = []
    for kind in CATALOGUE:
        rows += [(kind.written, kind.computes), ("", f"(taken by {kind.bases.value}; found in {kind.kernels})")]
    yield Facts(tuple(rows), "  ")
    yield ""
    yield heading("kernels")
    yield (
        "Names for compositions. We do not claim that a library computes one; what is believed of the library is "
        "listed."
    )
    for kernel in KERNELS.values():
        yield f"  {KERNEL}{kernel.name} = {kernel.arithmetic}"
        yield f"      {kernel.describes}"
        yield from (f"      - believed: {one}" for one in kernel.believed)
    yield ""
    yield heading("what recipes of attention kernels say")
    yield Facts(tuple(FIELDS_OF_RECIPES.items()), "  ")
    yield ""
    yield heading("recipes of attention kernels")
    yield "For the command kernel: RECIPE is one of these names, or a file like theirs (certificates/KERNELS.md)."
    yield Facts(tuple((text.name, text.describes) for text in recipes()), "  ")
