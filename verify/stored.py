"""Weights of a transformer in a number format: whether it holds them, and the transformer that is cast to it."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

from exactformer.constructions.transformer.exact import Transformer
from exactformer.verify.arithmetic.formats import FP32, Format, FormatOverflow, round_to, round_to_multiple
from exactformer.verify.arithmetic.models import ArithmeticModel, ModelError


class Unsupported(ModelError):
    """An arithmetic does not hold the numbers of a network, or numbers are too long: which, and why."""


def require_held(net: Transformer, model: ArithmeticModel) -> None:
    """Make sure that L holds all numbers of the transformer, except scales of scores.  Raises Unsupported, naming
    one."""
    if model.linear is None:
        return
    for where, number in net.numbers():
        if not _holds(model.linear, number):
            raise Unsupported(
                f"{where} is {number}, which is not a number of {model.linear.name}; {model.text} holds weights in it: "
                "round the weights first, or name a wider format with +linearL after the arithmetic"
            )


def stored_in(net: Transformer, number_format: Format) -> tuple[Transformer, int]:
    """The transformer with all weights rounded to a format, to nearest, as when a model is cast; and how many numbers
    change.  Raises Unsupported if one overflows.

    Weights of norms, and rotary cosines and sines, are rounded as well: casts reach all tensors, and models cast their
    tables to what queries are in.  An epsilon is not a tensor: it is rounded to fp32, in which kernels add it, also
    where weights have a shorter format, in which 1e-8 may be 0."""
    number_changed = 0

    def rounded(to: Format, number: Fraction) -> Fraction:
        nonlocal number_changed
        try:
            found = round_to(to, number)
        except FormatOverflow as error:
            raise Unsupported(f"a weight is {number}, which overflows {to.name}") from error
        number_changed += found != number
        return found

    return net.changed(partial(rounded, number_format), change_epsilon=partial(rounded, FP32)), number_changed


def _holds(number_format: Format, number: Fraction) -> bool:
    """Whether rounding keeps a number; it builds no other number, because there are many."""
    try:
        multiple, exponent = round_to_multiple(number_format, number.numerator, number.denominator)
    except FormatOverflow:
        return False
    return multiple * number.denominator << max(0, exponent) == number.numerator << max(0, -exponent)
