"""The bits of max(x - 2^k, 0) and x + 1, at large widths too, and lemmas about them that are wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactformer.constructions.transformer.encoding import signed_binary
from exactformer.verify.lemmas import bits
from exactformer.verify.lemmas.bits import decode, decremented, encode, incremented, unknown_bits
from exactformer.verify.lemmas.outcome import Budget, Disproved
from exactformer.verify.solver import Formula, value_of

WIDTH = 32


def bits_at(formulas: tuple[Formula, ...], number: int) -> int:
    model = {f"x[{b}]": number >> b & 1 == 1 for b in range(len(formulas))}
    return sum(value_of(bit, model) << b for b, bit in enumerate(formulas))


numbers = st.one_of(st.integers(0, 2**WIDTH - 1), st.integers(0, 31).map(lambda k: 2**k))


@given(numbers, st.integers(0, WIDTH - 1))
def test_decrement_is_arithmetic(number: int, exponent: int) -> None:
    assert bits_at(decremented(unknown_bits("x", WIDTH), exponent), number) == max(number - 2**exponent, 0)


@given(numbers)
def test_increment_is_arithmetic(number: int) -> None:
    assert bits_at(incremented(unknown_bits("x", WIDTH)), number) == (number + 1) % 2**WIDTH


@given(numbers)
def test_codes_are_those_of_the_construction(number: int) -> None:
    assert encode(number, WIDTH) == signed_binary(number, WIDTH)
    assert decode(encode(number, WIDTH)) == number


@pytest.mark.parametrize("width", [3, 7, 32])
def test_a_borrow_that_stops_too_early_is_refuted(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    right = bits.borrow_ripple

    def stops(x: tuple[Formula, ...], exponent: int) -> bits.Ripple:
        ripple = right(x, exponent)
        return bits.Ripple(ripple.bits, (*ripple.carries[:-1], ripple.carries[0]))

    monkeypatch.setattr(bits, "borrow_ripple", stops)
    lemma = bits.LEMMAS[0]
    assert isinstance(lemma.decide(width, Budget(600)), Disproved)


def test_bits_that_are_not_arithmetic_are_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bits, "decremented", lambda x, _: x)
    outcome = bits.LEMMAS[0].decide(3, Budget(600))
    assert outcome == Disproved("x = 1, k = 0: bits (1, -1, -1), not (-1, -1, -1)")
