"""Strict reading of canonical JSON documents (SPEC section 1), and the ways a check can end badly.

Words:
    document   what the bytes of a file say, once they are known to be canonical JSON
    field      where a value stands, as in ``certificate.heads[3].ties``; every rejection names one
    rejected   the certificate is not valid: it breaks a rule, or a value is not what the rules give
    bad input  there is nothing to judge: a file is missing, or is no certificate, or the machine's text no machine
    too large  larger than this checker replays: nothing is judged
    undecided  the check was not done in time: nothing is judged
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import NoReturn, TypeAlias

Json: TypeAlias = "int | str | list[Json] | dict[str, Json] | None"

MACHINE, APPROXIMATION = "exactformer certificate", "exactformer approximation certificate"
"""The formats of certificates: what one has to be about, for the checker's users, is `OPTIONS`."""
OPTIONS = {MACHINE: "a machine, given with --machine", APPROXIMATION: "a function, given with --function"}

LARGEST_DOCUMENT = 64 * 2**20
"""Bytes; a longer document is not read."""
LARGEST_NUMBER = 2**53
LONGEST_NATURAL = 1300
"""Digits of an integer in a string that this checker reads."""


class Rejected(Exception):
    """The certificate is not valid: at ``field``, for ``reason``."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class BadInput(Exception):
    """There is nothing to judge: a file cannot be read, or is no certificate, or the machine's text no machine."""


class TooLarge(Exception):
    """Beyond what this checker replays: it says nothing about the certificate."""


class Undecided(Exception):
    """Not decided in the time that was given: nothing is said about the certificate."""


def read_bytes(path: Path, what: str) -> bytes:
    """The bytes of a file of at most `LARGEST_DOCUMENT` bytes; `BadInput` if it cannot be read."""
    try:
        if not path.is_file():
            raise BadInput(f"{what} {str(path)!r} is not a file")
        with path.open("rb") as file:
            data = file.read(LARGEST_DOCUMENT + 1)
    except (OSError, ValueError) as error:
        raise BadInput(f"{what} {str(path)!r} cannot be read: {error}") from error
    if len(data) > LARGEST_DOCUMENT:
        raise TooLarge(f"{what} {str(path)!r} is longer than the {LARGEST_DOCUMENT} bytes this checker reads")
    return data


def read_canonical(data: bytes, what: str) -> Json:
    """The document with these bytes, which must be the canonical ones (SPEC section 1)."""

    def no_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise Rejected(what, f"an object names a key twice: {quote([key for key, _ in pairs])}")
        return members

    def whole(digits: str) -> int:
        if len(digits) > 17 or abs(int(digits)) > LARGEST_NUMBER:
            raise Rejected(what, f"number {digits[:40]} is beyond 2^53")
        return int(digits)

    def no_float(digits: str) -> NoReturn:
        raise Rejected(what, f"number {digits[:40]} is not an integer")

    try:
        document: Json = json.loads(
            data.decode("ascii"),
            object_pairs_hook=no_duplicates,
            parse_int=whole,
            parse_float=no_float,
            parse_constant=no_float,
        )
        canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n"
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise Rejected(what, f"not a JSON document in ASCII: {str(error)[:200]}") from error
    if canonical.encode("ascii") != data:
        at = next((i for i, (a, b) in enumerate(zip(canonical.encode(), data, strict=False)) if a != b), None)
        at = min(len(canonical), len(data)) if at is None else at
        raise Rejected(what, f"not in canonical form from byte {at} on: {quote(data[at : at + 30].decode())}")
    return document


def read_certificate(path: Path, kind: str) -> Json:
    """The certificate in this file, which must be one of this kind.

    `BadInput` if it is no certificate, or one of the other kind: then there is nothing to judge.
    """
    data = read_bytes(path, "certificate")
    try:
        document = read_canonical(data, "certificate")
        found = format_of(document)
    except Rejected:  # a certificate that breaks rules of SPEC section 1, or something else altogether
        found = format_of(read_leniently(data))
        if found == kind:
            raise
    if found not in OPTIONS:
        said = "it is no JSON object" if found is None else f"its format is {quote(found)}"
        raise BadInput(f"{str(path)!r} is no certificate: {said}")
    if found != kind:
        raise BadInput(f"the certificate is about {OPTIONS[found]}, not about {OPTIONS[kind]}")
    return document


