"""The code of moves, and the shape of a machine."""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.constructions.machines.machine import Move, TuringMachine
from exactformer.constructions.transformer.encoding import bits_for

MOVE_BITS = {Move.LEFT: (-1, -1), Move.STAY: (+1, -1), Move.RIGHT: (+1, +1)}


@dataclass(frozen=True)
class Shape:
    """Everything that a construction's registers, heads and gadgets depend on: K, r, d_Q and d_G.

    Two machines of one shape differ only in their transition neurons, embeddings and unembeddings.
    """

    tapes: int
    position_bits: int
    state_bits: int
    symbol_bits: int

    @classmethod
    def of(cls, machine: TuringMachine, position_bits: int) -> Shape:
        return cls(machine.tapes, position_bits, bits_for(len(machine.states)), bits_for(len(machine.alphabet)))
