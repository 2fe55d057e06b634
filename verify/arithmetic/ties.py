"""Whether a head gives the hardmax value, for some or all numbers of maximisers (certificates/ARITHMETIC.md, 6).

A number m of maximisers is *shown* if m positions that share the value 1, with all others, give 1 (-1 is the mirror
image, because rounding is symmetric).  Many numbers are shown at once, or else each half of them is tried.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from exactformer.verify.arithmetic.groups import ONE, ZERO, Interval, Query, sharing, sharing_zero
from exactformer.verify.arithmetic.heads import Output, output
from exactformer.verify.arithmetic.models import ArithmeticModel, ModelError, effective_separation
from exactformer.verify.arithmetic.rounding import NotShown

MOST_QUERIES = 1 << 13
"""How many queries are looked at for one case before giving up."""


@dataclass(frozen=True)
class TieFacts:
    """What is proved about a head: its separation, and that a value other than 0 has 1 to ``most`` maximisers.

    largest_score: bounds the magnitude of every score.  None says that the separation is that of the scores as the
        model rounds them; it makes a difference for ``+once`` alone.
    """

    separation: int
    most: int
    context: int
    largest_score: int | None = None


@dataclass(frozen=True)
class TieDecision:
    """Numbers of maximisers from 1 to ``up_to`` give the hardmax result; the next is not shown to.

    one: the number before the last rounding if the value is 1, for each of them, and for the next if that is known;
    zero: if the value is 0.  None if nothing was bounded.
    """

    one: Interval | None
    zero: Interval | None
    up_to: int


def decide_ties(model: ArithmeticModel, facts: TieFacts, beta: int) -> TieDecision:
    """How many maximisers a head may have at this beta, a power of two.  Raises ModelError for another beta.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> facts = TieFacts(separation=1, most=2**16, context=2**16)
    >>> [decide_ties(parse_arithmetic(a), facts, 128).up_to for a in ("rounded:bf16/bf16", "rounded:fp32/bf16")]
    [60, 65536]
    """
    require_power_of_two(beta)
    apart = rounded_separation(model, facts.separation, facts.largest_score)
    if apart < 1:
        return TieDecision(None, None, 0)
    zero = at_zero(model, beta * apart, facts.context)
    found = Search(model, beta * apart, facts.context)
    if gives(zero, ZERO):
        found.show(1, facts.most)
    return TieDecision(found.seen, zero.before if isinstance(zero, Output) else None, found.up_to)


def require_power_of_two(beta: int) -> None:
    """Raises ModelError for a number that beta cannot be."""
    if beta < 1 or beta & (beta - 1):
        raise ModelError(f"beta must be a power of two >= 1, got {beta}")


def rounded_separation(model: ArithmeticModel, separation: int, largest_score: int | None) -> int:
    """D': the separation of the scores as the model rounds them; 0 if different scores may become equal."""
    return separation if largest_score is None else effective_separation(model, separation, largest_score)


@lru_cache(maxsize=1 << 12)
def at_zero(model: ArithmeticModel, x: int | None, context: int) -> Output | NotShown:
    """What a head computes if the value is 0, for any number of maximisers; x = beta D', None without others."""
    return tried(model, sharing_zero(x, context))


@lru_cache(maxsize=1 << 14)
def alone(model: ArithmeticModel, fewest: int, most: int) -> Output | NotShown:
    """What a head computes if these numbers of maximisers share the value 1 and there are no other positions.

    If that is not 1, it is not shown to be 1 with other positions either: this is kept for all x and contexts.
    """
    return tried(model, sharing(fewest, most, None, most))


@lru_cache(maxsize=1 << 14)
def among(model: ArithmeticModel, fewest: int, most: int, x: int, context: int) -> Output | NotShown:
    """The same with other positions; kept, because bisections for beta, and heads of one separation, ask it again."""
    return tried(model, sharing(fewest, most, x, context))


def tried(model: ArithmeticModel, query: Query) -> Output | NotShown:
    """What a head computes at a query, or why nothing is known about it."""
    try:
        return output(model, query)
    except NotShown as why:
        return why


def gives(found: Output | NotShown | None, value: Fraction) -> bool:
    """Whether a query was shown to give this value."""
    return isinstance(found, Output) and found.after == Interval(value, value)


@dataclass
class Search:
    """The search for numbers of maximisers that give 1; x = beta D', None without other positions.

    up_to: the last that was shown.  failed: what is known about the number ``at`` at which the search ended, if the
    result is not 1.  seen: the number before the last rounding, as far as it is known for all of these.  left: how many
    queries may still be looked at, after the one of the value 0.
    """

    model: ArithmeticModel
    x: int | None
    context: int
    up_to: int = 0
    failed: Output | NotShown | None = None
    at: int = 0
    seen: Interval | None = None
    left: int = field(default_factory=lambda: MOST_QUERIES - 1)

    def show(self, fewest: int, most: int) -> bool:
        """Whether all of these are shown: at once, or each half of them, smaller numbers first.

        If the first half is not, its own first half is looked at, and so on: failures are mostly at small numbers, so
        ranges are looked at from the smallest on.
        """
        if self._is_shown(fewest, most):
            return True
        if fewest == most:
            return False
        ends = [most]
        while ends[-1] > fewest:
            ends.append((fewest + ends[-1]) // 2)
        smaller = ends.pop()
        if not self._is_shown(fewest, smaller):
            return False
        while ends:
            larger = ends.pop()
            if not (ends and self._is_shown(fewest, larger)) and not self.show(smaller + 1, larger):
                return False
            smaller = larger
        return True

    def _is_shown(self, fewest: int, most: int) -> bool:
        """Whether these are shown at once."""
        if self.left == 0:
            self.failed, self.at = NotShown(f"{MOST_QUERIES} queries are not enough to show it"), self.up_to + 1
            return False
        self.left -= 1
        found = alone(self.model, fewest, most) if self.x is None or fewest < most else None
        if self.x is not None and (found is None or gives(found, ONE)):
            found = among(self.model, fewest, most, self.x, self.context)
        shown = gives(found, ONE)
        if shown:
            self.up_to = most
        elif fewest == most:
            self.failed, self.at = found, fewest
        if isinstance(found, Output) and (shown or fewest == most):
            self.seen = found.before if self.seen is None else self.seen.hull(found.before)
        return shown
