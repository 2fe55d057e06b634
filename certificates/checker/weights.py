"""The weights document (SPEC 4.1): reading it into integer arrays.

Words:
    sparse matrix  rows of (index, weight) pairs, one after the other; row k is start[k] .. start[k+1] - 1
    base           the vector that all tokens of a family share
    scale          the power of two by which beta multiplies the query or key weights
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.checker.document import (
    Json,
    Rejected,
    TooLarge,
    integer,
    integers,
    items,
    members,
    quote,
    text,
)

Ints: TypeAlias = NDArray[np.signedinteger]

LARGEST_WEIGHT = 2**31
LARGEST_WIDTH = 2**16
MOST_ENTRIES, MOST_DENSE = 2**22, 2**24
"""Layers times d, and tokens' vectors times d: arrays of these sizes are made."""
LONGEST_QUERY = 2**13
"""So that scores, and differences of scores, of ternary activations fit in 16 bits."""


@dataclass(frozen=True)
class Sparse:
    """A sparse matrix of integers: ``start`` has one entry more than there are rows."""

    start: Ints
    index: Ints
    weight: Ints

    @property
    def largest_row(self) -> int:
        """The largest sum of magnitudes in a row (at most 2^26 entries of at most 2^31 each: no overflow)."""
        return int(np.max(self.row_sums(np.abs(self.weight)), initial=0))

    def row_sums(self, terms: Ints) -> Ints:
        """For every row the sum of the terms at its entries."""
        ends: Ints = np.concatenate([[0], np.cumsum(terms)])
        return np.asarray(ends[self.start[1:]] - ends[self.start[:-1]])

    def some_rows(self, rows: Ints) -> Sparse:
        """These rows."""
        lengths = np.diff(self.start)[rows]
        start = np.concatenate([[0], np.cumsum(lengths)])
        entry = np.arange(start[-1]) + np.repeat(self.start[rows] - start[:-1], lengths)
        return Sparse(start, self.index[entry], self.weight[entry])

    def times(self, vector: Ints) -> Ints:
        """The product with a vector of ternary entries."""
        return self.row_sums(self.weight * vector[self.index])

    def dense(self, width: int) -> Ints:
        """The rows as vectors; their entries have different indices."""
        rows = np.zeros((len(self.start) - 1, width), np.int64)
        rows[np.repeat(np.arange(len(rows)), np.diff(self.start)), self.index] = self.weight
        return rows


@dataclass(frozen=True)
class Field:
    """A field of a family of tokens; row v of each matrix is the vector of the value ``values[v]``."""

    name: str
    values: tuple[str, ...]
    embedding: Sparse
    unembedding: Sparse


@dataclass(frozen=True)
class Family:
    """Tokens, one for every choice of the fields' values; the base vectors are matrices of one row."""

    name: str
    embedding: Sparse
    unembedding: Sparse
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Head:
    """An attention head: four lists of coordinates."""

    name: str
    kind: str
    query: list[int]
    key: list[int]
    value: list[int]
    out: list[int]


@dataclass(frozen=True)
class Mlp:
    """Row n of ``into``: what neuron n reads; row c of ``out_of``: which neurons add to coordinate c."""

    into: Sparse
    bias: Ints
    out_of: Sparse
    fan_out: Ints


@dataclass(frozen=True)
class Layer:
    """The heads of a layer, all at once, and then its neurons."""

    heads: tuple[Head, ...]
    mlp: Mlp


@dataclass(frozen=True)
class Network:
    """The network of a weights document (SPEC 4.1)."""

    r: int
    registers: tuple[tuple[str, int], ...]
    width: int
    vocabulary: tuple[Family, ...]
    layers: tuple[Layer, ...]

    @cached_property
    def places(self) -> list[tuple[str, int, int]]:
        """For every coordinate its register, the register's width, and where it is in it."""
        return [(name, width, bit) for name, width in self.registers for bit in range(width)]


