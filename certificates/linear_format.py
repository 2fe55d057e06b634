"""Whether a number format holds a network outside attention, so that nothing is rounded there (ARITHMETIC 8).

Bounds are integers and hold for every ternary input.  Let C be the largest number up to which the format holds all
integers.  A sum is exact, in any order of addition and with any rounding, if the magnitudes of its terms sum to at most
C.  `certify` requires this of the arithmetic's linear format, `export` of the format that a decoder is written in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.weights import Parameters
from exactformer.verify.arithmetic.formats import NAMED_FORMATS, Format, counted, is_representable
from exactformer.verify.arithmetic.models import ArithmeticModel, ModelError


class Sum(Enum):
    """Kinds of sums, as messages name them."""

    EMBEDDING = "an embedding"
    NEURON = "a neuron's sum"
    RESIDUAL = "a residual sum"
    LOGIT = "a logit"


@dataclass(frozen=True)
class Bound:
    """The largest sum of magnitudes of one kind; where: the layer or family that has it."""

    kind: Sum
    where: str
    largest: int


class DoesNotFit(ModelError):
    """A network that the linear format of an arithmetic does not hold exactly."""


def require_fit(model: ArithmeticModel, sums: Sequence[Bound], parameters: Iterable[Parameters]) -> None:
    """Raises DoesNotFit, naming the number, if the linear format does not hold one.

    `parameters`: scaled by beta; if there is no beta, as far as they are known.
    """
    linear = model.linear
    if linear is None:
        return
    listed = list(parameters)
    wrong = not_a_value(linear, listed) or too_large(linear, sums)
    if wrong is None:
        return
    fitting = smallest_fitting(sums, listed)
    if fitting is None:
        what_to_do = "name a wider format, with +linearL after the arithmetic"
    elif fitting == "fp32":
        what_to_do = f"leave out +linear{linear.name}: fp32 holds all of it"
    else:
        what_to_do = f"give +linear{fitting}, the shortest named format that holds all of it"
    raise DoesNotFit(f"{wrong}; {model.text} holds weights, MLP sums, residual sums and logits in it: {what_to_do}")


def not_a_value(number_format: Format, parameters: Iterable[Parameters]) -> str | None:
    """A weight that the format does not hold, if there is one."""
    for one in parameters:
        for value in one.values:
            if not is_representable(number_format, Fraction(value * one.scale)):
                return f"the parameter {value * one.scale} ({one.matrix}) is not a value of {number_format.name}"
    return None


def too_large(number_format: Format, sums: Iterable[Bound]) -> str | None:
    """A sum that the format may round, if there is one."""
    exact = counted(number_format)
    for bound in sums:
        if bound.largest > exact:
            return (
                f"{bound.kind.value} ({bound.where}) may reach {bound.largest}, and {number_format.name} holds all "
                f"integers only up to {exact}"
            )
    return None


def smallest_fitting(sums: Sequence[Bound], parameters: Sequence[Parameters]) -> str | None:
    """The shortest named format that holds a network; None if no format does."""
    by_length = sorted(NAMED_FORMATS.items(), key=lambda item: (item[1].precision, item[1].emax))
    fits = (name for name, one in by_length if not (not_a_value(one, parameters) or too_large(one, sums)))
    return next(fits, None)


def sums_of(weights: dict[str, Any]) -> tuple[Bound, ...]:
    """The bounds of a weights document, the largest of each kind."""
    found: dict[Sum, Bound] = {}
    for bound in chain(_embeddings(weights), _layers(weights), _logits(weights)):
        if bound.kind not in found or bound.largest > found[bound.kind].largest:
            found[bound.kind] = bound
    return tuple(found.values())


Vector = Sequence[tuple[int, int]]


def _embeddings(weights: dict[str, Any]) -> Iterator[Bound]:
    """The sum for each family and coordinate: its own entry, the largest of each field, and the position's bit."""
    bits = weights["position_bits"]
    for family in weights["vocabulary"]:
        reached: dict[int, int] = {c: abs(value) for c, value in family["embedding"]}
        for field in family["fields"]:
            largest: dict[int, int] = {}
            for c, value in chain.from_iterable(field["embedding"]):
                largest[c] = max(largest.get(c, 0), abs(value))
            for c, value in largest.items():
                reached[c] = reached.get(c, 0) + value
        yield Bound(Sum.EMBEDDING, family["name"], max((n + (c < bits) for c, n in reached.items()), default=1))


def _logits(weights: dict[str, Any]) -> Iterator[Bound]:
    for family in weights["vocabulary"]:
        fields = (max(map(_magnitude, field["unembedding"]), default=0) for field in family["fields"])
        yield Bound(Sum.LOGIT, family["name"], _magnitude(family["unembedding"]) + sum(fields))


def _magnitude(vector: Vector) -> int:
    return sum(abs(value) for _, value in vector)


def _layers(weights: dict[str, Any]) -> Iterator[Bound]:
    width = sum(size for _, size in weights["registers"])
    for number, layer in enumerate(weights["layers"], start=1):
        where, mlp = f"layer {number}", layer["mlp"]
        bias, written = _integers(mlp["bias"]), _integers(mlp["out_coordinate"])
        read = _row_sums(mlp["in_start"], np.abs(_integers(mlp["in_weight"])))
        yield Bound(Sum.NEURON, where, int((np.abs(bias) + read).max(initial=0)))
        reach = np.maximum(bias + read, 0)
        per_output = np.repeat(reach, np.diff(_integers(mlp["out_start"])))
        factor = np.abs(_integers(mlp["out_weight"]))
        # Products may be too long for 64 bits if the weights are larger than those of any construction here.
        short = int(per_output.max(initial=0)) * int(factor.sum()) < 1 << 63
        added = np.zeros(width, np.int64 if short else object)
        np.add.at(added, written, per_output.astype(added.dtype) * factor)
        heads = np.bincount(_integers([c for head in layer["heads"] for c in head["out"]]), minlength=width)
        yield Bound(Sum.RESIDUAL, where, 1 + max(int(heads.max(initial=0)), int(added.max(initial=0))))


def _integers(numbers: Sequence[int]) -> NDArray[np.int64]:
    return np.array(numbers, dtype=np.int64)


def _row_sums(start: Sequence[int], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum of each row of a matrix in compressed rows."""
    return np.diff(np.concatenate([[0], np.cumsum(values)])[_integers(start)])
