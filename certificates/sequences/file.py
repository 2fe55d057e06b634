"""Reads a file of sequences and what is asked about them: a list of {tokens, asked} in YAML or JSON."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import yaml

from exactformer.certificates.network_document import once
from exactformer.constructions.transformer.given import Given, GivenError

LARGEST_FILE = 1 << 24
"""The most bytes of a file with sequences."""
SHAPE = "give a list of {tokens: [..], asked: {position: token}}"


def load_given(path: str | Path) -> Given:
    """The sequences of a file in YAML, or in JSON, which is YAML, too, each as {tokens, asked}.

    ``asked`` is {position: token}, or the text "next tokens", or left out, as in `Given`.  Raises GivenError.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise GivenError(f"the sequences {str(path)!r} cannot be read: {error.strerror}") from error
    if len(data) > LARGEST_FILE:
        raise GivenError(f"the sequences {str(path)!r} are longer than {LARGEST_FILE} bytes")
    listed = _parsed(path, data)
    if not isinstance(listed, list):
        raise GivenError(f"the sequences {str(path)!r} are not a list; {SHAPE}")
    return Given([_sequence(number, one) for number, one in enumerate(listed)])


class OnceLoader(yaml.SafeLoader):
    """Refuses a key that is given twice: one of its values would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        found = super().construct_mapping(node, deep)
        if len(found) < len(node.value):
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"a key is given twice in the mapping that begins on line {line}")
        return found


def _parsed(path: Path, data: bytes) -> Any:
    with contextlib.suppress(ValueError, RecursionError):  # keys given twice are reported below
        return json.loads(data, object_pairs_hook=once)
    try:
        return yaml.load(data, Loader=OnceLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise GivenError(f"the sequences {str(path)!r} are neither JSON nor YAML: {error}") from error


def _sequence(number: int, given: Any) -> object:
    if not isinstance(given, dict) or not {"tokens"} <= given.keys() <= {"tokens", "asked"}:
        raise GivenError(f"sequence {number} has other fields than tokens and asked; {SHAPE}")
    tokens, asked = given["tokens"], given.get("asked")
    if not isinstance(tokens, list):
        raise GivenError(f"sequence {number}: tokens is not a list; {SHAPE}")
    for token in tokens:
        if not isinstance(token, str):
            raise GivenError(f"sequence {number}: the token {token!r} is not a text; write it in quotes")
    if isinstance(asked, dict):
        asked, typed = {_position(number, position): token for position, token in asked.items()}, asked
        if len(asked) < len(typed):
            raise GivenError(f"sequence {number}: a position is given twice")
    return [tokens, asked]


def _position(number: int, position: object) -> object:
    """JSON has texts for keys."""
    if isinstance(position, str):
        if not (position.isascii() and position.isdigit() and len(position) < 20):
            raise GivenError(f"sequence {number}: the position {position!r} is not a number; give an integer from 0 on")
        return int(position)
    return position
