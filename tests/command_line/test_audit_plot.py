"""Drawings of audits: every arithmetic is seen, and every number."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pytest
from matplotlib import pyplot as plt

import exactformer as ef
from exactformer.certificates.command_line.audit_plot import MARKS, Strip, bits_of, magnitudes_of, panels_of
from exactformer.verify.audit import Row
from exactformer.verify.verdict import Verdict

ARITHMETICS = ["fused:bf16", "fused:fp16", "rounded:bf16/bf16", "rounded:e5m2/e5m2"]
EVERY = [2**4, 2**10, 2**16, 2**32]


def rows_of(contexts: Sequence[int]) -> tuple[Row, ...]:
    return tuple(ef.audit(ef.load_machine("binary-addition"), ARITHMETICS, contexts).rows)


def groups_of(rows: Sequence[Row]) -> list[tuple[str, tuple[Row, ...]]]:
    return [(model.text, tuple(group)) for model, group in groupby(rows, key=lambda row: row.model)]


def strips_of(rows: Sequence[Row]) -> list[list[Strip]]:
    return [magnitudes_of(groups_of(rows)), bits_of(groups_of(rows))]


def drawn(rows: Sequence[Row], number: int) -> Any:
    """The axes of a panel."""
    figure, axis = plt.subplots()
    panels_of(rows, "binary-addition")[number].draw(axis)
    figure.canvas.draw()
    plt.close(figure)
    return axis


@pytest.mark.parametrize("number", [0, 1])
def test_each_row_has_each_number_where_it_changes(number: int) -> None:
    rows = rows_of(EVERY)
    axis, strips = drawn(rows, number), strips_of(rows)[number]
    assert len(strips) == panels_of(rows, None)[number].rows > len(ARITHMETICS)
    assert [label.get_text() for label in axis.get_yticklabels()] == [strip.title for strip in strips]
    texts = [text.get_text() for text in axis.texts]
    runs = [value for strip in strips for value, _ in groupby(strip.numbers)]
    assert texts == ["-" if value is None else f"{value:,}" for value in runs]
    assert len(strips) < len(runs)
    assert all(any(arithmetic in strip.title for strip in strips) for arithmetic, _ in groups_of(rows))


@pytest.mark.parametrize("number", [0, 1])
def test_one_context_is_a_bar_chart(number: int) -> None:
    rows = rows_of(EVERY[1:2])
    axis, strips = drawn(rows, number), strips_of(rows)[number]
    assert [bar.get_width() for bar in axis.patches] == [strip.numbers[0] or 0 for strip in strips]
    assert "2^10 tokens" in axis.get_xlabel()


def test_the_legend_has_the_verdicts_that_there_are_and_no_others() -> None:
    rows = rows_of(EVERY)
    axis = drawn(rows, 2)
    seen = {row.verdict for row in rows}
    assert seen == set(MARKS)
    assert {text.get_text() for text in axis.get_legend().get_texts()} == {verdict.value for verdict in seen}
    assert sum(len(points.get_offsets()) for points in axis.collections) == len(rows)
    proved = [row for row in rows if row.verdict is Verdict.PROVED and row.model.text.startswith("fused:bf16")]
    legend = drawn(proved, 2).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [Verdict.PROVED.value]


def test_every_head_has_a_mark_at_its_layer() -> None:
    rows = rows_of(EVERY[:2])
    heads = max(rows, key=lambda row: row.context).size.heads
    layers = [int(layer) for line in drawn(rows, 3).lines for layer in line.get_xdata()]
    assert sorted(layers) == sorted(head.layer for head in heads)


def test_the_figure_grows_with_the_number_of_arithmetics() -> None:
    few, many = panels_of(rows_of(EVERY[:1])[:1], None), panels_of(rows_of(EVERY[:1]), None)
    assert sum(panel.rows for panel in few) < sum(panel.rows for panel in many)
