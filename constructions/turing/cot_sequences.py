"""The chain of thought of a run, token by token, with the true ghosts of `cot.theory`.

Ghosts follow from the machine's configurations and from which token wrote each cell last. A missing value is the first
of its kind: position 0, or the first element.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise, repeat

from exactformer.constructions.machines.machine import Situation, TuringMachine
from exactformer.constructions.machines.run import Configuration, configurations
from exactformer.constructions.theory import TrueToken, Value
from exactformer.constructions.turing.machine_tables import MOVES

SIGNS = ("-1", "+1")


def cot_sequence(machine: TuringMachine, word: str, position_bits: int) -> Iterator[TrueToken]:
    """INP w EINP, run tokens with a block after every r = ``position_bits``, the output; endless if the run is.

    It ends before the first token that the theory has no place for: if the machine has no transition, or a symbol of
    the output is not in the input alphabet. Raises InputError for a word that is not an input.
    """
    run, going, tau = configurations(machine, word), Tracker(machine), 0
    start = next(run)
    yield from going.input_prompt(word)
    if not goes_on(machine, start):
        return
    yield going.token("einp", going.situation(start))
    for before, after in pairwise(chain([start], run)):
        if not goes_on(machine, after):
            return
        tau += 1
        yield going.run_token(before, after, tau)
        if after.state == machine.halting:
            yield from going.output()
        elif tau == position_bits:
            yield from going.block(after, position_bits)
            tau = 0


def goes_on(machine: TuringMachine, configuration: Configuration) -> bool:
    """Whether the machine has halted or can take a step."""
    return configuration.state == machine.halting or situation_of(configuration) in machine.transitions


def situation_of(configuration: Configuration) -> Situation:
    """The state, and what the heads read."""
    symbols = zip(configuration.tapes, configuration.heads, strict=True)
    return configuration.state, tuple(tape[head] for tape, head in symbols)


class Tracker:
    """The position of the next token, and which token wrote what into each cell last."""

    def __init__(self, machine: TuringMachine) -> None:
        self.machine, self.position = machine, 0
        self.writes: dict[tuple[int, int], tuple[int, str]] = {}

    def token(self, cls: str, ghosts: Mapping[str, Value]) -> TrueToken:
        """The next token."""
        self.position += 1
        return TrueToken(cls, ghosts)

    def input_prompt(self, word: str) -> Iterator[TrueToken]:
        """INP w: the symbol at position i is written into cell i - 1 of tape 1."""
        yield self.token("inp", {})
        for cell, symbol in enumerate(word):
            self.writes[1, cell] = self.position, symbol
            yield self.token("input", {"s": symbol, "tape": symbol})

    def run_token(self, before: Configuration, after: Configuration, tau: int) -> TrueToken:
        """The token of a step."""
        action, own = self.machine.transitions[situation_of(before)], dict[str, Value]()
        for k, (cell, symbol, move) in enumerate(zip(before.heads, action.written, action.moves, strict=True), start=1):
            self.writes[k, cell] = self.position, symbol
            own |= {f"c_{k}": cell, f"a_{k}": symbol, f"m_{k}": move.value}
        halted = after.state == self.machine.halting
        return self.token("run", {"tau": tau, "halted": halted, **own, **self.situation(after)})

    def block(self, configuration: Configuration, position_bits: int) -> Iterator[TrueToken]:
        """POS, the bits of the heads' positions, EPOS."""
        heads = configuration.heads

        def spelled(bit: int) -> dict[str, Value]:
            known = bit < position_bits
            return {f"spelled_{k}": SIGNS[known and head >> bit & 1] for k, head in enumerate(heads, start=1)}

        yield self.token("block", self.addressed(heads) | spelled(0))
        for beta in range(position_bits):
            own: dict[str, Value] = {"beta": beta}
            for k, head in enumerate(heads, start=1):
                own |= {f"y_{k}": head, f"here_{k}": SIGNS[head >> beta & 1]}
            yield self.token("bit", own | spelled(beta + 1))
        yield self.token("epos", self.situation(configuration))

    def output(self) -> Iterator[TrueToken]:
        """OUTP, the output, EOUTP: each but the last reads the next cell of tape 1, from cell 0."""
        start, inputs, blank, said = self.position, self.machine.input_alphabet, self.machine.blank, dict[str, Value]()
        for cls in chain(("outp",), repeat("output")):
            ghosts = self.addressed([self.position - start])
            symbol = ghosts["g_1"]
            if symbol not in (blank, *inputs):
                return
            yield self.token(cls, {"o": start, **said, **ghosts, "symbol": inputs[0] if symbol == blank else symbol})
            if symbol == blank:
                break
            said = {"s": symbol, "tape": symbol}
        yield self.token("eoutp", {"o": start})

    def situation(self, configuration: Configuration) -> dict[str, Value]:
        """The state, the cells under the heads, and what the machine does there."""
        machine = self.machine
        state, read = situation_of(configuration)
        found: dict[str, Value] = {"q": state, **self.addressed(configuration.heads)}
        action = machine.transitions.get((state, read))
        found["next"] = action.state if action else machine.states[0]
        for k, symbol in enumerate(read):
            found |= {
                f"read_{k + 1}": symbol,
                f"write_{k + 1}": action.written[k] if action else machine.blank,
                f"move_{k + 1}": (action.moves[k] if action else MOVES[0]).value,
            }
        return found

    def addressed(self, cells: Sequence[int]) -> dict[str, Value]:
        """For each tape the cell, whether it has been written, where last, and what."""
        found = dict[str, Value]()
        for k, cell in enumerate(cells, start=1):
            position, symbol = self.writes.get((k, cell), (0, self.machine.blank))
            written = (k, cell) in self.writes
            found |= {f"x_{k}": cell, f"written_{k}": written, f"w_{k}": position, f"g_{k}": symbol}
        return found
