"""From a program to a Turing machine.

1. Each routine becomes a list of instructions with jumps (`_flatten`).
2. A *place* is where a run goes on after a step: an instruction of a routine, and those that its callers go on with.
   Places are states.  From a place and the symbols under the heads, the free instructions up to the next step are run
   at once (`_settle`): that step is a transition.
3. We follow all transitions from the start to find which symbols can be under the heads at a place: a head that has
   moved may be on any symbol of its tape, one that has not is on what it wrote.  Only these get transitions.
4. States with equal transitions become one (`_merge`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

from exactformer.constructions.machines.assembler.language import (
    Block,
    Call,
    Condition,
    Do,
    Halt,
    If,
    Leave,
    Loop,
    Program,
    ProgramError,
    Require,
    SymbolOn,
    While,
    holds,
)
from exactformer.constructions.machines.machine import Action, Move, TuringMachine

MAX_ROWS = 100_000
"""How many transitions a machine may have, before states are merged."""

MAX_SITUATIONS = 2_000_000
"""How many places and symbols under the heads may be looked at; a Require usually excludes most of them."""

HALTED = "halt"


@dataclass(frozen=True)
class _Test:
    """Goes on with the next instruction if ``condition`` holds, else with the one at ``otherwise``."""

    condition: Condition
    otherwise: int


@dataclass(frozen=True)
class _Jump:
    target: int


@dataclass(frozen=True)
class _Return:
    pass


_Instruction = Do | Halt | Require | Call | _Test | _Jump | _Return
_Place = tuple[tuple[str, int], ...]
"""Routine and instruction to go on with, innermost call first; empty when the program has ended."""
_Row = tuple[_Place | None, tuple[str, ...], tuple[Move, ...]]
"""The next place (None if the machine halts), what is written, and how heads move."""


def assemble(program: Program) -> TuringMachine:
    """The machine that takes the steps of ``program``, one for one.

    Errors: ProgramError when a loop can go round without a step, and when there are more than MAX_ROWS transitions, or
    MAX_SITUATIONS to look at; IllFormedMachineError when a machine cannot have such names or such an input alphabet.
    """
    return _Assembler(program).machine()


class _Assembler:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._names = [tape.name for tape in program.tapes]
        self._symbols = [sorted(program.symbols_of(name)) for name in self._names]
        self._code = {name: _flatten(block) for name, block in program.routines.items()}

    def machine(self) -> TuringMachine:
        program = self._program
        start = self._normal(((program.entry, 0),))
        rows = _merge(self._rows(start), start)
        names = _state_names(list(rows))
        alphabet = (program.blank, *sorted({symbol for each in self._symbols for symbol in each} - {program.blank}))
        transitions = {
            (names[place], read): Action(HALTED if following is None else names[following], written, moves)
            for place, own in rows.items()
            for read, (following, written, moves) in own.items()
        }
        states = (*names.values(), HALTED)
        return TuringMachine(
            program.name, len(self._names), states, HALTED, alphabet, program.input_alphabet, transitions
        )

    def _rows(self, start: _Place) -> dict[_Place, dict[tuple[str, ...], _Row]]:
        """All transitions that a run may need, by place and symbols under the heads."""
        blank = self._program.blank
        others = (blank,) * (len(self._names) - 1)
        pending = [(start, (symbol, *others)) for symbol in (blank, *self._program.input_alphabet)]
        rows: dict[_Place, dict[tuple[str, ...], _Row]] = {start: {}}
        seen, count = set(pending), 0
        while pending:
            place, read = pending.pop()
            row = self._settle(place, read)
            if row is None:
                rows.setdefault(place, {})
                continue
            rows.setdefault(place, {})[read] = row
            count += 1
            if count > MAX_ROWS:
                raise self._too_large(place, f"more than {MAX_ROWS} transitions, {len(rows[place])} of them")
            following, written, moves = row
            if following is None:
                continue
            under = [
                (symbol,) if move is Move.STAY else symbols
                for symbol, move, symbols in zip(written, moves, self._symbols, strict=True)
            ]
            after = prod(map(len, under))
            if max(len(seen), after) > MAX_SITUATIONS:
                raise self._too_large(
                    place, f"more than {MAX_SITUATIONS} situations looked at, {after} of them after a step"
                )
            new = [each for symbols in product(*under) if (each := (following, symbols)) not in seen]
            seen.update(new)
            pending += new
        return rows

    def _too_large(self, place: _Place, what: str) -> ProgramError:
        where = f"at one place of routine {place[0][0]!r}" if place else "at its end"
        return ProgramError(
            f"{self._program.name} needs {what} {where}: leave heads that are not needed on known symbols, or say with "
            "Require what can be under them."
        )

    def _settle(self, place: _Place, read: tuple[str, ...]) -> _Row | None:
        """The next step from ``place``, where ``read`` is under the heads; None if a requirement does not hold."""
        under = dict(zip(self._names, read, strict=True))
        visited = set()
        while place:
            if place in visited:
                raise ProgramError(
                    f"In routine {place[0][0]!r} of {self._program.name} a loop goes round without a step on {under}."
                )
            visited.add(place)
            (routine, index), *callers = place
            match self._code[routine][index]:
                case Do(writes, moves):
                    following = self._normal(((routine, index + 1), *callers))
                    return following, self._written(writes, under), self._moves(moves)
                case Halt():
                    break
                case Require(condition):
                    if not holds(condition, under):
                        return None
                    place = self._normal(((routine, index + 1), *callers))
                case _Test(condition, otherwise):
                    target = index + 1 if holds(condition, under) else otherwise
                    place = self._normal(((routine, target), *callers))
        return None, read, self._moves({})

    def _normal(self, place: _Place) -> _Place:
        """``place``, after the jumps, calls and returns that follow in any case."""
        visited = set()
        while place:
            (routine, index), *callers = place
            if place in visited:
                raise ProgramError(f"In routine {routine!r} of {self._program.name} a loop goes round without a step.")
            visited.add(place)
            match self._code[routine][index]:
                case _Jump(target):
                    place = ((routine, target), *callers)
                case Call(name):
                    place = ((name, 0), (routine, index + 1), *callers)
                case _Return():
                    place = tuple(callers)
                case _:
                    return place
        return place

    def _written(self, writes: Mapping[str, str | SymbolOn], under: Mapping[str, str]) -> tuple[str, ...]:
        symbols = [writes.get(name, under[name]) for name in self._names]
        return tuple(under[symbol.tape] if isinstance(symbol, SymbolOn) else symbol for symbol in symbols)

    def _moves(self, moves: Mapping[str, Move]) -> tuple[Move, ...]:
        return tuple(moves.get(name, Move.STAY) for name in self._names)


def _flatten(block: Block) -> list[_Instruction]:
    code: list[_Instruction] = []
    _append(code, block, [])
    code.append(_Return())
    return code


def _append(code: list[_Instruction], block: Block, leaves: list[int]) -> None:
    """Appends the code of ``block``; the places of jumps out of the loop around it go to ``leaves``."""
    for statement in block:
        match statement:
            case If(condition, then, otherwise):
                test = _reserve(code)
                _append(code, then, leaves)
                end = _reserve(code)
                code[test] = _Test(condition, len(code))
                _append(code, otherwise, leaves)
                code[end] = _Jump(len(code))
            case While(condition, body):
                start, inner = _reserve(code), list[int]()
                _append(code, body, inner)
                code.append(_Jump(start))
                code[start] = _Test(condition, len(code))
                _leave_to(code, inner)
            case Loop(body):
                start, inner = len(code), list[int]()
                _append(code, body, inner)
                code.append(_Jump(start))
                _leave_to(code, inner)
            case Leave():
                leaves.append(_reserve(code))
            case _:
                code.append(statement)


def _reserve(code: list[_Instruction]) -> int:
    """A place in ``code`` for an instruction that becomes known later."""
    code.append(_Return())
    return len(code) - 1


def _leave_to(code: list[_Instruction], leaves: list[int]) -> None:
    for each in leaves:
        code[each] = _Jump(len(code))


def _merge(rows: dict[_Place, dict[tuple[str, ...], _Row]], start: _Place) -> dict[_Place, dict[tuple[str, ...], _Row]]:
    """``rows`` with one place for all places that do the same; ``start`` comes first.

    Classes of places are refined until the places of a class have the same transitions, up to classes.
    """
    classes: dict[_Place | None, int] = dict.fromkeys(rows, 0)
    classes[None] = -1
    while True:
        numbers: dict[object, int] = {}
        refined: dict[_Place | None, int] = {None: -1}
        for place, own in rows.items():
            does = frozenset((read, classes[row[0]], row[1], row[2]) for read, row in own.items())
            refined[place] = numbers.setdefault((classes[place], does), len(numbers))
        if len(numbers) == len(set(classes.values())) - 1:
            break
        classes = refined
    members = defaultdict[int, list[_Place]](list)
    for place in rows:
        members[classes[place]].append(place)
    chosen = {place: start if start in same else same[0] for same in members.values() for place in same}
    order = [start, *(place for place in rows if chosen[place] == place != start)]
    return {
        place: {
            read: (None if following is None else chosen[following], written, moves)
            for read, (following, written, moves) in rows[place].items()
        }
        for place in order
    }


def _state_names(places: list[_Place]) -> dict[_Place, str]:
    """A name for each place: its routine, and a number."""
    counts: dict[str, int] = defaultdict(int)
    names = {}
    for place in places:
        routine = place[0][0] if place else "end"
        counts[routine] += 1
        names[place] = f"{routine}.{counts[routine]}"
    return names
