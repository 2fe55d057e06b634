"""The YAML of turingmachine.io (turing-machine-viz): one tape without ends, symbols of one character.

    blank: ' '
    start state: right
    synonyms: {accept: {R: accept}}
    table:
      right:
        [1,0]: R                      # several symbols; the state stays
        ' '  : {L: carry}
      carry:
        1      : {write: 0, L}        # the state stays
        [0,' ']: {write: 1, L: done}
      done:                           # no instructions: the machine halts
      accept:

Symbols need no quotes: ``1`` is the symbol "1".  Files that the site exports have this text as ``source code``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

import yaml

from exactformer.constructions.machines.formats.reading import Draft, Place, Text, did_you_mean
from exactformer.constructions.machines.formats.tape_machine import Outcome, Start, TapeMachine
from exactformer.constructions.machines.machine import Action, MachineError, Move
from exactformer.constructions.machines.text import MachineTextError
from exactformer.constructions.machines.yaml_nodes import composed

MOVES: Final = {"L": Move.LEFT, "R": Move.RIGHT, "N": Move.STAY}
KEYS: Final = ("blank", "start state", "table", "input", "synonyms")
EXPORTED: Final = "source code"
_ALSO: Final = ("name", "positions", "source", EXPORTED)


def recognises(text: str) -> bool:
    """Whether a YAML text is meant as such a machine.

    >>> recognises("blank: ' '\\ntable:\\n"), recognises("name: a\\ntransitions: []\\n")
    (True, False)
    """
    return re.search(r"^\s*(table|start state|source code)\s*:", text, re.MULTILINE) is not None


def read(text: Text) -> TapeMachine:
    """The machine that a text describes.  Errors: MachineTextError."""
    return _Reader(text).machine()


@dataclass(frozen=True)
class _Instruction:
    """What to do: a symbol to write, or the one that was read; a move; a state, or the current one."""

    written: str | None
    move: Move
    state: str | None


@dataclass(frozen=True)
class _Offset:
    """The place of a text inside another one."""

    line: int = 0
    column: int = 0


class _Reader:
    """One text being read; every method that finds a fault raises MachineTextError at its place."""

    def __init__(self, text: Text, offset: _Offset | None = None, name: str | None = None) -> None:
        self.text, self.offset, self.name = text, offset or _Offset(), name

    def machine(self) -> TapeMachine:
        keys = self.top()
        if EXPORTED in keys and "table" not in keys:
            return self.exported(keys)
        for needed, example in (("blank", "blank: ' '"), ("start state", "start state: q0"), ("table", "table:")):
            if needed not in keys:
                self.text.fail((1 + self.offset.line, 1), f"missing key {needed!r}: add a line like {example!r}.")
        blank = self.symbol(keys["blank"][1], "the blank")
        states = dict(self.entries(keys["table"][1], "table", "state"))
        synonyms = {}
        if "synonyms" in keys:
            for name, (_, node) in self.entries(keys["synonyms"][1], "synonyms", "synonym"):
                synonyms[name] = self.instruction(node, states, {})
        _, start_node = keys["start state"]
        first = self.scalar(start_node, "the start state")
        if first not in states:
            self.fail(start_node, f"the start state {first!r}{did_you_mean(first, states)} has no entry in the table.")
        draft = Draft(self.text, 1, blank)
        halting = {}
        for state, (_, node) in states.items():
            rows = list(self.instructions(node, states, synonyms))
            if not rows:
                halting[state] = Outcome.HALTS
            for symbol, instruction, place in rows:
                written = symbol if instruction.written is None else instruction.written
                action = Action(instruction.state or state, (written,), (instruction.move,))
                draft.add((state, (symbol,)), action, place)
        start = None
        if "input" in keys and not self.is_null(keys["input"][1]):
            word = self.scalar(keys["input"][1], "the input")
            draft.meet(word)
            start = Start((), tuple(word))
        others = [state for state in states if state != first]
        said = self.scalar(keys["name"][1], "the name") if "name" in keys else self.name
        return draft.machine([first, *others], halting, Outcome.HALTS, name=said, start=start)

    def exported(self, keys: dict[str, tuple[yaml.Node, yaml.Node]]) -> TapeMachine:
        """A document of the site, whose ``source code`` is a block of text."""
        node = keys[EXPORTED][1]
        name = self.scalar(keys["name"][1], "the name") if "name" in keys else None
        if not isinstance(node, yaml.ScalarNode) or node.style != "|":
            self.fail(node, "the source code must be a block of text, as in 'source code: |'.")
        line = node.start_mark.line + 1
        below = self.text.text.split("\n")[line:]
        indent = next((len(each) - len(each.lstrip(" ")) for each in below if each.strip()), 0)
        inner = Text(node.value, self.text.source)
        return _Reader(inner, _Offset(line, indent), name).machine()

    def top(self) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        root = composed(self.text.text, self.fault)
        if root is None or not isinstance(root, yaml.MappingNode):
            self.text.fail((1 + self.offset.line, 1), f"this is not a machine: write the keys {', '.join(KEYS)}.")
        keys: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value_node in root.value:
            key = self.scalar(key_node, "a key")
            if key not in (*KEYS, *_ALSO):
                self.fail(key_node, f"unknown key {key!r}{did_you_mean(key, KEYS)}: use {', '.join(KEYS)}.")
            if key in keys:
                line = self.place(keys[key][0])[0]
                self.fail(key_node, f"the key {key!r} was already given on line {line}: remove one.")
            keys[key] = key_node, value_node
        return keys

    def entries(self, node: yaml.Node, what: str, noun: str) -> Iterator[tuple[str, tuple[yaml.Node, yaml.Node]]]:
        """The entries of a mapping by their names, each once."""
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"{what} must be a mapping, with a line for every {noun}.")
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            name = self.scalar(key_node, f"a {noun}")
            if name in lines:
                self.fail(key_node, f"the {noun} {name!r} was already given on line {lines[name]}: remove one.")
            lines[name] = self.place(key_node)[0]
            yield name, (key_node, value_node)

    def instructions(
        self, node: yaml.Node, states: Mapping[str, object], synonyms: Mapping[str, _Instruction]
    ) -> Iterator[tuple[str, _Instruction, Place]]:
        """For one state: a symbol, what to do, and the place that says so."""
        if self.is_null(node):
            return
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, "a state must map symbols to instructions, or have none and halt.")
        for key_node, value_node in node.value:
            symbols: Sequence[yaml.Node] = key_node.value if isinstance(key_node, yaml.SequenceNode) else [key_node]
            if not symbols:
                self.fail(key_node, "the list of symbols is empty: write a symbol.")
            instruction = self.instruction(value_node, states, synonyms)
            for symbol_node in symbols:
                yield self.symbol(symbol_node, "a symbol"), instruction, self.place(symbol_node)

    def instruction(
        self, node: yaml.Node, states: Mapping[str, object], synonyms: Mapping[str, _Instruction]
    ) -> _Instruction:
        if isinstance(node, yaml.ScalarNode) and not self.is_null(node):
            if node.value in MOVES:
                return _Instruction(None, MOVES[node.value], None)
            if node.value in synonyms:
                return synonyms[node.value]
            guess = did_you_mean(node.value, synonyms)
            self.fail(node, f"{node.value!r} is neither a move nor a synonym{guess}: use L, R, N, or {{L: state}}.")
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, "an instruction is missing: write L, R, N, a synonym, or {write: symbol, L: state}.")
        written, moved = None, None
        for key_node, value_node in node.value:
            key = self.scalar(key_node, "a key")
            if key == "write":
                written = self.symbol(value_node, "the symbol to write")
            elif key not in MOVES:
                self.fail(key_node, f"unknown key {key!r} of an instruction: use write, and one of L, R, N.")
            elif moved is not None:
                self.fail(key_node, f"a second move, {key!r}: give one of L, R, N.")
            else:
                state = None if self.is_null(value_node) else self.scalar(value_node, "a state")
                if state is not None and state not in states:
                    guess = did_you_mean(state, states)
                    self.fail(value_node, f"the state {state!r}{guess} has no entry in the table: add a line {state}:")
                moved = MOVES[key], state
        if moved is None:
            self.fail(node, "the instruction does not move: add one of L, R, N.")
        return _Instruction(written, *moved)

    def symbol(self, node: yaml.Node, what: str) -> str:
        symbol = self.scalar(node, what)
        if len(symbol) != 1:
            self.fail(
                node, f"{what} is {symbol!r}: symbols are single characters here, in quotes where YAML needs them."
            )
        return symbol

    def scalar(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, f"{what} must be a name, not a list or a mapping.")
        if self.is_null(node):
            self.fail(node, f"{what} is missing, or the empty value of YAML: write it in quotes.")
        return str(node.value)

    @staticmethod
    def is_null(node: yaml.Node) -> bool:
        return isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("", "~", "null", "Null", "NULL")

    def place(self, node: yaml.Node) -> Place:
        return node.start_mark.line + self.offset.line + 1, node.start_mark.column + self.offset.column + 1

    def fault(self, line: int, column: int, reason: str) -> MachineTextError:
        return MachineTextError(self.text.source, line + self.offset.line, column + self.offset.column, reason)

    def fail(self, node: yaml.Node, reason: str) -> NoReturn:
        self.text.fail(self.place(node), reason)


def takes_symbol(symbol: str) -> bool:
    """Whether a symbol can be written in this format."""
    return len(symbol) == 1


def takes_state(state: str) -> bool:
    """Whether a state can be written; every state can, in quotes."""
    return bool(state)


def write(machine: TapeMachine) -> str:
    """The machine, whose names can all be written, in this format.  Errors: MachineError, if it cannot be expressed.

    States that halt have no instructions.  Only the state tells how a run ends.
    """
    if machine.tapes != 1:
        raise MachineError(f"turingmachine.io has one tape: {machine.name} has {machine.tapes}.")
    lines = [f"name: {_quoted(machine.name)}", f"blank: {_quoted(machine.blank)}"]
    lines.append(f"start state: {_quoted(machine.initial)}")
    if machine.start is not None and not machine.start.left:
        lines.append(f"input: {_quoted(''.join(machine.start.right))}")
    lines.append("table:")
    letters = {move: letter for letter, move in MOVES.items()}
    rows: dict[str, list[str]] = {state: [] for state in machine.states}
    for (state, (read,)), action in machine.transitions.items():
        written = "" if action.written == (read,) else f"write: {_quoted(action.written[0])}, "
        move = letters[action.moves[0]]
        rows[state].append(f"    {_quoted(read)}: {{{written}{move}: {_quoted(action.state)}}}")
    for state, of_state in rows.items():
        lines.append(f"  {_quoted(state)}:")
        lines += [] if state in machine.halting else of_state
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A scalar that is this text in every YAML."""
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'
