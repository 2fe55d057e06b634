"""Rates by chain length, and intervals over seeds and over puzzles."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import t as student

from experiments.sudoku.evaluation import Part, Solved, Written
from experiments.sudoku.plan import Arm
from experiments.sudoku.puzzles import nearest

CONFIDENCE = 0.95
Z = 1.959964
"""The quantile of the normal distribution for an interval of 95 %."""


@dataclass(frozen=True)
class RunResult:
    """The result of one run: an arm with one seed."""

    arm: Arm
    seed: int
    parameters: int
    solved: tuple[Solved, ...]
    written: tuple[Written, ...]


@dataclass(frozen=True)
class Interval:
    """A mean with the ends of its confidence interval; with a single value the ends are infinite."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def over_seeds(values: Sequence[float]) -> Interval:
    """Student's t-interval.  Values that are all equal have an interval of width 0, which is no evidence that runs do
    not differ.

    >>> print(over_seeds([0.1, 0.2, 0.3]))
    +0.20 [-0.05, +0.45]
    """
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return Interval(mean, -math.inf, math.inf)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    reach = float(student.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * math.sqrt(variance / len(values))
    return Interval(mean, mean - reach, mean + reach)


def wilson(successes: int, total: int) -> Interval:
    """The interval of a rate over puzzles.

    >>> print(wilson(0, 40))
    +0.00 [+0.00, +0.09]
    """
    share = successes / total
    middle = (share + Z**2 / (2 * total)) / (1 + Z**2 / total)
    reach = Z / (1 + Z**2 / total) * math.sqrt(share * (1 - share) / total + Z**2 / (4 * total**2))
    # Rounding would put the ends on the wrong side of a rate of 0 or 1.
    return Interval(share, max(0.0, min(share, middle - reach)), min(1.0, max(share, middle + reach)))


def by_length(solved: Sequence[Solved], lengths: Sequence[float]) -> dict[float, tuple[int, int]]:
    """How many puzzles were solved, of how many, for each chain length."""
    groups: dict[float, list[Solved]] = {length: [] for length in lengths}
    for each in solved:
        if (length := nearest(lengths, each.chain_length)) is not None:
            groups[length].append(each)
    return {length: (sum(each.correct for each in group), len(group)) for length, group in groups.items()}


def rate(solved: Sequence[Solved], lengths: Sequence[float]) -> float:
    """The mean of the rates at all lengths."""
    rates = [right / total for right, total in by_length(solved, lengths).values() if total]
    return math.fsum(rates) / len(rates)


def rate_at(solved: Sequence[Solved], lengths: Sequence[float], some: Sequence[float]) -> float:
    """The mean of the rates at ``some`` of the ``lengths``."""
    rates: Mapping[float, tuple[int, int]] = by_length(solved, lengths)
    return math.fsum(right / total for right, total in (rates[length] for length in some)) / len(some)


def ends(lengths: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """The shortest and the longest third of the lengths.

    >>> ends((1, 2, 3, 4, 5, 6, 7))
    ((1, 2), (6, 7))
    """
    ordered, third = sorted(lengths), max(1, len(lengths) // 3)
    return tuple(ordered[:third]), tuple(ordered[-third:])


def fall(solved: Sequence[Solved], lengths: Sequence[float]) -> float:
    """By how much the rate is lower at the longest third of the lengths than at the shortest."""
    short, long = ends(lengths)
    return rate_at(solved, lengths, short) - rate_at(solved, lengths, long)


def written_by_position(written: Sequence[Written], lengths: Sequence[float], step: int) -> dict[str, tuple[int, int]]:
    """How many parts are right, of how many: lines from one multiple of ``step`` tokens to the next, and the others.

    Only of puzzles at the longest third of the ``lengths``, so that all positions have the same puzzles.
    """
    _, long = ends(lengths)
    counts: dict[tuple[int, str], list[bool]] = defaultdict(list)
    for each in written:
        if nearest(lengths, each.chain_length) in long:
            if each.part is Part.LINE:
                start = each.position // step * step
                counts[start, f"lines from {start}"].append(each.correct)
            else:
                counts[sys.maxsize, each.part.value].append(each.correct)
    return {name: (sum(right), len(right)) for (_, name), right in sorted(counts.items())}
