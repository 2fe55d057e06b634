"""The programs of Anthony Morphett's Turing machine simulator: one tape without ends, ``_`` for the blank.

    ; current state, current symbol, new symbol, direction, new state
    0 0 _ r 1o
    0 * * * accept
    accept * : r halt-accept       ; halts in every state whose name begins with halt

A line is a rule of five fields; ``;`` begins a comment, and ``!`` after a rule is a breakpoint.  ``*`` stands for any
symbol, or for the one that was read; for any state, or for the current one; and for no move.  A rule for one symbol
takes precedence over one for any symbol, and a rule for one state over one for any state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from exactformer.constructions.machines.formats.reading import Draft, Place, Text, listed
from exactformer.constructions.machines.formats.tape_machine import Outcome, TapeMachine
from exactformer.constructions.machines.machine import Action, MachineError, Move

BLANK: Final = "_"
ANY: Final = "*"
MOVES: Final = {"l": Move.LEFT, "r": Move.RIGHT, "*": Move.STAY}
FIRST: Final = "0"
"""The state in which a program starts; if it has none of this name, it starts in that of its first rule."""
_INITIAL = re.compile(r";\s*initial state:\s*(\S+)\s*", re.IGNORECASE)
"""A comment that names another initial state."""


@dataclass(frozen=True)
class Rule:
    """One line, with wildcards."""

    state: str
    read: str
    written: str
    move: Move
    following: str
    place: Place


def recognises(text: str) -> bool:
    """Whether a text is meant as a program: its first rule has five fields, the fourth of which is a direction.

    >>> recognises("; flip\\n0 1 0 r 0\\n"), recognises("1RB1LB_1LA1RZ\\n")
    (True, False)
    """
    for line in text.split("\n"):
        fields = line.partition(";")[0].split()
        if fields:
            return len(fields) >= 5 and fields[3].lower() in MOVES
    return False


def read(text: Text) -> TapeMachine:
    """The machine that a program describes, for inputs of the symbols that occur in it.  Errors: MachineTextError."""
    rules = list(_rules(text))
    if not rules:
        text.fail((1, 1), "there is no rule: write lines like '0 1 _ r 1o'.")
    initial = _initial(text, rules)
    states = dict.fromkeys([initial])
    for rule in rules:
        states |= dict.fromkeys(name for name in (rule.state, rule.following) if name != ANY)
    draft = Draft(text, 1, BLANK)
    for rule in rules:
        draft.meet(symbol for symbol in (rule.read, rule.written) if symbol != ANY)
    by_pattern: dict[tuple[str, str], Rule] = {}
    for rule in rules:
        pattern = rule.state, rule.read
        if pattern in by_pattern:
            line = by_pattern[pattern].place[0]
            text.fail(
                rule.place,
                f"a second rule for state {rule.state!r} on {rule.read!r}, after the one on line {line}: "
                "nondeterministic machines are not read, so remove one.",
            )
        by_pattern[pattern] = rule
    halting = {state: outcome_of(state) for state in states if is_halting(state)}
    for state in states:
        for symbol in () if state in halting else tuple(draft.symbols):
            patterns = ((state, symbol), (state, ANY), (ANY, symbol), (ANY, ANY))
            found = next((by_pattern[pattern] for pattern in patterns if pattern in by_pattern), None)
            if found is not None:
                written = symbol if found.written == ANY else found.written
                following = state if found.following == ANY else found.following
                draft.add((state, (symbol,)), Action(following, (written,), (found.move,)), found.place)
    return draft.machine(states, halting, Outcome.HALTS)


def is_halting(state: str) -> bool:
    """Whether a state halts, by its name."""
    return state[:4].lower() == "halt"


def outcome_of(state: str) -> Outcome:
    """The outcome that a halting state's name says."""
    said = re.fullmatch(r"[-_]*(accept|reject)[-_0-9]*", state[4:].lower())
    return Outcome.HALTS if said is None else {"accept": Outcome.ACCEPTS, "reject": Outcome.REJECTS}[said[1]]


def _rules(text: Text) -> Iterator[Rule]:
    for number, line in enumerate(text.text.split("\n"), start=1):
        code = line.partition(";")[0]
        fields = [(match.group(), (number, match.start() + 1)) for match in re.finditer(r"\S+", code)]
        if not fields:
            continue
        if len(fields) == 6 and fields[5][0] == "!":
            fields.pop()
        if len(fields) != 5:
            text.fail(
                fields[0][1],
                f"{code.strip()!r} has {len(fields)} fields: a rule has five, a state, the symbol read, the symbol "
                "written, the direction l, r or *, and the new state.",
            )
        (state, _), (read, at_read), (written, at_written), (direction, at), (following, _) = fields
        for symbol, where in ((read, at_read), (written, at_written)):
            if len(symbol) != 1:
                text.fail(where, f"the symbol {symbol!r} has {len(symbol)} characters: here symbols have one.")
        if direction.lower() not in MOVES:
            text.fail(at, f"the direction is {direction!r}: use l, r, or * to stay.")
        yield Rule(state, read, written, MOVES[direction.lower()], following, fields[0][1])


def _initial(text: Text, rules: list[Rule]) -> str:
    states = dict.fromkeys(name for rule in rules for name in (rule.state, rule.following) if name != ANY)
    for number, line in enumerate(text.text.split("\n"), start=1):
        if said := _INITIAL.search(line):
            if said[1] not in states:
                text.fail((number, said.start(1) + 1), f"the state {said[1]!r} is in no rule: use {listed(states)}.")
            return said[1]
    return FIRST if FIRST in states else next((state for state in states), FIRST)


def takes_symbol(symbol: str) -> bool:
    """Whether a symbol other than the blank can be written in this format."""
    return len(symbol) == 1 and not symbol.isspace() and symbol not in (BLANK, ANY, ";")


def takes_state(state: str) -> bool:
    """Whether a state can be written in this format."""
    return re.fullmatch(r"[^\s;]+", state) is not None


def write(machine: TapeMachine) -> str:
    """The machine, whose names can all be written, as a program.  Errors: MachineError, if there is no such program.

    States that halt get names that begin with ``halt``; all other names do not.
    """
    if machine.tapes != 1:
        raise MachineError(f"Morphett's simulator has one tape: {machine.name} has {machine.tapes}.")
    names: dict[str, str] = {}
    for state in machine.states:
        if state in machine.halting:
            wanted = {Outcome.ACCEPTS: "halt-accept", Outcome.REJECTS: "halt-reject"}.get(
                machine.halting[state], "halt"
            )
            wanted = wanted if outcome_of(state) is not machine.halting[state] or not is_halting(state) else state
        else:
            wanted = f"q-{state}" if is_halting(state) or state == ANY else state
        name, number = wanted, 2
        while name in names.values():
            name, number = f"{wanted}-{number}", number + 1
        names[state] = name
    symbols = {symbol: symbol for symbol in machine.symbols} | {machine.blank: BLANK}
    letters = {move: letter for letter, move in MOVES.items()}
    lines = [f"; {machine.name!r}", f"; initial state: {names[machine.initial]}"]
    for (state, (read,)), action in machine.transitions.items():
        if state not in machine.halting:
            fields = (symbols[read], symbols[action.written[0]], letters[action.moves[0]], names[action.state])
            lines.append(" ".join((names[state], *fields)))
    return "\n".join(lines) + "\n"
