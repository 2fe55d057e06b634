"""Machines of automata-lib run as the library itself runs them (version 9.2)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice, product
from random import Random
from typing import Any

import pytest

from exactformer.constructions.machines.formats.automata_lib import from_object
from exactformer.constructions.machines.formats.registry import load_text, written
from exactformer.constructions.machines.formats.tape_machine import Outcome, TapeMachine, tape_configurations
from exactformer.constructions.machines.library import load
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.machines.text import MachineTextError
from tests.machines.formats.example_files import BY_NAME, FILES, loaded, words

dtm = pytest.importorskip("automata.tm.dtm", reason="automata-lib is not installed: pip install '.[dev]'")
mntm = pytest.importorskip("automata.tm.mntm", reason="automata-lib is not installed: pip install '.[dev]'")
ntm = pytest.importorskip("automata.tm.ntm", reason="automata-lib is not installed: pip install '.[dev]'")
exceptions = pytest.importorskip("automata.base.exceptions")
STEPS = 40
Seen = tuple[str, tuple[tuple[str, str, str], ...]]
"""A state, and for each tape what is left of the head, under it and right of it, without outer blanks."""


def of_library(machine: Any, word: str) -> Iterator[Seen | bool]:
    """What the library's machine goes through, and whether it accepts."""
    try:
        for step in machine.read_input_stepwise(word):
            ((state, tapes),) = [(each.state, getattr(each, "tapes", None) or (each.tape,)) for each in _all(step)]
            parts = []
            for tape in tapes:
                cells, head, blank = tape.tape, tape.current_position, tape.blank_symbol
                left, right = "".join(cells[:head]).lstrip(blank), "".join(cells[head + 1 :]).rstrip(blank)
                parts.append((left, cells[head], right))
            yield str(state), tuple(parts)
    except exceptions.RejectionException:
        yield False
        return
    yield True


def _all(step: Any) -> Any:
    return step if isinstance(step, (set, frozenset)) else [step]


def of_ours(machine: TapeMachine, word: Sequence[str]) -> Iterator[Seen | bool]:
    """The same, of the machine that was read."""
    for each in tape_configurations(machine, word):
        parts = []
        for tape, head in zip(each.tapes, each.heads, strict=True):
            squares = range(min([head, *tape]), max([head, *tape]) + 1)
            left = "".join(tape.get(at, machine.blank) for at in squares if at < head).lstrip(machine.blank)
            right = "".join(tape.get(at, machine.blank) for at in squares if at > head).rstrip(machine.blank)
            parts.append((left, tape.get(head, machine.blank), right))
        yield each.state, tuple(parts)
    yield machine.outcome(each.state) is Outcome.ACCEPTS


def drawn(rng: Random, tapes: int) -> dict[str, Any]:
    """Parameters of a random machine, most of whose transitions are there."""
    states, symbols = [f"q{n}" for n in range(rng.randint(2, 4))], ["0", "1", "#"][: rng.randint(2, 3)]
    blank, final = symbols[-1], states[-1:]
    table: dict[str, Any] = {}
    for state in states[:-1]:
        for read in product(symbols, repeat=tapes):
            if rng.random() < 0.85:
                done = tuple((rng.choice(symbols), rng.choice("LRN")) for _ in range(tapes))
                entry: Any = (rng.choice(states), *done[0]) if tapes == 1 else [(rng.choice(states), done)]
                table.setdefault(state, {})[read[0] if tapes == 1 else read] = entry
    fields = {
        "states": set(states),
        "input_symbols": set(symbols[:-1]),
        "tape_symbols": set(symbols),
        "transitions": table,
        "initial_state": states[0],
        "blank_symbol": blank,
        "final_states": set(final),
    }
    return fields | ({"n_tapes": tapes} if tapes > 1 else {})


@pytest.mark.parametrize("tapes", [1, 2])
@pytest.mark.parametrize("seed", range(15))
def test_random_machines_run_as_in_the_library(seed: int, tapes: int) -> None:
    rng = Random(10 * seed + tapes)
    theirs = (dtm.DTM if tapes == 1 else mntm.MNTM)(**drawn(rng, tapes))
    ours = from_object(theirs)
    assert ours.tapes == tapes
    ends = set()
    for word in words(ours, longest=3, most=12):
        for a, b in zip(
            islice(of_ours(ours, word), STEPS), islice(of_library(theirs, "".join(word)), STEPS), strict=True
        ):
            assert a == b, word
            ends.add(a)
    assert len(ends) > 1


