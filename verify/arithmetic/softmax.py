"""Does softmax, in a model, give the hardmax result exactly, at all queries of a head that one or more runs show?

The head's `HeadFacts` are its separation, the numbers of maximisers of queries whose value is not 0, and the context
length.  One coordinate v of the value lists is considered; the maximisers share its value.  `ties` has the queries that
are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.groups import ZERO, Interval
from exactformer.verify.arithmetic.heads import Output
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact
from exactformer.verify.arithmetic.rounding import NotShown
from exactformer.verify.arithmetic.ties import Search, at_zero, gives, require_power_of_two, rounded_separation


class FactsError(ValueError):
    """The facts about a head contradict each other."""


@dataclass(frozen=True)
class HeadFacts:
    """What is proved about a head, for all its queries.

    separation: positive integer; every score below a query's highest is at least this much lower, before
        beta. None when no query has a competitor: every visible position is a maximiser.
    ties: the numbers of maximisers, ascending, at queries whose shared value has a non-zero coordinate.
    context: the largest number of visible positions.
    largest_score: bounds the magnitude of every score.  None says that the separation is that of the scores as the
        model rounds them; it makes a difference for ``+once`` alone.

    Raises FactsError when a number is out of range or ties are not strictly ascending.
    """

    separation: int | None
    ties: tuple[int, ...]
    context: int
    largest_score: int | None = None

    def __post_init__(self) -> None:
        if self.separation is not None and self.separation < 1:
            raise FactsError(f"the separation is a positive integer or None, got {self.separation}")
        if self.context < 1:
            raise FactsError(f"the context length must be at least 1, got {self.context}")
        if any(left >= right for left, right in zip(self.ties, self.ties[1:], strict=False)):
            raise FactsError("the numbers of maximisers must be strictly ascending")
        if self.ties and not 1 <= self.ties[0] <= self.ties[-1] <= self.context:
            raise FactsError(
                f"numbers of maximisers {self.ties[0]}..{self.ties[-1]} lie outside 1..{self.context},"
                " the numbers of visible positions"
            )

    @property
    def ranges(self) -> Iterator[tuple[int, int]]:
        """The ties, as ranges without gaps.

        >>> list(HeadFacts(1, (1, 2, 5), 8).ranges)
        [(1, 2), (5, 5)]
        """
        numbers = set(self.ties)
        starts = (m for m in self.ties if m - 1 not in numbers)
        ends = (m for m in self.ties if m + 1 not in numbers)
        return zip(starts, ends, strict=True)


@dataclass(frozen=True)
class HeadBounds:
    """The number before the last rounding: in ``one`` if v = 1, for all ties that were looked at; in ``zero`` if v = 0.

    None if there are no ties, or nothing is bounded.
    """

    one: Interval | None
    zero: Interval | None


@dataclass(frozen=True)
class Reason:
    """Why a head is not certified: the number of maximisers, and a sentence that says what is missing."""

    maximisers: int
    sentence: str


@dataclass(frozen=True)
class Holds:
    """Every query that agrees with the facts gives exactly the hardmax result."""

    bounds: HeadBounds


@dataclass(frozen=True)
class Fails:
    """No proof: the bounds do not exclude another result."""

    bounds: HeadBounds
    reason: Reason


Decision = Holds | Fails


def decide(model: ArithmeticModel, facts: HeadFacts, beta: int) -> Decision:
    """Whether the model gives the hardmax result at every query that agrees with the facts.

    beta is a power of two >= 1, else ModelError. `models.largest_beta_exponent` decides whether scores are exact at
    this beta.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> facts = HeadFacts(separation=2, ties=(1,), context=2 ** 10)
    >>> [type(decide(parse_arithmetic("fused:bf16"), facts, beta)).__name__ for beta in (32, 64)]
    ['Fails', 'Holds']
    """
    require_power_of_two(beta)
    x = None
    if facts.separation is not None:
        apart = rounded_separation(model, facts.separation, facts.largest_score)
        if apart < 1:
            return Fails(HeadBounds(None, None), Reason(1, _may_be_equal(model, facts)))
        x = beta * apart
    search, zero = Search(model, x, facts.context), at_zero(model, x, facts.context)
    shown = all(search.show(fewest, most) for fewest, most in facts.ranges)
    bounds = HeadBounds(search.seen, zero.before if isinstance(zero, Output) else None)
    if not shown:
        return Fails(bounds, _reason(model, search.at, 1, search.failed))
    if not gives(zero, ZERO):
        return Fails(bounds, _reason(model, 1, 0, zero))
    return Holds(bounds)


def smallest_beta(model: ArithmeticModel, facts: HeadFacts, largest_exponent: int) -> int | None:
    """The smallest power of two beta = 2^e, 0 <= e <= largest_exponent, at which `decide` holds; None if
    none.

    Bisection finds it, because bounds shrink as beta grows: exponentials and the errors of their sums fall, and exact
    sums stay exact.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> smallest_beta(parse_arithmetic("rounded:fp16"), HeadFacts(2, (1, 2), 2 ** 10), 20)
    16
    """
    low, high = 0, largest_exponent + 1
    while low < high:
        middle = (low + high) // 2
        if isinstance(decide(model, facts, 1 << middle), Holds):
            high = middle
        else:
            low = middle + 1
    return 1 << low if low <= largest_exponent else None


def _may_be_equal(model: ArithmeticModel, facts: HeadFacts) -> str:
    return (
        f"scores up to {facts.largest_score} that are {facts.separation} apart may be equal once they are rounded to "
        f"{model.scores.name}"
    )


def _reason(model: ArithmeticModel, maximisers: int, value: int, found: Output | NotShown | None) -> Reason:
    """Why so many maximisers that share a value are not shown to give it."""
    if not isinstance(found, Output):
        return Reason(maximisers, "nothing was looked at" if found is None else found.sentence)
    end = found.before.low if found.after.low < value else found.before.high
    rounded = found.after.low if found.after.low < value else found.after.high
    becomes = "and no rounding restores it"
    if not isinstance(model, Exact):
        becomes = f"which rounds to {readable(rounded)} in {model.activations.name}, not {value}"
    share = "maximiser has" if maximisers == 1 else "maximisers share"
    return Reason(
        maximisers,
        f"if {maximisers} {share} the value {value}, the result before rounding is bounded only by {readable(end)}, "
        f"{becomes}",
    )


def readable(x: Fraction) -> str:
    """A rational for a message: itself if it is short, else the nearest integer and roughly how far from it."""
    if x.numerator.bit_length() + x.denominator.bit_length() <= 64:
        return str(x)
    nearest = round(x)
    if nearest.bit_length() > 64:
        return f"about {'-' if x < 0 else ''}2^{nearest.bit_length()}"
    distance = abs(x - nearest)
    exponent = distance.numerator.bit_length() - distance.denominator.bit_length()
    sign = "-" if x < nearest else "+" if nearest else ""
    return f"about {nearest or ''}{sign}2^{exponent}"
