"""The weights document (SPEC 4.1), and its parameters, for reports and for the linear format (ARITHMETIC 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.network import CompiledHead, Layer, Mlp, Network, SparseRows
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.transformer.vocabulary import Family, Field, Vector, Vocabulary
from exactformer.verify.arithmetic.models import BetaSplit

WIDEST = 1 << 13
"""The most coordinates of a network that is read here."""


class WeightsError(ValueError):
    """A weights document that does not describe a network: why, in one sentence."""


@dataclass(frozen=True)
class Parameters:
    """A kind of matrix.

    values: those that are not 0, and how often each occurs in the document. scale: their common factor.
    largest: the largest magnitude, scale included. significand_bits: the most bits of a value, less its trailing zeros.
    """

    matrix: str
    values: Mapping[int, int]
    scale: int
    largest: int
    significand_bits: int

    @property
    def nonzero(self) -> int:
        """How many entries are not 0."""
        return sum(self.values.values())


def weights_document(network: Network) -> dict[str, Any]:
    """The network as plain JSON values."""
    return {
        "format": "exactformer weights",
        "version": 1,
        "position_bits": network.position_bits,
        "registers": [[register.name, register.width] for register in network.registers],
        "vocabulary": [_family(family) for family in network.vocabulary.families],
        "layers": [
            {
                "heads": [
                    {
                        "name": head.name,
                        "kind": head.kind.value,
                        "query": head.query,
                        "key": head.key,
                        "value": head.value,
                        "out": head.out,
                    }
                    for head in layer.heads
                ],
                "mlp": {
                    **_rows("in", layer.mlp.inputs),
                    "bias": layer.mlp.bias.tolist(),
                    **_rows("out", layer.mlp.outputs),
                },
            }
            for layer in network.layers
        ],
    }


def _family(family: Family) -> dict[str, Any]:
    return {
        "name": family.name,
        "embedding": family.embedding,
        "unembedding": family.unembedding,
        "fields": [
            {
                "name": field.name,
                "values": field.values,
                "embedding": field.embedding,
                "unembedding": field.unembedding,
            }
            for field in family.fields
        ],
    }


def _rows(side: str, rows: SparseRows) -> dict[str, list[int]]:
    return {
        f"{side}_start": rows.start.tolist(),
        f"{side}_coordinate": rows.coordinate.tolist(),
        f"{side}_weight": rows.weight.tolist(),
    }


def _vocabulary_vectors(network: Network) -> tuple[list[Vector], list[Vector]]:
    """All embedding vectors and all unembedding vectors, of families and of field values."""
    families = network.vocabulary.families
    fields = [field for family in families for field in family.fields]
    return (
        [*(family.embedding for family in families), *(vector for field in fields for vector in field.embedding)],
        [*(family.unembedding for family in families), *(vector for field in fields for vector in field.unembedding)],
    )


def parameters(network: Network, split: BetaSplit | None) -> list[Parameters]:
    """Per kind of matrix: the different non-zero values, the largest magnitude and the bits they need."""
    scales = {} if split is None else {"query": split.query, "key": split.key}
    return [_parameters(name, values, scales.get(name, 1)) for name, values in _matrices(network)]


def _matrices(network: Network) -> Iterator[tuple[str, Counter[int]]]:
    embeddings, unembeddings = _vocabulary_vectors(network)
    yield "embedding", Counter(value for vector in embeddings for _, value in vector)
    yield "unembedding", Counter(value for vector in unembeddings for _, value in vector)
    heads = [head for layer in network.layers for head in layer.heads]
    yield "query", Counter({1: sum(len(head.query) for head in heads)})
    yield "key", Counter({1: sum(len(head.key) for head in heads)})
    yield "value", Counter({1: sum(len(head.value) for head in heads)})
    yield "output", Counter({1: sum(len(head.out) for head in heads)})
    mlps = [layer.mlp for layer in network.layers]
    yield "mlp_in", _count([mlp.inputs.weight for mlp in mlps])
    yield "mlp_bias", _count([mlp.bias for mlp in mlps])
    yield "mlp_out", _count([mlp.outputs.weight for mlp in mlps])


def _count(arrays: list[Any]) -> Counter[int]:
    values, counts = np.unique(np.concatenate(arrays), return_counts=True)
    return Counter({int(v): int(c) for v, c in zip(values, counts, strict=True) if v != 0})


def _parameters(matrix: str, values: Counter[int], scale: int) -> Parameters:
    present = {value: count for value, count in sorted(values.items()) if count}
    largest = scale * max(map(abs, present), default=0)
    return Parameters(matrix, present, scale, largest, max(map(significand_bits, present), default=0))


def significand_bits(value: int) -> int:
    """Bits of |value| without its trailing zeros: what a floating-point format must have to hold it.

    >>> [significand_bits(value) for value in (1, -8, 6, 19)]
    [1, 1, 2, 5]
    """
    magnitude = abs(value)
    return (magnitude // (magnitude & -magnitude)).bit_length() if magnitude else 0


# ---------------------------------------------------------------------------- reading


def network_of(document: dict[str, Any]) -> Network:
    """The network of a document that `weights_document` wrote, or of any other: weights are integers of 32 bits.

    Raises WeightsError if a coordinate does not exist, or there are too many; LookupError, TypeError, ValueError and
    ArithmeticError if it is not such a document.
    """
    widths = [(str(name), int(width)) for name, width in document["registers"]]
    if any(width < 1 for _, width in widths) or not 1 <= (width := sum(one for _, one in widths)) <= WIDEST:
        raise WeightsError(f"its residual stream does not have 1 to {WIDEST} coordinates")
    starts = accumulate((one for _, one in widths), initial=0)
    registers = tuple(Span(name, start, one) for (name, one), start in zip(widths, starts, strict=False))
    bits = int(document["position_bits"])
    if not 0 <= bits <= width:
        raise WeightsError(f"its positions do not have 0 to {width} bits")

    def places(listed: Sequence[Any]) -> tuple[int, ...]:
        found = tuple(map(int, listed))
        if any(not 0 <= coordinate < width for coordinate in found):
            raise WeightsError(f"it names a coordinate that its residual stream of {width} does not have")
        return found

    def vector(entries: Sequence[Any]) -> Vector:
        coordinates = places([coordinate for coordinate, _ in entries])
        return tuple(zip(coordinates, (int(value) for _, value in entries), strict=True))

    def head(one: dict[str, Any]) -> CompiledHead:
        kind = HeadKind(one["kind"])
        return CompiledHead(str(one["name"]), kind, *(places(one[key]) for key in ("query", "key", "value", "out")))

    def mlp(one: dict[str, Any]) -> Mlp:
        read, written = (
            [
                tuple(zip(places(one[f"{side}_coordinate"][a:b]), map(int, one[f"{side}_weight"][a:b]), strict=True))
                for a, b in pairwise(one[f"{side}_start"])
            ]
            for side in ("in", "out")
        )
        return Mlp.of([Neuron(*each) for each in zip(read, map(int, one["bias"]), written, strict=True)])

    families = tuple(
        Family(
            str(family["name"]),
            vector(family["embedding"]),
            vector(family["unembedding"]),
            tuple(
                Field(
                    str(field["name"]),
                    tuple(map(str, field["values"])),
                    tuple(map(vector, field["embedding"])),
                    tuple(map(vector, field["unembedding"])),
                )
                for field in family["fields"]
            ),
        )
        for family in document["vocabulary"]
    )
    layers = tuple(Layer(tuple(map(head, layer["heads"])), mlp(layer["mlp"])) for layer in document["layers"])
    return Network(registers, bits, layers, Vocabulary(families))
