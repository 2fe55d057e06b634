"""True segments of `scot.theory`: as an independent simulation has them, also where a run goes on or gets stuck."""

from __future__ import annotations

from itertools import islice

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import Move
from exactformer.constructions.machines.run import configurations
from exactformer.constructions.turing import scot_sequences as sequences_module
from exactformer.constructions.turing.scot_sequences import LateSequences, scot_sequences
from exactformer.constructions.turing.theory import scot_theory
from exactformer.trial import try_on
from tests.turing_theory.simulated import simulated
from tests.turing_theory.test_cot_sequences import followers, one_tape, pairs


@pytest.mark.parametrize(
    ("name", "word", "r"),
    [
        ("increment", "1011", 6),
        ("increment", "0", 4),
        ("bit-sort", "10110", 4),
        ("copy", "", 8),
        ("binary-addition", "1+11", 8),
        ("reverse", "aab", 4),
        ("binary-multiplication", "10*11", 6),
    ],
)
def test_two_simulations_agree(name: str, word: str, r: int) -> None:
    machine = load_machine(name)
    assert list(scot_sequences(machine, word, r)) == simulated(machine, word, r, "scot")


def test_a_run_that_goes_on_has_segments() -> None:
    machine = one_tape(("go", "_", "go", "x", Move.RIGHT))
    first, second = islice(scot_sequences(machine, "", 4), 2)
    assert [token.cls for token in first] == [
        "inp", "einp", "run", "run", "run", "newsumm", *["newcell"] * 4, "newstate"
    ]  # fmt: skip
    assert [token.cls for token in second][:8] == ["oldsumm", *["oldcell"] * 4, "oldstate", "esumm", "run"]
    theory = scot_theory(machine, 4)
    assert [list(try_on(theory, 4, tokens[:16])) for tokens in (first, second)] == [[], []]


def test_the_last_ends_before_what_has_no_place_in_the_theory() -> None:
    stuck = one_tape(("go", "1", "go", "1", Move.RIGHT))
    segments = [[token.cls for token in tokens] for tokens in scot_sequences(stuck, "111", 4)]
    assert segments == [["inp", *["input"] * 3, "einp", "run", "run"]]
    # At 4e there is a summary in any case; the next prompt has no ESUMM.
    walk = [
        ("go", "_", "one", "1", Move.RIGHT),
        ("one", "_", "two", "1", Move.RIGHT),
        ("two", "_", "go", "1", Move.STAY),
    ]
    first, second = ([token.cls for token in tokens] for tokens in scot_sequences(one_tape(*walk), "", 4))
    assert first == ["inp", "einp", "run", "run", "run", "newsumm", *["newcell"] * 3, "newstate"]
    assert second == ["oldsumm", *["oldcell"] * 3, "oldstate"]


@pytest.mark.parametrize("r", [6, 8, 64])
@pytest.mark.parametrize("name", ["bit-sort", "reverse"])
def test_witnesses_show_every_class_behind_each_that_it_follows(name: str, r: int) -> None:
    theory = scot_theory(load_machine(name), r)
    assert {*followers(theory.text)} <= {*pairs(theory)}
    assert all(len(tokens) <= 2**r for tokens in theory.witnesses)
    if r < 64:
        assert [list(try_on(theory, r, tokens)) for tokens in theory.witnesses] == [[]] * len(theory.witnesses)


def test_late_segments_begin_just_before_the_end() -> None:
    machine, word = load_machine("increment"), "1011"
    states = [each.state for each in configurations(machine, word)]
    before_4, before_1 = LateSequences(machine, 8).of(word)
    assert next(token.ghosts["q"] for token in before_4 if token.cls == "oldstate") == states[-5]
    assert next(token.ghosts["q"] for token in before_1 if token.cls == "oldstate") == states[-2]
    assert [token.cls for token in before_1 if token.cls in ("esumm", "run", "outp", "eoutp")] == [
        *("esumm", "run", "outp", "eoutp")
    ]


def test_after_too_many_runs_that_go_on_no_end_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("go", "_", "go", "_", Move.RIGHT), ("go", "1", "halt", "1", Move.STAY)]
    machine = one_tape(*rows)
    monkeypatch.setattr(sequences_module, "LONGEST_RUN", 8)
    monkeypatch.setattr(sequences_module, "MOST_STEPS", 16)
    late = LateSequences(machine, 4)
    assert [len(list(late.of(word))) for word in ("1", "", "1", "", "1")] == [2, 0, 2, 0, 0]
