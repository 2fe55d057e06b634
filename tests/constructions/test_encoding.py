"""Signed binary: the encodings of positions, states, symbols and moves."""

from __future__ import annotations

from math import ceil, log2

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.transformer.encoding import at, bits_for, signed_binary
from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.turing.encoding import Shape


@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_signed_binary_is_the_binary_expansion(width: int) -> None:
    codes = [signed_binary(number, width) for number in range(2**width)]
    assert all(len(code) == width and set(code) <= {-1, 1} for code in codes)
    assert [sum(2**bit * (value + 1) // 2 for bit, value in enumerate(code)) for code in codes] == list(range(2**width))


@pytest.mark.parametrize(("number", "width"), [(-1, 3), (8, 3), (1, 0)], ids=["negative", "too large", "no bits"])
def test_signed_binary_refuses_what_does_not_fit(number: int, width: int) -> None:
    with pytest.raises(ValueError, match=f"{number} does not fit {width} bits"):
        signed_binary(number, width)


@pytest.mark.parametrize("count", range(2, 70))
def test_bits_for_is_the_ceiling_of_the_logarithm(count: int) -> None:
    assert bits_for(count) == ceil(log2(count))


def test_one_thing_needs_one_bit() -> None:
    assert bits_for(1) == 1


def test_values_stand_in_their_register() -> None:
    assert at(Span("state", 7, 3), (1, -1, 1)) == ((7, 1), (8, -1), (9, 1))
    with pytest.raises(ValueError, match="zip"):
        at(Span("state", 7, 3), (1, -1))


def test_shape_of_a_machine() -> None:
    machine = load_machine("copy")  # 2 tapes, 5 states, 4 symbols
    assert Shape.of(machine, 6) == Shape(tapes=2, position_bits=6, state_bits=3, symbol_bits=2)
