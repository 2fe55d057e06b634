"""Proves Lemma 6 on grids of any size: an induction over the columns of a sequence, whose steps a solver decides.

Units of delta; D = steps^d, G = D^(n+1).  Labels of grid columns are 0..D-1, those of columns with a coordinate outside
are negative (`outside`).  Let a_1 < .. < a_k be the distinct labels >= 0 of a sequence, s its smallest label.

*select*.  A label is within 1/2 of b iff it is b.  When the layer at b = a_j runs, columns with a_1, .., a_(j-1) have
moved to x_1 < .. < x_(j-1), all >= D, so beyond every b: no column moves twice, and exactly those with a_j move now,
to x_j = a_j + D (largest - smallest), where largest is x_(j-1) (x_0 = a_k).  Without columns outside the smallest is
a_j itself; the step needs x_(j-1) >= a_j + 1, which holds for j = 1 if k >= 2, and later as x_(j-1) >= D.  (If k = 1
the shift is 0.)  Columns outside never move.
*bound*.  x_j <= D x_(j-1), so x_n <= (D-1) D^n < G.
*unshift*.  x_j tells a_j and x_(j-1): so x_n tells a_n, x_(n-1), a_(n-1), .., x_1, a_1: the whole sequence.
*global*.  x_j + G x_n tells x_n and x_j, as x_j <= x_n < G.  So an id tells the sequence and, as x_1 < .. < x_n, the
column: parts 1 and 2.
*interval*.  Among proper sequences x_1 and x_n are least at 0, .., n-1, and x_n is largest at 0, .., n-2, D-1: part 3.
*repeated*.  k <= n-1 distinct columns: x_k <= (D-1) D^(n-1), so ids are below t_l.
*outside*.  If some column is outside, s <= -m with m = C - (D-1), C = steps D^n; if a column is not, all that move are
at least D m, so that every id is above t_r; if all are outside, the largest label is negative, and so is every id:
part 4.

Nothing here needs n < 1/delta - 1: only 2 <= n <= D.
"""

from __future__ import annotations

from collections.abc import Iterator

from exactformer.constructions.contextual.contextual_mapping import ids, interval, lowest_magnitude
from exactformer.constructions.contextual.grid import Grid
from exactformer.verify.lemmas.outcome import Budget, Finding, Outcome, conclude
from exactformer.verify.solver import (
    Formula,
    Term,
    all_of,
    at_most,
    boolean,
    equal,
    equivalent,
    integer,
    select,
    total,
    weighted_total,
)


def moved(columns: int, label: Term, largest: Term) -> Term:
    """a + D (largest - a)."""
    return weighted_total([(columns, largest), (1 - columns, label)])


def below(low: Term | int, high: Term | int) -> Formula:
    """low < high, of integers."""
    return at_most(total([low, 1]), high)


def label_range(columns: int, label: Term) -> list[Formula]:
    """0 <= a <= D-1."""
    return [at_most(0, label), at_most(label, columns - 1)]


def select_findings(columns: int, budget: Budget) -> Iterator[Finding]:
    """*select*: within 1/2 is equal, and a column that moves lands beyond the largest and beyond all labels."""
    y, b = integer("label"), integer("b")
    twice = weighted_total([(2, y)])
    beneath, above = (weighted_total([(2, b), (1, total([one]))]) for one in (-1, 1))
    near = all_of([below(beneath, twice), below(twice, above)])
    yield budget.prove(equivalent(near, equal(y, b)))
    a, x = integer("a"), integer("x")
    behind = moved(columns, a, x)
    yield budget.prove(
        all_of([below(x, behind), at_most(columns, behind)]), [*label_range(columns, a), at_most(total([a, 1]), x)]
    )
    # One distinct label: the largest is the smallest, nothing moves.
    yield budget.prove(equal(moved(columns, a, a), a))


def unshift_findings(columns: int, budget: Budget) -> Iterator[Finding]:
    """*unshift*: x_j = a + D (x - a) tells a and x."""
    a, other_a, x, other_x = (integer(name) for name in ("a", "a'", "x", "x'"))
    yield budget.prove(
        all_of([equal(a, other_a), equal(x, other_x)]),
        [
            *label_range(columns, a),
            *label_range(columns, other_a),
            equal(moved(columns, a, x), moved(columns, other_a, other_x)),
        ],
    )


def global_findings(n: int, columns: int, budget: Budget) -> Iterator[Finding]:
    """*bound* and *global*: x + G X tells x and X for 0 <= x < G, and all x_j are below G."""
    a, x, most = integer("a"), integer("x"), integer("most")
    yield budget.prove(
        at_most(moved(columns, a, x), weighted_total([(columns, most)])), [at_most(0, a), at_most(x, most)]
    )
    factor = columns ** (n + 1)
    yield budget.exhaust(
        "bound on x_n", [(columns - 1) * columns**n], lambda bound: None if bound < factor else f"{bound} >= {factor}"
    )
    low, other_low, high, other_high = (integer(name) for name in ("x_j", "x_j'", "x_n", "x_n'"))
    yield budget.prove(
        all_of([equal(low, other_low), equal(high, other_high)]),
        [
            *(formula for one in (low, other_low) for formula in label_range(factor, one)),
            equal(weighted_total([(1, low), (factor, high)]), weighted_total([(1, other_low), (factor, other_high)])),
        ],
    )


