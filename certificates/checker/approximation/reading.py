"""Values of the documents of APPROXIMATION that other certificates do not have: rationals, and true or false."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from exactformer.certificates.checker.document import LONGEST_NATURAL, Json, Rejected, TooLarge, items, quote, text

LONGEST_NUMBER = 2**14
"""Bits of an intermediate numerator or denominator that this checker computes with."""


def rational(field: str, value: Json) -> Fraction:
    """``value`` as a rational in a string, in the one form that SPEC section 1 allows.

    >>> rational("slope", "-5/8")
    Fraction(-5, 8)
    """
    written = text(field, value)
    match = re.fullmatch(r"(0|-?[1-9][0-9]*)(?:/([1-9][0-9]*))?", written, re.ASCII)
    if match is None:
        raise Rejected(field, f"is {quote(written)} where a rational in a string must be")
    if any(len(digits or "") > LONGEST_NATURAL for digits in match.groups()):
        raise TooLarge(f"{field} has more digits than the {LONGEST_NATURAL} this checker reads")
    numerator, denominator = int(match[1]), int(match[2] or 1)
    if match[2] is not None and (denominator == 1 or math.gcd(numerator, denominator) != 1):
        raise Rejected(field, f"is {quote(written)}, which is not in lowest terms")
    return Fraction(numerator, denominator)


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
    """No number has more than `LONGEST_NUMBER` bits above or below; else `TooLarge`."""
    for number in numbers:
        if max(number.numerator.bit_length(), number.denominator.bit_length()) > LONGEST_NUMBER:
            raise TooLarge(f"an intermediate number has more than the {LONGEST_NUMBER} bits this checker computes with")
