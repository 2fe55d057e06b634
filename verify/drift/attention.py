"""How far what a head gives may be from its hardmax value, if what it reads has drifted (SPEC 20.3).

The words of `verify.arithmetic.softmax`; beta is put into the scores: `beta * gap` is what goes into the exponential.
Scores that drift by at most eta leave those selected at least D - 2 eta above the others, but no longer equal; as they
share their value up to its drift, that does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.accumulation import cannot_overflow, relative_summation_error
from exactformer.verify.arithmetic.exponential import exp_minus_upper
from exactformer.verify.arithmetic.formats import FixedFormat, Format, power_of_two, round_ratio, round_to
from exactformer.verify.arithmetic.models import Fused, Rounded
from exactformer.verify.arithmetic.softmax import readable
from exactformer.verify.drift.rounding import NONE


class BreaksDown(Exception):
    """The bound says nothing here: why."""


@dataclass(frozen=True)
class Query:
    """What is known of a head at the tokens of one class.

    separation: D, nominally.  score_drift: eta, before beta.  largest_score: of the drifted scores' terms, in sum.
    """

    separation: int
    score_drift: Fraction
    largest_score: Fraction
    context: int
    beta: int


@dataclass(frozen=True)
class Received:
    """What is selected: the number of tokens, at most; whether the value may be other than 0; how far it drifts."""

    ties: int
    nonzero: bool
    value_drift: Fraction


def leaking(query: Query, scores: Format) -> Fraction:
    """An upper bound of exp(beta (score - highest)) of a token that is not selected.

    Scores that are no integers are rounded once.  Raises BreaksDown if they may overflow, or if the drift of scores may
    close the separation.
    """
    gap, largest = Fraction(query.separation), query.beta * query.largest_score
    if query.score_drift:
        if isinstance(scores, FixedFormat):
            error = power_of_two(scores.quantum_exponent)
        else:
            error = power_of_two(-scores.precision) * largest
        if largest + error > scores.max_finite:
            raise BreaksDown(f"scores that drift may overflow {scores.name}")
        if isinstance(scores, FixedFormat):
            error /= 2
        gap -= 2 * (query.score_drift + error / query.beta)
    if gap <= 0:
        raise BreaksDown(
            f"scores may drift by {readable(query.score_drift)}, which closes the separation of {query.separation}"
        )
    return exp_minus_upper((query.beta * gap).__floor__())


def drift_of_result(model: Rounded | Fused, query: Query, received: Received) -> Fraction:
    """How far the result may be from its hardmax value, before it is rounded to the activation format."""
    tau = leaking(query, model.scores)
    match model:
        case Rounded():
            return _rounded(model, query, received, tau)
        case Fused():
            return _fused(model, query, received, tau)


def _rounded(model: Rounded, query: Query, received: Received, tau: Fraction) -> Fraction:
    # o - v = sum over those selected of w_j (v_j - v) + v (sum over them of w_j - 1) + sum over the others of w_j v_j.
    dv, others = received.value_drift, query.context - 1
    leak = others * round_to(model.weights, tau) * (1 + dv)
    # Rounding to nearest errs by at most u a_j, u = 2^-p / (1 + 2^-p), or by q/2 where a_j is subnormal; the a_j of
    # those selected sum to between 1 / (1 + (N - 1) tau) and 1.
    u = NONE if isinstance(model.weights, FixedFormat) else 1 / (1 + power_of_two(model.weights.precision))
    ties = received.ties if received.nonzero else query.context
    excess = NONE if ties == 1 else u + ties * power_of_two(model.weights.quantum_exponent) / 2
    if not received.nonzero:
        return (1 + excess) * dv + leak
    if ties == 1:
        t, scale = tau.numerator, tau.denominator
        missing = 1 - round_ratio(model.weights, scale, scale + others * t)
    else:
        missing = others * tau + excess
    return (1 + excess) * dv + missing + leak


def _fused(model: Fused, query: Query, received: Received, tau: Fraction) -> Fraction:
    if not cannot_overflow(model.accumulator, query.context):
        raise BreaksDown(f"sums of {query.context} terms may overflow the accumulator {model.accumulator.name}")
    if received.value_drift:
        raise BreaksDown("the value drifts, so products of weights and values are not values of the accumulator")
    # Of the weights at most ``share`` is not on the tokens selected, whose largest weight is 1.
    share = (query.context - 1) * round_to(model.weights, tau)
    if not (share or received.nonzero):
        return NONE
    # Zeros add exactly: only terms that are not 0 count.
    terms = query.context if share else received.ties
    error = relative_summation_error(model.accumulator, terms)
    if error >= 1:
        raise BreaksDown(f"sums of {terms} terms are not accurate in the accumulator {model.accumulator.name}")
    if not received.nonzero:
        return share * (1 + error) / (1 - error)
    # num' / den' - v = (num - v den + e_n - v e_d) / den' with |e_n|, |e_d| <= error den, |num - v den| <= 2 share den.
    return (2 * share + 2 * error) / (1 - error)
