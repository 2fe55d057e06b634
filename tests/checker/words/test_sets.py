"""All words of a length at once (WORDS 5): what is shown of all holds of every one."""

from __future__ import annotations

import collections
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from exactformer.certificates.checker.deadline import Deadline
from exactformer.certificates.checker.document import Rejected, TooLarge, Undecided
from exactformer.certificates.checker.words.regular import automaton_of
from exactformer.certificates.checker.words.sets import Sets
from tests.checker.conftest import UNLIMITED
from tests.checker.sequences.documents import hardmax_states, head, layer, network, vector
from tests.checker.sequences.features import features_of
from tests.checker.sequences.simulation import Simulation
from tests.checker.sequences.simulation import arithmetic_of as simulated
from tests.checker.words.documents import certificate, words_over
from tests.checker.words.drawn import TOLERANCE, Case, drawn, drawn_with
from tests.checker.words.test_by_hand import E4M3, FUSED, LOOK, MARGINS, ONLY_B, SMALL, YES, checked


def hardmax_says(document: Any, x: list[Fraction]) -> str | None:
    """The output that is strictly the one."""
    return Simulation(simulated("exact", 1), document, Random(0)).said(x)[0]


def compare(case: Case, first: int | None, random: Random) -> collections.Counter[str]:
    """Every word, by itself, in some order of sums; where all are shown to be what hardmax gives."""
    read, seen = case.read, collections.Counter[str]()
    places = {name: place for place, name in enumerate(read.vocabulary)}
    automaton = automaton_of("words", case.language, places)
    sets, lengths = Sets(read, automaton, case.arithmetic, case.far, UNLIMITED), {}
    for length in range(1, case.length + 1):
        try:
            found = list(sets.lengths(length, first))
        except (Rejected, TooLarge):
            seen["not shown"] += 1
            break
        lengths = {one.length: one.margin for one in found}
    accepted = words_over(list(places), case.length, lambda word: automaton.accepts([places[token] for token in word]))
    for word in accepted:
        if len(word) not in lengths:
            continue
        x = hardmax_states(case.document, word)[0][-1]
        last = Simulation(simulated(case.text, 2**case.e), case.document, random).states(word)[-1]
        for place in range(len(word))[-1 if first is None else first :]:
            output, margin = Simulation(simulated(case.text, 2**case.e), case.document, random).said(last[place])
            assert output is not None
            assert output == hardmax_says(case.document, x[place]), f"on {word} at {place}"
            assert lengths[len(word)] <= margin + (TOLERANCE if case.text == "exact" else 0)
            seen["outputs"] += 1
    return seen


@pytest.mark.parametrize("begin", [0, 35, 70])
def test_what_is_shown_of_all_holds_of_each(begin: int) -> None:
    seen = collections.Counter[str]()
    for seed in range(begin, begin + 35):
        seen += compare(drawn(seed), Random(seed).choice((None, 0, 1)), Random(seed))
    assert seen["outputs"] > 10
    assert seen["not shown"]


@pytest.mark.parametrize("begin", [0, 25])
def test_gates_and_rotary_positions(begin: int) -> None:
    """And identity in place of relu."""
    seen, shown = collections.Counter[str](), collections.Counter[str]()
    for seed in range(begin, begin + 25):
        case = drawn_with(seed, True)
        found = compare(case, Random(seed).choice((None, 0, 1)), Random(seed))
        seen += found
        if found["outputs"]:
            shown.update(features_of(case.document))
    assert seen["outputs"] > 100
    assert seen["not shown"]
    assert min(shown[name] for name in ("rotary", "identity", "gates of relu", "gates of identity")) > 2


def test_shorter_words_make_no_difference() -> None:
    """Longer ones alone are shown by the same margins."""
    compared = 0
    for seed in range(60):
        case = drawn(seed)
        automaton = automaton_of("words", case.language, {name: n for n, name in enumerate(case.read.vocabulary)})
        try:
            found = [
                list(
                    Sets(case.read, automaton, case.arithmetic, case.far, UNLIMITED).lengths(case.length, None, beyond)
                )
                for beyond in range(case.length)
            ]
        except (Rejected, TooLarge):
            continue
        for beyond, longer in enumerate(found):
            assert longer == [one for one in found[0] if one.length > beyond]
            compared += len(longer)
    assert compared > 30


def test_an_automaton_alone_may_take_too_long() -> None:
    case = drawn(0)
    automaton = automaton_of("words", "[]", {name: n for n, name in enumerate(case.read.vocabulary)})
    with pytest.raises(Undecided):
        list(Sets(case.read, automaton, case.arithmetic, case.far, Deadline(0)).lengths(1, None))