def interval_findings(grid: Grid, budget: Budget) -> Iterator[Finding]:
    """*interval*: x_1 and x_n are least, and x_n largest, where `interval` says.

    By x_n = a_n + (D-1) sum_j D^(n-j) (a_n - a_j), decided first.
    """
    n, columns = grid.n, grid.columns
    a = [integer(f"a[{j}]") for j in range(1, n + 1)]
    ascending = [at_most(0, a[0]), at_most(a[-1], columns - 1), *map(below, a, a[1:])]
    x: Term = a[-1]
    for label in a:
        x = moved(columns, label, x)
    weights = [(columns - 1) * columns ** (n - j) for j in range(1, n)]
    closed = weighted_total([*((-w, label) for w, label in zip(weights, a, strict=False)), (1 + sum(weights), a[-1])])
    yield budget.prove(equal(x, closed))
    first = moved(columns, a[0], a[-1])
    least, most = least_number(grid), largest_number(grid)
    yield budget.prove(
        all_of([at_most(least, closed), at_most(closed, most), at_most(columns * (n - 1), first)]), ascending
    )
    factor = columns ** (n + 1)
    yield budget.exhaust(
        "ends of the interval",
        [
            (columns * (n - 1) + factor * least, interval(grid).low),
            ((1 + factor) * most, interval(grid).high),
            (ids(grid, range(n))[0], interval(grid).low),
        ],
        lambda pair: None if pair[0] * grid.delta == pair[1] else f"{pair[0]} delta is not {pair[1]}",
    )


def least_number(grid: Grid) -> int:
    """x_n at the labels 0, .., n-1."""
    return grid.n - 1 + sum(int((grid.columns - 1) * grid.columns**i) * i for i in range(1, grid.n))


def largest_number(grid: Grid) -> int:
    """x_n at the labels 0, .., n-2, D-1."""
    top = grid.columns - 1
    return top + sum(int(top * grid.columns ** (grid.n - 1 - j)) * (top - j) for j in range(grid.n - 1))


def others_findings(grid: Grid, budget: Budget) -> Iterator[Finding]:
    """*repeated* and *outside*: the ids of all other sequences are not in [t_l, t_r]."""
    n, columns, factor = grid.n, grid.columns, grid.columns ** (grid.n + 1)
    coordinate = int(-grid.outside / grid.delta)
    u = grid.direction
    # The label of a column with some coordinate outside, others on the grid.
    away, digits = [boolean(f"outside[{i}]") for i in range(grid.d)], [integer(f"c[{i}]") for i in range(grid.d)]
    label = total(
        select(gone, -coordinate * u[i], weighted_total([(u[i], digit)]))
        for i, (gone, digit) in enumerate(zip(away, digits, strict=True))
    )
    inside = [formula for digit in digits for formula in label_range(grid.steps, digit)]
    margin, lowest = coordinate - (columns - 1), lowest_magnitude(grid)
    for gone in away:
        yield budget.prove(all_of([at_most(label, -margin), at_most(-lowest, label)]), [gone, *inside])
    # A column that moves in a sequence with smallest label s <= -m.
    a, x, s = integer("a"), integer("x"), integer("s")
    behind = weighted_total([(1, a), (columns, x), (-columns, s)])
    yield budget.prove(
        all_of([at_most(columns * margin, behind), below(x, behind)]),
        [*label_range(columns, a), at_most(0, x), at_most(s, -margin)],
    )
    low, high = (int(end / grid.delta) for end in (interval(grid).low, interval(grid).high))
    repeated = (columns - 1) * columns ** (n - 1)
    inequalities = {
        "repeated columns stay below t_l": repeated * (1 + factor) < low,
        "columns that move are beyond every label": columns * margin >= columns > 0,
        "they end above t_r": columns * margin * (1 + factor) > high,
        "columns outside beside them, too": columns * margin * factor - lowest > high,
        "all outside: negative, so below t_l": margin > 0 and low > 0,
    }
    yield budget.exhaust("inequalities", inequalities.items(), lambda one: None if one[1] else f"not so: {one[0]}")


def prove_lemma6(grid: Grid, budget: Budget) -> Outcome:
    """All steps for one grid with 2 <= n: `Established` is Lemma 6 on it, by the argument above."""
    return conclude(lemma6_findings(grid, budget))


def lemma6_findings(grid: Grid, budget: Budget) -> Iterator[Finding]:
    """The steps, one after the other."""
    yield from select_findings(grid.columns, budget)
    yield from unshift_findings(grid.columns, budget)
    yield from global_findings(grid.n, grid.columns, budget)
    yield from interval_findings(grid, budget)
    yield from others_findings(grid, budget)
