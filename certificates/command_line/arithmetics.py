"""``exactformer arithmetics``: number formats, steps, and named kernels, as the sources list them."""

from __future__ import annotations

import json

import click

from verify.arithmetic.formats import NAMED_FORMATS
from verify.arithmetic.kernels import KERNELS
from verify.arithmetic.models import KERNEL
from verify.arithmetic.steps import CATALOGUE

MODELS = {
    "rounded:W/A": "softmax weights are rounded to W, the result to A; sums are exact",
    "rounded:W/ACC/A": "likewise, with exponentials, sums and quotients in ACC, sums in any order",
    "fused:W/ACC/A": "exponentials are rounded to W, summed in ACC in any order, and the quotient of the sums to A",
    "exact": "real softmax; nothing is certified, an error is bounded",
}
FORMATS = {"fixedF, fixedF.I": "F fractional bits, I = 8 others", "float(p,emin,emax)": "p significand bits"}


def execute(as_json: bool) -> None:
    """Print what ``--arithmetic`` takes."""
    click.echo(json.dumps(document(), indent=1) if as_json else "\n".join(lines()))


def document() -> dict[str, object]:
    """All of it, for ``--json``."""
    return {
        "models": MODELS,
        "formats": [*NAMED_FORMATS, *FORMATS],
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
    }


def lines() -> list[str]:
    """All of it, for people: one line for each step, some for each kernel."""
    return [
        "models (@S behind one is the format of scores, fp32 where it is not named; then steps, in the order below)",
        *_table(MODELS),
        "",
        "formats",
        f"  {' '.join(NAMED_FORMATS)}",
        *_table(FORMATS),
        "",
        "steps",
        *(f"  {kind.written}: {kind.computes}; {kind.kernels} (with {kind.bases.value})" for kind in CATALOGUE),
        "",
        "kernels: compositions with a name; that a library computes this is not claimed, what is believed is listed",
        *(line for kernel in KERNELS.values() for line in _kernel(kernel.name)),
    ]


def _table(rows: dict[str, str]) -> list[str]:
    width = max(map(len, rows))
    return [f"  {name:<{width}}  {what}" for name, what in rows.items()]


def _kernel(name: str) -> list[str]:
    kernel = KERNELS[name]
    return [
        f"  {KERNEL}{name} = {kernel.arithmetic}",
        f"      {kernel.describes}",
        *(f"      believed: {one}" for one in kernel.believed),
    ]
