"""A network whose numbers are derived by hand, on all words of a language, and what certificates may say of it."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker.__main__ import main
from exactformer.certificates.checker.check import Valid
from exactformer.certificates.checker.document import BadInput, Rejected, TooLarge
from exactformer.certificates.checker.words.check import check_words
from tests.checker.sequences.documents import canonical, head, layer, network, vector, written
from tests.checker.words.documents import Word, certificate, claimed, listing, words_over

LOOK = head(
    query=[[[], 1]],
    key=[[vector(x0=1), 0]],
    value=[[vector(x0=1, x1=-1), 0]],
    out=[[2, [vector(x0=1), 0]]],
    name="is there an a?",
)
"""Scores are 1 for a and 0 for b; values 1 for a and -1 for b."""
SMALL = network(3, {"a": (vector(x0=1), [vector(x2=1), 0]), "b": (vector(x1=1), [vector(x2=-1), 0])}, [layer(LOOK)])
ANY = "[a b]{1,3}"
FUSED = "fused:bf16/fp32/bf16"
"""At beta = 4 the weight of an a is e^4 times that of a b. After one a and n b, x2 = (1 - n e^-4)/(1 + n e^-4), which
is 0.96403 and 0.92932 for n = 1, 2: in bf16 247/256 and 119/128. Logits are x2 and -x2: they are 2 x2 apart."""
MARGINS = [[1, "2"], [2, "247/128"], [3, "119/64"]]
FIRST: dict[str, int] = {"from": 0}


def is_there_an_a(word: Word) -> list[str]:
    return ["a" if "a" in word[: place + 1] else "b" for place in range(len(word))]


def listed(language_words: Sequence[Word], asked: Any, outputs: Any = is_there_an_a) -> dict[str, Any]:
    sha256, words, positions = listing(language_words, asked, outputs)
    return {"sha256": sha256, "words": words, "positions": positions}


ALL = words_over("ab", 3)
GOOD = certificate(SMALL, ANY, 3, FIRST, listed(ALL, FIRST), FUSED, 4, margins=MARGINS)
BA = {"word": ["b", "a"], "position": 1, "output": "a"}
REFUTED = certificate(SMALL, ANY, 3, FIRST, {"output": "b"}, FUSED, 4, "refuted", refutation=BA)
INCONCLUSIVE = certificate(SMALL, ANY, 3, FIRST, listed(ALL, FIRST), FUSED, 4, "inconclusive")


def checked(folder: Path, said: Any, document: Any = SMALL) -> Valid:
    return check_words(written(folder, document, said))


def changed(said: Any, place: str, value: Any = ...) -> Any:
    """A certificate in which the entry at a dotted place is changed or missing."""
    found = copy.deepcopy(said)
    *path, last = place.split(".")
    here: Any = found
    for step in path:
        here = here[int(step) if step.isdigit() else step]
    if value is ...:
        del here[last]
    else:
        here[int(last) if last.isdigit() else last] = value
    return found


def reclaimed(said: Any, place: str, value: Any) -> Any:
    """The same, with the claim that belongs to it."""
    return claimed(changed(said, place, value))


# ------------------------------------------------------------------------------------------------------ what is valid


def test_the_expected_counts_and_lines() -> None:
    """2 words of 1 token, 4 of 2, 8 of 3; the listing begins with the shortest ones."""
    assert listed(ALL, FIRST) | {"sha256": ""} == {"sha256": "", "words": 14, "positions": 2 + 8 + 24}
    lines = b'[["a"],["a"]]\n[["b"],["b"]]\n[["a","a"],["a","a"]]\n[["a","b"],["a","a"]]\n[["b","a"],["b","a"]]\n'
    assert listed(ALL[:5], FIRST)["sha256"] == hashlib.sha256(lines).hexdigest()


def test_a_valid_one(tmp_path: Path) -> None:
    valid = checked(tmp_path, GOOD)
    assert valid.verdict == "proved"
    assert valid.claim == GOOD["statement"]["claim"]
    assert "at least 119/64" in valid.proved[0]


ASKED: dict[str, tuple[Any, list[Any]]] = {
    "the last position": ("last", MARGINS),
    "from the second on": ({"from": 1}, MARGINS[1:]),
    "from the third on": ({"from": 2}, MARGINS[2:]),
}


@pytest.mark.parametrize("title", ASKED)
def test_other_positions(title: str, tmp_path: Path) -> None:
    asked, margins = ASKED[title]
    said = certificate(SMALL, ANY, 3, asked, listed(ALL, asked), FUSED, 4, margins=margins)
    assert checked(tmp_path, said).verdict == "proved"
    with pytest.raises(Rejected, match="margins"):
        checked(tmp_path, said | {"margins": [*margins, [4, "1"]]})


def test_only_words_of_the_language_count(tmp_path: Path) -> None:
    """a b* up to 3 tokens: x2 is 1, 247/256, 119/128 at the end, and no word of 2 tokens in b b a."""
    for language, words, margins in (
        ("a b*", words_over("ab", 3, lambda word: word[0] == "a" and "a" not in word[1:]), MARGINS),
        ("b b a", words_over("ab", 3, lambda word: "".join(word) == "bba"), MARGINS[2:]),
        ("(b | a{3}) b{0,0}", words_over("ab", 3, lambda word: "".join(word) in ("b", "aaa")), [[1, "2"], [3, "2"]]),
    ):
        said = certificate(SMALL, language, 3, "last", listed(words, "last"), FUSED, 4, margins=margins)
        assert checked(tmp_path, said).verdict == "proved"


@pytest.mark.parametrize("far", [1, 2, 4, 4096])
def test_what_is_far_is_as_the_certificate_says(far: int, tmp_path: Path) -> None:
    """Here classes are of equal tokens, so that no far changes anything."""
    assert checked(tmp_path, reclaimed(GOOD, "far", far)).verdict == "proved"


def test_real_numbers(tmp_path: Path) -> None:
    """2 (1 - e^-4)/(1 + e^-4), to 2^-48; what a head makes is moved by 2^-64 at most."""
    margins = [2 * (1 - n * math.exp(-4)) / (1 + n * math.exp(-4)) for n in (0, 1, 2)]
    expected = listed(ALL, FIRST)
    for step, valid in ((-1, True), (1, False)):
        near = [[n, str(Fraction(margin) + Fraction(step, 2**48))] for n, margin in enumerate(margins, start=1)]
        said = certificate(SMALL, ANY, 3, FIRST, expected, "exact", 4, margins=near)
        if valid:
            assert checked(tmp_path, said).verdict == "proved"
        else:
            with pytest.raises(Rejected, match=r"margins\[0\]\[1\]: is .*; this checker shows 2"):
                checked(tmp_path, said)


def test_the_nearest_number(tmp_path: Path) -> None:
    """x2 is nearest to 1, -1 for no a: from 1/2 it is 55/128 and more away; the next of -1, 1 is as near at 0."""
    for numbers, margins in (
        ([-1, 0, 1], [[1, "1/2"], [2, "119/256"], [3, "55/128"]]),
        ([-1, 1], [[1, "1"], [2, "247/256"], [3, "119/128"]]),
        ([-1, "1/3", "3/4", 2, 99], [[1, "3/8"], [2, "3/8"], [3, "3/8"]]),
    ):
        best = "3/4" if 2 in numbers else "1"  # from 13/24 to 11/8: 1 is 3/8 below, 119/128 is 149/384 above
        said = certificate(
            nearest := SMALL | {"outputs": {"nearest": [[vector(x2=1), 0], numbers]}},
            ANY,
            3,
            "last",
            listed(ALL, "last", lambda word, best=best: [best if "a" in word else "-1"]),
            FUSED,
            4,
            margins=margins,
        )
        assert checked(tmp_path, said, nearest).verdict == "proved", numbers
        for place in range(3):
            more = str(Fraction(said["margins"][place][1]) + Fraction(1, 2**40))
            with pytest.raises(Rejected, match=rf"margins\[{place}\]\[1\]"):
                checked(tmp_path, changed(said, f"margins.{place}.1", more), nearest)


def test_named_outputs(tmp_path: Path) -> None:
    """Names as they are, in the order of words, whatever they have in them."""
    outputs = {"largest": [['"ja"', [vector(x2=1), 0]], ["n\xf6", [vector(x2=-1), 0]]]}
    named = SMALL | {"outputs": outputs}
    expected = listed(ALL, "last", lambda word: ['"ja"' if "a" in word else "n\xf6"])
    said = certificate(named, ANY, 3, "last", expected, FUSED, 4, margins=MARGINS)
    assert checked(tmp_path, said, named).verdict == "proved"
    with pytest.raises(Rejected, match=r"statement\.expected\.sha256"):
        checked(tmp_path, claimed(said | {"statement": said["statement"] | {"expected": listed(ALL, "last")}}), named)


def test_refuted(tmp_path: Path) -> None:
    valid = checked(tmp_path, REFUTED)
    assert (valid.verdict, valid.claim) == ("refuted", REFUTED["statement"]["claim"])
    assert 'On the word ["b","a"] of the language' in valid.claim
    last = certificate(SMALL, ANY, 3, "last", {"output": "b"}, FUSED, 4, "refuted", refutation=BA)
    assert checked(tmp_path, last).verdict == "refuted"
    first = BA | {"position": 0, "output": "b"}
    said = certificate(SMALL, ANY, 3, FIRST, {"output": "a"}, FUSED, 4, "refuted", refutation=first)
    assert checked(tmp_path, said).verdict == "refuted"


def test_equal_logits_refute(tmp_path: Path) -> None:
    """Strictly: of two outputs that are equal, or of a number half way, neither is the one."""
    none = SMALL | {"layers": [], "outputs": {"largest": [["yes", [[], 1]], ["no", [[], 1]], ["less", [[], 0]]]}}
    for expected, output in (("yes", "no"), ("no", "yes"), ("less", "yes")):
        place = {"word": ["b"], "position": 0, "output": output}
        said = certificate(none, ANY, 3, FIRST, {"output": expected}, FUSED, 1, "refuted", refutation=place)
        assert checked(tmp_path, said, none).verdict == "refuted"
    place = {"word": ["b"], "position": 0, "output": "less"}
    said = certificate(none, ANY, 3, FIRST, {"output": "yes"}, FUSED, 1, "refuted", refutation=place)
    with pytest.raises(Rejected, match='refutation: is not shown: "yes" may be above "less"'):
        checked(tmp_path, said, none)
    half = none | {"outputs": {"nearest": [[[], 1], [-1, 0, 2]]}}
    for expected, output, right in (("0", "2", True), ("2", "0", True), ("-1", "2", True), ("2", "-1", False)):
        place = {"word": ["b"], "position": 0, "output": output}
        said = certificate(half, ANY, 3, FIRST, {"output": expected}, FUSED, 1, "refuted", refutation=place)
        if right:
            assert checked(tmp_path, said, half).verdict == "refuted"
        else:
            with pytest.raises(Rejected, match="is not shown"):
                checked(tmp_path, said, half)
    said = certificate(half, "b", 1, FIRST, {"sha256": 64 * "0", "words": 1, "positions": 1}, FUSED, 1, margins=[])
    with pytest.raises(Rejected, match=r'verdict: is proved; on the word \["b"\] some output is not shown'):
        checked(tmp_path, said, half)


def test_inconclusive(tmp_path: Path) -> None:
    valid = checked(tmp_path, INCONCLUSIVE)
    assert (valid.verdict, valid.proved) == ("inconclusive", ())
    assert "gives strictly the outputs that are listed (SHA-256" in valid.claim


# ------------------------------------------------------------------------------------------------- what is not valid


SHA = "statement.expected.sha256"
BAD: dict[str, tuple[Any, str]] = {
    "another version": (changed(GOOD, "version", 1), "version: is 1"),
    "an unknown field": (changed(GOOD, "extra", 1), "unknown field"),
    "no provenance": (changed(GOOD, "provenance"), 'no field "provenance"'),
    "no far": (changed(GOOD, "far"), 'no field "far"'),
    "far 0": (changed(GOOD, "far", 0), "far: is 0, not from 1 to 4096"),
    "far beyond 2^12": (changed(GOOD, "far", 4097), "far: is 4097, not from 1 to 4096"),
    "far as text": (changed(GOOD, "far", "40"), "far: is .* where an integer must be"),
    "far true": (changed(GOOD, "far", True), "far: is .* where an integer must be"),
    "an unknown field of the statement": (changed(GOOD, "statement.context", "3"), "unknown field"),
    "no beta": (changed(GOOD, "statement.beta"), "no field"),
    "beta not a power of two": (reclaimed(GOOD, "statement.beta", "3"), "not a power of two"),
    "beta 0": (reclaimed(GOOD, "statement.beta", "0"), "positive integer"),
    "beta a number": (changed(GOOD, "statement.beta", 4), "a string must be"),
    "another beta than claimed": (changed(GOOD, "statement.beta", "8"), r"statement\.claim"),
    "another claim": (changed(GOOD, "statement.claim", "All is well."), r"statement\.claim"),
    "the claim of another verdict": (
        changed(GOOD, "statement.claim", INCONCLUSIVE["statement"]["claim"]),
        r"statement\.claim",
    ),
    "an arithmetic not canonical": (reclaimed(GOOD, "statement.arithmetic", "fused:bf16"), "canonical text"),
    "steps in another order": (reclaimed(GOOD, "statement.arithmetic", f"{FUSED}+wide+once"), "not in the order"),
    "certified": (changed(GOOD, "verdict", "certified"), "not a verdict"),
    "a refutation of what is proved": (changed(GOOD, "refutation", BA), "refutation: is"),
    "wrong SHA-256": (reclaimed(GOOD, SHA, 64 * "0"), r"statement\.expected\.sha256"),
    "a listing with another output": (
        reclaimed(GOOD, SHA, listed(ALL, FIRST, lambda word: ["a", *is_there_an_a(word)[1:]])["sha256"]),
        r"statement\.expected\.sha256",
    ),
    "a listing in another order": (reclaimed(GOOD, SHA, listed(ALL[::-1], FIRST)["sha256"]), r"expected\.sha256"),
    "a listing of another language": (reclaimed(GOOD, SHA, listed(ALL[:13], FIRST)["sha256"]), r"expected\.sha256"),
    "a word too few": (reclaimed(GOOD, "statement.expected.words", 13), r"expected\.words: is 13 where it must be 14"),
    "a word too many": (reclaimed(GOOD, "statement.expected.words", 15), r"expected\.words"),
    "a position too few": (reclaimed(GOOD, "statement.expected.positions", 33), r"positions: is 33 where .* 34"),
    "words as text": (changed(GOOD, "statement.expected.words", "14"), "an integer must be"),
    "an output where a listing must be": (changed(GOOD, "statement.expected", {"output": "a"}), "no field"),
    "no margins": (changed(GOOD, "margins", []), "margins: has 0 entries; 3 lengths are asked about"),
    "a margin too few": (changed(GOOD, "margins", MARGINS[:2]), "margins: has 2 entries"),
    "a margin too many": (changed(GOOD, "margins", [*MARGINS, [4, "1"]]), "margins: has 4 entries"),
    "a margin too large": (changed(GOOD, "margins.2.1", "120/64"), "lowest terms"),
    "one that is slightly too large": (
        changed(GOOD, "margins.2.1", str(Fraction(119, 64) + Fraction(1, 2**99))),
        r"margins\[2\]\[1\]: is .*; this checker shows 119/64",
    ),
    "the margin of a shorter length": (changed(GOOD, "margins.1.1", "2"), r"margins\[1\]\[1\]: is 2; .* shows 247/128"),
    "a margin 0": (changed(GOOD, "margins.0.1", "0"), r"margins\[0\]\[1\]: is 0"),
    "a margin below 0": (changed(GOOD, "margins.0.1", "-1"), r"margins\[0\]\[1\]: is -1"),
    "a margin null": (changed(GOOD, "margins.0.1", None), "a string must be"),
    "a margin without a length": (changed(GOOD, "margins.0", ["2"]), "a pair"),
    "margins in another order": (
        changed(GOOD, "margins", MARGINS[::-1]),
        r"margins\[0\]\[0\]: is 3 where it must be 1",
    ),
    "a wrong SHA-256 of the network": (changed(GOOD, "network.weights.sha256", 64 * "0"), r"network\.weights\.sha256"),
    "a file elsewhere": (changed(GOOD, "network.weights.file", "../network.json"), "same folder"),
    "a token not in the vocabulary": (reclaimed(GOOD, "statement.words", "[a c]"), '"c", which is not in the voc'),
    "a token never read": (reclaimed(GOOD, "statement.words", "[a b]{1,3} c{0}"), '"c", which is not in the voc'),
    "no expression": (reclaimed(GOOD, "statement.words", "(a"), r"statement\.words: has no"),
    "another language": (
        reclaimed(GOOD, "statement.words", "[a b]{1,2}"),
        r"expected\.words: is 14 where it must be 6",
    ),
    "the language of no words": (
        reclaimed(GOOD, "statement.words", "[]"),
        r"expected\.words: is 14 where it must be 0",
    ),
    "no words listed": (
        reclaimed(reclaimed(GOOD, "statement.words", "[]"), "statement.expected.words", 0),
        "words: is 0, not from 1",
    ),
    "length 0": (reclaimed(GOOD, "statement.length", 0), r"statement\.length: is 0, not from 1 to 1024"),
    "length 1025": (reclaimed(GOOD, "statement.length", 1025), r"statement\.length: is 1025"),
    "a shorter length": (reclaimed(GOOD, "statement.length", 2), r"expected\.words: is 14 where it must be 6"),
    "a longer length, and language": (
        reclaimed(reclaimed(GOOD, "statement.words", "[a b]*"), "statement.length", 4),
        r"expected\.words: is 14 where it must be 30",
    ),
    "asked from beyond the length": (reclaimed(GOOD, "statement.asked", {"from": 3}), "is 14 where it must be 0"),
    "asked from -1": (reclaimed(GOOD, "statement.asked", {"from": -1}), r"asked\.from: is -1"),
    "asked first": (changed(GOOD, "statement.asked", "first"), "an object must be"),
    "asked from true": (changed(GOOD, "statement.asked", {"from": True}), "an integer must be"),
    "asked from and to": (changed(GOOD, "statement.asked", {"from": 0, "to": 1}), "unknown field"),
    "asked elsewhere": (reclaimed(GOOD, "statement.asked", "last"), r"positions: is 34 where it must be 14"),
    "refuted without a refutation": (changed(GOOD, "verdict", "refuted"), "margins"),
    "inconclusive with margins": (claimed(changed(GOOD, "verdict", "inconclusive")), "margins: has 3 entries"),
    "inconclusive with a refutation": (changed(INCONCLUSIVE, "refutation", BA), "refutation: is"),
    "inconclusive, a word too many": (reclaimed(INCONCLUSIVE, "statement.expected.words", 15), r"expected\.words"),
    "inconclusive, a position too many": (
        reclaimed(INCONCLUSIVE, "statement.expected.positions", 35),
        r"expected\.positions: is 35 where it must be 34",
    ),
    "inconclusive, no SHA-256": (reclaimed(INCONCLUSIVE, SHA, "abc"), r"expected\.sha256"),
    "refuted with margins": (changed(REFUTED, "margins", MARGINS), "margins: has 3 entries"),
    "refuted with null": (changed(REFUTED, "refutation", None), "an object must be"),
    "refuted, an unknown field": (changed(REFUTED, "refutation.why", 1), "unknown field"),
    "refuted, a listing": (changed(REFUTED, "statement.expected", listed(ALL, FIRST)), "no field"),
    "refuted, no word": (reclaimed(REFUTED, "refutation.word", []), r"refutation\.word: has no token"),
    "refuted, a token that is none": (reclaimed(REFUTED, "refutation.word", ["b", "c"]), r"refutation\.word"),
    "refuted, a long word": (reclaimed(REFUTED, "refutation.word", ["b"] * 3 + ["a"]), "more than 3"),
    "refuted, a word not of the language": (
        reclaimed(REFUTED, "statement.words", "a [a b]*"),
        r"refutation\.word: is not a word of the language",
    ),
    "refuted, only a beginning": (reclaimed(REFUTED, "statement.words", "b a a"), "is not a word of the language"),
    "refuted beyond the word": (
        reclaimed(REFUTED, "refutation.position", 2),
        r"refutation\.position: is 2, not from 0",
    ),
    "refuted before the word": (reclaimed(REFUTED, "refutation.position", -1), r"refutation\.position: is -1"),
    "refuted where nothing is asked": (
        reclaimed(REFUTED, "statement.asked", {"from": 2}),
        r"refutation\.position: is 1, which is not asked about",
    ),
    "refuted not at the last position": (
        reclaimed(reclaimed(REFUTED, "statement.asked", "last"), "refutation.position", 0),
        r"refutation\.position: is 0, which is not asked about",
    ),
    "refuted, the expected output": (reclaimed(REFUTED, "refutation.output", "b"), r"refutation\.output: is the one"),
    "refuted, an output that is none": (reclaimed(REFUTED, "refutation.output", "c"), r"refutation\.output: is \"c\""),
    "refuted, expected is none": (reclaimed(REFUTED, "statement.expected.output", "c"), r"expected\.output: is \"c\""),
    "refuted, the output is right": (
        reclaimed(reclaimed(REFUTED, "statement.expected.output", "a"), "refutation.output", "b"),
        'refutation: is not shown: "a" may be above "b"',
    ),
    "refuted, another claim": (changed(REFUTED, "statement.claim", GOOD["statement"]["claim"]), r"statement\.claim"),
}


@pytest.mark.parametrize("title", BAD)
def test_certificates_that_are_not_valid(title: str, tmp_path: Path) -> None:
    said, reason = BAD[title]
    with pytest.raises(Rejected, match=reason):
        checked(tmp_path, said)


# ---------------------------------------------------------------------------------------------- what is not shown


E4M3 = "rounded:bf16/e4m3fn"
"""Where 448 is the largest number, and 464 rounds to it."""
TWICE = layer(out=[[2, [[], 256]]])
"""Adds 256 to x2."""
ONLY_B = layer(neurons=[[vector(x1=1), 0]], out=[[2, [vector(x0=512), 0]]])
"""Adds 512 to x2 of a b."""
YES = {"largest": [["yes", [vector(x0=1, x1=1), 0]], ["no", [[], 0]]]}
OVERFLOWS: dict[str, tuple[Any, str, bool]] = {
    "no overflow": ([TWICE], "[a b]{1,3}", True),
    "of what nothing reads": ([TWICE, TWICE], "[a b]{1,3}", False),
    "of what nothing reads, layers later": ([TWICE, layer(), layer(), TWICE], "[a b]{1,3}", False),
    "of a token about which nothing is asked": ([ONLY_B], "b a", False),
    "of a token, in the first layer": ([ONLY_B, layer()], "b a", False),
    "of a token that no word has": ([ONLY_B], "a a", True),
    "of a token that is not seen": ([ONLY_B, layer(LOOK)], "a b a", False),
    "of a query that nothing reads": (
        [layer(LOOK | {"query": [[vector(x1=512), 0]], "out": []})],
        "b a",
        False,
    ),
    "of a token that is not seen by those before": ([layer(LOOK | {"value": [[vector(x1=512), 0]]})], "a b", False),
}


@pytest.mark.parametrize("attention", ["causal", "full"])
@pytest.mark.parametrize("title", OVERFLOWS)
def test_an_overflow_leaves_nothing_shown_of_a_word(title: str, attention: str, tmp_path: Path) -> None:
    """Also where what overflows does not matter to the output: a product of infinity and 0 is not a number."""
    layers, language, shown = OVERFLOWS[title]
    document = SMALL | {"layers": layers, "outputs": YES, "attention": attention}
    if "not seen" in title:
        document["unseen"] = ["b"]
    words = words_over("ab", 3, lambda word: language == "[a b]{1,3}" or "".join(word) == language.replace(" ", ""))
    lengths = sorted({len(word) for word in words})
    expected = listed(words, "last", lambda _: ["yes"])
    margins = [[length, "1"] for length in lengths]
    said = certificate(document, language, 3, "last", expected, E4M3, 1, margins=margins)
    if shown:
        assert checked(tmp_path, said, document).verdict == "proved"
    else:
        with pytest.raises(Rejected, match=r"verdict: is proved; on the word .* some output is not shown"):
            checked(tmp_path, said, document)


@pytest.mark.parametrize("attention", ["causal", "full"])
def test_a_score_that_may_overflow(attention: str, tmp_path: Path) -> None:
    """beta times the score of an a is 512, beyond e4m3fn's 448; of a b it is 0."""
    document = SMALL | {"layers": [layer(LOOK)], "outputs": YES, "attention": attention}
    for word, shown in (("b b", True), ("b a", False), ("a b", False)):
        expected = listed([word.split()], "last", lambda _: ["yes"])
        said = certificate(document, word, 2, "last", expected, f"{E4M3}@e4m3fn", 512, margins=[[2, "1"]])
        if shown:
            assert checked(tmp_path, said, document).verdict == "proved"
        else:
            with pytest.raises(Rejected, match="some output is not shown"):
                checked(tmp_path, said, document)


