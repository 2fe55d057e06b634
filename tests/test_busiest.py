"""The search for a run that writes a cell often: what it finds is such a run, and it keeps to its budget."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import exactformer.verify.busiest
from exactformer.constructions.machines.library import HANDWRITTEN, load_machine
from exactformer.constructions.machines.machine import MachineError, TuringMachine
from exactformer.constructions.machines.run import MissingTransition, Run, trace
from exactformer.constructions.machines.text import read_machine
from exactformer.constructions.turing.tokens import cot_length
from exactformer.verify.busiest import busiest_run, steps_that_fit
from exactformer.verify.writes import write_bound, writes_per_cell


def length(run: Run, position_bits: int) -> int:
    return cot_length(len(run.word), run.steps, len(run.output), position_bits)


def machine(rows: list[str], *, tapes: int, states: str, alphabet: str, word: str) -> TuringMachine:
    """A machine over one-letter states; ``h`` halts."""
    lines = ["name: test", f"tapes: {tapes}", f"states: [{', '.join(states)}, h]", "halting: h"]
    lines += [f"alphabet: [{', '.join(alphabet)}]", f"input: [{', '.join(word)}]", "transitions:"]
    return read_machine("\n".join([*lines, *(f'  - "{row}"' for row in rows)]) + "\n", "test")


# Tape 2 is written once for every symbol, as in "rewrite".
BAD_OUTPUT_FOR_A = machine(
    ["q a _ -> q c _ R S", "q b _ -> q b _ R S", "q _ _ -> h _ _ S S"], tapes=2, states="q", alphabet="_abc", word="ab"
)
"""Only words without an a leave a word over the input alphabet."""

STUCK_AT_A = machine(["q b _ -> q b _ R S", "q _ _ -> h _ _ S S"], tapes=2, states="q", alphabet="_ab", word="ab")
ENDLESS_AT_A = machine(
    ["q a _ -> q a _ S S", "q b _ -> q b _ R S", "q _ _ -> h _ _ S S"], tapes=2, states="q", alphabet="_ab", word="ab"
)
ENDS_WITH_B = machine(
    ["q a _ -> q a _ R S", "q b _ -> p b _ R S", "p _ _ -> h _ _ S S"], tapes=2, states="qp", alphabet="_ab", word="ab"
)
NEVER_HALTS = machine(["q a -> q a S", "q _ -> q _ S"], tapes=1, states="q", alphabet="_a", word="a")
ALWAYS_BAD = machine(["q a _ -> q b _ R S", "q _ _ -> h b _ S S"], tapes=2, states="q", alphabet="_ab", word="a")
AT_ONCE = machine(
    ["q a _ -> h a _ S S", "q _ _ -> p _ _ S S", "p _ _ -> p _ _ R S"], tapes=2, states="qp", alphabet="_a", word="a"
)
"""One step, however long the input is."""
ALWAYS_STUCK = machine(["q a _ -> q a _ R S"], tapes=2, states="q", alphabet="_a", word="a")

IN_THIS_ORDER = machine(
    [
        *(
            f"{state} {letter} _ -> {after if letter == state else state} {letter} _ R S"
            for state, after in zip("abcdef", "bcdeff", strict=True)
            for letter in "abcde"
        ),
        "f _ _ -> h _ _ S S",
    ],
    tapes=2,
    states="abcdef",
    alphabet="_abcde",
    word="abcde",
)
"""Halts on words with a, b, c, d and e in this order, and other symbols between: no family has all five."""


# ---------------------------------------------------------------------------- what is found


@dataclass(frozen=True)
class Found:
    """A machine of the library, how many writes to look for, and how many tokens are enough for them."""

    name: str
    writes: int
    tokens: int

    def __str__(self) -> str:
        return f"{self.name}: {self.writes} writes"


FOUND = (
    Found("rewrite", 61, 239),
    Found("binary-addition", 61, 256),
    Found("binary-counter", 61, 1024),
    Found("copy", 61, 1024),
    Found("three-equal-blocks", 61, 256),
    Found("palindrome", 61, 5000),
    *(Found(name, 11, 256) for name in HANDWRITTEN if write_bound(HANDWRITTEN[name].machine).largest is None),
)


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_a_busy_run_is_found(case: Found) -> None:
    run = busiest_run(load_machine(case.name), case.writes, 65536, 16)
    assert run is not None
    assert run == trace(load_machine(case.name), run.word)
    assert max(writes_per_cell(run).values()) >= case.writes
    assert length(run, 16) <= case.tokens


WORDS = {
    "as many ones as it takes": (load_machine("rewrite"), 12, "1" * 11),
    "the output is not a word": (BAD_OUTPUT_FOR_A, 12, "b" * 11),
    "the run gets stuck": (STUCK_AT_A, 12, "b" * 11),
    "the run does not end": (ENDLESS_AT_A, 12, "b" * 11),
    "the end of a word is another symbol": (ENDS_WITH_B, 40, "a" * 38 + "b"),
}


@pytest.mark.parametrize("title", WORDS)
def test_only_runs_that_halt_with_an_output_are_found(title: str) -> None:
    machine, writes, word = WORDS[title]
    run = busiest_run(machine, writes, 65536, 16)
    assert run is not None
    assert run.word == word


def test_random_words_are_tried() -> None:
    run = busiest_run(IN_THIS_ORDER, 30, 1024, 10)
    assert run is not None
    assert len(run.word) >= 29


@pytest.mark.parametrize(("name", "writes"), [("rewrite", 11), ("unary-doubling", 11), ("rewrite", 61)])
def test_the_chain_of_thought_has_to_fit(name: str, writes: int) -> None:
    # These have one word of each length, and longer ones write more often: the shortest that does it is found.
    run = busiest_run(load_machine(name), writes, 1024, 10)
    assert run is not None
    assert busiest_run(load_machine(name), writes, length(run, 10), 10) == run
    assert busiest_run(load_machine(name), writes, length(run, 10) - 1, 10) is None


def test_the_same_search_finds_the_same_run() -> None:
    first, second = (busiest_run(load_machine("bit-sort"), 19, 65536, 16) for _ in range(2))
    assert first is not None
    assert first == second


# ---------------------------------------------------------------------------- what is not


def test_nothing_is_looked_for_beyond_a_proved_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert busiest_run(load_machine("increment"), 4, 1024, 10) is not None
    monkeypatch.setattr(exactformer.verify.busiest, "trace", None)
    assert busiest_run(load_machine("increment"), 5, 1024, 10) is None


@pytest.mark.parametrize("context", [1, 4, 5, 6])
def test_a_context_that_holds_next_to_nothing(context: int) -> None:
    # INP EINP OUTP EOUTP, and the token of the one step on the empty word.
    run = busiest_run(load_machine("rewrite"), 1, context, 4)
    assert (run is None) == (context < 5)


FRUITLESS = {
    "never halts": NEVER_HALTS,
    "always leaves a bad output": ALWAYS_BAD,
    "always gets stuck": ALWAYS_STUCK,
    "halts at once": AT_ONCE,
    "does, but not so often": load_machine("binary-counter"),
    "needs words in a certain order": IN_THIS_ORDER,
}


@pytest.mark.parametrize("title", FRUITLESS)
@pytest.mark.parametrize("budget", [0, 1, 1000, 20_000])
def test_the_search_keeps_to_its_budget(title: str, budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps and symbols: in a context like this words may be longer than any memory."""
    effort = []

    def counting(machine: TuringMachine, word: str, max_steps: int) -> Run:
        try:
            run = trace(machine, word, max_steps)
        except MissingTransition as stuck:
            effort.append(len(word) + stuck.step)
            raise
        except MachineError:
            effort.append(len(word) + max_steps)
            raise
        effort.append(len(word) + run.steps)
        return run

    monkeypatch.setattr(exactformer.verify.busiest, "trace", counting)
    assert busiest_run(FRUITLESS[title], 1000, 2**40, 40, most_steps=budget) is None
    assert sum(effort) <= budget
    assert effort or budget < 1000


def test_more_writes_than_steps_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite = load_machine("rewrite")
    assert busiest_run(rewrite, 101, 2**40, 40, most_steps=100) is None
    monkeypatch.setattr(exactformer.verify.busiest, "trace", None)
    assert busiest_run(rewrite, 102, 2**40, 40, most_steps=100) is None


def test_steps_that_fit_are_as_many_as_the_length_of_the_chain_of_thought_allows() -> None:
    for position_bits in (2, 4, 6):
        for input_length in (0, 1, 5):
            for context in range(1, 80):
                steps = steps_that_fit(input_length, context, position_bits)
                assert steps == 0 or cot_length(input_length, steps, 0, position_bits) <= context
                assert cot_length(input_length, steps + 1, 0, position_bits) > context
