"""Writes per cell: counted in runs, and bounded for all runs by following one cell (MACHINES section 1)."""

from __future__ import annotations

from collections import Counter
from itertools import product
from random import Random

import pytest

from exactformer.constructions.machines.library import HANDWRITTEN, load_machine
from exactformer.constructions.machines.machine import MachineError, Move, TuringMachine
from exactformer.constructions.machines.random_machines import random_machine
from exactformer.constructions.machines.run import configurations, trace
from exactformer.constructions.machines.text import read_machine
from exactformer.verify.writes import WriteBound, write_bound, writes_per_cell


def machine(rows: str, *, tapes: int = 1, alphabet: str = "_ab", word: str = "ab") -> TuringMachine:
    """A machine from its rows, separated by commas; the first row's state is the initial one, ``h`` halts."""
    split = [row.strip() for row in rows.split(",")]
    states = list(dict.fromkeys([*(row.split()[0] for row in split), "h"]))
    lines = ["name: test", f"tapes: {tapes}", f"states: [{', '.join(states)}]", "halting: h"]
    lines += [f"alphabet: [{', '.join(alphabet)}]", f"input: [{', '.join(word)}]", "transitions:"]
    return read_machine("\n".join([*lines, *(f'  - "{row}"' for row in split)]) + "\n", "test")


def words(machine: TuringMachine, longest: int) -> list[str]:
    letters = machine.input_alphabet
    return ["".join(word) for n in range(longest + 1) for word in product(letters, repeat=n)]


def most_writes(machine: TuringMachine, inputs: list[str], max_steps: int) -> tuple[int, ...]:
    """The largest number of writes of a cell of each tape, over runs that may get stuck or be cut off."""
    most = [0] * machine.tapes
    for word in inputs:
        writes = Counter((0, cell) for cell in range(len(word)))
        before: tuple[int, ...] = ()
        try:
            for each in configurations(machine, word, max_steps):
                writes.update(enumerate(before))
                before = each.heads
        except MachineError:
            pass
        for (k, _), number in writes.items():
            most[k] = max(most[k], number)
    return tuple(most)


def random_partial_machine(rng: Random) -> TuringMachine:
    """A random machine without some of its rows, so that many have a bound."""
    whole = random_machine(rng, rng.choice((1, 2)), rng.randint(1, 4), rng.randint(1, 3))
    density = rng.choice((0.3, 0.5, 0.8, 1.0))
    kept = {situation: action for situation, action in whole.transitions.items() if rng.random() < density}
    fields = (whole.name, whole.tapes, whole.states, whole.halting, whole.alphabet)
    return TuringMachine(*fields, whole.input_alphabet[: rng.randint(1, 3)], kept)


# ---------------------------------------------------------------------------- counting


def test_the_writes_of_a_run_are_counted() -> None:
    writes = writes_per_cell(trace(load_machine("rewrite"), "111"))
    assert writes == {(0, 0): 2, (0, 1): 2, (0, 2): 2, (0, 3): 1, (1, 0): 4}


def test_the_cell_that_a_head_ends_on_is_not_written() -> None:
    run = trace(machine("q a -> h b R, q _ -> h b R"), "")
    assert writes_per_cell(run) == {(0, 0): 1}


# ---------------------------------------------------------------------------- the bounds of known machines

LIBRARY_BOUNDS: dict[str, tuple[int | None, ...]] = {
    "balanced-brackets": (3, None),
    "binary-addition": (None, None),
    "binary-counter": (None,),
    "binary-multiplication": (None, None, None),
    "bit-sort": (None,),
    "copy": (None, 3),
    "increment": (4,),
    "palindrome": (None,),
    "reverse": (None, 4),
    "rewrite": (2, None),
    "three-equal-blocks": (3, None, None),
    "unary-doubling": (None,),
    "unary-to-binary": (None, None),
}


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_library_machines_have_these_bounds(name: str) -> None:
    assert write_bound(HANDWRITTEN[name].machine) == WriteBound(LIBRARY_BOUNDS[name])


