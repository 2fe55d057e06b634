"""Words of networks with norms, gates and rotary positions whose numbers are derived by hand (see the tests of
sequences of the same name)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from exactformer.certificates.checker.document import Rejected, TooLarge
from exactformer.certificates.checker.sequences.check import check_sequences
from tests.checker.sequences.documents import layer, network, number, vector, written
from tests.checker.sequences.test_norms_gates_rotary import BEFORE, FUSED, GATES, TURNS, about, norm, of_mlp
from tests.checker.words.documents import Word, certificate, words_over
from tests.checker.words.test_by_hand import checked, listed
from tests.checker.words.test_sets import as_hardmax

ALL: dict[str, int] = {"from": 0}


def the_one_before(word: Word) -> list[str]:
    return [word[max(place - 1, 0)] for place in range(len(word))]


@pytest.mark.parametrize(("attention", "first"), [("causal", 0), ("causal", 1), ("full", 1)])
def test_equal_tokens_at_different_positions_are_different(attention: str, first: int, tmp_path: Path) -> None:
    """Of x they have nothing that tells positions apart. Those that see all do not look at the next one, as the sine of
    -1 quarter is -1."""
    document, asked = BEFORE | {"attention": attention}, {"from": first}
    words, margins = words_over("ab", 3), [[n, "15/8"] for n in range(first + 1, 4)]
    expected = listed(words, asked, the_one_before)
    said = certificate(document, "[a b]{1,3}", 3, asked, expected, FUSED, 8, margins=margins)
    assert checked(tmp_path, said, document).verdict == "proved"
    of_all = as_hardmax(document, "[a b]{1,3}", 3, FUSED, 8, margins)
    of_all["statement"]["asked"] = asked
    assert checked(tmp_path, of_all, document).verdict == "proved"
    wrong = listed(words, asked, lambda word: [word[0], *word[:0:-1]])
    with pytest.raises(Rejected, match=r"expected\.sha256"):
        checked(tmp_path, certificate(document, "[a b]{1,3}", 3, asked, wrong, FUSED, 8, margins=margins), document)


def test_a_third_layer_that_rotates(tmp_path: Path) -> None:
    """Positions are kept up to there."""
    document = BEFORE | {"layers": [layer(), layer(), *BEFORE["layers"]]}
    expected, margins = listed(words_over("ab", 3), ALL, the_one_before), [[n, "15/8"] for n in (1, 2, 3)]
    said = certificate(document, "[a b]{1,3}", 3, ALL, expected, FUSED, 8, margins=margins)
    assert checked(tmp_path, said, document).verdict == "proved"
    of_all = as_hardmax(document, "[a b]{1,3}", 3, FUSED, 8, margins)
    assert checked(tmp_path, of_all, document).verdict == "proved"


ROOT = network(
    2,
    {"a": (vector(x0=1, x1=1), [[], 0]), "b": (vector(x0=1, x1=7), [[], 0]), "c": ([], [[], 0])},
    [],
) | {
    "norm": norm(vector(x0=1)),
    "outputs": {"largest": [["yes", [vector(x0=1), 0]], ["no", [[], "1/2"]]]},
}
"""By the norm x0 of an a is 1, and of a b 1/5: only by x1, which nothing else reads. There is none of a c."""
NO: dict[str, str] = {"a": "yes", "b": "no"}


@pytest.mark.parametrize("place", ["norm", "heads", "behind_heads", "mlp", "behind_mlp"])
def test_a_norm_reads_all_coordinates(place: str, tmp_path: Path) -> None:
    """Also one after a layer that does nothing; heads and neurons add what they read, less 1, to x0."""
    document = dict(ROOT)
    if place != "norm":
        del document["norm"]
        more: dict[str, Any] = {
            "heads": layer({"name": "", "query": [], "key": [], "value": [[vector(x0=1), -1]], "out": [X0_OF_0]}),
            "mlp": layer(neurons=[[vector(x0=-1), 1]], out=[[0, [[[0, -1]], 0]]]),
        }
        document["layers"] = [layer(), more.get(place, layer()) | {"norms": {place: norm(vector(x0=1))}}]
    for token, margin in (("a", "1/2"), ("b", "1/4")):
        expected = listed([(token,)], "last", lambda word: [NO[word[0]]])
        said = certificate(document, token, 1, "last", expected, FUSED, 1, margins=[[1, margin]])
        assert checked(tmp_path, said, document).verdict == "proved"
    expected = listed(words_over("ab", 1), "last", lambda word: [NO[word[0]]])
    said = certificate(document, "[a b]", 1, "last", expected, FUSED, 1, margins=[[1, "1/4"]])
    assert checked(tmp_path, said, document).verdict == "proved"


X0_OF_0 = [0, [[[0, 1]], 0]]


def test_refuted_through_a_norm(tmp_path: Path) -> None:
    place = {"word": ["a", "b"], "position": 1, "output": "no"}
    said = certificate(ROOT, "a b", 2, ALL, {"output": "yes"}, FUSED, 1, "refuted", refutation=place)
    assert checked(tmp_path, said, ROOT).verdict == "refuted"
    place |= {"position": 0}
    said = certificate(ROOT, "a b", 2, ALL, {"output": "yes"}, FUSED, 1, "refuted", refutation=place)
    with pytest.raises(Rejected, match='"yes" may be above "no"'):
        checked(tmp_path, said, ROOT)


def test_a_root_of_nothing(tmp_path: Path) -> None:
    """Of a c. Before the outputs it matters only where something is asked; in a layer always, also if it has no head
    that reads through the norm."""
    expected = listed([("c", "a")], "last", lambda _: ["yes"])
    said = certificate(ROOT, "c a", 2, "last", expected, FUSED, 1, margins=[[2, "1/2"]])
    assert checked(tmp_path, said, ROOT).verdict == "proved"
    expected = listed([("c", "a")], ALL, lambda _: ["yes", "yes"])
    said = certificate(ROOT, "c a", 2, ALL, expected, FUSED, 1, margins=[[2, "1/2"]])
    with pytest.raises(Rejected, match="some output is not shown"):
        checked(tmp_path, said, ROOT)
    expected = listed([("c", "a")], "last", lambda _: ["yes"])
    for place in ("heads", "behind_heads", "mlp", "behind_mlp"):
        document = ROOT | {"layers": [layer() | {"norms": {place: norm(vector(x0=1, x1=1))}}]}
        said = certificate(document, "c a", 2, "last", expected, FUSED, 1, margins=[[2, "1/4"]])
        with pytest.raises(Rejected, match="some output is not shown"):
            checked(tmp_path, said, document)
        sequence = {"tokens": ["c", "a"], "asked": [[1, "yes"]]}
        with pytest.raises(Rejected, match="an overflow is not excluded"):
            check_sequences(written(tmp_path, document, about(document, sequence, FUSED, "1/4")))


@pytest.mark.parametrize("title", GATES)
def test_gates_with_hardmax(title: str, tmp_path: Path) -> None:
    """Of the one word of one token, all at once: x0 - x1 is what it was, with hardmax and softmax."""
    document, made = GATES[title]
    said = as_hardmax(document, "a", 1, FUSED, 1, [[1, made.removeprefix("-")]])
    assert checked(tmp_path, said, document).verdict == "proved"
    numbers = [number(Fraction(made) + step) for step in (-1, 0, 1)]
    document = document | {"outputs": {"nearest": [[vector(x0=1, x1=-1), 0], numbers]}}
    said = as_hardmax(document, "a", 1, FUSED, 1, [[1, "1/2"]])
    assert checked(tmp_path, said, document).verdict == "proved"


def test_words_as_long_as_there_are_rotary_positions(tmp_path: Path) -> None:
    for turns, shown in ((3, True), (2, False)):
        document = BEFORE | {"rotary": TURNS[:turns], "positions": {"table": [[]] * 9}}
        expected = listed([("a", "b", "b")], "last", the_one_before)
        said = certificate(document, "a b b", 3, "last", expected, FUSED, 8, margins=[[3, "15/8"]])
        if shown:
            assert checked(tmp_path, said, document).verdict == "proved"
        else:
            with pytest.raises(Rejected, match=r"statement\.length: is 3; the network has 2 positions"):
                checked(tmp_path, said, document)


@pytest.mark.parametrize("document", [ROOT, of_mlp("silu", [[], 1]), of_mlp("gelu_tanh", [[], 1])])
@pytest.mark.parametrize("verdict", ["proved", "inconclusive"])
def test_what_hardmax_gives_where_there_is_none(document: Any, verdict: str, tmp_path: Path) -> None:
    said = as_hardmax(document, "a", 1, FUSED, 1, [[1, "1/4"]] if verdict == "proved" else []) | {"verdict": verdict}
    with pytest.raises(Rejected, match=r"statement\.expected: is hardmax, and there is no hardmax transformer"):
        checked(tmp_path, said, document)


def test_norms_with_sums_in_fixed_point_are_not_judged(tmp_path: Path) -> None:
    expected = listed([("a",)], "last", lambda _: ["yes"])
    arithmetic = "rounded:bf16/fixed2.4+linearfixed4"
    said = certificate(ROOT, "a", 1, "last", expected, arithmetic, 1, margins=[[1, "1/2"]])
    with pytest.raises(TooLarge, match="norms, which are not judged with sums in fixed point"):
        checked(tmp_path, said, ROOT)


def test_hardmax_numbers_that_grow_are_not_judged(tmp_path: Path) -> None:
    """Each layer squares x0, which is 3/4 at first, and has twice the bits."""
    squares = {
        "neurons": [[vector(x0=1), 0], [vector(x0=1), 0]],
        "gates": [[vector(x0=1), 0], [[], 1]],
        "activation": "identity",
        "out": [[0, [[[0, 1], [1, -1]], 0]]],
    }
    vocabulary = {"a": (vector(x0="3/4"), [[], 1]), "b": ([], [vector(x0=1), 0])}
    for layers, judged in ((11, True), (14, False)):
        document = network(1, vocabulary, [{"heads": [], "mlp": squares}] * layers)
        sequence = {"tokens": ["a"], "asked": [[0, "a"]]}
        said = as_hardmax(document, "a", 1, FUSED, 1, [[1, "1/2"]])
        if judged:
            assert checked(tmp_path, said, document).verdict == "proved"
        else:
            with pytest.raises(TooLarge, match="8192 bits"):
                checked(tmp_path, said, document)
            with pytest.raises(TooLarge, match="8192 bits"):
                check_sequences(written(tmp_path, document, about(document, sequence, FUSED, "1/2")))
