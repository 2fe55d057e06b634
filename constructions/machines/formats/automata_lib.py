"""The Turing machines of automata-lib: DTM, NTM and MNTM with one choice, in JSON, in Python text and as objects.

    {"states": ["q0", "q1"], "input_symbols": ["0"], "tape_symbols": ["0", "x", "."],
     "transitions": {"q0": {"0": ["q0", "x", "R"], ".": ["q1", ".", "N"]}},
     "initial_state": "q0", "blank_symbol": ".", "final_states": ["q1"]}

The keys are the library's parameters.  An MNTM has ``n_tapes`` besides; then an entry is a list of one choice,
``"0.": [["q0", [["x", "R"], [".", "N"]]]]``, whose key is a tuple of symbols in Python and their string in JSON.  In
Python text the first call of DTM, NTM or MNTM is read, whose arguments must be literals; nothing is executed.  A run
that finds no transition rejects.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from exactformer.constructions.machines.formats.literals import Literals
from exactformer.constructions.machines.formats.reading import MOST_TAPES, Draft, Text, did_you_mean
from exactformer.constructions.machines.formats.tape_machine import Outcome, TapeMachine
from exactformer.constructions.machines.machine import Action, MachineError, Move

KEYS: Final = (
    "states",
    "input_symbols",
    "tape_symbols",
    "transitions",
    "initial_state",
    "blank_symbol",
    "final_states",
)
TAPES: Final = "n_tapes"
CALLED: Final = ("DTM", "NTM", "MNTM")
MOVES: Final = {"L": Move.LEFT, "R": Move.RIGHT, "N": Move.STAY}


def recognises_json(text: str) -> bool:
    """Whether a text is JSON of this kind.

    >>> recognises_json(' {"states": []}'), recognises_json("[[(1, 1, 0)]]")
    (True, False)
    """
    return text.lstrip().startswith("{") and re.search(r'"(states|transitions|initial_state)"\s*:', text) is not None


def recognises_python(text: str) -> bool:
    """Whether a text of Python calls one of the library's classes.

    >>> recognises_python("dtm = DTM(states={'q'})"), recognises_python("[[(1, 1, 0)]]")
    (True, False)
    """
    return re.search(r"\b(DTM|NTM|MNTM)\s*\(", text) is not None


def read_json(text: Text) -> TapeMachine:
    """The machine that a text of JSON describes.  Errors: MachineTextError."""
    literals = Literals(text)
    root = literals.json()
    fields: dict[str, ast.expr] = {}
    for key_node, value in literals.entries(root, "a machine"):
        key = literals.name(key_node, "a key")
        if key in fields:
            literals.fail(key_node, f"the key {key!r} was already given: remove one.")
        if key not in (*KEYS, TAPES, "name", "type"):
            literals.fail(key_node, f"unknown key {key!r}{did_you_mean(key, (*KEYS, TAPES))}: use {', '.join(KEYS)}.")
        fields[key] = value
    return _Reader(literals, fields, root).machine()


def read_python(text: Text) -> TapeMachine:
    """The machine that a call in a text of Python makes.  Errors: MachineTextError."""
    literals = Literals(text)
    for statement in literals.module():
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in CALLED:
                if node.args:
                    literals.fail(node.args[0], "the arguments must be named, as in states={...}.")
                fields = {}
                for keyword in node.keywords:
                    if keyword.arg not in (*KEYS, TAPES):
                        literals.fail(keyword.value, f"unknown argument {keyword.arg!r}: use {', '.join(KEYS)}.")
                    fields[keyword.arg] = keyword.value
                return _Reader(literals, fields, node).machine()
    return text.fail((1, 1), f"there is no call of {', '.join(CALLED)}: write one, with literals as arguments.")


def is_object(value: object) -> bool:
    """Whether a value is a machine of automata-lib, or looks like one."""
    return all(hasattr(value, key) for key in KEYS)


def from_object(machine: Any, name: str | None = None) -> TapeMachine:
    """A DTM, NTM or MNTM of the library.  Errors: MachineTextError, about the machine written as Python text."""
    fields = ", ".join(f"{key}={_literal(getattr(machine, key))}" for key in KEYS)
    tapes = f", {TAPES}={machine.n_tapes}" if hasattr(machine, TAPES) else ""
    kind = type(machine).__name__
    return read_python(Text(f"{kind if kind in CALLED else 'DTM'}({fields}{tapes})", name or kind))


def _literal(value: object) -> str:
    """A value of automata-lib as Python text; sets have no order, so they are sorted."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(of)}" for key, of in value.items()) + "}"
    if isinstance(value, (set, frozenset)):
        return "[" + ", ".join(sorted(map(_literal, value))) + "]"
    if isinstance(value, tuple):
        return "(" + "".join(f"{_literal(member)}, " for member in value) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return repr(value if isinstance(value, (str, int)) else str(value))


