"""How soon a machine can halt; inputs that a claim is about, and claims about none."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from random import Random

import pytest

from exactformer.certificates.checker.machine import fewest_steps, parse_machine
from exactformer.constructions.machines.library import HANDWRITTEN, load_machine
from exactformer.constructions.machines.machine import Action, MachineError, Move, Situation, TuringMachine
from exactformer.constructions.machines.random_machines import random_machine
from exactformer.constructions.machines.run import trace
from exactformer.constructions.machines.text import write_machine
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.tokens import cot_tokens
from exactformer.verify.halting import NoInput, example, least_steps, no_input


def chain(steps: int) -> TuringMachine:
    """Takes so many steps on the empty word, and leaves it empty."""
    states = tuple(f"s{n}" for n in range(steps + 1))
    rows: dict[Situation, Action] = {
        (state, ("_",)): Action(after, ("_",), (Move.RIGHT,)) for state, after in pairwise(states)
    }
    return TuringMachine("chain", 1, states, states[-1], ("_", "1"), ("1",), rows)


def without_an_end(name: str) -> TuringMachine:
    """A machine of the library that never halts, as the rows that lead to the halting state are left out."""
    machine = load_machine(name)
    rows = {when: row for when, row in machine.transitions.items() if row.state != machine.halting}
    return replace(machine, name=f"endless-{name}", transitions=rows)


def test_no_run_halts_in_fewer_steps() -> None:
    rng, halted = Random(0), 0
    machines = [entry.machine for entry in HANDWRITTEN.values()]
    machines += [random_machine(rng) for _ in range(60)] + [without_an_end("increment")]
    for machine in machines:
        least = least_steps(machine)
        assert least == fewest_steps(parse_machine(write_machine(machine)))
        for word in map("".join, (word for n in range(3) for word in product(machine.input_alphabet, repeat=n))):
            try:
                steps = trace(machine, word, 100).steps
            except MachineError:
                continue
            halted += 1
            assert least is not None
            assert least <= steps
    assert halted > 100


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 8, 9, 12, 13])
def test_the_shortest_chain_of_thought_is_the_first_that_fits(steps: int) -> None:
    machine, r = chain(steps), 4
    assert least_steps(machine) == steps
    tokens = len(cot_tokens(machine, trace(machine, ""), r))
    bits = {tokens, tokens - 1} & set(range(5, 17))
    for context in bits:
        found = no_input(machine, Paradigm.COT, context)
        assert found == (NoInput(steps) if context < tokens else None)
        assert no_input(machine, Paradigm.SCOT, context) is None


@pytest.mark.parametrize("paradigm", list(Paradigm))
def test_a_machine_that_cannot_halt_has_no_input_in_any_context(paradigm: Paradigm) -> None:
    assert no_input(without_an_end("increment"), paradigm, 2**64) == NoInput(None)
    assert no_input(load_machine("increment"), paradigm, 2**64) is None


def test_an_example_is_the_shortest_word_that_is_meant() -> None:
    machine = load_machine("binary-addition")
    found = example(machine, lambda run: run.output == "111")
    assert found is not None
    assert found == trace(machine, found.word)
    shorter = (word for n in range(len(found.word)) for word in product(machine.input_alphabet, repeat=n))
    for word in map("".join, shorter):
        try:
            assert trace(machine, word).output != "111"
        except MachineError:
            continue


def test_a_search_for_an_example_comes_to_an_end() -> None:
    assert example(without_an_end("increment"), lambda _: True) is None
    assert example(load_machine("increment"), lambda _: False) is None
