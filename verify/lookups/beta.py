"""The least beta, a power of two, at which softmax returns the right value of a look-up, after rounding to A.

In a query one position has the largest score, and all others are lower, by the gaps of `Separation.tiers`.  The
interpreter of `arithmetic` shows at which beta the head gives the right value for all *signs*, -1 or 1, or for all
*ternary* values, -1, 0 or 1.  (The result is 0 only if all other weights underflow, so 0 needs more.)  beta multiplies
scores (NETWORKS, 3), and must not make them overflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from exactformer.verify.arithmetic.groups import (
    ALL_MINUS_ONE,
    ALL_ONE,
    ALL_ZERO,
    ONE,
    TERNARY,
    ZERO,
    Group,
    Query,
    Value,
)
from exactformer.verify.arithmetic.heads import Output
from exactformer.verify.arithmetic.models import ArithmeticModel, parse_arithmetic
from exactformer.verify.arithmetic.ties import gives, tried
from exactformer.verify.lookups.scores import ScoreArithmetic
from exactformer.verify.lookups.separation import LARGEST_CONTEXT_BITS, Crowd, Separation, UpTo

LARGEST_EXPONENT = 1 << 10
"""The largest exponent of beta that is tried."""


@dataclass(frozen=True)
class Beta:
    """In this context: a beta that is enough, and the largest power of two below it that is shown not to be.

    ``beta`` is None if none is enough, with the reason.  ``too_small`` is None if none is shown not to be.
    """

    context: int
    beta: int | None
    too_small: int | None
    reason: str = ""

    @property
    def is_least(self) -> bool:
        """Whether the next smaller power of two is shown not to be enough."""
        return self.beta is not None and (self.beta == 1 or self.too_small == self.beta // 2)


@dataclass(frozen=True)
class Look:
    """A look-up's queries, in an arithmetic and a context; values are ternary, or signs."""

    model: ArithmeticModel
    found: Separation
    context: int
    ternary: bool

    def holds(self, beta: int) -> bool:
        """Whether one position of value 1 gives 1 at this beta, and for ternary values also 0 gives 0."""
        return gives(tried(self.model, self._query(beta, ALL_ONE)), ONE) and (
            not self.ternary or gives(tried(self.model, self._query(beta, ALL_ZERO)), ZERO)
        )

    def fails(self, beta: int) -> bool:
        """Whether a query with a crowd surely gives a wrong value: the right one is 1 and all others are -1; or, for
        ternary values, 0 and all others are 1.
        """
        return any(
            self._is_wrong(beta, crowd, ALL_ONE, ALL_MINUS_ONE, ONE)
            or (self.ternary and self._is_wrong(beta, crowd, ALL_ZERO, ALL_ONE, ZERO))
            for crowd in self.found.crowds
        )

    def _query(self, beta: int, own: Value) -> Query:
        groups, left = [Group(1, 1, 0, 0, own)], self.context - 1
        for tier in self.found.tiers:
            most = left if tier.most is None else min(left, tier.most)
            if most:
                groups.append(Group(0, most, floor(tier.gap * beta), None, TERNARY))
        return Query(tuple(groups), self.context)

    def _is_wrong(self, beta: int, crowd: Crowd, own: Value, others: Value, right: Fraction) -> bool:
        first = self.found.tiers[0]
        rest, following = crowd.context - 1 - crowd.size, self.found.tiers[1:] or (first,)
        groups = [Group(1, 1, 0, 0, own)]
        groups.append(Group(crowd.size, crowd.size, floor(first.gap * beta), ceil(first.gap * beta), others))
        if rest:
            groups.append(Group(0, rest, floor(following[0].gap * beta), None, others))
        seen = tried(self.model, Query(tuple(groups), crowd.context))
        return isinstance(seen, Output) and not seen.after.low <= right <= seen.after.high


def betas(arithmetic: ScoreArithmetic, found: Separation) -> tuple[Beta, Beta]:
    """For signs and for ternary values, in the largest context that is proved, or 2^64 if that is less."""
    model, context = parse_arithmetic(arithmetic.softmax, of_networks=True), context_of(found)
    signs, ternary = (Look(model, found, context, each) for each in (False, True))
    return least_beta(arithmetic, signs), least_beta(arithmetic, ternary)


def context_of(found: Separation) -> int:
    """The largest context that is proved, at most 2^64."""
    match found.proved:
        case None:
            return 1 << LARGEST_CONTEXT_BITS
        case UpTo(bits):
            return 1 << min(bits, LARGEST_CONTEXT_BITS)
        case proved:
            return min(proved, 1 << LARGEST_CONTEXT_BITS)


def least_beta(arithmetic: ScoreArithmetic, look: Look) -> Beta:
    """The least beta, found by bisection, because bounds shrink as beta grows (`softmax.smallest_beta`)."""
    low, high = 0, LARGEST_EXPONENT
    if not look.holds(1 << high):
        return Beta(look.context, None, None, "no beta is enough, however far scores are apart")
    while low < high:
        middle = (low + high) // 2
        if look.holds(1 << middle):
            high = middle
        else:
            low = middle + 1
    failing = next((e for e in range(low - 1, -1, -1) if look.fails(1 << e)), None)
    too_small = None if failing is None else 1 << failing
    scaled = look.found.largest_score * (1 << low)
    if scaled > arithmetic.stored.max_finite or 2 * scaled > arithmetic.sums.max_finite:
        reason = f"2^{low} times the largest score overflows {arithmetic.stored.name}"
        return Beta(look.context, None, too_small, reason)
    return Beta(look.context, 1 << low, too_small)
