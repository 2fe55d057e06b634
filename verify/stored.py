"""Weights of a transformer in a number format: whether it holds them, and a transformer that is cast to it."""

from __future__ import annotations

from fractions import Fraction

from exactformer.constructions.transformer.exact import Transformer
from exactformer.verify.arithmetic.formats import Format, FormatOverflow, round_to, round_to_multiple
from exactformer.verify.arithmetic.models import ArithmeticModel, ModelError


class Unsupported(ModelError):
    """An arithmetic that does not hold the numbers of a network, or numbers that are too long: which, and why."""


def require_held(net: Transformer, model: ArithmeticModel) -> None:
    """Weights, biases, embeddings and positions are numbers of L.  Raises Unsupported with the first that is none."""
    if model.linear is None:
        return
    for where, number in net.numbers():
        if not _holds(model.linear, number):
            raise Unsupported(
                f"{where} is {number}, which is no number of {model.linear.name}; {model.text} holds weights in it: "
                "round the weights first, or name a wider format with +linearL behind the arithmetic"
            )


def stored_in(net: Transformer, number_format: Format) -> tuple[Transformer, int]:
    """The transformer with all weights rounded to a format, to nearest, as when a model is cast; and how many weights
    change.  Raises Unsupported where one overflows.
    """
    number_changed = 0

    def rounded(number: Fraction) -> Fraction:
        nonlocal number_changed
        try:
            found = round_to(number_format, number)
        except FormatOverflow as error:
            raise Unsupported(f"a weight is {number}, which overflows {number_format.name}") from error
        number_changed += found != number
        return found

    return net.changed(rounded), number_changed


def _holds(number_format: Format, number: Fraction) -> bool:
    """Whether rounding keeps a number; without building another, as there are many."""
    try:
        multiple, exponent = round_to_multiple(number_format, number.numerator, number.denominator)
    except FormatOverflow:
        return False
    return multiple * number.denominator << max(0, exponent) == number.numerator << max(0, -exponent)
