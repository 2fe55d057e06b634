"""A second checker of certificates about theories: short, plain, written from the contracts alone.

It decides again, with the standard library and integers, all that `certificates/THEORIES.md` 7 says of a valid
certificate, for arithmetics without steps (`+linearL` excepted). Not judged: claims about tokens alone (THEORIES 8).
Not proved: a bound on writes (MACHINES 1); it stays assumed. The author read the contracts, not the first checker.
Read the files in this order:

    documents   SPEC 1, 4.1      canonical JSON, numbers in strings, the weights document
    diagrams    SPEC 10          formulas as decision diagrams; integers and numbers made of them
    text        THEORIES 2, 3    loops, lines, formulas, numbers, contents
    meaning     THEORIES 3       what these mean: diagrams
    theory      THEORIES 1, 2    classes, ghosts, facts, outputs
    facts       THEORIES 4, 5.3  whether something is possible of one or two tokens; given sequences
    walk        THEORIES 5, 6    what every coordinate is, layer by layer; heads, names, next tokens
    softmax     ARITHMETIC       formats, rounding, what a head with separation and ties computes; section 8
    machine                      the tables of a machine
    __main__    THEORIES 7       the certificate: statement, hashes, verdict; the command

Limits (SPEC 10; what is beyond them is *not judged*, before the work that the limit bounds):

| what | limit |
|---|---|
| files | regular ones, of 2^24 bytes, nested 16 deep, with integers of 40 digits |
| a text of a theory or machine | 2^18 characters; unrolled 2^15 lines and 2^22 characters; elements of 2^8 characters |
| a formula, number or content | 2^14 characters, nested 60 deep, numbers up to 2^128 |
| position bits, context | 64; 2^64 |
| annotation | 2^11 cases of a head, 2^8 names; 2^9 tokens of given sequences |
| the network | 2^12 coordinates, 2^8 layers, 2^20 weights |
| diagrams | 2^23 nodes in all, about 200 bytes each; 2^10 values of an integer; 2^14 pairs of them in one sum |
| formats | p, -emin, emax, F, I up to 4096, in arithmetics of 2^8 characters |
| queries for one head | 2^13 |
| seconds | those of `--budget` |
"""

from __future__ import annotations

import time


class Rejected(Exception):
    """The certificate is not valid; the message names the place and the reason."""


class NotJudged(Exception):
    """A limit or the budget is passed, or something is not supported: neither valid nor invalid."""


class Unreadable(Exception):
    """No certificate, or an option that makes no sense."""


class Deadline:
    """The end of the budget, in nanoseconds of a monotonic clock."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self.end = time.monotonic_ns() + seconds * 10**9

    def look(self) -> None:
        if time.monotonic_ns() > self.end:
            raise NotJudged(f"not decided in {self.seconds} seconds")


def demand(condition: bool, otherwise: str) -> None:
    """A demand of the contract on the certificate."""
    if not condition:
        raise Rejected(otherwise)


def limit(value: int, most: int, what: str) -> None:
    """A limit of this checker."""
    if value > most:
        raise NotJudged(f"{what}: {value if value < 10**40 else 'too many'} where this checker takes at most {most}")
