"""Sums of weights where formulas hold, against plain sums at every assignment."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from exactformer.certificates.checker import weighed as weighed_module
from exactformer.certificates.checker.diagrams import FALSE, TRUE, Diagrams, Formula, Node
from exactformer.certificates.checker.weighed import Below, Terms, Weighed
from tests.checker.test_diagrams import ASSIGNMENTS, VARIABLES, random_formula, truth_of
from tests.checker.theory.test_cases import values_of

Term = tuple[int, Formula]
WEIGHTS: list[tuple[str, tuple[int, ...]]] = [
    ("ones", (1,)),
    ("small weights", (1, 2, 3)),
    ("nothing counts", (0, 1, 4)),
    ("a common divisor", (2, 4, 6)),
    ("a large common divisor", (9, 18)),
    ("one far above the others", (1, 2, 50)),
]
NEGATIVE = (-4, -2, -1, 0, 1, 3)
BOUNDS = [(0, None), (1, None), (3, None), (60, None), (0, 0), (0, 3), (2, 2), (4, 6), (5, 5), (9, 18), (3, 1), (-2, 1)]
KEPT = [pytest.param(2**21, id="everything kept"), pytest.param(3, id="nearly nothing kept")]


def random_terms(draw: random.Random, diagrams: Diagrams, weights: Sequence[int]) -> list[Term]:
    """Also leaves, and one formula more than once."""
    terms = [(draw.choice(weights), random_formula(draw, diagrams, 3)[0]) for _ in range(draw.randrange(7))]
    return terms + [(draw.choice(weights), formula) for _, formula in terms if draw.random() < 0.2]


def sums_of(terms: Sequence[Term]) -> list[int]:
    """At each assignment."""
    return [sum(weight for weight, formula in terms if truth_of(formula, values)) for values in ASSIGNMENTS]


def holds(node: Node, values: tuple[bool, ...]) -> bool:
    while node is not TRUE and node is not FALSE:
        node = node.high if values[node.level] else node.low
    return node is TRUE


@pytest.fixture(params=KEPT, autouse=True)
def _kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighed_module, "MOST_KEPT", request.param)


@pytest.mark.parametrize("weights", [pytest.param(one[1], id=one[0]) for one in [*WEIGHTS, ("negative", NEGATIVE)]])
def test_sums(weights: tuple[int, ...]) -> None:
    draw, diagrams, weighed = random.Random(3), Diagrams(), Weighed()
    for _ in range(60):
        terms = random_terms(draw, diagrams, weights)
        assert list(values_of(weighed.sum(terms))) == sums_of(terms)


@pytest.mark.parametrize("weights", [pytest.param(one[1], id=one[0]) for one in WEIGHTS])
def test_sums_up_to_a_bound(weights: tuple[int, ...]) -> None:
    draw, diagrams, weighed = random.Random(4), Diagrams(), Weighed()
    for _ in range(60):
        terms, most = random_terms(draw, diagrams, weights), draw.randrange(8)
        assert list(values_of(weighed.up_to(most, terms))) == [min(total, most) for total in sums_of(terms)]


@pytest.mark.parametrize("weights", [pytest.param(one[1], id=one[0]) for one in WEIGHTS])
def test_sums_between_bounds(weights: tuple[int, ...]) -> None:
    """Looked at from the top, and asked for a model together with an assignment: many questions of the same sums."""
    draw, diagrams, weighed = random.Random(5), Diagrams(), Weighed()
    variables = [diagrams.variable(level) for level in range(VARIABLES)]
    for _ in range(12):
        terms = random_terms(draw, diagrams, weights)
        totals = sums_of(terms)
        for least, most in BOUNDS:
            node = weighed.between(least, most, terms)
            right = [least <= total and (most is None or total <= most) for total in totals]
            assert [holds(node, values) for values in ASSIGNMENTS] == right
            for values, expected in zip(ASSIGNMENTS, right, strict=True):
                here = {one if value else ~one for one, value in zip(variables, values, strict=True)}
                assert (diagrams.model(frozenset({node, *here})) is not None) == expected
            found = diagrams.model(frozenset({node}))
            assert (found is not None) == any(right)
            assert found is None or holds(node, tuple(found.get(level, False) for level in range(VARIABLES)))


def test_a_question_for_nothing_or_anything_is_a_formula() -> None:
    """So that it is the very formula that other questions have."""
    draw, diagrams, weighed = random.Random(6), Diagrams(), Weighed()
    for _ in range(60):
        terms = random_terms(draw, diagrams, (2, 6))
        nothing = weighed.between(0, 0, terms)
        assert isinstance(nothing, Formula)
        assert weighed.between(1, None, terms) is ~nothing
        assert weighed.between(0, 1, terms) is nothing


def test_equal_sums_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighed_module, "MOST_KEPT", 2**21)
    draw, diagrams, weighed = random.Random(7), Diagrams(), Weighed()
    for _ in range(60):
        terms = random_terms(draw, diagrams, (1, 2, 3))
        assert weighed.between(2, 4, terms) is weighed.between(2, 4, reversed(terms))
        assert weighed.sum(terms) == weighed.sum(reversed(terms))


def test_what_is_kept_is_forgotten_before_it_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighed_module, "MOST_KEPT", 50)
    draw, diagrams, weighed = random.Random(8), Diagrams(), Weighed()
    for _ in range(60):
        terms = random_terms(draw, diagrams, (1, 2, 3))
        weighed.sum(terms), weighed.up_to(3, terms), weighed.between(2, 4, terms)
        for kept in vars(weighed).values():
            assert isinstance(kept, int) or len(kept) <= 200


def test_a_sum_is_made_as_far_as_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    diagrams, weighed, split = Diagrams(), Weighed(), list[Terms]()
    made = Weighed.split

    def counted(self: Weighed, terms: Terms) -> tuple[Below, Below]:
        split.append(terms)
        return made(self, terms)

    monkeypatch.setattr(Weighed, "split", counted)
    node = weighed.between(7, 9, [(1, diagrams.variable(level)) for level in range(20)])
    assert len(split) == 0
    assert node.low.low.level == 2
    assert len(split) == 2
