"""WORDS section 2: what a certificate about words says, as it is read, and the sentence that claims it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from exactformer.certificates.checker.document import Json, Rejected, integer, members, natural, quote, text
from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of
from exactformer.certificates.checker.softmax.numbers import Arithmetic

LONGEST = 2**10
"""The most tokens of a word."""
LAST, HARDMAX = "last", "hardmax"
NEWLINE = b"\n"


@dataclass(frozen=True)
class Listed:
    """What a certificate says about the listing of a specification."""

    sha256: str
    words: int
    positions: int


@dataclass(frozen=True)
class Refuted:
    """A word, the position where it goes wrong, and by which output."""

    word: list[str]
    position: int
    output: str
    expected: str


@dataclass(frozen=True)
class Statement:
    """The statement, whose claim is not checked yet. ``words``: a regular expression or an automaton; ``first``: the
    first position that is asked about, None for the last one of a word."""

    claim: Json
    words: Json
    length: int
    first: int | None
    expected: Json
    text: str
    arithmetic: Arithmetic

    def asked(self, length: int) -> slice:
        """The positions of a word that are asked about."""
        return slice(-1, None) if self.first is None else slice(self.first, length)

    @property
    def transducer(self) -> Json:
        """The transducer that says what is expected; None if there is none."""
        if isinstance(self.expected, dict) and "transducer" in self.expected:
            return members("statement.expected", self.expected, "transducer")["transducer"]
        return None

    def sentence(self, verdict: str, found: Listed | Refuted | None) -> str:
        """The claim."""
        how = (
            f"the softmax transformer of these weights, in the arithmetic {self.text} at beta = {2**self.arithmetic.e},"
        )
        language = self.words if isinstance(self.words, str) else f"of the automaton {named(self.words)}"
        of_transducer = "" if self.transducer is None else f" of the transducer {named(self.transducer)}"
        if isinstance(found, Refuted):
            return (
                f"On the word {canonical(found.word)} of the language {language}, {how} does not give strictly the "
                f"output {canonical(found.expected)}{of_transducer} at position {found.position}."
            )
        if found is None:
            which = of_transducer or " that the hardmax transformer gives strictly"
            words = f"of at most {self.length} tokens of the language {language}"
            if verdict == "proved":
                return f"On each word {words}, {how} gives at each position asked about strictly the output{which}."
            return (
                f"On the words {words}, it is not shown, nor shown not to be so, that {how} gives strictly the "
                f"outputs{which}."
            )
        words = f"{found.words} words of at most {self.length} tokens of the language {language}"
        listing = f"listed (SHA-256 {found.sha256})"
        if verdict == "proved":
            return (
                f"On each of the {words}, {how} gives at each of the {found.positions} positions asked about strictly "
                f"the output that is {listing}."
            )
        return (
            f"On the {words}, it is not shown, nor shown not to be so, that {how} gives strictly the outputs "
            f"that are {listing}."
        )


def read_statement(value: Json) -> Statement:
    """Language, length, positions, arithmetic and beta."""
    parts = members("statement", value, "claim", "words", "length", "asked", "expected", "arithmetic", "beta")
    beta = natural("statement.beta", parts["beta"])
    if beta & (beta - 1):
        raise Rejected("statement.beta", f"is {beta}, not a power of two")
    asked, first = parts["asked"], None
    if asked != LAST:
        first = integer("statement.asked.from", members("statement.asked", asked, "from")["from"], 0, LONGEST)
    written = text("statement.arithmetic", parts["arithmetic"])
    return Statement(
        parts["claim"],
        parts["words"],
        integer("statement.length", parts["length"], 1, LONGEST),
        first,
        parts["expected"],
        written,
        arithmetic_of(written, beta.bit_length() - 1),
    )


def read_listed(value: Json) -> Listed:
    """What a statement says of a listing."""
    parts = members("statement.expected", value, "sha256", "words", "positions")
    words, positions = (integer(f"statement.expected.{name}", parts[name], 1, 2**53) for name in ("words", "positions"))
    sha256 = text("statement.expected.sha256", parts["sha256"])
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise Rejected("statement.expected.sha256", f"is {quote(sha256)}, which is not a SHA-256 in hexadecimal")
    return Listed(sha256, words, positions)


def line(word: Sequence[str], outputs: Sequence[str]) -> bytes:
    """A line of a listing.

    >>> line(["a", "b"], ["1"])
    b'[["a","b"],["1"]]\\n'
    """
    return canonical([list(word), list(outputs)]).encode("ascii") + NEWLINE


def named(table: Json) -> str:
    """How a claim names an automaton or transducer."""
    return f"(SHA-256 {hashlib.sha256(canonical(table).encode('ascii') + NEWLINE).hexdigest()})"


def canonical(value: Json | list[str] | list[list[str]]) -> str:
    """The value in canonical form (SPEC section 1)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
