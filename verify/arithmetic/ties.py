"""Heads with any number of maximisers from 1 up to a bound that may be as large as 2^64 (SPEC 16).

`decide` (softmax) looks at every number of maximisers.  Here as many as possible are decided at once:

    rounded   if the weights have more precision p than the activations, |m rnd_W(1/m) - 1| <= 2^-p is at most half an
              ulp below 1, for all m with 1/m normal (lemma ``rounding.spare-bit``); the rest one by one
    fused     maximisers have p = 1 exactly: the accumulator has to count them
    composed  `composed_decision.composed_ties`
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from verify.arithmetic.accumulation import counts_exactly
from verify.arithmetic.composed_decision import composed_ties
from verify.arithmetic.formats import (
    FloatFormat,
    RoundingCell,
    multiple_of_smallest,
    power_of_two,
    round_to,
    rounding_cell,
)
from verify.arithmetic.models import ArithmeticModel, Exact, Fused, ModelError, Rounded
from verify.arithmetic.softmax import Fails, HeadFacts, Holds, decide, head_tau

MOST_ONE_BY_ONE = 1 << 20
"""Numbers of maximisers that are looked at one by one before giving up."""


@dataclass(frozen=True)
class TieFacts:
    """What is proved about a head: its separation, and that a value other than 0 has 1 to ``most`` maximisers.

    largest_score: as in `HeadFacts`.
    """

    separation: int
    most: int
    context: int
    largest_score: int | None = None


@dataclass(frozen=True)
class TieDecision:
    """Numbers of maximisers from 1 to ``up_to`` give the hardmax result; the next is not shown to.

    tau: None if rounding may make scores equal that differ.
    one, zero: what is rounded last where the value is 1 and where it is 0, as far as it was bounded.
    """

    tau: Fraction | None
    one: tuple[Fraction, Fraction] | None
    zero: Fraction | None
    up_to: int


def decide_ties(model: ArithmeticModel, facts: TieFacts, beta: int) -> TieDecision:
    """How many maximisers a head may have at this beta, a power of two.

    >>> from verify.arithmetic.models import parse_arithmetic
    >>> facts = TieFacts(separation=1, most=2**16, context=2**16)
    >>> [decide_ties(parse_arithmetic(a), facts, 128).up_to for a in ("rounded:bf16/bf16", "rounded:fp32/bf16")]
    [60, 65536]
    """
    if beta < 1 or beta & (beta - 1):
        raise ModelError(f"beta must be a power of two >= 1, got {beta}")
    tau = head_tau(model, facts.separation, facts.largest_score, beta)
    if tau is None:
        return TieDecision(None, None, None, 0)
    if not isinstance(model, Exact) and model.composed:
        decided = composed_ties(model, tau, facts.most, facts.context)
        return TieDecision(tau, decided.one, decided.zero, decided.up_to)
    if isinstance(model, Rounded):
        return _decide_rounded(model, facts, tau)
    decision = decide(model, HeadFacts(facts.separation, (1,), facts.context, facts.largest_score), beta)
    bounds = decision.bounds
    one = None
    if bounds is not None and bounds.one_low is not None and bounds.one_high is not None:
        one = bounds.one_low, bounds.one_high
    up_to = 0
    match model, decision:
        case Fused(), Holds() if facts.context == 1 or round_to(model.weights, tau) == 0:
            up_to = _most_counted(model, facts.most)
        case ((Fused() | Exact()), Holds()):
            up_to = facts.most  # the smallest number of maximisers is the worst
        case ((Fused() | Exact()), Fails()):
            pass
    return TieDecision(tau, one, None if bounds is None else bounds.zero_bound, up_to)


def _most_counted(model: Fused, most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if counts_exactly(model.accumulator, middle):
            low = middle
        else:
            high = middle - 1
    return low


def _decide_rounded(model: Rounded, facts: TieFacts, tau: Fraction) -> TieDecision:
    one_cell, zero_cell = (rounding_cell(model.activations, Fraction(value)) for value in (1, 0))
    # The leak of one position is at most rnd_W(tau), that of all others of N - 1 of these, whatever m is.
    leak = (facts.context - 1) * round_to(model.weights, tau)
    if not zero_cell.contains(leak):
        return TieDecision(tau, None, leak, 0)
    at_once, hull = 0, list[Fraction]()
    if isinstance(model.weights, FloatFormat):
        # A weight is within a factor 1 +- u of the real one, which is between 1/(m + (N - 1) tau) and 1/m, if that is
        # a normal number: m times it is between (1 - u)/(1 + (N - 1) tau) and 1 + u.
        u, others = power_of_two(-model.weights.precision), (facts.context - 1) * tau
        ends = [(1 - u) / (1 + others) - leak, 1 + u + leak]
        if all(map(one_cell.contains, ends)):
            normal = power_of_two(-model.weights.emin) - others
            at_once, hull = max(0, min(facts.most, normal.numerator // normal.denominator)), ends
    if at_once == facts.most:
        return TieDecision(tau, (hull[0], hull[1]), leak, at_once)
    up_to, one_by_one = _one_by_one(model, facts, tau, one_cell, at_once + 1)
    hull = [*hull, *one_by_one] if at_once else one_by_one
    return TieDecision(tau, (min(hull), max(hull)), leak, up_to)


def _one_by_one(
    model: Rounded, facts: TieFacts, tau: Fraction, one_cell: RoundingCell, first: int
) -> tuple[int, list[Fraction]]:
    """The last of the numbers from ``first`` on that gives 1; the hull of what is rounded, up to the one that does not.

    All weights are multiples of the smallest one, and are counted in those.
    """
    weights, most = model.weights, min(facts.most, first - 1 + MOST_ONE_BY_ONE)
    unit = power_of_two(weights.quantum_exponent)
    lowest, highest = _multiples_inside(one_cell, unit)
    t, scale = tau.numerator, tau.denominator
    least = largest = first * multiple_of_smallest(weights, 1, first)
    for m in range(first, most + 1):
        others = facts.context - m
        leaking = others * multiple_of_smallest(weights, t, m * scale)
        low = m * multiple_of_smallest(weights, scale, m * scale + others * t) - leaking
        high = m * multiple_of_smallest(weights, 1, m) + leaking
        least, largest = min(least, low), max(largest, high)
        if low < lowest or high > highest:
            return m - 1, [least * unit, largest * unit]
    return most, [least * unit, largest * unit]


def _multiples_inside(cell: RoundingCell, unit: Fraction) -> tuple[int, int]:
    """The least and the largest n with n units in the cell."""
    low, high = ceil(cell.low / unit), floor(cell.high / unit)
    return low + (not cell.contains(low * unit)), high - (not cell.contains(high * unit))