def format_of(document: Json) -> Json:
    """What a document says it is; None if it says nothing."""
    return document.get("format") if isinstance(document, dict) else None


def read_leniently(data: bytes) -> Json:
    """The document with these bytes, if it is one of JSON at all, with all numbers as strings; else None."""
    try:
        document: Json = json.loads(data, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return document


def quote(value: Json | list[str] | dict[str, Json]) -> str:
    """``value`` for an error message: JSON, shortened."""
    text = json.dumps(value)
    return text if len(text) <= 160 else f"{text[:100]} ... {text[-40:]} ({len(text)} characters)"


def require_same(field: str, found: Json, expected: Json) -> None:
    """Both are the same JSON value, of the same types; else `Rejected` at the first place they differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        members(field, found, *expected)
        for key, value in expected.items():
            require_same(f"{field}.{key}", found[key], value)
    elif isinstance(expected, list) and isinstance(found, list):
        for place, (left, right) in enumerate(zip(found, expected, strict=False)):
            require_same(f"{field}[{place}]", left, right)
        if len(found) != len(expected):
            raise Rejected(field, f"has {len(found)} entries where there must be {len(expected)}")
    elif type(found) is not type(expected) or found != expected:
        raise Rejected(field, f"is {quote(found)} where it must be {quote(expected)}")


def members(field: str, value: Json, *names: str) -> dict[str, Json]:
    """``value`` as an object with exactly these members."""
    if not isinstance(value, dict):
        raise Rejected(field, f"is {quote(value)} where an object must be")
    for missing in sorted(set(names) - set(value)):
        raise Rejected(field, f"has no field {quote(missing)}")
    for unknown in sorted(set(value) - set(names)):
        raise Rejected(field, f"has the unknown field {quote(unknown)}")
    return value


def items(field: str, value: Json) -> list[Json]:
    """``value`` as a list."""
    if not isinstance(value, list):
        raise Rejected(field, f"is {quote(value)} where a list must be")
    return value


def text(field: str, value: Json) -> str:
    """``value`` as a string."""
    if not isinstance(value, str):
        raise Rejected(field, f"is {quote(value)} where a string must be")
    return value


def integer(field: str, value: Json, low: int, high: int) -> int:
    """``value`` as an integer from ``low`` to ``high``; ``true`` and ``false`` are none."""
    if type(value) is not int:
        raise Rejected(field, f"is {quote(value)} where an integer must be")
    if not low <= value <= high:
        raise Rejected(field, f"is {value}, not from {low} to {high}")
    return value


def integers(field: str, value: Json, low: int, high: int) -> list[int]:
    """``value`` as a list of integers from ``low`` to ``high``."""
    return [integer(f"{field}[{place}]", item, low, high) for place, item in enumerate(items(field, value))]


def natural(field: str, value: Json) -> int:
    """``value`` as a positive integer in a string."""
    digits = text(field, value)
    if not re.fullmatch(r"[1-9][0-9]*", digits, re.ASCII):
        raise Rejected(field, f"is {quote(digits)} where a positive integer in a string must be")
    if len(digits) > LONGEST_NATURAL:
        raise Rejected(field, f"has {len(digits)} digits; this checker reads up to {LONGEST_NATURAL}")
    return int(digits)


def rational_text(value: Fraction) -> str:
    """A rational as SPEC section 1 writes it.

    >>> [rational_text(Fraction(n, 8)) for n in (5, -16, 0)]
    ['5/8', '-2', '0']
    """
    sign, numerator = ("-" if value < 0 else ""), decimal(abs(value.numerator))
    return f"{sign}{numerator}" + (f"/{decimal(value.denominator)}" if value.denominator > 1 else "")


def decimal(value: int) -> str:
    """Decimal digits of an integer >= 0 of any length, which ``str`` refuses beyond 4300 digits.

    >>> decimal(7 * 10**9000) == "7" + 9000 * "0"
    True
    """
    if value.bit_length() < 10_000:
        return str(value)
    half = value.bit_length() * 3 // 20  # about half of the digits: one digit is 3.32 bits
    upper, lower = divmod(value, 10**half)
    return decimal(upper) + decimal(lower).rjust(half, "0")
