"""What all readers of foreign texts share: places in a text, and the collection of transitions one by one.

A *place* is a line and a column, which count from 1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NoReturn

from exactformer.constructions.machines.formats.tape_machine import Outcome, Start, TapeMachine
from exactformer.constructions.machines.machine import Action, Situation
from exactformer.constructions.machines.text import MachineTextError

LARGEST_TEXT: Final = 2**20
"""The most characters of a foreign text."""
MOST_TRANSITIONS: Final = 50_000
"""The most transitions of a foreign machine, with wildcards replaced by all that they stand for."""
MOST_TAPES: Final = 16

Place = tuple[int, int]


@dataclass(frozen=True)
class Text:
    """A foreign text, and its name in errors."""

    text: str
    source: str

    @property
    def name(self) -> str:
        """The name of a machine whose text gives it none."""
        return Path(self.source).stem or "machine"

    def fail(self, place: Place, reason: str) -> NoReturn:
        """Raise the error at this place."""
        raise MachineTextError(self.source, *place, reason)

    def require_small(self) -> None:
        """Refuse a text that is too long to be a machine's."""
        if len(self.text) > LARGEST_TEXT:
            self.fail((1, 1), f"the text has {len(self.text)} characters: at most {LARGEST_TEXT} are read.")

    def require_known(self, name: str, known: Collection[str], noun: str, place: Place) -> str:
        """The name, if it is one of these."""
        if name not in known:
            self.fail(place, f"unknown {noun} {name!r}{did_you_mean(name, known)}: use {listed(known)}.")
        return name


@dataclass
class Draft:
    """A machine being read: transitions with their places, and symbols in the order in which they turn up."""

    text: Text
    tapes: int
    blank: str
    symbols: dict[str, None] = field(default_factory=dict)
    transitions: dict[Situation, Action] = field(default_factory=dict)
    places: dict[Situation, Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.symbols[self.blank] = None

    def meet(self, symbols: Iterable[str]) -> None:
        """Symbols that occur in the text."""
        for symbol in symbols:
            self.symbols.setdefault(symbol)

    def add(self, situation: Situation, action: Action, place: Place) -> None:
        """A transition; another one for the same state and symbols would make the machine nondeterministic."""
        if situation in self.transitions:
            (state, read), line = situation, self.places[situation][0]
            on = " ".join(map(repr, read))
            self.text.fail(
                place,
                f"a second transition for state {state!r} on {on}, after the one on line {line}: "
                "nondeterministic machines are not read, so remove one.",
            )
        if len(self.transitions) == MOST_TRANSITIONS:
            self.text.fail(place, f"the machine has more than {MOST_TRANSITIONS} transitions: that is too many.")
        self.meet((*situation[1], *action.written))
        self.transitions[situation], self.places[situation] = action, place

    def machine(
        self,
        states: Iterable[str],
        halting: Mapping[str, Outcome],
        unfinished: Outcome,
        *,
        name: str | None = None,
        inputs: Iterable[str] | None = None,
        start: Start | None = None,
    ) -> TapeMachine:
        """The machine; unless ``inputs`` are given, every symbol except the blank may be in an input."""
        symbols = tuple(self.symbols)
        return TapeMachine(
            name if name is not None else self.text.name,
            self.tapes,
            tuple(states),
            symbols,
            symbols[1:] if inputs is None else tuple(symbol for symbol in inputs if symbol != self.blank),
            self.transitions,
            halting,
            unfinished,
            start=start,
        )


def did_you_mean(name: str, known: Collection[str]) -> str:
    """A close name, if there is one."""
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def listed(names: Iterable[str], most: int = 20) -> str:
    """Names for a message, not too many of them."""
    all_names = list(names)
    return ", ".join(map(repr, all_names[:most])) + (f" and {len(all_names) - most} more" * (len(all_names) > most))
