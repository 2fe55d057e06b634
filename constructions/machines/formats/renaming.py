"""Replaces names that a format does not allow: by letters for symbols, by numbered words for states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from string import ascii_letters

from exactformer.constructions.machines.formats.tape_machine import Start, TapeMachine
from exactformer.constructions.machines.machine import Action

Takes = Callable[[str], bool]
"""Whether a format allows a name."""


def letters() -> Iterator[str]:
    """Letters, in an order that never changes: those of ASCII, and all that follow in Unicode from U+0100 on."""
    yield from ascii_letters
    yield from (chr(code) for code in range(0x100, 0x20000) if chr(code).isalpha())


def names_for(states: Sequence[str], takes: Takes, usable: Callable[[str], str]) -> dict[str, str]:
    """A name for each state, its own if that is allowed; different names for different states.

    >>> names_for(("a b", "a_b"), str.isidentifier, lambda name: name.replace(" ", "_"))
    {'a b': 'a_b.2', 'a_b': 'a_b'}
    """
    taken = {state for state in states if takes(state)}
    names: dict[str, str] = {}
    for state in states:
        name = state
        if state not in taken or not takes(state):
            wanted = usable(state) or "q"
            name = next(name for name in chain([wanted], (f"{wanted}.{n}" for n in count(2))) if name not in taken)
            taken.add(name)
        names[state] = name
    return names


def symbols_for(symbols: Iterable[str], takes: Takes, reserved: Iterable[str] = ()) -> dict[str, str]:
    """A name for each symbol: its own if that is allowed, else an allowed letter that is not a symbol."""
    kept = [symbol for symbol in symbols if takes(symbol)]
    free = (letter for letter in letters() if letter not in kept and letter not in reserved and takes(letter))
    return {symbol: symbol if symbol in kept else next(free) for symbol in symbols}


def renamed(machine: TapeMachine, states: Mapping[str, str], symbols: Mapping[str, str]) -> TapeMachine:
    """The machine with other names."""
    if all(name == of for name, of in chain(states.items(), symbols.items())):
        return machine

    def of(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(symbols[name] for name in names)

    return replace(
        machine,
        states=tuple(states[state] for state in machine.states),
        symbols=of(machine.symbols),
        input_symbols=of(machine.input_symbols),
        transitions={
            (states[state], of(read)): Action(states[action.state], of(action.written), action.moves)
            for (state, read), action in machine.transitions.items()
        },
        halting={states[state]: outcome for state, outcome in machine.halting.items()},
        start=None if machine.start is None else Start(of(machine.start.left), of(machine.start.right)),
    )