def read_network(document: Json) -> Network:
    """The network that a weights document describes; `Rejected` where it breaks a rule of SPEC 4.1."""
    at = "weights"
    top = members(at, document, "format", "version", "position_bits", "registers", "vocabulary", "layers")
    if top["format"] != "exactformer weights" or type(top["version"]) is not int or top["version"] != 1:
        raise Rejected(at, f"format {quote(top['format'])}, version {quote(top['version'])} is not known")
    r = integer(f"{at}.position_bits", top["position_bits"], 1, LARGEST_WIDTH)
    registers = []
    for i, item in enumerate(items(f"{at}.registers", top["registers"])):
        pair = items(f"{at}.registers[{i}]", item)
        if len(pair) != 2:
            raise Rejected(f"{at}.registers[{i}]", f"is {quote(pair)}, not a name and a width")
        name = text(f"{at}.registers[{i}][0]", pair[0])
        registers.append((name, integer(f"{at}.registers[{i}][1]", pair[1], 1, LARGEST_WIDTH)))
    _require_unique(f"{at}.registers", [name for name, _ in registers])
    if registers[:1] != [("pos", r)]:
        raise Rejected(f"{at}.registers[0]", f'is {quote(top["registers"])}, which does not begin with ["pos", {r}]')
    d = sum(width for _, width in registers)
    if d > LARGEST_WIDTH:
        raise Rejected(f"{at}.registers", f"width {d} is more than this checker's limit {LARGEST_WIDTH}")
    families = items(f"{at}.vocabulary", top["vocabulary"])
    layers = items(f"{at}.layers", top["layers"])
    if len(layers) * (d + 1) > MOST_ENTRIES:
        raise TooLarge(f"{at}.layers: {len(layers)} of width {d}; this checker reads up to {MOST_ENTRIES} coordinates")
    network = Network(
        r=r,
        registers=tuple(registers),
        width=d,
        vocabulary=tuple(_family(f"{at}.vocabulary[{i}]", item, d) for i, item in enumerate(families)),
        layers=tuple(_layer(f"{at}.layers[{i}]", item, d) for i, item in enumerate(layers)),
    )
    _require_unique(f"{at}.vocabulary", [family.name for family in network.vocabulary])
    vectors = sum(1 + sum(len(field.values) for field in family.fields) for family in network.vocabulary)
    if vectors * d > MOST_DENSE:
        raise TooLarge(f"{at}.vocabulary: {vectors} vectors of {d} entries; this checker goes through {MOST_DENSE}")
    return network


def _require_unique(at: str, names: list[str]) -> None:
    if len(set(names)) != len(names):
        twice = next(name for name, times in Counter(names).items() if times > 1)
        raise Rejected(at, f"names {quote(twice)} twice")


def _family(at: str, item: Json, d: int) -> Family:
    parts = members(at, item, "name", "embedding", "unembedding", "fields")
    fields = tuple(_field(f"{at}.fields[{i}]", f, d) for i, f in enumerate(items(f"{at}.fields", parts["fields"])))
    _require_unique(f"{at}.fields", [field.name for field in fields])
    return Family(
        name=text(f"{at}.name", parts["name"]),
        embedding=_vectors(f"{at}.embedding", [parts["embedding"]], d),
        unembedding=_vectors(f"{at}.unembedding", [parts["unembedding"]], d),
        fields=fields,
    )


def _field(at: str, item: Json, d: int) -> Field:
    parts = members(at, item, "name", "values", "embedding", "unembedding")
    values = [text(f"{at}.values[{i}]", v) for i, v in enumerate(items(f"{at}.values", parts["values"]))]
    _require_unique(f"{at}.values", values)
    matrices = []
    for side in ("embedding", "unembedding"):
        vectors = items(f"{at}.{side}", parts[side])
        if not len(vectors) == len(values) >= 1:
            raise Rejected(f"{at}.{side}", f"has {len(vectors)} vectors for {len(values)} values")
        matrices.append(_vectors(f"{at}.{side}", vectors, d))
    return Field(text(f"{at}.name", parts["name"]), tuple(values), *matrices)


def _vectors(at: str, vectors: list[Json], d: int) -> Sparse:
    """Vectors ``[[coordinate, value], ...]`` as the rows of a matrix."""
    start, pairs = [0], list[list[int]]()
    for place, vector in enumerate(vectors):
        row = [integers(f"{at}[{place}]", p, -LARGEST_WEIGHT, LARGEST_WEIGHT) for p in items(at, vector)]
        for pair in row:
            if len(pair) != 2 or not 0 <= pair[0] < d or pair[1] == 0:
                raise Rejected(f"{at}[{place}]", f"{pair} is no [coordinate below {d}, value other than 0]")
        if len({pair[0] for pair in row}) != len(row):
            raise Rejected(f"{at}[{place}]", f"{quote(vector)} names a coordinate twice")
        pairs += row
        start.append(len(pairs))
    return Sparse(_array(start), _array([c for c, _ in pairs]), _array([v for _, v in pairs]))


