"""A program: what every layer does, in named registers, before it becomes weights.

Constructions write programs; :mod:`constructions.transformer.network` turns them into sparse integer weights.
Gadgets stay data, so that later proofs can go gadget by gadget.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from exactformer.constructions.transformer.gadgets import Gadget
from exactformer.constructions.transformer.registers import Repeated, Span

Selection = tuple[Span | Repeated, ...]
"""One side of a head: its coordinates in order, such as ``hpos_k, (r-1)*const``."""


class HeadKind(Enum):
    """How a head finds what it looks for; this decides which statement about its separation can be proved at once."""

    LOOKUP = "lookup"
    """A register of position bits against ``pos``: exactly one position matches, all others score 2 less."""

    CONTENT = "content"
    """Anything else: its separation is read off the runs."""


@dataclass(frozen=True)
class Head:
    """``query | key | value -> out``: score = <x_i[query], x_j[key]>, value x_j[value], added into x_i[out]."""

    name: str
    kind: HeadKind
    query: Selection
    key: Selection
    value: Span
    out: Span

    def __str__(self) -> str:
        query, key = (", ".join(map(str, side)) for side in (self.query, self.key))
        return f"{query} | {key} | {self.value} -> {self.out}"


@dataclass(frozen=True)
class PlacedHead:
    """A head in its layer (1-based)."""

    layer: int
    head: Head


@dataclass(frozen=True)
class PlacedGadget:
    """A gadget in the MLP of its layer (1-based)."""

    layer: int
    gadget: Gadget


@dataclass(frozen=True)
class Program:
    """Registers, and what each layer's attention and MLP do with them."""

    registers: tuple[Span, ...]
    depth: int
    heads: tuple[PlacedHead, ...]
    gadgets: tuple[PlacedGadget, ...]

    @property
    def width(self) -> int:
        """d, the width of the residual stream."""
        return sum(register.width for register in self.registers)

    def register(self, name: str) -> Span:
        return next(register for register in self.registers if register.name == name)


class ProgramBuilder:
    """Collects heads and gadgets layer by layer; layers are numbered from 1."""

    def __init__(self) -> None:
        self.heads: list[PlacedHead] = []
        self.gadgets: list[PlacedGadget] = []

    def mlp(self, layer: int, *gadgets: Gadget) -> None:
        self.gadgets += (PlacedGadget(layer, gadget) for gadget in gadgets)

    def lookup(self, layer: int, name: str, query: Span, key: Span, value: Span, out: Span) -> None:
        """A head that fetches ``value`` from the position whose bits are in ``query``."""
        self.heads.append(PlacedHead(layer, Head(name, HeadKind.LOOKUP, (query,), (key,), value, out)))

    def attend(self, layer: int, name: str, query: Selection, key: Selection, value: Span, out: Span) -> None:
        self.heads.append(PlacedHead(layer, Head(name, HeadKind.CONTENT, query, key, value, out)))