@pytest.mark.parametrize("name", ["zeros-ones.json", "ones.json"])
def test_files_run_as_in_the_library(name: str) -> None:
    fields = json.loads((FILES / name).read_text(encoding="utf-8"))
    fields.pop("name", None)
    sets = {key: set(value) if isinstance(value, list) else value for key, value in fields.items()}
    if "n_tapes" in fields:
        sets["transitions"] = {
            state: {tuple(read): [(choice[0], tuple(map(tuple, choice[1]))) for choice in choices]}
            | {tuple(r): [(c[0], tuple(map(tuple, c[1]))) for c in cs] for r, cs in entries.items()}
            for state, entries in fields["transitions"].items()
            for read, choices in [next(iter(entries.items()))]
        }
    theirs = (mntm.MNTM if "n_tapes" in fields else dtm.DTM)(**sets)
    ours = loaded(BY_NAME[name]).tape_machine
    for word in words(ours, most=40):
        for a, b in zip(of_ours(ours, word), of_library(theirs, "".join(word)), strict=True):
            assert a == b


def test_a_python_text_is_the_machine_that_it_makes() -> None:
    scope: dict[str, Any] = {}
    exec((FILES / "parity.py").read_text(encoding="utf-8"), scope)
    theirs, ours = scope["parity"], loaded(BY_NAME["parity.py"]).tape_machine
    for word in words(ours, most=40):
        for a, b in zip(of_ours(ours, word), of_library(theirs, "".join(word)), strict=True):
            assert a == b
    assert load(theirs).tape_machine.transitions == ours.transitions


def test_what_is_written_is_what_the_library_reads() -> None:
    made = written(loaded(BY_NAME["anbn.jff"]), "automata-lib")
    fields = json.loads(made.text)
    fields.pop("name")
    theirs = dtm.DTM(**{key: set(value) if isinstance(value, list) else value for key, value in fields.items()})
    for word in words(made.machine, most=60):
        for a, b in zip(of_ours(made.machine, word), of_library(theirs, "".join(word)), strict=True):
            assert a == b


def test_states_that_are_numbers_have_their_names() -> None:
    theirs = dtm.DTM(
        states={0, 1},
        input_symbols={"a"},
        tape_symbols={"a", "_"},
        transitions={0: {"a": (1, "_", "L")}},
        initial_state=0,
        blank_symbol="_",
        final_states={1},
    )
    assert load(theirs).tape_machine.states == ("0", "1")


def test_a_nondeterministic_machine_of_one_choice_is_read_and_of_two_is_refused() -> None:
    def of(choices: set[tuple[str, str, str]]) -> Any:
        return ntm.NTM(
            states={"q", "r"},
            input_symbols={"a"},
            tape_symbols={"a", "_"},
            transitions={"q": {"a": choices}},
            initial_state="q",
            blank_symbol="_",
            final_states={"r"},
        )

    assert len(load(of({("r", "a", "R")})).tape_machine.transitions) == 1
    with pytest.raises(MachineTextError, match="there are 2 choices: nondeterministic machines are not read"):
        load(of({("r", "a", "R"), ("q", "a", "R")}))


def test_what_is_no_machine_is_refused() -> None:
    with pytest.raises(MachineError, match="3 is not a machine: give a name, a file, or a DTM or MNTM"):
        load(3)


def test_the_text_of_an_mntm_may_have_tuples() -> None:
    text = "MNTM(states=['q', 'r'], input_symbols=['1'], tape_symbols=['1', '_'], n_tapes=2, transitions={'q': "
    text += "{('1', '_'): [('r', (('1', 'R'), ('1', 'N')))]}}, initial_state='q', blank_symbol='_', final_states=['r'])"
    machine = load_text(text, "mntm.py").tape_machine
    assert list(machine.transitions) == [("q", ("1", "_"))]
