"""Drawings of audits, the same bytes for the same rows: magnitude, precision, what is proved, separations.

matplotlib is needed here only, and optional (the extra ``bench``).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from exactformer.certificates.command_line.outcome import InputRefused, refusing
from exactformer.certificates.files import FileRefused, Output
from exactformer.verify.audit import HeadClass, Row, class_of
from exactformer.verify.verdict import Verdict

HEIGHT = {HeadClass.LOOKUP: 2, HeadClass.CONTENT: 0.96, HeadClass.SEARCH: 1.04}
"""Where a head is drawn: at its separation; the two classes of separation 1 side by side."""
SHADE = {Verdict.PROVED: "tab:green", Verdict.INCONCLUSIVE: "gold"}
"""The verdicts that a row may have: an audit refutes nothing."""


def draw(rows: Sequence[Row], machine: str | None, path: Path) -> bytes:
    """One figure; of a machine, the separations of the heads of its largest network are a part of it."""
    plt = pyplot_for(path)
    panels = 4 if machine else 3
    figure, axes = plt.subplots(panels, 1, figsize=(9, 4 * panels), squeeze=False)
    parts = [axis for (axis,) in axes]
    _magnitude(parts[0], rows)
    _precision(parts[1], rows)
    _map(parts[2], rows)
    if machine:
        _separations(parts[3], rows, machine)
    figure.tight_layout()
    return drawn(plt, figure, path)


def _kind(path: Path) -> str:
    return path.suffix.lstrip(".").lower()


def require_plot(path: Path, force: bool) -> Output:
    """Before the work: where to write the figure; that it can be drawn, and written there.  Raises InputRefused."""
    pyplot_for(path)
    output = Output(path.parent, force, "--plot")
    with refusing(FileRefused):
        output.require_place(path.name)
    return output


def write_plot(output: Output, path: Path, figure: bytes) -> None:
    """Write what was drawn.  Raises InputRefused."""
    with refusing(FileRefused):
        output.write({path.name: figure})


def drawn(plt: Any, figure: Any, path: Path) -> bytes:
    """The figure in the format of the path, without a date or the name of a program; closes it."""
    written = io.BytesIO()
    unnamed = {"Date": None} if _kind(path) == "svg" else {"Software": None}
    figure.savefig(written, format=_kind(path), metadata=unnamed)
    plt.close(figure)
    return written.getvalue()


def pyplot_for(path: Path) -> Any:
    """matplotlib's pyplot, which draws the same bytes again; for a path that ends in .svg or .png."""
    if _kind(path) not in ("svg", "png"):
        raise InputRefused(f"--plot {path}: the name has to end in .svg or .png")
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise InputRefused("--plot needs matplotlib: install exactformer with the extra [bench]") from error
    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "exactformer"
    from matplotlib import pyplot as plt

    return plt


def _by_arithmetic(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    return [(model.text, list(group)) for model, group in groupby(rows, key=lambda row: row.model)]


def _exponent(row: Row) -> int:
    """ceil(log2 N)."""
    return (row.context - 1).bit_length()


def _magnitude(axis: Any, rows: Sequence[Row]) -> None:
    """The largest entry of W_Q against N, by arithmetic; and of the MLPs, the same for all."""
    groups = _by_arithmetic(rows)
    for text, group in groups:
        xs, ys = [_exponent(row) for row in group], [row.split.query for row in group]
        axis.step(xs, ys, where="mid", label=text, linestyle="-" if text.startswith("fused") else "--")
    axis.set_yscale("log", base=2)
    axis.set_xlabel("log2 of the context length N, rounded up")
    axis.set_ylabel("largest |W_Q|, and |MLP bias|")
    _, first = groups[0]
    biases = [max(one.magnitude for one in row.largest if one.matrix.startswith("mlp")) for row in first]
    axis.plot([_exponent(row) for row in first], biases, "k.", markersize=3, label="MLP biases")
    _legend_beside(axis)


def _legend_beside(axis: Any) -> None:
    axis.legend(frameon=False, fontsize=6, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _precision(axis: Any, rows: Sequence[Row]) -> None:
    """Significand bits of attention weights by arithmetic; of parameters and scores, which beta does not change."""
    for text, group in _by_arithmetic(rows):
        shown = [(row, row.attention_weights) for row in group]
        xs = [_exponent(row) for row, bits in shown if bits is not None]
        ys = [bits.significand for _, bits in shown if bits is not None]
        axis.step(xs, ys, where="mid", label=text, linestyle="-" if text.startswith("fused") else "--")
    _, first = _by_arithmetic(rows)[0]
    xs = [_exponent(row) for row in first]
    axis.plot(xs, [row.weights.significand for row in first], "k.", markersize=3, label="parameters, any arithmetic")
    axis.plot(xs, [row.scores.significand for row in first], "kx", markersize=3, label="scores, any arithmetic")
    axis.set_xlabel("log2 of the context length N, rounded up")
    axis.set_ylabel("significand bits needed")
    _legend_beside(axis)


def _map(axis: Any, rows: Sequence[Row]) -> None:
    """Arithmetic x N: the verdict."""
    groups = _by_arithmetic(rows)
    for verdict, colour in SHADE.items():
        points = [(_exponent(row), y) for y, (_, group) in enumerate(groups) for row in group if row.verdict is verdict]
        if points:
            axis.scatter(*zip(*points, strict=True), c=colour, marker="s", s=22, label=verdict.value)
    axis.set_yticks(range(len(groups)), [text for text, _ in groups], fontsize=6)
    axis.set_xlabel("log2 of the context length N, rounded up")
    axis.legend(frameon=False, fontsize=6, loc="upper center", bbox_to_anchor=(0.5, 1.1), ncols=len(SHADE))


def _separations(axis: Any, rows: Sequence[Row], machine: str) -> None:
    """The separation of every head, by layer; those whose ties are many are marked."""
    size = max(rows, key=lambda row: row.context).size
    for heads in dict.fromkeys(map(class_of, size.heads)):
        members = [head for head in size.heads if class_of(head) is heads]
        axis.plot(
            [head.layer for head in members],
            [HEIGHT[heads]] * len(members),
            "|",
            label=heads.value,
        )
    axis.set_ylim(0.5, 2.8)
    axis.set_yticks([1, 2])
    axis.set_xlabel(f"layer of the network of {machine}, r = {size.position_bits}")
    axis.set_ylabel("separation given by the construction")
    axis.legend(frameon=False, fontsize=6)