LATER: dict[str, Any] = {
    "neurons": layer(neurons=[[vector(x1=1), 0]], out=[[2, [vector(x0=-2), 0]]]),
    "values": layer(LOOK | {"query": [], "key": [], "value": [[vector(x1=-2), 0]]}),
}
"""Layers that read which token it is, x1, and add to x2."""
BEGIN = layer(neurons=[[vector(x0=1), 0]], out=[[2, [vector(x0=1), 0]]])
"""x2 is 1 for an a and 0 for a b."""


@pytest.mark.parametrize("title", LATER)
def test_what_a_later_layer_reads(title: str, tmp_path: Path) -> None:
    """Of one token alone: for a b -2 is added to x2."""
    document = SMALL | {"layers": [BEGIN, LATER[title]], "outputs": {"nearest": [[vector(x2=1), 0], [-2, 0, 1]]}}
    expected = listed(words_over("ab", 1), "last", lambda word: ["1" if word[0] == "a" else "-2"])
    said = certificate(document, "[a b]", 1, "last", expected, FUSED, 1, margins=[[1, "1/2"]])
    assert checked(tmp_path, said, document).verdict == "proved"


def test_a_later_layer_that_looks_for_the_token(tmp_path: Path) -> None:
    """A b asks for an a, whose key is 1, and that of a b 0; its value is 1."""
    look = LOOK | {"query": [[vector(x1=64), 0]], "value": [[vector(x2=1), 0]]}
    document = SMALL | {"layers": [BEGIN, layer(look)], "outputs": {"nearest": [[vector(x2=1), 0], [0, 1, 2]]}}
    expected = listed([("a", "b")], "last", lambda _: ["1"])
    said = certificate(document, "a b", 2, "last", expected, FUSED, 1, margins=[[2, "1/2"]])
    assert checked(tmp_path, said, document).verdict == "proved"


