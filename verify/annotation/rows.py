"""The neurons that write one register, as arrays: what an MLP obligation is about."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.verify.annotation.content import Content

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Some neurons, with the outputs that go to one register.

    Inputs of neuron n are ``in_start[n] <= e < in_start[n+1]``: ``place`` in a list of registers read, ``offset`` in
    that register.  Outputs are listed one by one, with their neuron.  Constant inputs are in the biases.
    """

    bias: Ints
    in_start: Ints
    place: Ints
    offset: Ints
    weight: Ints
    out_neuron: Ints
    out_offset: Ints
    out_weight: Ints

    @classmethod
    def none(cls) -> Rows:
        """No neurons."""
        empty = np.zeros(0, np.int64)
        return cls(empty, np.zeros(1, np.int64), empty, empty, empty, empty, empty, empty)

    @property
    def text(self) -> str:
        """Everything in it, shortened to a hash."""
        arrays = (self.bias, self.in_start, self.place, self.offset, self.weight)
        hashed = hashlib.sha256()
        for array in (*arrays, self.out_neuron, self.out_offset, self.out_weight):
            hashed.update(len(array).to_bytes(8, "big") + array.astype("<i8").tobytes())
        return hashed.hexdigest()

    def neurons(self, first: Sequence[int]) -> Iterator[Neuron]:
        """The neurons, where the registers read begin at these coordinates, and the one written at 0."""
        outputs: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for neuron, *output in zip(
            self.out_neuron.tolist(), self.out_offset.tolist(), self.out_weight.tolist(), strict=True
        ):
            outputs[neuron].append((output[0], output[1]))
        inputs = list(zip(self.place.tolist(), self.offset.tolist(), self.weight.tolist(), strict=True))
        for neuron, (bias, begin, end) in enumerate(
            zip(self.bias.tolist(), self.in_start[:-1].tolist(), self.in_start[1:].tolist(), strict=True)
        ):
            read = tuple((first[place] + offset, weight) for place, offset, weight in inputs[begin:end])
            yield Neuron(read, bias, tuple(outputs[neuron]))


@dataclass(frozen=True, eq=False)
class Step:
    """What some neurons add to a register that held 0 and is to hold what delta says (`verify.annotation.steps`)."""

    read: tuple[tuple[str, Content, int], ...]
    """Registers by name, what they hold, and their widths."""
    rows: Rows
    after: Content
    width: int
