"""Which tokens a head selects, on few coordinates that are given: they have one score, and all others score less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from exactformer.certificates.checker.diagrams import Diagrams
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.theory.annotation import Case
from exactformer.certificates.checker.theory.facts import Facts
from exactformer.certificates.checker.theory.ghosts import Variables, View
from exactformer.certificates.checker.theory.heads import Found, Heads
from exactformer.certificates.checker.theory.language import Same, read_content, read_formula, read_number
from exactformer.certificates.checker.theory.mlp import Integers
from exactformer.certificates.checker.theory.reading import read_theory
from exactformer.certificates.checker.weights import Head

THEORY = """theory t
class start first: START
class one: ONE
follow start: one
follow one: one
ghost one: f flag
ghost one: n position
fact one: n < 6
"""
CONSTANT, KIND, F, N = range(4)
"""Coordinates: 1; whether it is a token of class one; 1 or -1, as f says; 1 or -1, as n > 0."""
CONTENTS = {"start": ("1", "0", "0", "0", "0"), "one": ("1", "1", "(1 if f else -1)", "(1 if n > 0 else -1)", "0")}
ZERO = 4
"""1 if n = 0, else 0; but of n >= 6, which a fact excludes, there is no case."""


@dataclass(frozen=True)
class Selecting:
    """Formulas by which a token of class one, where ``when`` holds, selects; the keys that its score sums up."""

    one: str
    start: str = "false"
    keys: Sequence[int] = (F,)
    when: str = "true"
    member: str = "pos"
    facts: str = ""


def situation(told: Selecting) -> Found | None:
    variables, integers = Variables(read_theory(THEORY + told.facts, {}, 3), Diagrams()), Integers()
    coordinates = {}
    for cls, contents in CONTENTS.items():
        view = View(variables, "here", cls)
        coordinates[cls] = [view.content(read_content("here", text), 1)[0] for text in contents]
        if cls == "one":
            formulas = (view.formula(read_formula("here", text)) for text in ("n = 0", "n > 0 and n < 6"))
            coordinates[cls][ZERO] = dict(zip((1, 0), formulas, strict=True))
        coordinates[cls] = list(map(integers.one, coordinates[cls]))
    selects = {"one": read_formula("here", told.one), "start": read_formula("here", told.start)}
    when = read_formula("here", told.when)
    case = Case("here", ("one",), when, selects, read_number("here", told.member), Same(0))
    head = Head("head", "lookup", [CONSTANT] * len(told.keys), list(told.keys), [], [])
    where = View(variables, "here", "one").formula(when)
    facts = Facts(variables.theory, variables)
    return Heads(facts, integers).situation(head, case, "one", where, [], coordinates)


FOUND: list[tuple[str, Selecting, Found | None]] = [
    ("the largest", Selecting("j.f", when="f"), Found(1, None, False)),
    ("twice as large", Selecting("j.f", when="f", keys=(F, F)), Found(2, None, False)),
    ("so far apart that it is not told", Selecting("j.f", when="f", keys=(F,) * 7), Found(4, None, False)),
    ("the largest of two classes", Selecting("j.f", when="f", keys=(F, KIND)), Found(2, None, False)),
    ("nothing else", Selecting("true", "true", keys=(CONSTANT,), member="0"), Found(None, None, False)),
    ("one score, by a fact", Selecting("true", facts="fact one: f"), Found(1, None, False)),
    (
        "one score, by a fact that excludes the best one",
        Selecting("true", keys=(F, KIND, KIND), facts="fact one: not f"),
        Found(1, None, False),
    ),
    (
        "a score below what the class could have",
        Selecting("not j.f", when="not f", keys=(F, KIND, KIND), facts="fact one: not f"),
        Found(1, None, False),
    ),
    (
        "another score of a class of which none is selected",
        Selecting("j.f", "pos = 0", when="f"),
        Found(1, None, False),
    ),
    (
        "the best score without a fact is no case",
        Selecting("j.n != 0", when="n != 0", keys=(ZERO, N, N)),
        Found(2, None, False),
    ),
    ("one token only", Selecting("true", keys=(KIND,), when="pos = 1"), Found(1, 1, False)),
    ("what no token is", Selecting("j.f", when="n > 5"), None),
]


@pytest.mark.parametrize(("told", "found"), [pytest.param(*one[1:], id=one[0]) for one in FOUND])
def test_what_a_head_selects(told: Selecting, found: Found | None) -> None:
    assert situation(told) == found


WRONG: list[tuple[str, Selecting, str]] = [
    (
        "not the largest",
        Selecting("not j.f", when="not f"),
        "that is not selected may score 1, one that is -1, for one",
    ),
    ("one of the largest", Selecting("j.f and j.pos = pos", when="f"), "not selected may score 1, one that is 1"),
    ("two scores", Selecting("true"), r"selected tokens have the scores \[-1, 1\], for class one"),
    ("two scores, by two bits", Selecting("true", keys=(F, N)), r"selected tokens have the scores \[-?\d, -?\d\]"),
    ("two scores of two classes", Selecting("j.f", "true", member="0"), r"have the scores \[0, 1\], for class one"),
    ("nothing", Selecting("false"), "the member, for class one, may be a token of class one that is not selected"),
    ("nothing that there is", Selecting("n > 5"), "may be a token of class one that is not selected"),
    ("not the member", Selecting("j.f"), "may be a token of class one that is not selected"),
    ("not the member of the other class", Selecting("j.f", member="0"), "of class start that is not selected"),
    ("what comes later", Selecting("true", member="pos + 1"), "is not always at or before a token of class one"),
    ("as good as another class", Selecting("j.f", when="f", keys=(CONSTANT,)), "may score 1, one that is 1"),
    ("worse by a term that facts allow", Selecting("j.f", when="f", keys=(F, N, N)), "have the scores"),
]


@pytest.mark.parametrize(("told", "reason"), [pytest.param(*one[1:], id=one[0]) for one in WRONG])
def test_what_a_head_does_not_select(told: Selecting, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        situation(told)
