"""Dyadic arrays against `Fraction`s, in both representations."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from exactformer.verify.arithmetic.formats import FormatOverflow, parse_format, round_to
from exactformer.verify.rounded.dyadic import (
    SAFE,
    Dyadic,
    compact,
    mapped,
    of_fractions,
    plus,
    product,
    rounded,
    scaled,
)

SIZES = {"int64": 40, "beyond int64": 70}


def numbers(rng: Random, bits: int, places: int, shape: tuple[int, int]) -> Dyadic:
    drawn = [Fraction(rng.randrange(-(1 << bits), 1 << bits), 1 << places) for _ in range(shape[0] * shape[1])]
    return of_fractions(drawn, shape)


def values(array: Dyadic) -> list[list[Fraction]]:
    rows, columns = array.numerators.shape
    return [[array.value(row, column) for column in range(columns)] for row in range(rows)]


@pytest.mark.parametrize("bits", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", ["bf16", "e4m3fn", "fixed8.80", "float(30,-5,100)"])
def test_rounding(bits: int, name: str) -> None:
    number_format = parse_format(name)
    array = numbers(Random(name), bits, bits - 3, (4, 25))
    expected = [[round_to(number_format, x) for x in row] for row in values(array)]
    assert values(rounded(number_format, array)) == expected
    assert expected != values(array)


def test_what_is_a_value_is_left_alone_and_what_is_too_large_overflows() -> None:
    e4m3fn = parse_format("e4m3fn")
    fine = of_fractions([Fraction(n) for n in (-448, 15, 16, 1)] + [Fraction(1, 512)], (1, 5))
    assert rounded(e4m3fn, fine) is fine or values(rounded(e4m3fn, fine)) == values(fine)
    with pytest.raises(FormatOverflow):
        rounded(e4m3fn, of_fractions([Fraction(480)], (1, 1)))
    with pytest.raises(FormatOverflow):
        rounded(parse_format("fixed4.3"), of_fractions([Fraction(8)], (1, 1)))


@pytest.mark.parametrize("bits", SIZES.values(), ids=SIZES)
def test_sums_products_and_powers_of_two(bits: int) -> None:
    rng = Random(bits)
    one, two, three = (numbers(rng, bits, 9, shape) for shape in ((3, 4), (3, 4), (4, 5)))
    a, b, c = values(one), values(two), values(three)
    assert values(plus(one, two)) == [
        [x + y for x, y in zip(first, second, strict=True)] for first, second in zip(a, b, strict=True)
    ]
    columns = [list(column) for column in zip(*c, strict=True)]
    inner = [[sum((x * y for x, y in zip(row, column, strict=True)), Fraction(0)) for column in columns] for row in a]
    assert values(product(one, three)) == inner
    assert values(scaled(one, 12)) == [[x * 4096 for x in row] for row in a]
    assert values(mapped(one, lambda n, d: Fraction(n, d) / 2)) == [[x / 2 for x in row] for row in a]


def test_sums_that_leave_int64_are_exact() -> None:
    large = Dyadic(np.array([[SAFE - 1]], dtype=np.int64), 0)
    assert values(plus(large, large)) == [[2 * SAFE - 2]]
    assert values(plus(plus(large, large), large)) == [[3 * SAFE - 3]]
    assert product(large, large).value(0, 0) == (SAFE - 1) ** 2


def test_compact_keeps_the_numbers() -> None:
    for array in (
        of_fractions([Fraction(-3, 4), Fraction(5, 2)], (1, 2)),
        Dyadic(np.array([[-12 << 70, 8 << 70]], dtype=object), 71),
        Dyadic(np.zeros((2, 2), dtype=np.int64), 5),
    ):
        small = compact(array)
        assert values(small) == values(array)
        assert small.numerators.dtype == np.int64
        assert small.places in (0, 2)
    with pytest.raises(ValueError, match="dyadic"):
        of_fractions([Fraction(1, 3)], (1, 1))