def _array(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _layer(at: str, item: Json, d: int) -> Layer:
    parts = members(at, item, "heads", "mlp")
    heads = tuple(_head(f"{at}.heads[{i}]", h, d) for i, h in enumerate(items(f"{at}.heads", parts["heads"])))
    return Layer(heads, _mlp(f"{at}.mlp", parts["mlp"], d))


def _head(at: str, item: Json, d: int) -> Head:
    parts = members(at, item, "name", "kind", "query", "key", "value", "out")
    lists = {key: integers(f"{at}.{key}", parts[key], 0, d - 1) for key in ("query", "key", "value", "out")}
    if not 1 <= len(lists["query"]) == len(lists["key"]) <= LONGEST_QUERY:
        lengths = f"{len(lists['query'])} and {len(lists['key'])}"
        raise Rejected(f"{at}.query", f"query and key have lengths {lengths}: not one length, 1 to {LONGEST_QUERY}")
    if not 1 <= len(lists["value"]) == len(lists["out"]) <= d:
        lengths = f"{len(lists['value'])} and {len(lists['out'])}"
        raise Rejected(f"{at}.value", f"value and out have lengths {lengths}: not one length, 1 to {d}")
    if parts["kind"] not in ("lookup", "content"):
        raise Rejected(f"{at}.kind", f'is {quote(parts["kind"])}, not "lookup" or "content"')
    return Head(text(f"{at}.name", parts["name"]), text(f"{at}.kind", parts["kind"]), **lists)


def _mlp(at: str, item: Json, d: int) -> Mlp:
    names = ("in_start", "in_coordinate", "in_weight", "bias", "out_start", "out_coordinate", "out_weight")
    parts = members(at, item, *names)
    bias = _array(integers(f"{at}.bias", parts["bias"], -LARGEST_WEIGHT, LARGEST_WEIGHT))
    sides = []
    for side in ("in", "out"):
        coordinate = integers(f"{at}.{side}_coordinate", parts[f"{side}_coordinate"], 0, d - 1)
        weight = integers(f"{at}.{side}_weight", parts[f"{side}_weight"], -LARGEST_WEIGHT, LARGEST_WEIGHT)
        start = integers(f"{at}.{side}_start", parts[f"{side}_start"], 0, len(coordinate))
        if 0 in weight:
            raise Rejected(f"{at}.{side}_weight[{weight.index(0)}]", "is 0")
        if len(weight) != len(coordinate):
            raise Rejected(f"{at}.{side}_weight", f"has {len(weight)} entries for {len(coordinate)} coordinates")
        if len(start) != len(bias) + 1 or start[0] != 0 or start[-1] != len(weight) or start != sorted(start):
            raise Rejected(f"{at}.{side}_start", f"{quote(list[Json](start))} does not rise from 0 to {len(weight)}")
        sides.append(Sparse(_array(start), _array(coordinate), _array(weight)))
    into, out = sides
    neuron = np.repeat(np.arange(len(bias)), np.diff(out.start))
    order = np.argsort(out.index, kind="stable")  # the same entries, coordinate by coordinate
    begin = np.searchsorted(out.index[order], np.arange(d + 1)).astype(np.int64)
    return Mlp(into, bias, Sparse(begin, neuron[order], out.weight[order]), np.diff(out.start))


def longest_query(network: Network) -> int:
    """``largest_score`` of ARITHMETIC 3: it bounds all scores, as activations are ternary."""
    return max((len(head.query) for layer in network.layers for head in layer.heads), default=0)


def _entries(network: Network) -> Iterator[tuple[str, list[int]]]:
    """Every matrix's integers, piece by piece, with the matrix's name."""
    for family in network.vocabulary:
        parts: tuple[Family | Field, ...] = (family, *family.fields)
        for part in parts:
            yield "embedding", part.embedding.weight.tolist()
            yield "unembedding", part.unembedding.weight.tolist()
    for layer in network.layers:
        for head in layer.heads:
            yield "query", [1] * len(head.query)
            yield "key", [1] * len(head.key)
            yield "value", [1] * len(head.value)
            yield "output", [1] * len(head.out)
        yield "mlp_in", layer.mlp.into.weight.tolist()
        yield "mlp_bias", layer.mlp.bias[layer.mlp.bias != 0].tolist()
        yield "mlp_out", layer.mlp.out_of.weight.tolist()


def distinct_weights(network: Network) -> dict[str, set[int]]:
    """The different integers of every kind of matrix."""
    found = dict[str, set[int]]()
    for kind, values in _entries(network):
        found.setdefault(kind, set()).update(values)
    return found