class _Reader:
    """The fields of one machine being read."""

    def __init__(self, literals: Literals, fields: Mapping[str, ast.expr], whole: ast.expr) -> None:
        self.literals, self.fields, self.whole = literals, fields, whole

    def machine(self) -> TapeMachine:
        literals, text = self.literals, self.literals.text
        for key in KEYS:
            if key not in self.fields:
                literals.fail(self.whole, f"{key!r} is missing: give it.")
        states = literals.names(self.fields["states"], "states")
        symbols = literals.names(self.fields["tape_symbols"], "tape_symbols")
        inputs = literals.names(self.fields["input_symbols"], "input_symbols")
        blank = self.known("blank_symbol", symbols, "symbol")
        initial = self.known("initial_state", states, "state")
        for node in literals.items(self.fields["input_symbols"], "input_symbols"):
            text.require_known(literals.name(node, "an input symbol"), symbols, "symbol", literals.place(node))
            if literals.name(node, "an input symbol") == blank:
                literals.fail(node, f"the blank {blank!r} cannot be an input symbol: remove it.")
        for node in literals.items(self.fields["tape_symbols"], "tape_symbols"):
            if literals.name(node, "a symbol") == "":
                literals.fail(node, "the empty string, epsilon, is not read on tapes: name the symbol.")
        final = literals.names(self.fields["final_states"], "final_states")
        for node in literals.items(self.fields["final_states"], "final_states"):
            text.require_known(literals.name(node, "a final state"), states, "state", literals.place(node))
        tapes = self.tapes()
        draft = Draft(text, tapes or 1, blank)
        draft.meet(symbols)
        for state_node, of_state in literals.entries(self.fields["transitions"], "transitions"):
            state = literals.name(state_node, "a state")
            text.require_known(state, states, "state", literals.place(state_node))
            if state in final:
                literals.fail(state_node, f"the final state {state!r} has transitions: remove them, it halts.")
            for read_node, choices in literals.entries(of_state, f"the transitions of {state!r}"):
                read = self.read(read_node, tapes)
                for symbol in read:
                    text.require_known(symbol, symbols, "symbol", literals.place(read_node))
                action = self.action(self.one_choice(choices, tapes), tapes, states, symbols)
                draft.add((state, read), action, literals.place(read_node))
        others = [state for state in states if state != initial]
        name = None if "name" not in self.fields else literals.name(self.fields["name"], "the name")
        halting = dict.fromkeys(final, Outcome.ACCEPTS)
        return draft.machine([initial, *others], halting, Outcome.REJECTS, name=name, inputs=inputs)

    def known(self, key: str, names: list[str], noun: str) -> str:
        node = self.fields[key]
        return self.literals.text.require_known(self.literals.name(node, key), names, noun, self.literals.place(node))

    def tapes(self) -> int | None:
        """The number of tapes of an MNTM; None for machines of one tape, whose entries are written without tuples."""
        if TAPES not in self.fields:
            return None
        node = self.fields[TAPES]
        match node:
            case ast.Constant(value=int(number)) if 1 <= number <= MOST_TAPES:
                return number
        return self.literals.fail(node, f"{TAPES} must be a whole number from 1 to {MOST_TAPES}.")

    def read(self, key: ast.expr, tapes: int | None) -> tuple[str, ...]:
        """The symbols that an entry is for."""
        literals = self.literals
        if tapes is None:
            return (literals.name(key, "a symbol"),)
        if isinstance(key, ast.Constant):
            read = tuple(literals.name(key, "the symbols"))
        else:
            read = tuple(literals.name(node, "a symbol") for node in literals.items(key, "the symbols"))
        if len(read) != tapes:
            literals.fail(
                key, f"{len(read)} symbols are read: write one for each of the {tapes} tapes; no epsilon is read."
            )
        return read

    def one_choice(self, node: ast.expr, tapes: int | None) -> ast.expr:
        """The only choice; an entry of a DTM has no list of choices, but is the triple itself."""
        members = self.literals.items(node, "an entry")
        if tapes is None and members and isinstance(members[0], ast.Constant):
            return node
        if len(members) != 1:
            self.literals.fail(
                node, f"there are {len(members)} choices: nondeterministic machines are not read, so keep one."
            )
        return members[0]

    def action(self, node: ast.expr, tapes: int | None, states: list[str], symbols: list[str]) -> Action:
        literals = self.literals
        parts = literals.items(node, "an entry")
        if tapes is None:
            if len(parts) != 3:
                literals.fail(node, "an entry must be a state, a symbol and a move.")
            written = [(parts[1], parts[2])]
        else:
            if len(parts) != 2:
                literals.fail(node, "an entry must be a state, and a pair of a symbol and a move for each tape.")
            written = []
            for pair in literals.items(parts[1], "what is written"):
                of_tape = literals.items(pair, "what is written on a tape")
                if len(of_tape) != 2:
                    literals.fail(pair, "write a pair of a symbol and a move.")
                written.append((of_tape[0], of_tape[1]))
            if len(written) != tapes:
                literals.fail(parts[1], f"{len(written)} symbols are written: write one for each of the {tapes} tapes.")
        text = literals.text
        state = text.require_known(literals.name(parts[0], "a state"), states, "state", literals.place(parts[0]))
        names = [
            text.require_known(literals.name(one, "a symbol"), symbols, "symbol", literals.place(one))
            for one, _ in written
        ]
        moves = []
        for _, where in written:
            move = literals.name(where, "a move")
            if move not in MOVES:
                literals.fail(where, f"the move is {move!r}: use L, R, or N to stay.")
            moves.append(MOVES[move])
        return Action(state, tuple(names), tuple(moves))


