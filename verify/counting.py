"""How large a network is, for any number of position bits, without building it (SPEC 4).

The program of a construction says which gadget is in which layer.  How many weights a gadget has, and their values,
depend only on the widths of its spans.  So each different gadget is compiled once, without its place, and counted as
often as it occurs in the program.  Counts are those of the weights document: `certificates.weights` counts the same on
a network that is built, and the tests compare.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Any

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.transformer.dimensions import Dimensions
from exactformer.constructions.transformer.gadgets import Gadget, neurons
from exactformer.constructions.transformer.program import HeadKind, PlacedGadget, PlacedHead, ProgramBuilder, Selection
from exactformer.constructions.transformer.registers import Layout, Repeated, Span
from exactformer.constructions.transformer.vocabulary import Vector, Vocabulary
from exactformer.constructions.turing.cot import write_cot
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.machine_tables import cot_families, scot_families
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.constructions.turing.registers import CotRegisters, Phases
from exactformer.constructions.turing.scot import ScotRegisters, write_scot


@dataclass(frozen=True)
class Subject:
    """What a network is counted for: a machine, or all machines with K tapes, |Q| states and |Gamma| symbols.

    ``tables`` gives the vocabulary; of its transition function only the number of ``entries`` counts.  ``machine`` is
    None if there is more than one.
    """

    name: str
    tables: TuringMachine
    entries: int
    machine: TuringMachine | None

    @classmethod
    def of_machine(cls, machine: TuringMachine) -> Subject:
        return cls(machine.name, machine, len(machine.transitions), machine)

    @classmethod
    def of_sizes(cls, tapes: int, states: int, symbols: int) -> Subject:
        """A transition function that is total on Q x Gamma^K; every symbol but the blank may be in inputs.

        >>> Subject.of_sizes(2, 9, 5).entries
        225
        """
        names = tuple(f"q{number}" for number in range(states))
        alphabet = tuple(chr(_FIRST_SYMBOL + number) for number in range(symbols))
        tables = TuringMachine("sizes", tapes, names, names[-1], alphabet, alphabet[1:], {})
        return cls(f"K = {tapes}, |Q| = {states}, |Gamma| = {symbols}", tables, states * symbols**tapes, None)


_FIRST_SYMBOL = 0x4E00  # there are thousands of printable symbols of one character from here on


@dataclass(frozen=True)
class MatrixCount:
    """One kind of matrix: how many non-zero entries, and their different values, before beta."""

    matrix: str
    nonzero: int
    values: frozenset[int]


@dataclass(frozen=True)
class HeadPlace:
    """A head, by its name, in its layer (from 1 on)."""

    layer: int
    name: str
    kind: HeadKind


@dataclass(frozen=True)
class NetworkSize:
    """All counts of one network; ``matrices`` in the order of SPEC 4, ``tokens`` the size of the vocabulary."""

    position_bits: int
    dimensions: Dimensions
    tokens: int
    matrices: tuple[MatrixCount, ...]
    heads: tuple[HeadPlace, ...]

    @property
    def nonzero(self) -> int:
        """Non-zero parameters; embeddings are counted in the vectors of families and fields, as documents list them."""
        return sum(matrix.nonzero for matrix in self.matrices)

    @property
    def dense(self) -> int:
        """Parameters of a stock transformer of these dimensions: every layer with H heads and d_ff neurons, a row of
        embedding and of unembedding for every token."""
        size = self.dimensions
        per_head = 2 * size.width * (size.query_width + size.value_width)
        mlp = 2 * size.width * size.hidden_width + size.hidden_width
        return size.layers * (size.heads * per_head + mlp) + 2 * self.tokens * size.width


def network_size(paradigm: Paradigm, subject: Subject, position_bits: int) -> NetworkSize:
    """The counts of the network of a plain or a summarized chain of thought with r = ``position_bits``."""
    machine, layout, program = subject.tables, Layout(), ProgramBuilder()
    shape = Shape.of(machine, position_bits)
    registers = CotRegisters.lay_out(shape, layout)
    write_cot(program, registers, shape)
    families = cot_families(machine, registers)
    if paradigm is Paradigm.SCOT:
        summaries = ScotRegisters.lay_out(shape, layout)
        write_scot(program, registers, summaries, shape)
        families += scot_families(machine, registers, summaries)
    vocabulary = Vocabulary(families)
    mlps = _mlps(program.gadgets, subject, shape)
    heads = [placed.head for placed in program.heads]
    queries, keys = (
        [_length(side) for side in sides] for sides in zip(*((h.query, h.key) for h in heads), strict=True)
    )
    values, outs = [head.value.width for head in heads], [head.out.width for head in heads]
    embedding, unembedding = _vocabulary_entries(vocabulary)
    return NetworkSize(
        position_bits,
        Dimensions(
            layers=Phases.of(position_bits).L,
            heads=max(Counter(placed.layer for placed in program.heads).values()),
            query_width=max(queries),
            value_width=max(values),
            hidden_width=max(mlps.neurons.values()),
            width=layout.width,
        ),
        vocabulary.size,
        (
            _matrix("embedding", embedding),
            _matrix("unembedding", unembedding),
            *(_matrix(name, {1: sum(widths)}) for name, widths in _named(queries, keys, values, outs)),
            _matrix("mlp_in", mlps.inputs),
            _matrix("mlp_bias", mlps.bias),
            _matrix("mlp_out", mlps.outputs),
        ),
        tuple(map(_place, program.heads)),
    )


def _named(*widths: list[int]) -> Iterable[tuple[str, list[int]]]:
    return zip(("query", "key", "value", "output"), widths, strict=True)


def _place(placed: PlacedHead) -> HeadPlace:
    return HeadPlace(placed.layer, placed.head.name, placed.head.kind)


def _length(side: Selection) -> int:
    """Coordinates of one side of a head, repetitions included."""
    return sum(part.span.width * part.count if isinstance(part, Repeated) else part.width for part in side)


def _matrix(name: str, counts: dict[int, int]) -> MatrixCount:
    present = {value: count for value, count in counts.items() if value and count}
    return MatrixCount(name, sum(present.values()), frozenset(present))


@dataclass(frozen=True)
class _Mlps:
    """How often each value occurs, and the neurons by layer."""

    inputs: Counter[int]
    bias: Counter[int]
    outputs: Counter[int]
    neurons: Counter[int]


def _mlps(gadgets: Iterable[PlacedGadget], subject: Subject, shape: Shape) -> _Mlps:
    alike: Counter[Gadget] = Counter()
    found = _Mlps(Counter(), Counter(), Counter(), Counter())
    for placed in gadgets:
        gadget = _anywhere(placed.gadget)
        alike[gadget] += 1
        found.neurons[placed.layer] += _compiled(gadget).neurons[0]
    for gadget, times in alike.items():
        one = _compiled(gadget)
        for total, counts in ((found.inputs, one.inputs), (found.bias, one.bias), (found.outputs, one.outputs)):
            total.update({value: count * times for value, count in counts.items()})
    # The transition neurons (constructions.turing.machine_tables): all bits of an entry's codes are read and written.
    read = shape.state_bits + shape.tapes * shape.symbol_bits
    found.neurons[Phases.of(shape.position_bits).L3 + 1] += subject.entries
    found.bias[1 - read] += subject.entries
    found.inputs[1] += subject.entries * read
    found.outputs[1] += subject.entries * (read + 2 * shape.tapes)
    return found


@lru_cache(maxsize=1 << 14)
def _compiled(gadget: Gadget) -> _Mlps:
    """One gadget's counts; its neurons are in layer 0."""
    found = _Mlps(Counter(), Counter(), Counter(), Counter())
    for neuron in neurons(gadget):
        found.inputs.update(weight for _, weight in neuron.inputs)
        found.bias[neuron.bias] += 1
        found.outputs.update(weight for _, weight in neuron.outputs)
        found.neurons[0] += 1
    return found


def _anywhere(part: Any) -> Any:
    """A gadget with each of its spans moved to coordinate 0: no weight depends on where a span is."""
    match part:
        case Span():
            return Span("", 0, part.width)
        case tuple():
            return tuple(map(_anywhere, part))
        case _ if is_dataclass(part) and not isinstance(part, type):
            return type(part)(*(_anywhere(getattr(part, field.name)) for field in fields(part)))
        case _:
            return part


def _vocabulary_entries(vocabulary: Vocabulary) -> tuple[Counter[int], Counter[int]]:
    """How often each value occurs in the embedding and in the unembedding vectors of all families and fields."""
    families = vocabulary.families
    listed = [field for family in families for field in family.fields]
    embedding = [family.embedding for family in families] + [v for field in listed for v in field.embedding]
    unembedding = [family.unembedding for family in families] + [v for field in listed for v in field.unembedding]
    return _values(embedding), _values(unembedding)


def _values(vectors: Iterable[Vector]) -> Counter[int]:
    return Counter(value for vector in vectors for _, value in vector)
