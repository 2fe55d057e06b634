"""Templates: what they unroll to; what is none; and that a short text is no way to keep the checker busy."""

from __future__ import annotations

import re
import tracemalloc

import pytest

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.theory import template
from exactformer.certificates.checker.theory.reading import LONGEST_TEXT, read_theory
from exactformer.certificates.checker.theory.template import MOST_LINES, Value, lines_of
from tests.effort import calls

GIVEN: dict[str, Value] = {
    "n": 3,
    "r": 5,
    "zero": 0,
    "S": ("a", "b"),
    "T": ("x",),
    "many": 10**6,
    "ROWS": (("1", "x"), ("2", "y")),
}


def unrolled(text: str) -> list[str]:
    return [line for _, line in lines_of(text, GIVEN)]


UNROLLED: list[tuple[str, str, list[str]]] = [
    ("nothing", "", []),
    ("blank lines and comments", "\n  \n# for k in\n   # all[\nabout x\n", ["about x"]),
    ("a sign of comments within a line", "about x # y", ["about x # y"]),
    ("blanks around", "  about  x \t", ["about  x"]),
    ("a line of Windows", "about x\r\nabout y\r\n", ["about x", "about y"]),
    ("a value", "about {n} {S}"[:9], ["about 3"]),
    ("a value within a word", "p_{n}q", ["p_3q"]),
    ("sums", "{n+1} {r-n} {1+n-2} {-1+n} {n+n+n} { n }", ["4 2 2 2 9 3"]),
    ("a sum below zero", "{n-r}", ["-2"]),
    ("a loop", "for k in 1..n: p_{k}", ["p_1", "p_2", "p_3"]),
    ("a loop over a set", "for a in S: '{a}'", ["'a'", "'b'"]),
    ("a loop with sums as bounds", "for k in n-1..n+1: {k}", ["2", "3", "4"]),
    ("a loop of one", "for k in n..n: {k}", ["3"]),
    ("a loop of none", "for k in 1..zero: {k}", []),
    ("a loop of none, backwards", "for k in n..1: {k}", []),
    ("two loops", "for a in S, k in 1..2: {a}{k}", ["a1", "a2", "b1", "b2"]),
    ("three loops", "for a in S, k in 0..1, x in T: {a}{k}{x}", ["a0x", "a1x", "b0x", "b1x"]),
    ("a loop up to another one's variable", "for k in 1..n, m in k..2: {k}{m}", ["11", "12", "22"]),
    ("a loop in a loop", "for k in 1..2: for m in 1..k: {k}{m}", ["11", "21", "22"]),
    ("a variable free again behind its loop", "for k in 1..1: {k}\nfor k in 2..2: {k}", ["1", "2"]),
    ("a loop with negative numbers", "for k in -1..1: {n+k} {n-k}", ["2 4", "3 3", "4 2"]),
    ("all", "all[k in 1..n: p_{k}]", ["((p_1) and (p_2) and (p_3))"]),
    ("any", "any[k in 1..2: p_{k} or q]", ["((p_1 or q) or (p_2 or q))"]),
    ("all of one", "all[x in T: '{x}' = s]", ["(('x' = s))"]),
    ("all of none", "f and all[k in 1..zero: p_{k}]", ["f and (true)"]),
    ("any of none", "f or any[k in 1..zero: p_{k}]", ["f or (false)"]),
    ("all over a set", "all[a in S: s != '{a}']", ["((s != 'a') and (s != 'b'))"]),
    ("two in a line", "all[k in 1..1: {k}] any[k in 2..2: {k}]", ["((1)) ((2))"]),
    (
        "all of any",
        "all[k in 1..2: any[m in 1..k: {m}]]".replace("1..k", "3..4"),
        ["((((3) or (4))) and (((3) or (4))))"],
    ),
    ("all in a loop", "for k in 1..2: all[m in 1..k: {m+k}]", ["((2))", "((3) and (4))"]),
    (
        "a variable of the outer one within the inner one",
        "any[k in 1..2: all[m in 3..3: {k}{m}]]",
        ["((((13))) or (((23))))"],
    ),
    ("a sum of both variables", "any[k in 1..2: all[m in 3..4: {k+m}]]", ["((((4) and (5))) or (((5) and (6))))"]),
    ("a difference of both variables", "all[k in 5..5: all[m in 1..2: {k-m+n}]]", ["((((7) and (6))))"]),
    ("each", "follow s: each[k in 1..2: c_{k}]", ["follow s: c_1 c_2"]),
    ("each of none", "x each[k in 1..zero: c] y", ["x  y"]),
    ("each of all", "each[k in 1..2: all[m in 1..k: x]]".replace("1..k", "1..1"), ["((x)) ((x))"]),
    ("a table, row by row", "for row in ROWS: {row.1}={row.2}", ["1=x", "2=y"]),
    ("a column by a sum", "for row in ROWS, k in 1..1: {row.k+1}", ["x", "y"]),
    ("any of a table", "any[row in ROWS: s = '{row.2}']", ["((s = 'x') or (s = 'y'))"]),
    ("a row of an outer loop", "for row in ROWS: all[k in 1..2: {row.k}]", ["((1) and (x))", "((2) and (y))"]),
    ("a row of an outer fold", "each[row in ROWS: all[k in 1..2: {row.k}]]", ["((1) and (x)) ((2) and (y))"]),
    ("a set of the text", "set U = p q\nfor u in U: {u}", ["set U = p q", "p", "q"]),
    ("the words all and any elsewhere", "all any small", ["all any small"]),
    ("the word for elsewhere", "about for k in 1..2", ["about for k in 1..2"]),
]