def test_scores_too_far_apart_for_the_accumulator(tmp_path: Path) -> None:
    """x = 65536 is not a number of fp16: then nothing is shown, and that is said."""
    document = SMALL | {"layers": [layer(LOOK | {"query": [[[], 2]]})]}
    for beta, shown in ((2**14, True), (2**15, False)):
        said = certificate(
            document,
            "a b",
            2,
            "last",
            listed([("a", "b")], "last"),
            "fused:fp16/fp16/fp16",
            beta,
            margins=[[2, "2"]],
        )
        if shown:
            assert checked(tmp_path, said, document).verdict == "proved"
        else:
            with pytest.raises(Rejected, match=r'on the word \["a", "b"\] some output is not shown'):
                checked(tmp_path, said, document)


# ------------------------------------------------------------------------------------------------------------ limits


def test_words_begin_with_a_token_that_is_seen(tmp_path: Path) -> None:
    """After an a that is seen and two b that are not, x2 is 1."""
    document = SMALL | {"unseen": ["b"]}
    words = words_over("ab", 3, lambda word: word[0] == "a")
    margins = [[n, "2"] for n in (1, 2, 3)]
    said = certificate(document, "a [a b]*", 3, "last", listed(words, "last"), FUSED, 4, margins=margins)
    assert checked(tmp_path, said, document).verdict == "proved"
    said = certificate(document, ANY, 3, FIRST, listed(ALL, FIRST), FUSED, 4, margins=MARGINS)
    with pytest.raises(Rejected, match=r"statement\.words: has words that begin with a token that no head sees"):
        checked(tmp_path, said, document)
    with pytest.raises(Rejected, match="begin with a token that no head sees"):
        checked(tmp_path, certificate(document, ANY, 3, FIRST, {"output": "b"}, FUSED, 4, "refuted", (), BA), document)
    language = "a [a b]* | b{4}"  # whose words are too long
    said = certificate(document, language, 3, "last", listed(words, "last"), FUSED, 4, margins=margins)
    assert checked(tmp_path, said, document).verdict == "proved"


