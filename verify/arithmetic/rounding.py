"""How the operations of a model round intervals (certificates/ARITHMETIC.md, 1 and 5): ends go to ends, because
rounding is monotone.  All raise FormatOverflow if an end is rounded beyond the largest number."""

from __future__ import annotations

from fractions import Fraction

from exactformer.verify.arithmetic.formats import FloatFormat, Format, Rounding, power_of_two, round_to
from exactformer.verify.arithmetic.groups import ZERO, Interval
from exactformer.verify.arithmetic.models import ArithmeticModel, Fused, Rounded

WithSums = Rounded | Fused
"""Models that have an accumulator, except `Rounded` without one."""


class NotShown(ArithmeticError):
    """A condition of the rules is not met, so nothing is known about a result; ``sentence`` says which."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def accumulator_of(model: WithSums) -> Format:
    """ACC.  Raises ValueError for a model without one."""
    if model.accumulator is None:
        raise ValueError(f"{model.text} has no accumulator")
    return model.accumulator


def smallest_positive(number_format: Format) -> Fraction:
    """q."""
    return power_of_two(number_format.quantum_exponent)


def unit(number_format: Format, *, directed: bool = False) -> Fraction:
    """u: the largest relative error of a normal result; to nearest half an ulp, in a direction one ulp.

    0 for fixed point, whose error is a part of q instead.
    """
    if not isinstance(number_format, FloatFormat):
        return ZERO
    return power_of_two((1 if directed else 0) - number_format.precision)


def unit_of_sums(model: WithSums) -> Fraction:
    """u of the accumulator: the largest relative error of an addition, or of a normal product or quotient."""
    return unit(accumulator_of(model), directed=model.steps.faithful)


def nearest(number_format: Format, x: Interval) -> Interval:
    """rnd: each number is rounded to nearest."""
    low = round_to(number_format, x.low)
    return Interval(low, low if x.low == x.high else round_to(number_format, x.high))


def cut(model: ArithmeticModel, number_format: Format, x: Interval) -> Interval:
    """A number rounded to W or A: to nearest, or toward zero with ``+truncate``."""
    if not model.steps.truncate:
        return nearest(number_format, x)
    low = round_to(number_format, x.low, Rounding.TOWARD_ZERO)
    return Interval(low, low if x.low == x.high else round_to(number_format, x.high, Rounding.TOWARD_ZERO))


def operated(model: WithSums, x: Interval) -> Interval:
    """Results of one operation in the accumulator: to nearest, or with ``+faithful`` to either neighbour."""
    accumulator = accumulator_of(model)
    if not model.steps.faithful:
        return nearest(accumulator, x)
    below = Rounding.TOWARD_ZERO if x.low >= 0 else Rounding.AWAY_FROM_ZERO
    above = Rounding.AWAY_FROM_ZERO if x.high >= 0 else Rounding.TOWARD_ZERO
    return Interval(round_to(accumulator, x.low, below), round_to(accumulator, x.high, above))
