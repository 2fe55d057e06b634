"""From a machine and a context length to the network: the passes, in order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from constructions.machines.machine import TuringMachine
from constructions.transformer.network import Layer, Mlp, Network, SparseRows, compile_layers
from constructions.transformer.program import Program, ProgramBuilder
from constructions.transformer.registers import Layout
from constructions.turing.cot import write_cot
from constructions.turing.encoding import Shape
from constructions.turing.machine_tables import cot_vocabulary, transition_neurons
from constructions.turing.registers import CotRegisters, Phases


class ContextError(ValueError):
    """A context length that the construction, or the given runs, cannot have."""


@dataclass(frozen=True)
class CotSkeleton:
    """All that machines of one shape share: the program, its registers and its compiled gadgets."""

    shape: Shape
    registers: CotRegisters
    program: Program
    layers: tuple[Layer, ...]


def position_bits_for(context: int) -> int:
    """r for a context of N tokens: the smallest even r >= 2 with N <= 2**r (spec 1.3).

    >>> [position_bits_for(context) for context in (1, 4, 5, 16, 17, 1000)]
    [2, 2, 4, 4, 6, 10]
    """
    if context < 1:
        raise ContextError(f"a context of {context} tokens holds nothing; give a positive number")
    bits = max(2, (context - 1).bit_length())
    return bits + bits % 2


@lru_cache(maxsize=64)
def cot_skeleton(shape: Shape) -> CotSkeleton:
    """The construction up to the machine's own tables."""
    if shape.position_bits < 2 or shape.position_bits % 2:
        raise ContextError(f"r must be even and at least 2 for CoT, not {shape.position_bits}")
    layout = Layout()
    registers = CotRegisters.lay_out(shape, layout)
    builder = ProgramBuilder()
    write_cot(builder, registers, shape)
    depth = Phases.of(shape.position_bits).L
    program = Program(layout.registers, depth, tuple(builder.heads), tuple(builder.gadgets))
    return CotSkeleton(shape, registers, program, compile_layers(program))


def construct_cot(machine: TuringMachine, position_bits: int) -> Network:
    """The network of spec 2 for ``machine`` with r = ``position_bits``."""
    skeleton = cot_skeleton(Shape.of(machine, position_bits))
    transition_layer = Phases.of(position_bits).L3 + 1
    layers = list(skeleton.layers)
    shared = layers[transition_layer - 1]
    own = Mlp.of(list(transition_neurons(machine, skeleton.registers)))
    layers[transition_layer - 1] = Layer(shared.heads, _joined(shared.mlp, own))
    vocabulary = cot_vocabulary(machine, skeleton.registers)
    return Network(skeleton.program.registers, position_bits, tuple(layers), vocabulary)


def _joined(first: Mlp, second: Mlp) -> Mlp:
    return Mlp(
        SparseRows.concatenated(first.inputs, second.inputs),
        np.concatenate([first.bias, second.bias]),
        SparseRows.concatenated(first.outputs, second.outputs),
    )
