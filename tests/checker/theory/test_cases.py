"""Integers by cases, and parts of tokens in a vocabulary, against plain integers at every assignment."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from exactformer.certificates.checker import cases as cases_module
from exactformer.certificates.checker.cases import (
    Cases,
    either,
    lost,
    possible,
    product,
    same,
    scaled,
    sign,
    summed,
)
from exactformer.certificates.checker.diagrams import FALSE, TRUE, Diagrams
from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.theory.ghosts import View
from exactformer.certificates.checker.theory.reading import read_theory
from exactformer.certificates.checker.theory.vocabulary import chosen, embedding, weighted_sum
from exactformer.certificates.checker.weights import Network, read_network
from tests.checker.test_diagrams import ASSIGNMENTS, random_formula, truth_of
from tests.checker.theory.truth import Assignments

Values = tuple[int, ...]
"""Of an integer, at each assignment."""


def values_of(cases: Cases) -> Values:
    """What an integer is at each assignment, where just one of its formulas holds."""
    found = []
    for assignment in ASSIGNMENTS:
        (value,) = [value for value, formula in cases.items() if truth_of(formula, assignment)]
        found.append(value)
    assert all(formula is not FALSE for formula in cases.values())
    return tuple(found)


def random_cases(draw: random.Random, diagrams: Diagrams, numbers: Sequence[int]) -> Cases:
    found: Cases = {draw.choice(numbers): TRUE}
    for _ in range(draw.randrange(4)):
        found = either(random_formula(draw, diagrams, 2)[0], {draw.choice(numbers): TRUE}, found)
    return found


def each(operation: Callable[..., int], *parts: Values) -> Values:
    return tuple(map(operation, *parts))


@pytest.mark.parametrize("numbers", [(-1, 1), (-1, 0, 1), (-5, -1, 0, 2, 3)], ids=["signs", "ternary", "any"])
def test_random_integers(numbers: tuple[int, ...]) -> None:
    draw, diagrams = random.Random(17), Diagrams()
    for _ in range(300):
        one, two = random_cases(draw, diagrams, numbers), random_cases(draw, diagrams, numbers)
        left, right = values_of(one), values_of(two)
        assert values_of(summed(one, two)) == each(lambda a, b: a + b, left, right)
        assert values_of(product(one, two)) == each(lambda a, b: a * b, left, right)
        factor = draw.choice([-3, -1, 1, 2])
        assert values_of(scaled(one, factor)) == each(lambda a, by=factor: a * by, left)
        condition, truth = random_formula(draw, diagrams, 2)
        assert values_of(either(condition, one, two)) == each(lambda c, a, b: a if c else b, truth, left, right)
        equal = same(one, two)
        assert tuple(truth_of(equal, values) for values in ASSIGNMENTS) == each(lambda a, b: a == b, left, right)
        assert values_of(sign(condition)) == each(lambda c: 1 if c else -1, truth)


def test_random_losses() -> None:
    draw, diagrams = random.Random(18), Diagrams()
    for _ in range(200):
        terms = [random_cases(draw, diagrams, (-2, -1, 0, 1)) for _ in range(draw.randrange(5))]
        most = draw.randrange(1, 7)
        total = [sum(column) for column in zip(*map(values_of, terms), strict=True)] or [0] * len(ASSIGNMENTS)
        top = sum(map(max, terms))
        assert values_of(lost(terms, most)) == tuple(min(top - value, most) for value in total)


def test_what_never_is_is_left_out() -> None:
    bit = Diagrams().variable(0)
    assert possible({1: bit, 2: FALSE, 3: ~bit}) == {1: bit, 3: ~bit}
    assert either(TRUE, {1: bit, 2: ~bit}, {3: TRUE}) == {1: bit, 2: ~bit}
    assert sign(TRUE) == {1: TRUE}
    assert summed({0: TRUE}, {5: bit, 6: ~bit}) == {5: bit, 6: ~bit}


def test_many_values_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    diagrams = Diagrams()
    bits = [diagrams.variable(level) for level in range(6)]
    monkeypatch.setattr(cases_module, "MOST_VALUES", 63)
    total: Cases = {0: TRUE}
    for place, bit in enumerate(bits[:5]):
        total = summed(total, {0: ~bit, 2**place: bit})
    with pytest.raises(TooLarge, match="more than 63 values"):
        summed(total, {0: ~bits[5], 32: bits[5]})
    monkeypatch.setattr(cases_module, "MOST_PAIRS", 63)
    with pytest.raises(TooLarge, match="32 and 2 values; this checker combines up to 63 pairs"):
        product(total, {0: ~bits[5], 32: bits[5]})


THEORY = """theory t
set S = a b c
set T = x y z u
set ONE = o
class start first: START
class two: PAIR left=s right=t only=o
class one: PAIR left='b' right=t only='o'
follow start: two
follow two: one
ghost two: s S
ghost two one: t T
ghost two: o ONE
"""


def random_vector(draw: random.Random, width: int) -> list[list[int]]:
    return [[place, draw.choice([-2, -1, 1, 3])] for place in range(width) if draw.random() < 0.5]


def random_network(draw: random.Random) -> Network:
    """A network without layers, with random vectors for three fields."""
    width = 6
    fields = [
        {
            "name": name,
            "values": list(values),
            "embedding": [random_vector(draw, width) for _ in values],
            "unembedding": [random_vector(draw, width) for _ in values],
        }
        for name, values in (("left", "abc"), ("right", "xyzu"), ("only", "o"))
    ]
    families = [
        {"name": "START", "embedding": [], "unembedding": [], "fields": []},
        {"name": "PAIR", "embedding": random_vector(draw, width), "unembedding": [], "fields": fields},
    ]
    document: Any = {
        "format": "exactformer weights",
        "version": 1,
        "position_bits": 2,
        "registers": [["pos", 2], ["rest", width - 2]],
        "vocabulary": families,
        "layers": [],
    }
    return read_network(document)


def test_random_embeddings_are_sums_of_vectors() -> None:
    """Of the base, one of each field, and the position; also where fields have three values, or one."""
    over, draw = Assignments(read_theory(THEORY, {}, 2), ("pos", "s", "t"), two=False), random.Random(4)
    columns = {name: over.columns[name, False] for name in over.ghosts}
    for _ in range(40):
        network = random_network(draw)
        family = network.vocabulary[1]
        for name in ("two", "one"):
            view = View(over.variables, "here", name)
            token = chosen(over.theory.classes[name].token, view, network)
            left = columns["s"] if name == "two" else np.full(over.count, 1)
            rows = [field.embedding.dense(network.width) for field in family.fields]
            expected = family.embedding.dense(network.width)[0] + rows[0][left] + rows[1][columns["t"]] + rows[2][0]
            for bit in range(2):
                expected[:, bit] += 2 * (columns["pos"] >> bit & 1) - 1
            found = embedding(token, over.variables, "pos", network)
            for place, cases in enumerate(found):
                told = [value * over.table(formula).astype(np.int64) for value, formula in cases.items()]
                assert (np.sum([over.table(one) for one in cases.values()], axis=0) == 1).all()
                assert np.array_equal(np.sum(told, axis=0), expected[:, place])
            vector = [(place, draw.choice([-2, 1, 3])) for place in range(network.width)]
            logit = weighted_sum(vector, found)
            told = [value * over.table(formula).astype(np.int64) for value, formula in logit.items()]
            assert np.array_equal(np.sum(told, axis=0), expected @ np.array([weight for _, weight in vector]))
