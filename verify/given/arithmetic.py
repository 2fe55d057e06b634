"""In which arithmetics networks of any exact weights are judged, and what has to be a number of what (NETWORKS 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from exactformer.constructions.transformer.exact import Transformer
from exactformer.verify.arithmetic.formats import (
    FP32,
    FixedFormat,
    FloatFormat,
    Format,
    FormatOverflow,
    round_to,
    round_to_multiple,
)
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact, Fused, ModelError, Rounded
from exactformer.verify.arithmetic.steps import NO_STEPS


class Unsupported(ModelError):
    """An arithmetic that is not judged here, or that does not hold the numbers of a network: which, and why."""


@dataclass(frozen=True)
class Formats:
    """Where numbers are rounded: activations A, sums outside attention L, scores S."""

    activations: Format
    linear: Format
    scores: Format


def formats_of(model: ArithmeticModel) -> Formats | None:
    """None for `exact`, which rounds nothing.  Raises Unsupported, with what is not judged."""
    if isinstance(model, Exact):
        if model.scores != FP32:
            raise Unsupported(f"arithmetic {model.text!r}: about given sequences, exact rounds nothing; leave @ out")
        return None
    steps = replace(model.steps, linear=FP32)
    if steps != NO_STEPS:
        raise Unsupported(
            f"arithmetic {model.text!r}: about given sequences, of all steps only +linearL is judged, not "
            f"{steps.text!r}; leave it out"
        )
    if isinstance(model, Rounded) and model.accumulator is not None:
        raise Unsupported(
            f"arithmetic {model.text!r}: about given sequences, rounded:W/ACC/A is not judged; give rounded:W/A or "
            "fused:W/ACC/A"
        )
    held = [("sums outside attention", model.linear), ("scores", model.scores)]
    if isinstance(model, Fused):
        held.append(("the accumulator", model.accumulator))
    for what, outer in held:
        if not contains(outer, model.activations):
            raise Unsupported(
                f"arithmetic {model.text!r}: not every activation, in {model.activations.name}, is a number of "
                f"{outer.name}, the format of {what}; name a wider one"
            )
    return Formats(model.activations, model.linear, model.scores)


def require_plain(net: Transformer) -> None:
    """No scale, no unseen tokens, the vocabulary's own logits.  Raises Unsupported with the first that is otherwise."""
    scaled = (
        f"layer {number}, head {place} has the scale {head.scale}"
        for number, layer in enumerate(net.layers, start=1)
        for place, head in enumerate(layer.heads)
        if head.scale != 1
    )
    found = next(scaled, None)
    if net.unseen:
        found = f"no head sees the token {net.unseen[0]!r}"
    if net.outputs is not None:
        found = "the network has outputs of its own"
    if found is not None:
        raise Unsupported(
            f"{found}, which is not judged on given sequences; ask for the scope words, where a language may be one "
            "word"
        )


def contains(outer: Format, inner: Format) -> bool:
    """Whether every number of a format is one of another.

    >>> from exactformer.verify.arithmetic.formats import BF16, FP16
    >>> contains(FP32, BF16), contains(FP16, BF16), contains(FP32, FixedFormat(12))
    (True, False, True)
    """
    significant = inner.precision if isinstance(inner, FloatFormat) else inner.fractional_bits + inner.integer_bits
    precise = isinstance(outer, FixedFormat) or outer.precision >= significant
    return precise and outer.quantum_exponent <= inner.quantum_exponent and outer.max_finite >= inner.max_finite


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
