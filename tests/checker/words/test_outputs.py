"""Which output is surely said, and which is surely at least as good, compared with all numbers between ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise, permutations, product
from random import Random

import pytest

from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of
from exactformer.certificates.checker.sequences.network import Head, Nearest, Planes, Row, row_of
from exactformer.certificates.checker.softmax.numbers import Value
from exactformer.certificates.checker.words.heads import Class, HeadOfWords
from exactformer.certificates.checker.words.outputs import is_not_below, names_of, said
from exactformer.certificates.checker.words.states import UNKNOWN
from tests.checker.conftest import UNLIMITED

REAL = arithmetic_of("exact", 0)
NOT_SAID = (UNKNOWN, Fraction(0))
NUMBERS = (Fraction(-5), Fraction(-4), Fraction(1), Fraction(7, 2), Fraction(10))


def between(low: Fraction, high: Fraction) -> Value:
    return REAL.number(REAL.model.activation, (REAL.scaled(low), REAL.scaled(high)))


def best_of(outputs: Mapping[str, Row] | Nearest, x: tuple[Fraction, ...]) -> dict[str, Fraction]:
    """By name how good an output is: its logit, or less the distance."""
    vector = [*x, Fraction(1)]
    if isinstance(outputs, Nearest):
        return {str(number): -abs(number - x[0]) for number in outputs.numbers}
    return {
        name: sum((vector[at] * weight / 2**row.scale for at, weight in row.terms), Fraction(0))
        for name, row in outputs.items()
    }


def cases() -> Iterator[tuple[Mapping[str, Row] | Nearest, list[tuple[Fraction, Fraction]]]]:
    """Outputs, with ends of x."""
    nearest = Nearest(row_of([(0, Fraction(1))]), NUMBERS)
    quarters = [Fraction(n, 4) for n in range(-24, 49, 2)]
    for low in quarters:
        for width in (0, Fraction(1, 4), Fraction(3), Fraction(20)):
            yield nearest, [(low, low + width)]
    random = Random(1)
    for _ in range(60):
        rows = {
            name: row_of([(at, Fraction(w, 4)) for at, w in enumerate(random.choices((-9, -3, -2, 0, 1, 4), k=3)) if w])
            for name in "abc"
        }
        yield rows, [(low, low + random.choice((0, 0, 1, 3))) for low in random.choices(quarters, k=2)]


def test_outputs_between_ends() -> None:
    """Linear, or convex on each side: at the ends all is as bad as it gets; and what is not said is not so there."""
    seen = {"said": 0, "not said": 0, "as good": 0, "not": 0}
    for outputs, ends in cases():
        vector, names = (*(between(*pair) for pair in ends), REAL.one), names_of(outputs)
        corners = [best_of(outputs, x) for x in product(*ends)]
        best, margin = said(REAL, outputs, vector)
        apart = {
            name: min(here[name] - other for here in corners for at, other in here.items() if at != name)
            for name in names
        }
        if isinstance(outputs, Nearest):  # from where another one is as near, which is in the middle of two numbers
            assert (best != UNKNOWN) == (max(apart.values()) > 0)
            if best != UNKNOWN:
                low, high = ends[0]
                middles = [(one + other) / 2 for one, other in pairwise(NUMBERS)]
                assert margin == min(min(abs(middle - low), abs(middle - high)) for middle in middles)
                assert sum(middle < low for middle in middles) == best == sum(middle < high for middle in middles)
        elif max(apart.values()) > 0:
            assert (names[best], margin) == max(((n, by) for n, by in apart.items()), key=lambda pair: pair[1])
        else:
            assert best == UNKNOWN
        seen["said" if best != UNKNOWN else "not said"] += 1
        for other, expected in permutations(range(len(names)), 2):
            surely = all(here[names[other]] >= here[names[expected]] for here in corners)
            assert is_not_below(REAL, outputs, vector, other, expected) == surely
            seen["as good" if surely else "not"] += 1
    assert min(seen.values()) > 20


def test_a_tie_is_not_said() -> None:
    tie = {name: row_of([(0, Fraction(1))]) for name in "ab"}
    assert said(REAL, tie, (between(Fraction(3), Fraction(3)), REAL.one)) == NOT_SAID
    middle = between(Fraction(-3, 2), Fraction(-3, 2))
    assert said(REAL, Nearest(row_of([(0, Fraction(1))]), NUMBERS), (middle, REAL.one)) == NOT_SAID


@pytest.mark.parametrize("numbers", [(1, 1), (1, 3), (0, 3), (-6, 4), (-5, 8)])
def test_values_together(numbers: tuple[int, int]) -> None:
    """For what is far: the ends, the larger size, and what both are multiples of."""
    how = arithmetic_of("fused:bf16/fp32/bf16", 0)
    head = HeadOfWords(Head("", (), (), (), Fraction(1)), lambda _: Planes(0, ()), how, 1, "here", UNLIMITED)
    each = [how.number(how.model.activation, (number << how.grid, number << how.grid)) for number in numbers]
    together = head.hull(
        [Class(number, number, head.values.number((value,))) for number, value in zip(numbers, each, strict=True)]
    )
    assert together[:2] == (min(numbers), max(numbers))
    (found,) = head.values.things[together.values]
    assert found[:3] == (min(numbers) << how.grid, max(numbers) << how.grid, max(map(abs, numbers)) << how.grid)
    assert all(number % 2**found.grain == 0 for number in numbers)
