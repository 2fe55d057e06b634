"""Registers, spans of them, and coordinate lists written in their names."""

from __future__ import annotations

import pytest

from exactformer.constructions.transformer.network import coordinates
from exactformer.constructions.transformer.registers import Layout, Repeated, Span

POS, CONST, HPOS, FLAG = (
    Span("pos", 0, 4),
    Span("const", 4, 1),
    Span("hpos_1", 5, 4),
    Span("is_inp", 9, 1),
)
REGISTERS = (POS, CONST, HPOS, FLAG)


def test_a_layout_places_registers_side_by_side() -> None:
    layout = Layout()
    first, second, *tapes = layout.add("pos", 4), layout.add("const", 1), *layout.per_tape("hpos", 3, 2)
    assert [(span.name, span.coordinates) for span in (first, second, *tapes)] == [
        ("pos", (0, 1, 2, 3)),
        ("const", (4,)),
        ("hpos_1", (5, 6, 7)),
        ("hpos_2", (8, 9, 10)),
    ]
    assert layout.registers == (first, second, *tapes)
    assert layout.width == 11


def test_a_name_is_given_once() -> None:
    layout = Layout()
    layout.add("pos", 4)
    with pytest.raises(ValueError, match="the register pos exists already"):
        layout.add("pos", 2)


def test_parts_of_parts_count_from_the_register() -> None:
    part = HPOS.bits(1, 4).bits(1, 3)
    assert (part.coordinates, str(part)) == ((7, 8), "hpos_1[2..3]")
    assert str(HPOS.bits(1, 4).bit(2)) == "hpos_1[3]"
    assert HPOS.bits(2, 2).coordinates == ()


@pytest.mark.parametrize(("first", "stop"), [(-1, 2), (3, 2), (2, 5)], ids=["below", "backwards", "above"])
def test_bits_outside_a_span_are_refused(first: int, stop: int) -> None:
    with pytest.raises(IndexError, match=f"bits {first}\\.\\.{stop - 1} asked of hpos_1, which has 4"):
        HPOS.bits(first, stop)


def test_repetition_lists_the_span_that_often() -> None:
    assert Repeated(CONST, 3) == 3 * CONST
    assert str(3 * CONST) == "3*const"
    assert coordinates((HPOS, 2 * CONST, 0 * FLAG, POS.bits(2, 4))) == (5, 6, 7, 8, 4, 4, 2, 3)
