"""The ghosts of a token, from the tokens before it alone; and what a network really holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from exactformer.certificates.checker.machine import MOVES, Machine, Segment, Token, run_machine, segments
from exactformer.certificates.checker.replay import Stream, attend, embed, require_ternary, run_mlp
from exactformer.certificates.checker.weights import Network
from tests.checker.conftest import UNLIMITED

MOVE_CODES = {"L": 0, "S": 1, "R": 3}


@dataclass(frozen=True)
class Ghosts:
    """A token: its class and the ghosts it has, by their names in SPEC; moves as bits of enc_move."""

    cls: str
    values: Mapping[str, int]


class _Tapes:
    """What the tapes hold, who wrote it, and where the heads are: from the tokens of one segment alone."""

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

    def entry(self, cells: Mapping[int, int]) -> Iterator[tuple[str, int]]:
        """q, has_entry, q', a'_k, m'_k; blanks where no cell is addressed."""
        symbols = self.machine.alphabet
        places = ((tape, cells.get(tape)) for tape in self.heads)
        read = tuple(symbols[self.last.get((k, cell), (0, 0))[1] if cell is not None else 0] for k, cell in places)
        row = self.machine.rows.get((self.state, read))
        yield "q", self.machine.states.index(self.state)
        yield "has_entry", int(row is not None)
        if row is not None:
            yield "q'", self.machine.states.index(row[0])
            for tape in self.heads:
                yield f"a'_{tape}", symbols.index(row[1][tape - 1])
                yield f"m'_{tape}", MOVE_CODES[row[2][tape - 1]]


def ghosts(machine: Machine, word: str, r: int) -> list[Ghosts]:
    """The tokens of a run of the paradigm cot."""
    (segment,) = run_segments(machine, word, r, "cot")
    return ghosts_of(machine, segment.tokens, summarized=False)


def run_segments(machine: Machine, word: str, r: int, paradigm: str) -> list[Segment]:
    """The segments of a run."""
    steps, output = run_machine(machine, word, 10**6)
    return segments(machine, word, steps, output, r, paradigm)


def ghosts_of(machine: Machine, tokens: list[Token], summarized: bool) -> list[Ghosts]:
    """The ghosts of the tokens of one segment, from these alone (constructions/turing/cot.theory, scot.theory)."""
    tapes, found, place, marks = _Tapes(machine), list[Ghosts](), 0, dict[str, int]()
    for i, (family, fields) in enumerate(tokens):
        late = "e" in marks
        cls = {"SIGMA": "OUTPUT" if "o" in marks else "INPUT"}.get(family, family)
        if family in ("SUMM", "CELL", "STATE"):
            cls = ("NEW" if late else "OLD") + family
        marks |= {mark: i for mark, first in (("o", "OUTP"), ("u", "NEWSUMM")) if cls == first}
        values, cells = {"i": i}, dict[int, int]()
        if summarized:
            values["summary"] = int(tokens[0][0] == "SUMM")
            if late:
                values |= {"e": marks["e"], "cap": (i >= 4 * marks["e"]) + (i > 4 * marks["e"])}
        if cls in ("OUTP", "OUTPUT", "EOUTP"):
            values["o"] = marks["o"]
            cells = {} if family == "EOUTP" else {1: i - marks["o"]}
        if cls in ("NEWCELL", "NEWSTATE"):
            values["u"] = marks["u"]
        symbol = [machine.alphabet.index(name) if name in machine.alphabet else -1 for name in fields]
        if family == "SIGMA":
            values["s"] = symbol[0]
            if cls == "INPUT":
                tapes.last[1, i - 1] = i, values["s"]
        elif family == "CELL":
            for tape in tapes.heads:
                values[f"a_{tape}"], values[f"h_{tape}"] = symbol[2 * tape - 2], int(fields[2 * tape - 1])
                if cls == "OLDCELL":
                    tapes.last[tape, i - 1] = i, values[f"a_{tape}"]
                    tapes.heads[tape] = i - 1 if fields[2 * tape - 1] == "1" else tapes.heads[tape]
        elif family == "STATE":
            tapes.state = fields[0]
        elif family == "RUN":
            for tape, cell in tapes.heads.items():
                moved = fields[machine.tapes + tape]
                values |= {f"c_{tape}": cell, f"a_{tape}": symbol[tape], f"m_{tape}": MOVE_CODES[moved]}
                tapes.last[tape, cell] = i, symbol[tape]
                tapes.heads[tape] = max(cell + MOVES[moved], 0)
            tapes.state = fields[0]
            values |= {"tau": place + 1, "halted": int(tapes.state == machine.halting)}
        elif family == "BIT":
            values |= {"beta": place}
        place = place + 1 if family in ("RUN", "BIT") else 0
        if family in ("EINP", "RUN", "POS", "EPOS", "ESUMM"):
            cells = dict(tapes.heads)
        if cls in ("NEWSUMM", "NEWCELL"):
            cells = dict.fromkeys(tapes.heads, i - marks["u"])
            values |= {f"here_{tape}": int(i - marks["u"] == cell) for tape, cell in tapes.heads.items()}
        if cls in ("BIT", "NEWSUMM", "NEWCELL"):
            values |= {f"y_{tape}": cell for tape, cell in tapes.heads.items()}
        if cls in ("EINP", "RUN", "EPOS", "ESUMM", "OLDSTATE", "NEWSTATE"):
            values |= dict(tapes.entry(cells))
        if cls in ("NEWSUMM", "NEWCELL"):
            values["q"] = machine.states.index(tapes.state)
        if cls in ("EINP", "ESUMM"):
            marks["e"] = i
        found.append(Ghosts(cls, values | dict(tapes.addressed(cells))))
    return found


