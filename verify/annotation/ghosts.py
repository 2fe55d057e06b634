"""Token classes and ghosts, and what they are in a run (spec 5.1, points 3 and 4).

Ghosts of a token, k ranging over tapes; each class has those that are named for it:

    i, blank          its position; the index of the blank, 0
    tau               of a run token: which one it is behind the last EINP or EPOS, 1..r
    q, a_k, m_k       the state after the step, the symbol written, the move (0 left, 1 stay, 2 right)
    c_k               the cell written
    halted            1 if q is the halting state
    x_k               the cell that the token *addresses*: where head k stands, or the next output cell on tape 1
    written_k         1 if a token up to this one wrote cell x_k, else 0 (also if it addresses none)
    w_k, w_k[b]       then, the position of the last such token, and bit b of it
    g_k               then, the symbol it wrote
    beta, y_k         of a bit token: which bit it is, and of which cells
    s                 of an input or output symbol: its index in the alphabet
    o                 from OUTP on: the position of OUTP
    summary           1 if the segment begins with a summary
    e, cap            behind the prompt: the position of its last token; 0, 1, 2 if i is below, at, above 4e
    h_k               of a summary's cell: 1 if head k is in it
    u                 of a new summary's cells and state: the position of its SUMM
    y_k, here_k       of a new summary's SUMM and cells: where head k stands; 1 if that is x_k
    has_entry, q', a'_k, m'_k    whether delta has an entry for q and the symbols at x_1..x_K, and what it says
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from exactformer.constructions.machines.machine import Action, Move, TuringMachine
from exactformer.constructions.machines.run import Run
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.annotation.content import Ghosts

MOVES = (Move.LEFT, Move.STAY, Move.RIGHT)


class TokenClass(Enum):
    """Kinds of tokens (spec 2.1, 3.1): input and output symbols are different kinds, and so are the tokens of the
    summary that a segment begins with and of the one that it ends with."""

    INP = "INP"
    INPUT = "input symbol"
    EINP = "EINP"
    RUN = "run"
    POS = "POS"
    BIT = "bit"
    EPOS = "EPOS"
    OUTP = "OUTP"
    OUTPUT = "output symbol"
    EOUTP = "EOUTP"
    OLDSUMM = "old SUMM"
    OLDCELL = "old cell"
    OLDSTATE = "old state"
    ESUMM = "ESUMM"
    NEWSUMM = "new SUMM"
    NEWCELL = "new cell"
    NEWSTATE = "new state"


OLD_SUMMARY = (TokenClass.OLDSUMM, TokenClass.OLDCELL, TokenClass.OLDSTATE, TokenClass.ESUMM)
NEW_SUMMARY = (TokenClass.NEWSUMM, TokenClass.NEWCELL, TokenClass.NEWSTATE)
INPUT_PROMPT = (TokenClass.INP, TokenClass.INPUT, TokenClass.EINP)
CHAIN = tuple(kind for kind in TokenClass if kind not in (*OLD_SUMMARY, *NEW_SUMMARY))
LATE = (*(kind for kind in CHAIN if kind not in INPUT_PROMPT), *NEW_SUMMARY)
"""The tokens behind the prompt."""


def classes(paradigm: Paradigm) -> tuple[TokenClass, ...]:
    """The classes that occur in the sequences of a paradigm."""
    return CHAIN if paradigm is Paradigm.COT else tuple(TokenClass)


class _Writes:
    """Which token wrote each cell last, and what."""

    def __init__(self, machine: TuringMachine, bits: int) -> None:
        self.machine = machine
        self.bits = bits
        self.last: list[dict[int, tuple[int, int]]] = [{} for _ in range(machine.tapes)]

    def write(self, tape: int, cell: int, position: int, symbol: str) -> None:
        self.last[tape][cell] = (position, self.machine.symbol_index(symbol))

    def address(self, ghosts: Ghosts, cells: dict[int, int]) -> None:
        """Add x_k, written_k, w_k and g_k for the cells addressed, by tape from 0."""
        for tape in range(self.machine.tapes):
            k = tape + 1
            ghosts[f"written_{k}"] = 0
            if tape not in cells:
                continue
            ghosts[f"x_{k}"] = cells[tape]
            if cells[tape] in self.last[tape]:
                position, symbol = self.last[tape][cells[tape]]
                ghosts |= {f"written_{k}": 1, f"w_{k}": position, f"g_{k}": symbol}
                ghosts |= {f"w_{k}[{b}]": position >> b & 1 for b in range(self.bits)}

    def step(self, ghosts: Ghosts) -> None:
        """Add what delta says for q and the symbols addressed."""
        machine = self.machine
        read = tuple(machine.alphabet[ghosts.get(f"g_{k}", 0)] for k in range(1, machine.tapes + 1))
        action = machine.transitions.get((machine.states[ghosts["q"]], read))
        ghosts["has_entry"] = int(action is not None)
        if action is not None:
            ghosts |= did(machine, action, "'")


def did(machine: TuringMachine, action: Action, prime: str = "") -> Ghosts:
    """q, a_k and m_k of an action."""
    ghosts = {f"q{prime}": machine.state_index(action.state)}
    for k, (symbol, move) in enumerate(zip(action.written, action.moves, strict=True), start=1):
        ghosts |= {f"a{prime}_{k}": machine.symbol_index(symbol), f"m{prime}_{k}": MOVES.index(move)}
    return ghosts


Described = tuple[TokenClass, Ghosts]
"""A token: its class and its ghosts."""


class _Sequence:
    """The tokens of one sequence, as they are added."""

    def __init__(self, machine: TuringMachine, bits: int, summary: int | None) -> None:
        self.tokens: list[Described] = []
        self.writes = _Writes(machine, bits)
        self.always: Ghosts = {"blank": 0} if summary is None else {"blank": 0, "summary": summary}
        self.end: int | None = None
        """Where the prompt ends; None for a chain of thought, where that does not matter."""

    @property
    def position(self) -> int:
        return len(self.tokens)

    def add(self, kind: TokenClass, ghosts: Ghosts, cells: dict[int, int]) -> None:
        """A token that addresses these cells, by tape from 0."""
        ghosts = {"i": self.position} | self.always | ghosts
        if self.end is not None and kind in LATE:
            above = self.position - 4 * self.end
            ghosts |= {"e": self.end, "cap": 1 + (above > 0) - (above < 0)}
        self.writes.address(ghosts, cells)
        if kind in WITH_STEP:
            self.writes.step(ghosts)
        self.tokens.append((kind, ghosts))


WITH_STEP = (
    TokenClass.EINP,
    TokenClass.RUN,
    TokenClass.EPOS,
    TokenClass.ESUMM,
    TokenClass.OLDSTATE,
    TokenClass.NEWSTATE,
)
"""Classes whose tokens hold a state, so that the transition function says something of them."""


@dataclass
class Situation:
    """A configuration and how many cells a summary of it has: state, heads and symbols by tape, in indices."""

    state: int
    heads: dict[int, int]
    symbols: list[dict[int, int]]
    cells: int

    def take(self, machine: TuringMachine) -> Action:
        """Take a step.  KeyError if there is none."""
        read = tuple(machine.alphabet[of.get(self.heads[tape], 0)] for tape, of in enumerate(self.symbols))
        action = machine.transitions[machine.states[self.state], read]
        self.state = machine.state_index(action.state)
        for tape, (symbol, move) in enumerate(zip(action.written, action.moves, strict=True)):
            self.symbols[tape][self.heads[tape]] = machine.symbol_index(symbol)
            self.heads[tape] = max(0, self.heads[tape] + MOVES.index(move) - 1)
        self.cells = max(self.cells, *(head + 1 for head in self.heads.values()))
        return action

    def output(self) -> list[int]:
        """The symbols on tape 1 without trailing blanks."""
        written = [self.symbols[0].get(cell, 0) for cell in range(self.cells)]
        while written and not written[-1]:
            written.pop()
        return written


def ghosts_of(run: Run, position_bits: int) -> list[Described]:
    """Class and ghosts of every token of a run's chain of thought, in order."""
    return sequence_ghosts(Paradigm.COT, run, position_bits)[0]


