"""How many maximisers hold, and from which beta on, for many contexts and arithmetics at little cost (SPEC 16).

What `decide_ties` finds depends on the *scaled separation* x = beta * D, the number of maximisers and the context N
alone, as tau >= exp(-x).  So heads of different separations share what is found, and it is remembered.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TypeGuard

from constructions.turing.paradigm import LARGEST_CONTEXT
from verify.arithmetic.exponential import LARGEST_EXPONENT
from verify.arithmetic.formats import FloatFormat, power_of_two, round_ratio, rounding_cell
from verify.arithmetic.models import ArithmeticModel, Rounded, effective_separation
from verify.arithmetic.ties import MOST_ONE_BY_ONE, TieFacts, decide_ties


def rounded_separation(model: ArithmeticModel, facts: TieFacts) -> int:
    """D of the scores as the model rounds them; 0 where scores that differ may become equal."""
    if facts.largest_score is None:
        return facts.separation
    return effective_separation(model, facts.separation, facts.largest_score)


def ties_that_hold(model: ArithmeticModel, facts: TieFacts, beta: int) -> int:
    """`decide_ties` at a beta: all numbers of maximisers from 1 to this one give the hardmax result.

    >>> from verify.arithmetic.models import parse_arithmetic
    >>> ties_that_hold(parse_arithmetic("rounded:bf16/bf16"), TieFacts(1, 2**16, 2**16), 128)
    60
    """
    separation = rounded_separation(model, facts)
    return most_ties(model, beta * separation, facts.most, facts.context) if separation else 0


def smallest_beta_for_ties(model: ArithmeticModel, facts: TieFacts, largest_exponent: int) -> int | None:
    """The smallest power of two at which all numbers of maximisers give the hardmax result; None if none does.

    >>> from verify.arithmetic.models import parse_arithmetic
    >>> smallest_beta_for_ties(parse_arithmetic("fused:bf16"), TieFacts(1, 2**20, 2**20), 20)
    128
    """
    x, separation = least_threshold(model, facts), rounded_separation(model, facts)
    if x is None:
        return None
    exponent = (-(-x // separation) - 1).bit_length()
    return 1 << exponent if exponent <= largest_exponent else None


def least_threshold(model: ArithmeticModel, facts: TieFacts) -> int | None:
    """The least integer beta * D, a power of two or not, at which all numbers of maximisers hold; None if none."""
    if not rounded_separation(model, facts):
        return None
    return least_scaled_separation(model, facts.most, facts.context)


@lru_cache(maxsize=1 << 14)
def least_scaled_separation(model: ArithmeticModel, most: int, context: int) -> int | None:
    """The least integer x = beta * separation at which all numbers of maximisers from 1 to ``most`` hold; None if
    there is none.

    Bisection is right, as all bounds shrink as x grows (`smallest_beta`, `composed_decision`), the one for all numbers
    at once too; beyond 4096 they stay.

    >>> from verify.arithmetic.models import parse_arithmetic
    >>> least_scaled_separation(parse_arithmetic("fused:bf16"), 1, 2**20)
    93
    """
    # One maximiser is the cheapest to decide, and where all hold it does: mostly they hold from there on.
    low = 1 if most == 1 else least_scaled_separation(model, 1, context)
    high = LARGEST_EXPONENT
    cap = least_misrounded(model) if is_plain_rounded(model) and most > 1 else None
    if low is None or (cap is not None and cap <= most):
        return None
    if most_ties(model, low, most, context) == most:
        return low
    if most_ties(model, high, most, context) < most:
        return None
    while low < high:
        middle = (low + high) // 2
        if most_ties(model, middle, most, context) == most:
            high = middle
        else:
            low = middle + 1
    return low


@lru_cache(maxsize=1 << 14)
def most_ties(model: ArithmeticModel, x: int, most: int, context: int) -> int:
    """`decide_ties` at x = beta * separation: up to how many maximisers hold.

    Of rounded models fewer than `least_misrounded` hold.  What holds in a longer context holds in a shorter one, as
    fewer positions leak less: where that many hold at the next 2^8, 2^16, 2^24, .., nothing is left to decide.
    """
    cap = least_misrounded(model) if is_plain_rounded(model) and most > 1 else None
    if cap is None or cap > most:
        return decide_ties(model, TieFacts(x, most, context), 1).up_to
    longer = 1 << 8 * -(-(context - 1).bit_length() // 8)
    if context < longer and most_ties(model, x, cap, longer) == cap - 1:
        return cap - 1
    return decide_ties(model, TieFacts(x, cap - 1, context), 1).up_to


def is_plain_rounded(model: ArithmeticModel) -> TypeGuard[Rounded]:
    """A rounded model without steps."""
    return isinstance(model, Rounded) and not model.composed


@lru_cache(maxsize=1 << 10)
def least_misrounded(model: Rounded) -> int | None:
    """The least number of maximisers with the value 1 that do not give 1 even if nothing else is visible.

    None if none was found up to the longest context; of those at which 1/m is subnormal only 2^20 are tried.

    >>> from verify.arithmetic.models import parse_arithmetic
    >>> [least_misrounded(parse_arithmetic(f"rounded:{formats}")) for formats in ("bf16", "fp16/bf16", "fp32/bf16")]
    [61, 65923, None]
    """
    cell, first = rounding_cell(model.activations, Fraction(1)), 1
    if isinstance(model.weights, FloatFormat):
        u = power_of_two(-model.weights.precision)
        if cell.contains(1 - u) and cell.contains(1 + u):
            first += 1 << -model.weights.emin  # |m rnd(1/m) - 1| <= u where 1/m is normal (lemma `rounding.spare-bit`)
    last = min(LARGEST_CONTEXT, first + MOST_ONE_BY_ONE)
    trials = range(first, last + 1)
    return next((m for m in trials if not cell.contains(m * round_ratio(model.weights, 1, m))), None)
