"""Runs a program statement by statement; assembled machines are tested against this."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from exactformer.constructions.machines.assembler.language import (
    Block,
    Call,
    Do,
    Halt,
    If,
    Leave,
    Loop,
    Program,
    ProgramError,
    Require,
    Statement,
    SymbolOn,
    While,
    holds,
)
from exactformer.constructions.machines.machine import Move


class RequirementError(ProgramError):
    """The condition of a `Require` does not hold: the assembled machine gets stuck here."""


@dataclass(frozen=True)
class Snapshot:
    """What one step did: the symbols written on all tapes, in their order, and where the heads are after it."""

    written: tuple[str, ...]
    heads: tuple[int, ...]


class _End(Enum):
    """How a block ended: after its last statement, by leaving the loop around it, or by halting."""

    LAST = auto()
    LEAVE = auto()
    HALT = auto()


class Interpreter:
    """One run of a program: iterate over its steps; ``tapes`` are as the steps so far left them.

    A run that gets stuck ends in a RequirementError.

    Errors: ProgramError when the word has other than input symbols; in a run, when a loop goes round without a step,
    and when what is copied is not a symbol of the tape it is copied to.
    """

    def __init__(self, program: Program, word: str) -> None:
        if strange := [symbol for symbol in word if symbol not in program.input_alphabet]:
            raise ProgramError(
                f"The word {word!r} has {strange[0]!r}, which is not an input symbol of {program.name}: "
                f"use only {' '.join(program.input_alphabet)}."
            )
        self.program = program
        self.tapes = {tape.name: [program.blank] for tape in program.tapes}
        self.tapes[program.tapes[0].name] = list(word) or [program.blank]
        self._heads = dict.fromkeys(self.tapes, 0)
        self._symbols = {name: program.symbols_of(name) for name in self.tapes}
        self._steps = 0

    def __iter__(self) -> Iterator[Snapshot]:
        if (yield from self._block(self.program.entry, self.program.routines[self.program.entry])) is not _End.HALT:
            yield self._step(Do({}, {}))

    def _block(self, routine: str, block: Block) -> Generator[Snapshot, None, _End]:
        for statement in block:
            end = yield from self._statement(routine, statement)
            if end is not _End.LAST:
                return end
        return _End.LAST

    def _statement(self, routine: str, statement: Statement) -> Generator[Snapshot, None, _End]:
        match statement:
            case Do():
                yield self._step(statement)
            case If(condition, then, otherwise):
                return (yield from self._block(routine, then if holds(condition, self._read()) else otherwise))
            case While(condition, body):
                while holds(condition, self._read()):
                    end = yield from self._round(routine, body)
                    if end is not _End.LAST:
                        return _End.LAST if end is _End.LEAVE else end
            case Loop(body):
                end = _End.LAST
                while end is _End.LAST:
                    end = yield from self._round(routine, body)
                return _End.LAST if end is _End.LEAVE else end
            case Leave():
                return _End.LEAVE
            case Require(condition):
                read = self._read()
                if not holds(condition, read):
                    there = ", ".join(f"{tape} on {symbol}" for tape, symbol in read.items())
                    raise RequirementError(
                        f"{self.program.name} is stuck in routine {routine!r}, which requires {condition}: "
                        f"it is {there}."
                    )
            case Call(name):
                return (yield from self._block(name, self.program.routines[name]))
            case Halt():
                yield self._step(Do({}, {}))
                return _End.HALT
        return _End.LAST

    def _round(self, routine: str, body: Block) -> Generator[Snapshot, None, _End]:
        """Once through the body of a loop; if that took no step, the loop would never end."""
        before = self._steps
        end = yield from self._block(routine, body)
        if end is _End.LAST and self._steps == before:
            raise ProgramError(
                f"In routine {routine!r} of {self.program.name} a loop goes round without a step on {self._read()}."
            )
        return end

    def _read(self) -> dict[str, str]:
        return {name: tape[self._heads[name]] for name, tape in self.tapes.items()}

    def _step(self, step: Do) -> Snapshot:
        read = self._read()
        written = {name: step.writes.get(name, read[name]) for name in read}
        symbols = {name: read[what.tape] if isinstance(what, SymbolOn) else what for name, what in written.items()}
        for name, symbol in symbols.items():
            if symbol not in self._symbols[name]:
                raise ProgramError(
                    f"A step of {self.program.name} copies {symbol!r} to the tape {name!r}, which has no such symbol."
                )
        self._steps += 1
        for name, tape in self.tapes.items():
            head, move = self._heads[name], step.moves.get(name, Move.STAY)
            tape[head] = symbols[name]
            if move is Move.RIGHT:
                head += 1
                if head == len(tape):
                    tape.append(self.program.blank)
            elif move is Move.LEFT:
                head = max(0, head - 1)
            self._heads[name] = head
        return Snapshot(tuple(symbols.values()), tuple(self._heads.values()))