def sequence_ghosts(paradigm: Paradigm, run: Run, position_bits: int) -> list[list[Described]]:
    """Class and ghosts of every token that is read, sequence by sequence (spec 2.1, 3.1)."""
    machine, tapes = run.machine, range(run.machine.tapes)
    symbols: list[dict[int, int]] = [{} for _ in tapes]
    symbols[0] = {cell: machine.symbol_index(symbol) for cell, symbol in enumerate(run.word)}
    now = Situation(0, dict.fromkeys(tapes, 0), symbols, max(1, len(run.word)))
    sequence = _input_prompt(run, position_bits, paradigm is Paradigm.SCOT)
    sequences = [sequence]
    while not _go_on(sequence, machine, position_bits, now):
        sequence = _old_summary(machine, position_bits, now)
        sequences.append(sequence)
    return [one.tokens for one in sequences]


def segment_from(machine: TuringMachine, position_bits: int, now: Situation) -> list[Described]:
    """The segment that begins with a summary of a configuration, whether a run gets there or not.

    ``now`` is what it ends with, afterwards.  KeyError if the machine gets stuck.
    """
    sequence = _old_summary(machine, position_bits, now)
    _go_on(sequence, machine, position_bits, now)
    return sequence.tokens


def _go_on(sequence: _Sequence, machine: TuringMachine, r: int, now: Situation) -> bool:
    """Add run tokens to a prompt until the machine halts, with the output, or a summary is due; whether it halts."""
    step, halted = 0, 0
    while not halted:
        step, before = step + 1, dict(now.heads)
        action = now.take(machine)
        halted = int(action.state == machine.halting)
        ghosts = {"tau": (step - 1) % r + 1, "halted": halted} | did(machine, action)
        for tape, cell in before.items():
            ghosts[f"c_{tape + 1}"] = cell
            sequence.writes.write(tape, cell, sequence.position, action.written[tape])
        sequence.add(TokenClass.RUN, ghosts, now.heads)
        if halted:
            break
        if sequence.end is not None and sequence.position - 1 >= 4 * sequence.end:
            _new_summary(sequence, now)
            return False
        if step % r == 0:
            sequence.add(TokenClass.POS, {}, now.heads)
            for beta in range(r):
                bits = {f"y_{tape + 1}": cell for tape, cell in now.heads.items()}
                sequence.add(TokenClass.BIT, {"beta": beta} | bits, {})
            sequence.add(TokenClass.EPOS, {"q": now.state}, now.heads)
    o = sequence.position
    sequence.add(TokenClass.OUTP, {"o": o}, {0: 0})
    for symbol in now.output():
        sequence.add(TokenClass.OUTPUT, {"o": o, "s": symbol}, {0: sequence.position - o})
    sequence.add(TokenClass.EOUTP, {"o": o}, {})
    return True


