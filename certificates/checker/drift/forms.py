"""What coordinates can be in the hardmax transformer (DRIFT 1), and how rounding changes a drift (DRIFT 2).

Words:
    form    of a register: for each coordinate, which of -1, 0 and 1 it can be
    held    for every register the forms that it has at tokens of a class; each of its possible vectors has one of them
    values  the magnitudes, among 0 and 1, that a coordinate has in all forms
    drift   how far a coordinate may be from its hardmax value, at every token of a class
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.formats import Format, Overflow

Form: TypeAlias = bytes
"""For every coordinate a place in `VALUES`."""
VALUES = ((0,), (1,), (-1, 1), (-1,), (0, 1), (-1, 0), (-1, 0, 1))
IS_0, IS_1, IS_SIGN = range(3)
LARGEST = tuple(max(values) for values in VALUES)
SMALLEST = tuple(min(values) for values in VALUES)

Forms: TypeAlias = tuple[Form, ...]
Held: TypeAlias = Mapping[str, Forms]
Values: TypeAlias = frozenset[int]
Drifts: TypeAlias = list[Fraction]
"""For every coordinate of the network."""


class NotShown(Rejected):
    """The method of DRIFT does not show the claim; ``layer``: the layer, from 1, in which this was found."""

    def __init__(self, reason: str, layer: int = 0) -> None:
        super().__init__("drift", f"the claim is not shown: {reason}")
        self.layer = layer


@lru_cache(maxsize=2**14)
def values_of(forms: Forms) -> tuple[Values, ...]:
    """For every coordinate its values in these forms.

    >>> values_of((bytes([0, 1, 2]), bytes([0, 0, 2])))
    (frozenset({0}), frozenset({0, 1}), frozenset({1}))
    """
    columns = zip(*forms, strict=True)
    return tuple(frozenset(abs(value) for code in codes for value in VALUES[code]) for codes in columns)


def rounded_drift(form: Format, values: Iterable[int], drift: Fraction) -> Fraction:
    """How far rnd(x') is from x at most, for a value |x| of these and |x' - x| <= drift (DRIFT 2).

    Rounding is monotone and odd: rnd(x') lies between rnd(x - drift) and rnd(x + drift), and -x behaves as x does.
    0 and 1 are values of every format.
    """
    if drift == 0:
        return drift
    try:
        return max(abs(form.of(value + way) - value) for value in values for way in (drift, -drift))
    except Overflow as error:
        raise NotShown(f"a drift of {short(drift)} overflows {form.name}") from error


def largest_of(drifts: Iterable[Sequence[Fraction]]) -> Drifts:
    """For every coordinate the largest of its drifts, one for every class."""
    return [max(column) for column in zip(*drifts, strict=True)]


def short(value: Fraction) -> str:
    """A rational for an error message."""
    text = str(value)
    return text if len(text) <= 40 else f"a rational of {value.denominator.bit_length()} bits"
