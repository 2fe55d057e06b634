"""Whether several formulas can hold at once: against truth tables; within its limit; and after forgetting."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from exactformer.certificates.checker.diagrams import FALSE, TRUE, Diagrams, Formula, conjunction, disjunction, equal
from exactformer.certificates.checker.document import TooLarge
from tests.checker.test_diagrams import Table, random_formula


def possible(diagrams: Diagrams, formulas: frozenset[Formula]) -> bool:
    """Whether there is a model; one that is found is one."""
    found = diagrams.model(formulas)
    assert found is None or all(formula.holds(found) for formula in formulas)
    return found is not None


def drawn(draw: random.Random, diagrams: Diagrams, most: int) -> list[tuple[Formula, Table]]:
    return [random_formula(draw, diagrams, 3) for _ in range(draw.randrange(most + 1))]


def satisfied(tables: list[Table]) -> bool:
    return any(map(all, zip(*tables, strict=True))) if tables else True


def test_random_sets_are_possible_where_their_tables_meet() -> None:
    draw, diagrams, answers = random.Random(5), Diagrams(), list[bool]()
    for _ in range(3000):
        chosen = drawn(draw, diagrams, 6)
        answers.append(possible(diagrams, frozenset(formula for formula, _ in chosen)))
        assert answers[-1] == satisfied([table for _, table in chosen])
    assert 500 < sum(answers) < 2500


def test_the_conjunction_is_not_made() -> None:
    draw, diagrams = random.Random(6), Diagrams()
    for _ in range(200):
        formulas = frozenset(formula for formula, _ in drawn(draw, diagrams, 6))
        before = len(diagrams)
        answer = possible(diagrams, formulas)
        assert len(diagrams) == before
        assert answer == (conjunction(formulas) is not FALSE)


def test_of_no_formula_and_of_leaves() -> None:
    diagrams = Diagrams()
    bit = diagrams.variable(3)
    assert possible(diagrams, frozenset())
    assert possible(diagrams, frozenset({TRUE}))
    assert possible(diagrams, frozenset({TRUE, bit}))
    assert not possible(diagrams, frozenset({FALSE}))
    assert not possible(diagrams, frozenset({FALSE, TRUE, bit}))
    assert not possible(diagrams, frozenset({bit, ~bit}))


def test_after_forgetting_the_answers_are_the_same_and_formulas_the_same_objects() -> None:
    draw, diagrams = random.Random(8), Diagrams()
    sets = [[formula for formula, _ in drawn(draw, diagrams, 5)] for _ in range(300)]
    answers = [possible(diagrams, frozenset(one)) for one in sets]
    joined = [conjunction(one) for one in sets]
    nodes = len(diagrams)
    diagrams.forget_steps()
    assert diagrams.size > nodes  # few steps are kept
    diagrams.limit = 0
    diagrams.forget_steps()
    diagrams.limit = 2**21
    assert diagrams.size == len(diagrams) == nodes
    assert [possible(diagrams, frozenset(one)) for one in sets] == answers
    for one, before in zip(sets, joined, strict=True):
        again = conjunction(one)
        assert again is before
        assert (again is FALSE, ~again is FALSE) == (before is FALSE, ~before is FALSE)
    assert len(diagrams) >= nodes
    assert diagrams.variable(2) is diagrams.variable(2)


def pigeons(diagrams: Diagrams, holes: int) -> frozenset[Formula]:
    """That one pigeon more than there are holes sits in them, and no two in one: many small formulas, none wrong."""
    sits = [[diagrams.variable(pigeon * holes + hole) for hole in range(holes)] for pigeon in range(holes + 1)]
    apart = {~(one[hole] & two[hole]) for one, two in combinations(sits, 2) for hole in range(holes)}
    return frozenset(map(disjunction, sits)) | apart


def test_beyond_the_limit_there_is_no_answer() -> None:
    diagrams = Diagrams()
    assert not possible(diagrams, pigeons(diagrams, 3))
    diagrams.clear()
    formulas = pigeons(diagrams, 5)
    diagrams.limit = 40
    with pytest.raises(TooLarge, match="more than 80 steps"):
        possible(diagrams, formulas)
    diagrams.forget_steps()
    diagrams.limit = 2**21
    assert not possible(diagrams, formulas)
    for one in formulas:
        assert possible(diagrams, formulas - {one})


def test_many_equal_numbers_take_little() -> None:
    """Sixty bits of five numbers, interleaved: nothing like all assignments is gone through."""
    diagrams, bits = Diagrams(), 60
    numbers = [[diagrams.variable(5 * place + which) for place in range(bits)] for which in range(5)]
    same = [conjunction(map(equal, one, other)) for one, other in combinations(numbers, 2)]
    last = ~equal(numbers[0][-1], numbers[4][-1])
    diagrams.limit = 1000
    assert possible(diagrams, frozenset(same))
    assert not possible(diagrams, frozenset({*same, last}))
    assert possible(diagrams, frozenset({*same[:1], last}))
