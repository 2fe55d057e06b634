"""What may be assumed of tokens: just what a theory says; and theories that say what cannot be."""

from __future__ import annotations

import random

import numpy as np
import pytest

from exactformer.certificates.checker.diagrams import Diagrams
from exactformer.certificates.checker.document import Rejected
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


def require(lines: str) -> None:
    """What the kernel requires before it begins."""
    found = facts(lines)
    found.require_followers()
    for name in found.theory.classes:
        found.alone(name)


CONTRADICTORY: list[tuple[str, str, str]] = [
    ("false", "fact one: false", "class one"),
    ("a fact and its negation", "fact one: f\nfact one: not f", "class one"),
    ("a fact of the first class", "fact start: f and not f", "class start"),
    ("a first class that is not at 0", "fact start: pos = 1", "class start"),
    ("another class at 0", "fact one: pos = 0", "class one"),
    ("another class at 0 or below", "fact two: pos < 1", "class two"),
    ("a position beyond all", "fact one: pos > 7", "class one"),
    ("a position beyond all, of a ghost", "fact one: w - 3 > 5", "class one"),
    ("no element", "fact one: s != 'a' and s != 'b' and s != 'c'", "class one"),
    ("an element in two facts", "fact one: s = 'a'\nfact one: s = 'b'", "class one"),
    ("a pair, compared with itself", "pair one one: s != j.s", "class one"),
    ("a pair of the first class", "pair start start: f != j.f", "class start"),
    ("a pair that says that there is one token", "pair one one: j.pos < pos", "class one"),
    ("a pair that excludes all", "pair one one: false", "class one"),
    ("a pair that excludes its own fact", "fact one: f\npair one one: not j.f", "class one"),
    ("a pair in two lines", "pair one one: f\npair one one: not j.f", "class one"),
    ("a pair without an element", "pair one one: s != 'a' and s != 'b' and s != 'c'", "class one"),
    ("a pair without an element of j", "pair one one: j.s != 'a' and j.s != 'b' and j.s != 'c'", "class one"),
    ("a follower that the token before excludes", "before 1 two one: false", "class two right behind class one"),
    ("a follower that a pair excludes", "pair two one: false", "class two right behind class one"),
    ("a follower that a pair excludes near", "pair two one: pos > j.pos + 1", "class two right behind class one"),
    (
        "a follower of the first that excludes it",
        "pair one start: j.f and not j.f",
        "class one right behind class start",
    ),
    ("a follower of itself", "before 1 one one: j.f != j.f", "class one right behind class one"),
    (
        "a follower with another flag",
        "fact one: f\nfact two: not f\nbefore 1 two one: f = j.f",
        "class two right behind",
    ),
    ("a follower with another element", "fact one: s = 'a'\nbefore 1 one one: s != j.s", "class one right behind"),
    (
        "a follower whose elements are none",
        "before 1 two one: s != 'a' and s != 'b' and s != 'c'",
        "class two right behind class one",
    ),
    (
        "a follower behind a token whose elements are none",
        "before 1 two one: j.s != 'a' and j.s != 'b' and j.s != 'c'",
        "class two right behind class one",
    ),
    (
        "a follower by its place",
        "fact one: pos = 1 or pos = 7\npair two one: pos != 2",
        "class one right behind class one",
    ),
    ("a follower by the first one's place", "fact one: pos != 1", "class one right behind class start"),
    ("a follower that is too far", "fact two: pos = 1", "class two right behind class one"),
]


@pytest.mark.parametrize(("lines", "reason"), [pytest.param(*case[1:], id=case[0]) for case in CONTRADICTORY])
def test_contradictory(lines: str, reason: str) -> None:
    with pytest.raises(Rejected, match=f"{reason}.* what cannot be") as rejected:
        require(lines)
    assert rejected.value.field == "theory"


CONSISTENT: list[tuple[str, str]] = [
    ("nothing", ""),
    ("the first one's place", "fact start: pos = 0"),
    ("a class that stands at one place", "fact two: pos = 2"),
    ("one element", "fact one: s != 'a' and s != 'c'"),
    ("a pair that is about others alone", "pair one one: j.pos < pos => s != j.s"),
    ("a token two before that cannot be", "before 2 two two: false"),
    ("a token far before", "before 7 one one: false"),
    ("a pair that never is one", "pair start one: false"),
    ("a pair that excludes far tokens", "pair one one: pos <= j.pos + 1"),
]


@pytest.mark.parametrize("lines", [pytest.param(case[1], id=case[0]) for case in CONSISTENT])
def test_consistent(lines: str) -> None:
    require(lines)


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
                of_each = [found.related(i, j, distance) for distance in (None, *DISTANCES)]
                formulas = [*found.pair(i, j), *frozenset().union(*of_each)]
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
        assert np.array_equal(conjoined([over.table(formula) for formula in found.alone(name)]), conjoined(parts)), name


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
    over = Assignments(read_theory(HEAD, {}, 3), ("pos", "f", "s", "w"))
    found = Facts(over.theory, over.variables)
    pos, pos_j = over.columns["pos", False], over.columns["pos", True]

    def excluded(i: str, j: str, distance: int | None) -> bool:
        plain, more = (
            conjoined([over.table(formula) for formula in found.related(i, j, which)]) for which in (None, distance)
        )
        assert np.array_equal(more, plain) or np.array_equal(more, plain & (pos != pos_j + (distance or 0)))
        return not np.array_equal(more, plain)

    assert excluded("two", "two", 1)
    assert not excluded("two", "two", 2)
    assert excluded("two", "start", 1)
    assert not excluded("one", "start", 1)
    assert not excluded("one", "one", 1)
    assert not excluded("two", "two", None)


@pytest.mark.parametrize("lines", [pytest.param(case[1], id=case[0]) for case in ASSUMED])
def test_what_is_possible_is_never_said_not_to_be(lines: str) -> None:
    """However few of the facts are looked at; and what is impossible by those that speak of it is found to be."""
    over, draw = Assignments(read_theory(HEAD + lines, {}, 3), ("pos", "w", "f", "s")), random.Random(9)
    found, answers = Facts(over.theory, over.variables), set[bool]()
    words = ("f", "j.f", "w = j.w", "s = 'b'", "s != j.s", "w = pos", "j.w > w", "pos = j.pos + 2", "j.pos = 1")
    for _ in range(40):
        distance = draw.choice((None, 1, 2))
        formulas = [
            over.table(formula) for formula in (*found.pair("one", "one"), *found.related("one", "one", distance))
        ]
        view = View(over.variables, "here", "one", "one")
        asked = frozenset(view.formula(read_formula("here", draw.choice(words))) for _ in range(3))
        truth = bool(conjoined([*formulas, *map(over.table, asked)]).any())
        answer = found.possible(found.pair("one", "one"), found.related("one", "one", distance) | asked)
        assert answer or not truth
        answers.add(answer)
    assert True in answers
