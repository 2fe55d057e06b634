"""The MLP obligations: behind each layer every register holds what the annotation says (SPEC 13.5; spec 5.1, point 2).

For one token class, layer and register, for all values of the ghosts: what the register holds behind attention, plus
what the concrete neurons add to it, is what the annotation says it holds behind the MLP.  Coordinates that are constant
for the class are put into the biases first; a neuron whose pre-activation is then at most 0 adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from constructions.transformer.gadgets import Neuron
from constructions.transformer.network import Mlp
from constructions.transformer.registers import Span
from constructions.turing.encoding import Shape
from verify.annotation.annotation import Annotation, Held
from verify.annotation.content import Content, HighBits, If, One, Zero
from verify.annotation.facts import Delta, facts
from verify.annotation.ghosts import TokenClass
from verify.annotation.patterns import Claim, as_text, canonical
from verify.annotation.symbolic import Coordinate, Symbols, ghosts_in
from verify.lemmas.activation import added_terms
from verify.solver import all_of, constant, equal, total

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class MlpPattern:
    """What some neurons add to one register.

    read: the registers that they read, as content and width.  neurons: inputs are (place in ``read``, offset), outputs
    offsets in the register; constant inputs are in the biases.  before, after: what the register holds.
    """

    shape: Shape
    read: tuple[tuple[Content, int], ...]
    neurons: tuple[tuple[tuple[tuple[int, int, int], ...], int, tuple[tuple[int, int], ...]], ...]
    before: Content
    after: Content
    width: int
    delta: Delta | None

    def claim(self) -> Claim:
        symbols = Symbols()
        held: dict[int, Coordinate] = {}
        starts = [0]
        for content, width in self.read:
            held |= dict(enumerate(symbols.coordinates(content, width), start=starts[-1]))
            starts.append(starts[-1] + width)
        units = (
            Neuron(tuple((starts[place] + offset, weight) for place, offset, weight in inputs), bias, outputs)
            for inputs, bias, outputs in self.neurons
        )
        added = added_terms(units, held)
        before, after = (symbols.coordinates(content, self.width) for content in (self.before, self.after))
        formula = all_of(
            equal(total([x.value, added.get(c, constant(0))]), y.value)
            for c, (x, y) in enumerate(zip(before, after, strict=True))
            if x is not y or c in added
        )
        contents = [*(content for content, _ in self.read), self.before, self.after]
        assumed = facts(contents, symbols, self.shape, self.delta)
        return Claim(formula, (*assumed, *symbols.ternary))

    @property
    def text(self) -> str:
        delta = "" if self.delta is None else f" delta {self.delta.entries}"
        return (
            f"{self.shape} reads {as_text(self.read)} neurons {self.neurons} "
            f"takes {self.before} to {self.after}: {self.width}{delta}"
        )


@dataclass(frozen=True)
class Unannotated:
    """A register that no neuron changes, and that the annotation changes all the same."""

    register: str
    before: Content
    after: Content


class PlacedMlp:
    """An MLP with the registers that its coordinates belong to, as arrays over its weights."""

    def __init__(self, mlp: Mlp, registers: tuple[Span, ...]) -> None:
        self.registers = registers
        self.register_of = np.repeat(np.arange(len(registers)), [span.width for span in registers])
        self.offset_of = np.concatenate([np.arange(span.width) for span in registers])
        self.bias = mlp.bias.astype(np.int64)
        self.in_start, self.out_start = mlp.inputs.start.astype(np.int64), mlp.outputs.start.astype(np.int64)
        self.in_coordinate, self.in_weight = mlp.inputs.coordinate, mlp.inputs.weight.astype(np.int64)
        self.out_coordinate, self.out_weight = mlp.outputs.coordinate, mlp.outputs.weight.astype(np.int64)
        self.out_row = np.repeat(np.arange(mlp.size), np.diff(self.out_start))

    def patterns(
        self, annotation: Annotation, kind: TokenClass, layer: int, delta: Delta | None
    ) -> Iterator[tuple[str, MlpPattern | Unannotated]]:
        """For each register that changes, or that a neuron may change: its name and what is to be proved."""
        before, after = annotation.behind_attention(kind, layer), annotation.behind_mlp(kind, layer)
        low, high = _ranges(before, self.registers)
        live = self._live(low, high)
        touched: dict[int, Ints] = {}
        if live.any():
            entries = np.flatnonzero(live[self.out_row])
            written = self.register_of[self.out_coordinate[entries]]
            for register in np.unique(written).tolist():
                touched[register] = entries[written == register]
        for number, span in enumerate(self.registers):
            if number in touched:
                yield span.name, self._pattern(annotation.shape, before, after, span, touched[number], low, high, delta)
            elif before[span.name] != after[span.name]:
                yield span.name, Unannotated(span.name, before[span.name], after[span.name])

    def _live(self, low: Ints, high: Ints) -> NDArray[np.bool_]:
        """The neurons whose largest pre-activation is above 0."""
        w, c = self.in_weight, self.in_coordinate
        best = np.where(w > 0, w * high[c], w * low[c])
        sums = np.concatenate([[0], np.cumsum(best)])
        alive: NDArray[np.bool_] = self.bias + sums[self.in_start[1:]] - sums[self.in_start[:-1]] > 0
        return alive

    def _pattern(
        self,
        shape: Shape,
        before: Held,
        after: Held,
        span: Span,
        outputs: Ints,
        low: Ints,
        high: Ints,
        delta: Delta | None,
    ) -> MlpPattern:
        """``outputs``: the places in ``out_coordinate`` at which live neurons write the register."""
        places: dict[int, int] = {}
        neurons: dict[int, tuple[list[tuple[int, int, int]], int, list[tuple[int, int]]]] = {}
        for entry in outputs.tolist():
            row = int(self.out_row[entry])
            if row not in neurons:
                inputs, bias = [], int(self.bias[row])
                for e in range(int(self.in_start[row]), int(self.in_start[row + 1])):
                    c, weight = int(self.in_coordinate[e]), int(self.in_weight[e])
                    if low[c] == high[c]:
                        bias += weight * int(low[c])
                        continue
                    place = places.setdefault(int(self.register_of[c]), len(places))
                    inputs.append((place, int(self.offset_of[c]), weight))
                neurons[row] = inputs, bias, []
            neurons[row][2].append((int(self.offset_of[self.out_coordinate[entry]]), int(self.out_weight[entry])))
        read = [self.registers[register] for register in places]
        contents = [*(before[one.name] for one in read), before[span.name], after[span.name]]
        uses_delta = any("'" in ghost or ghost == "has_entry" for content in contents for ghost in ghosts_in(content))
        renamed = canonical(contents, keep_tapes=uses_delta)
        return MlpPattern(
            shape,
            tuple((renamed(before[one.name]), one.width) for one in read),
            tuple((tuple(inputs), bias, tuple(written)) for inputs, bias, written in neurons.values()),
            renamed(before[span.name]),
            renamed(after[span.name]),
            span.width,
            delta if uses_delta else None,
        )


def _ranges(held: Held, registers: tuple[Span, ...]) -> tuple[Ints, Ints]:
    """The least and the largest value of every coordinate."""
    ends = [_range(held[span.name], span.width) for span in registers]
    low, high = (np.concatenate([end[side] for end in ends]) for side in (0, 1))
    return low, high


@lru_cache(maxsize=1 << 16)
def _range(content: Content, width: int) -> tuple[Ints, Ints]:
    match content:
        case Zero():
            return np.zeros(width, np.int64), np.zeros(width, np.int64)
        case One():
            return np.ones(width, np.int64), np.ones(width, np.int64)
        case HighBits(_, first):
            known = (np.arange(width) >= first).astype(np.int64)
            return -known, known
        case If(_, then, otherwise):
            (a, b), (c, d) = _range(then, width), _range(otherwise, width)
            return np.minimum(a, c), np.maximum(b, d)
    return -np.ones(width, np.int64), np.ones(width, np.int64)