@pytest.mark.parametrize("name", [name for name, bounds in LIBRARY_BOUNDS.items() if set(bounds) != {None}])
def test_the_bounds_of_the_library_are_attained(name: str) -> None:
    entry = HANDWRITTEN[name]
    most = most_writes(entry.machine, words(entry.machine, 4), 200)
    for written, bound in zip(most, LIBRARY_BOUNDS[name], strict=True):
        assert bound in (None, written)


TIGHT = {
    "one step, and the input": (machine("q a -> h b S"), 2),
    "a cell after the input": (machine("q a -> p a R, p _ -> p b S, p b -> p a S, p a -> h a S"), 3),
    "to and fro, once": (machine("q a -> q b R, q _ -> p _ L, p b -> p a L, p _ -> h _ S"), 3),
    "left in cell 0 stays, each time on another symbol": (machine("q a -> q b L, q b -> q _ L, q _ -> h a S"), 4),
    "a sweep to the right, and back to a mark": (
        machine("q a -> r b R, r a -> r a R, r _ -> s _ L, s a -> t a L, s b -> h a S, t a -> t a L, t b -> h a S"),
        3,
    ),
    "halting rows are not used": (machine("q a -> h a S, h a -> q b S, h b -> q a S"), 2),
    "an input that is not a symbol of tape 2": (machine("q a _ -> q a b R S, q a b -> h a a R S", tapes=2), 2),
}


@pytest.mark.parametrize("title", TIGHT)
def test_bounds_of_small_machines(title: str) -> None:
    small, bound = TIGHT[title]
    assert write_bound(small).largest == bound


@pytest.mark.parametrize("title", TIGHT)
def test_the_bounds_of_small_machines_are_attained(title: str) -> None:
    small, bound = TIGHT[title]
    assert max(most_writes(small, words(small, 3), 50)) == bound


UNBOUNDED = {
    "tape 2 is written while tape 1 goes on": (machine("q a _ -> q a b R S, q a b -> q a _ R S", tapes=2), 2),
    "a head that waits, and writes the same": (machine("q a _ -> q a _ R S, q _ _ -> h _ _ S S", tapes=2), 2),
    "two symbols in turn in one cell": (machine("q a -> q b S, q b -> q a S"), 1),
    "left in cell 0, for ever": (machine("q a -> q b L, q b -> q a L"), 1),
    "to and fro between two cells": (machine("q a -> p b R, q b -> p b R, p b -> q b L"), 1),
    "to and fro between two ends": (
        machine("q a -> r c R, r a -> r a R, r _ -> s _ L, s a -> s a L, s c -> r c R", alphabet="_abc"),
        1,
    ),
    "only above cell 0": (machine("q a -> p a R, p a -> p b S, p b -> p a S"), 1),
    "the head comes back through another state": (machine("q a -> p a R, p a -> r a R, r a -> s a L, s a -> q a L"), 1),
}


@pytest.mark.parametrize("title", UNBOUNDED)
def test_machines_without_a_bound(title: str) -> None:
    unbounded, tape = UNBOUNDED[title]
    bound = write_bound(unbounded)
    assert bound.per_tape[tape - 1] is None
    assert bound.largest is None


@pytest.mark.parametrize("title", UNBOUNDED)
def test_machines_without_a_bound_write_again_and_again(title: str) -> None:
    unbounded, tape = UNBOUNDED[title]
    few, many = (most_writes(unbounded, [*words(unbounded, 3), "a" * n], 20 * n)[tape - 1] for n in (10, 20))
    assert few < many


def test_the_machine_has_the_largest_bound_of_its_tapes() -> None:
    assert WriteBound((2, 5, 3)).largest == 5
    assert WriteBound((2, None, 3)).largest is None


