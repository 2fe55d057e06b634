"""Formulas, numbers and contents: what is no text of one is rejected; all others mean what they say, at every
assignment of the ghosts of two tokens."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from exactformer.certificates.checker.diagrams import FALSE
from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.theory.ghosts import View
from exactformer.certificates.checker.theory.language import (
    DEEPEST,
    LONGEST,
    Bit,
    Code,
    Compared,
    Constant,
    Dropped,
    Either,
    Flag,
    Formula,
    Ghost,
    High,
    Joined,
    Named,
    Not,
    OneHot,
    Same,
    Shifted,
    Sum,
    Truth,
    read_content,
    read_formula,
    read_number,
)
from exactformer.certificates.checker.theory.reading import read_theory
from tests.checker.theory.truth import Assignments, Column, Table

MALFORMED: list[tuple[str, Callable[[str, str], object], str, str]] = [
    ("nothing", read_formula, "", "has nothing where a number must be"),
    ("blanks", read_formula, " \t ", "has nothing where a number must be"),
    ("a letter of no alphabet here", read_formula, "f and é", "has something at character 5 that belongs to no"),
    ("a bracket", read_formula, "f[1]", "has something at character 1"),
    ("a semicolon", read_formula, "f; g", "has something at character 1"),
    ("a quote without end", read_formula, "s = 'a", "has something at character 3"),
    ("double quotes", read_formula, 's = "a"', "has something at character 3"),
    ("digits of another script", read_formula, "pos = ١", "has something at character 5"),
    ("two formulas", read_formula, "f g", r"\"g\" where the end must be"),
    ("a negation behind", read_formula, "f not", r"\"not\" where the end must be"),
    ("and without a right side", read_formula, "f and", "nothing where a number must be"),
    ("and without a left side", read_formula, "and f", r"\"and\" where a ghost or a number must be"),
    ("or twice", read_formula, "f or or g", r"\"or\" where a ghost or a number must be"),
    ("an arrow to nowhere", read_formula, "f =>", "nothing where a number must be"),
    ("an arrow from nowhere", read_formula, "=> f", r"\"=>\" where a ghost or a number must be"),
    ("an arrow in the other direction", read_formula, "f <= => g", r"\"=>\" where"),
    ("a broken arrow", read_formula, "f = > g", r"\">\" where a ghost or a number must be"),
    ("not of nothing", read_formula, "not", "nothing where a number must be"),
    ("parenthesis open", read_formula, "(f", r"nothing where \"\)\" must be"),
    ("parenthesis closed", read_formula, "f)", r"\"\)\" where the end must be"),
    ("empty parentheses", read_formula, "()", r"\"\)\" where a ghost or a number must be"),
    ("parentheses around a number", read_formula, "(pos) = 1", r"\"=\" where the end must be"),
    ("a number alone", read_formula, "3", "nothing where a comparison must be"),
    ("a sum alone", read_formula, "pos + 1", "nothing where a comparison must be"),
    ("a name alone", read_formula, "'a'", "nothing where a comparison must be"),
    ("drop alone", read_formula, "drop(pos, 1)", "nothing where a comparison must be"),
    ("comparison without a right side", read_formula, "pos <", "nothing where a number must be"),
    ("comparison without a left side", read_formula, "< pos", r"\"<\" where"),
    ("a chain of comparisons", read_formula, "1 < pos < 3", r"\"<\" where the end must be"),
    ("two signs of comparison", read_formula, "pos = = 3", r"\"=\" where"),
    ("a sign that is none", read_formula, "pos <> 3", r"\">\" where"),
    ("not equal in another language", read_formula, "pos == 3", r"\"=\" where"),
    ("a formula compared", read_formula, "pos = true", r"\"true\" where a ghost or a number must be"),
    ("a ghost subtracted", read_formula, "pos = pos - w", r"\"w\" where a number must be"),
    ("a sum in parentheses", read_formula, "pos = (pos + 1)", r"\"\(\" where"),
    ("a product", read_formula, "pos = 2 * pos", "has something at character 7"),
    ("a negative number", read_formula, "pos = -1", r"\"-\" where"),
    ("a number with a fraction", read_formula, "pos = 1.5", r"\".\" where the end must be"),
    ("a number with a letter", read_formula, "pos = 1x", r"\"x\" where the end must be"),
    ("plus nothing", read_formula, "pos = pos +", "nothing where a number must be"),
    ("minus a name", read_formula, "pos = pos - 'a'", r"\"a\" where a number must be"),
    ("j alone", read_formula, "j", r"nothing where \"\.\" must be"),
    ("j without a ghost", read_formula, "j.", "nothing where a ghost or a number must be"),
    ("j of j", read_formula, "j.j.pos = 1", r"\"j\" where a ghost or a number must be"),
    ("j with a number", read_formula, "j.3 = 1", r"\"3\" where a ghost or a number must be"),
    ("i with a dot", read_formula, "i.pos = 1", r"\".\" where the end must be"),
    ("a word of the language as a ghost of j", read_formula, "j.true", r"\"true\" where a ghost or a number must be"),
    ("a name of j in quotes", read_formula, "j.'a' = 's'", r"\"a\" where a ghost or a number must be"),
    ("bit without a place", read_formula, "bit(pos)", r"\"\)\" where \",\" must be"),
    ("bit without parentheses", read_formula, "bit pos, 1", r"\"pos\" where \"\(\" must be"),
    ("bit at a ghost", read_formula, "bit(pos, w)", r"\"w\" where a number must be"),
    ("bit at a sum", read_formula, "bit(pos, 1 + 1)", r"\"\+\" where \"\)\" must be"),
    ("bit at a name in quotes", read_formula, "bit(pos, '1')", r"\"1\" where a number must be"),
    ("bit compared", read_formula, "bit(pos, 1) = 1", r"\"=\" where the end must be"),
    ("bit of a formula", read_formula, "bit(true, 1)", r"\"true\" where a ghost or a number must be"),
    ("drop without an end", read_formula, "drop(pos, 1 = 2", r"\"=\" where \"\)\" must be"),
    ("high without an end", read_formula, "high(pos, 1 = 2", r"\"=\" where \"\)\" must be"),
    ("high alone", read_formula, "high(pos, 1)", "nothing where a comparison must be"),
    ("high without a place", read_formula, "high(pos) = 0", r"\"\)\" where \",\" must be"),
    ("high at a ghost", read_formula, "high(pos, w) = 0", r"\"w\" where a number must be"),
    ("high as a ghost", read_formula, "high", r"nothing where \"\(\" must be"),
    ("high as a ghost of j", read_formula, "j.high", r"\"high\" where a ghost or a number must be"),
    ("a content as a formula", read_formula, "sign(pos)", r"\"sign\" where a ghost or a number must be"),
    ("a connective in quotes", read_formula, "f 'and' g", r"\"and\" where the end must be"),
    ("a parenthesis in quotes", read_formula, "'(' f ')'", r"\"f\" where a comparison must be"),
    ("a connective in capitals", read_formula, "f AND g", r"\"AND\" where the end must be"),
    ("a number that is a comparison", read_number, "pos = 1", r"\"=\" where the end must be"),
    ("a number that is nothing", read_number, "", "nothing where a number must be"),
    ("a number that is negative", read_number, "- 1", r"\"-\" where"),
    ("a number that is a connective", read_number, "not", r"\"not\" where"),
    ("a content that is nothing", read_content, "", r"nothing where \"\(\" must be"),
    ("a content that is two", read_content, "2", r"\"2\" where \"\(\" must be"),
    ("a content that is minus two", read_content, "-2", r"\"2\" where \"1\" must be"),
    ("a content that is minus", read_content, "-", r"nothing where \"1\" must be"),
    ("a content in quotes", read_content, "'1'", r"\"1\" where \"\(\" must be"),
    ("a content that is a ghost", read_content, "pos", r"\"pos\" where \"\(\" must be"),
    ("a content in parentheses", read_content, "(1)", r"\"\)\" where \"if\" must be"),
    ("a condition without parentheses", read_content, "1 if f else 0", r"\"if\" where the end must be"),
    ("a condition without else", read_content, "(1 if f)", r"\"\)\" where \"else\" must be"),
    ("a condition without a formula", read_content, "(1 if else 0)", r"\"else\" where"),
    ("a condition that is a number", read_content, "(1 if pos else 0) 1", r"\"1\" where the end must be"),
    ("sign of nothing", read_content, "sign()", r"\"\)\" where"),
    ("sign of two", read_content, "sign(pos, 1)", r"\",\" where \"\)\" must be"),
    ("upper of one", read_content, "upper(pos)", r"\"\)\" where \",\" must be"),
    ("one-hot of a content", read_content, "onehot(sign(pos))", r"\"sign\" where"),
    ("a one with a leading zero", read_content, "01", r"\"01\" where \"\(\" must be"),
]


@pytest.mark.parametrize(("read", "text", "reason"), [pytest.param(*case[1:], id=case[0]) for case in MALFORMED])
def test_malformed(read: Callable[[str, str], object], text: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason) as rejected:
        read("somewhere", text)
    assert rejected.value.field == "somewhere"


def nested(words: str) -> str:
    """`DEEPEST` + 1 of these words before a formula."""
    return words * (DEEPEST + 1)


LARGE: list[tuple[str, Callable[[str, str], object], str, str]] = [
    ("too long", read_formula, " " * LONGEST + "f", "characters; this checker reads 65536"),
    ("a number beyond 2^128", read_formula, f"pos = {2**128 + 1}", r"beyond the 2\^128"),
    ("a number of very many digits", read_formula, "pos = " + "9" * 5000, r"beyond the 2\^128"),
    ("a summand beyond 2^128", read_number, f"pos - {2**128 + 1}", r"beyond the 2\^128"),
    ("zeros before a number", read_formula, "pos = " + "0" * 41, r"beyond the 2\^128"),
    ("parentheses", read_formula, nested("(") + "f" + nested(")"), "more than 100 formulas inside each other"),
    ("parentheses that do not close", read_formula, nested("("), "more than 100 formulas inside each other"),
    ("negations", read_formula, nested("not ") + "f", "more than 100 formulas inside each other"),
    ("arrows", read_formula, nested("f => ") + "f", "more than 100 formulas inside each other"),
    ("conditions", read_content, nested("("), "more than 100 formulas inside each other"),
    ("conditions to the right", read_content, nested("(1 if f else "), "more than 100 formulas inside each other"),
    ("sums of sums", read_number, "pos" + nested(" + 1"), "more than 100"),
    ("sums of ghosts", read_number, "pos" + nested("+w"), "more than 100"),
    ("differences of differences", read_formula, "0 = pos" + nested("-1"), "more than 100"),
    ("drop of drop of drop", read_number, nested("drop("), "more than 100"),
    ("high of high of high", read_number, nested("high("), "more than 100"),
]


@pytest.mark.parametrize(("read", "text", "reason"), [pytest.param(*case[1:], id=case[0]) for case in LARGE])
def test_too_large(read: Callable[[str, str], object], text: str, reason: str) -> None:
    with pytest.raises(TooLarge, match=reason):
        read("somewhere", text)


def test_numbers_up_to_the_limit_are_read() -> None:
    assert read_number("somewhere", str(2**128)) == Constant(2**128)
    assert read_number("somewhere", f"pos - {2**128}") == Shifted(Ghost("pos"), -(2**128))
    assert read_formula("somewhere", "not " * (DEEPEST - 1) + "f")
    assert read_formula("somewhere", " and ".join(["f"] * 5000))


F, G, H, K = (Flag(Ghost(name)) for name in "fghk")

TREES: list[tuple[str, str, Formula]] = [
    ("and before or", "f or g and h", Joined("or", F, Joined("and", G, H))),
    ("and before or, on the left", "f and g or h", Joined("or", Joined("and", F, G), H)),
    ("or before the arrow", "f or g => h or k", Joined("=>", Joined("or", F, G), Joined("or", H, K))),
    ("the arrow to the right", "f => g => h", Joined("=>", F, Joined("=>", G, H))),
    ("an arrow in parentheses", "(f => g) => h", Joined("=>", Joined("=>", F, G), H)),
    ("and to the left", "f and g and h", Joined("and", Joined("and", F, G), H)),
    ("not before and", "not f and g", Joined("and", Not(F), G)),
    ("not of a comparison", "not pos = 1", Not(Compared("=", Ghost("pos"), Constant(1)))),
    ("not of not", "not not f", Not(Not(F))),
    ("not on the right", "f and not g or h", Joined("or", Joined("and", F, Not(G)), H)),
    ("not of parentheses", "not (f or g)", Not(Joined("or", F, G))),
    ("no blanks", "pos<=j.pos=>f", Joined("=>", Compared("<=", Ghost("pos"), Ghost("pos", True)), F)),
    ("at least, without blanks", "pos>=3", Compared(">=", Ghost("pos"), Constant(3))),
    (
        "sums to the left",
        "pos - 2 + 3 = 1",
        Compared("=", Shifted(Shifted(Ghost("pos"), -2), 3), Constant(1)),
    ),
    ("a sum on both sides", "1 + 1 < w - 0", Compared("<", Shifted(Constant(1), 1), Shifted(Ghost("w"), 0))),
    ("drop of a sum", "drop(pos + 1, 2) != 0", Compared("!=", Dropped(Shifted(Ghost("pos"), 1), 2), Constant(0))),
    ("a sum of ghosts", "pos + w - 1 = 1", Compared("=", Shifted(Sum(Ghost("pos"), Ghost("w")), -1), Constant(1))),
    ("drop, and then a sum", "drop(w, 1) + 1 > w", Compared(">", Shifted(Dropped(Ghost("w"), 1), 1), Ghost("w"))),
    (
        "high, and then a sum",
        "high(w - 1, 2) + 1 > w",
        Compared(">", Shifted(High(Shifted(Ghost("w"), -1), 2), 1), Ghost("w")),
    ),
    ("a ghost that begins as high", "higher", Flag(Ghost("higher"))),
    ("bit of drop", "bit(drop(w, 1), 0)", Bit(Dropped(Ghost("w"), 1), 0)),
    ("a name that is a number", "s = '1'", Compared("=", Ghost("s"), Named("1"))),
    ("a name that is a word", "s = 'and'", Compared("=", Ghost("s"), Named("and"))),
    ("an empty name", "s = ''", Compared("=", Ghost("s"), Named(""))),
    ("a ghost that begins as a word", "notf and order", Joined("and", Flag(Ghost("notf")), Flag(Ghost("order")))),
    ("true and false", "true => false", Joined("=>", Truth(True), Truth(False))),
]


@pytest.mark.parametrize(("text", "tree"), [pytest.param(*case[1:], id=case[0]) for case in TREES])
def test_precedence(text: str, tree: Formula) -> None:
    assert read_formula("somewhere", text) == tree


def test_contents_are_read_as_written() -> None:
    told = "((0 if f else -1) if g => h else (upper(pos + 1, 2) if s = 'if' else onehot(w)))"
    upper = Either(Compared("=", Ghost("s"), Named("if")), Code(Shifted(Ghost("pos"), 1), 2), OneHot(Ghost("w")))
    assert read_content("here", told) == Either(Joined("=>", G, H), Either(F, Same(0), Same(-1)), upper)
    assert read_content("here", "sign(3)") == Code(Constant(3))
    assert read_content("here", "1") == Same(1)


THEORY = """
theory all_kinds
set S = a b c
set T = a x
class start first: START
class one: X
class other: Y
follow start: one
follow one: one other
follow other: other
ghost one: f flag
ghost one other: g flag
ghost one: w position
ghost one other: s S
ghost one: t T
"""


@cache
def assignments(r: int, *ghosts: str, two: bool = True) -> Assignments:
    return Assignments(read_theory(THEORY, {}, r), ghosts, two)


ILL_TYPED: list[tuple[str, str, str]] = [
    ("a flag and a position", "f = pos", "compares"),
    ("a flag and a number", "f = 1", "compares"),
    ("an element and a number", "s = 1", "compares"),
    ("an element and a position", "s = pos", "compares"),
    ("elements of two sets", "s = t", "compares"),
    ("a flag and an element", "f = s", "compares"),
    ("two names", "'a' = 'a'", "compares"),
    ("elements in order", "s < j.s", "compares"),
    ("an element in order", "s >= 'b'", "compares"),
    ("flags in order", "f <= g", "compares"),
    ("a name that is in no set", "s = 'z'", '"z" is not an element of S'),
    ("a name of another set", "t = 'b'", '"b" is not an element of T'),
    ("a name as a position", "pos = 'a'", '"a" is not an element of position'),
    ("a name as a flag", "f = 'a'", '"a" is not an element of flag'),
    ("a name that is the kind", "f = 'flag'", "not an element of flag"),
    ("a position as a flag", "pos", "pos is not a flag"),
    ("an element as a flag", "not s", "s is not a flag"),
    ("a bit of an element", "bit(s, 0)", "s is not of kind position"),
    ("a bit of a flag", "bit(f, 0)", "f is not of kind position"),
    ("a bit of a name", "bit('a', 0)", "not an element of position"),
    ("an element plus one", "s + 1 = s", "compares"),
    ("an element plus one, as a position", "s + 1 = pos", "s is not of kind position"),
    ("a flag plus one", "f + 1 = 2", "f is not of kind position"),
    ("a name plus one", "'a' + 1 = pos", "not an element of position"),
    ("the upper bits of an element", "drop(s, 1) = 0", "s is not of kind position"),
    ("the high bits of an element", "high(s, 1) = 0", "s is not of kind position"),
    ("the high bits of a flag", "high(f, 1) = 0", "f is not of kind position"),
    ("the high bits of a name", "high('a', 1) = 0", "not an element of position"),
    ("the high bits as an element", "s = high(w, 1)", "compares"),
    ("an unknown ghost", "nothing", 'class one has no ghost "nothing"'),
    ("an unknown ghost in a comparison", "pos = nothing", 'class one has no ghost "nothing"'),
    ("an unknown ghost of j", "j.nothing", 'class other has no ghost "nothing"'),
    ("a ghost that only i has", "j.w = w", 'class other has no ghost "w"'),
    ("a class as a ghost", "one", 'class one has no ghost "one"'),
    ("a set as a ghost", "s = S", 'class one has no ghost "S"'),
    ("not reached, and wrong all the same", "false and nothing", "class one has no ghost"),
    ("behind a false condition", "false => pos", "pos is not a flag"),
]


@pytest.mark.parametrize(("text", "reason"), [pytest.param(*case[1:], id=case[0]) for case in ILL_TYPED])
def test_ill_typed(text: str, reason: str) -> None:
    view = View(assignments(2, "f").variables, "here", "one", "other")
    with pytest.raises(Rejected, match=reason) as rejected:
        view.formula(read_formula("here", text))
    assert rejected.value.field == "here"


ILL_TYPED_CONTENTS: list[tuple[str, str, int, str]] = [
    ("a code of j", "sign(j.w)", 2, "there is no token j here"),
    ("a condition on j", "(1 if j.f else 0)", 2, "there is no token j here"),
    ("a code of a name", "sign('a')", 2, "an element by its name has no code"),
    ("one-hot of a name", "onehot('a')", 2, "an element by its name has no code"),
    ("a code that is too long", "sign(w)", 1, "a code of 2 bits does not fit 1 coordinates"),
    ("a code of a sum", "sign(w + 1)", 2, "a code of 3 bits does not fit 2 coordinates"),
    ("a code of a number", "sign(4)", 2, "a code of 3 bits does not fit 2 coordinates"),
    ("upper bits of an element's code, too long", "upper(s, 1)", 1, "a code of 2 bits"),
    ("a flag plus one", "sign(f + 1)", 2, "f is not of kind position"),
    ("an unknown ghost", "sign(nothing)", 2, "has no ghost"),
    ("a condition that is not a flag", "(1 if s else 0)", 2, "s is not a flag"),
    ("a wrong content that is never the one", "(1 if true else sign(nothing))", 2, "has no ghost"),
]


@pytest.mark.parametrize(
    ("text", "width", "reason"), [pytest.param(*case[1:], id=case[0]) for case in ILL_TYPED_CONTENTS]
)
def test_ill_typed_contents(text: str, width: int, reason: str) -> None:
    view = View(assignments(2, "f").variables, "here", "one")
    with pytest.raises(Rejected, match=reason):
        view.content(read_content("here", text), width)


def test_a_formula_about_one_token_has_no_j() -> None:
    view = View(assignments(2, "f").variables, "here", "one")
    for text in ("j.f", "j.pos = pos", "true or j.f"):
        with pytest.raises(Rejected, match=r"j\.(f|pos): there is no token j here"):
            view.formula(read_formula("here", text))


@dataclass(frozen=True)
class Said:
    """A text, how tightly its parts hold together (0 an arrow .. 4 an atom), and its truth at every assignment."""

    text: str
    holds: int
    table: Table

    def within(self, least: int) -> str:
        """The text as a part of another, in parentheses where they are needed."""
        return self.text if self.holds >= least else f"({self.text})"


COMPARISONS: dict[str, Callable[[Column, Column], Table]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class Draw:
    """Random formulas, numbers and contents with what they mean, evaluated plainly."""

    def __init__(self, seed: int, over: Assignments, numbers: tuple[int, ...] = (0, 1, 1, 2, 3, 5, 8)) -> None:
        self.random, self.over, self.numbers = random.Random(seed), over, numbers

    def ghost(self, *kinds: str) -> tuple[str, Column]:
        names = [name for name in self.over.ghosts if self.over.theory.kinds[name] in kinds]
        name, of_j = self.random.choice(names), self.over.two and self.random.random() < 0.5
        return ("j." if of_j else "") + name, self.over.columns[name, of_j]

    def number(self, depth: int) -> tuple[str, Column]:
        draw = self.random.random()
        if depth == 0 or draw < 0.3:
            if self.random.random() < 0.25:
                value = self.random.randrange(2 ** (self.over.theory.r + 1) + 2)
                return str(value), np.full(self.over.count, value)
            return self.ghost("position")
        text, column = self.number(depth - 1)
        by = self.random.choice(self.numbers)
        if draw < 0.4:
            more, summand = self.number(0)
            return self.spaced(f"{text} + {more}"), column + summand
        if draw < 0.55 and by < 2**60:
            return self.spaced(f"{text} + {by}"), column + by
        if draw < 0.8:
            return self.spaced(f"{text} - {by}"), np.maximum(column - min(by, 10**6), 0)
        by = self.random.randrange(5)
        if draw < 0.9:
            return f"drop({text}, {by})", column >> by
        return f"high({text}, {by})", column - column % 2**by

    def spaced(self, text: str) -> str:
        return text.replace(" ", "") if self.random.random() < 0.3 else text

    def atom(self, depth: int) -> Said:
        draw = self.random.random()
        if draw < 0.05:
            truth = self.random.random() < 0.5
            return Said(str(truth).lower(), 4, self.over.everywhere(truth))
        if draw < 0.2:
            text, column = self.ghost("flag")
            return Said(text, 4, column == 1)
        if draw < 0.3:
            text, column = self.number(depth)
            place = self.random.choice([0, 1, 2, 3, 4, 100])
            return Said(f"bit({text}, {place})", 4, (column >> min(place, 60) & 1) == 1)
        sign = self.random.choice(["=", "!="])
        if draw < 0.4:
            (one, left), (other, right) = self.ghost("flag"), self.ghost("flag")
        elif draw < 0.55:
            one, left = self.ghost("S")
            other, right = self.element() if self.random.random() < 0.5 else self.ghost("S")
            if self.random.random() < 0.5:
                one, left, other, right = other, right, one, left
        else:
            sign = self.random.choice(list(COMPARISONS))
            (one, left), (other, right) = self.number(depth), self.number(depth)
        return Said(self.spaced(f"{one} {sign} {other}"), 4, COMPARISONS[sign](left, right))

    def element(self) -> tuple[str, Column]:
        elements = self.over.theory.sets["S"]
        value = self.random.randrange(len(elements))
        return f"'{elements[value]}'", np.full(self.over.count, value)

    def formula(self, depth: int) -> Said:
        draw = self.random.random()
        if depth == 0 or draw < 0.1:
            return self.atom(2)
        left = self.formula(depth - 1)
        if draw < 0.25:
            return Said(f"not {left.within(3)}", 3, ~left.table)
        if draw < 0.3:
            return Said(f"({left.text})", 4, left.table)
        right = self.formula(depth - 1)
        if draw < 0.55:
            return Said(f"{left.within(2)} and {right.within(3)}", 2, left.table & right.table)
        if draw < 0.8:
            return Said(f"{left.within(1)} or {right.within(2)}", 1, left.table | right.table)
        return Said(f"{left.within(1)} => {right.within(0)}", 0, ~left.table | right.table)

    def content(self, depth: int, width: int) -> tuple[str, list[Column]]:
        """A text, and the value of every coordinate at every assignment."""
        draw, zero = self.random.random(), np.zeros(self.over.count, np.int64)
        if depth and draw < 0.5:
            condition, (then, one), (other, two) = (
                self.formula(2),
                self.content(depth - 1, width),
                self.content(depth - 1, width),
            )
            pairs = zip(one, two, strict=True)
            return (
                f"({then} if {condition.text} else {other})",
                [np.where(condition.table, first, second) for first, second in pairs],
            )
        if draw < 0.65:
            value = self.random.choice([0, 1, -1])
            return str(value), [zero + value] * width
        text, column = self.number(2) if self.random.random() < 0.6 else self.ghost("S", "flag", "position")
        if draw < 0.75:
            return f"onehot({text})", [(column == place).astype(np.int64) for place in range(width)]
        signs = [2 * (column >> place & 1) - 1 for place in range(width)]
        if draw < 0.9:
            return f"sign({text})", signs
        low = self.random.randrange(4)
        return f"upper({text}, {low})", [zero if place < low else one for place, one in enumerate(signs)]


LARGE_ONES_TOO = (0, 1, 1, 2, 3, 5, 8, 2**70)
CASES = [
    ("r = 2, two tokens", 2, True, ("pos", "w", "f", "s")),
    ("r = 3, two tokens", 3, True, ("pos", "f", "g", "s")),
    ("r = 3, one token", 3, False, ("pos", "w", "f", "g", "s")),
]


@pytest.mark.parametrize(("r", "two", "ghosts"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_random_formulas_hold_where_they_say(r: int, two: bool, ghosts: tuple[str, ...]) -> None:
    over, seen = assignments(r, *ghosts, two=two), set[bool]()
    draw, view = Draw(r, over, LARGE_ONES_TOO), View(over.variables, "here", "one", "one" if two else None)
    for _ in range(200):
        said = draw.formula(3)
        found = view.formula(read_formula("here", said.text))
        assert np.array_equal(over.table(found), said.table), said.text
        seen |= {bool(said.table.all()), bool(said.table.any())}
    assert seen == {False, True}


def test_random_contents_are_what_they_say_coordinate_by_coordinate() -> None:
    over, width, values = assignments(3, "pos", "w", "f", "s", two=False), 12, set[int]()
    draw, view = Draw(11, over), View(over.variables, "here", "one")
    for _ in range(250):
        text, columns = draw.content(2, width)
        found = view.content(read_content("here", text), width)
        for place, (cases, column) in enumerate(zip(found, columns, strict=True)):
            tables = {value: over.table(formula) for value, formula in cases.items()}
            assert (np.array(list(tables.values())).sum(axis=0) == 1).all(), (text, place)
            told = sum((value * table for value, table in tables.items()), np.zeros(over.count, np.int64))
            assert np.array_equal(told, column), (text, place)
            values |= set(cases)
    assert values == {-1, 0, 1}


EDGES: list[tuple[str, str, Callable[[int, int], bool]]] = [
    ("subtraction ends at 0", "pos - 5 = 0", lambda pos, _: pos <= 5),
    ("subtraction of more than there is, and back", "pos - 5 + 5 = pos", lambda pos, _: pos >= 5),
    ("subtraction of a number of many bits", f"pos - {2**100} = 0", lambda _pos, _w: True),
    ("addition goes beyond r bits", "pos + 1 > 7", lambda pos, _: pos == 7),
    ("addition does not wrap", "pos + 8 = pos", lambda _pos, _w: False),
    ("addition of a large number", f"pos + {2**100} > w + {2**100}", lambda pos, w: pos > w),
    ("addition, then subtraction", "pos + 3 - 3 = pos", lambda _pos, _w: True),
    ("a number that no position is", "pos = 8", lambda _pos, _w: False),
    ("below a number that no position is", "pos < 8", lambda _pos, _w: True),
    ("a bit beyond r", "bit(pos, 3)", lambda _pos, _w: False),
    ("a bit of the carry", "bit(pos + 1, 3)", lambda pos, _: pos == 7),
    ("a bit far beyond", f"bit(pos, {2**100})", lambda _pos, _w: False),
    ("all bits dropped", "drop(pos, 3) = 0", lambda _pos, _w: True),
    ("far more bits dropped", f"drop(pos, {2**100}) = 0", lambda _pos, _w: True),
    ("no bits dropped", "drop(pos, 0) = pos", lambda _pos, _w: True),
    ("upper bits agree", "drop(pos, 1) = drop(w, 1)", lambda pos, w: pos // 2 == w // 2),
    ("upper bits in order", "drop(pos, 2) < drop(w, 1)", lambda pos, w: pos // 4 < w // 2),
    ("all bits but none high", "high(pos, 3) = 0", lambda _pos, _w: True),
    ("far more bits than there are", f"high(pos, {2**100}) = 0", lambda _pos, _w: True),
    ("all bits high", "high(pos, 0) = pos", lambda _pos, _w: True),
    ("high bits of a sum", "high(pos + 1, 3) = 8", lambda pos, _: pos == 7),
    ("a sum of high bits", "high(pos, 1) + 1 = w", lambda pos, w: pos - pos % 2 + 1 == w),
    ("high bits less one", "high(pos, 2) - 1 = w", lambda pos, w: max(pos - pos % 4 - 1, 0) == w),
    ("high bits of dropped ones", "high(drop(pos, 1), 1) = w", lambda pos, w: pos // 4 * 2 == w),
    ("a bit that is not high", "bit(high(pos, 2), 1)", lambda _pos, _w: False),
    ("a sum on the left of a sum", "pos + 2 <= w - 1", lambda pos, w: pos + 2 <= max(w - 1, 0)),
    ("a constant sum", "1 + 1 - 3 = 0", lambda _pos, _w: True),
    ("zero", "pos >= 0 and not pos < 0", lambda _pos, _w: True),
    ("zero with many digits", "pos = 0000", lambda pos, _: pos == 0),
]


@pytest.mark.parametrize(("text", "truth"), [pytest.param(*case[1:], id=case[0]) for case in EDGES])
def test_numbers_at_their_edges(text: str, truth: Callable[[int, int], bool]) -> None:
    over = assignments(3, "pos", "w")
    found = over.table(View(over.variables, "here", "one").formula(read_formula("here", text)))
    columns = zip(over.columns["pos", False].tolist(), over.columns["w", False].tolist(), strict=True)
    assert found.tolist() == [truth(pos, w) for pos, w in columns]


@pytest.mark.parametrize("low", [0, 1, 2, 3, 4, 9])
def test_high_bits_of_all_numbers(low: int) -> None:
    """n - n % 2^low: as a number that is compared, and bit by bit in a code, which is no longer than the number's."""
    over = assignments(3, "pos", "w", two=False)
    view, pos, w = View(over.variables, "here", "one"), over.columns["pos", False], over.columns["w", False]
    said = pos - pos % 2**low
    for sign, compared in COMPARISONS.items():
        found = over.table(view.formula(read_formula("here", f"high(pos, {low}) {sign} w")))
        assert np.array_equal(found, compared(said, w)), sign
    for place, cases in enumerate(view.content(read_content("here", f"sign(high(pos, {low}))"), 3)):
        assert np.array_equal(over.table(cases.get(1, FALSE)), said >> place & 1 == 1), place


def onehots() -> Iterator[tuple[str, int, str]]:
    yield "a flag in many coordinates", 5, "f"
    yield "an element in many coordinates", 9, "s"
    yield "a position in many coordinates", 20, "w"


@pytest.mark.parametrize(("width", "ghost"), [pytest.param(*case[1:], id=case[0]) for case in onehots()])
def test_one_hot_codes_have_one_coordinate_that_is_1(width: int, ghost: str) -> None:
    """Also where there are more coordinates than the number has values."""
    over = assignments(3, "w", "f", "s")
    found = View(over.variables, "here", "one").content(read_content("here", f"onehot({ghost})"), width)
    column = over.columns[ghost, False]
    for place, cases in enumerate(found):
        assert np.array_equal(over.table(cases.get(1, FALSE)), column == place), place
