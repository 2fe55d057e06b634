"""Random machines of every kind, and how their runs end: arguments 1 to 3 are compared with them.

The machines of `constructions.machines.random_machines` have a row for everything and no symbols but input symbols and
the blank, so none of their runs gets stuck, and none halts with an output that is not a word.  These do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random

from exactformer.certificates.checker.machine import MOVES, Machine, Segment, Step, Token, segments

BLANK, INPUT, WORK = "_", "ab", "x"


def random_machine(random: Random, tapes: int) -> Machine:
    """Some rows are missing; ``x`` is a symbol that no input and no output has; the halting state may have rows."""
    working = tuple(f"q{number}" for number in range(random.randint(1, 3)))
    states, alphabet = (*working, "h"), (BLANK, *INPUT, WORK)
    missing, halting = random.choice((0, 0.1, 0.4)), random.choice((0.1, 0.3, 0.6))
    rows = {
        (state, read): (
            "h" if random.random() < halting else random.choice(working),
            tuple(random.choices(alphabet, k=tapes)),
            tuple(random.choices("LSR", k=tapes)),
        )
        for state in states
        for read in product(alphabet, repeat=tapes)
        if random.random() >= missing
    }
    return Machine("random", tapes, states, "h", alphabet, tuple(INPUT), rows)


def walker(tapes: int) -> Machine:
    """A machine without rows: what `walk` makes of it is not a run of it, but heads, cells and writes are as in one."""
    return Machine("walker", tapes, ("q", "h"), "h", (BLANK, *INPUT, WORK), tuple(INPUT), {})


def walk(moves: list[tuple[str, ...]], random: Random) -> list[Step]:
    """Steps that move the heads like this and write anything."""
    cells, steps = (0,) * len(moves[0]), list[Step]()
    for moved in moves:
        cells = tuple(max(cell + MOVES[move], 0) for cell, move in zip(cells, moved, strict=True))
        steps.append(Step("q", tuple(random.choices(BLANK + INPUT + WORK, k=len(moved))), moved, cells))
    return steps


@dataclass
class Configuration:
    """State, heads and tapes, by tape from 0; cells that are left out are blank."""

    state: str
    heads: tuple[int, ...]
    tapes: list[dict[int, str]]

    @classmethod
    def first(cls, machine: Machine, word: str) -> Configuration:
        """What a run begins with."""
        tapes = [dict[int, str]() for _ in range(machine.tapes)]
        tapes[0].update(enumerate(word))
        return cls(machine.states[0], (0,) * machine.tapes, tapes)

    def read(self) -> tuple[str, ...]:
        """The symbols under the heads."""
        return tuple(tape.get(head, BLANK) for tape, head in zip(self.tapes, self.heads, strict=True))

    def take(self, step: Step) -> None:
        """What a step does."""
        for tape, head, symbol in zip(self.tapes, self.heads, step.written, strict=True):
            tape[head] = symbol
        self.state, self.heads = step.state, step.cells


@dataclass(frozen=True)
class Ended:
    """A run, as far as it went: ``word`` and ``no word`` if it halted; ``output`` is tape 1 without trailing blanks."""

    how: str
    steps: list[Step]
    output: list[str]


def simulate(machine: Machine, word: str, most_steps: int) -> Ended:
    """The run on a word; it may get stuck, or go on."""
    now, steps = Configuration.first(machine, word), list[Step]()
    while now.state != machine.halting and len(steps) < most_steps:
        row = machine.rows.get((now.state, now.read()))
        if row is None:
            return Ended("stuck", steps, [])
        cells = tuple(max(head + MOVES[move], 0) for head, move in zip(now.heads, row[2], strict=True))
        steps.append(Step(*row, cells))
        now.take(steps[-1])
    if now.state != machine.halting:
        return Ended("goes on", steps, [])
    output = [now.tapes[0].get(cell, BLANK) for cell in range(max(now.tapes[0], default=-1) + 1)]
    while output and output[-1] == BLANK:
        output.pop()
    return Ended("word" if set(output) <= set(machine.input) else "no word", steps, output)


def sequences(machine: Machine, word: str, ended: Ended, r: int, paradigm: str) -> list[Segment]:
    """The token sequences of section 5; for a run for which they are not defined, as far as it goes."""
    found = segments(machine, word, ended.steps, "", r, paradigm)
    if ended.output:  # `segments` writes words; this may be none
        tokens: list[Token] = found[-1].tokens
        tokens[-1:-1] = [("SIGMA", (symbol,)) for symbol in ended.output]
        found[-1] = Segment(tokens, found[-1].prompt, len(tokens))
    return found


def configurations(
    machine: Machine, word: str, steps: list[Step], tokens: list[list[Token]]
) -> Iterator[list[Configuration]]:
    """For every sequence, the configuration after each of its tokens."""
    now, left = Configuration.first(machine, word), iter(steps)
    for sequence in tokens:
        found = []
        for family, _ in sequence:
            if family == "RUN":
                now.take(next(left))
            found.append(Configuration(now.state, now.heads, [dict(tape) for tape in now.tapes]))
        yield found
