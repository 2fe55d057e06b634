"""What NETWORKS 3 computes of every word, in random orders of sums, is what the kernel of words shows."""

from __future__ import annotations

import collections
import re
from itertools import product
from random import Random

import numpy as np
import pytest

from exactformer.certificates.checker.sequences.network import Nearest
from exactformer.certificates.checker.words import heads, walk
from exactformer.certificates.checker.words.heads import _counts
from exactformer.certificates.checker.words.regular import automaton_of
from exactformer.certificates.checker.words.states import UNKNOWN, Ints, distinct
from exactformer.certificates.checker.words.walk import Said, Words
from tests.checker.conftest import UNLIMITED
from tests.checker.sequences.features import NORMS, SMOOTH, features_of
from tests.checker.words.drawn import STEPS, Case, drawn, drawn_with

SEEDS, AT_ONCE = 96, 12


@pytest.mark.parametrize("begin", range(0, SEEDS, AT_ONCE))
def test_no_order_of_sums_makes_what_is_not_shown(begin: int) -> None:
    """Outputs, by at least their margins; and everything that is read at the end is in its ends."""
    seen = collections.Counter[str]()
    for seed in range(begin, begin + AT_ONCE):
        case = drawn(seed)
        case.compare(Random(seed), 2)
        seen += case.seen
    assert seen["numbers"] > 300
    assert seen["outputs"] > 100
    assert seen["not shown"]
    assert seen["points"] < seen["numbers"]


def test_all_that_is_judged_is_among_them() -> None:
    cases = [drawn(seed) for seed in range(SEEDS)]
    texts = [case.text for case in cases]
    steps = {re.sub(r"\d", "", one) for text in texts for one in text.split("+")[1:]}
    assert steps >= {re.sub(r"\d", "", one) for step in STEPS for one in step}
    assert {text.partition(":")[0] for text in texts} == {"exact", "rounded", "fused"}
    assert {text.count("/") for text in texts if text.startswith("rounded")} == {1, 2}
    assert {case.document["attention"] for case in cases} == {"causal", "full"}
    assert any("unseen" in case.document for case in cases)
    assert any(isinstance(case.read.outputs, Nearest) for case in cases)
    scales = {head.scale for case in cases for layer in case.read.layers for head in layer.heads}
    assert any(scale.denominator % 2 and scale.denominator > 1 for scale in scales)
    assert {case.far for case in cases} == {1, 2, 3, 8, 40}


@pytest.mark.parametrize("begin", [0, 18])
def test_norms_gates_activations_and_rotary_positions(begin: int) -> None:
    seen, shown = collections.Counter[str](), set[str]()
    for seed in range(begin, begin + 18):
        case = drawn_with(seed, False)
        case.compare(Random(seed), 2)
        seen += case.seen
        if case.seen["outputs"]:
            shown |= features_of(case.document)
    assert seen["outputs"] > 400
    assert seen["refutations"] > 400
    assert seen["numbers"] > 1000
    assert seen["not shown"]
    assert seen["points"] < seen["numbers"]
    assert shown >= {"norm", "rotary", "identity", "gates of relu", *SMOOTH, *(f"norms.{name}" for name in NORMS)}


def test_shorter_words_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer ones alone are shown by the same margins, also where little is looked at together."""
    monkeypatch.setattr(heads, "AT_ONCE", 12)
    monkeypatch.setattr(walk, "AT_ONCE", 12)
    compared = 0
    for seed in range(20, 40):
        case = drawn(seed)
        places = {name: place for place, name in enumerate(case.read.vocabulary)}
        automaton = automaton_of("words", case.language, places)
        found = []
        for beyond in range(case.length):
            words = Words(case.read, automaton, case.arithmetic, case.far, UNLIMITED)
            found.append(
                {
                    said.tokens.shape[1]: (said.outputs.tolist(), [words.margin(row) for row in known(said)])
                    for said in words.lengths(case.length, beyond)
                }
            )
        for beyond, longer in enumerate(found):
            assert longer == {length: one for length, one in found[0].items() if length > beyond}
            compared += len(longer)
    assert compared > 80


def known(said: Said) -> list[Ints]:
    """The last states of tokens of which something is known."""
    return [row[row != UNKNOWN] for row in said.states if (row != UNKNOWN).any()]


def walked(case: Case, far: int) -> list[Said]:
    places = {name: place for place, name in enumerate(case.read.vocabulary)}
    automaton = automaton_of("words", case.language, places)
    return list(Words(case.read, automaton, case.arithmetic, far, UNLIMITED).lengths(case.length))


def test_it_makes_no_difference_how_much_is_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is far is one group, over all that is looked at together: here nothing is."""
    shown = 0
    for seed in range(20):
        case = drawn(seed)
        whole = walked(case, 2**40)
        for at_once in (1, 5):
            monkeypatch.setattr(heads, "AT_ONCE", at_once)
            monkeypatch.setattr(walk, "AT_ONCE", at_once)
            for one, other in zip(whole, walked(case, 2**40), strict=True):
                assert (one.tokens == other.tokens).all()
                assert (one.outputs == other.outputs).all()
                shown += int((one.outputs != UNKNOWN).sum())
        monkeypatch.undo()
    assert shown > 500


@pytest.mark.parametrize(("length", "classes"), [(1, 1), (1, 70), (3, 40), (7, 25), (1000, 9), (2**15, 5)])
def test_numbers_of_tokens_of_each_class_are_told_apart(length: int, classes: int) -> None:
    """Also where powers of the base are nearly 2^63: in one of two contexts, which classes sights have differs."""
    random = np.random.default_rng(length * classes)
    of_class = np.stack([np.arange(classes) - 1, np.zeros(classes, np.int64)])
    rows = [[random.choice([0, classes - 1])] * length for _ in range(4)]
    rows += [random.integers(0, classes, length).tolist() for _ in range(20)]
    rows += [sorted(rows[-1]), [*rows[-1][:-1], classes - 1]]
    if classes > 2:  # as many of the first class as the base is, less 1; and one of the second
        rows += [[1] * length, [2, *[0] * (length - 1)]]
    context = np.array([n % 2 for n in range(len(rows))] + [(n + 1) % 2 for n in range(len(rows))])
    place = np.array(rows * 2)
    numbers = list(zip(*(column.tolist() for column in _counts(of_class, context, place)), strict=True))
    counts = [
        (int(which), *sorted(collections.Counter(c for c in of_class[which, row].tolist() if c >= 0).items()))
        for which, row in zip(context, place, strict=True)
    ]
    for (one, of_one), (two, of_two) in product(zip(numbers, counts, strict=True), repeat=2):
        assert (one == two) == (of_one == of_two)


def test_distinct_rows() -> None:
    random = np.random.default_rng(1)
    for columns, most in product((1, 2, 5), (1, 3, 2**62)):
        table = random.integers(-1, most, (60, columns))
        table[30:] = table[random.integers(0, 30, 30)]
        first, which = distinct(list(table.T))
        assert (table[first][which] == table).all()
        assert len(first) == len({tuple(row) for row in table.tolist()}) == int(which.max()) + 1
        assert all((table[:at] != table[at]).any(axis=1).all() for at in first.tolist())
    first, which = distinct([np.zeros(0, np.int64)] * 2)
    assert (len(first), len(which)) == (0, 0)
