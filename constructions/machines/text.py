"""The text format of machines: a strict, simple subset of YAML, described in README.md beside this file.

Words: a *row* is one transition as text, ``"state symbols -> state symbols moves"``, of 3K + 3 fields.  The
*canonical* text of a machine is what `write_machine` gives: equal machines have equal canonical texts.

All of YAML that is accepted: one block mapping with plain keys at the margin; scalars on one line, plain or
in double quotes and without escapes; flow lists on one line; one block list of quoted rows; comments on lines
of their own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import NoReturn

import yaml

from exactformer.constructions.machines.machine import (
    Action,
    IllFormedMachineError,
    MachineError,
    Move,
    Situation,
    TuringMachine,
)
from exactformer.constructions.machines.yaml_nodes import composed

KEYS = ("name", "tapes", "states", "halting", "alphabet", "input", "transitions")
"""The keys of a text, in canonical order; all are required."""

_KEY_OF_PART = {"input_alphabet": "input"}  # all other fields of TuringMachine are keys under their own names


class MachineTextError(MachineError):
    """A text that is not a machine; ``line`` and ``column`` count from 1."""

    def __init__(self, source: str, line: int, column: int, reason: str) -> None:
        super().__init__(source, line, column, reason)
        self.source, self.line, self.column, self.reason = source, line, column, reason

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}: {self.reason}"


def write_machine(machine: TuringMachine) -> str:
    """The canonical text of ``machine``; `read_machine` reads it back to an equal machine."""
    lines = [
        f"name: {_quoted(machine.name)}",
        f"tapes: {machine.tapes}",
        f"states: {_flow_list(machine.states)}",
        f"halting: {_quoted(machine.halting)}",
        f"alphabet: {_flow_list(machine.alphabet)}",
        f"input: {_flow_list(machine.input_alphabet)}",
        "transitions:" if machine.transitions else "transitions: []",
    ]

    def order(situation: Situation) -> tuple[int, ...]:
        state, read = situation
        return (machine.state_index(state), *map(machine.symbol_index, read))

    for situation in sorted(machine.transitions, key=order):
        lines.append(f"  - {_quoted(row(situation, machine.transitions[situation]))}")
    return "\n".join(lines) + "\n"


def row(situation: Situation, action: Action) -> str:
    """One transition as text.

    >>> row(("copy", ("0", "_")), Action("copy", ("_", "0"), (Move.RIGHT, Move.RIGHT)))
    'copy 0 _ -> copy _ 0 R R'
    """
    state, read = situation
    return " ".join((state, *read, "->", action.state, *action.written, *(move.value for move in action.moves)))


def read_machine(text: str, source: str = "<string>") -> TuringMachine:
    """The machine that ``text`` describes; ``source`` is what error messages call the text.

    Errors: MachineTextError, whose message starts with "source:line:column: ".
    """
    return _Reader(text, source).machine()


def _quoted(name: str) -> str:
    return f'"{name}"'


def _flow_list(names: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_quoted, names))}]"


class _Reader:
    """One text being read; every method that finds a fault raises MachineTextError at its position."""

    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source

    def machine(self) -> TuringMachine:
        keys, values = self.mapping()
        tapes = self.scalar(values["tapes"])
        if not re.fullmatch("[1-9][0-9]{0,2}", tapes):
            self.fail(values["tapes"], f"tapes is {tapes!r}: write a whole number from 1 to 999.")
        try:
            header = TuringMachine(
                name=self.scalar(values["name"]),
                tapes=int(tapes),
                states=self.flow_list(values["states"], "states"),
                halting=self.scalar(values["halting"]),
                alphabet=self.flow_list(values["alphabet"], "alphabet"),
                input_alphabet=self.flow_list(values["input"], "input"),
                transitions={},
            )
        except IllFormedMachineError as error:
            self.fail(keys[_KEY_OF_PART.get(error.part, error.part)], str(error))
        return replace(header, transitions=self.transitions(values["transitions"], header))

    def mapping(self) -> tuple[dict[str, yaml.Node], dict[str, yaml.Node]]:
        """The key nodes and the value nodes of the text, each by key."""
        root = self.compose()
        self.check_lines(root)
        if not isinstance(root, yaml.MappingNode):
            self.fail(root, f"this is not a machine: write the keys {', '.join(KEYS)}.")
        keys: dict[str, yaml.Node] = {}
        values: dict[str, yaml.Node] = {}
        for key_node, value_node in root.value:
            key = self.scalar(key_node)
            if key not in KEYS:
                self.fail(key_node, f"unknown key {key!r}{_did_you_mean(key, KEYS)}: use {', '.join(KEYS)}.")
            if key in keys:
                first = keys[key].start_mark.line + 1
                self.fail(key_node, f"the key {key!r} was already given on line {first}: remove one.")
            keys[key], values[key] = key_node, value_node
        missing = [key for key in KEYS if key not in keys]
        if missing:
            self.fail(root, f"missing key {missing[0]!r}: add a line that starts with '{missing[0]}:'.")
        return keys, values

    def compose(self) -> yaml.Node:
        other_line_end = re.search("\r(?!\n)|[\x85\u2028\u2029]", self.text)
        if other_line_end:  # YAML ends lines there; editors and other parsers may not
            line = self.text.count("\n", 0, other_line_end.start()) + 1
            reason = f"the character {other_line_end.group()!r} is not allowed: end lines with '\\n' or '\\r\\n'."
            raise MachineTextError(self.source, line, 1, reason)
        root = composed(self.text, partial(MachineTextError, self.source))
        if root is None:
            raise MachineTextError(self.source, 1, 1, f"the text is empty: write the keys {', '.join(KEYS)}.")
        return root

    def check_lines(self, root: yaml.Node) -> None:
        """Refuse every YAML feature outside the subset, by what is left of each line without its scalars.

        Anchors, tags, escapes and other quotes show up in the text of a scalar, which must be its value,
        plain or quoted; aliases, document marks, flow mappings and trailing comments in what is left.
        """
        pieces, end = [], 0
        for node in _scalars(root):
            start, stop = node.start_mark.index, node.end_mark.index
            if start == stop:
                self.fail(node, "a value is missing here: write one.")
            if self.text[start:stop] not in (node.value, _quoted(node.value)):
                self.fail(
                    node,
                    f"{self.text[start:stop]!r} is outside the format: write a name on one line, plain or in "
                    "double quotes, without escapes, tags and anchors.",
                )
            pieces += [self.text[end:start], "x"]
            end = stop
        skeleton = "".join([*pieces, self.text[end:]])
        for line, (left, original) in enumerate(zip(skeleton.split("\n"), self.text.split("\n"), strict=True), start=1):
            if not _LINE.fullmatch(left):
                reason = (
                    f"{original.strip()!r} is outside the format: write 'key: value', 'key: [value, value]', "
                    "'- \"row\"' or, on a line of its own, '# comment'."
                )
                raise MachineTextError(self.source, line, 1, reason)

    def transitions(self, node: yaml.Node, header: TuringMachine) -> dict[Situation, Action]:
        if not isinstance(node, yaml.SequenceNode) or (node.flow_style and node.value):
            self.fail(node, "transitions must be rows in double quotes, each after '- ' on its own line.")
        table: dict[Situation, Action] = {}
        lines: dict[Situation, int] = {}
        for row_node in node.value:
            situation, action = self.row(row_node, header)
            if situation in table:
                situation_text = " ".join((situation[0], *situation[1]))
                self.fail(
                    row_node,
                    f"a second transition for {situation_text!r}, after the one on line {lines[situation]}: "
                    "remove one.",
                )
            table[situation], lines[situation] = action, row_node.start_mark.line + 1
        return table

    def row(self, node: yaml.Node, header: TuringMachine) -> tuple[Situation, Action]:
        text, K = self.scalar(node), header.tapes
        if self.text[node.start_mark.index] != '"':
            self.fail(node, f"write the row {text!r} in double quotes.")
        fields = [(match.group(), match.start() + 1) for match in re.finditer(r"[^ ]+", text)]
        if len(fields) != 3 * K + 3 or fields[K + 1][0] != "->":
            self.fail(
                node,
                f"{text!r} is not a row: with {K} tape{'s' * (K > 1)} it needs {3 * K + 3} fields, a state, "
                f"{K} read, '->', a state, {K} written and {K} of the moves L S R.",
            )

        def names(start: int, stop: int, known: Collection[str], noun: str) -> tuple[str, ...]:
            for name, offset in fields[start:stop]:
                if name not in known:
                    guess = _did_you_mean(name, known)
                    self.fail(node, f"unknown {noun} {name!r} in a row{guess}: use {' '.join(known)}.", offset)
            return tuple(name for name, _ in fields[start:stop])

        (state,) = names(0, 1, header.states, "state")
        read = names(1, K + 1, header.alphabet, "symbol")
        (following,) = names(K + 2, K + 3, header.states, "state")
        written = names(K + 3, 2 * K + 3, header.alphabet, "symbol")
        moves = names(2 * K + 3, 3 * K + 3, [move.value for move in Move], "move")
        return (state, read), Action(following, written, tuple(map(Move, moves)))

    def flow_list(self, node: yaml.Node, key: str) -> tuple[str, ...]:
        if not isinstance(node, yaml.SequenceNode) or not node.flow_style:
            self.fail(node, f"{key} must be a list on one line, as in '{key}: [first, second]'.")
        return tuple(map(self.scalar, node.value))

    def scalar(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, "write one name or number here, not a list.")
        return str(node.value)

    def fail(self, node: yaml.Node, reason: str, offset: int = 0) -> NoReturn:
        """Raise the error at ``node``, or ``offset`` characters into it."""
        mark = node.start_mark
        raise MachineTextError(self.source, mark.line + 1, mark.column + offset + 1, reason)


# What a line may look like when every scalar has become an x.
_LINE = re.compile(r" *(#.*)?\r?|x: *(x|\[ *\]|\[ *x *(, *x *)*\])? *\r?| *- +x *\r?")


def _scalars(root: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """All scalar nodes below ``root``, in the order of the text, each once."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an alias, which may even point to a list that contains it
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            yield node
        elif isinstance(node, yaml.MappingNode):
            waiting += [part for pair in reversed(node.value) for part in reversed(pair)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)


def _did_you_mean(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
