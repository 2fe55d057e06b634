"""A drawing of a comparison: bits, magnitude, depth and parameters against n, for both constructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import ceil
from pathlib import Path
from typing import Any

from exactformer.certificates.command_line.plots import drawn, pyplot_for
from exactformer.verify.audit import Row
from exactformer.verify.contextual.audit import Cost
from exactformer.verify.contextual.comparison import Pair
from exactformer.verify.verdict import Verdict

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#999999")
"""Colours of Okabe and Ito, for any colour vision: one for each d; the ternary construction is black."""
MARKS = "os^vDP*X"


@dataclass(frozen=True)
class Panel:
    """One quantity against n, for both constructions."""

    title: str
    high: Callable[[Cost], int]
    ternary: Callable[[Row], int]


def log2_above(value: Fraction | int) -> int:
    """log2, rounded up.

    >>> log2_above(16), log2_above(17)
    (4, 5)
    """
    return (ceil(value) - 1).bit_length()


PANELS = (
    Panel(
        "significand bits (dashed: activations)",
        lambda cost: cost.needed_bits,
        lambda row: row.weights.significand,
    ),
    Panel(
        "log2 of the largest |parameter|, rounded up",
        lambda cost: log2_above(cost.largest.largest),
        lambda row: log2_above(row.largest_parameter.magnitude),
    ),
    Panel(
        "log2 of the depth in blocks, rounded up",
        lambda cost: log2_above(cost.blocks),
        lambda row: log2_above(row.size.dimensions.layers),
    ),
    Panel(
        "log2 of the number of parameters, rounded up",
        lambda cost: log2_above(cost.dense),
        lambda row: log2_above(row.size.dense),
    ),
)


def draw_comparison(pairs: Sequence[Pair], rule: str, path: Path) -> bytes:
    """One figure of four panels with one legend beneath."""
    plt = pyplot_for(path)
    figure, axes = plt.subplots(2, 2, figsize=(11, 9))
    panels = [axis for row in axes for axis in row]
    for axis, panel in zip(panels, PANELS, strict=True):
        _draw_panel(axis, pairs, panel)
    _activations(panels[0], pairs)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.suptitle(f"The same n tokens in both constructions, not the same task\n{rule}", fontsize=10)
    figure.legend(handles, labels, loc="lower center", ncols=3, frameon=False, fontsize=9)
    rows = -(-len(labels) // 3)
    figure.tight_layout(rect=(0, 0.03 + 0.025 * rows, 1, 1))
    return drawn(plt, figure, path)


def _by_dimension(pairs: Sequence[Pair]) -> list[tuple[int, list[tuple[int, Cost]]]]:
    """For each d: n and the counts, if there is a grid."""
    return [
        (d, [(pair.n, pair.high.cost) for pair in group if not isinstance(pair.high, str)])
        for d, group in groupby(pairs, key=lambda pair: pair.d)
    ]


def _ternary(pairs: Sequence[Pair]) -> list[tuple[int, Row]]:
    """n and the row of the ternary construction, the same for every d."""
    return [(pair.n, pair.ternary) for pair in pairs if pair.d == pairs[0].d]


def _draw_panel(axis: Any, pairs: Sequence[Pair], panel: Panel) -> None:
    for place, (d, found) in enumerate(_by_dimension(pairs)):
        xs, ys = [n for n, _ in found], [panel.high(cost) for _, cost in found]
        label = f"high precision, d = {d}"
        axis.plot(xs, ys, color=COLOURS[place], marker=MARKS[place], markersize=5, label=label)
    rows = _ternary(pairs)
    xs, ys = [n for n, _ in rows], [panel.ternary(row) for _, row in rows]
    proved = all(row.verdict is Verdict.PROVED for _, row in rows)
    label = "ternary" if proved else "ternary (for some n not shown to be right)"
    axis.plot(xs, ys, color="black", marker="x", markersize=6, label=label)
    axis.set_xscale("log", base=2)
    axis.set_yscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:.0f}")
    axis.yaxis.set_major_formatter("{x:.0f}")
    axis.set_xlabel("tokens n")
    axis.set_ylabel(panel.title, fontsize=9)
    axis.grid(visible=True, color="0.9")


def _activations(axis: Any, pairs: Sequence[Pair]) -> None:
    """Bits of ids and of ternary activations, dashed."""
    for place, (d, found) in enumerate(_by_dimension(pairs)):
        xs, ys = [n for n, _ in found], [cost.id_bits.most for _, cost in found]
        label = f"high precision, d = {d}: ids"
        axis.plot(xs, ys, "--", color=COLOURS[place], marker=MARKS[place], markersize=5, label=label, mfc="white")
    rows = _ternary(pairs)
    xs, ys = [n for n, _ in rows], [row.activations.significand for _, row in rows]
    axis.plot(xs, ys, "--", color="black", marker="x", markersize=6, label="ternary: activations")
