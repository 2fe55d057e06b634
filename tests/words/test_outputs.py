"""What is shown of words, against a plain evaluator in float64 on every word; and the lengths of a search."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest

import exactformer as ef
from exactformer.constructions.transformer.exact_parts import NearestOutputs
from tests.imported.evaluator import final, logits
from tests.imported.test_tracr import stored

NAMES = ("length", "hist", "reverse", "frac_prevs", "dyck")


def language_of(net: ef.Transformer) -> tuple[list[str], str]:
    """The letters, and all words of them after BOS."""
    letters = [token.name for token in net.vocabulary if token.name not in ("BOS", "compiler_pad")]
    return letters, "BOS [" + " ".join(f'"{letter}"' for letter in letters) + "]*"


def evaluated(net: ef.Transformer, word: tuple[str, ...]) -> list[str]:
    """At each position after BOS, by float64."""
    found = logits(net, final(net, list(word)))[1:]
    if isinstance(net.outputs, NearestOutputs):
        apart = [[abs(float(one) - made) for one in net.outputs.numbers] for made in found.ravel().tolist()]
        return [net.output_names[row.index(min(row))] for row in apart]
    return [net.output_names[place] for place in found.argmax(axis=1).tolist()]


@pytest.mark.parametrize("name", NAMES)
def test_proved_is_what_an_evaluator_says(name: str) -> None:
    _, net = stored(name)
    letters, language = language_of(net)
    asked = ef.Words(language, 4, lambda word: evaluated(net, word), 1)
    certificate = ef.certify(net, asked, "fp32")
    assert certificate.verdict is ef.Verdict.PROVED
    assert [one.words for one in certificate.lengths] == [len(letters) ** n for n in (1, 2, 3)]
    assert certificate.right_up_to == 4
    # One output that is another is found, in the first word in order.
    first = ("BOS", *(letters[0] for _ in range(2)))

    def changed(word: tuple[str, ...]) -> list[str]:
        said = evaluated(net, word)
        return [*said[:-1], next(one for one in net.output_names if one != said[-1])] if word == first else said

    wrong = ef.Words(language, 4, changed, 1)
    refuted = ef.certify(net, wrong, "fp32")
    assert refuted.wrong is not None
    assert (refuted.wrong.word, refuted.wrong.position) == (first, 2)
    assert refuted.wrong.output == evaluated(net, first)[-1]
    assert refuted.right_up_to == 2


def test_all_words_at_once_say_what_each_says() -> None:
    """With hardmax as the specification: the same margins, or smaller ones, as more states are looked at."""
    _, net = stored("hist")
    _, language = language_of(net)
    alone = ef.certify(net, ef.Words(language, 5, lambda word: evaluated(net, word), 1), "bf16")
    together = ef.certify(net, ef.Words(language, 5, "hardmax", 1), "bf16")
    assert alone.verdict is together.verdict is ef.Verdict.PROVED
    for one, other in zip(alone.lengths, together.lengths, strict=True):
        assert (one.length, one.words, one.positions) == (other.length, other.words, other.positions)
        assert one.margin is not None
        assert other.margin is not None
        assert Fraction(0) < other.margin <= one.margin


def test_every_word_of_a_language_is_listed() -> None:
    """In the order of the vocabulary, length by length, and nothing else is asked of the specification."""
    seen: list[tuple[str, ...]] = []
    net = ef.Transformer.build("ba", [[1, 0], [0, 1]], [[1, 0], [0, 1]], [])
    words = ef.Words("[a b]* a", 3, lambda word: seen.append(word) or word)  # type: ignore[func-returns-value]
    assert ef.certify(net, words, "fp32").verdict is ef.Verdict.PROVED
    expected = [(*letters, "a") for n in range(3) for letters in product("ba", repeat=n)]
    assert list(dict.fromkeys(seen)) == expected
