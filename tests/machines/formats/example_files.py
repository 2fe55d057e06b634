"""Files in the style of each tool's own examples, and words that show what their machines do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from random import Random

from exactformer.constructions.machines.formats.registry import Loaded
from exactformer.constructions.machines.formats.tape_machine import (
    Outcome,
    TapeConfiguration,
    TapeMachine,
    tape_configurations,
)
from exactformer.constructions.machines.library import load
from exactformer.constructions.machines.machine import Action, Move

FILES = Path(__file__).parent / "files"


@dataclass(frozen=True)
class Example:
    """A file, the format as which it is recognised, and, for each word, the outcome and the tape that is left."""

    name: str
    format: str
    runs: tuple[tuple[str, Outcome, str], ...]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        return FILES / self.name


YES, NO, HALTS = Outcome.ACCEPTS, Outcome.REJECTS, Outcome.HALTS
EXAMPLES = (
    Example("increment.yaml", "turingmachine.io", (("1011", HALTS, "1100"), ("11", HALTS, "100"), ("", HALTS, "1"))),
    Example("brackets.yaml", "turingmachine.io", (("(())()", HALTS, "x" * 6), ("(", HALTS, "("), (")", HALTS, "x"))),
    Example("exported.yaml", "turingmachine.io", (("ab'[", HALTS, "ba['"), ("", HALTS, ""))),
    Example("palindrome.txt", "morphett", (("1001", YES, ":)"), ("100", NO, ":("), ("", YES, ":)"), ("1", YES, ":)"))),
    Example("unary.tm", "morphett", (("111", HALTS, "111111"), ("1", HALTS, "11"), ("", HALTS, ""))),
    Example("anbn.jff", "jflap", (("aabb", YES, "xxyy"), ("aab", NO, "xxy"), ("", YES, ""), ("ba", NO, "ba"))),
    Example(
        "first-is-last.jff", "jflap", (("aba", YES, "abA"), ("bab", YES, "baB"), ("ab", NO, "ab"), ("b", YES, "B"))
    ),
    Example(
        "twice.jff", "jflap", (("aa#aa", YES, "aa#aa"), ("aa#a", YES, "aa#a"), ("a#aa", NO, "a#aa"), ("a", NO, "a"))
    ),
    Example("zeros-ones.json", "automata-lib", (("0011", YES, "xxyy"), ("0", NO, "x"), ("", NO, ""), ("10", NO, "10"))),
    Example("parity.py", "automata-lib", (("aab", YES, "Eaab"), ("ab", YES, "Oab"), ("", YES, "E"))),
    Example("ones.json", "automata-lib", (("0110", YES, "0110"), ("", YES, ""))),
    Example("thirty.csv", "busy-beaver", (("", HALTS, "1" * 30),)),
    Example("twelve-symbols.txt", "busy-beaver", (("", HALTS, "1 2 1"),)),
    Example("start.txt", "busy-beaver", ()),
    Example("across.md", "busy-beaver", (("", HALTS, "11111"),)),
    Example("triples.py", "busy-beaver", (("", HALTS, "10" + "1" * 12),)),
)
BY_NAME = {example.name: example for example in EXAMPLES}
STEPS = 300


@cache
def loaded(example: Example) -> Loaded:
    """The example's machine."""
    return load(example.path)


def foreign(example: Example) -> TapeMachine:
    """The machine as the file describes it."""
    return loaded(example).tape_machine


def words(machine: TapeMachine, longest: int = 4, most: int = 120) -> Iterator[tuple[str, ...]]:
    """Short words over the input symbols: all of them, or a drawn part, and always the shortest."""
    found = [word for length in range(longest + 1) for word in product(machine.input_symbols, repeat=length)]
    first = most // 2
    yield from found if len(found) <= most else found[:first] + Random(most).sample(found[first:], most - first)


def run(machine: TapeMachine, word: str | tuple[str, ...], steps: int = STEPS) -> TapeConfiguration:
    """The configuration in which the machine stops; it has to, within so many steps."""
    for each in tape_configurations(machine, word):
        assert each.step <= steps
        last = each
    return last


def held(machine: TapeMachine, configuration: TapeConfiguration) -> str:
    """The first tape, from the first square that is not blank to the last."""
    squares = configuration.tapes[0]
    if not squares:
        return ""
    symbols = [squares.get(square, machine.blank) for square in range(min(squares), max(squares) + 1)]
    return ("" if all(len(symbol) == 1 for symbol in machine.symbols) else " ").join(symbols)


def random_machine(rng: Random, tapes: int) -> TapeMachine:
    """1-4 states, some of which halt, and 2-3 symbols, all with odd names; one situation in eight has no transition."""
    states = rng.sample(["go on", "a'b", "halt", "start", "q+", "{x}", "_x_", "A->B"], rng.randint(1, 4))
    symbols = rng.sample(["_", " ", "0", "10", "'", "#", "é", "a"], rng.randint(2, 4 - tapes))
    table = {}
    for state in states:
        for read in product(symbols, repeat=tapes):
            if rng.random() < 7 / 8:
                written = tuple(rng.choice(symbols) for _ in range(tapes))
                moves = tuple(rng.choice(list(Move)) for _ in range(tapes))
                table[state, read] = Action(rng.choice(states), written, moves)
    halting = {state: rng.choice(list(Outcome)) for state in states[1:] if rng.random() < 1 / 3}
    return TapeMachine(
        "random", tapes, tuple(states), tuple(symbols), tuple(symbols[1:]), table, halting, Outcome.REJECTS
    )
