"""Rows of a table as a formula, ghosts that are looked up; sums of integers, each of which is kept once."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product
from typing import Any

import pytest

from exactformer.certificates.checker.cases import Cases, combined, summed
from exactformer.certificates.checker.diagrams import FALSE, TRUE, Diagrams, conjunction
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.machine import parse_machine
from exactformer.certificates.checker.theory import mlp
from exactformer.certificates.checker.theory.facts import Facts
from exactformer.certificates.checker.theory.ghosts import Variables, View, constant, same_number
from exactformer.certificates.checker.theory.language import read_formula
from exactformer.certificates.checker.theory.mlp import Integers
from exactformer.certificates.checker.theory.of_machine import require_machine
from exactformer.certificates.checker.theory.reading import Theory, read_theory
from exactformer.certificates.checker.theory.template import Value
from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.turing.theory import tables
from tests.checker.test_diagrams import random_formula
from tests.checker.theory.test_cases import random_cases, values_of

HEAD = """theory t
parameter ROWS: rows
set S = a b c
set T = x y
class start first: START
class one: ONE
follow start: one
follow one: one
ghost one: s S
ghost one: t T
ghost one: u S
ghost one: v T
ghost one: n position
"""
ROWS: Value = (("a", "x", "c", "y"), ("b", "x", "b", "x"), ("c", "y", "b", "y"))
LOOKED_UP = HEAD + "define one: u v = ROWS of s t\n"


def read(text: str, rows: Value = ROWS) -> Theory:
    return read_theory(text, {"ROWS": rows}, 3)


def test_a_row_and_what_it_says() -> None:
    theory = read(LOOKED_UP)
    variables = Variables(theory, Diagrams())
    defined = conjunction(variables.defined(theory.classes["one"], name) for name in "uv")
    rows = {row[:2]: row[2:] for row in ROWS} if isinstance(ROWS, tuple) else {}
    for of_j in (False, True):
        view = View(variables, "here", "one", "one")
        where = view.formula(read_formula("here", "ROWS of j.s j.t" if of_j else "ROWS of s t"))
        said = variables.moved(defined) if of_j else defined
        for s, t, u, v in product("abc", "xy", "abc", "xy"):
            values = {"s": "abc".index(s), "t": "xy".index(t), "u": "abc".index(u), "v": "xy".index(v)}
            here = conjunction(
                same_number(variables.bits(name, of_j), constant(value, 2)) for name, value in values.items()
            )
            assert (here & where is not FALSE) == ((s, t) in rows)
            assert (here & said is not FALSE) == (rows.get((s, t), ("a", "x")) == (u, v))


WRONG: list[tuple[str, str, str]] = [
    ("no table", "define one: u v = NONE of s t", "not a table with 4 columns"),
    ("a set", "define one: u v = S of s t", "not a table with 4 columns"),
    ("too few ghosts", "define one: u = ROWS of s t", "not a table with 3 columns"),
    ("too many", "define one: u v n = ROWS of s t", "not a table with 5 columns"),
    ("two rows for the same", "define one: t u v = ROWS of s", "two rows for the same"),
    ("a position", "define one: u n = ROWS of s t", "not an element of a set"),
    ("a ghost of no one", "define one: u w = ROWS of s t", 'has no ghost "w"'),
    ("twice", "define one: u v = ROWS of s t\ndefine one: u v = ROWS of s t", "is defined already"),
    ("and a choice", "define one: u = 'a'\ndefine one: u v = ROWS of s t", "is defined already"),
    ("a choice besides", "define one: u v = ROWS of s t\ndefine one: u = 'a'", "is defined by a table already"),
    ("by itself", "define one: u v = ROWS of s v", "is defined by itself"),
    ("in a circle", "define one: s = u\ndefine one: u v = ROWS of s t", "is defined by itself"),
    ("nothing after of", "define one: u v = ROWS of", "theory, line"),
    ("a number", "define one: u v = ROWS of s 1", "where the end must be"),
    ("a formula behind it", "define one: u v = ROWS of s t if t = 'x'", "where the end must be"),
]


@pytest.mark.parametrize(("line", "reason"), [pytest.param(*one[1:], id=one[0]) for one in WRONG])
def test_wrong_tables(line: str, reason: str) -> None:
    rows: Value = (("a", "x", "c", "y"), ("a", "y", "b", "x"))
    with pytest.raises(Rejected, match=reason):
        read(HEAD + line, rows)


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("NONE of s t", "no table"),
        ("ROWS of t s", "is not an element of T"),
        ("ROWS of s n", "n is no|n. is not an element"),
    ],
)
def test_wrong_rows(formula: str, reason: str) -> None:
    theory = read(HEAD)
    with pytest.raises(Rejected, match=reason):
        View(Variables(theory, Diagrams()), "here", "one").formula(read_formula("here", formula))


def test_a_definition_counts_where_a_fact_depends_on_what_it_defines() -> None:
    """That u is not 'a', by a fact; it is, by its definition; asked is neither of them."""
    theory = read(LOOKED_UP + "fact one: s = 'b' and t = 'y' => u != 'a'\nfact one: s = 'a' => u = 'a'\n")
    variables = Variables(theory, Diagrams())
    facts, view = Facts(theory, variables), View(variables, "here", "one")

    def possible(text: str) -> bool:
        return facts.possible(facts.alone("one"), frozenset({view.formula(read_formula("here", text))}))

    assert possible("s = 'b' and t = 'x'")
    assert not possible("s = 'b' and t = 'y'")
    assert possible("s = 'a' and t = 'y'")
    assert not possible("s = 'a' and t = 'x'")


def test_sums_of_integers_are_the_same_term_by_term_and_variable_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    draw, diagrams = random.Random(5), Diagrams()
    for _ in range(40):
        found = list[Cases]()
        parts = [random_cases(draw, diagrams, (-1, 0, 1, 2)) for _ in range(5)]
        for few in (0, 32):
            monkeypatch.setattr(mlp, "FEW", few)
            integers = Integers()
            first, *others = map(integers.one, parts)
            found.append(integers.sum(first, Counter({id(one): draw.choice((2,)) for one in others})))
        assert found[0] == found[1]


def test_equal_integers_are_one_object() -> None:
    draw, diagrams, integers = random.Random(6), Diagrams(), Integers()
    found = [integers.one(random_cases(draw, diagrams, (-1, 0, 1))) for _ in range(300)]
    for one, other in product(found[:60], found):
        assert (one is other) == (one == other)
        assert integers.of(id(one)) is one


def test_after_retaining_kept_formulas_are_the_same_objects() -> None:
    draw, diagrams = random.Random(8), Diagrams()
    kept = [random_formula(draw, diagrams, 4)[0] for _ in range(20)]
    for _ in range(200):
        random_formula(draw, diagrams, 4)
    before = len(diagrams)
    expected = [one & other for one, other in product(kept, kept)]
    diagrams.retain([*kept, *expected])
    assert len(diagrams) < before + sum(map(len, (kept, expected)))
    assert [one & other for one, other in product(kept, kept)] == expected
    diagrams.retain([])
    assert len(diagrams) == 0


def test_integers_are_combined_in_either_order() -> None:
    draw, diagrams = random.Random(9), Diagrams()
    for _ in range(60):
        one, other = (random_cases(draw, diagrams, (-1, 0, 1, 4)) for _ in range(2))
        assert combined(one, other, max) == combined(other, one, max)
        assert summed(one, other) == summed(other, one)
        assert values_of(summed(one, {1: TRUE})) == tuple(value + 1 for value in values_of(one))


@pytest.mark.parametrize("name", ["increment", "binary-addition"])
def test_the_tables_of_a_machine(name: str) -> None:
    """The parameters have to be those of the machine; rows may come in any order."""
    loaded = load_machine(name)
    machine, given = parse_machine(write_machine(loaded)), dict[str, Any](tables(loaded))
    rows = given["ROWS"]
    require_machine(given, machine)
    require_machine(given | {"ROWS": tuple(reversed(rows))}, machine)
    lies: dict[str, Any] = {
        "K": 3,
        "STATES": tuple(reversed(loaded.states)),
        "GAMMA": loaded.alphabet[:-1],
        "INPUTS": loaded.input_alphabet[:1],
        "HALTING": (loaded.states[0],),
        "INITIAL": (loaded.states[1],),
        "BLANK": (loaded.alphabet[1],),
        "ROWS": rows[1:],
        "MORE": 1,
    }
    for field, lie in lies.items():
        with pytest.raises(Rejected, match=f"{field}: is not that of the machine {name}"):
            require_machine(given | {field: lie}, machine)
    for lie in ((*rows, rows[0]), (*rows[1:], (*rows[0][:-1], "L" if rows[0][-1] == "R" else "R")), 1, "x"):
        with pytest.raises(Rejected, match="ROWS"):
            require_machine(given | {"ROWS": lie}, machine)


SETS = (("a", "b"), ("b", "d", "e"), ("a", "c"), ("c", "d", "g"), ("e", "h"))
PRODUCT = """theory t
parameter ROWS: rows
set S = a b c d e f g h
class one first: ONE
class two: TWO
follow one: two
follow two: two
ghost two: s1 S
ghost two: s2 S
ghost two: s3 S
ghost two: s4 S
ghost two: s5 S
ghost two: copy S
ghost two: n position
{lines}
"""


def test_elements_that_are_compared_are_interleaved_and_no_others() -> None:
    """So what a table says of five that are not, which is a product, needs not remember all of them at once."""

    def size(lines: str) -> int:
        theory = read_theory(PRODUCT.format(lines=lines), {"ROWS": tuple(product(*SETS))}, 3)
        variables = Variables(theory, Diagrams())
        view = View(variables, "here", "two")
        left, seen = [view.formula(read_formula("here", "ROWS of s1 s2 s3 s4 s5"))], set()
        while left:
            node = left.pop()
            if node.table is not None and node not in seen:
                seen.add(node)
                left += (node.low, node.high)
        return len(seen)

    every = "\n".join(f"fact two: s{k} != s{k + 1} or n = 0" for k in range(1, 5))
    assert size("") <= sum(map(len, SETS)) * 3 < size(every)
    assert size("pair two two: j.copy = s1") <= sum(map(len, SETS)) * 3
    theory = read_theory(PRODUCT.format(lines="define two: copy = s3 if s1 = s5\nfact two: n = pos"), {"ROWS": ()}, 3)
    groups = [group for group in theory.compared if len(group) > 1]
    assert sorted(map(sorted, groups)) == [["copy", "s3"], ["n", "pos"], ["s1", "s5"]]
