"""SPEC section 16: softmax with any number of ties up to a bound, without trying them all.

Words:
    M        the bound of the ties; M' = ``up_to``, the largest number up to which all meet the condition
    at once  the ties for which one interval shows the condition, because the weights are normal numbers
    hull     the smallest interval around others
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from certificates.checker.arithmetic import (
    LARGEST_EXPONENT,
    Interval,
    Model,
    Scaled,
    cells,
    condition,
    exp_above,
)
from certificates.checker.document import Json, rational_text

MOST_ONE_BY_ONE = 2**20
"""Ties that are tried one by one."""


@dataclass(frozen=True)
class Outcome:
    """What section 16 gives at one beta."""

    tau: Scaled
    one: Interval | None
    zero: Fraction | None
    up_to: int


def outcome(model: Model, N: int, D: int, M: int, e: int) -> Outcome:
    """A case at beta = 2^e."""
    if model.kind == "rounded":
        return _rounded(model, N, D, M, e)
    first = condition(model, N, D, (1,), e)
    if model.kind == "fused" and first.zero == 0:
        largest = model.accumulator.largest
        counted = int(largest) if model.accumulator.p is None else min(int(largest), 2**model.accumulator.p)
        return Outcome(first.tau, first.one, first.zero, min(M, counted))
    return Outcome(first.tau, first.one, first.zero, M if first.holds else 0)


def _rounded(model: Model, N: int, D: int, M: int, e: int) -> Outcome:
    tau, (one_cell, zero_cell) = exp_above(D << e), cells(model)
    zero = (N - 1) * model.weight.round_scaled(tau)
    if zero > zero_cell[1]:
        return Outcome(tau, None, zero, 0)
    at_once, one = 0, None
    if model.weight.p is not None:
        u, leak = Fraction(2) ** -model.weight.p, (N - 1) * Fraction(tau[0], 1 << tau[1])
        wide = (1 - u) / (1 + leak) - zero, 1 + u + zero
        if one_cell[0] <= wide[0] and wide[1] <= one_cell[1]:
            least_normal = Fraction(2) ** (model.weight.lowest + model.weight.p - 1)
            at_once = max(0, min(M, (1 / least_normal - leak).__floor__()))
            one = wide if at_once else None
    up_to = at_once
    for m in range(at_once + 1, min(M, at_once + MOST_ONE_BY_ONE) + 1):
        here = condition(model, N, D, (m,), e)
        one = here.one if one is None or here.one is None else (min(one[0], here.one[0]), max(one[1], here.one[1]))
        if not here.holds:
            break
        up_to = m
    return Outcome(tau, one, zero, up_to)


def case_entry(model: Model, N: int, D: int, M: int, e: int, admitted: int) -> tuple[dict[str, Json], bool]:
    """An entry of ``softmax.cases``; and whether it holds."""
    candidates = range(min(admitted, LARGEST_EXPONENT.bit_length()) + 1)
    least = next((e for e in candidates if outcome(model, N, D, M, e).up_to == M), None)
    here = outcome(model, N, D, M, e)
    entry: dict[str, Json] = {"separation": D, "ties": [["1", str(M)]]}
    entry["least_beta"] = None if least is None else str(2**least)
    entry["tau"] = rational_text(Fraction(here.tau[0], 1 << here.tau[1]))
    entry["one"] = None if here.one is None else [rational_text(end) for end in here.one]
    entry["zero"] = None if here.zero is None else rational_text(here.zero)
    entry["up_to"] = str(here.up_to)
    entry["holds"] = here.up_to == M
    return entry, here.up_to == M
