"""What may be assumed of tokens: just what a theory says."""

from __future__ import annotations

import random

import numpy as np
import pytest

from exactformer.certificates.checker.diagrams import FALSE, Diagrams
from exactformer.certificates.checker.theory.facts import Facts
from exactformer.certificates.checker.theory.ghosts import Variables, View
from exactformer.certificates.checker.theory.language import read_formula
from exactformer.certificates.checker.theory.reading import Theory, read_theory
from tests.checker.theory.truth import Assignments, Table, conjoined

HEAD = """theory t
set S = a b c
class start first: START
class one: X
class two: Y
follow start: one
follow one: one two
follow two: one
ghost start one two: f flag
ghost one two: s S
ghost one: w position
ghost start: z position
"""


def facts(lines: str) -> Facts:
    theory = read_theory(HEAD + lines, {}, 3)
    return Facts(theory, Variables(theory, Diagrams()))


ASSUMED: list[tuple[str, str]] = [
    ("nothing", ""),
    ("facts", "fact one: f => w <= pos\nfact one two: s = 'b' or f\nfact start: z = 5"),
    ("a pair", "pair one one: f and j.s = s => j.pos <= w"),
    ("pairs of two classes", "pair one two: j.f\npair two one: s != j.s\npair one two: w = j.pos or f"),
    ("before", "before 2 one one: w = j.w\nbefore 1 two one: j.f\nbefore 3 one start: f"),
    ("all", "fact one: w != 3\npair one one: w >= j.w\nbefore 1 one one: f != j.f\nbefore 1 one one: s = j.s"),
]


DISTANCES = (1, 2, 3)
"""Those of facts about a token before."""


def said(lines: str, i: str, j: str, over: Assignments) -> Table:
    """What the lines say of tokens i and j, evaluated plainly: the formulas are the kernel's, the frame is not."""
    found, at = facts(lines), {name: over.columns["pos", name] for name in (False, True)}
    theory = found.theory
    first = {False: i == "start", True: j == "start"}
    parts = [(at[side] == 0) == first[side] for side in (False, True)] + [at[True] <= at[False]]
    one, other = View(over.variables, "here", i, j), View(over.variables, "here", j)
    parts += [over.table(one.formula(formula)) for _, formula in theory.classes[i].facts]
    parts += [over.table(over.variables.moved(other.formula(formula))) for _, formula in theory.classes[j].facts]
    parts += [over.table(one.formula(formula)) for _, formula in theory.pairs.get((i, j), ())]
    for distance, _, formula in theory.before.get((i, j), ()):
        parts.append((at[False] != at[True] + distance) | over.table(one.formula(formula)))
    for distance in DISTANCES:
        if j not in theory.possible_at(i, distance):
            parts.append(at[False] != at[True] + distance)
    if i != j:
        parts.append(at[False] != at[True])
    else:
        for ghost in theory.classes[i].ghosts:
            parts.append((at[False] != at[True]) | (over.columns[ghost, False] == over.columns[ghost, True]))
    return conjoined(parts)


@pytest.mark.parametrize("lines", [pytest.param(case[1], id=case[0]) for case in ASSUMED])
def test_of_two_tokens_is_assumed_what_is_said_and_no_more(lines: str) -> None:
    over = Assignments(read_theory(HEAD + lines, {}, 3), ("pos", "w", "f", "s"))
    found = Facts(over.theory, over.variables)
    for i in ("one", "two"):
        for j in ("start", "one", "two"):
            if j != "start" or "start: z" not in lines:
                near = [found.where_apart(i, j, distance) for distance in DISTANCES]
                formulas = [*found.pairs(i, j).formulas, *(one for of_distance in near for one in of_distance)]
                table = conjoined([over.table(formula) for formula in formulas])
                assert np.array_equal(table, said(lines, i, j, over)), (i, j)
                assert table.any()


