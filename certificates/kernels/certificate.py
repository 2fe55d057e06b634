"""From what is proved and found about a recipe to the certificate (KERNELS 3)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from exactformer.certificates import names
from exactformer.certificates.bundle import Stated, provenance
from exactformer.certificates.checker.document import KERNEL as FORMAT
from exactformer.certificates.checker.kernels.bound import Inputs, Unshown, errors
from exactformer.certificates.checker.kernels.check import Statement
from exactformer.certificates.checker.kernels.execute import Key
from exactformer.certificates.checker.kernels.numbers import is_above
from exactformer.certificates.document import rational
from exactformer.certificates.files import Subject
from exactformer.certificates.kernels.files import KernelText, RecipeError
from exactformer.certificates.kernels.script import script_of
from exactformer.certificates.kernels.search import Found, Progress, differing_input, failing_input, worst_error
from exactformer.verify.verdict import Verdict

VERSION = 2
RANDOM_INPUTS = 300
"""How many random inputs are tried for the largest error, besides special ones; and for a difference of recipes."""
BITS = 24
"""Bits of errors as they are written, rounded up."""


@dataclass(frozen=True)
class KernelAsked:
    """A certificate about a recipe and these inputs. ``tolerance``: the largest error allowed; None for the bound that
    is proved, to three digits, or, if none is, an eighth of the largest value."""

    text: KernelText
    inputs: Inputs
    tolerance: Fraction | None = None


@dataclass(frozen=True)
class KernelFound:
    """Errors by cause, rounded up, or why nothing is proved; a failing input; the largest error that was found."""

    asked: KernelAsked
    tolerance: Fraction
    errors: Mapping[str, Fraction] | None
    reason: str | None
    failing: Found | None
    worst: Found | None

    @property
    def total(self) -> Fraction | None:
        """The bound on the error."""
        return None if self.errors is None else sum(self.errors.values(), Fraction(0))

    @property
    def verdict(self) -> Verdict:
        shown = self.total is not None and self.total <= self.tolerance
        return Verdict.of(True if shown else False if self.failing is not None else None)


def judge(asked: KernelAsked, progress: Progress) -> KernelFound:
    """Decide whether the error is within the tolerance; if that is not proved, look for an input on which it is not.

    Raises RecipeError if ranges and recipe do not fit.
    """
    shown = measure(asked, 0, progress)
    if shown.verdict is Verdict.PROVED:
        return measure(asked, RANDOM_INPUTS, progress)
    failing = failing_input(asked.text.recipe, asked.inputs, shown.tolerance, progress)
    if failing is not None:
        return replace(shown, failing=failing)
    found = measure(asked, RANDOM_INPUTS, progress)
    fails = found.worst is not None and is_above(found.worst.error, found.tolerance)
    return replace(found, failing=found.worst, worst=None) if fails else found


def measure(asked: KernelAsked, random_inputs: int, progress: Progress) -> KernelFound:
    """What is proved, and the largest error that is found on special and on random inputs.

    Raises RecipeError if ranges and recipe do not fit.
    """
    require_fitting(asked)
    recipe, inputs = asked.text.recipe, asked.inputs
    reason, found, total = None, None, None
    try:
        found = {cause: rounded_up(one) for cause, one in errors(recipe, inputs).items()}
        total = sum(found.values(), Fraction(0))
    except Unshown as error:
        reason = str(error)
    largest = max(map(abs, inputs.values)) or Fraction(1)
    tolerance = asked.tolerance or (largest / 8 if total is None else in_decimals(total))
    worst = worst_error(recipe, inputs, random_inputs, progress=progress) if random_inputs else None
    return KernelFound(asked, tolerance, found, reason, None, worst)


def require_fitting(asked: KernelAsked) -> None:
    """Make sure that the recipe's formats have the ends of ranges, and that it says how keys are masked.

    Raises RecipeError.
    """
    recipe, inputs, name = asked.text.recipe, asked.inputs, asked.text.name
    for what, form, ends in (("scores", recipe.score, inputs.scores), ("values", recipe.value, inputs.values)):
        for end in ends:
            if not form.has(end):
                raise RecipeError(
                    f"{what} of the recipe {name} are in {form.name}, which does not have the number {end}"
                )
    if inputs.masked != "none" and recipe.mask_how is None:
        raise RecipeError(f"the recipe {name} has no mask, so no key can be masked")


def rounded_up(error: Fraction) -> Fraction:
    """A dyadic number of few bits that is at least as large."""
    if not error:
        return error
    unit = Fraction(2) ** (error.numerator.bit_length() - error.denominator.bit_length() - BITS)
    return -(-error // unit) * unit


def in_decimals(error: Fraction) -> Fraction:
    """A decimal number of about three digits that is at least as large.

    >>> in_decimals(Fraction(2, 3)), in_decimals(Fraction(2, 3000))
    (Fraction(667, 1000), Fraction(667, 1000000))
    """
    unit = Fraction(1, 1000)
    while error < 100 * unit:
        unit /= 10
    return -(-error // unit) * unit


@dataclass(frozen=True)
class Swept:
    """What is proved and found with one value of the swept field; and, if one was found, an input for which the output
    differs from that with the first value."""

    value: str
    found: KernelFound
    differing: Sequence[Key] | None


def sweep(each: Sequence[tuple[str, KernelAsked]], progress: Progress) -> list[Swept]:
    """What is proved and found with each value.  Raises RecipeError if ranges and recipe do not fit."""
    rows = list[Swept]()
    for value, asked in each:
        found = measure(asked, RANDOM_INPUTS, progress)
        first = each[0][1]
        differing = differing_input(first.text.recipe, asked.text.recipe, asked.inputs, RANDOM_INPUTS)
        rows.append(Swept(value, found, differing))
    return rows


@dataclass(frozen=True)
class KernelBundle(Stated[KernelFound]):
    """About an attention kernel."""

    @property
    def script(self) -> str | None:
        """A PyTorch script with the failing input, if a stock operation computes the recipe."""
        failing = self.found.failing
        return None if failing is None else script_of(self.found.asked.text.recipe, failing.keys)


def certify_kernel(asked: KernelAsked, progress: Progress) -> KernelBundle:
    """Search, and make the certificate.  Raises RecipeError if ranges and recipe do not fit."""
    started = time.perf_counter()
    found = judge(asked, progress)
    return bundle_of(found, time.perf_counter() - started)


def input_of(keys: Sequence[Key]) -> list[list[Any]]:
    """The claim, as KERNELS 4 states it."""
    return [[rational(key.score), rational(key.value), key.masked] for key in keys]


def bundle_of(found: KernelFound, seconds: float) -> KernelBundle:
    """The document that is written."""
    asked, verdict = found.asked, found.verdict
    inputs, errors, failing = asked.inputs, found.errors, found.failing
    statement = Statement(None, asked.text.recipe, inputs, found.tolerance)
    about = {
        "recipe": asked.text.canonical,
        "keys": inputs.keys,
        "scores": [rational(end) for end in inputs.scores],
        "values": [rational(end) for end in inputs.values],
        "masked": inputs.masked,
        "tolerance": rational(found.tolerance),
        **({"drift": rational(inputs.drift)} if inputs.drift else {}),
    }
    document = {
        "format": FORMAT,
        "version": VERSION,
        "statement": {**about, "claim": statement.sentence(verdict.value)},
        "errors": {cause: rational(one) for cause, one in errors.items()}
        if errors is not None and verdict is Verdict.PROVED
        else None,
        "input": None if failing is None else input_of(failing.keys),
        "verdict": verdict.value,
        "provenance": provenance(seconds),
    }
    name = names.of_kernel(asked.text.name, inputs.keys, json.dumps(about, sort_keys=True))
    return KernelBundle(document, Subject(name, {"statement": about}), found)