def segment_from(
    machine: Machine, state: str, tapes: list[list[str]], heads: list[int], r: int
) -> tuple[list[Token], Token | None] | None:
    """The tokens read of the segment whose prompt is this configuration, and the one that follows them, if any.

    None if the machine gets stuck, or halts with no word over its input alphabet.
    """
    blank, cells = machine.alphabet[0], [dict(enumerate(tape)) for tape in tapes]
    used, heads = len(tapes[0]), list(heads)

    def summary() -> list[Token]:
        shown = list[Token]()
        for at in range(used):
            pairs = ((tape.get(at, blank), str(int(head == at))) for tape, head in zip(cells, heads, strict=True))
            shown.append(("CELL", tuple(value for pair in pairs for value in pair)))
        return [("SUMM", ()), *shown, ("STATE", (state,)), ("ESUMM", ())]

    tokens = summary()
    e, runs = len(tokens) - 1, 0
    while True:
        row = machine.rows.get((state, tuple(t.get(h, blank) for t, h in zip(cells, heads, strict=True))))
        if row is None:
            return None
        state, written, moves = row
        for tape, head, symbol in zip(cells, heads, written, strict=True):
            tape[head] = symbol
        heads = [max(head + MOVES[move], 0) for head, move in zip(heads, moves, strict=True)]
        used, runs = max(used, *(head + 1 for head in heads)), runs + 1
        tokens.append(("RUN", (state, *written, *moves)))
        if state == machine.halting:
            break
        if len(tokens) - 1 >= 4 * e:
            *read, last = summary()
            return tokens + read, last
        if runs % r == 0:
            bits = [("BIT", tuple("+1" if head >> b & 1 else "-1" for head in heads)) for b in range(r)]
            tokens += [("POS", ()), *bits, ("EPOS", ())]
    word = [cells[0].get(at, blank) for at in range(used)]
    while word and word[-1] == blank:
        word.pop()
    if not set(word) <= set(machine.input):
        return None
    return [*tokens, ("OUTP", ()), *(("SIGMA", (symbol,)) for symbol in word), ("EOUTP", ())], None


def really_held(network: Network, tokens: list[Token]) -> list[Stream]:
    """The stream at every stage, of the hardmax network."""
    stream = embed("run", network, tokens)
    stages = [stream]
    for layer in network.layers:
        added = stream.astype(np.int32)
        for head in layer.heads:
            attended = attend("run", head, stream, UNLIMITED)
            for source, target in zip(head.value, head.out, strict=True):
                added[target] += stream[source, attended.chosen]
        stages.append(require_ternary("run", added))
        stages.append(run_mlp("run", layer.mlp, stages[-1], UNLIMITED))
        stream = stages[-1]
    return stages
