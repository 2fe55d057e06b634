"""Exponentials, and what sums add for a position (ARITHMETIC 5.1).

Words:
    e, p, r  exponentials; what the sum of values and the sum of weights (``den``) add for a position
    t        what a position with x = 0 adds to den at least
"""

from __future__ import annotations

from collections.abc import Sequence

from exactformer.certificates.checker.formats import Format, Rounding
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Ends, Unbounded, Value, exponential
from exactformer.certificates.checker.softmax.queries import Query
from exactformer.certificates.checker.softmax.sums import accumulator


def exponentials(arithmetic: Arithmetic, query: Query) -> list[Ends]:
    """e of every group: at the furthest and at the nearest x. If x may be near 0 as well as 0, exp is not sure to be
    1."""
    return [
        (0 if far is None else computed(arithmetic, far)[0], computed(arithmetic, near, exact=far == 0)[1])
        for _, _, near, far, _ in query.groups
    ]


def computed(arithmetic: Arithmetic, x: int, exact: bool = True) -> Ends:
    """Ends of the computed exp(-x); for an x that is not ``exact``, of those for numbers just above it.

    With an error of U max(q, 2^(1-p) y): surely 0 below q/2, and perhaps 0 below the normal numbers. Both ends grow
    with y, as U 2^(1-p) <= 1/2.
    """
    low, high = exponential(x, arithmetic.grid)
    steps = arithmetic.model.steps
    if not steps.exp_error or (x == 0 and exact and steps.exp_of_0_is_1):
        return low, high
    acc = accumulator(arithmetic.model)
    unit, normal, p = arithmetic.scaled(acc.unit), arithmetic.scaled(acc.least_normal), acc.p or 1
    above = steps.exp_error * max(unit, -(-high >> p - 1))
    below = steps.exp_error * max(unit, -(-low >> p - 1))
    return 0 if low < normal else max(0, low - below), 0 if 2 * high < unit else high + above


def terms_of_sums(arithmetic: Arithmetic, query: Query) -> tuple[list[Value], list[Value], Format]:
    """p, r and the format of p. With online softmax, what was summed before the maximum was met is multiplied with a
    factor of at most F, however often the maximum rises: all factors are at most 1, and the last one at most F."""
    model, steps, acc = arithmetic.model, arithmetic.model.steps, accumulator(arithmetic.model)
    e = exponentials(arithmetic, query)
    if model.kind == "fused":
        p = [arithmetic.rounded(model.weight, ends, model.cut) for ends in e]
        r = [arithmetic.rounded(acc, ends) for ends in e] if steps.wide else p
    else:
        p = r = [arithmetic.rounded(acc, ends) for ends in e]
    if steps.block is not None:
        rises = [group.nearest for group in query.groups if group.nearest > 0]
        if any(group.nearest == 0 != group.furthest for group in query.groups):
            # Scores are integers here, so that a rise is at least 1, and its factor at most 1.
            raise Unbounded("no lower bound is known for how far the maximum rises")
        factor = arithmetic.rounded(acc, computed(arithmetic, min(rises))).high if rises else 0
        p = _rescaled(arithmetic, query, p, factor)
        r = _rescaled(arithmetic, query, r, factor) if steps.wide else p
    return p, r, model.weight if model.kind == "fused" else acc


def _rescaled(arithmetic: Arithmetic, query: Query, terms: Sequence[Value], factor: int) -> list[Value]:
    """For groups that are not at the maximum: from 0 to their upper end, or what a position counted before the
    maximum."""
    top = max(term.high for term in terms)
    before, acc = -(-factor * top >> arithmetic.grid), accumulator(arithmetic.model)
    return [
        term if group.at_top else arithmetic.number(acc, (0, max(term.high, before)))
        for group, term in zip(query.groups, terms, strict=True)
    ]


def at_the_top(arithmetic: Arithmetic, query: Query, form: Format, to: Rounding) -> int:
    """t."""
    if not query.reached:
        return 0
    return arithmetic.rounded(form, computed(arithmetic, 0), to).low