def test_words_have_as_many_tokens_as_there_are_positions(tmp_path: Path) -> None:
    for positions, shown in ((3, True), (2, False)):
        document = SMALL | {"positions": {"table": [[]] * positions}}
        said = certificate(document, ANY, 3, FIRST, listed(ALL, FIRST), FUSED, 4, margins=MARGINS)
        if shown:
            assert checked(tmp_path, said, document).verdict == "proved"
        else:
            with pytest.raises(Rejected, match=r"statement\.length: is 3; the network has 2 positions"):
                checked(tmp_path, said, document)


HEAVY: dict[str, tuple[Any, str]] = {
    "2^23 words": ((" [a b]{1,22}", 22), "beginnings of words"),
    "long words": (("(a* b a* b a*)", 400), "beginnings of words"),
    "many states of an automaton": (("[a b]* a [a b]{12}", 20), "automaton of more states"),
    "many parts of an expression": (("(a{1000}){1000}", 20), "more than the 16384 parts"),
}


@pytest.mark.parametrize("title", HEAVY)
def test_what_is_not_judged(title: str, tmp_path: Path) -> None:
    (language, length), reason = HEAVY[title]
    expected = {"sha256": 64 * "0", "words": 1, "positions": 1}
    for verdict in ("proved", "inconclusive"):
        with pytest.raises(TooLarge, match=reason):
            checked(tmp_path, certificate(SMALL, language, length, FIRST, expected, FUSED, 4, verdict))


