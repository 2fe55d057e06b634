"""Certificates with an automaton as language and a transducer that says what is expected: by hand, and changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.words import levels
from tests.checker.sequences.documents import canonical
from tests.checker.words.documents import certificate, claimed, sha256_of
from tests.checker.words.test_by_hand import ANY, BA, FIRST, FUSED, MARGINS, SMALL, changed, checked, reclaimed

TRANSDUCER: dict[str, Any] = {
    "start": "none",
    "moves": {"none": {"a": ["some", "a"], "b": ["none", "b"]}, "some": {"a": ["some", "a"], "b": ["some", "a"]}},
}
"""Whether there was an a so far."""
WORDS: dict[str, Any] = {
    "start": "0",
    "accepting": ["1", "2", "3"],
    "moves": {**{f"{n}": {"a": f"{n + 1}", "b": f"{n + 1}"} for n in range(3)}, "3": {}},
}
"""[a b]{1,3}."""
AT_LAST: dict[str, Any] = {
    "start": "0",
    "moves": {"0": {"a": "some", "b": "none"}, "none": {"a": ["some", "a"], "b": "none"}, "some": {}},
}
"""Of b* a, from the second token on, at the a; nothing else is asked."""
EXPECTED = {"transducer": TRANSDUCER}
GOOD = certificate(SMALL, WORDS, 3, FIRST, EXPECTED, FUSED, 4, margins=MARGINS)
WRONG = {"start": "any", "moves": {"any": {"a": ["any", "a"], "b": ["any", "b"]}}}
REFUTED = certificate(
    SMALL,
    WORDS,
    3,
    FIRST,
    {"transducer": WRONG},
    FUSED,
    4,
    "refuted",
    (),
    {"word": ["a", "b"], "position": 1, "output": "a"},
)
"""After an a this network says a, and the transducer names the token."""
INCONCLUSIVE = certificate(SMALL, WORDS, 3, FIRST, EXPECTED, FUSED, 4, "inconclusive")
TABLE = "statement.expected.transducer"


def test_proved(tmp_path: Path) -> None:
    """The same margins as with a listing; what is expected is shown."""
    for words in (WORDS, ANY):
        said = certificate(SMALL, words, 3, FIRST, EXPECTED, FUSED, 4, margins=MARGINS)
        valid = checked(tmp_path, said)
        assert (valid.verdict, valid.claim) == ("proved", said["statement"]["claim"])
        assert f"strictly the output of the transducer (SHA-256 {sha256_of(TRANSDUCER)})." in valid.claim
        assert valid.proved[1] == "every output is that of the transducer, which was run on every word"
        assert valid.assumed[0] == f"that the transducer is what was meant: {canonical(TRANSDUCER).decode().strip()}"
        about_words = f"that the automaton is what was meant: {canonical(WORDS).decode().strip()}"
        assert (valid.assumed[1] == about_words) == (words is WORDS)
        assert (f"of the automaton (SHA-256 {sha256_of(WORDS)})" in valid.claim) == (words is WORDS)


def test_a_large_table_is_not_shown(tmp_path: Path) -> None:
    more = copy.deepcopy(TRANSDUCER)
    more["moves"] |= {f"not reached {n}": {} for n in range(60)}
    valid = checked(tmp_path, certificate(SMALL, WORDS, 3, FIRST, {"transducer": more}, FUSED, 4, margins=MARGINS))
    assert valid.assumed[0] == "that the transducer is what was meant, which stands in the certificate"


def test_where_a_move_has_no_output_nothing_is_asked(tmp_path: Path) -> None:
    """Of b a and b b a, at their last token: 1 - 2 e^-4 and so on, as of a b, a b b; a alone is asked nothing."""
    expected = {"transducer": AT_LAST}
    for asked in (FIRST, {"from": 1}, "last"):
        said = certificate(SMALL, "b* a", 3, asked, expected, FUSED, 4, margins=MARGINS[1:])
        assert checked(tmp_path, said).verdict == "proved"
        for place in range(2):
            more = str(Fraction(said["margins"][place][1]) + Fraction(1, 2**40))
            with pytest.raises(Rejected, match=rf"margins\[{place}\]\[1\]"):
                checked(tmp_path, changed(said, f"margins.{place}.1", more))
        with pytest.raises(Rejected, match="margins: has 3 entries; 2 lengths are asked about"):
            checked(tmp_path, changed(said, "margins", MARGINS))
    said = certificate(SMALL, "b* a", 3, {"from": 2}, expected, FUSED, 4, margins=MARGINS[2:])
    assert checked(tmp_path, said).verdict == "proved"


def test_the_margin_is_that_of_what_is_asked(tmp_path: Path) -> None:
    """Only the first token is asked about: there x2 is 1 or -1."""
    moves = {"first": {"a": ["then", "a"], "b": ["then", "b"]}, "then": {"a": "then", "b": "then"}}
    expected = {"transducer": {"start": "first", "moves": moves}}
    said = certificate(SMALL, ANY, 3, FIRST, expected, FUSED, 4, margins=[[n, "2"] for n in (1, 2, 3)])
    assert checked(tmp_path, said).verdict == "proved"


@pytest.mark.parametrize("verdict", ["proved", "inconclusive"])
def test_something_is_asked(verdict: str, tmp_path: Path) -> None:
    for language, asked in (("a", FIRST), ("b* ", FIRST), ("[]", FIRST), ("b a", {"from": 2})):
        said = certificate(SMALL, language, 3, asked, {"transducer": AT_LAST}, FUSED, 4, verdict)
        with pytest.raises(Rejected, match=r"^statement: asks about no word"):
            checked(tmp_path, said)


@pytest.mark.parametrize("verdict", ["proved", "inconclusive"])
def test_every_word_has_a_run(verdict: str, tmp_path: Path) -> None:
    """Also one about which nothing is asked; one that is too long, or not in the language, needs no run."""
    for language, asked, length, runs in (
        ("b* a", FIRST, 3, True),
        ("b* a | a a", FIRST, 3, False),
        ("b* a | a a", FIRST, 2, False),
        ("b{1,2} a | a a a a", FIRST, 3, True),
        ("b b a | a a", {"from": 2}, 3, False),
    ):
        margins = MARGINS[1:length] if verdict == "proved" and runs else []
        said = certificate(SMALL, language, length, asked, {"transducer": AT_LAST}, FUSED, 4, verdict, margins)
        if runs:
            assert checked(tmp_path, said).verdict == verdict
        else:
            with pytest.raises(Rejected, match=r'transducer: has no move for token 1 of the word \["a", "a"\]'):
                checked(tmp_path, said)


def test_refuted(tmp_path: Path) -> None:
    """What is expected is what the transducer says there."""
    valid = checked(tmp_path, REFUTED)
    assert (valid.verdict, valid.claim) == ("refuted", REFUTED["statement"]["claim"])
    assert 'does not give strictly the output "b" of the transducer (SHA-256' in valid.claim
    assert valid.assumed[0].startswith("that the transducer is what was meant: {")


def test_inconclusive(tmp_path: Path) -> None:
    valid = checked(tmp_path, INCONCLUSIVE)
    assert (valid.verdict, valid.proved) == ("inconclusive", ())


BAD: dict[str, tuple[Any, str]] = {
    "an output is another": (
        reclaimed(GOOD, f"{TABLE}.moves.some.b", ["some", "b"]),
        r'verdict: is proved; on the word \["a", "b"\] some output is not shown to be expected',
    ),
    "another move": (reclaimed(GOOD, f"{TABLE}.moves.some.b", ["none", "a"]), "is proved; on the word"),
    "another start": (reclaimed(GOOD, f"{TABLE}.start", "some"), r'on the word \["b"\] some output is not shown'),
    "a move too few": (
        reclaimed(GOOD, f"{TABLE}.moves.some", {"a": ["some", "a"]}),
        r'has no move for token 1 of the word \["a", "b"\]',
    ),
    "an output that is none": (reclaimed(GOOD, f"{TABLE}.moves.some.b", ["some", "c"]), "which is not an output of"),
    "a transducer null": (changed(GOOD, TABLE, None), "no field"),
    "a transducer that is text": (changed(GOOD, TABLE, "a*"), "where an object must be"),
    "a listing besides": (changed(GOOD, "statement.expected.sha256", 64 * "0"), "unknown field"),
    "the claim of another transducer": (changed(GOOD, f"{TABLE}.moves.more", {}), r"statement\.claim"),
    "the claim of another automaton": (changed(GOOD, "statement.words.moves.more", {}), r"statement\.claim"),
    "the claim of hardmax": (
        changed(GOOD, "statement.claim", GOOD["statement"]["claim"].replace("of the tr", "that the tr")),
        r"statement\.claim",
    ),
    "a language that is a number": (changed(GOOD, "statement.words", 3), r"statement\.words: is 3 where an object"),
    "a language that is null": (changed(GOOD, "statement.words", None), r"statement\.words: is null where an object"),
    "accepting other lengths": (
        reclaimed(GOOD, "statement.words.accepting", ["3"]),
        "margins: has 3 entries; 1 lengths",
    ),
    "accepting nothing": (reclaimed(GOOD, "statement.words.accepting", []), "statement: asks about no word"),
    "no margins": (changed(GOOD, "margins", []), "margins: has 0 entries; 3 lengths are asked about"),
    "a margin too many": (changed(GOOD, "margins", [*MARGINS, [4, "1"]]), "margins: has 4 entries"),
    "a margin that is slightly too large": (
        changed(GOOD, "margins.2.1", str(Fraction(119, 64) + Fraction(1, 2**99))),
        r"margins\[2\]\[1\]: is .*; this checker shows 119/64",
    ),
    "a margin 0": (changed(GOOD, "margins.0.1", "0"), r"margins\[0\]\[1\]: is 0"),
    "a refutation of what is proved": (changed(GOOD, "refutation", BA), "refutation: is"),
    "inconclusive with margins": (claimed(changed(GOOD, "verdict", "inconclusive")), "margins: has 3 entries"),
    "refuted, the output is the expected one": (
        reclaimed(REFUTED, "refutation.output", "b"),
        r"refutation\.output: is the one that is expected",
    ),
    "refuted, the output is right": (
        reclaimed(REFUTED, "refutation", {"word": ["b", "b"], "position": 1, "output": "a"}),
        'is not shown: "b" may be above "a"',
    ),
    "refuted, an output besides": (changed(REFUTED, "statement.expected.output", "b"), "unknown field"),
    "refuted, not of the language": (
        reclaimed(REFUTED, "statement.words.accepting", ["3"]),
        r"refutation\.word: is not a word of the language",
    ),
    "refuted, a word without a run": (
        changed(REFUTED, f"{TABLE}.moves.any", {"a": ["any", "a"]}),
        r'has no move for token 1 of the word \["a", "b"\]',
    ),
    "refuted where nothing is asked": (
        changed(REFUTED, f"{TABLE}.moves.any.b", "any"),
        r"refutation\.position: is 1, where the transducer has no output",
    ),
    "refuted not at the last position": (
        reclaimed(reclaimed(REFUTED, "statement.asked", "last"), "refutation.position", 0),
        r"refutation\.position: is 0, which is not asked about",
    ),
    "refuted, a listing's output": (
        changed(REFUTED, "statement.expected", {"output": "b"}),
        r"statement\.claim",
    ),
}


@pytest.mark.parametrize("title", BAD)
def test_certificates_that_are_not_valid(title: str, tmp_path: Path) -> None:
    said, reason = BAD[title]
    with pytest.raises(Rejected, match=reason):
        checked(tmp_path, said)


# ------------------------------------------------------------------------------------------------- whatever is changed


def leaves(value: Any, place: str = "") -> Iterator[str]:
    """Dotted places of all texts and numbers."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, f"{place}.{number}" if place else f"{number}")
    else:
        yield place


