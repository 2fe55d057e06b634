"""All numbers of maximisers from 1 on: as many as possible at once, then some one by one (SPEC 16, 19.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from exactformer.verify.arithmetic.composed import Interval, NotShown
from exactformer.verify.arithmetic.formats import FormatOverflow, RoundingCell

MOST_ONE_BY_ONE = 1 << 12
"""Numbers of maximisers that are looked at one by one, after those decided at once, before giving up."""


@dataclass(frozen=True)
class AtOnce:
    """What is rounded last where v = 1 lies in ``interval`` for every number of maximisers from 1 to ``most``; and the
    interval lies in the cell of 1."""

    interval: Interval
    most: int


@dataclass(frozen=True)
class Reached:
    """All numbers of maximisers from 1 to ``up_to`` give 1.

    one: encloses what is rounded last for each of them, and for the next if that is what failed; None if nothing was
    bounded.
    """

    one: tuple[Fraction, Fraction] | None
    up_to: int


def reach(at_once: AtOnce | None, interval: Callable[[int], Interval], cell: RoundingCell, most: int) -> Reached:
    """How far it goes, up to ``most``; ``interval`` bounds one number, or raises NotShown or FormatOverflow."""
    found = [] if at_once is None else [at_once.interval]
    up_to = 0 if at_once is None else at_once.most
    for m in range(up_to + 1, min(most, up_to + MOST_ONE_BY_ONE) + 1):
        try:
            found.append(interval(m))
        except (NotShown, FormatOverflow):
            break
        if not (cell.contains(found[-1].low) and cell.contains(found[-1].high)):
            break
        up_to = m
    one = (min(each.low for each in found), max(each.high for each in found)) if found else None
    return Reached(one, up_to)
