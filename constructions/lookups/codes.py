"""Position codes of -1 and 1: the bits of a position, r = bit_length(N - 1) of them, are key and query.

A position's score with itself is r, and r - 2h with one that differs in h bits.
"""

from __future__ import annotations

from fractions import Fraction

from exactformer.constructions.lookups.scheme import Coordinates, Scheme, Source


def code_bits(context: int) -> int:
    """r >= 1 bits tell N positions apart.

    >>> [code_bits(context) for context in (1, 2, 3, 4, 5)]
    [1, 1, 2, 2, 3]
    """
    return max(1, (context - 1).bit_length())


def code(position: int, context: int) -> Coordinates:
    """[r]"""
    return tuple(Fraction(1 if position >> bit & 1 else -1) for bit in range(code_bits(context)))


def key(address: int, time: int, context: int) -> Coordinates:  # noqa: ARG001
    """The code of k."""
    return code(address, context)


CODES = Scheme(
    name="codes of -1, 1",
    retrieves="the value at position i",
    inequality="score(i, i) - score(i, k) = 2 (number of bits that differ) >= 2",
    sources=(Source("2605.18079", "position codes of the ternary constructions; those that exactformer compiles"),),
    width=code_bits,
    key=key,
    query=code,
)