@pytest.mark.parametrize(("text", "lines"), [pytest.param(*case[1:], id=case[0]) for case in UNROLLED])
def test_unrolled(text: str, lines: list[str]) -> None:
    assert unrolled(text) == lines


def test_where_lines_stand() -> None:
    found = list(lines_of("# one\n\nfor k in 1..2: {k}\nx", {}))
    assert found == [("theory, line 3", "1"), ("theory, line 3", "2"), ("theory, line 4", "x")]


BAD: list[tuple[str, str, str]] = [
    ("no colon", "for k in 1..2", "has no colon"),
    ("no loop", "for : x", "is not a loop"),
    ("no variable", "for in S: x", "is not a loop"),
    ("an empty loop beside another", "for k in 1..2, : x", '"" is not a loop'),
    ("two words", "for k m in 1..2: x", "is not a loop"),
    ("one bound", "for k in 1..: x", "is not a loop"),
    ("three dots", "for k in 1...2: x", "is not a loop"),
    ("no bounds", "for k in ..: x", "is not a loop"),
    ("a number as a set", "for k in 3: x", "is not a loop"),
    ("a parameter that is not a set", "for k in n: x", '"n" is not a set'),
    ("an unknown set", "for k in U: x", '"U" is not a set'),
    ("a set as a bound", "for k in 1..S: x", '"S" is neither a number nor the name of one'),
    ("an unknown bound", "for k in 1..m: x", '"m" is neither a number'),
    ("a broken sum as a bound", "for k in 1..n+: x", '"n\\+" is not a sum'),
    ("two signs", "for k in 1..n+-1: x", "is not a sum"),
    ("a number as a variable", "for 1 in 1..2: x", "is not a loop"),
    ("a variable with a letter of no alphabet here", "for é in 1..2: x", "is not a loop"),
    ("a parameter as a variable", "for n in 1..2: x", '"n" is a parameter or a loop variable already'),
    ("r as a variable", "for r in 1..2: x", '"r" is a parameter'),
    ("a variable twice", "for k in 1..2, k in 1..2: x", '"k" is a parameter or a loop variable already'),
    ("a variable again, inside", "for k in 1..2: for k in 1..2: x", '"k" is a parameter or a loop variable already'),
    ("a variable again, in all", "for k in 1..2: all[k in 1..2: x]", '"k" is a parameter or a loop variable already'),
    ("a variable of its own loop as a bound", "for k in 1..k: x", '"k" is neither'),
    ("a variable of a later loop as a bound", "for k in 1..m, m in 1..2: x", '"m" is neither'),
    ("a variable behind its loop", "for k in 1..2: x\n{k}", 'theory, line 2: "k" is neither'),
    ("a variable behind all", "all[k in 1..2: x] {k}", '"k" is neither'),
    ("an unknown name", "{m}", '"m" is neither a number nor the name of one'),
    ("nothing in braces", "{}", '"" is not a sum'),
    ("a blank within a sum", "{n + 1}", "is not a sum"),
    ("a product", "{2*n}", "is not a sum"),
    ("a number before a name", "{2n}", '"2n" is neither'),
    ("a number before a name, in all", "all[k in 1..2: all[m in 1..2: {2k+m}]]", '"2k" is neither'),
    ("a set as a number", "{S}", '"S" is neither'),
    ("an element in a sum", "for a in S: {a+1}", '"a" is neither'),
    ("a quotation in braces", "{'n'}", "is not a sum"),
    ("a number of very many digits", "{" + 50 * "9" + "}", "is neither a number"),
    ("a column too far", "for row in ROWS: {row.3}", 'there is no column 3 of "row"'),
    ("a column before all", "for row in ROWS: {row.0}", 'there is no column 0 of "row"'),
    ("a column of a number", "{n.1}", 'there is no column 1 of "n"'),
    ("a column of nothing", "{nothing.1}", 'there is no column 1 of "nothing"'),
    ("a column of an element", "for a in S: {a.1}", 'there is no column 1 of "a"'),
    ("a column of a table", "{ROWS.1}", "is a table, not a row"),
    ("a column that is not a number", "for row in ROWS: {row.x}", '"x" is neither'),
    ("a column of no name", "for row in ROWS: {row.}", "is not a sum"),
    ("a row as a value", "for row in ROWS: {row}", '"row" is neither'),
    ("a set that is a parameter", "set S = x", '"S" is a parameter or a set already'),
    ("a set twice", "set U = x\nset U = x", '"U" is a parameter or a set already'),
    ("a set before its line", "for u in U: {u}\nset U = x", '"U" is not a set'),
    ("digits of another script", "{٣}", "is not a sum"),
]


