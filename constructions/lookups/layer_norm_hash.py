"""The layer-norm hash: phi(k) = (k, 1, -k, -1)/sqrt(2k^2 + 2) is key and query; phi(i) . phi(k) = 1 iff i = k.

phi(i) . phi(k) = c/sqrt(c^2 + d^2), c = ik + 1, d = i - k, as (i^2 + 1)(k^2 + 1) = c^2 + d^2.  So neighbours are about
1/(2 i^4) apart.  Coordinates are those of a perfect layer norm: each is the number of the format that is nearest to
the exact one.  A real layer norm rounds on the way, too.
"""

from __future__ import annotations

from fractions import Fraction

from exactformer.constructions.lookups.scheme import Coordinates, Root, Scheme, Source


def phi(k: int) -> Coordinates:
    """(k, 1, -k, -1)/sqrt(2k^2 + 2)."""
    norm = 2 * k * k + 2
    first, second = Fraction(k * k, norm), Fraction(1, norm)
    return Root(1, first), Root(1, second), Root(-1, first), Root(-1, second)


def key(address: int, time: int, context: int) -> Coordinates:  # noqa: ARG001
    """phi(k)."""
    return phi(address)


def query(address: int, context: int) -> Coordinates:  # noqa: ARG001
    """phi(i)."""
    return phi(address)


LAYER_NORM_HASH = Scheme(
    name="layer-norm hash",
    retrieves="the value at the token whose count is i",
    inequality="1 - phi(i) . phi(k) >= 1 - phi(N-1) . phi(N-2), about 1/(2 N^4)",
    sources=(
        Source("2310.07923", "definition 3, lemmas 1 and 2; lemma 8 has phi(i) . phi(i-1) <= 1 - 1/(2 i^4)"),
        Source("2510.00368", "section 5.3.3, index look-up by layer-norm hash"),
    ),
    width=lambda context: 4,  # noqa: ARG005
    key=key,
    query=query,
)
