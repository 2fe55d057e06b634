"""Documents: canonical JSON, and the weights document (SPEC 1 and 4.1).

A document is canonical if its bytes are those that JSON's writer makes of it, with sorted keys and without spaces, and
one newline. A *vector* is a list of (coordinate, value); a *family* has one token for each choice of fields' values.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from . import NotJudged, Rejected, Unreadable, demand, limit

FILE_BYTES = 2**24
DEPTH = 16
DIGITS = 40


def read_bytes(path: Path) -> bytes:
    """A regular file, up to the limit; a pipe is never waited for."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable(f"{path}: not a regular file")
            data = file.read(FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: {error}") from None
    limit(len(data), FILE_BYTES, f"bytes of {path}")
    return data


def read_text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable(f"{path}: not UTF-8") from None


def sha256(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    demand(len(result) == len(pairs), "an object has a key twice")
    return result


def _integer(digits: str) -> int:
    limit(len(digits), DIGITS, "digits of an integer")
    demand(abs(int(digits)) <= 2**53, f"the integer {digits} is beyond 2^53")
    return int(digits)


def _no_float(text: str) -> Any:
    raise Rejected(f"{text[:40]} is no integer: documents have no floats")


def read_document(data: bytes, name: str) -> dict[str, Any]:
    """An object in canonical form. Depth is counted before JSON's reader, which would recurse, sees the text."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise Unreadable(f"{name}: not ASCII") from None
    depth = 0
    for mark in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text):
        depth += (mark[0] in "[{") - (mark[0] in "]}")
        limit(depth, DEPTH, f"{name}: depth of lists and objects")
    try:
        value = json.loads(
            text, object_pairs_hook=_no_duplicates, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float
        )
    except ValueError as error:
        raise Unreadable(f"{name}: not JSON: {error}") from None
    except Rejected as error:
        raise Rejected(f"{name}: {error}") from None
    if not isinstance(value, dict):
        raise Unreadable(f"{name}: not an object")
    demand(text == canonical(value) + "\n", f"{name}: the bytes are not in canonical form")
    return value


# What a value has to be: each function returns the value, with its type, or rejects it and names the place.


def as_object(value: Any, fields: Iterable[str], place: str) -> dict[str, Any]:
    wanted = set(fields)
    if not isinstance(value, dict):
        raise Rejected(f"{place}: not an object")
    if set(value) != wanted:
        raise Rejected(f"{place}: missing or unknown fields: {' '.join(sorted(set(value) ^ wanted))[:200]}")
    return value


def as_list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise Rejected(f"{place}: not a list")
    return value


def as_string(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise Rejected(f"{place}: not a string")
    return value


def as_strings(value: Any, place: str) -> list[str]:
    return [as_string(item, place) for item in as_list(value, place)]


def as_integer(value: Any, place: str, low: int = -(2**53), high: int = 2**53) -> int:
    if type(value) is not int or not low <= value <= high:
        raise Rejected(f"{place}: not an integer from {low} to {high}")
    return value


def as_boolean(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise Rejected(f"{place}: neither true nor false")
    return value


def as_natural(value: Any, place: str) -> int:
    """A natural number from 1 on in a string, without leading zeros."""
    text = as_string(value, place)
    if len(text) > DIGITS:
        raise NotJudged(f"{place}: more than {DIGITS} digits")
    if not re.fullmatch(r"[1-9][0-9]*", text, re.ASCII):
        raise Rejected(f"{place}: not a positive number in a string")
    return int(text)


Vector = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Field:
    name: str
    values: tuple[str, ...]
    embedding: tuple[Vector, ...]
    unembedding: tuple[Vector, ...]


@dataclass(frozen=True)
class Family:
    name: str
    embedding: Vector
    unembedding: Vector
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Head:
    """The score of i and j is the sum over query and key of x_i[query] * x_j[key]; value goes to out."""

    name: str
    query: tuple[int, ...]
    key: tuple[int, ...]
    value: tuple[int, ...]
    out: tuple[int, ...]


@dataclass(frozen=True)
class Neuron:
    """relu(bias + sum of weight * x[coordinate] over `reads`) is added, times weight, to each of `writes`."""

    bias: int
    reads: Vector
    writes: Vector


@dataclass(frozen=True)
class Layer:
    heads: tuple[Head, ...]
    neurons: tuple[Neuron, ...]


@dataclass(frozen=True)
class Network:
    position_bits: int
    registers: dict[str, tuple[int, ...]]
    width: int
    families: dict[str, Family]
    layers: tuple[Layer, ...]
    weights: frozenset[int]


class _Weights:
    """Reads a weights document; remembers the numbers in it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.numbers: set[int] = set()
        self.count = 0
        place = "weights"
        as_object(document, ("format", "version", "position_bits", "registers", "vocabulary", "layers"), place)
        demand(document["format"] == "exactformer weights", f"{place}: format")
        demand(as_integer(document["version"], f"{place}: version") == 1, f"{place}: version")
        self.bits = as_integer(document["position_bits"], f"{place}: position_bits", 1)
        limit(self.bits, 64, "position bits")
        self.registers: dict[str, tuple[int, ...]] = {}
        self.width = 0
        for entry in as_list(document["registers"], f"{place}: registers"):
            demand(len(as_list(entry, "a register")) == 2, "a register is not a name and a width")
            name, size = as_string(entry[0], "a register's name"), as_integer(entry[1], "a register's width", 1)
            limit(self.width + size, 2**12, "coordinates")
            demand(name not in self.registers, f"register {name} is there twice")
            self.registers[name] = tuple(range(self.width, self.width + size))
            self.width += size
        first = next(iter(self.registers.items()), None)
        demand(
            first == ("pos", tuple(range(self.bits))), "the first register is not pos, with position_bits coordinates"
        )
        families = [self.family(entry) for entry in as_list(document["vocabulary"], f"{place}: vocabulary")]
        self.families = {family.name: family for family in families}
        demand(len(self.families) == len(families), "two families have one name")
        limit(len(as_list(document["layers"], "layers")), 2**8, "layers")
        self.layers = tuple(self.layer(entry, n + 1) for n, entry in enumerate(document["layers"]))

    def number(self, value: Any, place: str) -> int:
        weight = as_integer(value, place, -(2**31), 2**31)
        self.numbers.add(weight)
        self.count += 1
        limit(self.count, 2**20, "weights")
        return weight

    def coordinate(self, value: Any, place: str) -> int:
        return as_integer(value, place, 0, self.width - 1)

    def vector(self, value: Any, place: str) -> Vector:
        entries = []
        for entry in as_list(value, place):
            demand(len(as_list(entry, place)) == 2, f"{place}: an entry is not a coordinate and a value")
            entries.append((self.coordinate(entry[0], place), self.number(entry[1], place)))
        demand(all(weight for _, weight in entries), f"{place}: a value is 0")
        demand(len({coordinate for coordinate, _ in entries}) == len(entries), f"{place}: a coordinate is there twice")
        return tuple(entries)

    def family(self, value: Any) -> Family:
        entry = as_object(value, ("name", "embedding", "unembedding", "fields"), "a family")
        name = as_string(entry["name"], "a family's name")
        fields = []
        for part in as_list(entry["fields"], f"{name}: fields"):
            field = as_object(part, ("name", "values", "embedding", "unembedding"), f"{name}: a field")
            values = tuple(as_strings(field["values"], f"{name}: values"))
            demand(len(set(values)) == len(values) > 0, f"{name}: a field's values are not unique, or there are none")
            sides = [
                tuple(self.vector(vector, f"{name}: {side}") for vector in as_list(field[side], f"{name}: {side}"))
                for side in ("embedding", "unembedding")
            ]
            demand(all(len(side) == len(values) for side in sides), f"{name}: not one vector per value")
            fields.append(Field(as_string(field["name"], f"{name}: a field's name"), values, *sides))
        demand(len({field.name for field in fields}) == len(fields), f"{name}: two fields have one name")
        return Family(
            name,
            self.vector(entry["embedding"], f"{name}: embedding"),
            self.vector(entry["unembedding"], f"{name}: unembedding"),
            tuple(fields),
        )

    def layer(self, value: Any, number: int) -> Layer:
        place = f"layer {number}"
        entry = as_object(value, ("heads", "mlp"), place)
        heads = []
        for part in as_list(entry["heads"], place):
            head = as_object(part, ("name", "kind", "query", "key", "value", "out"), f"{place}: a head")
            demand(head["kind"] in ("lookup", "content"), f"{place}: a head's kind")
            lists = [
                tuple(self.coordinate(item, f"{place}: {key}") for item in as_list(head[key], f"{place}: {key}"))
                for key in ("query", "key", "value", "out")
            ]
            demand(all(lists), f"{place}: a head has an empty list")
            demand(len(lists[0]) == len(lists[1]) and len(lists[2]) == len(lists[3]), f"{place}: lists of two lengths")
            demand(len(lists[0]) <= 2**13, f"{place}: a query list is longer than 2^13")
            self.count += len(lists[0]) + len(lists[2])
            limit(self.count, 2**20, "weights")
            heads.append(Head(as_string(head["name"], f"{place}: a head's name"), *lists))
        return Layer(tuple(heads), self.neurons(entry["mlp"], place))

    def neurons(self, value: Any, place: str) -> tuple[Neuron, ...]:
        names = ("in_start", "in_coordinate", "in_weight", "bias", "out_start", "out_coordinate", "out_weight")
        mlp = as_object(value, names, f"{place}: mlp")
        biases = [self.number(bias, f"{place}: bias") for bias in as_list(mlp["bias"], f"{place}: bias")]
        sides: list[list[Vector]] = []
        for side in ("in", "out"):
            starts = [as_integer(start, f"{place}: {side}_start", 0) for start in as_list(mlp[f"{side}_start"], place)]
            coordinates = [self.coordinate(c, f"{place}: {side}") for c in as_list(mlp[f"{side}_coordinate"], place)]
            weights = [self.number(weight, f"{place}: {side}") for weight in as_list(mlp[f"{side}_weight"], place)]
            demand(all(weights), f"{place}: a weight is 0")
            demand(len(coordinates) == len(weights), f"{place}: {side} lists of two lengths")
            demand(
                len(starts) == len(biases) + 1
                and starts[0] == 0
                and starts == sorted(starts)
                and starts[-1] == len(weights),
                f"{place}: {side}_start does not divide the list",
            )
            pairs = list(zip(coordinates, weights, strict=True))
            sides.append([tuple(pairs[low:high]) for low, high in pairwise(starts)])
        return tuple(Neuron(*parts) for parts in zip(biases, *sides, strict=True))


def read_network(data: bytes) -> Network:
    found = _Weights(read_document(data, "weights"))
    return Network(found.bits, found.registers, found.width, found.families, found.layers, frozenset(found.numbers))
