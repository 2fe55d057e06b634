"""Composed models at one head: what is rounded last, for given numbers of maximisers or for all up to a bound (SPEC
19.2).

As tau falls (beta grows), exponentials, weights and sums of others fall, intervals shrink, and sums that are exact stay
so: what holds at one beta holds at all larger ones, so that bisection finds the least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.at_once import reach
from exactformer.verify.arithmetic.cells import activation_cells
from exactformer.verify.arithmetic.composed import ComposedModel, Interval, NotShown, bounds_to_try
from exactformer.verify.arithmetic.composed_fused import fused_bounds
from exactformer.verify.arithmetic.composed_rounded import (
    rounded_at_once,
    rounded_interval,
    rounded_terms,
    rounded_zero,
)
from exactformer.verify.arithmetic.formats import FormatOverflow
from exactformer.verify.arithmetic.models import Fused, Rounded


@dataclass(frozen=True)
class ComposedBounds:
    """What is rounded last: in the intervals where v = 1, of magnitude at most ``zero`` where v = 0."""

    ones: tuple[Interval, ...]
    zero: Fraction


@dataclass(frozen=True)
class ComposedTies:
    """All numbers of maximisers from 1 to ``up_to`` give the hardmax value; one, zero: what was bounded."""

    one: tuple[Fraction, Fraction] | None
    zero: Fraction | None
    up_to: int


def composed_bounds(model: ComposedModel, tau: Fraction, ties: Sequence[int], context: int) -> ComposedBounds:
    """Bounds for these numbers of maximisers, ascending, where v is not 0.

    Raises NotShown where a demand is not met or overflow is not excluded.
    """
    try:
        if isinstance(model, Fused):
            fewest, most = (ties[0], ties[-1]) if ties else (1, 1)
            bounds = fused_bounds(model, tau, context, fewest, most, values=bool(ties))
            return ComposedBounds(() if bounds.one is None else (bounds.one,), bounds.zero)
        terms = rounded_terms(model, tau, context)
        ones = tuple(rounded_interval(model, terms, context, m) for m in ties)
        return ComposedBounds(ones, rounded_zero(model, terms, context))
    except FormatOverflow as error:
        raise NotShown(ties[0] if ties else 1, str(error)) from error


def composed_ties(model: ComposedModel, tau: Fraction, most: int, context: int) -> ComposedTies:
    """How many maximisers there may be, from 1 up to ``most``."""
    return (
        _fused_ties(model, tau, most, context) if isinstance(model, Fused) else _rounded_ties(model, tau, most, context)
    )


def _fused_ties(model: Fused, tau: Fraction, most: int, context: int) -> ComposedTies:
    """All up to a bound: the first of `bounds_to_try` that will do."""
    cells = activation_cells(model)
    decided = ComposedTies(None, None, 0)
    for bound in bounds_to_try(model, most):
        decided = ComposedTies(None, None, 0)
        try:
            bounds = fused_bounds(model, tau, context, 1, bound)
        except (NotShown, FormatOverflow):
            continue
        if bounds.one is None:
            continue
        one = bounds.one.low, bounds.one.high
        holds = all(map(cells.one.contains, one)) and cells.zero.contains(bounds.zero)
        decided = ComposedTies(one, bounds.zero, bound if holds else 0)
        if holds:
            break
    return decided


def _rounded_ties(model: Rounded, tau: Fraction, most: int, context: int) -> ComposedTies:
    """As many at once as can be, then one by one."""
    try:
        terms = rounded_terms(model, tau, context)
        zero = rounded_zero(model, terms, context)
    except (NotShown, FormatOverflow):
        return ComposedTies(None, None, 0)
    cells = activation_cells(model)
    if not cells.zero.contains(zero):
        return ComposedTies(None, zero, 0)
    at_once = rounded_at_once(model, terms, context, most)
    reached = reach(at_once, lambda m: rounded_interval(model, terms, context, m), cells.one, most)
    return ComposedTies(reached.one, zero, reached.up_to)
