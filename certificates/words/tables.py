"""Reads users' automata and transducers: YAML files with the fields that a certificate has (WORDS 1.2).

    start: even
    accepting: [odd]
    moves:
      even: {a: odd, b: even}
      odd: {a: even, b: odd}

A transducer has no accepting states, and moves may have an output: ``{a: [odd, 1], b: even}``. Nothing is read as a
number or a truth value: ``no`` and ``0`` are names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

from exactformer.constructions.machines.yaml_nodes import composed
from exactformer.constructions.transformer.words import Automaton, Output, Transducer, WordsError

LARGEST_FILE = 1 << 24
"""Bytes."""


def load_automaton(path: str | Path) -> Automaton:
    """The automaton of a YAML file: ``start``, ``accepting`` and ``moves``.  Raises WordsError."""
    reader, fields = _read(path, ("start", "accepting", "moves"))
    moves = {
        state: {token: reader.name(move) for token, move in reader.mapping(here).items()}
        for state, here in reader.mapping(fields["moves"]).items()
    }
    accepting = [reader.name(node) for node in reader.sequence(fields["accepting"])]
    with _said_of(path):
        return Automaton(reader.name(fields["start"]), accepting, moves)


def load_transducer(path: str | Path) -> Transducer:
    """The transducer of a YAML file: ``start`` and ``moves``.  Raises WordsError."""
    reader, fields = _read(path, ("start", "moves"))
    moves: Mapping[str, Mapping[str, str | tuple[str, Output]]] = {
        state: {token: reader.move(move) for token, move in reader.mapping(here).items()}
        for state, here in reader.mapping(fields["moves"]).items()
    }
    with _said_of(path):
        return Transducer(reader.name(fields["start"]), moves)


@contextmanager
def _said_of(path: str | Path) -> Iterator[None]:
    """Add the file's name to errors about the whole file."""
    try:
        yield
    except WordsError as error:
        raise WordsError(f"{path}: {error}") from error


def _read(path: str | Path, keys: Sequence[str]) -> tuple[_Reader, dict[str, yaml.Node]]:
    """The fields of a file."""
    source = str(path)
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise WordsError(f"{source!r} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WordsError(f"{source!r} is not a text in UTF-8: {error}") from error
    if len(data) > LARGEST_FILE:
        raise WordsError(f"{source!r} is longer than {LARGEST_FILE} bytes")
    reader = _Reader(source)
    root = composed(text, reader.fault)
    fields = {} if root is None else reader.mapping(root)
    for key in fields:
        if key not in keys:
            raise WordsError(f"{source}: unknown key {key!r}; give {', '.join(keys)}")
    for key in keys:
        if key not in fields:
            raise WordsError(f"{source}: missing key {key!r}; give {', '.join(keys)}")
    return reader, fields


@dataclass(frozen=True)
class _Reader:
    """Reads the nodes of a file; errors name the node's line and column."""

    source: str

    def fault(self, line: int, column: int, reason: str) -> WordsError:
        return WordsError(f"{self.source}:{line}:{column}: {reason}")

    def fail(self, node: yaml.Node, reason: str) -> NoReturn:
        raise self.fault(node.start_mark.line + 1, node.start_mark.column + 1, reason)

    def mapping(self, node: yaml.Node) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, "write 'name: value' here, for each; {} for none")
        found, lines = dict[str, yaml.Node](), dict[str, int]()
        for key, value in node.value:
            name = self.name(key)
            if name in found:
                self.fail(key, f"{name!r} was already given on line {lines[name]}; remove one of them")
            found[name], lines[name] = value, key.start_mark.line + 1
        return found

    def sequence(self, node: yaml.Node) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            self.fail(node, "write a list here, as in [first, second]")
        return list(node.value)

    def move(self, node: yaml.Node) -> str | tuple[str, Output]:
        if isinstance(node, yaml.ScalarNode):
            return self.name(node)
        pair = self.sequence(node)
        if len(pair) != 2:
            self.fail(node, "a move is the next state, or a list [state, output]")
        return self.name(pair[0]), self.name(pair[1])

    def name(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, "write one name here")
        if not node.value and node.style is None:
            self.fail(node, 'a name is missing here; write one, or "" for the empty one')
        return str(node.value)
