"""Diagrams against truth tables: all assignments of random formulas, true ones and false ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product

import pytest

from exactformer.certificates.checker.diagrams import (
    FALSE,
    MOST_NODES,
    TRUE,
    Diagrams,
    Formula,
    choice,
    conjunction,
    disjunction,
    equal,
    implies,
    last_one,
)
from exactformer.certificates.checker.document import TooLarge

VARIABLES = 5
ASSIGNMENTS = list(product((False, True), repeat=VARIABLES))
Table = tuple[bool, ...]
"""The truth of a formula at each assignment."""

CONNECTIVES: list[tuple[int, Callable[..., Formula], Callable[..., bool]]] = [
    (1, lambda a: ~a, lambda a: not a),
    (2, lambda a, b: a & b, lambda a, b: a and b),
    (2, lambda a, b: a | b, lambda a, b: a or b),
    (2, equal, lambda a, b: a == b),
    (2, implies, lambda a, b: b or not a),
    (3, choice, lambda a, b, c: b if a else c),
    (3, lambda *all_of: conjunction(all_of), lambda *all_of: all(all_of)),
    (3, lambda *one_of: disjunction(one_of), lambda *one_of: any(one_of)),
]


def random_formula(draw: random.Random, diagrams: Diagrams, depth: int) -> tuple[Formula, Table]:
    """A formula as a diagram and as a truth table."""
    if depth == 0 or draw.random() < 0.1:
        level = draw.randrange(VARIABLES + 2)
        if level >= VARIABLES:
            return ((FALSE, TRUE)[level - VARIABLES], (level > VARIABLES,) * len(ASSIGNMENTS))
        return diagrams.variable(level), tuple(values[level] for values in ASSIGNMENTS)
    arity, connective, truth = draw.choice(CONNECTIVES)
    parts = [random_formula(draw, diagrams, depth - 1) for _ in range(arity)]
    return connective(*(formula for formula, _ in parts)), tuple(map(truth, *(table for _, table in parts)))


def truth_of(formula: Formula, values: tuple[bool, ...]) -> bool:
    """By going down from the top."""
    while formula not in (FALSE, TRUE):
        formula = formula.high if values[formula.level] else formula.low
    return formula is TRUE


def test_random_formulas_have_the_truth_of_their_tables() -> None:
    draw = random.Random(13)
    for _ in range(300):
        diagrams = Diagrams()
        formula, table = random_formula(draw, diagrams, 4)
        assert tuple(truth_of(formula, values) for values in ASSIGNMENTS) == table


def test_equivalent_formulas_are_the_same_diagram_and_no_others() -> None:
    draw, diagrams, tables = random.Random(2026), Diagrams(), dict[Formula, Table]()
    for _ in range(2000):
        formula, table = random_formula(draw, diagrams, 3)
        assert tables.setdefault(formula, table) == table
    assert len(set(tables.values())) == len(tables) > 300


def test_an_assignment_satisfies_its_formula_whatever_the_other_variables_are() -> None:
    draw, found = random.Random(7), 0
    for _ in range(500):
        formula, table = random_formula(draw, Diagrams(), 3)
        assignment = formula.assignment()
        assert (assignment is None) == (not any(table))
        for values, truth in zip(ASSIGNMENTS, table, strict=True):
            if assignment is not None and all(values[level] == value for level, value in assignment.items()):
                assert truth
                found += 1
    assert found > 1000


def number(diagrams: Diagrams, first: int, bits: int) -> list[Formula]:
    """Bits from the least one on; two numbers are interleaved, most significant bits first."""
    return [diagrams.variable(2 * (bits - 1 - place) + first) for place in range(bits)]


@pytest.mark.parametrize("limit", [MOST_NODES, 400], ids=["all is kept", "little is kept"])
def test_a_model_of_several_formulas_is_found_just_where_there_is_one(limit: int) -> None:
    """Without building their conjunction; what was found for other questions changes no answer."""
    draw, diagrams, found = random.Random(3), Diagrams(limit), [0, 0]
    for _ in range(400):
        if len(diagrams) > limit // 2:
            diagrams.clear()
        made = [random_formula(draw, diagrams, draw.randrange(4)) for _ in range(draw.randrange(5))]
        possible = [all(table[row] for _, table in made) for row in range(len(ASSIGNMENTS))]
        model = diagrams.model(frozenset(formula for formula, _ in made))
        assert (model is not None) == any(possible)
        found[model is not None] += 1
        if model is not None:
            # Whatever the variables are that it says nothing about.
            rows = [
                row for row, values in enumerate(ASSIGNMENTS) if all(values[at] == one for at, one in model.items())
            ]
            assert all(possible[row] for row in rows)
    assert min(found) > 50


def test_what_holds_for_some_values_where_all_others_are_0() -> None:
    draw, diagrams, looked = random.Random(4), Diagrams(), 0
    for _ in range(400):
        formula, table = random_formula(draw, diagrams, 4)
        given = {level: draw.random() < 0.4 for level in range(VARIABLES) if draw.random() < 0.5}
        truth = table[ASSIGNMENTS.index(tuple(given.get(level, False) for level in range(VARIABLES)))]
        holds, looked_at = formula.decided(given, last_one(given))
        assert holds == truth == formula.holds(given)
        if not looked_at and formula not in (FALSE, TRUE):
            assert formula.level not in given
        looked += looked_at
        assert set(formula.path(given)) <= set(range(VARIABLES))
    assert looked > 100


def test_equality_of_interleaved_numbers_takes_three_nodes_a_bit() -> None:
    diagrams, bits = Diagrams(), 64
    same = conjunction(map(equal, number(diagrams, 0, bits), number(diagrams, 1, bits)))
    assert len(diagrams) < 20 * bits
    nodes, todo = set[Formula](), [same]
    while todo:
        node = todo.pop()
        if node not in nodes and node not in (FALSE, TRUE):
            nodes.add(node)
            todo += [node.low, node.high]
    assert len(nodes) == 3 * bits


def test_beyond_the_limit_there_is_no_answer() -> None:
    diagrams = Diagrams(limit=100)
    bits = [diagrams.variable(level) for level in range(20)]
    with pytest.raises(TooLarge, match="more than 100 nodes"):
        # The worst order for this function: 2^10 nodes.
        conjunction(map(equal, bits[:10], bits[10:]))