def _input_prompt(run: Run, r: int, summarized: bool) -> _Sequence:
    machine = run.machine
    sequence = _Sequence(machine, r, 0 if summarized else None)
    sequence.add(TokenClass.INP, {}, {})
    for cell, symbol in enumerate(run.word):
        sequence.writes.write(0, cell, sequence.position, symbol)
        sequence.add(TokenClass.INPUT, {"s": machine.symbol_index(symbol)}, {})
    sequence.add(TokenClass.EINP, {"q": 0}, dict.fromkeys(range(machine.tapes), 0))
    sequence.end = sequence.position - 1 if summarized else None
    return sequence


def _cell(now: Situation, cell: int) -> Ghosts:
    """a_k and h_k of a summary's cell."""
    ghosts: Ghosts = {}
    for tape, symbols in enumerate(now.symbols):
        ghosts |= {f"a_{tape + 1}": symbols.get(cell, 0), f"h_{tape + 1}": int(now.heads[tape] == cell)}
    return ghosts


def _old_summary(machine: TuringMachine, r: int, now: Situation) -> _Sequence:
    """A segment that begins with a summary of a configuration."""
    sequence = _Sequence(machine, r, 1)
    sequence.add(TokenClass.OLDSUMM, {}, {})
    for cell in range(now.cells):
        for tape, symbols in enumerate(now.symbols):
            sequence.writes.write(tape, cell, sequence.position, machine.alphabet[symbols.get(cell, 0)])
        sequence.add(TokenClass.OLDCELL, _cell(now, cell), {})
    sequence.add(TokenClass.OLDSTATE, {"q": now.state}, {})
    sequence.add(TokenClass.ESUMM, {"q": now.state}, now.heads)
    sequence.end = sequence.position - 1
    return sequence


def _new_summary(sequence: _Sequence, now: Situation) -> None:
    """The summary that ends a segment; the ESUMM that closes it is not read."""
    u = sequence.position
    final = {"q": now.state} | {f"y_{tape + 1}": cell for tape, cell in now.heads.items()}

    def addressing(cell: int) -> Ghosts:
        return final | {f"here_{tape + 1}": int(head == cell) for tape, head in now.heads.items()}

    sequence.add(TokenClass.NEWSUMM, addressing(0), dict.fromkeys(now.heads, 0))
    for cell in range(now.cells):
        ghosts = {"u": u} | _cell(now, cell) | addressing(cell + 1)
        sequence.add(TokenClass.NEWCELL, ghosts, dict.fromkeys(now.heads, cell + 1))
    sequence.add(TokenClass.NEWSTATE, {"u": u, "q": now.state}, {})
