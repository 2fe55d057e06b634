"""Turing machines: the nouns (spec 1.1).

K one-way infinite tapes with cells 0, 1, 2, ...; moving left in cell 0 stays in cell 0.  The input stands on
tape 1 from cell 0, every head on cell 0, all other cells blank.  One halting state, different from the initial one.

Order carries meaning, so that nothing has to be said twice: ``states[0]`` is the initial state and
``alphabet[0]`` is the blank.  The index of a state or symbol in these tuples is what the constructions encode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class MachineError(ValueError):
    """A machine that is not well formed; the message names what is wrong and what to do."""


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
"""A state and the K symbols under the heads: what an entry of the transition function is looked up by."""


@dataclass(frozen=True)
class TuringMachine:
    """A deterministic Turing machine with ``tapes`` one-way tapes and a total or partial transition function.

    Entries for the halting state are allowed and never used, so that a function total on Q x Gamma^K can be
    given as the dimension theorems assume it (spec 1.3).
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


def _validate(machine: TuringMachine) -> None:
    raise NotImplementedError