@pytest.mark.parametrize("lines", [pytest.param(case[1], id=case[0]) for case in ASSUMED])
def test_of_one_token_is_assumed_what_is_said_and_that_elements_are_of_their_sets(lines: str) -> None:
    theory = read_theory(HEAD.replace("set S = a b c", "set S = a b c d") + lines, {}, 3)
    over = Assignments(theory, ("pos", "w", "f", "s"), two=False)
    few = read_theory(HEAD + lines, {}, 3)
    found = Facts(few, Variables(few, over.variables.diagrams))
    for name in ("one", "two"):
        parts = [over.columns["pos", False] != 0, over.columns["s", False] < 3]
        view = View(over.variables, "here", name)
        parts += [over.table(view.formula(formula)) for _, formula in theory.classes[name].facts]
        assert np.array_equal(
            conjoined([over.table(formula) for formula in found.alone(name).formulas]), conjoined(parts)
        ), name


def random_theory(draw: random.Random) -> Theory:
    """Some classes, and followers so that all can be reached."""
    count = draw.randrange(2, 7)
    lines = ["theory t", "class c0 first: X", *(f"class c{k}: X" for k in range(1, count))]
    lines += [f"follow c{draw.randrange(k)}: c{k}" for k in range(1, count)]
    for _ in range(draw.randrange(6)):
        lines.append(f"follow c{draw.randrange(count)}: c{draw.randrange(1, count)}")
    return read_theory("\n".join(lines), {}, 3)


def test_classes_at_a_distance_against_all_paths() -> None:
    draw, sizes = random.Random(3), set[int]()
    for _ in range(60):
        theory = random_theory(draw)
        paths = [[name] for name in theory.classes]
        before: dict[str, set[str]] = {name: {name} for name in theory.classes}
        for distance in range(6):
            for name in theory.classes:
                expected = {path[0] for path in paths if path[-1] == name}
                assert theory.possible_at(name, distance) == expected
                before[name] |= expected
                sizes.add(len(expected))
            paths = [
                [name, *path] for path in paths for name in theory.classes if path[0] in theory.classes[name].followers
            ]
            paths = [list(ends) for ends in {(path[0], path[-1]) for path in paths}]
        for name in theory.classes:
            assert theory.at_or_before[name] == before[name]
    assert {0, 1, 2, 3} <= sizes


def test_a_distance_excludes_classes_that_no_followers_allow() -> None:
    found = facts("")

    def excluded(i: str, j: str, distance: int) -> bool:
        return found.before(i, j, distance) == (FALSE,)

    assert excluded("two", "two", 1)
    assert not excluded("two", "two", 2)
    assert excluded("two", "start", 1)
    assert not excluded("one", "start", 1)
    assert not excluded("one", "one", 1)


@pytest.mark.parametrize("lines", [pytest.param(case[1], id=case[0]) for case in ASSUMED])
def test_what_is_possible_is_never_said_not_to_be(lines: str) -> None:
    """However few of the facts are looked at; and what is impossible by those that speak of it is found to be."""
    over, draw = Assignments(read_theory(HEAD + lines, {}, 3), ("pos", "w", "f", "s")), random.Random(9)
    found, answers = Facts(over.theory, over.variables), set[bool]()
    words = ("f", "j.f", "w = j.w", "s = 'b'", "s != j.s", "w = pos", "j.w > w", "pos = j.pos + 2", "j.pos = 1")
    for _ in range(40):
        distance = draw.choice((1, 2))
        assumed = found.pairs("one", "one")
        if draw.random() < 0.5:
            assumed = found.with_first(assumed, found.where_apart("one", "one", distance))
        view = View(over.variables, "here", "one", "one")
        asked = frozenset(view.formula(read_formula("here", draw.choice(words))) for _ in range(3))
        truth = bool(conjoined([over.table(formula) for formula in (*assumed.formulas, *asked)]).any())
        answer = found.possible(assumed, asked)
        assert answer or not truth
        assert answer == truth  # with as many facts as it takes
        answers.add(answer)
        assert found.possible(assumed, asked, 1) or not truth
    assert True in answers
