"""Two-way machines and what they do (two_way.py), against the scores of known busy beavers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from exactformer.constructions.machines.busy_beaver import read_busy_beaver
from exactformer.constructions.machines.machine import IllFormedMachineError, Move
from exactformer.constructions.machines.two_way import (
    HALT,
    Entry,
    Squares,
    TwoWayConfiguration,
    TwoWayMachine,
    two_way_configurations,
)
from tests.machines.busy_beavers import BEAVERS, Beaver


def run_of(text: str, squares: Squares) -> list[TwoWayConfiguration]:
    return list(two_way_configurations(read_busy_beaver(text), squares))


@pytest.mark.parametrize("beaver", BEAVERS, ids=str)
def test_busy_beavers(beaver: Beaver) -> None:
    run = run_of(beaver.text, {})
    heads = [each.head for each in run]
    assert [each.step for each in run] == list(range(beaver.steps + 1))
    assert len(run[-1].squares) == beaver.marks
    assert (min(heads), max(heads)) == (beaver.leftmost, beaver.rightmost)
    assert [each.state == HALT for each in run] == [False] * beaver.steps + [True]


def test_configurations_written_by_hand() -> None:
    assert run_of("1RB---_0LA1LB", {1: "1"}) == [
        TwoWayConfiguration(0, "A", 0, {1: "1"}),
        TwoWayConfiguration(1, "B", 1, {0: "1", 1: "1"}),
        TwoWayConfiguration(2, "B", 0, {0: "1", 1: "1"}),
        TwoWayConfiguration(3, "B", -1, {0: "1", 1: "1"}),
        TwoWayConfiguration(4, "A", -2, {0: "1", 1: "1"}),
        TwoWayConfiguration(5, "B", -1, {-2: "1", 0: "1", 1: "1"}),
        TwoWayConfiguration(6, "A", -2, {-2: "1", 0: "1", 1: "1"}),
        TwoWayConfiguration(7, HALT, -2, {-2: "1", 0: "1", 1: "1"}),
    ]


def test_an_undefined_entry_takes_as_many_steps_as_a_halting_one_and_changes_nothing() -> None:
    for beaver in BEAVERS:
        *before, undefined = run_of(beaver.text.replace("1RZ", "---"), {})
        assert before == run_of(beaver.text, {})[:-1]
        assert undefined == replace(before[-1], step=beaver.steps, state=HALT)


def test_configurations_are_made_when_asked_for() -> None:
    run = two_way_configurations(read_busy_beaver("1LA1LA"), {})
    assert [next(run).head for _ in range(4)] == [0, -1, -2, -3]


def test_a_snapshot_does_not_change_when_the_run_goes_on() -> None:
    squares = {0: "1"}
    first, *_ = run_of("1RB1LB_1LA1RZ", squares)
    assert first.squares == squares == {0: "1"}


ENTRY = Entry("0", Move.LEFT, "A")


@dataclass(frozen=True)
class Bad:
    title: str
    table: tuple[tuple[Entry | None, ...], ...]
    message: str


BAD = (
    Bad("no states", (), "bad has 0 states"),
    Bad("27 states", ((ENTRY, ENTRY),) * 27, "bad has 27 states"),
    Bad("one symbol", ((ENTRY,),), "has 1 entries"),
    Bad("11 symbols", ((ENTRY,) * 11,), "has 11 entries"),
    Bad("rows of two lengths", ((ENTRY, ENTRY), (ENTRY,) * 3), "has 2 or 3 entries"),
    Bad("unknown symbol", ((ENTRY, Entry("2", Move.LEFT, "A")),), "In state A on 1, bad writes '2'"),
    Bad("two symbols at once", ((ENTRY, Entry("01", Move.LEFT, "A")),), "In state A on 1, bad writes '01'"),
    Bad("unknown state", ((None, None), (Entry("1", Move.LEFT, "C"), None)), "In state B on 0, .* goes to 'C'"),
)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.title)
def test_a_machine_that_is_not_well_formed_is_refused(bad: Bad) -> None:
    with pytest.raises(IllFormedMachineError, match=bad.message) as caught:
        TwoWayMachine("bad", bad.table)
    assert caught.value.part == "table"
