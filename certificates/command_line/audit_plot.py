"""A drawing of an audit, in which no series can hide another: each arithmetic has a row of its own.

With several contexts a row is a strip of cells, coloured by their numbers; a number is printed where it changes.  With
one context a row is a bar.  Colours can be told apart with any colour vision, and in grey.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log2
from pathlib import Path
from typing import Any

from exactformer.certificates.command_line.plots import drawn, pyplot_for
from exactformer.certificates.reports.audit import tokens
from exactformer.verify.audit import Row, class_of
from exactformer.verify.verdict import Verdict

MARKS = {Verdict.PROVED: ("#0072B2", "s"), Verdict.INCONCLUSIVE: ("#E69F00", "x")}
"""Colour and mark of the verdicts that a row may have: an audit refutes nothing."""
SHADES = ("#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838")
"""Colours of the map cividis, from the smallest number to the largest."""
MOST_TICKS = 13
WIDTH, ABOVE, STRIP = 10.0, 1.0, 0.24
"""In inches: of the figure; what a panel has besides its rows; a row."""


@dataclass(frozen=True)
class Strip:
    """A number for each context, None where there is none."""

    title: str
    numbers: tuple[int | None, ...]


@dataclass(frozen=True)
class Panel:
    """What one part of the figure shows, and how many rows it has."""

    title: str
    rows: int
    draw: Callable[[Any], None]


def draw_audit(rows: Sequence[Row], machine: str | None, path: Path) -> bytes:
    """One figure; for a machine, one part shows the separations of the heads of its largest network."""
    plt, panels = pyplot_for(path), panels_of(rows, machine)
    heights = [ABOVE + STRIP * panel.rows for panel in panels]
    size = WIDTH, sum(heights)
    figure, axes = plt.subplots(len(panels), 1, figsize=size, squeeze=False, height_ratios=heights)
    for (axis,), panel in zip(axes, panels, strict=True):
        axis.set_title(panel.title, fontsize=9, loc="left")
        axis.tick_params(labelsize=7)
        panel.draw(axis)
    # Not constrained_layout, whose solver gives other last bits in other processes.
    figure.tight_layout()
    return drawn(plt, figure, path)


def panels_of(rows: Sequence[Row], machine: str | None) -> list[Panel]:
    """Magnitudes, bits, verdicts, separations."""
    groups = [(model.text, tuple(group)) for model, group in groupby(rows, key=lambda row: row.model)]
    contexts = tuple(tokens(row.context) for row in groups[0][1])
    magnitudes, bits = magnitudes_of(groups), bits_of(groups)
    found = [
        Panel("largest magnitude of parameters, by arithmetic", len(magnitudes), _numbers(magnitudes, contexts)),
        Panel("significand bits needed (- means not known), by arithmetic", len(bits), _numbers(bits, contexts)),
        Panel("verdict, by arithmetic", len(groups), _verdicts(groups, contexts)),
    ]
    if machine is not None:
        largest = max(rows, key=lambda row: row.context)
        classes = list(dict.fromkeys(map(class_of, largest.size.heads)))
        title = f"heads of the network of {machine} at r = {largest.size.position_bits}, by separation D and ties"
        found.append(Panel(title, len(classes), _heads(largest, classes)))
    return found


Groups = Sequence[tuple[str, tuple[Row, ...]]]


def magnitudes_of(groups: Groups) -> list[Strip]:
    """The largest entry of W_Q, by arithmetic; and of the biases of MLPs, which are the same in every arithmetic."""
    found = [Strip(f"W_Q, {text}", tuple(row.split.query for row in group)) for text, group in groups]
    biases = (max(one.magnitude for one in row.largest if one.matrix.startswith("mlp")) for row in groups[0][1])
    return [*found, Strip("biases of MLPs, any arithmetic", tuple(biases))]


def bits_of(groups: Groups) -> list[Strip]:
    """A strip for attention weights in each arithmetic; one each for parameters and scores, which beta does not
    change."""
    found = [
        Strip(
            f"attention weights, {text}",
            tuple(None if row.attention_weights is None else row.attention_weights.significand for row in group),
        )
        for text, group in groups
    ]
    first = groups[0][1]
    parameters = Strip("parameters, any arithmetic", tuple(row.weights.significand for row in first))
    return [*found, parameters, Strip("scores, any arithmetic", tuple(row.scores.significand for row in first))]


def _numbers(strips: Sequence[Strip], contexts: Sequence[str]) -> Callable[[Any], None]:
    return (
        (lambda axis: _bars(axis, strips, contexts[0]))
        if len(contexts) == 1
        else (lambda axis: _cells(axis, strips, contexts))
    )


def _bars(axis: Any, strips: Sequence[Strip], context: str) -> None:
    values = [strip.numbers[0] for strip in strips]
    bars = axis.barh(range(len(strips)), [value or 0 for value in values], color="#0072B2", height=0.7)
    axis.bar_label(bars, ["-" if value is None else f"{value:,}" for value in values], fontsize=7, padding=3)
    axis.margins(x=0.12)
    axis.set_yticks(range(len(strips)), [strip.title for strip in strips])
    axis.invert_yaxis()
    axis.set_xlabel(f"in a context of {context} tokens", fontsize=8)


def _cells(axis: Any, strips: Sequence[Strip], contexts: Sequence[str]) -> None:
    """Cells are shaded by the logarithm; a number is printed where its run of cells begins."""
    shown = [log2(number) for strip in strips for number in strip.numbers if number]
    low, high = min(shown, default=0.0), max(shown, default=1.0)
    for y, strip in enumerate(strips):
        place = 0
        for number, run in groupby(strip.numbers):
            cells = len(list(run))
            share = (log2(number) - low) / (high - low) if number and high > low else 0.0
            shade = round(share * (len(SHADES) - 1))
            colour = "white" if number is None else SHADES[shade]
            axis.barh(y, cells, left=place, height=0.94, color=colour, edgecolor="white", linewidth=0.6)
            text = "-" if number is None else f"{number:,}"
            dark = number is not None and shade < len(SHADES) // 2
            axis.text(place + 0.15, y, text, fontsize=6, va="center", color="white" if dark else "black")
            place += cells
    axis.set_yticks(range(len(strips)), [strip.title for strip in strips])
    axis.set_ylim(len(strips) - 0.5, -0.5)
    axis.set_xlim(0, len(contexts))
    _contexts(axis, contexts, 0.5)


def _contexts(axis: Any, contexts: Sequence[str], middle: float) -> None:
    every = -(-len(contexts) // MOST_TICKS)
    axis.set_xticks([place + middle for place in range(0, len(contexts), every)], contexts[::every])
    axis.set_xlabel("context length N, in tokens", fontsize=8)


def _verdicts(groups: Groups, contexts: Sequence[str]) -> Callable[[Any], None]:
    """A mark for each cell; the legend shows only the verdicts that occur."""

    def draw(axis: Any) -> None:
        for verdict, (colour, mark) in MARKS.items():
            points = [
                (x, y) for y, (_, group) in enumerate(groups) for x, row in enumerate(group) if row.verdict is verdict
            ]
            if points:
                axis.scatter(*zip(*points, strict=True), c=colour, marker=mark, s=24, label=verdict.value)
        axis.set_yticks(range(len(groups)), [text for text, _ in groups])
        axis.set_ylim(len(groups) - 0.5, -0.5)
        axis.set_xlim(-0.6, len(contexts) - 0.4)
        _contexts(axis, contexts, 0.0)
        axis.legend(frameon=False, fontsize=7, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(MARKS))

    return draw


def _heads(row: Row, classes: Sequence[Any]) -> Callable[[Any], None]:
    """For each class, the layers that have such heads."""

    def draw(axis: Any) -> None:
        for y, heads in enumerate(classes):
            layers = [head.layer for head in row.size.heads if class_of(head) is heads]
            axis.plot(layers, [y] * len(layers), "|", color="#0072B2", markersize=9)
        axis.set_yticks(range(len(classes)), [heads.value for heads in classes])
        axis.set_ylim(len(classes) - 0.5, -0.5)
        axis.set_xlabel("layer", fontsize=8)

    return draw
