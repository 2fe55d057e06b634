"""Keys and queries are exact: in real numbers the right one is ahead by what the inequality says."""

from __future__ import annotations

from fractions import Fraction

import pytest

from exactformer.constructions.lookups.catalogue import SCHEMES
from exactformer.constructions.lookups.layer_norm_hash import LAYER_NORM_HASH, phi
from exactformer.constructions.lookups.parabola_recency import recency_bits
from exactformer.constructions.lookups.scheme import Root, Scheme

CONTEXT = 12
RATIONAL = [scheme for scheme in SCHEMES if scheme is not LAYER_NORM_HASH]


def product(scheme: Scheme, query: int, address: int, time: int) -> Fraction:
    """query . key, exactly."""
    asked, stored = scheme.query(query, CONTEXT), scheme.key(address, time, CONTEXT)
    assert len(asked) == len(stored) == scheme.width(CONTEXT)
    total = Fraction(0)
    for q, k in zip(asked, stored, strict=True):
        if isinstance(q, Root) or isinstance(k, Root):
            raise TypeError
        total += q * k
    return total


LEAST = {
    "parabola, last write": Fraction(1, 16),
    "parabola": Fraction(1),
    "counting head 1/(i+1)": Fraction(1, CONTEXT * (CONTEXT - 1)),
    "codes of -1, 1": Fraction(2),
    "one-hot": Fraction(1),
}


@pytest.mark.parametrize("scheme", RATIONAL, ids=lambda scheme: scheme.name)
def test_the_least_gap_is_that_of_the_inequality(scheme: Scheme) -> None:
    gaps = list[Fraction]()
    for query in range(CONTEXT):
        if scheme.addresses_are_positions:
            own = product(scheme, query, query, query)
            seen = range(query if scheme.causal else CONTEXT)
            gaps += [own - product(scheme, query, k, k) for k in seen if k != query]
            continue
        for time in range(CONTEXT):
            own = product(scheme, query, query, time)
            gaps += [own - product(scheme, query, query, earlier) for earlier in range(time)]
            gaps += [own - product(scheme, query, k, t) for k in range(CONTEXT) if k != query for t in range(CONTEXT)]
    assert min(gaps) == LEAST[scheme.name]


def test_recency_never_outweighs_an_address() -> None:
    assert all((context - 1) < 1 << recency_bits(context) <= 2 * context for context in range(1, 100))


@pytest.mark.parametrize("i", range(2, 30))
def test_neighbours_of_the_hash_are_as_near_as_the_paper_says_and_not_much_farther(i: int) -> None:
    """Lemma 8 of 2310.07923: phi(i) . phi(i-1) <= 1 - 1/(2 i^4).  And it is above 1 - 1/(2 (i-1)^4)."""
    c = i * (i - 1) + 1
    square = Fraction(c * c, c * c + 1)
    assert square <= (1 - Fraction(1, 2 * i**4)) ** 2
    assert square >= (1 - Fraction(1, 2 * (i - 1) ** 4)) ** 2
    first, second = ([one.square for one in phi(k) if isinstance(one, Root)] for k in (i, i - 1))
    # Products of roots: the sum of sqrt(a_l b_l) is c/sqrt(c^2 + 1), as all are multiples of one root.
    assert sum(first) == sum(second) == 1
    assert Fraction(c, 1) ** 2 / ((i * i + 1) * ((i - 1) ** 2 + 1)) == square
