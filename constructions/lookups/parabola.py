"""The parabola: keys (2k, -k^2), queries (i, 1); the score 2ik - k^2 = i^2 - (i - k)^2 is largest at k = i, by 1."""

from __future__ import annotations

from fractions import Fraction

from exactformer.constructions.lookups.scheme import Coordinates, Scheme, Source


def key(address: int, time: int, context: int) -> Coordinates:  # noqa: ARG001
    """(2k, -k^2)."""
    return Fraction(2 * address), Fraction(-address * address)


def query(address: int, context: int) -> Coordinates:  # noqa: ARG001
    """(i, 1)."""
    return Fraction(address), Fraction(1)


PARABOLA = Scheme(
    name="parabola",
    retrieves="the value at position i",
    inequality="score(i, i) - score(i, k) = (i - k)^2 >= 1",
    sources=(
        Source("2510.00368", "section 5.3.4, index look-up by quadratic maximization"),
        Source("2310.03817", "the score of positions that Barcelo et al. use for hard attention"),
    ),
    width=lambda context: 2,  # noqa: ARG005
    key=key,
    query=query,
)