ARITHMETICS = {
    "+head": f"{FUSED}+head4",
    "+online": f"{FUSED}+online8",
    "+once with two formats": "rounded:bf16/bf16+once",
    "+once with +faithful": f"{FUSED}+once+faithful",
    "exact with S": "exact@bf16",
    "numbers of A that are none of L": "fused:bf16/fp32/fp16+linearbf16",
    "numbers of A that are none of ACC": "fused:bf16/bf16/fp16",
}


@pytest.mark.parametrize("title", ARITHMETICS)
def test_arithmetics_that_are_not_judged(title: str, tmp_path: Path) -> None:
    said = certificate(SMALL, ANY, 3, FIRST, listed(ALL, FIRST), ARITHMETICS[title], 4, margins=MARGINS)
    with pytest.raises(TooLarge, match="not judged"):
        checked(tmp_path, said)


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for said, code, text in (
        (GOOD, 0, "valid: proved"),
        (REFUTED, 1, "valid: refuted"),
        (INCONCLUSIVE, 3, "valid: inconclusive"),
        (changed(GOOD, "far", 0), 1, "not valid: far"),
    ):
        assert main([str(written(tmp_path, SMALL, said))]) == code
        output = capsys.readouterr()
        assert text in output.out + output.err
    other = tmp_path / "other.json"
    other.write_bytes(canonical(GOOD | {"format": "exactformer certificate about sequences"}))
    with pytest.raises(BadInput, match="about sequences"):
        check_words(other)
