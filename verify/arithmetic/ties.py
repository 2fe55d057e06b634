"""Heads with any number of maximisers from 1 up to a bound that may be as large as 2^64 (SPEC 16).

`decide` (softmax) looks at every number of maximisers.  Here as many as possible are decided at once:

    rounded   as many as rounding, which errs by max(u, m q/2) at most, leaves in the cell of 1; the rest one by one
    fused     maximisers have p = 1 exactly: the accumulator has to count them
    composed  `composed_decision.composed_ties`
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.accumulation import counted
from exactformer.verify.arithmetic.at_once import AtOnce, reach
from exactformer.verify.arithmetic.cells import activation_cells
from exactformer.verify.arithmetic.composed import Interval
from exactformer.verify.arithmetic.composed_decision import composed_ties
from exactformer.verify.arithmetic.formats import FloatFormat, RoundingCell, power_of_two, round_to
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact, Fused, ModelError, Rounded
from exactformer.verify.arithmetic.softmax import (
    ZERO,
    Fails,
    HeadFacts,
    Holds,
    decide,
    head_tau,
    plain_rounded_interval,
    plain_rounded_zero,
)


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

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
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
            up_to = min(facts.most, counted(model.accumulator))
        case ((Fused() | Exact()), Holds()):
            up_to = facts.most  # the smallest number of maximisers is the worst
        case ((Fused() | Exact()), Fails()):
            pass
    return TieDecision(tau, one, None if bounds is None else bounds.zero_bound, up_to)


def _decide_rounded(model: Rounded, facts: TieFacts, tau: Fraction) -> TieDecision:
    cells, zero = activation_cells(model), plain_rounded_zero(model, tau, facts.context)
    if not cells.zero.contains(zero):
        return TieDecision(tau, None, zero, 0)
    at_once = _rounded_at_once(model, facts, tau, cells.one)
    reached = reach(at_once, lambda m: plain_rounded_interval(model, tau, facts.context, m), cells.one, facts.most)
    return TieDecision(tau, reached.one, zero, reached.up_to)


def _rounded_at_once(model: Rounded, facts: TieFacts, tau: Fraction, cell: RoundingCell) -> AtOnce | None:
    """Bounds for all numbers of maximisers that may occur, or as far as rounding errs little enough.

    The exact weights of m maximisers are at most 1 in sum, and at least m/(m + (N - m) tau) >= 1/(1 + (N - 1) tau).
    Rounding x in (0, 1] errs by at most max(u x, q/2), q the smallest positive weight: u = 2^-p where x is normal, 0
    in fixed point.  So rounding m weights errs by at most max(u, m q/2) in sum (lemma ``rounding.tie-error``).  The
    leak of one other position is at most rnd_W(tau), that of all others of N - 1 of these, whatever m is.
    """
    weights, others = model.weights, facts.context - 1
    u = power_of_two(-weights.precision) if isinstance(weights, FloatFormat) else ZERO
    half = power_of_two(weights.quantum_exponent - 1)
    leak = others * round_to(weights, tau)
    low, high = 1 / (1 + others * tau) - leak, 1 + leak
    # Both ends of the cell belong to it: 1 is an even multiple of its unit in every format.
    slack = min(low - cell.low, cell.high - high)
    reached = min(facts.most, slack // half)
    if slack < u or reached < 1:
        return None
    error = max(u, reached * half)
    return AtOnce(Interval(1, low - error, high + error), reached)
