"""What is written in a format is read back as the machine that it describes; and that does what the given one does."""

from __future__ import annotations

from itertools import islice, zip_longest
from random import Random

import pytest

from exactformer.constructions.machines.formats import OURS, TITLES
from exactformer.constructions.machines.formats.one_way import marks, with_two_way_tapes
from exactformer.constructions.machines.formats.registry import Loaded, load_text, written
from exactformer.constructions.machines.formats.tape_machine import (
    Outcome,
    TapeMachine,
    as_tape_machine,
    tape_configurations,
)
from exactformer.constructions.machines.library import HANDWRITTEN, load
from exactformer.constructions.machines.machine import MachineError
from exactformer.constructions.machines.random_machines import random_machine as random_one_way_machine
from exactformer.constructions.machines.random_machines import random_word
from tests.machines.formats.example_files import EXAMPLES, Example, loaded, random_machine, words

SUFFIX = {
    "turingmachine.io": ".yaml",
    "morphett": ".txt",
    "jflap": ".jff",
    "automata-lib": ".json",
    "busy-beaver": ".csv",
}
STEPS = 60


def runs_alike(given: TapeMachine, other: TapeMachine, most: int = 25) -> None:
    """On many words, the same steps, with symbols renamed in their order; the other machine may have more symbols.
    Where a format lacks an outcome, the other machine has a different one.
    """
    renamed = dict(zip(given.symbols, other.symbols, strict=False))
    for word in words(given, most=most):
        theirs = islice(tape_configurations(other, [renamed[symbol] for symbol in word]), STEPS)
        for a, b in zip_longest(islice(tape_configurations(given, word), STEPS), theirs):
            assert a is not None, (word, b)
            assert b is not None, (word, a)
            assert (a.step, a.heads) == (b.step, b.heads)
            assert [{at: renamed[symbol] for at, symbol in tape.items()} for tape in a.tapes] == list(b.tapes)


def read_again(text: str, to: str, symbols: tuple[str, ...]) -> TapeMachine:
    """What is read from the text, whose symbols are among these; in formats with a blank of their own the blank is
    another one."""
    again = load_text(text, f"again{SUFFIX[to]}")
    assert again.format == to
    found = again.tape_machine
    order = {symbol: number for number, symbol in enumerate(symbols)}
    others = tuple(sorted(found.symbols[1:], key=lambda symbol: order[symbol]))
    kept = [symbol for symbol in symbols[1:] if symbol in others]
    assert list(others) == kept
    return found


def check(given: Loaded, to: str) -> None:
    made = written(given, to)
    again = read_again(made.text, to, made.machine.symbols)
    blank = {made.machine.blank: again.blank}
    for word in words(made.machine, most=25):
        if not {*word} <= {*again.symbols}:  # of symbols without transitions some formats say nothing
            continue
        theirs = islice(tape_configurations(again, word), STEPS)
        for a, b in zip_longest(islice(tape_configurations(made.machine, word), STEPS), theirs):
            assert a is not None, (word, b)
            assert b is not None, (word, a)
            tapes = [{at: blank.get(symbol, symbol) for at, symbol in tape.items()} for tape in a.tapes]
            assert (a.step, a.heads, tapes) == (b.step, b.heads, list(b.tapes)), word
            last = a, b
        if to in ("jflap", "automata-lib", "morphett") and last[0].step < STEPS - 1:
            ours, theirs_end = made.machine.outcome(last[0].state), again.outcome(last[1].state)
            halts = last[0].state in made.machine.halting
            if to == "morphett":
                assert theirs_end is (ours if halts else Outcome.HALTS)
            else:
                assert (theirs_end is Outcome.REJECTS) == (ours is Outcome.REJECTS or not halts)
    if given.tape_machine.two_way:
        runs_alike(given.tape_machine, made.machine)


@pytest.mark.parametrize("to", SUFFIX)
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_examples_are_written_and_read_back(example: Example, to: str) -> None:
    given = loaded(example)
    if given.tape_machine.tapes > 1 and to not in ("jflap", "automata-lib"):
        with pytest.raises(MachineError, match="one tape"):
            written(given, to)
        return
    check(given, to)


@pytest.mark.parametrize("to", SUFFIX)
def test_random_machines_with_odd_names_are_written_and_read_back(to: str) -> None:
    rng = Random(to)
    for tapes in (1, 1, 1, 1, 1, 1, 2) if to in ("jflap", "automata-lib") else (1,) * 7:
        check(Loaded("given", original=random_machine(rng, tapes)), to)


def test_every_format_but_ours_is_written() -> None:
    assert {*SUFFIX, OURS} == {*TITLES}


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_machines_of_the_library_are_written_and_read_back(name: str) -> None:
    given = load(name)
    for to in SUFFIX:
        if given.machine.tapes == 1 or to in ("jflap", "automata-lib"):
            check(given, to)


@pytest.mark.parametrize("seed", range(30))
def test_marked_machines_do_what_one_way_machines_do(seed: int) -> None:
    rng = Random(seed)
    given = random_one_way_machine(rng)
    one_way = as_tape_machine(given)
    two_way = with_two_way_tapes(one_way)
    marked = marks(one_way) if len(two_way.symbols) > len(one_way.symbols) else {}
    unmarked = {of: symbol for symbol, of in marked.items()}
    for _ in range(10):
        word = random_word(rng, given)
        for a, b in zip_longest(
            islice(tape_configurations(one_way, word), STEPS), islice(tape_configurations(two_way, word), STEPS)
        ):
            assert a is not None
            assert b is not None
            tapes = [{at: unmarked.get(symbol, symbol) for at, symbol in tape.items()} for tape in b.tapes]
            shown = [{at: symbol for at, symbol in tape.items() if symbol != one_way.blank} for tape in tapes]
            assert (a.heads, list(a.tapes)) == (b.heads, shown)
            assert a.step == 0 or a.state == b.state
            if marked and b.step:
                assert all(tape[0] in unmarked for tape in b.tapes)


def test_what_was_changed_is_said() -> None:
    made = written(load("increment"), "morphett")
    assert made.changes == (
        "The first step marks cell 0 of each tape, because the tapes of this format have no end.",
        "Renamed symbols: '^0' = f, '^1' = g.",
    )
    odd = TapeMachine("x", 1, ("go on", "HALT", "L"), (" ", "aB"), ("aB",), {}, {"L": Outcome.HALTS})
    assert written(Loaded("given", original=odd), "busy-beaver").changes == (
        "Renamed symbols: ' ' = a, 'aB' = b.",
        "Renamed states: 'go on' = Goon, 'HALT' = QHALT.",
    )


def test_an_initial_state_that_halts_is_not_written_where_there_is_none() -> None:
    idle = TapeMachine("idle", 1, ("q",), ("_", "1"), ("1",), {}, {"q": Outcome.ACCEPTS})
    for to, said in (("automata-lib", "no initial state that is final"), ("busy-beaver", "idle has no table")):
        with pytest.raises(MachineError, match=said):
            written(Loaded("given", original=idle), to)
