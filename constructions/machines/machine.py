"""Turing machines: the nouns, as Broesamle and Eckstein 2026 (arXiv 2605.18079) define them.

K one-way infinite tapes with cells 0, 1, 2, ...; moving left in cell 0 stays in cell 0.  The input stands
on tape 1 from cell 0, every head on cell 0, all other cells blank.  One halting state, different from the
initial one.

Order has a meaning, so that nothing has to be said twice: ``states[0]`` is the initial state and
``alphabet[0]`` is the blank.  The constructions encode the index of a state or symbol in these tuples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import Any


class MachineError(ValueError):
    """Something is wrong with a machine or its run; the message says what, and what to do."""


class IllFormedMachineError(MachineError):
    """A machine that is not well formed, in its field ``part`` (``"states"``, ``"transitions"``, ...)."""

    def __init__(self, message: str, part: str) -> None:
        super().__init__(message, part)
        self.part = part

    def __str__(self) -> str:
        return str(self.args[0])


class Move(Enum):
    """One step of one head."""

    LEFT = "L"
    STAY = "S"
    RIGHT = "R"


@dataclass(frozen=True)
class Action:
    """What one entry of the transition function does: K symbols written, K moves."""

    state: str
    written: tuple[str, ...]
    moves: tuple[Move, ...]


Situation = tuple[str, tuple[str, ...]]
"""A state and the K symbols under the heads: the key of an entry of the transition function."""


@dataclass(frozen=True)
class TuringMachine:
    """A deterministic Turing machine with ``tapes`` one-way tapes and a total or partial transition function.

    Entries for the halting state are allowed and never used, so that a function total on Q x Gamma^K can be
    given, as the paper's theorems about d_ff assume.  Machines are equal, and hash alike, when all their
    fields are equal.  Making one that is not well formed raises IllFormedMachineError.

    >>> flip = TuringMachine("flip", 1, ("go", "done"), "done", ("_", "1"), ("1",),
    ...                      {("go", ("1",)): Action("done", ("_",), (Move.STAY,))})
    >>> flip.initial, flip.blank, flip.state_index("done"), flip.symbol_index("1")
    ('go', '_', 1, 1)
    """

    name: str
    tapes: int
    states: tuple[str, ...]
    halting: str
    alphabet: tuple[str, ...]
    input_alphabet: tuple[str, ...]
    transitions: Mapping[Situation, Action]

    def __post_init__(self) -> None:
        object.__setattr__(self, "transitions", MappingProxyType(dict(self.transitions)))
        _validate(self)

    @property
    def initial(self) -> str:
        return self.states[0]

    @property
    def blank(self) -> str:
        return self.alphabet[0]

    def state_index(self, state: str) -> int:
        """The index of ``state`` in ``states``: what enc_Q encodes.  MachineError if there is none."""
        try:
            return self._state_indices[state]
        except KeyError:
            raise MachineError(f"{state!r} is not a state of {self.name}: use one of {self.states}.") from None

    def symbol_index(self, symbol: str) -> int:
        """The index of ``symbol`` in ``alphabet``: what enc_G encodes.  MachineError if there is none."""
        try:
            return self._symbol_indices[symbol]
        except KeyError:
            raise MachineError(f"{symbol!r} is not a symbol of {self.name}: use one of {self.alphabet}.") from None

    @cached_property
    def _state_indices(self) -> dict[str, int]:
        return {state: index for index, state in enumerate(self.states)}

    @cached_property
    def _symbol_indices(self) -> dict[str, int]:
        return {symbol: index for index, symbol in enumerate(self.alphabet)}

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.tapes, self.states, self.alphabet, frozenset(self.transitions.items())))

    def __hash__(self) -> int:
        # A mapping is not hashable, so the generated __hash__ would fail; equality is the generated one.
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy cannot be pickled or deep-copied; its entries can.
        transitions = dict(self.transitions)
        fields = (self.name, self.tapes, self.states, self.halting, self.alphabet, self.input_alphabet)
        return TuringMachine, (*fields, transitions)


def is_name(text: object) -> bool:
    """Whether ``text`` may name a machine, state or symbol: it has to be one field of a text row."""
    return (
        isinstance(text, str)
        and text not in ("", "->")
        and text.isprintable()
        and not any(character.isspace() or character in '"\\' for character in text)
    )


def _validate(machine: TuringMachine) -> None:
    if not is_name(machine.name):
        raise IllFormedMachineError(f"The name {machine.name!r} is not usable: {_NAME_RULE}.", "name")
    if type(machine.tapes) is not int or machine.tapes < 1:
        raise IllFormedMachineError(f"A machine needs at least one tape, not {machine.tapes!r}.", "tapes")
    _check_names(machine.states, "state", "states")
    if len(machine.states) < 2:
        raise IllFormedMachineError(
            f"A machine needs at least two states, an initial and a halting one, not only {machine.states}.",
            "states",
        )
    if machine.halting not in machine.states:
        raise IllFormedMachineError(
            f"The halting state {machine.halting!r} is not among the states {machine.states}: add it there.",
            "halting",
        )
    if machine.halting == machine.initial:
        raise IllFormedMachineError(
            f"The halting state {machine.halting!r} is also the initial one, the first of the states: "
            "make them different.",
            "halting",
        )
    _check_names(machine.alphabet, "symbol", "alphabet")
    if len(machine.alphabet) < 2:
        raise IllFormedMachineError(
            f"The alphabet needs the blank and at least one more symbol, not only {machine.alphabet}.",
            "alphabet",
        )
    _check_input_alphabet(machine)
    _check_transitions(machine)


_NAME_RULE = "use one or more printable characters other than space, '\"' and '\\', and not '->'"


def _check_names(names: object, noun: str, part: str) -> None:
    if not isinstance(names, tuple):
        raise IllFormedMachineError(f"The {part} must be a tuple of names, not {names!r}.", part)
    for name in names:
        if not is_name(name):
            raise IllFormedMachineError(f"The {noun} {name!r} is not usable as a name: {_NAME_RULE}.", part)
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise IllFormedMachineError(f"The {noun} {twice!r} is listed twice: remove one.", part)


def _check_input_alphabet(machine: TuringMachine) -> None:
    _check_names(machine.input_alphabet, "input symbol", "input_alphabet")
    if not machine.input_alphabet:
        raise IllFormedMachineError("The input alphabet is empty: list a symbol.", "input_alphabet")
    for symbol in machine.input_alphabet:
        if len(symbol) != 1:
            raise IllFormedMachineError(
                f"The input symbol {symbol!r} is not a single character: words are strings of input symbols, "
                "so shorten it.",
                "input_alphabet",
            )
        if symbol == machine.blank:
            raise IllFormedMachineError(
                f"The blank {symbol!r} cannot be an input symbol: remove it from the input alphabet.",
                "input_alphabet",
            )
        if symbol not in machine.alphabet:
            raise IllFormedMachineError(
                f"The input symbol {symbol!r} is not in the alphabet {machine.alphabet}: add it there.",
                "input_alphabet",
            )


def _check_transitions(machine: TuringMachine) -> None:
    K = machine.tapes
    states, symbols, moves = set(machine.states), set(machine.alphabet), set(Move)
    for situation, action in machine.transitions.items():
        try:
            state, read = situation
            sound = (
                state in states
                and type(read) is tuple
                and len(read) == K
                and symbols.issuperset(read)
                and action.state in states
                and type(action.written) is tuple
                and len(action.written) == K
                and symbols.issuperset(action.written)
                and type(action.moves) is tuple
                and len(action.moves) == K
                and moves.issuperset(action.moves)
            )
        except (TypeError, ValueError, AttributeError):
            sound = False
        if not sound:
            raise IllFormedMachineError(_what_is_wrong(machine, situation, action), "transitions")


def _what_is_wrong(machine: TuringMachine, situation: object, action: object) -> str:
    """One sentence about an entry that is not a (state, K symbols) -> (state, K symbols, K moves)."""
    K, entry = machine.tapes, f"the transition for {situation!r}"
    if not (isinstance(situation, tuple) and len(situation) == 2 and isinstance(action, Action)):
        return f"In {entry}, {action!r}: give a pair (state, symbols read) and an Action."
    state, read = situation
    for value in (state, action.state):
        if value not in machine.states:
            return f"In {entry}, {value!r} is not a state: use one of {machine.states}."
    for title, values in (
        ("symbols read", read),
        ("symbols written", action.written),
        ("moves", action.moves),
    ):
        if not isinstance(values, tuple) or len(values) != K:
            return f"In {entry}, the {title} {values!r} must be a tuple of length {K}, one for each tape."
    for value in (*read, *action.written):
        if value not in machine.alphabet:
            return f"In {entry}, {value!r} is not a symbol: use one of {machine.alphabet}."
    return f"In {entry}, the moves {action.moves!r} must be members of Move."
