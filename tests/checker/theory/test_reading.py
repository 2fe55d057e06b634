"""Theories: what is none, and where the text says so; and the parts of one that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.theory.language import Compared, Flag, Ghost, Named, Truth
from exactformer.certificates.checker.theory.reading import (
    LONGEST_TEXT,
    MOST_CLASSES,
    Output,
    Theory,
    Token,
    read_theory,
)
from exactformer.certificates.checker.theory.template import Value

GOOD = """theory small-one
about it is small
parameter LETTERS: set
parameter n: 1..8
set S = a b c
class start first: START
class sym: SYM symbol=p
class end: END
follow start: sym end
follow sym: sym end
ghost sym end: p LETTERS
ghost sym: f flag
ghost sym: w position
ghost end: s S
fact sym end: p = p
pair sym sym: j.f => f
before {n} sym sym: f = j.f
output sym if f: SYM symbol=p
output sym if not f: END
"""
GIVEN: dict[str, Value] = {"LETTERS": ("x", "y"), "n": 2}


def read(text: str = GOOD, given: Mapping[str, Value] | None = None) -> Theory:
    return read_theory(text, GIVEN if given is None else given, 3)


def test_a_theory_is_what_its_text_says() -> None:
    theory = read()
    assert (theory.name, theory.r, theory.about) == ("small-one", 3, ["it is small"])
    assert theory.sets == {"LETTERS": ("x", "y"), "S": ("a", "b", "c")}
    assert theory.kinds == {"pos": "position", "p": "LETTERS", "f": "flag", "w": "position", "s": "S"}
    assert theory.first == {"start"}
    sym, end = theory.classes["sym"], theory.classes["end"]
    assert (sym.token, sym.first) == (Token("SYM", (("symbol", Ghost("p")),)), False)
    assert (sym.ghosts, end.ghosts) == ({"p": "LETTERS", "f": "flag", "w": "position"}, {"p": "LETTERS", "s": "S"})
    assert (sym.followers, end.followers, theory.classes["start"].followers) == ({"sym", "end"}, set(), {"sym", "end"})
    assert sym.facts == end.facts == [("theory, line 15", Compared("=", Ghost("p"), Ghost("p")))]
    assert [at for at, _ in theory.pairs["sym", "sym"]] == ["theory, line 16"]
    assert theory.before == {("sym", "sym"): [(2, "theory, line 17", Compared("=", Ghost("f"), Ghost("f", True)))]}
    assert sym.outputs[0] == Output(Flag(Ghost("f")), sym.token)
    assert (sym.outputs[1].token, end.outputs) == (Token("END", ()), [])


def test_sequences_may_begin_in_several_ways() -> None:
    """Each of the others stands behind one of the first."""
    theory = read(GOOD + "class title first: TITLE\nclass text: TEXT\nfollow title: text\n")
    assert theory.first == {"start", "title"}
    assert theory.at_or_before["text"] == {"title", "text"}
    assert theory.at_or_before["sym"] == {"start", "sym"}


def test_lines_that_repeat_add_up() -> None:
    theory = read(GOOD + "follow sym: end\nfact sym: f\nfact sym: f\npair sym sym: f\noutput end: END\nabout more\n")
    assert len(theory.classes["sym"].facts) == 3
    assert len(theory.pairs["sym", "sym"]) == 2
    assert theory.classes["end"].outputs == [Output(Truth(True), Token("END", ()))]
    assert theory.about == ["it is small", "more"]


def test_classes_before_a_class() -> None:
    theory = read(
        "theory t\nclass a first: A\nclass b: B\nclass c: C\nclass d: D\nfollow a: b\nfollow b: c\nfollow c: b d\n", {}
    )
    assert theory.at_or_before == {
        "a": {"a"},
        "b": {"a", "b", "c"},
        "c": {"a", "b", "c"},
        "d": {"a", "b", "c", "d"},
    }
    assert [sorted(theory.possible_at("d", distance)) for distance in range(6)] == [
        ["d"],
        ["c"],
        ["b"],
        ["a", "c"],
        ["b"],
        ["a", "c"],
    ]
    assert not theory.possible_at("a", 1)


@dataclass(frozen=True)
class Change:
    """A line replaced by others, or lines added at the end."""

    old: str
    new: str

    def of(self, text: str) -> str:
        assert self.old in text
        return text.replace(self.old, self.new, 1)


def adding(*lines: str) -> Change:
    return Change("output sym if not f: END\n", "output sym if not f: END\n" + "\n".join(lines) + "\n")


BAD: list[tuple[str, Change, str]] = [
    ("no lines", Change(GOOD, ""), "theory: has no line that names it"),
    ("comments alone", Change(GOOD, "# theory t"), "theory: has no line that names it"),
    ("no name", Change("theory small-one\n", ""), "theory, line 1: comes before the line that names the theory"),
    ("a name later", Change("theory small-one\nabout", "about x\ntheory small-one\nabout"), "line 1: comes before"),
    ("two names", adding("theory other"), "line 20: names the theory again"),
    ("an empty name", Change("theory small-one", "theory"), '"" cannot be the name of a theory'),
    ("a name of two words", Change("small-one", "small one"), '"small one" cannot be the name'),
    ("a name that is a word", Change("small-one", "true"), '"true" cannot be the name'),
    ("a name that begins with a digit", Change("small-one", "1one"), '"1one" cannot be the name'),
    ("a name with a quote", Change("small-one", "a'b"), "cannot be the name"),
    ("a name from a parameter", Change("small-one", "small-{n}"), "must have its name written out"),
    (
        "a name in a loop",
        Change("theory small-one", "for k in 1..1: theory small-one"),
        "must have its name written out",
    ),
    ("a definition of what is no ghost", adding("define sym: z = p"), 'class sym has no ghost "z"'),
    ("a definition of a flag", adding("define sym: f = f"), "neither a position nor of a set"),
    ("an unknown word", adding("axiom sym: f"), 'line 20: begins with "axiom", none of theory, about'),
    ("a word of the reader", adding("of sym: f"), 'begins with "of"'),
    ("a word of the reader, unlined", adding("_of sym: f"), 'begins with "_of"'),
    ("a word in capitals", adding("FACT sym: f"), 'begins with "FACT"'),
    ("a word without a blank", adding("fact:sym: f"), 'begins with "fact:sym:"'),
    ("a parameter without a kind", adding("parameter m"), "has not the form .. : .."),
    ("a parameter that is not given", adding("parameter m: 1..2"), 'statement.parameters: must have "m"'),
    ("a parameter of an unknown kind", Change("n: 1..8", "n: integer"), '"integer" is not a kind of parameter'),
    ("a list where a number must be", Change("LETTERS: set", "LETTERS: number"), "LETTERS: is not a number"),
    ("a parameter with one bound", Change("n: 1..8", "n: 1.."), '"1.." is not a kind of parameter'),
    ("a parameter with bounds that are names", Change("n: 1..8", "n: 1..r"), "is not a kind of parameter"),
    ("a parameter with a negative bound", Change("n: 1..8", "n: -1..8"), "is not a kind of parameter"),
    ("a parameter with a huge bound", Change("n: 1..8", "n: 1..9999999999"), "is not a kind of parameter"),
    (
        "a parameter below its bounds",
        Change("n: 1..8", "n: 3..8"),
        "statement.parameters.n: is not a number from 3 to 8",
    ),
    (
        "a parameter above its bounds",
        Change("n: 1..8", "n: 0..1"),
        "statement.parameters.n: is not a number from 0 to 1",
    ),
    ("a parameter with bounds that exclude all", Change("n: 1..8", "n: 8..1"), "is not a number from 8 to 1"),
    ("a number as a set", Change("n: 1..8", "n: set"), "statement.parameters.n: is not a list of names"),
    ("a set as a number", Change("LETTERS: set", "LETTERS: 1..8"), "statement.parameters.LETTERS: is not a number"),
    ("a set twice, as a parameter", adding("parameter LETTERS: set"), 'line 20: defines "LETTERS" again'),
    (
        "a parameter that is a set already",
        Change("set S =", "set LETTERS ="),
        'line 5: "LETTERS" is a parameter or a set already',
    ),
    ("a set twice", adding("set S = d"), 'line 20: "S" is a parameter or a set already'),
    ("a set without elements", Change("set S = a b c", "set S ="), "has not the form .. = .."),
    ("a set without a name", Change("set S = a b c", "set = a"), "has not the form .. = .."),
    ("a set with an element twice", Change("S = a b c", "S = a b a"), "a set has from 1 to 65536 different elements"),
    ("a set that is a kind", Change("set S =", "set flag ="), 'line 5: defines "flag" again'),
    ("a set that is another kind", Change("set S =", "set position ="), 'line 5: defines "position" again'),
    ("a set that is a word", Change("set S =", "set and ="), '"and" cannot be the name of a set'),
    ("a set that is the position", Change("set S =", "set pos ="), '"pos" cannot be the name of a set'),
    ("a first class that follows", Change("class sym:", "class sym first:"), "class sym is first, and cannot follow"),
    ("no first class", Change("start first:", "start:"), "theory: must have a class that is first"),
    ("no classes", Change(GOOD, "theory t\nparameter LETTERS: set\nparameter n: 1..8"), "must have a class"),
    ("a class twice", adding("class sym: SYM symbol=p"), 'line 20: defines class "sym" again'),
    ("a class without a token", adding("class more:"), "has not the form .. : .."),
    ("a class without a name", adding("class : END"), "has not the form .. : .."),
    ("a class that is first of nothing", adding("class first: END"), "no sequence of followers leads to class first"),
    ("a class that is a number", adding("class 1: END"), '"1" cannot be the name of a class'),
    ("a class of two words", adding("class more last: END"), '"more last" cannot be the name of a class'),
    ("a token with a field twice", Change("symbol=p", "symbol=p symbol=p"), "names a field twice"),
    ("a token with a field of nothing", Change("symbol=p", "symbol="), "has not the form .. = .."),
    ("a token with a field without a name", Change("symbol=p", "=p"), "has not the form .. = .."),
    ("a token with a word alone", Change("symbol=p", "p"), "has not the form .. = .."),
    ("a token with a sum", Change("symbol=p", "symbol=p+1"), "neither a ghost nor an element"),
    ("a token with a drop", Change("symbol=p", "symbol=drop(p,1)"), "neither a ghost nor an element"),
    ("a token with a ghost of j", Change("symbol=p", "symbol=j.p"), "neither a ghost nor an element"),
    ("a token with a bit of a ghost of j", Change("symbol=p", "symbol=bit(j.pos,0)"), "neither a ghost nor an element"),
    ("a token with two bits", Change("symbol=p", "symbol=bit(pos,0)+bit(pos,1)"), "where the end must be"),
    ("a token with a formula", Change("symbol=p", "symbol=p=p"), "where the end must be"),
    (
        "a kind that is unknown",
        Change("f flag", "f bool"),
        '"bool" is not a kind: position, flag, 0..N, or the name of a set',
    ),
    ("a kind that is a number", Change("f flag", "f n"), '"n" is not a kind'),
    ("a kind that is defined later", Change("f flag", "f T\nset T = a"), '"T" is not a kind'),
    ("a ghost without a kind", Change("f flag", "f"), "has not the form"),
    ("a ghost of no class", adding("ghost : g flag"), "has not the form .. : .."),
    (
        "a ghost of an unknown class",
        adding("ghost sum: g flag"),
        'line 20: there is no class "sum" before this line',
    ),
    ("a ghost that is the position", adding("ghost sym: pos position"), '"pos" cannot be the name of a ghost'),
    ("a ghost that is j", adding("ghost sym: j flag"), '"j" cannot be the name of a ghost'),
    ("a ghost that is a word", adding("ghost sym: drop flag"), '"drop" cannot be the name of a ghost'),
    ("a ghost that is a number", adding("ghost sym: 0 flag"), '"0" cannot be the name of a ghost'),
    ("a ghost twice", adding("ghost sym: f flag"), 'class sym has "f" already'),
    ("a ghost twice in a line", adding("ghost sym sym: g flag"), 'class sym has "g" already'),
    ("a ghost with two kinds", adding("ghost end: f position"), "another class has it as flag"),
    ("a ghost with two sets", adding("ghost sym: s LETTERS"), "another class has it as S"),
    ("a ghost with two kinds of one class", adding("ghost sym: f position"), 'class sym has "f" already'),
    (
        "a follower that is first",
        adding("follow sym: start"),
        "theory: class start is first, and cannot follow class sym",
    ),
    ("a first that follows itself", adding("follow start: start"), "cannot follow class start"),
    ("a follower that is unknown", adding("follow sym: sum"), 'line 20: there is no class "sum"'),
    ("followers of an unknown class", adding("follow sum: sym"), 'there is no class "sum"'),
    ("followers of two classes", adding("follow sym end: sym"), 'there is no class "sym end"'),
    ("followers of none", adding("follow sym:"), "has not the form"),
    ("a class that nothing leads to", adding("class more: END"), "no sequence of followers leads to class more"),
    (
        "a class that only itself leads to",
        adding("class m: END", "follow m: m"),
        "no sequence of followers leads to class m",
    ),
    (
        "classes that lead to each other alone",
        adding("class m: END", "class k: END", "follow m: k", "follow k: m sym"),
        "no sequence of followers leads to class",
    ),
    ("a class before its line", Change("class start", "follow start: sym\nclass start"), "before this line"),
    ("a fact without a formula", adding("fact sym:"), "has not the form .. : .."),
    ("a fact without a class", adding("fact f"), "has not the form .. : .."),
    ("a fact of an unknown class", adding("fact sum: f"), 'there is no class "sum"'),
    ("a fact that is no formula", adding("fact sym: f and"), "line 20: .* has nothing where"),
    ("a fact that is two", adding("fact sym: f: f"), "something at character"),
    ("a pair of one class", adding("pair sym: f"), "has not the form"),
    ("a pair of three classes", adding("pair sym sym sym: f"), 'there is no class "sym sym"'),
    ("a pair of an unknown class", adding("pair sym sum: f"), 'there is no class "sum"'),
    ("a pair of an unknown first class", adding("pair sum sym: f"), 'there is no class "sum"'),
    ("a pair that is no formula", adding("pair sym sym: p"[:-1]), "has not the form"),
    ("before without a distance", adding("before sym sym: f"), "has not the form"),
    ("before at a distance 0", adding("before 0 sym sym: f"), '"0" is not a distance from 1 to r \\+ 64'),
    ("before at a negative distance", adding("before -1 sym sym: f"), '"-1" is not a distance'),
    ("before at a large distance", adding("before 68 sym sym: f"), '"68" is not a distance'),
    ("before at a huge distance", adding(f"before {10**40} sym sym: f"), "is not a distance"),
    ("before at a huge distance that begins small", adding(f"before {'0' * 9 + '1'} sym sym: f"), "is not a distance"),
    ("before at a distance that is a ghost", adding("before w sym sym: f"), '"w" is not a distance'),
    ("before with an unknown class", adding("before 1 sym sum: f"), 'there is no class "sum"'),
    ("an output of an unknown class", adding("output sum: END"), 'there is no class "sum"'),
    ("an output of two classes", adding("output sym end: END"), 'there is no class "sym end"'),
    ("an output without a token", adding("output sym if f:"), "has not the form"),
    ("an output without a condition", adding("output sym if : END"), 'there is no class "sym if"'),
    ("an output with a condition that is none", adding("output sym if f or: END"), "has nothing where"),
    ("an output with a ghost of j", adding("output sym: SYM symbol=j.p"), "neither a ghost nor an element"),
]


@pytest.mark.parametrize(("change", "reason"), [pytest.param(*case[1:], id=case[0]) for case in BAD])
def test_bad(change: Change, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        read(change.of(GOOD))


BAD_PARAMETERS: list[tuple[str, dict[str, Value], str]] = [
    ("none", {}, 'statement.parameters: must have "LETTERS", a parameter of the theory'),
    ("one missing", {"LETTERS": ("x",)}, 'statement.parameters: must have "n", a parameter of the theory'),
    ("one unknown", GIVEN | {"m": 1}, 'statement.parameters: "m" is not a parameter of the theory'),
    ("one with another case", GIVEN | {"N": 1}, '"N" is not a parameter of the theory'),
    ("the number of bits", GIVEN | {"r": 3}, "r is the number of bits of positions"),
    ("a number too small", GIVEN | {"n": 0}, "statement.parameters.n: is not a number from 1 to 8"),
    ("a number too large", GIVEN | {"n": 9}, "statement.parameters.n: is not a number from 1 to 8"),
    ("a list as a number", GIVEN | {"n": ("2",)}, "statement.parameters.n: is not a number from 1 to 8"),
    ("a number as a set", GIVEN | {"LETTERS": 2}, "statement.parameters.LETTERS: is not a list of names"),
    ("a word as a set", GIVEN | {"LETTERS": "xy"}, "statement.parameters.LETTERS: is not a list of names"),
    ("a set of nothing", GIVEN | {"LETTERS": ()}, "a set has from 1 to 65536 different elements"),
    ("a set with an element twice", GIVEN | {"LETTERS": ("x", "y", "x")}, "a set has from 1 to 65536 different"),
    ("a set that is too large", GIVEN | {"LETTERS": tuple(map(str, range(2**16 + 1)))}, "a set has from 1 to 65536"),
]


@pytest.mark.parametrize(("given", "reason"), [pytest.param(*case[1:], id=case[0]) for case in BAD_PARAMETERS])
def test_bad_parameters(given: dict[str, Value], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        read(GOOD, given)


TOO_LARGE: list[tuple[str, Callable[[], str], str]] = [
    ("a long text", lambda: GOOD + "#" * LONGEST_TEXT, "characters; this checker reads 262144"),
    (
        "many classes",
        lambda: GOOD + f"for k in 1..{MOST_CLASSES}: class x_{{k}}: END",
        "more than 512 classes",
    ),
    (
        "a long formula",
        lambda: GOOD + "fact sym: " + " and ".join(["f"] * 20_000),
        "characters; this checker reads 65536",
    ),
]


@pytest.mark.parametrize(("text", "reason"), [pytest.param(*case[1:], id=case[0]) for case in TOO_LARGE])
def test_too_large(text: Callable[[], str], reason: str) -> None:
    with pytest.raises(TooLarge, match=reason):
        read(text())


def test_elements_in_tokens_are_names() -> None:
    theory = read(GOOD + "class more: SYM symbol='x' kind='y'\nfollow sym: more\n")
    assert theory.classes["more"].token == Token("SYM", (("symbol", Named("x")), ("kind", Named("y"))))
