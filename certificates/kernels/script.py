"""A short PyTorch script that runs a stock operation on an input, if one computes the recipe.

Three operations do, on a CPU: scaled_dot_product_attention with the math backend in fp32, and with the flash backend in
bf16; and attention written out with softmax in fp32. Their exponentials are not rounded correctly, and their sums are
added in another order, so a last bit may differ; tests say how often.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Literal, TypeAlias

from exactformer.certificates.checker.formats import NAMED, Format
from exactformer.certificates.checker.kernels.execute import Key
from exactformer.certificates.checker.kernels.numbers import MINUS_INFINITY, Number
from exactformer.certificates.checker.kernels.recipe import Recipe

Stock: TypeAlias = Literal["math", "flash", "softmax"]
TYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
BACKENDS = {"math": "MATH", "flash": "FLASH_ATTENTION"}
FLASH_BLOCK = 512
"""How many keys a block of the flash backend has."""
SHORT = 8
"""The most numbers of a list that is written one by one."""


def stock_operation(recipe: Recipe) -> Stock | None:
    """The operation that computes a recipe."""
    own, fp32 = recipe.weight, NAMED["fp32"]
    alike = own == recipe.value == recipe.output and own.name in TYPES and recipe.computing == fp32
    exponentials = recipe.base == "e" and recipe.argument == "difference" and recipe.offset == 0
    maximum = recipe.start is MINUS_INFINITY and not recipe.threshold
    if not (alike and exponentials and maximum and recipe.sum == "before cast" and not recipe.split):
        return None
    safe = recipe.guard == "local" and recipe.empty == "zero"
    added = recipe.mask_how is None or (recipe.mask_how == "add" and recipe.mask_constant is MINUS_INFINITY)
    if recipe.quotient == "weights" and recipe.scale == 1:
        if safe and added and own == fp32:
            return "math"
        return "softmax" if recipe.guard is None and recipe.empty is None else None
    if recipe.quotient == "reciprocal" and safe and added and own == NAMED["bf16"] and recipe.block == FLASH_BLOCK:
        return "flash"
    return None


def script_of(recipe: Recipe, keys: Sequence[Key]) -> str | None:
    """The script; None if no stock operation computes the recipe, or can be given such scores."""
    stock = stock_operation(recipe)
    if stock is None or any(key.score % recipe.value.unit for key in keys):
        return None
    values, masks = literal(key.value for key in keys), literal(key.masked for key in keys)
    head = f"import torch\n\nvalues = torch.tensor({values}, dtype=torch.{TYPES[recipe.value.name]})\n"
    if any(key.masked for key in keys):
        head += f"masked = torch.tensor({masks})\n"
    return head + (written_out(recipe, keys) if stock == "softmax" else attention(recipe, keys, BACKENDS[stock]))


def written_out(recipe: Recipe, keys: Sequence[Key]) -> str:
    """softmax in fp32, its weights cast, and a matrix product."""
    lines = [f"scores = torch.tensor({literal(key.score for key in keys)})"]
    if recipe.mask_constant is not None and any(key.masked for key in keys):
        constant = written(recipe.mask_constant)
        filled = f"scores.masked_fill(masked, {constant})"
        lines.append(f"scores = {filled if recipe.mask_how == 'select' else f'scores + masked * {constant}'}")
        if recipe.mask_how == "add" and recipe.mask_constant is MINUS_INFINITY:  # 0 * inf is NaN
            lines[-1] = f"scores = {filled}"
    lines.append(f"weights = torch.softmax(scores, -1).to(torch.{TYPES[recipe.weight.name]})")
    return "\n".join([*lines, "print((weights @ values).item())", ""])


def attention(recipe: Recipe, keys: Sequence[Key], backend: str) -> str:
    """scaled_dot_product_attention, with a query of ones, and keys that add up to the scores."""
    form = recipe.value
    columns = parts([key.score for key in keys], form)
    mask = ", attn_mask=bias" if any(key.masked for key in keys) else ""
    bias = "bias = torch.zeros(1, 1, 1, len(values), dtype=values.dtype).masked_fill(masked, -torch.inf)\n"
    return (
        f"keys = torch.stack([torch.tensor(part, dtype=values.dtype) for part in ({', '.join(columns)},)], -1)\n"
        f"{bias if mask else ''}"
        "columns = torch.stack([values] * keys.shape[-1], -1)\n"
        "query = torch.ones_like(keys[None, None, :1])\n"
        f"with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.{backend}):\n"
        "    output = torch.nn.functional.scaled_dot_product_attention(\n"
        f"        query, keys[None, None], columns[None, None]{mask}, scale={written(recipe.scale)}\n"
        "    )\n"
        "print(output.flatten()[0].item())\n"
    )


def parts(scores: Sequence[Fraction], form: Format) -> list[str]:
    """Lists of numbers of a format that add up to the scores, whose sums are exact in fp32."""
    found, rest = list[str](), list(scores)
    while not found or any(rest):
        rounded = [form.of(score) for score in rest]
        found.append(literal(rounded))
        rest = [score - part for score, part in zip(rest, rounded, strict=True)]
    return found


def literal(numbers: Iterable[Fraction | bool]) -> str:
    """A list in Python; a long run is written as a product.

    >>> literal([Fraction(1, 2), Fraction(3)]), literal([True] * 64 + [False])
    ('[0.5, 3.0]', '[True] * 64 + [False]')
    """
    listed = [written(number) for number in numbers]
    if len(listed) <= SHORT:
        return f"[{', '.join(listed)}]"
    runs = [(text, len(list(run))) for text, run in groupby(listed)]
    return " + ".join(f"[{text}]" + (f" * {length}" if length > 1 else "") for text, length in runs)


def written(number: Number | bool) -> str:
    """In Python, exactly: numbers of these formats are floats."""
    if isinstance(number, bool):
        return str(number)
    return repr(float(number)) if isinstance(number, Fraction) else "-torch.inf"
