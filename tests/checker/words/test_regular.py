"""WORDS 1: languages, their words in order, and their number, compared with the sets of words of random expressions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import TypeAlias

import pytest

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.words.levels import levels, numbers_of_words
from exactformer.certificates.checker.words.regular import Automaton, automaton_of
from tests.effort import calls

NAMES = ("a", "b", "bc", "", " ", '"', "\\", "(", "a b", "{1}", "*", ",", "\xe4", "x\ty", '\\"', "|", "a|b", "[]", "-")
LONGEST = 4

Word: TypeAlias = tuple[str, ...]
Words: TypeAlias = frozenset[Word]


EMPTY: Words = frozenset({()})


@dataclass(frozen=True)
class Expression:
    """A text, how tightly it binds, and its words of at most LONGEST tokens, the empty word included."""

    text: str
    binds: int
    words: Words


EITHER, AFTER, ITEM = 0, 1, 2


def together(one: Words, other: Words) -> Words:
    return frozenset(a + b for a in one for b in other if len(a + b) <= LONGEST)


def repeated(words: Words, least: int, most: int | None) -> Words:
    """This many of them, one after another; beyond LONGEST of them nothing new comes."""
    found, power = set[Word](), EMPTY
    for number in range((most if most is not None else max(least, LONGEST)) + 1):
        if number >= least:
            found |= power
        power = together(power, words)
    return frozenset(found)


def written(name: str, random: Random) -> str:
    """A name as the contract writes it; some in quotes that do not need them."""
    if not name or re.search(r'[()\[\]{}|*+?,"\\ ]', name) or random.random() < 0.2:
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return name


def within(one: Expression, binds: int) -> str:
    """Its text, in brackets where it does not bind tightly enough."""
    return one.text if one.binds >= binds else f"({one.text})"


def expression(names: Sequence[str], depth: int, random: Random) -> Expression:
    kinds = ("set", "after", "after", "after", "either", "either", "repeat", "repeat", "group")
    kind = random.choice(kinds) if depth else random.choice(("name", "name", "set"))
    if kind == "name":
        name = random.choice(names)
        return Expression(written(name, random), ITEM, frozenset({(name,)}))
    if kind == "set":
        chosen = random.choices(names, k=random.randint(0, 3))
        return Expression(
            f"[{' '.join(written(name, random) for name in chosen)}]", ITEM, frozenset({(n,) for n in chosen})
        )
    parts = [expression(names, depth - 1, random) for _ in range(random.randint(2, 3))]
    gap = " " * random.randint(0, 1)
    if kind == "after":
        words = EMPTY
        for part in parts:
            words = together(words, part.words)
        return Expression(" ".join(within(part, AFTER) for part in parts), AFTER, words)
    if kind == "either":
        words = frozenset(word for part in parts for word in part.words)
        return Expression(f"{gap}|{gap}".join(part.text for part in parts), EITHER, words)
    if kind == "group":
        return Expression(f"({gap}{parts[0].text}{gap})", ITEM, parts[0].words)
    least, more = random.randint(0, 3), random.randint(0, 2)
    sign, low, high = random.choice(
        (
            ("*", 0, None),
            ("+", 1, None),
            ("?", 0, 1),
            (f"{{{least}}}", least, least),
            (f"{{{least},{least + more}}}", least, least + more),
            (f"{{{least},}}", least, None),
        )
    )
    return Expression(f"{within(parts[0], ITEM)}{gap}{sign}", ITEM, repeated(parts[0].words, low, high))


def automaton(text: str, names: Sequence[str] = "abc") -> Automaton:
    return automaton_of("here", text, {name: place for place, name in enumerate(names)})


@pytest.mark.parametrize("seed", range(8))
def test_random_expressions(seed: int) -> None:
    """Which words there are, in which order, and how many; for all lengths up to one."""
    random, sizes = Random(seed), set[int]()
    for _ in range(60):
        names = random.sample(NAMES, 3)
        one = expression(names, random.randint(2, 4), random)
        found = automaton(one.text, names)
        expected = {tuple(names.index(name) for name in word) for word in one.words} - {()}
        every = [word for n in range(1, LONGEST + 1) for word in product(range(3), repeat=n)]
        assert {word for word in every if found.accepts(word)} == expected, one.text
        assert found.accepts(()) == (() in one.words)
        length = random.randint(1, LONGEST)
        require_levels(found, [word for word in every if word in expected and len(word) <= length], length)
        sizes.add(len(expected))
    assert len(sizes) > 10


def require_levels(found: Automaton, expected: Sequence[tuple[int, ...]], length: int) -> None:
    """For all lengths the beginnings of words, in order, each with its own beginning; and the words in order."""
    words, before, numbers = list[tuple[int, ...]](), [()], [0] * (length + 1)
    for number, level in enumerate(levels(found, length), start=1):
        rows = [tuple(row) for row in level.tokens.tolist()]
        assert rows == sorted({word[:number] for word in expected if len(word) >= number})
        assert [before[parent] for parent in level.parents.tolist()] == [row[:-1] for row in rows]
        here = [row for row, is_word in zip(rows, level.words.tolist(), strict=True) if is_word]
        words, before, numbers[number] = words + here, rows, len(here)
    assert words == list(expected)
    assert numbers_of_words(found, length) == numbers


def words_of(text: str, length: int = 4) -> list[str]:
    found = automaton(text)
    return [
        "".join("abc"[token] for token in row)
        for level in levels(found, length)
        for row in level.tokens[level.words].tolist()
    ]


BY_HAND = {
    "b | a": ["a", "b"],
    "a b|c": ["c", "ab"],
    "a(b|c)": ["ab", "ac"],
    "ab c": None,
    "[c a]": ["a", "c"],
    "[c a]{2}": ["aa", "ac", "ca", "cc"],
    "a b*": ["a", "ab", "abb", "abbb"],
    "(a b)*": ["ab", "abab"],
    "a b+": ["ab", "abb", "abbb"],
    "a?b": ["b", "ab"],
    "a{2}": ["aa"],
    "a{2,}": ["aa", "aaa", "aaaa"],
    "a{0,2}": ["a", "aa"],
    "a{0} b": ["b"],
    "a{0,0} b": ["b"],
    "(a{2}){2}": ["aaaa"],
    "a{2}{2}": ["aaaa"],
    "a{1,2}{2}": ["aa", "aaa", "aaaa"],
    "a?+": ["a", "aa", "aaa", "aaaa"],
    "(a*)*": ["a", "aa", "aaa", "aaaa"],
    "(a?){200}": ["a", "aa", "aaa", "aaaa"],
    "a{1000}": [],
    "a | a": ["a"],
    "[a a]": ["a"],
    "[]": [],
    "a [] | b": ["b"],
    "[]* a": ["a"],
    "": [],
    "()": [],
    "a |": ["a"],
    "(| b) a": ["a", "ba"],
    "((((a))))": ["a"],
    '"a""b"': ["ab"],
    '"a"{2}': ["aa"],
    "   a   ": ["a"],
    "a  {2}": ["aa"],
}
"""Where nothing stands for an expression, that is of no tokens."""


@pytest.mark.parametrize("text", BY_HAND)
def test_by_hand(text: str) -> None:
    if BY_HAND[text] is None:
        with pytest.raises(Rejected, match="not in the vocabulary"):
            words_of(text)
    else:
        assert words_of(text) == BY_HAND[text]


def test_order_is_that_of_the_vocabulary() -> None:
    found = automaton("[a b] [a b]", ["b", "x", "a"])
    assert [row for level in levels(found, 2) for row in level.tokens[level.words].tolist()] == [
        [0, 0],
        [0, 2],
        [2, 0],
        [2, 2],
    ]


ERRORS = {
    "a)": '")" is where the expression must end or go on',
    ")": '")" is where the expression must end or go on',
    "(a": 'has no ")" where one must be',
    "(a]": '"]" is where an expression must be',
    "*": '"*" is where an expression must be',
    "a | *": '"*" is where an expression must be',
    "a (+ b)": '"+" is where an expression must be',
    "{2}": '"2" is where an expression must be',
    "]": '"]" is where an expression must be',
    "[a": 'has no "]" where one must be',
    "[a | b]": 'has no "]" where one must be',
    "[a [b]]": 'has no "]" where one must be',
    "[a*]": 'has no "]" where one must be',
    "a}": '"}" is not part of a regular expression',
    "a{": '"{" is not part of a regular expression',
    "a{1,2": '"{1,2" is not part of a regular expression',
    "a{,2}": '"{,2}" is not part of a regular expression',
    "a{}": '"{}" is not part of a regular expression',
    "a{-1}": '"{-1}" is not part of a regular expression',
    "a{1;2}": '"{1;2}" is not part of a regular expression',
    "a{1.5}": '"{1.5}" is not part of a regular expression',
    "a, b": '", b" is not part of a regular expression',
    'a "b': r'"\"b" is not part of a regular expression',
    '"a\\b"': "is not part of a regular expression",
    "a\\b": r'"\\b" is not part of a regular expression',
    "\\": r'"\\" is not part of a regular expression',
    "a{2,1}": '"{2,1}" is not a repetition of 0 to 1024 times',
    "a{1025}": '"{1025}" is not a repetition of 0 to 1024 times',
    "a{0,1025}": '"{0,1025}" is not a repetition of 0 to 1024 times',
    "a{1025,}": '"{1025,}" is not a repetition of 0 to 1024 times',
    "a{10240}": '"{10240}" is not a repetition of 0 to 1024 times',
    "a{99999999}": '"{99999999}" is not a rep',
    "a{999999999}": "is not part of a regular expression",
    "d": '"d", which is not in the vocabulary',
    "a d{0}": '"d", which is not in the vocabulary',
    "[a d]": '"d", which is not in the vocabulary',
    '""': '"", which is not in the vocabulary',
    "a\tb": r'"a\tb", which is not in the vocabulary',
    "a\xa0b": r'"a\u00a0b", which is not in the vocabulary',
    "A": '"A", which is not in the vocabulary',
}


@pytest.mark.parametrize("text", ERRORS)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(Rejected, match=f"^here: .*{re.escape(ERRORS[text])}"):
        automaton(text, ["a", "b", "c", "\\", "a\\b"])


MANY = [f"{number:x}" for number in range(1900)]
SET = f"[{' '.join(MANY)}]"
HEAVY = {
    "a long text": ("a" + " " * 2**14, "abc", "has 16385 characters; this checker reads 16384"),
    "many groups inside each other": ("(" * 65 + "a" + ")" * 65, "abc", "more than 64 groups inside each other"),
    "repetitions of repetitions": ("(a{1000}){1000}", "abc", "more than the 16384 parts"),
    "repetitions of nothing": ("(){1000}{1000}", "abc", "more than the 16384 parts"),
    "many repetitions of one": ("a" + "{1}" * 5000, "abc", "more than the 16384 parts"),
    "many of the same place": ("a" + "{0,1}" * 2000, "abc", "more than the 16384 parts"),
    "many groups, each repeated": ("(" * 60 + "a" + "){2}" * 60, "abc", "more than the 16384 parts"),
    "which one was long ago": ("[a b]* a [a b]{10}", "abc", "more states or moves than this checker"),
    "sets of many tokens": (f"{SET}{{280}}", MANY, "with repetitions, more than the 524288 tokens"),
    "many steps": ("((a?){90} b?){90} c", "abc", "takes more than the 4194304 steps|more than the 16384 parts"),
}


@pytest.mark.parametrize("title", HEAVY)
def test_heavy_expressions_are_not_judged(title: str) -> None:
    text, names, reason = HEAVY[title]

    def work() -> None:
        with pytest.raises(TooLarge, match=reason):
            automaton(text, names)

    assert calls(work) < 5_000_000


def test_those_that_are_just_light_enough() -> None:
    assert words_of("(" * 64 + "a" + ")" * 64) == ["a"]
    assert words_of("a" + " " * (2**14 - 1)) == ["a"]
    assert words_of("a" + "{0}" * 4000 + "b") == ["b"]
    assert numbers_of_words(automaton("[a b]* a [a b]{8}"), 12) == [0] * 9 + [2**8, 2**9, 2**10, 2**11]
    assert numbers_of_words(automaton("[a b]*"), 20) == [0, *(2**n for n in range(1, 21))]


def test_a_large_vocabulary_takes_no_long_time() -> None:
    """One word of 700 tokens, and the states of an automaton over 1900 of them."""
    found = automaton(f"1{{700}} ({SET} [])?", MANY)
    assert numbers_of_words(found, 1024) == [0] * 700 + [1] + [0] * 324
    assert [len(level.tokens) for level in levels(found, 1024)] == [1] * 700


def test_how_many_there_are_is_known_before_they_are_made() -> None:
    """2^22 beginnings, 2^26 tokens; what cannot be completed within the length is not a beginning."""
    with pytest.raises(TooLarge, match="beginnings of words of up to 3 tokens; this checker goes through 4194304, of"):
        numbers_of_words(automaton(f"{SET}*", MANY), 1024)
    for text in ("[a b]*", "a* b a* b a*"):
        with pytest.raises(TooLarge, match="of 67108864 tokens in all"):
            numbers_of_words(automaton(text), 1024)
    assert sum(numbers_of_words(automaton("[a b]* c{100}"), 110)) == 2**11 - 1
