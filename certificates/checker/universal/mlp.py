"""SPEC 13.5: behind an MLP every register holds what is annotated.

For one register and one state, coordinates that are known to be constant are folded into the biases, and neurons
whose pre-activation cannot be positive are dead. What the others do is in neurons.py.

Words:
    block   the neurons of a layer that write a register; ``reads`` are the registers that they read
    live    what is left of a block at a state; blocks of many layers have the same live part
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from exactformer.certificates.checker.cases import Cases
from exactformer.certificates.checker.document import Rejected
from exactformer.certificates.checker.neurons import Neuron, remain
from exactformer.certificates.checker.universal.annotation import Annotation, Setting
from exactformer.certificates.checker.universal.assumptions import assumptions
from exactformer.certificates.checker.universal.contents import Choice, Code, Constant, Content
from exactformer.certificates.checker.universal.facts import Fact, facts
from exactformer.certificates.checker.universal.formulas import coordinates
from exactformer.certificates.checker.universal.judge import Judge
from exactformer.certificates.checker.universal.tokens import versions
from exactformer.certificates.checker.weights import Ints, Mlp, Sparse


@dataclass(frozen=True)
class Block:
    """Row n: bias, what it reads (coordinate ``offset`` of ``reads[register]``); and what is written where."""

    target: str
    reads: tuple[str, ...]
    bias: Ints
    into: Sparse
    register: Ints
    offset: Ints
    out_row: Ints
    out_offset: Ints
    out_weight: Ints


Arrays: TypeAlias = tuple[bytes, ...]
"""Of neurons: biases; row, register, coordinate and weight of what they read; row, coordinate and weight of outputs."""

ARRAYS: Arrays = (b"",) * 8
NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Live:
    """A block at a state, without what is dead or constant: the key under which its proof is remembered."""

    contents: tuple[Content, ...]
    widths: tuple[int, ...]
    before: Content
    after: Content
    width: int
    arrays: Arrays
    facts: tuple[Fact, ...]


def block(mlp: Mlp, target: str, setting: Setting) -> Block | None:
    """The neurons of a layer that write a register, if there are any; others may write it, too.

    One block is made at a time: a neuron that writes many registers is in many, with all that it reads.
    """
    span = setting.spans[target]
    begin, end = int(mlp.out_of.start[span.start]), int(mlp.out_of.start[span.stop])
    if begin == end:
        return None
    rows, row = np.unique(mlp.out_of.index[begin:end], return_inverse=True)
    into = mlp.into.some_rows(rows)
    registers, register = np.unique(setting.owners[into.index], return_inverse=True)
    names = list(setting.widths)
    return Block(
        target=target,
        reads=tuple(names[number] for number in registers.tolist()),
        bias=mlp.bias[rows],
        into=into,
        register=register.reshape(-1),
        offset=setting.offsets[into.index],
        out_row=row.reshape(-1),
        out_offset=np.repeat(np.arange(len(span)), np.diff(mlp.out_of.start[span.start : span.stop + 1])),
        out_weight=mlp.out_of.weight[begin:end],
    )


@lru_cache(maxsize=2**14)
def bounds(content: Content, width: int) -> tuple[Ints, Ints]:
    """The least and the largest value of every coordinate; callers must not change them."""
    match content:
        case Constant(value):
            low = np.full(width, value)
            return low, low
        case Code(what, start):
            place = np.arange(width)
            high = np.where(place < start, 0, np.where(place < what.bits, 1, -1))
            return np.where(place < start, 0, -1), high
        case Choice(_, then, other):
            pairs = [bounds(branch, width) for branch in (then, other)]
            return np.minimum(pairs[0][0], pairs[1][0]), np.maximum(pairs[0][1], pairs[1][1])
    return np.full(width, -1), np.full(width, 1)


MOST_REMEMBERED = 2**28
"""Bytes of weights in what has been proved."""


class MlpCheck:
    """Checks MLPs and remembers what it has proved."""

    def __init__(self, setting: Setting, annotation: Annotation, judge: Judge) -> None:
        self.setting, self.annotation, self.judge = setting, annotation, judge
        self.proved: set[Live] = set()
        self.remembered = 0
        self.seen: set[tuple[object, ...]] = set()

    def check_layer(self, number: int) -> None:
        """Every register, class and state of one layer."""
        mlp, stages = self.setting.network.layers[number - 1].mlp, self.annotation.stages
        held = {cls: [self.annotation.held(cls, number, stage) for stage in ("attention", "mlp")] for cls in stages}
        for register in self.setting.widths:
            self.seen.clear()
            found = block(mlp, register, self.setting)
            if found is not None and register == "pos":
                raise Rejected(f"weights.layers[{number - 1}].mlp.out_coordinate", "writes register pos")
            for cls, (before, after) in held.items():
                if found is not None or before[register] != after[register]:
                    at = f"annotation.contents.{cls}.layers[{number - 1}].mlp.{register}"
                    contents = [before[read] for read in found.reads] if found else []
                    self.check_register(at, cls, found, contents, before[register], after[register])

    def check_register(
        self, at: str, cls: str, block: Block | None, contents: list[Content], before: Content, after: Content
    ) -> None:
        """One register at all states of a class."""
        sizes, target = self.setting.sizes, at.rpartition(".")[2]
        for settled in versions(cls, (*contents, before, after), (), sizes):
            self.judge.deadline.left(at)
            seen = (target, *settled, facts(cls, settled, sizes))
            if seen in self.seen:
                continue
            live = self._live(target, block, settled, cls)
            if live not in self.proved:
                prove(at, live, self.setting, self.judge)
                self._remember(live)
            self.seen.add(seen)

    def _remember(self, live: Live) -> None:
        """That it was proved; what is remembered is forgotten when it is much."""
        self.remembered += sum(map(len, live.arrays))
        if self.remembered > MOST_REMEMBERED:
            self.proved.clear()
            self.remembered = 0
        self.proved.add(live)

    def _live(self, target: str, block: Block | None, settled: Sequence[Content], cls: str) -> Live:
        """What is left of a block when the registers hold this."""
        *contents, before, after = settled
        widths, read, arrays = [self.setting.widths[name] for name in block.reads] if block else [], list[int](), ARRAYS
        if block:
            read, arrays = _live_rows(block, contents, widths)
        live = tuple(contents[number] for number in read)
        told = facts(cls, (*live, before, after), self.setting.sizes)
        return Live(
            live, tuple(widths[number] for number in read), before, after, self.setting.widths[target], arrays, told
        )


def _live_rows(block: Block, contents: list[Content], widths: list[int]) -> tuple[list[int], Arrays]:
    """Which registers live neurons read, and these neurons."""
    pairs = [bounds(content, width) for content, width in zip(contents, widths, strict=True)]
    base = np.concatenate([[0], np.cumsum(widths, dtype=np.int64)])[block.register] + block.offset
    low, high = (np.concatenate([NONE, *(pair[side] for pair in pairs)])[base] for side in (0, 1))
    weight = block.into.weight
    live = block.bias + block.into.row_sums(np.where(weight > 0, weight * high, weight * low)) > 0
    fixed = low == high
    bias = block.bias + block.into.row_sums(np.where(fixed, weight * low, 0))
    row = np.repeat(np.arange(len(bias)), np.diff(block.into.start))
    kept, written = live[row] & ~fixed, live[block.out_row]
    registers, register = np.unique(block.register[kept], return_inverse=True)
    renumbered = np.cumsum(live) - 1
    arrays = (
        bias[live], renumbered[row[kept]], register.reshape(-1), block.offset[kept], weight[kept],
        renumbered[block.out_row[written]], block.out_offset[written], block.out_weight[written],
    )  # fmt: skip
    return registers.tolist(), tuple(array.astype(np.int64).tobytes() for array in arrays)


def prove(at: str, live: Live, setting: Setting, judge: Judge) -> None:
    """Before plus what the neurons add is after, in every coordinate."""
    here = judge.begin(at, setting.here)
    before, after = (coordinates(content, live.width, here) for content in (live.before, live.after))
    bias, row, register, offset, weight, *out = (np.frombuffer(array, dtype=np.int64).tolist() for array in live.arrays)
    inputs: list[list[tuple[Cases, int]]] = [[] for _ in bias]
    registers = [coordinates(content, width, here) for content, width in zip(live.contents, live.widths, strict=True)]
    for which, source, place, factor in zip(row, register, offset, weight, strict=True):
        inputs[which].append((registers[source][place], factor))
    outputs: list[list[tuple[int, int]]] = [[] for _ in bias]
    for which, place, factor in zip(*out, strict=True):
        outputs[which].append((place, factor))
    neurons = [Neuron(*parts) for parts in zip(bias, inputs, outputs, strict=True)]
    assumed = assumptions(live.facts, setting.machine, setting.sizes, here)
    judge.require(
        at, assumed, remain(at, before, neurons, after, judge.deadline), "is not what the neurons leave in it"
    )