def takes_symbol(symbol: str) -> bool:
    """Whether a symbol can be written in this format."""
    return len(symbol) == 1


def takes_state(state: str) -> bool:
    """Whether a state can be written; every state can, in quotes."""
    return bool(state)


def write(machine: TapeMachine) -> str:
    """The machine, whose names can all be written, as JSON: a DTM or, with several tapes, an MNTM.

    Errors: MachineError, if the format cannot express it.
    """
    if machine.initial in machine.halting:
        raise MachineError(f"automata-lib has no initial state that is final: {machine.name} has.")
    letters = {move: letter for letter, move in MOVES.items()}
    rows: dict[str, dict[str, Any]] = {}
    for (state, read), action in machine.transitions.items():
        if state in machine.halting:
            continue
        done = [[written, letters[move]] for written, move in zip(action.written, action.moves, strict=True)]
        entry: Any = [action.state, *done[0]] if machine.tapes == 1 else [[action.state, done]]
        rows.setdefault(state, {})["".join(read)] = entry
    fields: dict[str, Any] = {
        "name": machine.name,
        "states": list(machine.states),
        "input_symbols": list(machine.input_symbols),
        "tape_symbols": list(machine.symbols),
        "transitions": rows,
        "initial_state": machine.initial,
        "blank_symbol": machine.blank,
        "final_states": _final(machine),
    }
    if machine.tapes > 1:
        fields[TAPES] = machine.tapes
    return _pretty(fields)


def _final(machine: TapeMachine) -> list[str]:
    """Halting states, except those that reject: in these a run finds no transition."""
    return [state for state in machine.states if machine.halting.get(state, Outcome.REJECTS) is not Outcome.REJECTS]


def _pretty(fields: Mapping[str, Any]) -> str:
    """A line for each field, and for each transition."""

    def compact(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    def rows(of_states: Mapping[str, Mapping[str, object]]) -> Iterable[str]:
        for state, entries in of_states.items():
            lines = ",\n".join(f"      {compact(key)}: {compact(entry)}" for key, entry in entries.items())
            yield f"    {compact(state)}: {{\n{lines}\n    }}"

    lines = [
        f"  {compact(key)}: {{\n" + ",\n".join(rows(value)) + "\n  }"
        if key == "transitions"
        else f"  {compact(key)}: {compact(value)}"
        for key, value in fields.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"
