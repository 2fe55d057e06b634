"""What coordinates can be in the hardmax transformer, by the form of contents alone (SPEC 20.1); rounding (20.2).

Words:
    form    of a register: for each coordinate, that it is 0, that it is 1, or that it is a sign (-1 or +1)
    values  the magnitudes, among 0 and 1, that a coordinate has in the forms of a content
    drift   how far a coordinate may be from its hardmax value, at every token of a class
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TypeAlias

from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.formats import Format, Overflow
from exactformer.certificates.checker.universal.annotation import Annotation
from exactformer.certificates.checker.universal.contents import Bit, BitOfBlock, Choice, Code, Constant, Content

Form: TypeAlias = bytes
"""One of these three for every coordinate."""
IS_0, IS_1, IS_SIGN = range(3)

Values: TypeAlias = frozenset[int]
Drifts: TypeAlias = list[Fraction]
"""For every coordinate of the network."""


class NotShown(Rejected):
    """The recipe of SPEC section 20 does not show the claim."""

    def __init__(self, reason: str) -> None:
        super().__init__("drift", f"the claim is not shown: {reason}")


class Forms:
    """The forms of contents, found once each.

    A content is an expression of which the truth of conditions, and the numbers, are forgotten: so what a register
    holds at a token always has one of its forms. What is fetched is what some token held before an earlier sublayer,
    so that the recursion ends at the embedding, where nothing is fetched.
    """

    def __init__(self, annotation: Annotation) -> None:
        self.annotation = annotation
        self.known: dict[tuple[Content, int], tuple[Form, ...]] = {}
        self.values_known: dict[tuple[Content, int], list[Values]] = {}

    def of(self, content: Content, width: int) -> tuple[Form, ...]:
        """The different forms of a content in a register of this width."""
        if (content, width) not in self.known:
            self.known[content, width] = tuple(sorted(self._find(content, width)))
        return self.known[content, width]

    def _find(self, content: Content, width: int) -> set[Form]:
        match content:
            case Constant(value):
                return {bytes([IS_1 if value else IS_0] * width)}
            case Code(_, low):
                return {bytes(IS_0 if place < low else IS_SIGN for place in range(width))}
            case Bit() | BitOfBlock():
                return {bytes([IS_SIGN] * width)}
            case Choice(_, then, other):
                return {*self.of(then, width), *self.of(other, width)}
            case _:
                held = (self.annotation.held(cls, content.layer, "before") for cls in self.annotation.stages)
                return {form for registers in held for form in self.of(registers[content.register], width)}

    def values(self, content: Content, width: int) -> list[Values]:
        """For every coordinate its values in all forms."""
        if (content, width) not in self.values_known:
            self.values_known[content, width] = values_of(self.of(content, width))
        return self.values_known[content, width]


def values_of(forms: Iterable[Form]) -> list[Values]:
    """For every coordinate its values in these forms.

    >>> values_of([bytes([0, 1, 2]), bytes([0, 0, 2])])
    [frozenset({0}), frozenset({0, 1}), frozenset({1})]
    """
    return [frozenset(int(code != IS_0) for code in codes) for codes in zip(*forms, strict=True)]


def rounded_drift(form: Format, values: Iterable[int], drift: Fraction) -> Fraction:
    """How far rnd(x') is from x at most, for a value |x| of these and |x' - x| <= drift (SPEC 20.2).

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
