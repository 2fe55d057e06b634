"""Step 2, last part (Lemma 6): every column gets steps^((n+1)d) = delta^(-(n+1)d) times the largest label.

The head's query is the constant 1, so the largest label scores best for every column.  (With the query label - 0, as
in the selective shifts, columns with a negative label would get the smallest label instead; `verify.contextual.lemma6`
checks that Lemma 6 holds for both.)
"""

from __future__ import annotations

from fractions import Fraction

from exactformer.constructions.contextual.grid import Grid
from exactformer.constructions.contextual.layers import AttentionLayer, Head, unit
from exactformer.constructions.contextual.selective_shift import threshold_head


def global_factor(grid: Grid) -> int:
    """steps^((n+1)d)."""
    return int(grid.columns ** (grid.n + 1))


def global_shift(grid: Grid) -> AttentionLayer:
    """The layer, with a constant query."""
    u, nothing = grid.direction, (0,) * grid.d
    return AttentionLayer((Head(nothing, Fraction(1), u, u, tuple(global_factor(grid) * e for e in unit(0, grid.d))),))


def global_shift_at_zero(grid: Grid) -> AttentionLayer:
    """The layer with query label - 0: columns with a negative label get the smallest label instead of the largest."""
    return AttentionLayer((threshold_head(grid, Fraction(0), global_factor(grid)),))
