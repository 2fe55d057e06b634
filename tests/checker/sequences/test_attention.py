"""Scores, how far they are below the largest, and differences of logits, compared with what numbers between ends may
give."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from random import Random

import pytest

from exactformer.certificates.checker.sequences.arithmetic import arithmetic_of
from exactformer.certificates.checker.sequences.attention import Scores, query_of, score
from exactformer.certificates.checker.sequences.network import Head, row_of
from exactformer.certificates.checker.sequences.walk import difference
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Unbounded, Value
from tests.checker.sequences.simulation import Overflows, Simulation
from tests.checker.sequences.simulation import arithmetic_of as simulated


def choices(scores: list[Scores]) -> Iterator[list[tuple[int, int]]]:
    """(group, score) of every position, each at an end."""
    ends = [(place, {one.low, one.high}) for place, one in enumerate(scores) for _ in range(one.number)]
    for chosen in product(*(sorted(both) for _, both in ends)):
        yield [(place, value) for (place, _), value in zip(ends, chosen, strict=True)]


@pytest.mark.parametrize("accumulator", ["fp32", "float(3,-2,20)", "fixed8.30"])
def test_how_far_scores_are_below_the_largest(accumulator: str) -> None:
    """The ends of every group are what some scores make, and none makes more."""
    how = arithmetic_of(f"fused:fixed2/{accumulator}/float(2,-2,2)", 0)
    rounded = simulated(f"fused:fixed2/{accumulator}/fixed2", 1).ACC
    assert rounded is not None
    random = Random(accumulator)
    for _ in range(150):
        scores = []
        for _ in range(random.randint(1, 3)):
            low = random.randint(0, 20)
            scores.append(Scores(random.randint(1, 3), low << how.grid, low + random.randint(0, 3) << how.grid))
        found = [set[Fraction]() for _ in scores]
        for chosen in choices(scores):
            top = max(value for _, value in chosen)
            for place, value in chosen:
                x = Fraction(top - value, how.unit)
                found[place].add(rounded(x) if rounded.p is not None else x)
        query = query_of(how, scores)
        assert sum(one.number for one in scores) == query.N
        for one, group, xs in zip(scores, query.groups, found, strict=True):
            assert (group.least, group.most) == (one.number, one.number)
            assert (Fraction(group.nearest, how.unit), Fraction(group.furthest or 0, how.unit)) == (min(xs), max(xs))


SCORES = (
    "fused:float(3,-2,6)/float(5,-4,30)/float(3,-2,6)@float(4,-3,20)",
    "fused:float(3,-2,6)/float(5,-4,30)/float(3,-2,6)@float(3,-2,8)+once",
    "fused:float(3,-2,6)/float(4,-4,30)/float(3,-2,6)@float(6,-2,8)+once",
    "rounded:float(3,-2,6)/float(3,-2,3)@float(3,-2,4)",
)


def known(value: Fraction, how: Arithmetic) -> Value:
    units = how.scaled(value)
    return how.number(how.model.activation, (units, units))


@pytest.mark.parametrize("text", SCORES)
def test_scores(text: str) -> None:
    """Of queries and keys that are known, in many orders."""
    random, shown, overflows = Random(text), 0, 0
    for _ in range(60):
        scale, e = random.choice((Fraction(1), Fraction(1, 3), Fraction(3, 7), Fraction(2))), random.choice((0, 1, 3))
        how, numbers = arithmetic_of(text, e), [Fraction(n, 4) for n in (-12, -7, -5, -1, 0, 1, 2, 3, 6, 10)]
        query, key = (random.choices(numbers, k=random.choice((1, 2, 3, 5))) for _ in range(2))
        length = min(len(query), len(key))
        query, key = query[:length], key[:length]
        head = Head("head", (), (), (), scale)
        simulation = Simulation(simulated(text, 2**e), {}, random)
        try:
            low, high = score(how, head, [known(q, how) for q in query], [known(k, how) for k in key])
        except Unbounded:
            overflows += 1
            continue
        for _ in range(12):
            found = simulation.score({} if scale == 1 else {"scale": str(scale)}, query, key)
            assert low <= found * how.unit <= high
            shown += 1
    assert shown > 300
    assert overflows or text != SCORES[-1]


def test_scores_that_overflow() -> None:
    """Of either sign; and with a scale."""
    how, head = (
        arithmetic_of("rounded:float(3,-2,6)/float(3,-2,3)@float(3,-2,4)", 2),
        Head("head", (), (), (), Fraction(1)),
    )
    for q, shown in ((7, True), (-7, True), (8, False), (-8, False)):
        one, other = [known(Fraction(q), how)], [known(Fraction(1), how)]
        if shown:
            assert score(how, head, one, other) == (4 * q << how.grid, 4 * q << how.grid)
        else:
            with pytest.raises(Unbounded):
                score(how, head, one, other)
    large = Head("head", (), (), (), Fraction(5))
    with pytest.raises(Unbounded):
        score(how, large, [known(Fraction(7), how)], [known(Fraction(1), how)])


@pytest.mark.parametrize("stored", ["", "+stored"])
def test_differences_of_logits(stored: str) -> None:
    """Both are sums of which either may be wrong."""
    text = f"rounded:float(3,-2,6)/float(3,-2,6)+linearfloat(4,-2,20){stored}"
    random, how, seen = Random(1), arithmetic_of(text, 0), 0
    for _ in range(60):
        x = [Fraction(random.choice((-10, -7, -5, -3, 1, 2, 5, 7, 14))) for _ in range(3)]
        weights = [[random.choice((-11, -9, -3, 1, 5, 13)) for _ in range(4)] for _ in "ab"]
        forms = [[list(enumerate(own[:3])), own[3]] for own in weights]
        rows = [row_of([(at, Fraction(weight)) for at, weight in enumerate(own)]) for own in weights]
        try:
            low, high = difference(how, [*(known(each, how) for each in x), how.one], *rows)
        except Unbounded:
            continue
        simulation = Simulation(simulated(text, 1), {}, random)
        for _ in range(10):
            try:
                one, other = (simulation.product(form, x) for form in forms)
            except Overflows:
                pytest.fail("an overflow is not excluded")
            assert low <= (one - other) * how.unit <= high
            seen += 1
    assert seen > 200
