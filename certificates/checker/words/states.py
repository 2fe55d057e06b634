"""What tokens hold after a sublayer, each state once, and rows of numbers, each once (WORDS section 4)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.sequences.network import Nearest, Network
from exactformer.certificates.checker.softmax.numbers import Value

MOST = 2**20
"""The most states, and the most queries of a head."""

UNKNOWN = -1
"""The number of a state about which nothing is known: an overflow is not excluded."""

Ints = NDArray[np.int64]
Vector: TypeAlias = tuple[Value, ...]


class State(NamedTuple):
    """Intervals of x, then a 1; whether heads see the token; its position if a later head rotates, else 0."""

    vector: Vector
    seen: bool
    place: int = 0


Thing = TypeVar("Thing", bound=Hashable)


def rotates_behind(network: Network, layers: int) -> bool:
    """Whether a head after this many layers rotates."""
    return any(head.rotary for layer in network.layers[layers:] for head in layer.heads)


def read_behind(network: Network, layers: int) -> list[bool]:
    """For every coordinate, and the 1 after them, whether anything after this many layers reads it or adds to it; norms
    read all of them."""
    outputs, read = network.outputs, set[int]()
    if network.norm is not None or any(norm is not None for layer in network.layers[layers:] for norm in layer.norms):
        return [True] * (network.width + 1)
    rows = [outputs.row] if isinstance(outputs, Nearest) else [*outputs.values()]
    for layer in network.layers[layers:]:
        rows += layer.reading
        read.update(coordinate for coordinate, _ in (*layer.attention, *layer.mlp))
    read.update(index for row in rows for index, _ in row.terms)
    return [place in read for place in range(network.width)] + [True]


NOTHING = Value(0, 0, 0, 0)
"""Stands for a coordinate that is neither read nor added to any more, so that it cannot overflow any more."""


def kept(vector: Sequence[Value], read: Sequence[bool]) -> Vector:
    """The state without coordinates that are not read. All of them were computed, so none may overflow."""
    return tuple(value if is_read else NOTHING for value, is_read in zip(vector, read, strict=True))


class Numbered(Generic[Thing]):
    """Different things, numbered from 0 on."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self._numbers: dict[Thing, int] = {}

    def number(self, thing: Thing) -> int:
        """The thing's number, a new one if the thing is new."""
        found = self._numbers.setdefault(thing, len(self.things))
        if found == len(self.things):
            if found >= MOST:
                raise TooLarge(f"words make more than {MOST} different states, or queries of a head")
            self.things.append(thing)
        return found


def distinct(columns: Sequence[Ints]) -> tuple[Ints, Ints]:
    """For rows, given by their columns: where each different row occurs first, and which of these each row is.

    Column by column: rows that agree so far have one number, below how many rows there are.
    """
    found = np.zeros(len(columns[0]), np.int64)
    first = np.zeros(min(1, len(found)), np.int64)
    for column in columns:
        _, small = np.unique(column, return_inverse=True)
        _, first, found = np.unique(
            found * (int(small.max(initial=0)) + 1) + small, return_index=True, return_inverse=True
        )
    return first.astype(np.int64), found.astype(np.int64)
