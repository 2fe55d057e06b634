"""The smallest named format in which the ids of a grid stay distinct, with or without positional encoding.

First come the arguments that decide all ids at once (they are values of the format; or *range*, *gap* or *count* of
`verify.contextual.formats`), then rounding them one by one, if they are few.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from exactformer.constructions.contextual.positional import encoded_sequences
from exactformer.verify.arithmetic.formats import BF16, E4M3FN, E5M2, FP16, FP32, FloatFormat, ieee_format
from exactformer.verify.contextual.audit import Cost
from exactformer.verify.contextual.formats import (
    MOST_IDS,
    CannotHold,
    Holds,
    can_hold,
    holds_all,
    ids_of,
    reason_against,
)
from exactformer.verify.contextual.lemma6 import GridTooLarge

FP64 = ieee_format(53, -1022, 1023)
FORMATS = {"e5m2": E5M2, "e4m3fn": E4M3FN, "bf16": BF16, "fp16": FP16, "fp32": FP32, "fp64": FP64}
"""In ascending order of the bits of their significands."""


def holding(cost: Cost, number_format: FloatFormat) -> Holds | CannotHold | None:
    """Whether every id rounds to a value of its own; None if that is not decided, because there are too many ids."""
    grid, bumps = cost.grid, cost.counts.bumps
    if cost.id_bits.most <= number_format.precision and cost.largest_id <= number_format.max_finite:
        return Holds(exact=True)
    reason = reason_against(grid, number_format, bumps)
    if reason is not None:
        return CannotHold(reason)
    if cost.positional:
        return holds_all(number_format, ids_of(grid, encoded_sequences(grid))) if bumps <= MOST_IDS else None
    try:
        return can_hold(grid, number_format)
    except GridTooLarge:
        return None


@dataclass(frozen=True)
class Smallest:
    """The first of some formats in which ids stay distinct, or None; `undecided`: earlier formats for which this is not
    known."""

    name: str | None
    exact: bool = False
    undecided: tuple[str, ...] = ()


def smallest_format(cost: Cost, names: Iterable[str] = tuple(FORMATS)) -> Smallest:
    """The first that holds the ids."""
    found = Smallest(None)
    for name in names:
        verdict = holding(cost, FORMATS[name])
        if isinstance(verdict, Holds):
            return replace(found, name=name, exact=verdict.exact)
        if verdict is None:
            found = replace(found, undecided=(*found.undecided, name))
    return found
