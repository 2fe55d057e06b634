"""From a machine and a context length to the network: the passes, in order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from exactformer.constructions.machines.machine import TuringMachine
from exactformer.constructions.transformer.network import Layer, Mlp, Network, compile_layers
from exactformer.constructions.transformer.program import Program, ProgramBuilder
from exactformer.constructions.transformer.registers import Layout
from exactformer.constructions.transformer.vocabulary import Vocabulary
from exactformer.constructions.turing.cot import write_cot
from exactformer.constructions.turing.encoding import Shape
from exactformer.constructions.turing.machine_tables import cot_families, scot_families, transition_mlp
from exactformer.constructions.turing.paradigm import ContextError, Paradigm
from exactformer.constructions.turing.registers import CotRegisters, Phases
from exactformer.constructions.turing.scot import ScotRegisters, write_scot


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Everything that machines of one shape share: the program, its registers and its compiled gadgets."""

    registers: CotRegisters
    summaries: ScotRegisters | None
    program: Program
    layers: tuple[Layer, ...]


@lru_cache(maxsize=256)
def skeleton(paradigm: Paradigm, shape: Shape) -> Skeleton:
    """The construction without the machine's own tables."""
    r = shape.position_bits
    if r < paradigm.least_bits or r % 2:
        raise ContextError(f"r must be even and at least {paradigm.least_bits} for {paradigm.value}, not {r}")
    layout = Layout()
    builder = ProgramBuilder()
    registers = CotRegisters.lay_out(shape, layout)
    write_cot(builder, registers, shape)
    summaries = None
    if paradigm is Paradigm.SCOT:
        summaries = ScotRegisters.lay_out(shape, layout)
        write_scot(builder, registers, summaries, shape)
    program = Program(layout.registers, Phases.of(r).L, tuple(builder.heads), tuple(builder.gadgets))
    return Skeleton(registers, summaries, program, compile_layers(program))


def construct(paradigm: Paradigm, machine: TuringMachine, position_bits: int) -> Network:
    """The network that writes ``machine``'s chain of thought (CoT) or summarized one (SCoT); r = ``position_bits``."""
    shared = skeleton(paradigm, Shape.of(machine, position_bits))
    transition_layer = Phases.of(position_bits).L3 + 1
    layers = list(shared.layers)
    gadgets = layers[transition_layer - 1]
    own = transition_mlp(machine, shared.registers)
    layers[transition_layer - 1] = Layer(gadgets.heads, Mlp.joined(gadgets.mlp, own))
    families = cot_families(machine, shared.registers)
    if shared.summaries is not None:
        families += scot_families(machine, shared.registers, shared.summaries)
    return Network(shared.program.registers, position_bits, tuple(layers), Vocabulary(families))


def construct_cot(machine: TuringMachine, position_bits: int) -> Network:
    """The chain-of-thought network."""
    return construct(Paradigm.COT, machine, position_bits)