@pytest.mark.parametrize(("text", "reason"), [pytest.param(*case[1:], id=case[0]) for case in BAD])
def test_bad(text: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        unrolled(text)


BAD_IN_A_THEORY: list[tuple[str, str]] = [
    ("all without a loop", "fact x: all[f]"),
    ("all without a formula", "fact x: all[k in 1..2]"),
    ("all without blanks", "fact x: all[k in 1..2:f]"),
    ("all that does not end", "fact x: all[k in 1..2: f"),
    ("all that ends twice", "fact x: all[k in 1..2: f]]"),
    ("all with two loops", "fact x: all[k in 1..2, m in 1..2: f]"),
    ("another word with a bracket", "fact x: each[k in 1..2: f]"),
    ("a brace that does not end", "fact x: f_{k = 1"),
    ("a brace that does not begin", "fact x: f_k}"),
    ("a brace in a brace", "fact x: f_{{k}}"),
]


@pytest.mark.parametrize("line", [pytest.param(case[1], id=case[0]) for case in BAD_IN_A_THEORY])
def test_what_is_left_of_a_bad_line_is_no_line_of_a_theory(line: str) -> None:
    theory = "theory t\nclass s first: START\nclass x: X\nfollow s: x\nghost x: f flag\n"
    assert read_theory(theory + "fact x: all[k in 1..2: f]", {}, 3).classes["x"].facts
    with pytest.raises(Rejected):
        read_theory(theory + line, {}, 3)


ENDLESS: list[tuple[str, str]] = [
    ("a loop", "for k in 1..many: x"),
    ("a loop in a loop", "for k in 1..60000, m in 1..60000: x"),
    ("a loop in a loop, on lines that say nothing", "for k in 1..60000: for m in 1..60000: # "),
    ("loops around a loop of none", "for a in 1..60000, b in 1..60000, c in 1..60000, d in 1..0: x"),
    ("loops around a loop of none, line in line", "for a in 1..60000: for b in 1..60000: for c in 1..0: x"),
    ("all", "all[k in 1..many: x]"),
    ("all of long formulas", "all[k in 1..60000: " + 100_000 * "x" + "]"),
    ("all of all", "all[k in 1..60000: all[m in 1..60000: {k}{m}]]"),
    ("all of all of none", "for a in 1..60000: all[k in 1..0: " + 200_000 * "x" + "]"),
    ("any beside any", "for a in 1..60000: " + 14_000 * "any[k in 1..0: x] "),
    ("any beside any, once", 14_000 * "any[k in 1..0: x] "),
    ("a long sum", "all[k in 1..60000: {0" + 100_000 * "+k" + "}]"),
    ("long lines", "for k in 1..60000: " + 200_000 * "x"),
    ("many lines", 2**17 * "x\n"),
    ("a long formula in a loop of none", 2 * ("for a in 1..60000: all[k in 1..0: " + 100_000 * "x" + "]\n")),
    ("a long name in a set", "set U = " + 50_000 * "x" + "\nfor u in U: " + 10_000 * "{u}"),
    ("each", "each[k in 1..60000: each[m in 1..60000: {k}]]"),
    ("large numbers", "for k in 0.." + 39 * "9" + ": x"),
]


@pytest.mark.parametrize("text", [pytest.param(case[1], id=case[0]) for case in ENDLESS])
def test_endless(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`TooLarge`, and before that no more work and memory than a limit of its own allows; here all are small."""
    assert len(text) <= LONGEST_TEXT
    limits = {"MOST_LINES": 2**10, "MOST_CHARACTERS": 2**19, "MOST_TURNS": 2**12, "MOST_READ": 2**19}
    for name, limit in limits.items():
        monkeypatch.setattr(template, name, limit)

    def unroll() -> None:
        with pytest.raises(TooLarge):
            for _ in lines_of(text, GIVEN):
                pass

    assert calls(unroll) < 2 * 10**6
    tracemalloc.start()
    try:
        unroll()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**25


def test_as_many_lines_as_the_limit_says() -> None:
    assert len(unrolled(f"for k in 1..{MOST_LINES}: x")) == MOST_LINES
    with pytest.raises(TooLarge, match="more than 65536 lines"):
        unrolled(f"for k in 1..{MOST_LINES}: x\nx")


def test_as_many_characters_as_the_limit_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template, "MOST_CHARACTERS", 40)
    assert unrolled("for k in 1..4: 0123456789") == 4 * ["0123456789"]
    with pytest.raises(TooLarge, match="or 40 characters"):
        unrolled("for k in 1..4: 0123456789\nx")


LETTERS = """
theory letters
parameter LETTERS: set
class start first: START
class sym: SYM symbol=p
follow start: sym
follow sym: sym
ghost sym: p LETTERS
for a in LETTERS: fact sym: p = '{a}' => true
for a in LETTERS: output sym if p = '{a}': SYM symbol='{a}'
"""

INJECTIONS: list[tuple[str, str]] = [
    ("a quote that ends", "x' or true"),
    ("a quote alone", "'"),
    ("a quote, without blanks", "x'=p=>'x"),
    ("a bracket", "a]"),
    ("an opening bracket", "a["),
    ("a loop", "all[k"),
    ("a brace", "{k}"),
    ("a closing brace", "}"),
    ("a blank", "a b"),
    ("a tab", "a\tb"),
    ("a new line", "a\nfact sym: false"),
    ("a new line of another kind", "a\u2028b"),
    ("a carriage return", "a\rb"),
    ("a blank that does not break", "a\u00a0b"),
    ("nothing", ""),
]


@pytest.mark.parametrize("name", [pytest.param(case[1], id=case[0]) for case in INJECTIONS])
def test_names_of_elements_bring_no_syntax(name: str) -> None:
    with pytest.raises(Rejected, match="not a list of names without spaces, quotes, brackets"):
        read_theory(LETTERS, {"LETTERS": ("a", name)}, 3)


@pytest.mark.parametrize("name", [pytest.param(case[1], id=case[0]) for case in INJECTIONS])
def test_entries_of_tables_bring_no_syntax(name: str) -> None:
    text = "theory t\nparameter ROWS: rows\nclass start first: START\n"
    assert read_theory(text, {"ROWS": (("a", "b"), ("c", "d"))}, 3).name == "t"
    with pytest.raises(Rejected, match="has an entry with spaces, quotes or brackets"):
        read_theory(text, {"ROWS": (("a", "b"), ("c", name))}, 3)


@pytest.mark.parametrize("value", [3, "ab", ("a", "b"), (("a",), "b"), (("a",), ("b", "c"))], ids=repr)
def test_what_is_no_table(value: Value) -> None:
    text = "theory t\nparameter ROWS: rows\nclass start first: START\n"
    with pytest.raises(Rejected, match="is not a list of rows of one length"):
        read_theory(text, {"ROWS": value}, 3)


@pytest.mark.parametrize("name", ["and", "true", "#", "=>", "(", "0", "-1", "j.p", "é", '"', "\\", "=", "a=b", ","])
def test_names_of_elements_may_look_like_syntax(name: str) -> None:
    """In quotes they are names all the same."""
    theory = read_theory(LETTERS, {"LETTERS": ("a", name)}, 3)
    assert theory.sets == {"LETTERS": ("a", name)}
    assert [output.token.fields[0][1] for output in theory.classes["sym"].outputs] == [
        template_name(part) for part in ("a", name)
    ]


def template_name(name: str) -> object:
    from exactformer.certificates.checker.theory.language import Named

    return Named(name)


@pytest.mark.parametrize("name", ["a:b", ":", "x:SYM"])
def test_a_colon_in_a_name_changes_no_line(name: str) -> None:
    """Where it would end a line's head, inside of quotes, the line is rejected."""
    with pytest.raises(Rejected, match=re.escape("something at character")):
        read_theory(LETTERS, {"LETTERS": ("a", name)}, 3)


def test_long_names_and_many_parameters_are_too_large() -> None:
    with pytest.raises(TooLarge, match="a name has more than 256 characters"):
        read_theory(LETTERS, {"LETTERS": ("a", 257 * "b")}, 3)
    with pytest.raises(TooLarge, match="257 parameters"):
        read_theory(LETTERS, {f"p{k}": k for k in range(257)}, 3)
    with pytest.raises(TooLarge, match="a name has more than 256 characters"):
        read_theory(LETTERS, {"LETTERS": (("a", 257 * "b"),)}, 3)
    assert read_theory(LETTERS, {"LETTERS": ("a", 256 * "b")}, 3)
