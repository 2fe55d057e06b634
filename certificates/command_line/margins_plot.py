"""A drawing of words' margins against their length: up to which length a construction, or its constant, works."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from exactformer.certificates.command_line.plots import drawn, pyplot_for
from exactformer.certificates.words.found import WordsFound

MARKERS = "osD^vP*X"


def draw_margins(found: Sequence[tuple[str, WordsFound]], path: Path) -> bytes:
    """For each arithmetic a line through the smallest margin of each length; a cross at 0 if a word is wrong."""
    plt = pyplot_for(path)
    figure, axis = plt.subplots(figsize=(8, 4.5))
    for number, (name, one) in enumerate(found):
        marker = MARKERS[number % len(MARKERS)]
        shown = [(of.length, float(of.margin)) for of in one.lengths if of.margin is not None]
        lengths, margins = [length for length, _ in shown], [margin for _, margin in shown]
        (line,) = axis.plot(lengths, margins, marker=marker, label=name)
        if one.wrong is not None:
            axis.plot([len(one.wrong.word)], [0], marker="x", markersize=10, color=line.get_color())
            axis.annotate("wrong", (len(one.wrong.word), 0), textcoords="offset points", xytext=(-6, 8), ha="right")
    axis.set_xlabel("length of words, in tokens")
    axis.set_ylabel("least margin")
    axis.set_ylim(bottom=-0.02)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.3)
    axis.legend()
    figure.tight_layout()
    return drawn(plt, figure, path)
