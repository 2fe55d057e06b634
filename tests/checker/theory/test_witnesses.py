"""Sequences that are given as being of a theory: accepted just where another evaluation finds nothing wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.diagrams import Diagrams
from exactformer.certificates.checker.document import Json, Rejected, TooLarge
from exactformer.certificates.checker.theory import witnesses as witnesses_module
from exactformer.certificates.checker.theory.facts import Facts
from exactformer.certificates.checker.theory.ghosts import Variables
from exactformer.certificates.checker.theory.reading import read_theory
from exactformer.certificates.checker.theory.witnesses import check_witnesses
from exactformer.constructions.ngram.sequences import ngram_sequence
from exactformer.constructions.theory import Theory, TrueToken
from exactformer.trial import try_on
from tests.checker.theory import small
from tests.checker.theory.test_facts import HEAD as OF_FACTS

HEAD = f"{OF_FACTS}ghost two: k 0..2\n"

LINES: list[tuple[str, str]] = [
    ("false", "fact one: false"),
    ("a fact and its negation", "fact one: f\nfact one: not f"),
    ("a fact of the first class", "fact start: f and not f"),
    ("a first class that is not at 0", "fact start: pos = 1"),
    ("another class at 0", "fact one: pos = 0"),
    ("another class at 0 or below", "fact two: pos < 1"),
    ("a position beyond all", "fact one: pos > 7"),
    ("a position beyond all, of a ghost", "fact one: w - 3 > 5"),
    ("no element", "fact one: s != 'a' and s != 'b' and s != 'c'"),
    ("an element in two facts", "fact one: s = 'a'\nfact one: s = 'b'"),
    ("a pair, compared with itself", "pair one one: s != j.s"),
    ("a pair of the first class", "pair start start: f != j.f"),
    ("a pair that says that there is one token", "pair one one: j.pos < pos"),
    ("a pair that excludes all", "pair one one: false"),
    ("a pair that excludes its own fact", "fact one: f\npair one one: not j.f"),
    ("a pair in two lines", "pair one one: f\npair one one: not j.f"),
    ("a pair without an element", "pair one one: s != 'a' and s != 'b' and s != 'c'"),
    ("a pair without an element of j", "pair one one: j.s != 'a' and j.s != 'b' and j.s != 'c'"),
    ("a follower that the token before excludes", "before 1 two one: false"),
    ("a follower that a pair excludes", "pair two one: false"),
    ("a follower that a pair excludes near", "pair two one: pos > j.pos + 1"),
    ("a follower of itself", "before 1 one one: j.f != j.f"),
    ("a follower with another element", "fact one: s = 'a'\nbefore 1 one one: s != j.s"),
    ("a follower by the first one's place", "fact one: pos != 1"),
    ("a follower that is too far", "fact two: pos = 1"),
    ("nothing", ""),
    ("the first one's place", "fact start: pos = 0"),
    ("a class that stands at one place", "fact two: pos = 2"),
    ("one element", "fact one: s != 'a' and s != 'c'"),
    ("a pair that is about others alone", "pair one one: j.pos < pos => s != j.s"),
    ("a token two before that cannot be", "before 2 two two: false"),
    ("a token far before", "before 7 one one: false"),
    ("a pair that never is one", "pair start one: false"),
    ("a pair that excludes far tokens", "pair one one: pos <= j.pos + 1"),
    ("a follower of the first that excludes it", "pair one start: j.f and not j.f"),
    ("a follower with another flag", "fact one: f\nfact two: not f\nbefore 1 two one: f = j.f"),
    ("a follower whose elements are none", "before 1 two one: s != 'a' and s != 'b' and s != 'c'"),
    ("a follower behind a token whose elements are none", "before 1 two one: j.s != 'a' and j.s != 'b' and j.s != 'c'"),
    ("a follower by its place", "fact one: pos = 1 or pos = 7\npair two one: pos != 2"),
    ("a definition", "ghost one: d position\ndefine one: d = w + 1 if f\ndefine one: d = 3 if s = 'a'"),
    ("a small number", "fact two: k = 1"),
    ("facts", "fact one: f => w <= pos\nfact one two: s = 'b' or f\nfact start: z = 5"),
    ("a pair of near tokens", "pair one one: f and j.s = s => j.pos <= w"),
    ("before", "before 2 one one: w = j.w\nbefore 1 two one: j.f\nbefore 3 one start: f"),
]
R = 3


def drawn(draw: random.Random, theory: Theory) -> list[TrueToken]:
    """A sequence with ghosts of their kinds; mostly its classes follow each other as they may."""
    classes = read_theory(theory.text, {}, R)
    found, name = list[TrueToken](), "start" if draw.random() < 0.9 else "one"
    for _ in range(draw.randrange(1, 5)):
        ghosts: dict[str, int | str | bool] = {}
        for ghost, kind in classes.classes[name].ghosts.items():
            values = {"flag": (False, True), "S": ("a", "b", "c"), "position": (0, 1, 2, 3, 5), "0..2": (0, 1, 2)}[kind]
            ghosts[ghost] = draw.choice(values)
        found.append(TrueToken(name, ghosts))
        followers = sorted(classes.classes[name].followers)
        name = draw.choice(followers if draw.random() < 0.9 else ["start", "one", "two"])
    return found


def document(tokens: Sequence[TrueToken]) -> list[Json]:
    return [{"class": token.cls, "ghosts": dict(token.ghosts)} for token in tokens]


def accepted(facts: Facts, tokens: Sequence[TrueToken]) -> bool:
    try:
        seen = check_witnesses([document(tokens)], facts, Deadline(10**6))
    except Rejected:
        return False
    assert seen == {(one.cls, before.cls) for before, one in pairwise(tokens)}
    return True


def test_accepted_is_just_what_another_evaluation_finds_nothing_wrong_with() -> None:
    draw, answers = random.Random(4), {True: 0, False: 0}
    for _, lines in LINES:
        theory = Theory(HEAD + lines)
        read = read_theory(theory.text, {}, R)
        facts = Facts(read, Variables(read, Diagrams()))
        for _ in range(60):
            tokens = drawn(draw, theory)
            answer = accepted(facts, tokens)
            assert answer == (list(try_on(theory, R, tokens)) == []), (lines, tokens)
            answers[answer] += 1
    assert min(answers.values()) > 200


def given(change: Callable[[Any], object]) -> Any:
    tokens: Any = document(ngram_sequence("abab", small.N, small.LETTERS))
    sequences = [tokens, deepcopy(tokens)]
    change(sequences)
    return sequences


def put(value: object, *path: str | int) -> Callable[[Any], object]:
    """That a change puts a value there."""

    def change(sequences: Any) -> None:
        *parents, last = path
        for one in parents:
            sequences = sequences[one]
        sequences[last] = value

    return change


LIES: list[tuple[str, Callable[[Any], object], str]] = [
    ("no sequences", lambda given: given.clear(), "gives no sequence"),
    ("an empty sequence", lambda given: given[0].clear(), r"from 1 to 2\^3 tokens"),
    ("longer than all positions", lambda given: given[0].extend(given[0]), r"from 1 to 2\^3 tokens"),
    ("not a class of the theory", put("symbol", 0, 1, "class"), "not a class of the theory"),
    ("a class that is a number", put(1, 0, 1, "class"), "class"),
    ("without the first token", lambda given: given[0].pop(0), "not a token of class sym"),
    ("the first token twice", lambda given: given[1].insert(1, given[1][0]), "does not follow"),
    ("a ghost that is missing", lambda given: given[0][2]["ghosts"].pop("w"), "must be those of class sym"),
    ("a ghost more", put(1, 0, 2, "ghosts", "x"), "must be those of class sym"),
    ("the position as a ghost", put(2, 0, 2, "ghosts", "pos"), "must be those of class sym"),
    ("ghosts in a list", put([], 0, 2, "ghosts"), "must be those of class sym"),
    ("another letter", put("c", 0, 2, "ghosts", "g"), "not an element of LETTERS"),
    ("a letter that is a list", put([], 0, 2, "ghosts", "g"), "not an element of LETTERS"),
    ("the number of a letter", put(0, 0, 2, "ghosts", "g"), "not an element of LETTERS"),
    ("a flag that is a number", put(1, 0, 3, "ghosts", "found"), "is not a value of kind flag"),
    ("a flag that is a word", put("true", 0, 3, "ghosts", "found"), "is not a value of kind flag"),
    ("a position beyond all", put(8, 0, 3, "ghosts", "w"), "is not a value of kind position"),
    ("a position below all", put(-1, 0, 3, "ghosts", "w"), "is not a value of kind position"),
    ("a position that is a fraction", put(1.5, 0, 3, "ghosts", "w"), "is not a value of kind position"),
    ("a position that is a flag", put(True, 0, 3, "ghosts", "w"), "is not a value of kind position"),
    ("found where it was not", put(True, 0, 1, "ghosts", "found"), "does not hold"),
    ("another position than the last", put(2, 0, 4, "ghosts", "w"), "pair fact"),
    ("another symbol before", put("b", 0, 4, "ghosts", "p_1"), "said of class sym before class sym"),
    ("another symbol behind", put("b", 0, 4, "ghosts", "g"), "pair fact"),
    ("the second sequence", put(True, 1, 1, "ghosts", "found"), "does not hold"),
    ("a field more", put("x", 0, 1, "name"), "unknown field"),
    ("no list of tokens", put({}, 0), "list"),
]


@pytest.mark.parametrize(("change", "reason"), [pytest.param(*case[1:], id=case[0]) for case in LIES])
def test_lies(change: Callable[[Any], object], reason: str) -> None:
    theory = read_theory(small.text(), small.PARAMETERS, small.R)
    facts = Facts(theory, Variables(theory, Diagrams()))
    assert check_witnesses(given(lambda _: None), facts, Deadline(10**6)) == {("sym", "start"), ("sym", "sym")}
    with pytest.raises(Rejected, match=reason) as rejected:
        check_witnesses(given(change), facts, Deadline(10**6))
    assert rejected.value.field.startswith("witnesses")


def test_too_many_tokens_are_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    theory = read_theory(small.text(), small.PARAMETERS, small.R)
    facts = Facts(theory, Variables(theory, Diagrams()))
    monkeypatch.setattr(witnesses_module, "MOST_TOKENS", 9)
    with pytest.raises(TooLarge, match="more than 9 tokens"):
        check_witnesses(given(lambda _: None), facts, Deadline(10**6))
