"""How often one cell of one tape can be written in a run: for some machines, a proved bound (MACHINES 1).

A step writes, on every tape, the cell where the head stands before it; the input counts as one write of each of
its cells, on tape 1.  `writes_per_cell` counts the writes of one run, `write_bound` bounds them for all runs.

The bound follows one cell of one tape, the *watched* cell, and ignores all others.  Words: a *row* is an entry of the
transition function as one tape sees it; a *visit* is the state and the symbol in the watched cell while the head is
there.  After the head leaves the cell, we let it come back by any row towards it, of any state that can be reached,
whatever is read on the way.  So the visits of every run are a path in the graph of visits, and each visit that a step
leaves is one write.  If the graph has no cycle, its longest path is a bound.  If it has one, no bound is claimed,
though there may be one.

`most_writes` chooses the bound of a claim about all inputs, for every command that makes or judges one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial

from exactformer.constructions.machines.machine import Move, TuringMachine
from exactformer.constructions.machines.run import Run
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.verdict import Basis


@dataclass(frozen=True)
class WriteBound:
    """For each tape how often one of its cells is written at most, in any run on any input; None: no bound is known."""

    per_tape: tuple[int | None, ...]

    @property
    def largest(self) -> int | None:
        """A bound for the cells of all tapes, None if a tape has none."""
        known = [bound for bound in self.per_tape if bound is not None]
        return max(known) if len(known) == len(self.per_tape) else None


class Grounds(Enum):
    """What a bound on writes per cell rests on: the number of tokens, the machine, or the user's word."""

    CONTEXT = "context"
    PROVED = Basis.PROVED.value
    ASSUMED = Basis.ASSUMED.value


@dataclass(frozen=True)
class MostWrites:
    """No cell is written more than ``bound`` times in a chain of thought, or in a segment of a summarized one."""

    bound: int
    grounds: Grounds


def most_writes(
    machine: TuringMachine | None, paradigm: Paradigm, context: int, assumed: int | None = None
) -> MostWrites:
    """The best bound: the machine's proved one, if it is below N and below the assumed one; else the assumed one; else
    N.

    ``machine`` None stands for any machine, about which nothing is proved.  A bound on runs does not bound segments:
    the summary that a segment begins with writes each cell once more.

    >>> from exactformer.constructions.machines.library import load_machine
    >>> most_writes(load_machine("increment"), Paradigm.COT, 2**16).bound
    4
    >>> most_writes(load_machine("increment"), Paradigm.SCOT, 2**16).bound
    65536
    """
    proved = write_bound(machine).largest if machine is not None and paradigm is Paradigm.COT else None
    if proved is not None and proved < context and (assumed is None or proved <= assumed):
        return MostWrites(proved, Grounds.PROVED)
    return MostWrites(context, Grounds.CONTEXT) if assumed is None else MostWrites(assumed, Grounds.ASSUMED)


def writes_per_cell(run: Run) -> Counter[tuple[int, int]]:
    """How often each cell is written in a run, by (index of its tape, cell); cells that are never written are left
    out."""
    writes = Counter((0, cell) for cell in range(len(run.word)))
    for k, cells in enumerate(zip(*run.heads, strict=True)):
        # A step writes where the head was after the step before it.
        writes.update((k, cell) for cell in (0, *cells[:-1]))
    return writes


def write_bound(machine: TuringMachine) -> WriteBound:
    """The bound of MACHINES section 1, in time polynomial in the size of the machine.

    >>> from exactformer.constructions.machines.library import load_machine
    >>> write_bound(load_machine("increment")), write_bound(load_machine("rewrite"))
    (WriteBound(per_tape=(4,)), WriteBound(per_tape=(2, None)))
    """
    return WriteBound(tuple(_tape_bound(machine, k) for k in range(machine.tapes)))


Visit = tuple[str, str]
"""The state and the symbol in the watched cell, while the head is there."""


@dataclass(frozen=True)
class _Row:
    """An entry of the transition function, as one tape sees it."""

    read: str
    written: str
    move: Move
    state: str


Rows = Mapping[str, frozenset[_Row]]
"""The rows for every state; none for the halting one."""


def _tape_bound(machine: TuringMachine, k: int) -> int | None:
    rows = _rows_on_tape(machine, k)
    initial_symbols = (machine.blank, *machine.input_alphabet) if k == 0 else (machine.blank,)
    bound = 0
    for cell_zero in (True, False):
        # The head begins on cell 0, which is below any other cell.
        states = {machine.initial} if cell_zero else _states_back(rows, machine.initial, Move.RIGHT)
        for symbol in initial_symbols:
            longest = _longest_path(rows, {(state, symbol) for state in states}, cell_zero)
            if longest is None:
                return None
            bound = max(bound, longest + (symbol != machine.blank))
    return bound


def _rows_on_tape(machine: TuringMachine, k: int) -> Rows:
    rows: dict[str, set[_Row]] = defaultdict(set)
    for (state, read), action in machine.transitions.items():
        if state != machine.halting:
            rows[state].add(_Row(read[k], action.written[k], action.moves[k], action.state))
    return {state: frozenset(rows[state]) for state in machine.states}


def _longest_path(rows: Rows, initial: Iterable[Visit], cell_zero: bool) -> int | None:
    """The largest number of writes of the watched cell on a path from an initial visit; None if there is a cycle."""
    states_back = cache(partial(_states_back, rows))
    following: dict[Visit, set[Visit]] = {}
    most: dict[Visit, int | None] = {}
    to_do = list(initial)
    while to_do:
        visit = to_do[-1]
        if visit not in following:
            # Depth first: a machine with a cycle mostly has a short one, which ends the search.
            following[visit], most[visit] = _following_visits(rows, visit, cell_zero, states_back), None
            to_do += (each for each in following[visit] if each not in most)
            if any(most.get(each, 0) is None for each in following[visit]):
                return None
            continue
        to_do.pop()
        if most[visit] is None:
            behind = [most[each] or 0 for each in following[visit]]
            most[visit] = any(row.read == visit[1] for row in rows[visit[0]]) + max(behind, default=0)
    return max((one or 0 for one in most.values()), default=0)


def _following_visits(
    rows: Rows, visit: Visit, cell_zero: bool, states_back: Callable[[str, Move], set[str]]
) -> set[Visit]:
    """The visits that may come next, directly or when the head comes back."""
    state, symbol = visit
    found: set[Visit] = set()
    for row in rows[state]:
        if row.read != symbol:
            continue
        if row.move is Move.STAY or (row.move is Move.LEFT and cell_zero):
            found.add((row.state, row.written))
        else:
            back = Move.LEFT if row.move is Move.RIGHT else Move.RIGHT
            found |= {(after, row.written) for after in states_back(row.state, back)}
    return found


def _states_back(rows: Rows, state: str, back: Move) -> set[str]:
    """The states in which a head next to the watched cell in ``state`` may step on it by the move ``back``."""
    reached: set[str] = set()
    to_do = [state]
    while to_do:
        each = to_do.pop()
        if each not in reached:
            reached.add(each)
            to_do += (row.state for row in rows[each])
    return {row.state for each in reached for row in rows[each] if row.move is back}
