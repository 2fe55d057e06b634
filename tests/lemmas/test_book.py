"""The book at a few widths; its order; and what is never counted as proved."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from exactformer.verify.lemmas import book, summaries
from exactformer.verify.lemmas.book import BOOK, NoSuchLemma, chosen, plan, run
from exactformer.verify.lemmas.lemma import Lemma
from exactformer.verify.lemmas.outcome import Budget, Disproved, Established, Open, Outcome, conclude
from exactformer.verify.verdict import Verdict

WIDTHS = (2, 5, 8)
BY_NAME = {lemma.identifier: lemma for lemma in BOOK}


@cache
def outcome(identifier: str, width: int) -> Outcome:
    return BY_NAME[identifier].decide(width, Budget(600))


def decided_once(lemma: Lemma) -> Lemma:
    """The lemma, decided once for all tests that need it."""
    return replace(lemma, decide=lambda width, _: outcome(lemma.identifier, width))


@pytest.mark.parametrize("identifier", BY_NAME)
def test_the_book_holds(identifier: str) -> None:
    lemmas = [decided_once(lemma) for lemma in chosen([identifier])]
    entries = [entry for entry in run(lemmas, WIDTHS) if entry.lemma.identifier == identifier]
    assert entries
    for entry in entries:
        assert isinstance(entry.outcome, Established), entry


@pytest.mark.parametrize("identifier", BY_NAME)
def test_without_time_nothing_is_proved(identifier: str) -> None:
    for lemma, width in plan([BY_NAME[identifier]], WIDTHS):
        assert isinstance(lemma.decide(width or 0, Budget(0)), Open)


@pytest.mark.slow
@pytest.mark.parametrize(
    "identifier", ["gadget.copy", "gadget.decrement", "gadget.move", "gadget.or", "position.lookup", "scot.length-cap"]
)
def test_the_gadgets_hold_at_32_bits(identifier: str) -> None:
    assert isinstance(BY_NAME[identifier].decide(32, Budget(600)), Established)


def test_a_lemma_stands_behind_those_it_rests_on() -> None:
    names = [lemma.identifier for lemma in BOOK]
    assert len(set(names)) == len(names)
    for place, lemma in enumerate(BOOK):
        assert set(lemma.rests_on) <= set(names[:place]), lemma.identifier


def test_a_lemma_is_stated_wherever_one_that_rests_on_it_is() -> None:
    for lemma in BOOK:
        for other in lemma.rests_on:
            applies, needs = lemma.applies, BY_NAME[other].applies
            if needs is not None:
                assert applies is not None
                assert all(needs(width) for width in range(1, 65) if applies(width)), (lemma.identifier, other)


def always(outcome: Outcome) -> Lemma:
    return Lemma("base", "?", "?", "?", lambda *_: outcome)


PROVED = conclude([Budget(600).exhaust("cases", range(2), lambda _: None)])
UPPER = Lemma("upper", "?", "?", "?", lambda *_: PROVED, rests_on=("base",))


@pytest.mark.parametrize("below", [Disproved("x = 1"), Open("no time")])
def test_what_rests_on_something_unproved_is_open(below: Outcome) -> None:
    outcomes = [entry.outcome for entry in run([always(below), UPPER], [4])]
    assert outcomes == [below, Open("it rests on base, not proved here")]


def test_what_rests_on_something_proved_is_proved() -> None:
    assert [entry.verdict for entry in run([always(PROVED), UPPER], [4])] == [Verdict.PROVED, Verdict.PROVED]


def test_it_must_be_proved_at_the_same_width() -> None:
    only_at_5 = replace(always(PROVED), applies=lambda width: width == 5)
    verdicts = {(entry.lemma.identifier, entry.width): entry.verdict for entry in run([only_at_5, UPPER], [4, 5])}
    proved, unknown = Verdict.PROVED, Verdict.INCONCLUSIVE
    assert verdicts == {("base", 5): proved, ("upper", 4): unknown, ("upper", 5): proved}


def test_a_construction_of_another_form_leaves_the_lemma_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries, "program_gadgets", lambda *_: ())
    (entry,) = run([BY_NAME["scot.biteq"]], [4])
    assert isinstance(entry.outcome, Open)
    assert "0 biteq maps" in entry.outcome.reason


def test_what_a_lemma_rests_on_comes_along() -> None:
    assert [lemma.identifier for lemma in chosen(["rounding.leak"])] == ["rounding.exponential", "rounding.leak"]
    assert {lemma.identifier.split(".")[0] for lemma in chosen(["dimensions"])} == {"dimensions"}
    assert chosen([]) == BOOK


def test_a_name_that_nothing_has() -> None:
    with pytest.raises(NoSuchLemma, match=r"gadget\.mov.*families|gadget\.mov.*family"):
        chosen(["gadget.mov"])


def test_lemmas_without_a_width_are_decided_once() -> None:
    planned = plan(BOOK, [3, 4])
    assert [width for lemma, width in planned if lemma.identifier == "rounding.ties"] == [None]
    assert [width for lemma, width in planned if lemma.identifier == "scot.length-cap"] == [4]
    assert book.DEFAULT_WIDTHS == (8, 16)
