"""Numbers as people type them, for every option that takes a large one: 1000, 2^20; lists of them; 1/2^4.

The functions `number_of`, `numbers_of` and those below them return what click takes as the type of an option.  It
raises `click.BadParameter`, whose message names the limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

import click

LARGEST = 1 << 64
"""The limit of contexts, and of whatever else is counted in tokens, cells or steps."""
LARGEST_BETA = 1 << 1024
"""The limit of beta: only formats that a user defines admit one as large."""
LARGEST_BITS = 4096
"""Powers with more bits than this are not computed."""
LONGEST_RATIONAL = 60
"""The most characters of a rational that is typed."""


def whole_number(text: str) -> int | None:
    """The number that ``text`` says, or None if it is not a whole number, or has thousands of digits.

    >>> whole_number("1000"), whole_number("2^20"), whole_number("10^3"), whole_number("2^x")
    (1000, 1048576, 1000, None)
    """
    found = re.fullmatch(r"([0-9]{1,400})(?:\^([0-9]{1,4}))?", text.strip(), re.ASCII)
    if found is None:
        return None
    base, exponent = int(found[1]), int(found[2] or 1)
    return base**exponent if base < 2 or exponent * base.bit_length() <= LARGEST_BITS else None


def written(number: int) -> str:
    """A number as it can be typed: a large power of two as a power.

    >>> written(1000), written(1 << 64), written(256)
    ('1000', '2^64', '256')
    """
    exponent = number.bit_length() - 1
    return f"2^{exponent}" if number >= 1 << 10 and number == 1 << exponent else str(number)


def shortened(text: object) -> str:
    """What was typed, in quotes and shortened to fit in a message of one line."""
    shown = str(text)
    return repr(shown if len(shown) <= 40 else f"{shown[:37]}...")


def number_of(unit: str, low: int = 1, high: int = LARGEST) -> Callable[[str | int], int]:
    """The type of a number of this many ``unit``, from ``low`` to ``high``.

    >>> number_of("tokens")("2^20")
    1048576
    """

    def number(value: str | int) -> int:
        found = value if isinstance(value, int) else whole_number(value)
        if found is None or not low <= found <= high:
            raise click.BadParameter(
                f"{shortened(value)}: give a number of {unit} from {low} to {written(high)}, like 1000 or 2^20"
            )
        return found

    return number


def numbers_of(unit: str, high: int = LARGEST) -> Callable[[str | tuple[int, ...]], tuple[int, ...]]:
    """The type of numbers, and ranges of powers of two like 2^4..2^64, with commas between: ascending, each once.

    >>> numbers_of("tokens")("100,2^4..2^6")
    (16, 32, 64, 100)
    """

    def numbers(value: str | tuple[int, ...]) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        found: set[int] = set()
        for part in map(str.strip, value.split(",")):
            first, dots, last = part.partition("..")
            low, top = whole_number(first), whole_number(last if dots else first)
            powers = not dots or (first.startswith("2^") and last.startswith("2^"))
            if low is None or top is None or not powers or not 1 <= low <= top <= high:
                raise click.BadParameter(
                    f"{shortened(part)}: give numbers of {unit} from 1 to {written(high)}, like 5 or 2^5, "
                    "or ascending ranges of powers of two, like 2^1..2^3, with commas between"
                )
            found |= {1 << exponent for exponent in range(low.bit_length() - 1, top.bit_length())} if dots else {low}
        return tuple(sorted(found))

    return numbers


def power_of_two(value: str | int) -> int:
    """The type of a beta.

    >>> power_of_two("2^7"), power_of_two("128")
    (128, 128)
    """
    return _power_of_two(value, "")


def auto_or_power_of_two(value: str | int | None) -> int | None:
    """The type of a beta that the command may choose: ``auto`` is None."""
    return None if value is None or value == "auto" else _power_of_two(value, "auto or ")


def _power_of_two(value: str | int, instead: str) -> int:
    found = value if isinstance(value, int) else whole_number(value)
    if found is None or not 1 <= found <= LARGEST_BETA or found & (found - 1):
        raise click.BadParameter(
            f"{shortened(value)}: give {instead}a power of two from 1 to {written(LARGEST_BETA)}, like 128 or 2^7"
        )
    return found


def rational(value: str | Fraction) -> Fraction:
    """The type of a number like 1/4, 0.25 or 1/2^4, if it is short enough to be printed back.

    >>> rational("1/2^4"), rational("0.25")
    (Fraction(1, 16), Fraction(1, 4))
    """
    if isinstance(value, Fraction):
        return value
    above, slash, below = value.partition("/")
    over, under = whole_number(above), whole_number(below) if slash else 1
    if len(value) <= LONGEST_RATIONAL and over is not None and under:
        return Fraction(over, under)
    try:
        return Fraction(value if len(value) <= LONGEST_RATIONAL and "e" not in value.lower() else "")
    except (ValueError, ZeroDivisionError):
        raise click.BadParameter(f"{shortened(value)}: give a number like 1/4, 0.25 or 1/2^4") from None


def ends(value: str | tuple[Fraction, Fraction]) -> tuple[Fraction, Fraction]:
    """The type of a range of numbers.

    >>> ends("-2^40..1/8")
    (Fraction(-1099511627776, 1), Fraction(1, 8))
    """
    if isinstance(value, tuple):
        return value
    low, dots, high = value.partition("..")
    try:
        found = _signed(low), _signed(high)
    except click.BadParameter:
        found = Fraction(1), Fraction(0)
    if not dots or found[0] > found[1]:
        raise click.BadParameter(f"{shortened(value)}: give a range LO..HI of numbers, like -64..64 or 0..1/2^4")
    return found


def _signed(text: str) -> Fraction:
    text = text.strip()
    return -rational(text[1:]) if text.startswith("-") and not text.startswith("--") else rational(text)
