"""Lemmas ``contextual.*``: Lemmas 5, 6 and 7 of the high-precision construction, on grids (n, d, delta).

On small grids the layers are run on every input; on large ones the argument of `verify.contextual.beyond` decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from exactformer.constructions.contextual.global_shift import global_shift_at_zero
from exactformer.constructions.contextual.grid import Grid, Sequence
from exactformer.constructions.contextual.value_mapping import Numbers, value_mapping
from exactformer.verify.contextual import beyond
from exactformer.verify.contextual.lemma5 import check_lemma5
from exactformer.verify.contextual.lemma6 import Fails, check_lemma6
from exactformer.verify.contextual.lemma7 import check_lemma7
from exactformer.verify.lemmas.lemma import HIGH_PRECISION, Lemma
from exactformer.verify.lemmas.outcome import Budget, Finding, Outcome, conclude

SIZES = (
    *((n, d, m) for n in (2,) for d in (1, 2) for m in range(2, 9)),
    *((3, 1, m) for m in range(3, 9)),
    *((4, 1, m) for m in range(4, 8)),
    *((5, 1, m) for m in (5, 6, 7)),
    *((3, 2, m) for m in (2, 3, 4)),
    (4, 2, 2),
    (2, 3, 3),
)
"""n, d, 1/delta: every grid with n = 2, d <= 2 and delta >= 1/8, and some with more tokens or coordinates."""
VALUED = tuple((n, d, m) for n, d, m in SIZES if (m + 1) ** (n * d) <= 2500)
LARGE = (
    (2, 1, 256),
    (2, 2, 2**10),
    (3, 2, 6),
    (4, 2, 64),
    (8, 1, 9),
    (8, 4, 16),
    (16, 8, 256),
    (32, 16, 1024),
    (64, 8, 1000),
)
"""Grids that are too large to be run: up to 1024^16 grid columns, 32 of them in a sequence."""
LARGE_OUTPUT = 10**40
"""Beyond every id of the grids in VALUED: then outputs come near ids, unless they are lifted."""


def grids(sizes: tuple[tuple[int, int, int], ...]) -> Iterator[Grid]:
    return (Grid(n, d, Fraction(1, m)) for n, d, m in sizes)


def wish(scale: int, grid: Grid, numbers: Numbers) -> Sequence:
    """Outputs that differ for every column of every sequence, of both signs, of the size of `scale`."""
    whole = sum(number * grid.columns**j for j, number in enumerate(sorted(numbers)))
    return tuple(
        tuple(Fraction(scale * (number + 1) * (-1) ** (grid.d - 1 - i), whole + i + 1) for i in range(grid.d))
        for number in numbers
    )


def _lemma5(_: int, budget: Budget) -> Outcome:
    return conclude([budget.exhaust("grids", grids(SIZES), lambda grid: failure(check_lemma5(grid)))])


def _lemma6(_: int, budget: Budget) -> Outcome:
    return conclude(_lemma6_findings(budget))


def _lemma6_findings(budget: Budget) -> Iterator[Finding]:
    for size in SIZES:
        yield budget.exhaust(
            f"n, d, 1/delta = {size}, every quantised sequence",
            grids((size,)),
            lambda grid: failure(check_lemma6(grid)),
        )
    yield budget.exhaust(
        "grids, with the global shift by query label - 0",
        grids(VALUED),
        lambda grid: failure(check_lemma6(grid, last=global_shift_at_zero(grid))),
    )


def _lemma7(_: int, budget: Budget) -> Outcome:
    cases = ((grid, scale) for grid in grids(VALUED) for scale in (1, LARGE_OUTPUT))
    return conclude([budget.exhaust("grids, with small and with large outputs", cases, wrong_values)])


def wrong_values(case: tuple[Grid, int]) -> str | None:
    """How the value layers for `wish` go wrong, None if they do not."""
    grid, scale = case
    return failure(check_lemma7(value_mapping(grid, lambda numbers: wish(scale, grid, numbers))))


def failure(found: object) -> str | None:
    """The instance of a `Fails`, with its grid; None for a success."""
    if not isinstance(found, Fails):
        return None
    grid = found.grid
    return f"n = {grid.n}, d = {grid.d}, delta = {grid.delta}: {found.instance}"


def _select(_: int, budget: Budget) -> Outcome:
    return conclude(finding for grid in grids(LARGE) for finding in beyond.select_findings(grid.columns, budget))


def _unshift(_: int, budget: Budget) -> Outcome:
    return conclude(finding for grid in grids(LARGE) for finding in beyond.unshift_findings(grid.columns, budget))


def _global(_: int, budget: Budget) -> Outcome:
    return conclude(
        finding for grid in grids(LARGE) for finding in beyond.global_findings(grid.n, grid.columns, budget)
    )


def _interval(_: int, budget: Budget) -> Outcome:
    return conclude(finding for grid in grids(LARGE) for finding in beyond.interval_findings(grid, budget))


def _others(_: int, budget: Budget) -> Outcome:
    return conclude(finding for grid in grids(LARGE) for finding in beyond.others_findings(grid, budget))


LARGE_TEXT = "; ".join(f"{n}, {d}, {m}" for n, d, m in LARGE)
LEMMAS = (
    Lemma(
        "contextual.quantise",
        "Lemma 5: d + d/delta layers send every real coordinate in [k delta, (k+1) delta) to k delta and every other "
        "to -delta^(-nd); grids with 2 <= 1/delta <= 8",
        f"{HIGH_PRECISION}, Lemma 5",
        "exact intervals, all reals",
        _lemma5,
        applies=None,
    ),
    Lemma(
        "contextual.mapping",
        "Lemma 6, parts 1 to 4, with exact t_l and t_r: ids of distinct grid columns are distinct within and between "
        "sequences that are not permutations, and no other quantised sequence has an id in [t_l, t_r]; every grid with "
        "n = 2, d <= 2, 1/delta <= 8, and others up to n = 5, d = 3; n < 1/delta - 1 is not needed",
        f"{HIGH_PRECISION}, Lemma 6",
        "exhaustive, all quantised sequences",
        _lemma6,
        applies=None,
    ),
    Lemma(
        "contextual.select",
        "Lemma 6 on large grids: each layer moves exactly the columns with its label, beyond all labels, so none "
        f"twice; n, d, 1/delta = {LARGE_TEXT}",
        f"{HIGH_PRECISION}, Lemma 6; verify/contextual/beyond.py",
        "z3, integers",
        _select,
        applies=None,
    ),
    Lemma(
        "contextual.unshift",
        "x = a + D (y - a) with 0 <= a < D tells a and y: the largest label tells the whole sequence",
        f"{HIGH_PRECISION}, Lemma 6; verify/contextual/beyond.py",
        "z3, integers",
        _unshift,
        applies=None,
    ),
    Lemma(
        "contextual.global",
        "all x_j < D^(n+1), and x_j + D^(n+1) x_n tells x_n and x_j",
        f"{HIGH_PRECISION}, Lemma 6; verify/contextual/beyond.py",
        "z3, integers",
        _global,
        applies=None,
    ),
    Lemma(
        "contextual.interval",
        "ids of distinct grid columns reach from t_l, at labels 0, .., n-1, to t_r, at 0, .., n-2, D-1 (units of "
        "delta)",
        f"{HIGH_PRECISION}, Lemma 6; verify/contextual/beyond.py",
        "z3, integers",
        _interval,
        applies=None,
        rests_on=("contextual.select",),
    ),
    Lemma(
        "contextual.others",
        "ids of sequences with repeated columns are below t_l; with some columns outside, above t_r; with all, below 0",
        f"{HIGH_PRECISION}, Lemma 6; verify/contextual/beyond.py",
        "z3, integers",
        _others,
        applies=None,
        rests_on=("contextual.select", "contextual.interval"),
    ),
    Lemma(
        "contextual.values",
        "Lemma 7: 1 + d + n C(delta^-d, n) layers send each id to its output column and every other column to 0; one "
        "more where an output reaches t_l - delta/2; grids with up to 2500 quantised sequences",
        f"{HIGH_PRECISION}, Lemma 7",
        "exhaustive, all ids and all other quantised sequences",
        _lemma7,
        applies=None,
        rests_on=("contextual.mapping",),
    ),
)
