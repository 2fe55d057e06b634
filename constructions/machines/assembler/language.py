"""Programs over the tapes of a Turing machine: the nouns, and short ways to write them.

Only `Do` takes a step; it may write and move on every tape at once.  Everything else is free: conditions look at the
symbols under the heads, and the assembler folds them into the transitions of the next step.  A *register* is a tape,
or a region of one between symbols that mark its ends; a loop that moves until a head is on such a mark visits it.

A routine is called by name and ends by returning.  There is no recursion: which call a routine returns to is part of a
machine's state, so each place that calls it has its own copy of its states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from exactformer.constructions.machines.machine import MachineError, Move


class ProgramError(MachineError):
    """A program that is not well formed, or that cannot be assembled; the message names the place."""


@dataclass(frozen=True)
class Tape:
    """A tape and all symbols that it may ever hold; the blank is one of them and need not be listed."""

    name: str
    symbols: tuple[str, ...]


class Condition:
    """Something that is true or false of the symbols under the heads."""

    def __and__(self, other: Condition) -> Condition:
        return Both(self, other)

    def __or__(self, other: Condition) -> Condition:
        return ~(~self & ~other)

    def __invert__(self) -> Condition:
        return Not(self)


@dataclass(frozen=True)
class On(Condition):
    """The head of ``tape`` is on one of ``symbols``."""

    tape: str
    symbols: frozenset[str]

    def __str__(self) -> str:
        return f"{self.tape} on {' '.join(sorted(self.symbols))}"


@dataclass(frozen=True)
class Both(Condition):
    first: Condition
    second: Condition

    def __str__(self) -> str:
        return f"{self.first} and {self.second}"


@dataclass(frozen=True)
class Not(Condition):
    condition: Condition

    def __str__(self) -> str:
        return f"not ({self.condition})"


@dataclass(frozen=True)
class SymbolOn:
    """Writes the symbol that is under the head of ``tape`` before the step.

    It has to be a symbol of the tape that it is written on.  Only the interpreter checks this, in each run.
    """

    tape: str


@dataclass(frozen=True)
class Do:
    """One step of the machine.  Tapes that are not named keep their symbol, or do not move."""

    writes: Mapping[str, str | SymbolOn]
    moves: Mapping[str, Move]


@dataclass(frozen=True)
class If:
    condition: Condition
    then: Block
    otherwise: Block = ()


@dataclass(frozen=True)
class While:
    condition: Condition
    body: Block


@dataclass(frozen=True)
class Loop:
    """Repeats its body until a `Leave` in it."""

    body: Block


@dataclass(frozen=True)
class Leave:
    """Goes on after the innermost `Loop` or `While`."""


@dataclass(frozen=True)
class Require:
    """Here the condition holds for every valid input; if it does not hold, the machine gets stuck.

    So invalid inputs are refused, and the assembler makes no transitions for situations that cannot occur.
    """

    condition: Condition


@dataclass(frozen=True)
class Call:
    routine: str


@dataclass(frozen=True)
class Halt:
    """The last step of the machine: it changes nothing, and leads to the halting state."""


Statement = Do | If | While | Loop | Leave | Require | Call | Halt
Block = Sequence[Statement]


@dataclass(frozen=True)
class Program:
    """Routines over tapes; the run begins with the first routine, and halts where that ends.

    Tape 1, the first, has the input at the start and the output at the end.  ``input_alphabet`` are its input symbols;
    everywhere else there is ``blank``.
    """

    name: str
    tapes: tuple[Tape, ...]
    blank: str
    input_alphabet: tuple[str, ...]
    routines: Mapping[str, Block] = field(hash=False)

    def __post_init__(self) -> None:
        _validate(self)

    @property
    def entry(self) -> str:
        return next(iter(self.routines))

    def symbols_of(self, tape: str) -> frozenset[str]:
        """All symbols that may be on ``tape``."""
        listed = next(each.symbols for each in self.tapes if each.name == tape)
        inputs = self.input_alphabet if tape == self.tapes[0].name else ()
        return frozenset((*listed, *inputs, self.blank))


def on(tape: str, symbols: str) -> On:
    """A condition: the head of ``tape`` is on one of these symbols of one character each.

    >>> on("main", "01")
    On(tape='main', symbols=frozenset({...}))
    """
    return On(tape, frozenset(symbols))


_MOVES = {move.value for move in Move}


def do(**tapes: str | tuple[str | SymbolOn, str]) -> Do:
    """A step: a move for each tape that is named, or a symbol to write and a move.

    >>> do(main="R", other=("x", "S")).writes
    {'other': 'x'}

    Errors: ProgramError when a move is not L, S or R.
    """
    pairs = {tape: (None, what) if isinstance(what, str) else what for tape, what in tapes.items()}
    for tape, (_, move) in pairs.items():
        if move not in _MOVES:
            raise ProgramError(f"A step moves the head of the tape {tape!r} by {move!r}: use L, S or R.")
    return Do(
        {tape: symbol for tape, (symbol, _) in pairs.items() if symbol is not None},
        {tape: Move(move) for tape, (_, move) in pairs.items() if move != Move.STAY.value},
    )


def each(tape: str, symbols: str, block: Callable[[str], Block]) -> If:
    """The block of the symbol that the head of ``tape`` is on, which has to be one of ``symbols``.

    Errors: ProgramError when there are no symbols.
    """
    if not symbols:
        raise ProgramError(f"No symbols of the tape {tape!r} are given: give at least one.")
    first, rest = symbols[0], symbols[1:]
    otherwise: Block = (each(tape, rest, block),) if rest else (Require(on(tape, first)),)
    return If(on(tape, first), block(first), otherwise)


def together(*always: Condition, **tapes: tuple[Condition, str]) -> Loop:
    """Moves each tape's head while its condition holds, all at the same time, until none does.

    The conditions ``always`` are required before each of these steps, and after the last.
    """

    def step(rest: Sequence[tuple[str, tuple[Condition, str]]], moves: Mapping[str, str]) -> Block:
        if not rest:
            return (do(**moves),) if moves else (Leave(),)
        (tape, (condition, move)), *others = rest
        return (If(condition, step(others, {**moves, tape: move}), step(others, moves)),)

    return Loop((*map(Require, always), *step(list(tapes.items()), {})))


def holds(condition: Condition, read: Mapping[str, str]) -> bool:
    """Whether ``condition`` holds if ``read`` is the symbol under the head of each tape."""
    match condition:
        case On(tape, symbols):
            return read[tape] in symbols
        case Both(first, second):
            return holds(first, read) and holds(second, read)
        case Not(inner):
            return not holds(inner, read)
    raise TypeError(f"{condition!r} is not a condition")


def _validate(program: Program) -> None:
    names = [tape.name for tape in program.tapes]
    if not names or len(set(names)) < len(names):
        raise ProgramError(f"{program.name} needs tapes with different names, not {names}.")
    if not program.routines:
        raise ProgramError(f"{program.name} has no routine: give at least one; the run begins with the first.")
    symbols = {name: program.symbols_of(name) for name in names}
    for routine, block in program.routines.items():
        _validate_block(program, routine, block, symbols, in_loop=False)
    calls = {routine: tuple(_calls(block)) for routine, block in program.routines.items()}
    try:
        TopologicalSorter(calls).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ProgramError(
            f"In {program.name} a routine calls itself, {circle}: recursion has no finite control."
        ) from None


def _calls(block: Block) -> Iterator[str]:
    """The routines that are called in ``block``."""
    for statement in block:
        match statement:
            case Call(name):
                yield name
            case If(_, then, otherwise):
                yield from _calls(then)
                yield from _calls(otherwise)
            case While(_, body) | Loop(body):
                yield from _calls(body)


def _validate_block(
    program: Program, routine: str, block: Block, symbols: Mapping[str, frozenset[str]], in_loop: bool
) -> None:
    def wrong(what: str) -> ProgramError:
        return ProgramError(f"In routine {routine!r} of {program.name}, {what}.")

    def check(condition: Condition) -> None:
        match condition:
            case On(tape, read):
                if tape not in symbols:
                    raise wrong(f"a condition is about the tape {tape!r}, which does not exist")
                if strange := sorted(read - symbols[tape]):
                    raise wrong(f"a condition asks for {strange[0]!r} on the tape {tape!r}, which has no such symbol")
            case Both(first, second):
                check(first)
                check(second)
            case Not(inner):
                check(inner)
            case _:
                raise wrong(f"{condition!r} is where a condition is needed")

    if not isinstance(block, Sequence):
        raise wrong(f"{block!r} is where a block is needed: make it a tuple of statements")
    for statement in block:
        match statement:
            case Do(writes, moves):
                for tape in (*writes, *moves):
                    if tape not in symbols:
                        raise wrong(f"a step is about the tape {tape!r}, which does not exist")
                for tape, move in moves.items():
                    if not isinstance(move, Move):
                        raise wrong(f"a step moves the head of the tape {tape!r} by {move!r}, which is not a Move")
                for tape, symbol in writes.items():
                    if isinstance(symbol, SymbolOn):
                        if symbol.tape not in symbols:
                            raise wrong(f"a step copies from the tape {symbol.tape!r}, which does not exist")
                    elif symbol not in symbols[tape]:
                        raise wrong(f"a step writes {symbol!r} on the tape {tape!r}, which has no such symbol")
            case If(condition, then, otherwise):
                check(condition)
                _validate_block(program, routine, then, symbols, in_loop)
                _validate_block(program, routine, otherwise, symbols, in_loop)
            case While(condition, body):
                check(condition)
                _validate_block(program, routine, body, symbols, in_loop=True)
            case Loop(body):
                _validate_block(program, routine, body, symbols, in_loop=True)
            case Leave():
                if not in_loop:
                    raise wrong("there is a Leave outside of loops")
            case Require(condition):
                check(condition)
            case Call(name):
                if name not in program.routines:
                    raise wrong(f"there is a call of {name!r}, which is not a routine")
            case Halt():
                pass
            case _:
                raise wrong(f"{statement!r} is where a statement is needed")
