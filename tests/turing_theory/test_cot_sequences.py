"""True sequences of `cot.theory`: as an independent simulation has them, also where a run goes on or gets stuck."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.machines.machine import Action, Move, Situation, TuringMachine
from exactformer.constructions.machines.run import InputError
from exactformer.constructions.theory import Theory
from exactformer.constructions.turing.cot_sequences import cot_sequence
from exactformer.constructions.turing.theory import cot_theory
from exactformer.trial import try_on
from tests.turing_theory.simulated import simulated


@pytest.mark.parametrize(
    ("name", "word", "r"),
    [
        ("increment", "1011", 8),
        ("increment", "0", 6),
        ("bit-sort", "10110", 4),
        ("copy", "0110", 8),
        ("binary-addition", "1+11", 8),
        ("reverse", "", 4),
        ("three-equal-blocks", "aabbcc", 6),
        ("binary-multiplication", "10*11", 4),
    ],
)
def test_two_simulations_agree(name: str, word: str, r: int) -> None:
    """The checker's simulator, with ghosts from the tokens alone; and the one that configurations come from."""
    machine = load_machine(name)
    assert [list(cot_sequence(machine, word, r))] == simulated(machine, word, r, "cot")


def classes(machine: TuringMachine, word: str, r: int, longest: int) -> list[str]:
    return [token.cls for token in islice(cot_sequence(machine, word, r), longest)]


def one_tape(*rows: tuple[str, str, str, str, Move]) -> TuringMachine:
    """With the rows (state, symbol read, next state, symbol written, move)."""
    transitions: dict[Situation, Action] = {
        (state, (read,)): Action(then, (written,), (move,)) for state, read, then, written, move in rows
    }
    states = ("go", "one", "two", "halt")
    return TuringMachine("small", 1, states, "halt", ("_", "1", "x"), ("1",), transitions)


def test_a_run_that_goes_on_has_prefixes() -> None:
    machine = one_tape(("go", "_", "go", "x", Move.RIGHT))
    block = ["block", *["bit"] * 4, "epos"]
    assert classes(machine, "", 4, 24) == ["inp", "einp", *2 * (["run"] * 4 + block), "run", "run"]
    tokens = list(islice(cot_sequence(machine, "", 4), 2**4))
    assert list(try_on(cot_theory(machine, 4), 4, tokens)) == []


def test_it_ends_before_what_has_no_place_in_the_theory() -> None:
    assert classes(one_tape(("go", "_", "halt", "_", Move.STAY)), "1", 4, 99) == ["inp", "input"]
    assert classes(one_tape(("go", "1", "go", "1", Move.RIGHT)), "11", 4, 99) == [
        "inp",
        "input",
        "input",
        "einp",
        "run",
    ]
    strange = one_tape(("go", "1", "go", "1", Move.RIGHT), ("go", "_", "halt", "x", Move.STAY))
    assert classes(strange, "1", 4, 99) == ["inp", "input", "einp", "run", "run", "outp"]
    with pytest.raises(InputError):
        next(cot_sequence(strange, "x", 4))


def followers(text: str) -> Iterator[tuple[str, str]]:
    """What a theory says of classes that directly follow each other."""
    for line in text.split("\n"):
        if line.startswith("follow "):
            one, behind = line.removeprefix("follow ").split(": ")
            yield from ((one, other) for other in behind.split())


def pairs(theory: Theory) -> Iterator[tuple[str, str]]:
    """What its witnesses show."""
    for tokens in theory.witnesses:
        yield from pairwise(token.cls for token in tokens)


@pytest.mark.parametrize("r", [4, 8, 64])
@pytest.mark.parametrize("name", ["bit-sort", "reverse", "unary-doubling"])
def test_witnesses_show_every_class_behind_each_that_it_follows(name: str, r: int) -> None:
    theory = cot_theory(load_machine(name), r)
    left = {*followers(theory.text)} - {*pairs(theory)}
    # A run of more than 4 steps leaves no room for the output in 16 tokens.
    assert left <= ({("outp", "output"), ("output", "output"), ("output", "eoutp")} if r == 4 else set())
    assert all(len(tokens) <= 2**r for tokens in theory.witnesses)
    if r < 64:
        assert [list(try_on(theory, r, tokens)) for tokens in theory.witnesses] == [[]] * len(theory.witnesses)
