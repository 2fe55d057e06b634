"""MACHINES 2: that no run that fits halts, as rows show it; against all runs of small machines."""

from __future__ import annotations

from itertools import product

import pytest

from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.machine import (
    Machine,
    MachineError,
    fewest_steps,
    parse_machine,
    run_machine,
    segments,
)
from exactformer.certificates.checker.statement import no_run_halts


def machine(*rows: str) -> Machine:
    header = 'name: m\ntapes: 1\nstates: [a, b, c, h]\nhalting: h\nalphabet: [_, "1"]\ninput: ["1"]\ntransitions:'
    return parse_machine(header + ("\n" if rows else " []\n") + "".join(f'  - "{row}"\n' for row in rows))


MACHINES = [
    ("one row", 1, machine("a _ -> h _ S")),
    ("three rows", 3, machine("a _ -> b 1 R", "b _ -> c 1 R", "c _ -> h _ S", "b 1 -> a 1 L")),
    ("a short cut that reads what is never there counts", 1, machine("a _ -> b 1 R", "b _ -> a 1 R", "a 1 -> h 1 S")),
    ("no row leads to the halting state", None, machine("a _ -> b 1 R", "b _ -> a 1 L", "b 1 -> b 1 S")),
    ("the row that does is never reached", None, machine("a _ -> a 1 R", "b _ -> h _ S")),
    ("no rows", None, machine()),
]


@pytest.mark.parametrize(("steps", "example"), [pytest.param(*case[1:], id=case[0]) for case in MACHINES])
def test_no_run_halts_after_fewer_steps(steps: int | None, example: Machine) -> None:
    assert fewest_steps(example) == steps
    for word in map("".join, (letters for n in range(4) for letters in product("1", repeat=n))):
        try:
            run, _ = run_machine(example, word, 100)
        except (MachineError, TooLarge):
            continue
        assert steps is not None
        assert len(run) >= steps


def chain(steps: int) -> Machine:
    """Takes so many steps on the empty word, and leaves it empty."""
    states = [f"s{n}" for n in range(steps)]
    header = f"name: chain\ntapes: 1\nstates: [{', '.join(states)}, h]\nhalting: h\nalphabet: [_]\ninput: []\n"
    rows = (f'  - "{one} _ -> {two} _ R"\n' for one, two in zip(states, [*states[1:], "h"], strict=True))
    return parse_machine(header + "transitions:\n" + "".join(rows))


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 8, 9, 12, 13])
def test_the_shortest_chain_of_thought_just_fits_or_does_not(steps: int) -> None:
    example, r = chain(steps), 4
    run, output = run_machine(example, "", 100)
    (only,) = segments(example, "", run, output, r, "cot")
    fits = len(only.tokens)
    assert no_run_halts(example, "cot", fits, r) is None
    assert no_run_halts(example, "cot", fits - 1, r) == (
        f"chain takes at least {steps} steps to halt, and their chain of thought is longer than {fits - 1} tokens: no "
        "run that fits halts"
    )
    assert no_run_halts(example, "scot", fits - 1, r) is None  # a run has several segments


@pytest.mark.parametrize("paradigm", ["cot", "scot"])
@pytest.mark.parametrize(("steps", "example"), [pytest.param(*case[1:], id=case[0]) for case in MACHINES])
def test_where_no_rows_lead_to_the_halting_state_no_run_halts(
    paradigm: str, steps: int | None, example: Machine
) -> None:
    none = "no rows of m lead from its initial state to its halting state: no run of it halts"
    assert no_run_halts(example, paradigm, 2**20, 20) == (none if steps is None else None)
