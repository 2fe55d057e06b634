"""What is rounded to 1 and to 0 in a model's activation format: what bounds on a head's result are held against."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.formats import FixedFormat, RoundingCell, power_of_two, rounding_cell
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact


@dataclass(frozen=True)
class Cells:
    """The rationals that become 1, and those that become 0."""

    one: RoundingCell
    zero: RoundingCell


def activation_cells(model: ArithmeticModel) -> Cells:
    """The cells of 1 and 0; {1} and {0} for `Exact`, which rounds nothing.

    Toward zero, 1 is what lies from 1 to below the next value, and 0 what lies between the values next to it.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> activation_cells(parse_arithmetic("fused:bf16+truncate")).one
    RoundingCell(low=Fraction(1, 1), high=Fraction(129, 128), low_included=True, high_included=False)
    """
    zero, one = Fraction(0), Fraction(1)
    if isinstance(model, Exact):
        return Cells(RoundingCell(one, one, True, True), RoundingCell(zero, zero, True, True))
    activations = model.activations
    if not model.steps.truncate:
        return Cells(rounding_cell(activations, one), rounding_cell(activations, zero))
    smallest = power_of_two(activations.quantum_exponent)
    above_one = smallest if isinstance(activations, FixedFormat) else power_of_two(1 - activations.precision)
    return Cells(
        RoundingCell(one, 1 + above_one, True, False),
        RoundingCell(-smallest, smallest, False, False),
    )