def as_hardmax(document: Any, language: str, length: int, arithmetic: str, beta: int, margins: Any) -> dict[str, Any]:
    """A certificate; what hardmax gives at the last position."""
    expected = {"sha256": "", "words": 1, "positions": 1}
    said = certificate(document, language, length, "last", expected, arithmetic, beta, margins=margins)
    claim = (
        f"On each word of at most {length} tokens of the language {language}, the softmax transformer of these "
        f"weights, in the arithmetic {arithmetic} at beta = {beta}, gives at each position asked about strictly the "
        "output that the hardmax transformer gives strictly."
    )
    said["statement"] |= {"expected": "hardmax", "claim": claim}
    return said


PADDED = network(
    3,
    {
        "a": (vector(x0=1), [vector(x2=1), 0]),
        "b": (vector(x1=1), [[], "1/2"]),
        "p": ([], [[], -9]),
    },
    [layer(LOOK | {"value": [[vector(x0=1, x1="1/2"), 0]]})],
) | {"unseen": ["p"]}
"""If an a is seen, x2 is nearly 1, so above 1/2; otherwise it is 1/2, and two outputs are equal."""


def test_padding_may_be_where_another_token_may_be(tmp_path: Path) -> None:
    """Of b [a p] b, b p b is a word: there hardmax gives nothing strictly."""
    said = as_hardmax(PADDED, "b a b", 3, FUSED, 8, [[3, "1/4"]])
    assert checked(tmp_path, said, PADDED).verdict == "proved"
    for attention in ("causal", "full"):
        document = PADDED | {"attention": attention}
        for language in ("b p b", "b [a p] b", "b (a | p) (p | b)", "b [a b] b"):
            said = as_hardmax(document, language, 3, FUSED, 8, [[3, "1/4"]])
            with pytest.raises(Rejected, match="outputs may differ from those of hardmax"):
                checked(tmp_path, said, document)


def test_all_words_with_an_a(tmp_path: Path) -> None:
    """Margins as in `test_by_hand`; what hardmax gives is a where there is one, and b where not."""
    said = as_hardmax(SMALL, "[a b]{1,3}", 3, FUSED, 4, MARGINS)
    assert checked(tmp_path, said).verdict == "proved"
    for place in range(3):
        more = [[n, str(Fraction(str(margin)) + Fraction(int(place + 1 == n), 2**40))] for n, margin in MARGINS]
        with pytest.raises(Rejected, match=rf"margins\[{place}\]\[1\]"):
            checked(tmp_path, as_hardmax(SMALL, "[a b]{1,3}", 3, FUSED, 4, more))


def test_softmax_says_something_else(tmp_path: Path) -> None:
    """At beta = 1, e is less than 3: after an a and three b softmax says b, by 2 (3 - e)/(3 + e), and hardmax a."""
    assert checked(tmp_path, as_hardmax(SMALL, "a b{2}", 3, FUSED, 1, [[3, "1/4"]])).verdict == "proved"
    with pytest.raises(Rejected, match="at position 3 outputs may differ from those of hardmax"):
        checked(tmp_path, as_hardmax(SMALL, "a b{3}", 4, FUSED, 1, [[4, "1/16"]]))


@pytest.mark.parametrize("attention", ["causal", "full"])
def test_an_overflow_leaves_nothing_shown_of_a_word(attention: str, tmp_path: Path) -> None:
    """Of a b, but in the last layer, where nothing is asked about it."""
    document = SMALL | {"layers": [ONLY_B], "outputs": YES, "attention": attention}
    assert checked(tmp_path, as_hardmax(document, "a a", 2, E4M3, 1, [[2, "1"]]), document).verdict == "proved"
    assert checked(tmp_path, as_hardmax(document, "b a", 2, E4M3, 1, [[2, "1"]]), document).verdict == "proved"
    document |= {"layers": [ONLY_B, {"heads": [], "mlp": {"neurons": [], "out": []}}]}
    assert checked(tmp_path, as_hardmax(document, "a a", 2, E4M3, 1, [[2, "1"]]), document).verdict == "proved"
    with pytest.raises(Rejected, match="may overflow"):
        checked(tmp_path, as_hardmax(document, "b a", 2, E4M3, 1, [[2, "1"]]), document)


FAR_A = network(
    2,
    {"a": (vector(x0=1), [vector(x1=1), 0]), "b": ([], [vector(x1=-1), 0]), "c": ([], [[], -9])},
    [layer(head([[[], 1]], [[vector(x0=100), 0]], [[vector(x0=2), -1]], [[1, [vector(x0=1), 0]]]))],
)
"""An a scores 100, and gives 1; others score 0, and give -1."""


def test_far_is_what_is_far_below_a_token_that_is_surely_there(tmp_path: Path) -> None:
    """There may be an a in the first place, or not: where not, it is the others that are selected."""
    for language in ("a c", "b c", "[a b] c", "c [a b] c"):
        length = len(language.replace("[a b]", "a").split())
        said = as_hardmax(FAR_A, language, length, FUSED, 1, [[length, "3/2"]])
        assert checked(tmp_path, said, FAR_A).verdict == "proved", language
