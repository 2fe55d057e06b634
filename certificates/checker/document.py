"""Strict reading of canonical JSON documents (SPEC section 1), and the ways a check can end badly.

Words:
    document   what the bytes of a file say, once they are known to be canonical JSON
    field      the place of a value, such as ``certificate.heads[3].ties``; every rejection names one
    rejected   the certificate is not valid: it breaks a rule, or a value is not what the rules give
    bad input  nothing to judge: a file is missing or not a certificate, or the machine's text is not a machine
    too large  larger than this checker replays: nothing is judged
    undecided  the check was not done in time: nothing is judged
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import NoReturn, TypeAlias

Json: TypeAlias = "int | str | list[Json] | dict[str, Json] | None"

MACHINE, APPROXIMATION = "exactformer certificate", "exactformer approximation certificate"
THEORY = "exactformer theory certificate"
SEQUENCES, WORDS = "exactformer certificate about sequences", "exactformer certificate about words"
KERNEL = "exactformer certificate about a kernel"
"""The formats of certificates; `OPTIONS` says how users name what each has to be about."""
OPTIONS = {
    MACHINE: "a machine, given with --machine",
    APPROXIMATION: "a function, given with --function",
    THEORY: "a theory, given with --theory",
    SEQUENCES: "sequences that it names itself, given without --machine, --function and --theory",
    WORDS: "words of a language that it names itself, given without --machine, --function and --theory",
    KERNEL: "a kernel's recipe that it names itself, given without --machine, --function, --theory and --network",
}

LARGEST_DOCUMENT = 64 * 2**20
"""The most bytes of a document that is read."""
MOST_VALUES, MOST_CONTAINERS, MOST_STRINGS = 2**24, 2**19, 2**20
"""The most values, lists or objects, and strings of a document: each takes memory when it is read."""
DEEPEST = 16
"""The most lists and objects inside each other."""
LONGEST_PROVENANCE = 2**16
LARGEST_NUMBER = 2**53
LONGEST_NATURAL = 1300
"""The most digits of an integer in a string."""


class Rejected(Exception):
    """The certificate is not valid: at ``field``, for ``reason``."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class BadInput(Exception):
    """There is nothing to judge: a file cannot be read or is not a certificate, or the machine's text is not a
    machine."""


class TooLarge(Exception):
    """Larger than this checker's limits: it says nothing about the certificate."""


class Undecided(Exception):
    """Not decided in time: nothing is said about the certificate."""


def read_bytes(path: Path, what: str, most: int | None = None) -> bytes:
    """The bytes of a regular file, at most this many; `BadInput` if it cannot be read. It waits for nothing."""
    most = LARGEST_DOCUMENT if most is None else most
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a device may do something
            raise BadInput(f"{what} {str(path)!r} is not a file")
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadInput(f"{what} {str(path)!r} is no longer a file")
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise BadInput(f"{what} {str(path)!r} cannot be read: {error}") from error
    if len(data) > most:
        raise TooLarge(f"{what} {str(path)!r} is longer than the {most} bytes this checker reads")
    return data


