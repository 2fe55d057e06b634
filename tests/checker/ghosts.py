"""The ghosts of SPEC 11.1 on real runs, by simulation; what contents say with them; what a network really holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from certificates.checker.machine import MOVES, Machine, run_machine, segments
from certificates.checker.replay import Stream, attend, embed, require_ternary, run_mlp
from certificates.checker.universal.annotation import Annotation
from certificates.checker.universal.contents import (
    Bit,
    BitOfBlock,
    Code,
    Condition,
    Constant,
    Content,
    Fetched,
    Flag,
    Number,
    Step,
)
from certificates.checker.weights import Network

MOVE_CODES = {"L": 0, "S": 1, "R": 3}


@dataclass(frozen=True)
class Ghosts:
    """A token: its class and the ghosts it has, by their names in SPEC; moves as bits of enc_move."""

    cls: str
    values: Mapping[str, int]

    def number(self, what: Number) -> int:
        """A number of this token."""
        match what.kind:
            case "blank":
                return 0
            case "back":
                return max(self.values["i"] - what.index, 0)
            case "i - o":
                return self.values["i"] - self.values["o"] % (1 << what.index)
        return self.values[what.kind + (f"_{what.index}" if what.index else "")]


class _Tapes:
    """What the tapes hold, who wrote it, and where the heads are."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.state = machine, machine.states[0]
        self.heads = dict.fromkeys(range(1, machine.tapes + 1), 0)
        self.last: dict[tuple[int, int], tuple[int, int]] = {}

    def addressed(self, cells: Mapping[int, int]) -> Iterator[tuple[str, int]]:
        """x_k, written_k, w_k, g_k."""
        for tape in self.heads:
            found = self.last.get((tape, cells[tape])) if tape in cells else None
            yield f"written_{tape}", int(found is not None)
            yield from [(f"x_{tape}", cells[tape])] if tape in cells else []
            yield from [(f"w_{tape}", found[0]), (f"g_{tape}", found[1])] if found else []

    def entry(self) -> Iterator[tuple[str, int]]:
        """q, has_entry, q', a'_k, m'_k."""
        symbols = self.machine.alphabet
        read = tuple(symbols[self.last.get(place, (0, 0))[1]] for place in self.heads.items())
        row = self.machine.rows.get((self.state, read))
        yield "q", self.machine.states.index(self.state)
        yield "has_entry", int(row is not None)
        if row is not None:
            yield "q'", self.machine.states.index(row[0])
            for tape in self.heads:
                yield f"a'_{tape}", symbols.index(row[1][tape - 1])
                yield f"m'_{tape}", MOVE_CODES[row[2][tape - 1]]


def ghosts(machine: Machine, word: str, r: int) -> list[Ghosts]:
    """The tokens of a run."""
    steps, output = run_machine(machine, word, 10**6)
    (segment,) = segments(machine, word, steps, output, r, "cot")
    tapes, found, step, place, out = _Tapes(machine), list[Ghosts](), 0, 0, -1
    for i, (family, fields) in enumerate(segment.tokens):
        cls, values, cells = family, {"i": i}, dict[int, int]()
        if out >= 0 or family == "OUTP":
            out = max(out, i if family == "OUTP" else 0)
            values["o"] = out
            cells = {} if family == "EOUTP" else {1: i - out}
        if family == "SIGMA":
            cls = "INPUT" if out < 0 else "OUTPUT"
            values["s"] = machine.alphabet.index(fields[0])
            if cls == "INPUT":
                tapes.last[1, i - 1] = i, values["s"]
        elif family == "RUN":
            for tape, cell in tapes.heads.items():
                values[f"c_{tape}"] = cell
                values[f"a_{tape}"] = machine.alphabet.index(steps[step].written[tape - 1])
                values[f"m_{tape}"] = MOVE_CODES[steps[step].moved[tape - 1]]
                tapes.last[tape, cell] = i, values[f"a_{tape}"]
                tapes.heads[tape] = max(cell + MOVES[steps[step].moved[tape - 1]], 0)
            tapes.state = steps[step].state
            values |= {"tau": place + 1, "halted": int(tapes.state == machine.halting)}
            step += 1
        elif family == "BIT":
            values |= {"beta": place} | {f"y_{tape}": cell for tape, cell in tapes.heads.items()}
        place = place + 1 if family in ("RUN", "BIT") else 0
        if family in ("EINP", "RUN", "POS", "EPOS"):
            cells = dict(tapes.heads)
        if family in ("EINP", "RUN", "EPOS"):
            values |= dict(tapes.entry())
        found.append(Ghosts(cls, values | dict(tapes.addressed(cells))))
    return found


def really_held(network: Network, machine: Machine, word: str) -> list[Stream]:
    """The stream at every stage, of the hardmax network."""
    steps, output = run_machine(machine, word, 10**6)
    (segment,) = segments(machine, word, steps, output, network.r, "cot")
    stream = embed("run", network, segment.tokens)
    stages = [stream]
    for layer in network.layers:
        added = stream.astype(np.int32)
        for head in layer.heads:
            attended = attend("run", head, stream)
            for source, target in zip(head.value, head.out, strict=True):
                added[target] += stream[source, attended.chosen]
        stages.append(require_ternary("run", added))
        stages.append(run_mlp("run", layer.mlp, stages[-1]))
        stream = stages[-1]
    return stages


@dataclass(frozen=True)
class Meaning:
    """What contents say at a token, given what earlier tokens really held."""

    token: Ghosts
    stages: list[Stream]
    first: Mapping[str, int]

    def of(self, content: Content, width: int) -> list[int]:
        """The coordinates of a content."""
        token = self.token
        match content:
            case Constant(value):
                return [value] * width
            case Code(what, low):
                value = token.number(what)
                return [0 if place < low else 2 * (value >> place & 1) - 1 for place in range(width)]
            case Bit(what, place):
                return [2 * (token.number(what) >> place & 1) - 1]
            case BitOfBlock(what, more):
                return [2 * (token.number(what) >> token.values["beta"] + more & 1) - 1]
            case Fetched(register, back, layer):
                rows = slice(self.first[register], self.first[register] + width)
                return [int(v) for v in self.stages[2 * layer - 2][rows, max(token.values["i"] - back, 0)]]
        return self.of(content.then if self.truth(content.condition) else content.other, width)

    def truth(self, condition: Condition) -> bool:
        """Whether a condition holds."""
        match condition:
            case Step():
                return condition.holds(self.token.values[condition.ghost])
            case Flag(name):
                return self.token.values[name] == 1
            case Bit(what, place):
                return self.token.number(what) >> place & 1 == 1
        return self.token.number(condition.number) == 0


def untrue(network: Network, machine: Machine, annotation: Annotation, word: str) -> tuple[int, int, str] | None:
    """The first token, stage and register at which an annotation is wrong about a run; None if it is right."""
    widths = dict(network.registers)
    first = dict(zip(widths, np.cumsum([0, *widths.values()]).tolist(), strict=False))
    stages = really_held(network, machine, word)
    for i, token in enumerate(ghosts(machine, word, network.r)):
        for stage, held in enumerate(annotation.stages[token.cls]):
            for register, content in held.items():
                rows = slice(first[register], first[register] + widths[register])
                said = Meaning(token, stages, first).of(content, widths[register])
                if said != [int(value) for value in stages[stage][rows, i]]:
                    return i, stage, register
    return None
