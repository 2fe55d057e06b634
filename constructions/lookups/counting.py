"""The counting head: uniform attention over a first token of value 1 gives 1/(k+1) at position k.

As a look-up it selects the rightmost position that is seen: query 1, key -1/(k+1).  Position i sees k <= i, and i has
to beat i - 1, by 1/(i(i+1)).  The same numbers, 1/(i+1), tell positions and counts apart.
"""

from __future__ import annotations

from fractions import Fraction

from exactformer.constructions.lookups.scheme import Coordinates, Scheme, Source


def key(address: int, time: int, context: int) -> Coordinates:  # noqa: ARG001
    """-1/(k+1)."""
    return (Fraction(-1, address + 1),)


def query(address: int, context: int) -> Coordinates:  # noqa: ARG001
    """1."""
    return (Fraction(1),)


COUNTING = Scheme(
    name="counting head 1/(i+1)",
    retrieves="the rightmost position that is seen",
    inequality="1/i - 1/(i+1) = 1/(i(i+1)) >= 1/(N(N-1))",
    sources=(
        Source("2310.07923", "proofs of theorems 1 and 2: 1/i by uniform attention, as a representation of positions"),
        Source("2510.00368", "tie-breaking by t(j) = -1/j selects the rightmost"),
    ),
    width=lambda context: 1,  # noqa: ARG005
    key=key,
    query=query,
    causal=True,
)