# ---------------------------------------------------------------------------- against runs and the specification


def test_no_cell_is_written_more_often_than_the_bound() -> None:
    rng = Random(20250)
    bounds = attained = 0
    for _ in range(1500):
        drawn = random_partial_machine(rng)
        inputs = words(drawn, 2) + ["".join(rng.choices(drawn.input_alphabet, k=rng.randint(3, 9))) for _ in range(5)]
        for written, bound in zip(most_writes(drawn, inputs, 60), write_bound(drawn).per_tape, strict=True):
            if bound is not None:
                assert written <= bound, drawn
                bounds += 1
                attained += written == bound
    assert bounds > 500
    assert attained > 400


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_no_cell_of_a_library_machine_is_written_more_often_than_the_bound(name: str) -> None:
    entry = HANDWRITTEN[name]
    rng = Random(name)
    inputs = [entry.draw(rng, 12) for _ in range(30)] + words(entry.machine, 3)
    for written, bound in zip(
        most_writes(entry.machine, inputs, 5000), write_bound(entry.machine).per_tape, strict=True
    ):
        assert bound is None or written <= bound


View = tuple[str, str, str]


def bound_by_views(machine: TuringMachine, k: int) -> int | None:
    """MACHINES 1 as it is written: views and edges one by one, longest paths by going round until it is enough."""
    bound = 0
    for cell_zero in (True, False):
        symbols = [machine.blank, *(machine.input_alphabet if k == 0 else ())]
        initial = [(machine.initial, "at" if cell_zero else "below", symbol) for symbol in symbols]
        edges: dict[View, set[View]] = {}
        to_do: list[View] = list(initial)
        while to_do:
            view = to_do.pop()
            if view not in edges:
                edges[view] = edges_from(machine, k, cell_zero, view)
                to_do += edges[view]
        most = dict.fromkeys(edges, 0)
        # A path without such a cycle leaves each view at ``at`` once at most.
        enough = sum(place == "at" for _, place, _ in edges)
        changed = True
        while changed:
            changed = False
            for view, following in edges.items():
                better = max((most[each] + (view[1] == "at") for each in following), default=0)
                if better > enough:
                    return None
                changed |= better != most[view]
                most[view] = better
        bound = max(bound, *(most[view] + (view[2] != machine.blank) for view in initial))
    return bound


def edges_from(machine: TuringMachine, k: int, cell_zero: bool, view: View) -> set[View]:
    state, place, symbol = view
    places = {
        ("below", Move.LEFT): ["below"],
        ("below", Move.STAY): ["below"],
        ("below", Move.RIGHT): ["below", "at"],
        ("at", Move.LEFT): ["at" if cell_zero else "below"],
        ("at", Move.STAY): ["at"],
        ("at", Move.RIGHT): ["above"],
        ("above", Move.LEFT): ["above", "at"],
        ("above", Move.STAY): ["above"],
        ("above", Move.RIGHT): ["above"],
    }
    found: set[View] = set()
    for (row_state, read), action in machine.transitions.items():
        if row_state == state != machine.halting and (place != "at" or read[k] == symbol):
            after = action.written[k] if place == "at" else symbol
            found |= {(action.state, next_place, after) for next_place in places[place, action.moves[k]]}
    return found


def test_the_bound_is_the_one_of_the_specification() -> None:
    rng = Random(15)
    drawn = [random_partial_machine(rng) for _ in range(1000)]
    known = [
        *(entry.machine for entry in HANDWRITTEN.values()),
        *(each for each, _ in [*TIGHT.values(), *UNBOUNDED.values()]),
    ]
    kinds: Counter[bool] = Counter()
    for each in [*drawn, *known]:
        literal = tuple(bound_by_views(each, k) for k in range(each.tapes))
        assert write_bound(each).per_tape == literal, each
        kinds.update(bound is None for bound in literal)
    assert min(kinds[True], kinds[False]) > 300
