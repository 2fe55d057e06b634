"""The network of a weights document (SPEC 4.1), to run it with hardmax on the first tokens of a run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from exactformer.certificates.reports.page.source import ReportError
from exactformer.constructions.transformer.network import CompiledHead, Layer, Mlp, Network
from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.transformer.vocabulary import Family, Field, Vector, Vocabulary

Json = Any
WIDEST = 1 << 13
"""Coordinates of a network that is run here."""


def network_of(document: dict[str, Json]) -> Network:
    """The network; weights may be any integers of 32 bits.

    Raises ReportError where a coordinate is none of the network's, or there are too many; LookupError, TypeError,
    ValueError and ArithmeticError where the document is none.
    """
    widths = [(str(name), int(width)) for name, width in document["registers"]]
    if any(width < 1 for _, width in widths) or not 1 <= (width := sum(one for _, one in widths)) <= WIDEST:
        raise ReportError(f"its residual stream does not have 1 to {WIDEST} coordinates")
    starts = accumulate((one for _, one in widths), initial=0)
    registers = tuple(Span(name, start, one) for (name, one), start in zip(widths, starts, strict=False))
    bits = int(document["position_bits"])
    if not 0 <= bits <= width:
        raise ReportError(f"its positions do not have 0 to {width} bits")

    def places(listed: Sequence[Json]) -> tuple[int, ...]:
        found = tuple(map(int, listed))
        if any(not 0 <= coordinate < width for coordinate in found):
            raise ReportError(f"it names a coordinate beyond its {width}")
        return found

    def vector(entries: Sequence[Json]) -> Vector:
        coordinates = places([coordinate for coordinate, _ in entries])
        return tuple(zip(coordinates, (int(value) for _, value in entries), strict=True))

    def head(one: dict[str, Json]) -> CompiledHead:
        kind = HeadKind(one["kind"])
        return CompiledHead(str(one["name"]), kind, *(places(one[key]) for key in ("query", "key", "value", "out")))

    def mlp(one: dict[str, Json]) -> Mlp:
        read, written = (
            [
                tuple(zip(places(one[f"{side}_coordinate"][a:b]), map(int, one[f"{side}_weight"][a:b]), strict=True))
                for a, b in zip(one[f"{side}_start"], one[f"{side}_start"][1:], strict=False)
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
