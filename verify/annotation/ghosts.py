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

from collections.abc import Iterator
from enum import Enum

from constructions.machines.machine import Action, Move, TuringMachine
from constructions.machines.run import Run
from constructions.turing.paradigm import Paradigm
from verify.annotation.content import Ghosts

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


def ghosts_of(run: Run, position_bits: int) -> Iterator[tuple[TokenClass, Ghosts]]:
    """Class and ghosts of every token of a run's chain of thought, in order."""
    machine, r = run.machine, position_bits
    tapes = range(machine.tapes)
    writes = _Writes(machine, r)
    i = 0

    def token(kind: TokenClass, ghosts: Ghosts, cells: dict[int, int]) -> tuple[TokenClass, Ghosts]:
        nonlocal i
        ghosts = {"i": i, "blank": 0} | ghosts
        writes.address(ghosts, cells)
        if "q" in ghosts:
            writes.step(ghosts)
        i += 1
        return kind, ghosts

    yield token(TokenClass.INP, {}, {})
    for cell, symbol in enumerate(run.word):
        writes.write(0, cell, i, symbol)
        yield token(TokenClass.INPUT, {"s": machine.symbol_index(symbol)}, {})
    heads = dict.fromkeys(tapes, 0)
    yield token(TokenClass.EINP, {"q": 0}, heads)
    for step, (action, after) in enumerate(zip(run.actions, run.heads, strict=True), start=1):
        halted = int(action.state == machine.halting)
        ghosts = {"tau": (step - 1) % r + 1, "halted": halted} | did(machine, action)
        for tape in tapes:
            ghosts[f"c_{tape + 1}"] = heads[tape]
            writes.write(tape, heads[tape], i, action.written[tape])
        heads = dict(enumerate(after))
        yield token(TokenClass.RUN, ghosts, heads)
        if step % r == 0 and not halted:
            yield token(TokenClass.POS, {}, heads)
            for beta in range(r):
                bits = {f"y_{tape + 1}": cell for tape, cell in heads.items()}
                yield token(TokenClass.BIT, {"beta": beta} | bits, {})
            yield token(TokenClass.EPOS, {"q": machine.state_index(action.state)}, heads)
    o = i
    yield token(TokenClass.OUTP, {"o": o}, {0: 0})
    for symbol in run.output:
        yield token(TokenClass.OUTPUT, {"o": o, "s": machine.symbol_index(symbol)}, {0: i - o})
    yield token(TokenClass.EOUTP, {"o": o}, {})
