"""Step 2, first part (Lemma 6): an attention layer that shifts exactly the columns whose label is b.

A head of size 1 with query label - threshold and the label as key and value gives max_j label_j to columns above the
threshold, min_j label_j to columns below it.  Heads at b - delta/2 and b + delta/2 differ only between the two, by
max - min; times steps^d (delta^-d) this is added to the first coordinate, and so to the label.
"""

from __future__ import annotations

from fractions import Fraction

from exactformer.constructions.contextual.grid import Grid
from exactformer.constructions.contextual.layers import AttentionLayer, Head, unit


def threshold_head(grid: Grid, threshold: Fraction, factor: int) -> Head:
    """`factor` times the largest label to columns with a label above the threshold, times the smallest to those below.

    At the threshold itself all scores are 0 and the head averages; thresholds lie between the multiples of delta.
    """
    u = grid.direction
    return Head(u, -threshold, u, u, tuple(factor * e for e in unit(0, grid.d)))


def selective_shift(grid: Grid, label: Fraction) -> AttentionLayer:
    """The layer at b = label."""
    half = grid.delta / 2
    return AttentionLayer(
        (
            threshold_head(grid, label - half, grid.columns),
            threshold_head(grid, label + half, -grid.columns),
        )
    )
