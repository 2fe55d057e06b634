"""The compiled network: coordinate lists for the heads, sparse integer matrices for the MLPs.

It contains the parameters and nothing else: this object travels beside a certificate.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions import html
from exactformer.constructions.transformer.gadgets import Neuron, neurons
from exactformer.constructions.transformer.program import HeadKind, Program, Selection
from exactformer.constructions.transformer.registers import Repeated, Span
from exactformer.constructions.transformer.vocabulary import Vocabulary

Integers = NDArray[np.int32]


@dataclass(frozen=True)
class CompiledHead:
    """Four coordinate lists; ``query`` and ``key`` have the same length d_k, ``value`` and ``out`` d_v."""

    name: str
    kind: HeadKind
    query: tuple[int, ...]
    key: tuple[int, ...]
    value: tuple[int, ...]
    out: tuple[int, ...]


@dataclass(frozen=True)
class SparseRows:
    """Integer rows: row n has ``weight[e]`` at ``coordinate[e]`` for start[n] <= e < start[n+1]."""

    start: Integers
    coordinate: Integers
    weight: Integers

    @classmethod
    def of(cls, rows: Sequence[tuple[tuple[int, int], ...]]) -> SparseRows:
        start = np.cumsum([0, *map(len, rows)], dtype=np.int32)
        entries = np.array([entry for row in rows for entry in row], dtype=np.int32).reshape(-1, 2)
        return cls(start, np.ascontiguousarray(entries[:, 0]), np.ascontiguousarray(entries[:, 1]))

    def rows(self) -> list[tuple[tuple[int, int], ...]]:
        """Each row as (coordinate, weight) pairs."""
        entries = list(zip(self.coordinate.tolist(), self.weight.tolist(), strict=True))
        return [tuple(entries[a:b]) for a, b in pairwise(self.start.tolist())]

    @classmethod
    def joined(cls, first: SparseRows, second: SparseRows) -> SparseRows:
        """The rows of ``first``, then those of ``second``."""
        return cls(
            np.concatenate([first.start, second.start[1:] + first.start[-1]]),
            np.concatenate([first.coordinate, second.coordinate]),
            np.concatenate([first.weight, second.weight]),
        )


@dataclass(frozen=True, eq=False)
class Mlp:
    """x += sum over neurons n of outputs[n] * relu(inputs[n] . x + bias[n])."""

    inputs: SparseRows
    bias: Integers
    outputs: SparseRows

    @property
    def size(self) -> int:
        """Number of neurons, d_ff of this layer."""
        return len(self.bias)

    def neurons(self) -> tuple[Neuron, ...]:
        """The neurons one by one, as :mod:`constructions.transformer.gadgets` writes them."""
        inputs, outputs = self.inputs.rows(), self.outputs.rows()
        return tuple(
            Neuron(read, int(bias), written) for read, bias, written in zip(inputs, self.bias, outputs, strict=True)
        )

    @classmethod
    def of(cls, units: Sequence[Neuron]) -> Mlp:
        return cls(
            SparseRows.of([unit.inputs for unit in units]),
            np.array([unit.bias for unit in units], dtype=np.int32),
            SparseRows.of([unit.outputs for unit in units]),
        )

    @classmethod
    def joined(cls, first: Mlp, second: Mlp) -> Mlp:
        """The neurons of ``first``, then those of ``second``."""
        return cls(
            SparseRows.joined(first.inputs, second.inputs),
            np.concatenate([first.bias, second.bias]),
            SparseRows.joined(first.outputs, second.outputs),
        )


@dataclass(frozen=True, eq=False)
class Layer:
    """Attention, all heads at once, then the MLP on what it left."""

    heads: tuple[CompiledHead, ...]
    mlp: Mlp


@dataclass(frozen=True)
class Network:
    """A decoder; ``position_bits`` coordinates from 0 hold the signed binary position of each token."""

    registers: tuple[Span, ...]
    position_bits: int
    layers: tuple[Layer, ...]
    vocabulary: Vocabulary

    @property
    def width(self) -> int:
        """d, the width of the residual stream."""
        return sum(register.width for register in self.registers)

    def numbers(self) -> Iterator[int]:
        """Every weight that is not 0; in heads, where a coordinate is listed, it is 1."""
        for family in self.vocabulary.families:
            vectors = [family.embedding, family.unembedding]
            vectors += [vector for field in family.fields for vector in (*field.embedding, *field.unembedding)]
            yield from (weight for vector in vectors for _, weight in vector)
        for layer in self.layers:
            for head in layer.heads:
                yield from (1 for side in (head.query, head.key, head.value, head.out) for _ in side)
            for part in (layer.mlp.inputs.weight, layer.mlp.bias, layer.mlp.outputs.weight):
                yield from (weight for weight in part.tolist() if weight)

    def _repr_html_(self) -> str:
        """Its size, then its layers, then its registers."""
        weights = Counter(map(abs, self.numbers()))
        size = {
            "width": self.width,
            "position bits": self.position_bits,
            "tokens": f"{self.vocabulary.size:,}",
            "layers": len(self.layers),
            "heads": sum(len(layer.heads) for layer in self.layers),
            "neurons": sum(layer.mlp.size for layer in self.layers),
            "weights that are not 0": f"{weights.total():,}",
            "largest weight": max(weights, default=0),
        }
        layers = (
            (number, ", ".join(head.name for head in layer.heads) or "none", layer.mlp.size)
            for number, layer in enumerate(self.layers, start=1)
        )
        registers = ((one.name, one.offset, one.width) for one in self.registers)
        return (
            html.table(list(size), [list(size.values())])
            + html.table(("layer", "heads", "neurons"), layers)
            + html.table(("register", "from coordinate", "width"), registers)
        )

    def coordinate_name(self, coordinate: int) -> str:
        """The register and bit a coordinate belongs to, for messages."""
        for register in self.registers:
            if coordinate in register.coordinates:
                return str(register if register.width == 1 else register.bit(coordinate - register.offset))
        raise IndexError(f"the residual stream has {self.width} coordinates, asked for {coordinate}")


def compile_layers(program: Program) -> tuple[Layer, ...]:
    """The layers of a program, the neurons of each layer in the order of its gadgets."""
    units: dict[int, list[Neuron]] = defaultdict(list)
    for placed in program.gadgets:
        units[placed.layer].extend(neurons(placed.gadget))
    heads: dict[int, list[CompiledHead]] = defaultdict(list)
    for placed_head in program.heads:
        head = placed_head.head
        heads[placed_head.layer].append(
            CompiledHead(
                head.name,
                head.kind,
                coordinates(head.query),
                coordinates(head.key),
                head.value.coordinates,
                head.out.coordinates,
            )
        )
    return tuple(Layer(tuple(heads[layer]), Mlp.of(units[layer])) for layer in range(1, program.depth + 1))


def coordinates(selection: Selection) -> tuple[int, ...]:
    """The coordinate list of one side of a head, repetitions included."""
    listed: list[int] = []
    for part in selection:
        span, count = (part.span, part.count) if isinstance(part, Repeated) else (part, 1)
        listed.extend(span.coordinates * count)
    return tuple(listed)
