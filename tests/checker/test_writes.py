"""MACHINES 1: how often one cell can be written; by hand, and against runs."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product

import pytest

from exactformer.certificates.checker import writes
from exactformer.certificates.checker.machine import Machine, parse_machine
from exactformer.constructions.machines.library import HANDWRITTEN
from exactformer.constructions.machines.text import read_machine
from exactformer.verify.writes import write_bound
from tests.checker.conftest import UNLIMITED, library
from tests.checker.ghosts import ghosts


def machine(*rows: str, tapes: int = 1) -> Machine:
    header = f'name: m\ntapes: {tapes}\nstates: [a, b, h]\nhalting: h\nalphabet: [_, "1"]\ninput: ["1"]\ntransitions:\n'
    return parse_machine(header + "".join(f'  - "{row}"\n' for row in rows))


BOUNDS = [
    ("once and away", 2, machine("a _ -> h _ R", "a 1 -> a 1 R")),
    ("twice by standing still", 3, machine("a _ -> b 1 S", "a 1 -> b 1 S", "b 1 -> h 1 S")),
    ("there and back", 2, machine("a 1 -> b 1 R", "a _ -> h _ S", "b _ -> h 1 L", "b 1 -> h 1 L")),
    ("to and fro for ever", None, machine("a 1 -> b 1 R", "b _ -> a 1 L", "a _ -> h 1 S")),
    ("cell 0 for ever", None, machine("a 1 -> a 1 L", "a _ -> h _ S")),
    ("the input is not a write of tape 2", 1, machine("a _ _ -> h _ _ S S", tapes=2)),
]


@pytest.mark.parametrize(("bound", "example"), [pytest.param(*case[1:], id=case[0]) for case in BOUNDS])
def test_writes_per_cell(bound: int | None, example: Machine) -> None:
    assert writes.writes_per_cell(example, UNLIMITED) == bound


def drawn(rng: random.Random) -> str:
    """The text of a machine; rows mostly lead on, so that many have a bound."""
    tapes, alphabet = rng.choice((1, 1, 2)), ("_", "1", "x")[: rng.randint(2, 3)]
    states, rows = [*"abcd"[: rng.randint(1, 4)], "h"], list[str]()
    for place, state in enumerate(states[:-1]):
        for read in product(alphabet, repeat=tapes):
            after = rng.choice(states[place:] if rng.random() < 0.7 else states)
            moves = [rng.choice("RRS" if rng.random() < 0.7 else "LRS") for _ in read]
            written = [rng.choice(alphabet) for _ in read]
            if rng.random() < 0.6 or not rows:
                rows.append(f'  - "{" ".join((state, *read))} -> {" ".join((after, *written, *moves))}"\n')
    symbols = ", ".join(f'"{symbol}"' for symbol in alphabet)
    return (
        f"name: m\ntapes: {tapes}\nstates: [{', '.join(states)}]\nhalting: h\nalphabet: [{symbols}]\n"
        f'input: ["1"]\ntransitions:\n{"".join(rows)}'
    )


def test_random_machines_have_the_bound_that_the_prover_finds_in_its_own_way() -> None:
    rng, found = random.Random(5), Counter[int | None]()
    for _ in range(400):
        text = drawn(rng)
        bound = writes.writes_per_cell(parse_machine(text), UNLIMITED)
        assert bound == write_bound(read_machine(text)).largest, text
        found[bound] += 1
    assert len(found) >= 4
    assert found[None] > 50


@pytest.mark.parametrize("name", sorted(HANDWRITTEN))
def test_no_run_writes_a_cell_more_often(name: str) -> None:
    """Against runs of the library's machines: a bound that is given holds there."""
    example = library(name)
    bound = writes.writes_per_cell(example, UNLIMITED)
    if bound is not None:
        tokens = ghosts(example, example.input[0] * 3, 64)
        cells = [token.values["c_1"] for token in tokens if token.cls == "RUN"]
        cells += [token.values["i"] - 1 for token in tokens if token.cls == "INPUT"]
        assert max(map(cells.count, cells)) <= bound
