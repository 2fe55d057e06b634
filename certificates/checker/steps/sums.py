"""Exponentials, sums and quotients with the steps of SPEC section 19, and how wrong they can be.

Words:
    E, E(k)  the error of a sum, relative to the sum of its terms' magnitudes
    T, Q     a bound on partial sums; the error of a sum by products that underflow
"""

from __future__ import annotations

from fractions import Fraction

from exactformer.certificates.checker.formats import Format, Interval, Rounding, Scaled
from exactformer.certificates.checker.steps.naming import Model


class Fails(Exception):
    """A demand of section 19.2 or 19.3 is not met."""


def near_0(accumulator: Format, error: int, x: Scaled, sign: int) -> Scaled:
    """The most (sign 1) or least (sign -1) that exp yields within ``error`` times max(q, eps x) of x < 1.

    Both grow with x, as U eps <= 1/2. Below q/2 it yields 0, and may do so below the least normal value.
    """
    numerator, shift = x
    if error == 0:
        return x
    bound = accumulator.unit / 2 if sign > 0 else accumulator.least_normal
    if numerator * bound.denominator < bound.numerator << shift:
        return 0, 0
    p = accumulator.p or 1
    more = max(-accumulator.lowest, p - 1)  # numbers are multiples of 2^-(shift + more) from here on
    ulp = max(1 << shift + more + accumulator.lowest, numerator << more + 1 - p)
    return max(0, (numerator << more) + sign * error * ulp), shift + more


def at_0(model: Model) -> Interval:
    """[x0, X0]: what exp(0) yields."""
    error = 0 if model.steps.exp_of_0_is_1 else model.steps.exp_error * 2 * model.accumulator.roundoff
    return Fraction(1) - error, Fraction(1) + error


def unit_roundoff(model: Model) -> Fraction:
    """u: the relative error of one operation in the accumulator; one bit less is right where it is faithful."""
    return model.accumulator.roundoff * (2 if model.steps.faithful else 1)


def one_rounding_each(k: int, u: Fraction) -> Fraction | None:
    """k u/(1 - k u) >= (1+u)^k - 1: the error of what passes k roundings; None if that says nothing."""
    return k * u / (1 - k * u) if k * u < 1 else None


def error_of_sum(model: Model, k: int) -> Fraction | None:
    """E(k): of k additions of values of the accumulator, in any order (to nearest: Jeannerod and Rump, 2013)."""
    u = unit_roundoff(model)
    return one_rounding_each(k, u) if model.steps.faithful else k * u


def error_of_all(model: Model, N: int) -> Fraction | None:
    """E: of a sum over N positions; a term passes at most N - 1 additions, and one product per block."""
    block = model.steps.block
    if block is None:
        return error_of_sum(model, N - 1)
    return one_rounding_each(N - 1 - (-N // block), unit_roundoff(model))


def below_1(E: Fraction | None) -> Fraction:
    """E, if there is one and it says something."""
    if E is None or E >= 1:
        raise Fails
    return E


def largest_sum(model: Model, N: int, x: Fraction, E: Fraction | None) -> Fraction:
    """T(x): no partial sum of N terms of magnitude x or less is larger; rescaling only lowers them.

    Rounding is monotone: a sum of upper bounds that is a value bounds the sum. The induction of Jeannerod and Rump
    needs nothing of partial sums but such bounds.
    """
    acc = model.accumulator
    found = [Fraction(N)] if acc.counts(N) and x <= 1 else []
    found += [Fraction(2 * N)] if N * acc.roundoff <= 1 < x <= 2 else []
    found += [] if model.steps.faithful else [N * x * (1 + (N - 1) * acc.roundoff)]
    found += [] if E is None else [N * x * (1 + E)]
    if not found:
        raise Fails
    return min(found)


def require_no_overflow(model: Model, N: int, x: Fraction, E: Fraction | None) -> None:
    """No sum of N terms of magnitude x or less overflows."""
    if largest_sum(model, N, x, E) > model.accumulator.largest:
        raise Fails


def underflows(model: Model, N: int, E: Fraction | None) -> Fraction:
    """Q: at most N products underflow, each with an error of at most q, which later roundings enlarge."""
    if E is None:
        raise Fails
    return N * model.accumulator.unit * (1 + E)


def magnitude(model: Model, value: Fraction, to: Rounding) -> Fraction:
    """down(value) or up(value): a quotient in the accumulator, either neighbour where that is faithful."""
    if value < 0:
        raise Fails
    return model.accumulator.of(value, to if model.steps.faithful else "nearest")


def as_weight(model: Model, quotient: Fraction, to: Rounding) -> Fraction:
    """A quotient in the accumulator, then rounded to the weight format."""
    return model.weight.of(magnitude(model, quotient, to), model.cut)
