"""Reads values that only the documents of APPROXIMATION have: lists of rationals, true and false."""

from __future__ import annotations

from fractions import Fraction

from exactformer.certificates.checker.document import Json, Rejected, TooLarge, items, quote, rational

LONGEST_NUMBER = 2**14
"""The most bits of an intermediate numerator or denominator."""


def rationals(field: str, value: Json, length: int) -> tuple[Fraction, ...]:
    """``value`` as a list of ``length`` rationals."""
    found = items(field, value)
    if len(found) != length:
        raise Rejected(field, f"has {len(found)} entries where there must be {length}")
    return tuple(rational(f"{field}[{place}]", item) for place, item in enumerate(found))


def flag(field: str, value: Json) -> bool:
    """``value`` as ``true`` or ``false``."""
    if not isinstance(value, bool):
        raise Rejected(field, f"is {quote(value)} where true or false must be")
    return value


def require_short(*numbers: int | Fraction) -> None:
    """`TooLarge` if a numerator or denominator has more than `LONGEST_NUMBER` bits."""
    for number in numbers:
        if max(number.numerator.bit_length(), number.denominator.bit_length()) > LONGEST_NUMBER:
            raise TooLarge(f"an intermediate number has more than the {LONGEST_NUMBER} bits this checker computes with")
