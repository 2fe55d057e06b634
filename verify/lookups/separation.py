"""Up to which context a look-up separates, as computed; the first counterexample; the first that no order avoids.

Words of this file:

* A look-up *separates* in context N if for every query the right key's score, in the worst order of additions, is
  above every other key's, in any order.
* A *counterexample* is a query, the right position and a wrong one, with both scores, the wrong one possibly as large.
  It is *sure* if the wrong score is as large in every order.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.constructions.lookups.scheme import Scheme
from exactformer.verify.arithmetic.groups import Interval
from exactformer.verify.lookups.scores import ScoreArithmetic, held, score

LARGEST_CONTEXT_BITS = 64
"""If a look-up separates in larger contexts, beta is computed for 2^64."""


@dataclass(frozen=True)
class Place:
    """A key: its address, and the position of its token."""

    address: int
    time: int


@dataclass(frozen=True)
class Counterexample:
    """In context N the query of this address may score ``wrong`` as high as ``right``; scores as computed, by order."""

    context: int
    query: int
    right: Place
    wrong: Place
    right_score: Interval
    wrong_score: Interval

    @property
    def is_sure(self) -> bool:
        """Whether no order of additions avoids it."""
        return self.wrong_score.low >= self.right_score.high

    @property
    def distance(self) -> int:
        """The distance of the two addresses."""
        return abs(self.right.address - self.wrong.address)


@dataclass(frozen=True)
class CodeCounterexample:
    """With codes of this many bits the code of ones may score as high with a code that has one -1 as with itself.

    (Their positions are 2^bits - 1 and 2^bits - 2, numbers that are too long to be written.)
    """

    bits: int
    right_score: Interval
    wrong_score: Interval

    @property
    def is_sure(self) -> bool:
        """Whether no order of additions avoids it."""
        return self.wrong_score.low >= self.right_score.high


@dataclass(frozen=True)
class UpTo:
    """N = 2^bits, which may be too long to be written."""

    bits: int


@dataclass(frozen=True)
class Tier:
    """At most this many positions, besides the right one, are at this gap or more and below the next tier."""

    most: int | None
    gap: Fraction


@dataclass(frozen=True)
class Crowd:
    """So many positions, besides the right one, of the query of a context."""

    context: int
    size: int


@dataclass(frozen=True)
class Separation:
    """What is known about a look-up in an arithmetic.

    proved: the largest N such that it separates in every context up to N; None: in every context.  how: in words.
    gap: the right score is above all others by at least this, as computed, in contexts up to ``proved``.
    largest_score: bounds the magnitude of every score there; partial sums are at most twice that.
    first: a counterexample in the next context.  sure: in the first context known in which no order avoids one.
    tiers: the lower positions at a query, in context ``proved`` (or 2^64, if that is less), gaps ascending; the last
    tier has all others.  crowds: in some order, some query has a crowd at exactly the first tier's gap.
    """

    proved: int | UpTo | None
    how: str
    gap: Fraction
    largest_score: Fraction
    first: Counterexample | CodeCounterexample | None = None
    sure: Counterexample | CodeCounterexample | None = None
    tiers: tuple[Tier, ...] = ()
    crowds: tuple[Crowd, ...] = ()


@dataclass(frozen=True)
class AsComputed:
    """A look-up in an arithmetic: scores of queries and places, in a context."""

    scheme: Scheme
    arithmetic: ScoreArithmetic
    context: int

    def score(self, query: int, place: Place) -> Interval:
        """Raises FormatOverflow."""
        activations = self.arithmetic.activations
        asked = [held(activations, one) for one in self.scheme.query(query, self.context)]
        stored = [held(activations, one) for one in self.scheme.key(place.address, place.time, self.context)]
        return score(self.arithmetic, asked, stored)

    def compared(self, query: int, right: Place, wrong: Place) -> Counterexample:
        """The two scores; a counterexample if they are not apart."""
        return Counterexample(self.context, query, right, wrong, self.score(query, right), self.score(query, wrong))


def gap_of(compared: Counterexample) -> Fraction:
    """How far the right score is above the wrong one in the worst order: positive if they are apart."""
    return compared.right_score.low - compared.wrong_score.high


def by_brute_force(scheme: Scheme, arithmetic: ScoreArithmetic, context: int) -> Counterexample | None:
    """Every query against every two places, one right and one wrong; the counterexample of the least gap, if any."""
    computed = AsComputed(scheme, arithmetic, context)
    worst: Counterexample | None = None
    for found in _all(computed):
        if gap_of(found) <= 0 and (worst is None or gap_of(found) < gap_of(worst)):
            worst = found
    return worst


def _all(computed: AsComputed) -> list[Counterexample]:
    n, found = computed.context, list[Counterexample]()
    scheme = computed.scheme
    for query in range(n):
        if scheme.addresses_are_positions:
            seen = range(query + 1) if scheme.causal else range(n)
            found += [computed.compared(query, Place(query, query), Place(k, k)) for k in seen if k != query]
            continue
        for right in range(n):
            wrong = [Place(query, earlier) for earlier in range(right)]
            wrong += [Place(k, time) for k in range(n) if k != query for time in range(n) if time != right]
            found += [computed.compared(query, Place(query, right), place) for place in wrong]
    return found
