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
from functools import lru_cache

from exactformer.certificates.checker.arithmetic import (
    LARGEST_EXPONENT,
    cells,
    condition,
    exp_above,
    numbers,
    rounds_to_0,
    rounds_to_1,
)
from exactformer.certificates.checker.document import Json
from exactformer.certificates.checker.formats import Interval, Overflow, Scaled
from exactformer.certificates.checker.steps.conditions import (
    Terms,
    bounds_on_ties,
    fused,
    rounded,
    rounded_at_once,
    rounded_zero,
    terms_of,
)
from exactformer.certificates.checker.steps.naming import Model
from exactformer.certificates.checker.steps.sums import Fails

MOST_ONE_BY_ONE = 2**12
"""Ties that are tried one by one (SPEC 16, 19.2)."""


@dataclass(frozen=True)
class Outcome:
    """What section 16 or 19.2 gives at one beta."""

    tau: Scaled | None
    one: Interval | None
    zero: Fraction | None
    up_to: int


@dataclass(frozen=True)
class AtOnce:
    """What it gives without trying single ties: for those up to ``up_to`` ``one`` shows the condition.

    From the next one on ``interval`` is asked for each, up to ``last``.
    """

    tau: Scaled | None
    one: Interval | None = None
    zero: Fraction | None = None
    up_to: int = 0
    last: int = 0
    interval: Callable[[int], Interval | None] = lambda _m: None


@lru_cache(maxsize=2**12)
def outcome(model: Model, N: int, D: int, M: int, e: int) -> Outcome:
    """A case at beta = 2^e; D = 0 if rounding does not keep scores apart."""
    found = _at_once(model, N, D, M, e)
    one, up_to = _one_by_one(model, found)
    return Outcome(found.tau, one, found.zero, up_to)


def holds(model: Model, N: int, D: int, M: int, e: int) -> bool:
    """Whether all ties up to M meet the condition at beta = 2^e; no tie is tried where some are too many to be."""
    found = _at_once(model, N, D, M, e)
    return found.last == M and _one_by_one(model, found)[1] == M


def _at_once(model: Model, N: int, D: int, M: int, e: int) -> AtOnce:
    if D == 0:
        return AtOnce(None)
    if model.composed:
        return _composed(model, N, D, M, e)
    if model.kind == "rounded":
        return _rounded(model, N, D, M, e)
    first = condition(model, N, D, (1,), e)
    up_to = M if first.holds else 0
    if model.kind == "fused" and first.zero == 0:
        up_to = min(M, model.accumulator.counted)
    return AtOnce(first.tau, first.one, first.zero, up_to, up_to)


def _rounded(model: Model, N: int, D: int, M: int, e: int) -> AtOnce:
    """A weight below 1 is rounded by at most max(u a, q/2); those of m maximisers sum to at most 1."""
    tau, weight, (one_cell, _) = exp_above(D << e), model.weight, cells(model)
    zero = (N - 1) * weight.round_scaled(tau)
    if not rounds_to_0(model, zero):
        return AtOnce(tau, None, zero)
    low, high = Fraction(1 << tau[1], (1 << tau[1]) + (N - 1) * tau[0]) - zero, 1 + zero
    slack, one, up_to = min(low - one_cell[0], one_cell[1] - high), None, 0
    if slack >= weight.roundoff:
        up_to = min(M, (2 * slack / weight.unit).__floor__())
    if up_to:
        off = max(weight.roundoff, up_to * weight.unit / 2)
        one = low - off, high + off
    last = min(M, up_to + MOST_ONE_BY_ONE)
    return AtOnce(tau, one, zero, up_to, last, lambda m: condition(model, N, D, (m,), e).one)


def _composed(model: Model, N: int, D: int, M: int, e: int) -> AtOnce:
    """SPEC 19.2, for ties 1..M."""
    tau = exp_above(D << e)
    try:
        terms = terms_of(model, N, tau)
        zero = None if model.kind == "fused" else rounded_zero(terms)
    except (Fails, Overflow):
        return AtOnce(tau)
    if model.kind == "fused":
        return _fused(terms, M, tau)
    if not rounds_to_0(model, zero):
        return AtOnce(tau, None, zero)
    one, up_to = None, 0
    for most in bounds_on_ties(model, M) if model.weight.p is not None else ():
        try:
            found, last = rounded_at_once(terms, most)
        except (Fails, Overflow):
            continue
        if last >= 1 and rounds_to_1(model, found):
            up_to, one = last, found
            break

    def interval(m: int) -> Interval | None:
        try:
            return rounded(terms, m)
        except (Fails, Overflow):
            return None

    return AtOnce(tau, one, zero, up_to, min(M, up_to + MOST_ONE_BY_ONE), interval)


def _fused(terms: Terms, M: int, tau: Scaled) -> AtOnce:
    """The first bound on the ties up to which all of them meet the condition."""
    one: Interval | None = None
    zero: Fraction | None = None
    for most in bounds_on_ties(terms.model, M):
        try:
            one, zero = fused(terms, 1, most)
        except (Fails, Overflow):
            one, zero = None, None
        if rounds_to_1(terms.model, one) and rounds_to_0(terms.model, zero):
            return AtOnce(tau, one, zero, most, most)
    return AtOnce(tau, one, zero)


def _one_by_one(model: Model, found: AtOnce) -> tuple[Interval | None, int]:
    """The hull of ``one`` and the intervals from the next tie to the first that fails; and the last that holds."""
    one = found.one
    for m in range(found.up_to + 1, found.last + 1):
        here = found.interval(m)
        if here is not None:
            one = here if one is None else (min(one[0], here[0]), max(one[1], here[1]))
        if not rounds_to_1(model, here):
            return one, m - 1
    return one, found.last


def case_entry(model: Model, N: int, D: int, M: int, e: int, admitted: int) -> tuple[dict[str, Json], bool]:
    """An entry of ``softmax.cases`` but for its ``separation``; and whether it holds.

    D is that of `separation_of_scores`.
    """
    candidates = range(min(admitted, LARGEST_EXPONENT.bit_length()) + 1)
    least = next((e for e in candidates if holds(model, N, D, M, e)), None)
    here = outcome(model, N, D, M, e)
    entry: dict[str, Json] = {"ties": [["1", str(M)]]}
    entry["least_beta"] = None if least is None else str(2**least)
    entry |= numbers(here.tau, here.one, here.zero)
    entry["up_to"] = str(here.up_to)
    entry["holds"] = here.up_to == M
    return entry, here.up_to == M
