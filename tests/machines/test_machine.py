"""What a Turing machine must be (machine.py): one good machine, and it with one thing wrong each."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, replace
from typing import Any

import pytest

from exactformer.constructions.machines.machine import Action, IllFormedMachineError, MachineError, Move, TuringMachine

GO, STOP = Action("go", ("1",), (Move.RIGHT,)), Action("done", ("_",), (Move.STAY,))
LETTER = Action("go", ("1",), ("R",))  # type: ignore[arg-type]
GOOD = TuringMachine(
    name="good",
    tapes=1,
    states=("go", "done"),
    halting="done",
    alphabet=("_", "1", "big"),
    input_alphabet=("1",),
    transitions={("go", ("1",)): GO, ("go", ("_",)): STOP},
)


@dataclass(frozen=True)
class Bad:
    title: str
    changes: dict[str, Any]
    message: str


def entry(situation: Any, action: Any) -> dict[str, Any]:
    return {"transitions": {situation: action}}


BAD = (
    Bad("no tapes", {"tapes": 0}, "at least one tape, not 0"),
    Bad("tapes is not an integer", {"tapes": True}, "at least one tape, not True"),
    Bad("empty name", {"name": ""}, "name '' is not usable"),
    Bad("name with a space", {"name": "two words"}, "'two words' is not usable"),
    Bad("state with a tab", {"states": ("go", "done", "a\tb")}, r"state 'a\\tb' is not usable"),
    Bad("state with a control character", {"states": ("go", "done", "\x00")}, "is not usable"),
    Bad("state with a no-break space", {"states": ("go", "done", "\u00a0")}, "is not usable"),
    Bad("state with a line separator", {"states": ("go", "done", "\u2028")}, "is not usable"),
    Bad("state with a double quote", {"states": ("go", "done", 'a"b')}, "is not usable"),
    Bad("state with a backslash", {"states": ("go", "done", "a\\b")}, "is not usable"),
    Bad("state that is the arrow", {"states": ("go", "done", "->")}, "'->' is not usable"),
    Bad("state that is not a string", {"states": ("go", "done", 3)}, "state 3 is not usable"),
    Bad("states twice", {"states": ("go", "done", "go")}, "state 'go' is listed twice"),
    Bad("states in a list", {"states": ["go", "done"]}, "states must be a tuple"),
    Bad("one state", {"states": ("done",)}, "at least two states"),
    Bad("halting state unknown", {"halting": "stop"}, "halting state 'stop' is not among the states"),
    Bad("halting state initial", {"halting": "go"}, "halting state 'go' is also the initial one"),
    Bad("empty symbol", {"alphabet": ("_", "1", "")}, "symbol '' is not usable"),
    Bad("symbols twice", {"alphabet": ("_", "1", "1")}, "symbol '1' is listed twice"),
    Bad("only the blank", {"alphabet": ("_",), "input_alphabet": ()}, "the blank and at least one more"),
    Bad("empty input alphabet", {"input_alphabet": ()}, "input alphabet is empty"),
    Bad("input symbols twice", {"input_alphabet": ("1", "1")}, "input symbol '1' is listed twice"),
    Bad("input symbol of three characters", {"input_alphabet": ("big",)}, "'big' is not a single character"),
    Bad("the blank as input symbol", {"input_alphabet": ("1", "_")}, "blank '_' cannot be an input symbol"),
    Bad("input symbol not in the alphabet", {"input_alphabet": ("0",)}, "'0' is not in the alphabet"),
    Bad("entry for an unknown state", entry(("gone", ("1",)), GO), "'gone' is not a state"),
    Bad("entry for an unknown symbol", entry(("go", ("2",)), GO), "'2' is not a symbol"),
    Bad("entry reads two tapes", entry(("go", ("1", "1")), GO), "symbols read .* tuple of length 1"),
    Bad("entry reads a string", entry(("go", "1"), GO), "symbols read '1' must be a tuple"),
    Bad("entry without symbols", entry("go", GO), r"give a pair \(state, symbols read\)"),
    Bad("entry without an action", entry(("go", ("1",)), None), "None: give a pair"),
    Bad("to an unknown state", entry(("go", ("1",)), replace(GO, state="gone")), "'gone' is not a state"),
    Bad("unknown symbol written", entry(("go", ("1",)), replace(GO, written=("2",))), "'2' is not a symbol"),
    Bad("nothing written", entry(("go", ("1",)), replace(GO, written=())), "symbols written .* length 1"),
    Bad("two moves", entry(("go", ("1",)), replace(GO, moves=(Move.LEFT,) * 2)), "moves .* length 1"),
    Bad("move as a letter", entry(("go", ("1",)), LETTER), "must be members of Move"),
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.title)
def test_one_thing_wrong_is_refused(bad: Bad) -> None:
    with pytest.raises(IllFormedMachineError, match=bad.message) as caught:
        replace(GOOD, **bad.changes)
    assert caught.value.part in bad.changes
    assert str(caught.value).endswith(".")


def test_order_carries_meaning() -> None:
    assert (GOOD.initial, GOOD.blank) == ("go", "_")
    assert [GOOD.state_index(state) for state in GOOD.states] == [0, 1]
    assert [GOOD.symbol_index(symbol) for symbol in GOOD.alphabet] == [0, 1, 2]


def test_unknown_names_have_no_index() -> None:
    with pytest.raises(MachineError, match="'gone' is not a state of good"):
        GOOD.state_index("gone")
    with pytest.raises(MachineError, match="'2' is not a symbol of good"):
        GOOD.symbol_index("2")


def test_entries_for_the_halting_state_are_allowed() -> None:
    assert replace(GOOD, transitions={("done", ("1",)): STOP}).transitions


def test_machines_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        GOOD.tapes = 2  # type: ignore[misc]
    with pytest.raises(TypeError):
        GOOD.transitions["go", ("1",)] = STOP  # type: ignore[index]


def test_changing_the_mapping_given_does_not_change_the_machine() -> None:
    given = dict(GOOD.transitions)
    machine = replace(GOOD, transitions=given)
    given.clear()
    assert machine == GOOD


def test_equality_is_by_content_and_order_of_entries_does_not_matter() -> None:
    turned = replace(GOOD, transitions=dict(reversed(list(GOOD.transitions.items()))))
    assert turned == GOOD
    assert hash(turned) == hash(GOOD)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"states": ("go", "done", "more")},
        {"alphabet": ("_", "1", "huge")},
        {"alphabet": ("_", "1", "big", "2"), "input_alphabet": ("1", "2")},
        {"transitions": {}},
    ],
    ids=str,
)
def test_machines_that_differ_are_not_equal(changes: dict[str, Any]) -> None:
    assert replace(GOOD, **changes) != GOOD
    assert len({replace(GOOD, **changes), GOOD}) == 2


@pytest.mark.parametrize("remake", [copy.deepcopy, lambda machine: pickle.loads(pickle.dumps(machine))])
def test_copies_are_equal(remake: Any) -> None:
    assert remake(GOOD) == GOOD