def at(said: Any, place: str) -> Any:
    for step in place.split("."):
        said = said[int(step)] if isinstance(said, list) else said[step]
    return said


OTHERS: tuple[Any, ...] = ("a", "b", "none", "some", "0", "1", "2", "3", 1, None, [], {}, ["some", "a"], ["none", "b"])


@pytest.mark.parametrize("which", ["words", "expected"])
@pytest.mark.parametrize("title", ["proved", "inconclusive"])
def test_whatever_is_changed_in_a_table_is_another_claim(title: str, which: str, tmp_path: Path) -> None:
    """No value at any place leaves the certificate valid with the claim that it has."""
    said = GOOD if title == "proved" else INCONCLUSIVE
    table = said["statement"][which]
    for place in leaves(table):
        for other in OTHERS:
            if other == at(table, place):
                continue
            forged = copy.deepcopy(said)
            *path, last = place.split(".")
            here = at(forged["statement"][which], ".".join(path)) if path else forged["statement"][which]
            here[int(last) if isinstance(here, list) else last] = other
            with pytest.raises(Rejected):
                checked(tmp_path, forged)


def test_changed_transducers_are_proved_only_if_they_say_the_same(tmp_path: Path) -> None:
    """Every target and output of every move, with the claim made again: what a plain run says decides."""
    valid = 0
    for state, moves in TRANSDUCER["moves"].items():
        for token in moves:
            for following in ("none", "some"):
                for output in ("a", "b"):
                    said = reclaimed(GOOD, f"{TABLE}.moves.{state}.{token}", [following, output])
                    table = said["statement"]["expected"]["transducer"]
                    if all(outputs(table, word) == outputs(TRANSDUCER, word) for word in ALL):
                        assert checked(tmp_path, said).verdict == "proved"
                        valid += 1
                    else:
                        with pytest.raises(Rejected, match="is proved; on the word"):
                            checked(tmp_path, said)
    assert valid == 4


ALL = ["a", "b", "aa", "ab", "ba", "bb", "aaa", "aab", "aba", "abb", "baa", "bab", "bba", "bbb"]


def outputs(table: Any, word: str) -> list[str]:
    state, found = table["start"], []
    for token in word:
        state, output = table["moves"][state][token]
        found.append(output)
    return found


def test_too_many_words_are_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "MOST_WORDS", 13)
    for said in (GOOD, INCONCLUSIVE):
        with pytest.raises(TooLarge, match="beginnings of words"):
            checked(tmp_path, said)
    monkeypatch.setattr(levels, "MOST_WORDS", 14)
    for said in (GOOD, INCONCLUSIVE):
        assert checked(tmp_path, said).verdict == said["verdict"]
