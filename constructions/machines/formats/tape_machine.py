"""What all formats describe: a deterministic machine with tapes of two ends or one, any names, and ways to stop.

Words: a *square* is a place of a tape, counted from the one where the input begins; negative ones are to the left of
it, and only tapes without ends have them.  A machine *stops* in a halting state, or when there is no transition; the
`Outcome` says how.  The symbols of a tape are those that it can hold, as far as the transitions alone tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import product
from types import MappingProxyType

from exactformer.constructions.machines.machine import Action, IllFormedMachineError, Move, Situation, TuringMachine

SHIFT = {Move.LEFT: -1, Move.STAY: 0, Move.RIGHT: 1}


class Outcome(Enum):
    """How a run ends."""

    ACCEPTS = "accepts"
    REJECTS = "rejects"
    HALTS = "halts"


@dataclass(frozen=True)
class Start:
    """The input that a text gives: the squares before the head, and those from the head on."""

    left: tuple[str, ...]
    right: tuple[str, ...]


@dataclass(frozen=True)
class TapeMachine:
    """A machine as another tool has it; the first state is the initial one, the first symbol the blank.

    Symbols and states are any strings.  ``halting``: the states that stop a run, whatever transitions they have.
    ``unfinished``: the outcome if there is no transition.  Making one that is not well formed raises
    IllFormedMachineError.
    """

    name: str
    tapes: int
    states: tuple[str, ...]
    symbols: tuple[str, ...]
    input_symbols: tuple[str, ...]
    transitions: Mapping[Situation, Action]
    halting: Mapping[str, Outcome]
    unfinished: Outcome = Outcome.HALTS
    two_way: bool = True
    start: Start | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "transitions", MappingProxyType(dict(self.transitions)))
        object.__setattr__(self, "halting", MappingProxyType(dict(self.halting)))
        _require_known_names(self)

    @property
    def initial(self) -> str:
        return self.states[0]

    @property
    def blank(self) -> str:
        return self.symbols[0]

    def action(self, state: str, read: tuple[str, ...]) -> Action | None:
        """What the machine does; None if it stops."""
        return None if state in self.halting else self.transitions.get((state, read))

    def outcome(self, state: str) -> Outcome:
        """How a run ends that stops in this state."""
        return self.halting.get(state, self.unfinished)

    @cached_property
    def reached(self) -> Reached:
        """The states and symbols that transitions lead to; no run has others."""
        return _reached(self)


@dataclass(frozen=True)
class Reached:
    """What can be reached by following all transitions from the initial state, for any input.

    A run has no other states and symbols, but it need not have all of these.  ``symbols``: those of each tape, in the
    machine's order.  ``missing``: situations without a transition in a state that does not halt.
    """

    states: tuple[str, ...]
    symbols: tuple[tuple[str, ...], ...]
    missing: tuple[Situation, ...]
    missing_in_all: int

    @property
    def stops(self) -> bool:
        """Whether something is missing; halting states are among ``states``."""
        return self.missing_in_all > 0


MOST_MISSING = 1000
"""How many situations without a transition are listed; if there are more, only their number is known."""


@dataclass(frozen=True)
class TapeConfiguration:
    """A machine between two steps: ``tapes`` holds the squares that are not blank."""

    step: int
    state: str
    heads: tuple[int, ...]
    tapes: tuple[Mapping[int, str], ...]


def tape_configurations(
    machine: TapeMachine, word: Sequence[str], left: Sequence[str] = ()
) -> Iterator[TapeConfiguration]:
    """The configurations of the run on ``word``, from step 0 to the one where it stops, each when it is asked for.

    ``left``: the squares before the head, if any.  In square 0 of a one-way tape, moving left stays.

    >>> erase = {("go", ("1",)): Action("go", (" ",), (Move.LEFT,))}
    >>> flip = TapeMachine("flip", 1, ("go",), (" ", "1"), ("1",), erase, {})
    >>> for each in tape_configurations(flip, "1"):
    ...     print(each.step, each.state, each.heads, [dict(tape) for tape in each.tapes])
    0 go (0,) [{0: '1'}]
    1 go (-1,) [{}]
    """
    blank = machine.blank
    first = {square: symbol for square, symbol in enumerate((*left, *word), -len(left)) if symbol != blank}
    tapes: list[dict[int, str]] = [first, *({} for _ in range(machine.tapes - 1))]
    state, heads, step = machine.initial, [0] * machine.tapes, 0
    while True:
        yield TapeConfiguration(step, state, tuple(heads), tuple(dict(tape) for tape in tapes))
        read = tuple(tape.get(head, blank) for tape, head in zip(tapes, heads, strict=True))
        if (action := machine.action(state, read)) is None:
            return
        for number, (tape, written, move) in enumerate(zip(tapes, action.written, action.moves, strict=True)):
            tape[heads[number]] = written
            if written == blank:
                del tape[heads[number]]
            heads[number] += SHIFT[move]
            if not machine.two_way:
                heads[number] = max(heads[number], 0)
        state, step = action.state, step + 1


def as_tape_machine(machine: TuringMachine) -> TapeMachine:
    """One of our machines, which has one-way tapes, in the form that all formats describe."""
    return TapeMachine(
        machine.name,
        machine.tapes,
        machine.states,
        machine.alphabet,
        machine.input_alphabet,
        machine.transitions,
        {machine.halting: Outcome.HALTS},
        two_way=False,
    )


def _require_known_names(machine: TapeMachine) -> None:
    for noun, names in (("state", machine.states), ("symbol", machine.symbols)):
        if len(set(names)) < len(names):
            twice = next(name for index, name in enumerate(names) if name in names[:index])
            raise IllFormedMachineError(f"{machine.name} has the {noun} {twice!r} twice.", noun)
        if not names:
            raise IllFormedMachineError(f"{machine.name} has no {noun}.", noun)
    states, symbols = set(machine.states), set(machine.symbols)
    for (state, read), action in machine.transitions.items():
        if not ({state, action.state} <= states and {*read, *action.written} <= symbols):
            raise IllFormedMachineError(f"{machine.name}: an unknown name in {state!r} on {read!r}.", "transitions")
        if not len(read) == len(action.written) == len(action.moves) == machine.tapes:
            raise IllFormedMachineError(f"{machine.name}: {state!r} on {read!r} is not about all tapes.", "transitions")
    if not set(machine.halting) <= states or not set(machine.input_symbols) <= symbols - {machine.blank}:
        raise IllFormedMachineError(f"{machine.name}: an unknown halting state or input symbol.", "halting")


def _reached(machine: TapeMachine) -> Reached:
    states = {machine.initial}
    symbols = [{machine.blank} for _ in range(machine.tapes)]
    symbols[0] |= set(machine.input_symbols)
    if machine.start is not None:
        symbols[0] |= {*machine.start.left, *machine.start.right}
    waiting = {
        situation: action for situation, action in machine.transitions.items() if situation[0] not in machine.halting
    }
    grown = True
    while grown:
        grown = False
        for (state, read), action in list(waiting.items()):
            if state in states and all(symbol in of for symbol, of in zip(read, symbols, strict=True)):
                states.add(action.state)
                for symbol, of in zip(action.written, symbols, strict=True):
                    of.add(symbol)
                del waiting[state, read]
                grown = True
    of_tapes = tuple(tuple(symbol for symbol in machine.symbols if symbol in of) for of in symbols)
    live = [state for state in machine.states if state in states]
    missing, number = _missing(machine, live, of_tapes)
    return Reached(tuple(live), of_tapes, missing, number)


def _missing(
    machine: TapeMachine, live: Sequence[str], symbols: Sequence[Sequence[str]]
) -> tuple[tuple[Situation, ...], int]:
    """Situations without a transition, the first ones; and how many there are."""
    sets = [set(of) for of in symbols]
    there: dict[str, int] = {}
    for state, read in machine.transitions:
        if all(symbol in of for symbol, of in zip(read, sets, strict=True)):
            there[state] = there.get(state, 0) + 1
    all_of = 1
    for of in symbols:
        all_of *= len(of)
    missing: list[Situation] = []
    number = 0
    for state in live:
        if state in machine.halting or there.get(state, 0) == all_of:
            continue
        number += all_of - there.get(state, 0)
        for read in product(*symbols):
            if len(missing) == MOST_MISSING:
                break
            if (state, read) not in machine.transitions:
                missing.append((state, read))
    return tuple(missing), number
