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

from exactformer.constructions.transformer.network import Mlp
from exactformer.constructions.transformer.registers import Span
from exactformer.verify.annotation.annotation import Annotation, Held
from exactformer.verify.annotation.content import Back, Content, HighBits, If, One, Zero
from exactformer.verify.annotation.facts import compares_bits, compares_symbols, facts
from exactformer.verify.annotation.ghosts import TokenClass
from exactformer.verify.annotation.patterns import Claim, as_text, canonical
from exactformer.verify.annotation.rows import Ints, Rows, Step
from exactformer.verify.annotation.steps import says_step
from exactformer.verify.annotation.symbolic import Coordinate, Symbols
from exactformer.verify.lemmas.activation import added_terms
from exactformer.verify.solver import all_of, any_of, constant, equal, total


@dataclass(frozen=True, eq=False)
class MlpPattern:
    """What some neurons add to one register.

    read: the registers that they read, as content and width.  before, after: what the register holds.
    symbol_bits: the width of a symbol where that matters, else 0.
    """

    position_bits: int
    symbol_bits: int
    read: tuple[tuple[Content, int], ...]
    rows: Rows
    before: Content
    after: Content
    width: int
    not_first: bool
    """That i is not 0, where that matters."""

    def claim(self) -> Claim:
        symbols = Symbols()
        held: dict[int, Coordinate] = {}
        starts = [0]
        for content, width in self.read:
            held |= dict(enumerate(symbols.coordinates(content, width), start=starts[-1]))
            starts.append(starts[-1] + width)
        added = added_terms(self.rows.neurons(starts), held)
        before, after = (symbols.coordinates(content, self.width) for content in (self.before, self.after))
        formula = all_of(
            equal(total([x.value, added.get(c, constant(0))]), y.value)
            for c, (x, y) in enumerate(zip(before, after, strict=True))
            if x is not y or c in added
        )
        contents = [*(content for content, _ in self.read), self.before, self.after]
        assumed = facts(contents, symbols, self.position_bits, self.symbol_bits)
        if self.not_first:
            assumed.append(any_of(symbols.bits(Back(0), self.position_bits)))
        return Claim(formula, (*assumed, *symbols.ternary))

    @property
    def text(self) -> str:
        return (
            f"{self.position_bits} {self.symbol_bits} reads {as_text(self.read)} by {self.rows.text} "
            f"takes {self.before} to {self.after}: {self.width} "
            f"{self.not_first}"
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

    def obligations(
        self, annotation: Annotation, kind: TokenClass, layer: int
    ) -> Iterator[tuple[str, MlpPattern | Step | Unannotated]]:
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
            held, left = before[span.name], after[span.name]
            if number in touched:
                read, rows = self._rows(touched[number], low, high)
                contents = [before[one.name] for one in read]
                widths = [one.width for one in read]
                if held == Zero() and says_step(left):
                    names = [one.name for one in read]
                    yield span.name, Step(tuple(zip(names, contents, widths, strict=True)), rows, left, span.width)
                    continue
                renamed = canonical([*contents, held, left])
                yield (
                    span.name,
                    MlpPattern(
                        annotation.shape.position_bits,
                        annotation.shape.symbol_bits if compares_symbols([*contents, held, left]) else 0,
                        tuple(zip(map(renamed, contents), widths, strict=True)),
                        rows,
                        renamed(held),
                        renamed(left),
                        span.width,
                        kind in (TokenClass.EINP, TokenClass.ESUMM) and compares_bits(contents),
                    ),
                )
            elif held == Zero() and says_step(left):
                yield span.name, Step((), Rows.none(), left, span.width)
            elif held != left:
                yield span.name, Unannotated(span.name, held, left)

    def _live(self, low: Ints, high: Ints) -> NDArray[np.bool_]:
        """The neurons whose largest pre-activation is above 0."""
        w, c = self.in_weight, self.in_coordinate
        best = np.where(w > 0, w * high[c], w * low[c])
        sums = np.concatenate([[0], np.cumsum(best)])
        alive: NDArray[np.bool_] = self.bias + sums[self.in_start[1:]] - sums[self.in_start[:-1]] > 0
        return alive

    def _rows(self, outputs: Ints, low: Ints, high: Ints) -> tuple[list[Span], Rows]:
        """The registers read and the neurons, of which ``outputs`` are the places of outputs to one register."""
        used, neuron = np.unique(self.out_row[outputs], return_inverse=True)
        sizes = self.in_start[used + 1] - self.in_start[used]
        owner = np.repeat(np.arange(len(used)), sizes)
        entries = np.arange(len(owner)) + np.repeat(self.in_start[used] - np.cumsum(sizes) + sizes, sizes)
        c, weight = self.in_coordinate[entries], self.in_weight[entries]
        known = low[c] == high[c]
        bias = self.bias[used].copy()
        np.add.at(bias, owner[known], weight[known] * low[c[known]])
        c, weight, owner = c[~known], weight[~known], owner[~known]
        registers, first, place = np.unique(self.register_of[c], return_index=True, return_inverse=True)
        order = np.argsort(first)  # registers in order of first use
        rows = Rows(
            bias,
            np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(used)))]),
            np.argsort(order)[place],
            self.offset_of[c],
            weight,
            neuron,
            self.offset_of[self.out_coordinate[outputs]],
            self.out_weight[outputs],
        )
        return [self.registers[register] for register in registers[order].tolist()], rows


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