def _without_waiting(path: str, flags: int) -> int:
    """Opens a file; if it has become a pipe, this does not wait for a writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def require_light(data: bytes, what: str) -> None:
    """`TooLarge` if there are more values, or deeper ones, than this checker reads, before anything is built.

    It counts brackets, commas, colons and quotes, also inside strings, so never too few.
    """
    containers = data.count(b"[") + data.count(b"{")
    values, strings = 1 + containers + data.count(b",") + data.count(b":"), data.count(b'"') // 2
    for number, most, of in (
        (values, MOST_VALUES, "values"),
        (containers, MOST_CONTAINERS, "lists and objects"),
        (strings, MOST_STRINGS, "strings"),
    ):
        if number > most:
            raise TooLarge(f"{what}: up to {number} {of}; this checker reads {most}")
    brackets = _NO_BRACKETS.sub(b"", data)
    if max(accumulate(1 if bracket in b"[{" else -1 for bracket in brackets), default=0) > DEEPEST:
        raise TooLarge(f"{what}: more than {DEEPEST} lists and objects inside each other")


_NO_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[^\[\]{}"]++', re.DOTALL)
"""Strings, the last of which may be cut off, and everything between them except brackets."""
_LONG = re.compile(rb"[0-9]{16}")
"""If no run of digits is this long, every integer of a document is small."""


def read_canonical(data: bytes, what: str) -> Json:
    """The document with these bytes, which must be the canonical ones (SPEC section 1)."""
    require_light(data, what)

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
            parse_int=whole if _LONG.search(data) else None,  # to look at each number takes three times as long
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
    """The certificate in this file, which must be of this kind.

    `BadInput` if it is not a certificate, or is of another kind: then there is nothing to judge.
    """
    data = read_bytes(path, "certificate")
    if not data.lstrip().startswith(b"{"):  # so it need not be read, however long it is
        raise BadInput(f"{str(path)!r} is not a certificate: it is not a JSON object")
    require_light(data, "certificate")
    try:
        document = read_canonical(data, "certificate")
        found = format_of(document)
    except Rejected:  # a certificate that breaks rules of SPEC section 1, or something else altogether
        found = format_of(read_leniently(data))
        if found == kind:
            raise
    if found not in OPTIONS:
        said = "it is not a JSON object" if found is None else f"its format is {quote(found)}"
        raise BadInput(f"{str(path)!r} is not a certificate: {said}")
    if found != kind:
        raise BadInput(f"the certificate is about {OPTIONS[found]}, not about {OPTIONS[kind]}")
    return document


def names_its_subject(path: Path) -> bool:
    """Whether the file is a certificate that can be checked without saying what it has to be about."""
    return kind_of(path) in (SEQUENCES, WORDS, KERNEL)


def kind_of(path: Path) -> Json:
    """The format that a file says it has.  If it cannot be read or is too large, the format of certificates about
    sequences: their check reports the error.
    """
    try:
        data = read_bytes(path, "certificate")
        require_light(data, "certificate")
    except (BadInput, TooLarge):
        return SEQUENCES
    return format_of(read_leniently(data))


def format_of(document: Json) -> Json:
    """The format that a document states; None if it states none."""
    return document.get("format") if isinstance(document, dict) else None


def read_leniently(data: bytes) -> Json:
    """The document with these bytes, with 0 for all numbers, if it is JSON at all; else None."""

    def zero(_digits: str) -> int:
        return 0

    try:
        document: Json = json.loads(data, parse_int=zero, parse_float=zero, parse_constant=zero)
    except (ValueError, RecursionError):
        return None
    return document


def quote(value: Json | list[str] | dict[str, Json]) -> str:
    """``value`` for an error message: JSON, shortened."""
    text = json.dumps(value)
    return text if len(text) <= 160 else f"{text[:100]} ... {text[-40:]} ({len(text)} characters)"


def require_same(field: str, found: Json, expected: Json) -> None:
    """`Rejected`, at the first difference, unless both are the same JSON value, of the same types."""
    if isinstance(expected, dict) and isinstance(found, dict):
        members(field, found, *expected)
        for key, value in expected.items():
            require_same(f"{field}.{key}", found[key], value)
    elif isinstance(expected, list) and isinstance(found, list):
        for place, (left, right) in enumerate(zip(found, expected, strict=False)):
            # Mostly equal numbers, for which no name has to be made.
            if type(left) is not int or type(right) is not int or left != right:
                require_same(f"{field}[{place}]", left, right)
        if len(found) != len(expected):
            raise Rejected(field, f"has {len(found)} entries where there must be {len(expected)}")
    elif isinstance(found, str) and isinstance(expected, str) and found != expected:
        raise Rejected(field, _two_texts(found, expected))
    elif type(found) is not type(expected) or found != expected:
        raise Rejected(field, f"is {quote(found)} where it must be {quote(expected)}")


def _two_texts(found: str, expected: str) -> str:
    """Of long texts, what stands around the first character that differs."""
    longest = max(len(found), len(expected))
    if longest <= 160:
        return f"is {quote(found)} where it must be {quote(expected)}"
    place = next(n for n in range(longest) if found[n : n + 1] != expected[n : n + 1])
    one, other = (quote(f"..{text[max(place - 40, 0) : place + 40]}..") for text in (found, expected))
    return f"is {one} where it must be {other} (from character {place} on)"


def members(field: str, value: Json, *names: str) -> dict[str, Json]:
    """``value`` as an object with exactly these members."""
    if not isinstance(value, dict):
        raise Rejected(field, f"is {quote(value)} where an object must be")
    for missing in sorted(set(names) - set(value)):
        raise Rejected(field, f"has no field {quote(missing)}")
    for unknown in sorted(set(value) - set(names)):
        raise Rejected(field, f"has the unknown field {quote(unknown)}")
    return value


def require_provenance(value: Json) -> None:
    """The provenance, about which nothing is said: any object that is not too long."""
    if not isinstance(value, dict):
        raise Rejected("provenance", f"is {quote(value)} where an object must be")
    if (length := len(json.dumps(value))) > LONGEST_PROVENANCE:
        raise TooLarge(f"provenance has {length} characters; this checker reads {LONGEST_PROVENANCE}")


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
    """``value`` as an integer from ``low`` to ``high``; ``true`` and ``false`` do not count."""
    if type(value) is not int:
        raise Rejected(field, f"is {quote(value)} where an integer must be")
    if not low <= value <= high:
        raise Rejected(field, f"is {value}, not from {low} to {high}")
    return value


def integers(field: str, value: Json, low: int, high: int) -> list[int]:
    """``value`` as a list of integers from ``low`` to ``high``."""
    found = [item for item in items(field, value) if type(item) is int]
    if len(found) != len(items(field, value)) or (found and not low <= min(found) <= max(found) <= high):
        found = [integer(f"{field}[{place}]", item, low, high) for place, item in enumerate(items(field, value))]
    return found


def natural(field: str, value: Json) -> int:
    """``value`` as a positive integer in a string."""
    digits = text(field, value)
    if not re.fullmatch(r"[1-9][0-9]*", digits, re.ASCII):
        raise Rejected(field, f"is {quote(digits)} where a positive integer in a string must be")
    if len(digits) > LONGEST_NATURAL:
        raise Rejected(field, f"has {len(digits)} digits; this checker reads up to {LONGEST_NATURAL}")
    return int(digits)


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
