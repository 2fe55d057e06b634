"""The parabola for addresses that are written several times: a small term for recency lets the last write win.

A token at time t that wrote to address k has the key (2k, -k^2, t), the query of address i is (i, 1, 2^-r), 2^r >= N.
The score is i^2 - (i - k)^2 + t/2^r, with t/2^r < 1: the right address first, and of its writes the last, by 2^-r.
"""

from __future__ import annotations

from fractions import Fraction

from exactformer.constructions.lookups.scheme import Coordinates, Scheme, Source


def recency_bits(context: int) -> int:
    """r: 2^r is the least power of two that is at least N.

    >>> [recency_bits(context) for context in (1, 2, 3, 4, 5)]
    [0, 1, 2, 2, 3]
    """
    return (context - 1).bit_length()


def key(address: int, time: int, context: int) -> Coordinates:  # noqa: ARG001
    """(2k, -k^2, t)."""
    return Fraction(2 * address), Fraction(-address * address), Fraction(time)


def query(address: int, context: int) -> Coordinates:
    """(i, 1, 2^-r)."""
    return Fraction(address), Fraction(1), Fraction(1, 1 << recency_bits(context))


PARABOLA_RECENCY = Scheme(
    name="parabola, last write",
    retrieves="the last value that was written to address i",
    inequality="another address is lower by at least 1 - (N - 1)/2^r, an earlier write by at least 2^-r >= 1/(2N)",
    sources=(
        Source("2510.00368", "section 5.3.4 (quadratic maximization), and a tie-breaking term t(j) for the rightmost"),
        Source("2310.07923", "appendix E: the same idea, with the layer-norm hash and another tie-breaking term"),
    ),
    width=lambda context: 3,  # noqa: ARG005
    key=key,
    query=query,
    addresses_are_positions=False,
)
