"""How many maximisers hold, and from which beta on, for many contexts and arithmetics at little cost.

The result of `decide_ties` depends only on the *scaled separation* x = beta * D', the number of maximisers and the
context N.  So heads of different separations share results, which are kept.
"""

from __future__ import annotations

from functools import lru_cache

from exactformer.verify.arithmetic.exponentials import grid_bits, steady
from exactformer.verify.arithmetic.models import ArithmeticModel
from exactformer.verify.arithmetic.ties import Search, TieFacts, decide_ties, rounded_separation


def ties_that_hold(model: ArithmeticModel, facts: TieFacts, beta: int) -> int:
    """`decide_ties` at a beta: all numbers of maximisers from 1 to this one give the hardmax result.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> ties_that_hold(parse_arithmetic("rounded:bf16/bf16"), TieFacts(1, 2**16, 2**16), 128)
    60
    """
    separation = rounded_separation(model, facts.separation, facts.largest_score)
    return most_ties(model, beta * separation, facts.most, facts.context) if separation else 0


def smallest_beta_for_ties(model: ArithmeticModel, facts: TieFacts, largest_exponent: int) -> int | None:
    """The smallest power of two at which all numbers of maximisers give the hardmax result; None if none does.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> smallest_beta_for_ties(parse_arithmetic("fused:bf16"), TieFacts(1, 2**20, 2**20), 20)
    128
    """
    x, separation = least_threshold(model, facts), rounded_separation(model, facts.separation, facts.largest_score)
    if x is None:
        return None
    exponent = (-(-x // separation) - 1).bit_length()
    return 1 << exponent if exponent <= largest_exponent else None


def least_threshold(model: ArithmeticModel, facts: TieFacts) -> int | None:
    """The least integer beta * D', a power of two or not, at which all numbers of maximisers hold; None if none."""
    if not rounded_separation(model, facts.separation, facts.largest_score):
        return None
    return least_scaled_separation(model, facts.most, facts.context)


@lru_cache(maxsize=1 << 14)
def least_scaled_separation(model: ArithmeticModel, most: int, context: int) -> int | None:
    """The least integer x = beta * separation at which all numbers of maximisers from 1 to ``most`` hold; None if
    there is none.

    Bisection finds it, because all bounds shrink as x grows (`smallest_beta`); beyond `steady` they stay.

    >>> from exactformer.verify.arithmetic.models import parse_arithmetic
    >>> least_scaled_separation(parse_arithmetic("fused:bf16"), 1, 2**20)
    93
    """
    if not Search(model, None, most).show(1, most):
        return None
    # One maximiser is the cheapest to decide, and holds wherever all hold: mostly all hold from there on.
    low = 1 if most == 1 else least_scaled_separation(model, 1, context)
    high = steady(grid_bits(model))
    if low is None:
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
    """`decide_ties` at x = beta * D': up to how many maximisers hold."""
    return decide_ties(model, TieFacts(x, most, context), 1).up_to
