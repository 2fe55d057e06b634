"""SPEC section 16: softmax with any number of ties up to a bound, without trying them all.

Words:
    M        the bound of the ties; M' = ``up_to``, the largest number up to which all meet the condition
    at once  the ties for which one interval shows the condition, because the weights are normal numbers
    hull     the smallest interval around others
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from certificates.checker.arithmetic import (
    LARGEST_EXPONENT,
    cells,
    condition,
    exp_above,
    numbers,
    rounds_to_0,
    rounds_to_1,
)
from certificates.checker.document import Json
from certificates.checker.formats import Interval, Overflow, Scaled
from certificates.checker.steps.conditions import (
    Terms,
    bounds_on_ties,
    fused,
    rounded,
    rounded_at_once,
    rounded_zero,
    terms_of,
)
from certificates.checker.steps.naming import Model
from certificates.checker.steps.sums import Fails

MOST_ONE_BY_ONE, MOST_COMPOSED = 2**20, 2**12
"""Ties that are tried one by one (SPEC 16, 19.2)."""


@dataclass(frozen=True)
class Outcome:
    """What section 16 or 19.2 gives at one beta."""

    tau: Scaled | None
    one: Interval | None
    zero: Fraction | None
    up_to: int


def outcome(model: Model, N: int, D: int, M: int, e: int) -> Outcome:
    """A case at beta = 2^e; D = 0 if rounding does not keep scores apart."""
    if D == 0:
        return Outcome(None, None, None, 0)
    if model.composed:
        return _composed(model, N, D, M, e)
    if model.kind == "rounded":
        return _rounded(model, N, D, M, e)
    first = condition(model, N, D, (1,), e)
    if model.kind == "fused" and first.zero == 0:
        return Outcome(first.tau, first.one, first.zero, min(M, model.accumulator.counted))
    return Outcome(first.tau, first.one, first.zero, M if first.holds else 0)


def _rounded(model: Model, N: int, D: int, M: int, e: int) -> Outcome:
    tau, (one_cell, zero_cell) = exp_above(D << e), cells(model)
    zero = (N - 1) * model.weight.round_scaled(tau)
    if zero > zero_cell[1]:
        return Outcome(tau, None, zero, 0)
    at_once, one = 0, None
    if model.weight.p is not None:
        u, leak = model.weight.roundoff, (N - 1) * Fraction(tau[0], 1 << tau[1])
        wide = (1 - u) / (1 + leak) - zero, 1 + u + zero
        if one_cell[0] <= wide[0] and wide[1] <= one_cell[1]:
            at_once = max(0, min(M, (1 / model.weight.least_normal - leak).__floor__()))
            one = wide if at_once else None
    last = min(M, at_once + MOST_ONE_BY_ONE)
    one, up_to = _one_by_one(model, at_once, last, one, lambda m: condition(model, N, D, (m,), e).one)
    return Outcome(tau, one, zero, up_to)


def _composed(model: Model, N: int, D: int, M: int, e: int) -> Outcome:
    """SPEC 19.2, for ties 1..M."""
    tau = exp_above(D << e)
    try:
        terms = terms_of(model, N, tau)
        zero = None if model.kind == "fused" else rounded_zero(terms)
    except (Fails, Overflow):
        return Outcome(tau, None, None, 0)
    if model.kind == "fused":
        return _fused(terms, M, tau)
    one: Interval | None = None
    if not rounds_to_0(model, zero):
        return Outcome(tau, None, zero, 0)
    at_once = 0
    for most in bounds_on_ties(model, M) if model.weight.p is not None else ():
        try:
            found, last = rounded_at_once(terms, most)
        except (Fails, Overflow):
            continue
        if last >= 1 and rounds_to_1(model, found):
            at_once, one = last, found
            break

    def interval(m: int) -> Interval | None:
        try:
            return rounded(terms, m)
        except (Fails, Overflow):
            return None

    one, up_to = _one_by_one(model, at_once, min(M, at_once + MOST_COMPOSED), one, interval)
    return Outcome(tau, one, zero, up_to)


def _fused(terms: Terms, M: int, tau: Scaled) -> Outcome:
    """The first bound on the ties up to which all of them meet the condition."""
    one: Interval | None = None
    zero: Fraction | None = None
    for most in bounds_on_ties(terms.model, M):
        try:
            one, zero = fused(terms, 1, most)
        except (Fails, Overflow):
            one, zero = None, None
        if rounds_to_1(terms.model, one) and rounds_to_0(terms.model, zero):
            return Outcome(tau, one, zero, most)
    return Outcome(tau, one, zero, 0)


def _one_by_one(
    model: Model, at_once: int, last: int, one: Interval | None, interval: Callable[[int], Interval | None]
) -> tuple[Interval | None, int]:
    """The hull of ``one`` and the intervals from ``at_once`` + 1 to the first that fails; and the last that holds."""
    for m in range(at_once + 1, last + 1):
        here = interval(m)
        if here is not None:
            one = here if one is None else (min(one[0], here[0]), max(one[1], here[1]))
        if not rounds_to_1(model, here):
            return one, m - 1
    return one, last


def case_entry(model: Model, N: int, D: int, M: int, e: int, admitted: int) -> tuple[dict[str, Json], bool]:
    """An entry of ``softmax.cases`` but for its ``separation``; and whether it holds.

    D is that of `separation_of_scores`.
    """
    candidates = range(min(admitted, LARGEST_EXPONENT.bit_length()) + 1)
    least = next((e for e in candidates if outcome(model, N, D, M, e).up_to == M), None)
    here = outcome(model, N, D, M, e)
    entry: dict[str, Json] = {"ties": [["1", str(M)]]}
    entry["least_beta"] = None if least is None else str(2**least)
    entry |= numbers(here.tau, here.one, here.zero)
    entry["up_to"] = str(here.up_to)
    entry["holds"] = here.up_to == M
    return entry, here.up_to == M
