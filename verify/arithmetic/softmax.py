"""Does a softmax head give exactly the hardmax result? Decided with rationals (spec sections 4.1 to 4.3).

The words: a query sees n <= N (`context`) positions; m of them, its *maximisers*, attain the highest score
and share one value v in {-1, 0, 1} per coordinate, so hardmax gives v; every other score is at least
`separation` D lower and the value there is anything in {-1, 0, 1}. With tau >= exp(-beta D), the softmax
weight of each maximiser lies in [1 / (m + (N - m) tau), 1 / m] and that of each other position in [0, tau /
m]: the *leak*.

Per head two things are decided, for all queries that agree with the facts: that o = 1 where v = 1 (v = -1 is
its mirror image, as rounding is symmetric), and that o = 0 where v = 0.  The plain models are decided here, composed
ones in `composed_decision`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.accumulation import cannot_overflow, counted, relative_summation_error
from exactformer.verify.arithmetic.cells import activation_cells
from exactformer.verify.arithmetic.composed import Interval, NotShown, cut
from exactformer.verify.arithmetic.composed_decision import composed_bounds
from exactformer.verify.arithmetic.exponential import exp_minus_upper
from exactformer.verify.arithmetic.formats import (
    FormatOverflow,
    RoundingCell,
    round_ratio,
    round_to,
)
from exactformer.verify.arithmetic.models import (
    ArithmeticModel,
    Exact,
    Fused,
    ModelError,
    Rounded,
    effective_separation,
)

ZERO = Fraction(0)
ONE = Fraction(1)


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


@dataclass(frozen=True)
class HeadBounds:
    """Exact bounds on what the model rounds last, and what they are held against.

    tau: an upper bound of exp(-beta D).
    one_low, one_high: they enclose what is rounded to o where v = 1, over all ties; None when there are none.
    zero_bound: bounds its magnitude where v = 0.
    one_cell, zero_cell: the rationals that round to 1 and to 0 in the activation format ({1} and {0} in
    `Exact`).
    """

    tau: Fraction
    one_low: Fraction | None
    one_high: Fraction | None
    zero_bound: Fraction
    one_cell: RoundingCell
    zero_cell: RoundingCell


class Inequality(enum.Enum):
    """What has to hold: the values 1 and 0 are kept, sums in the accumulator are right, scores stay apart."""

    ONE = "one"
    ZERO = "zero"
    ACCUMULATOR = "accumulator"
    SCORES = "scores"


@dataclass(frozen=True)
class Reason:
    """Why a head is not certified.

    maximisers: the number m of maximisers for which it is not. rounded: the rounded end of the enclosure
    that is not the hardmax value; None when it overflows, when it is not rounded, for the accumulator and for scores.
    """

    inequality: Inequality
    maximisers: int
    rounded: Fraction | None
    sentence: str


@dataclass(frozen=True)
class Holds:
    """Every query that agrees with the facts gives exactly the hardmax result."""

    bounds: HeadBounds


@dataclass(frozen=True)
class Fails:
    """No proof: the bounds do not exclude another result. bounds is None when the accumulator or the scores fail."""

    bounds: HeadBounds | None
    reason: Reason


Decision = Holds | Fails


def decide(model: ArithmeticModel, facts: HeadFacts, beta: int) -> Decision:
    """Whether the model gives the hardmax result at every query that agrees with the facts (section 4.3).

    beta is a power of two >= 1, else ModelError. That the scores are exact at this beta is for
    `models.largest_beta_exponent` to say.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> facts = HeadFacts(separation=2, ties=(1,), context=2 ** 10)
    >>> [type(decide(parse_arithmetic("fused:bf16"), facts, beta)).__name__ for beta in (32, 64)]
    ['Fails', 'Holds']
    """
    if beta < 1 or beta & (beta - 1):
        raise ModelError(f"beta must be a power of two >= 1, got {beta}")
    tau = head_tau(model, facts.separation, facts.largest_score, beta)
    if tau is None:
        return Fails(
            None,
            Reason(
                Inequality.SCORES,
                1,
                None,
                f"scores up to {facts.largest_score} that are {facts.separation} apart may be equal once they are"
                f" rounded to {model.scores.name}",
            ),
        )
    match model:
        case Rounded() | Fused() if model.composed:
            return _decide_composed(model, facts, tau)
        case Exact():
            return _compare(model, _exact_intervals(facts, tau), _exact_zero_bound(facts, tau), tau)
        case Rounded():
            intervals = [plain_rounded_interval(model, tau, facts.context, m) for m in facts.ties]
            return _compare(model, intervals, plain_rounded_zero(model, tau, facts.context), tau)
        case Fused():
            return _decide_fused(model, facts, tau)


def head_tau(model: ArithmeticModel, separation: int | None, largest_score: int | None, beta: int) -> Fraction | None:
    """An upper bound of exp(-beta D), D the separation of the scores as the model rounds them; 0 where no other
    position is visible; None where scores that differ may become equal.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> head_tau(parse_arithmetic("fused:bf16@e4m3fn+once"), 2, 64, 8) is None
    True
    """
    if separation is None:
        return ZERO
    apart = separation if largest_score is None else effective_separation(model, separation, largest_score)
    return exp_minus_upper(beta * apart) if apart >= 1 else None


def smallest_beta(model: ArithmeticModel, facts: HeadFacts, largest_exponent: int) -> int | None:
    """The smallest power of two beta = 2^e, 0 <= e <= largest_exponent, at which `decide` holds; None if
    none.

    Bisection is right because `decide` is monotone in beta: tau never increases with beta, every rounding is
    monotone, so the intervals shrink. The fused model's step from delta > 0 to delta = 0 keeps this: where it holds
    with delta > 0, relative_summation_error(N) < 1 and no overflow, so that all m <= N <= 2^precision count exactly.
    Composed models are monotone for the reasons in `composed_decision`; the rounded separation is the same at all beta.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> smallest_beta(parse_arithmetic("rounded:fp16"), HeadFacts(2, (1, 2), 2 ** 10), 20)
    16
    """
    return least_power(lambda beta: isinstance(decide(model, facts, beta), Holds), largest_exponent)


def least_power(holds: Callable[[int], bool], largest_exponent: int) -> int | None:
    """The smallest 2^e, 0 <= e <= largest_exponent, at which something holds that stays true above; None if none."""
    low, high = 0, largest_exponent + 1
    while low < high:
        middle = (low + high) // 2
        if holds(1 << middle):
            high = middle
        else:
            low = middle + 1
    return 1 << low if low <= largest_exponent else None


def _exact_intervals(facts: HeadFacts, tau: Fraction) -> Iterable[Interval]:
    # o - v = sum over the others of a_j (v_j - v) with |v_j - v| <= 2, their weights total at most L / (m +
    # L) with L = (N - m) tau, and o <= 1 as a weighted mean. L / (m + L) falls as m grows: the smallest m is
    # the worst.
    for m in facts.ties[:1]:
        leak = (facts.context - m) * tau
        yield Interval(m, 1 - 2 * leak / (m + leak), ONE)


def _exact_zero_bound(facts: HeadFacts, tau: Fraction) -> Fraction:
    # As above with |v_j - 0| <= 1 and m = 1.
    leak = (facts.context - 1) * tau
    return leak / (1 + leak)


def plain_rounded_interval(model: Rounded, tau: Fraction, context: int, maximisers: int) -> Interval:
    """What is rounded to o where v = 1, in a rounded model that is not composed."""
    t, scale, others = tau.numerator, tau.denominator, context - maximisers
    # Rounding is monotone, so the ends of the rounded weights are the rounded ends of the weights.
    weight_low = round_ratio(model.weights, scale, maximisers * scale + others * t)
    weight_high = round_ratio(model.weights, 1, maximisers)
    leak = others * round_ratio(model.weights, t, maximisers * scale)
    return Interval(maximisers, maximisers * weight_low - leak, maximisers * weight_high + leak)


def plain_rounded_zero(model: Rounded, tau: Fraction, context: int) -> Fraction:
    """A bound on what is rounded to o where v = 0, likewise."""
    # (N - m) rnd_w(tau / m) does not increase with m, as rounding is monotone: m = 1 is the worst.
    return (context - 1) * round_to(model.weights, tau)


def _decide_fused(model: Fused, facts: HeadFacts, tau: Fraction) -> Decision:
    """Each maximiser has p = 1 exactly, every other position p in [0, delta]."""
    accumulator = model.accumulator
    # Where v = 0 any number of positions up to N may be maximisers, so the sums may have N terms of
    # magnitude 1.
    if not cannot_overflow(accumulator, facts.context):
        return _accumulator_fails(
            facts.context, f"sums of {facts.context} terms may overflow the accumulator {accumulator.name}"
        )
    delta = round_to(model.weights, tau) if facts.context > 1 else ZERO
    if delta == 0:
        # Only ones and zeros are added. Where v = 0, num = 0, and den >= 1 is finite: o = 0.
        for m in facts.ties:
            if m > counted(accumulator):
                return _accumulator_fails(m, f"the accumulator {accumulator.name} does not count {m} ones exactly")
        return _compare(model, [Interval(m, ONE, ONE) for m in facts.ties[:1]], ZERO, tau)
    error = relative_summation_error(accumulator, facts.context)
    if error >= 1:
        return _accumulator_fails(
            facts.context,
            f"sums of {facts.context} terms, some of them up to {readable(delta)}, are not accurate"
            f" in the accumulator {accumulator.name}",
        )
    # Where v = 0: |num| <= L (1 + error) with L = (N - m) delta, worst at m = 1; computed den >= 1.
    zero_bound = (facts.context - 1) * delta * (1 + error)
    return _compare(model, _fused_intervals(facts, delta, error), zero_bound, tau)


def _fused_intervals(facts: HeadFacts, delta: Fraction, error: Fraction) -> Iterable[Interval]:
    # Where v = 1, let E in [0, L], L = (N - m) delta, be the sum of the others' p. Exactly, den = m + E and
    # m - E <= num <= m + E; computed, each errs by at most error (m + E). So num / den is at most
    # (1 + error) / (1 - error), and at least (m - E - error (m + E)) / ((m + E) (1 + error)) where that is
    # positive, which falls as E / m grows: E = L and the smallest m are the worst. Where it is not positive,
    # num / den >= -high.
    for m in facts.ties[:1]:
        leak = (facts.context - m) * delta
        high = (1 + error) / (1 - error)
        numerator_low = m - leak - error * (m + leak)
        low = numerator_low / ((m + leak) * (1 + error)) if numerator_low > 0 else -high
        yield Interval(m, low, high)


def _decide_composed(model: Rounded | Fused, facts: HeadFacts, tau: Fraction) -> Decision:
    try:
        bounds = composed_bounds(model, tau, facts.ties, facts.context)
    except NotShown as failed:
        return _accumulator_fails(failed.maximisers, failed.sentence)
    return _compare(model, bounds.ones, bounds.zero, tau)


def _compare(model: ArithmeticModel, intervals: Iterable[Interval], zero_bound: Fraction, tau: Fraction) -> Decision:
    """Hold the intervals against the rounding cells: a cell is convex, so both ends in it put all in it."""
    cells = activation_cells(model)
    intervals = list(intervals)
    bounds = HeadBounds(
        tau=tau,
        one_low=min((interval.low for interval in intervals), default=None),
        one_high=max((interval.high for interval in intervals), default=None),
        zero_bound=zero_bound,
        one_cell=cells.one,
        zero_cell=cells.zero,
    )
    for interval in intervals:
        for end in (interval.low, interval.high):
            if not cells.one.contains(end):
                return Fails(bounds, _missed(model, Inequality.ONE, interval.maximisers, end))
    if not cells.zero.contains(zero_bound):
        return Fails(bounds, _missed(model, Inequality.ZERO, 1, zero_bound))
    return Holds(bounds)


def _missed(model: ArithmeticModel, inequality: Inequality, m: int, end: Fraction) -> Reason:
    wanted = "1" if inequality is Inequality.ONE else "0"
    rounded: Fraction | None = None
    if isinstance(model, Exact):
        becomes = "and nothing rounds it back"
    else:
        try:
            rounded = cut(model, model.activations, end)
            becomes = f"which rounds to {readable(rounded)} in {model.activations.name}"
        except FormatOverflow:
            becomes = f"which overflows {model.activations.name}"
    sentence = (
        f"where {m} maximiser{'s share' if m > 1 else ' has'} the value {wanted},"
        f" the result before rounding is bounded only by {readable(end)}, {becomes}, not {wanted}"
    )
    return Reason(inequality, m, rounded, sentence)


def _accumulator_fails(m: int, sentence: str) -> Fails:
    return Fails(None, Reason(Inequality.ACCUMULATOR, m, None, sentence))


def readable(x: Fraction) -> str:
    """The rational itself when short, else the nearest integer and roughly how far from it, for a message."""
    if x.numerator.bit_length() + x.denominator.bit_length() <= 64:
        return str(x)
    nearest = round(x)
    if nearest.bit_length() > 64:
        return f"about {'-' if x < 0 else ''}2^{nearest.bit_length()}"
    distance = abs(x - nearest)
    exponent = distance.numerator.bit_length() - distance.denominator.bit_length()
    sign = "-" if x < nearest else "+" if nearest else ""
    return f"about {nearest or ''}{sign}2^{exponent}"
