"""Registers, spans of them, and coordinate lists written in their names."""

from __future__ import annotations

import re
from random import Random

import pytest

from exactformer.constructions.transformer.naming import name_coordinates
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


NAMES: dict[str, tuple[tuple[int, ...], str]] = {
    "empty": ((), ""),
    "a whole register": ((0, 1, 2, 3), "pos"),
    "two neighbouring registers": ((0, 1, 2, 3, 4), "pos, const"),
    "one bit": ((2,), "pos[2]"),
    "a few bits": ((6, 7), "hpos_1[1..2]"),
    "a flag often": ((4, 4, 4), "3*const"),
    "a bit often": ((7, 7), "2*hpos_1[2]"),
    "descending": ((3, 2), "pos[3], pos[2]"),
    "a repetition before a run": ((0, 0, 1, 2), "2*pos[0], pos[1..2]"),
    "a run before a repetition": ((0, 1, 1), "pos[0..1], pos[1]"),
    "the query of exists_high": ((5, 6, 7, 8, 4, 4, 4, 2, 3), "hpos_1, 3*const, pos[2..3]"),
}


@pytest.mark.parametrize("title", NAMES)
def test_coordinate_lists_in_names(title: str) -> None:
    listed, text = NAMES[title]
    assert name_coordinates(REGISTERS, listed) == text


def read_back(text: str) -> list[int]:
    """The list that a text names, by the grammar of SPEC 6."""
    spans = {register.name: register for register in REGISTERS}
    listed: list[int] = []
    for part in text.split(", ") if text else []:
        found = re.fullmatch(r"(?:(\d+)\*)?(\w+)(?:\[(\d+)(?:\.\.(\d+))?\])?", part)
        assert found is not None, part
        count, name, first, last = found.groups()
        register = spans[name]
        low = int(first) if first else 0
        high = int(last) if last else low if first else register.width - 1
        listed += [register.offset + bit for bit in range(low, high + 1)] * int(count or 1)
    return listed


@pytest.mark.parametrize("seed", range(20))
def test_names_say_exactly_which_coordinates_are_listed(seed: int) -> None:
    rng = Random(seed)
    for _ in range(50):
        listed: list[int] = []
        while len(listed) < 12:
            start = rng.randrange(10)
            listed += rng.choice([[start] * rng.randint(1, 3), list(range(start, min(10, start + rng.randint(1, 6))))])
        assert read_back(name_coordinates(REGISTERS, listed)) == listed
