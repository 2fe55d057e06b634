"""Ghosts that are defined by others: the first choice that holds, else the first of their kind; never by themselves."""

from __future__ import annotations

from itertools import product

import pytest

from exactformer.certificates.checker.diagrams import FALSE, Diagrams, conjunction
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.theory.ghosts import Variables, constant, same_number
from exactformer.certificates.checker.theory.reading import read_theory
from exactformer.constructions.theory import Theory, TrueToken
from exactformer.trial import Wrong, try_on

HEAD = """theory defined
set S = a b c
class start first: START
class one: ONE
follow start: one
follow one: one
ghost one: x position
ghost one: s S
ghost one: y position
ghost one: t S
"""
LINES = (
    HEAD
    + """define one: y = x + 1 if s = 'a'
define one: y = x - 1 if s != 'c'
define one: t = s if x < 3
define one: t = 'b' if x > 5
"""
)


def wanted(x: int, s: int) -> tuple[int, int]:
    """y and t: (x + 1) mod 8, as y has three bits; t is the first element where no choice holds."""
    y = (x + 1) % 8 if s == 0 else max(x - 1, 0) if s == 1 else 0
    return y, s if x < 3 else 1 if x > 5 else 0


def test_the_first_choice_that_holds_counts() -> None:
    theory = read_theory(LINES, {}, 3)
    variables = Variables(theory, Diagrams())
    defined = [variables.defined(theory.classes["one"], name) for name in "yt"]
    for of_j in (False, True):
        x, s, y, t = (variables.bits(name, of_j) for name in "xsyt")
        said = conjunction(map(variables.moved, defined) if of_j else defined)
        for value, element in product(range(8), range(3)):
            here = conjunction([same_number(x, constant(value, 3)), same_number(s, constant(element, 2))])
            for bits, result, width in zip((y, t), wanted(value, element), (3, 2), strict=True):
                assert said & here & ~same_number(bits, constant(result, width)) is FALSE
            assert said & here is not FALSE


def test_what_is_defined_by_itself_is_rejected() -> None:
    for lines in ("define one: y = y + 1\n", "define one: y = x if t = 'a'\ndefine one: t = 'b' if y = 1\n"):
        with pytest.raises(Rejected, match="is defined by itself"):
            read_theory(HEAD + lines, {}, 3)


def test_a_true_token_has_what_is_defined() -> None:
    theory = Theory(LINES)
    good = TrueToken("one", {"x": 2, "s": "c", "y": 0, "t": "c"})
    assert list(try_on(theory, 3, [TrueToken("start", {}), good])) == []
    for name, other in (("y", 1), ("t", "a")):
        bad = TrueToken("one", {**good.ghosts, name: other})
        (wrong,) = try_on(theory, 3, [TrueToken("start", {}), bad])
        assert wrong == Wrong("theory, line 12" if name == "y" else "theory, line 13", 1)
