"""Signed binary encodings of positions, states, symbols and moves (spec 1.1).

Bit 1 is written +1 and bit 0 is written -1, least significant bit first.
"""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.constructions.machines.machine import Move, TuringMachine
from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.transformer.vocabulary import Vector

MOVE_BITS = {Move.LEFT: (-1, -1), Move.STAY: (+1, -1), Move.RIGHT: (+1, +1)}


def signed_binary(number: int, width: int) -> tuple[int, ...]:
    """enc_width(number); ``0 <= number < 2**width``.

    >>> signed_binary(6, 4)
    (-1, 1, 1, -1)
    """
    if not 0 <= number < 1 << width:
        raise ValueError(f"{number} does not fit {width} bits")
    return tuple(+1 if number >> bit & 1 else -1 for bit in range(width))


def bits_for(count: int) -> int:
    """ceil(log2 count), at least 1: the width of an encoding of ``count`` things.

    >>> [bits_for(count) for count in (1, 2, 3, 4, 5)]
    [1, 1, 2, 2, 3]
    """
    return max(1, (count - 1).bit_length())


def at(span: Span, values: tuple[int, ...]) -> Vector:
    """``values`` standing in ``span``, as a sparse vector."""
    return tuple(zip(span.coordinates, values, strict=True))


@dataclass(frozen=True)
class Shape:
    """All that a construction's registers, heads and gadgets depend on: K, r, d_Q and d_G.

    Two machines of one shape differ only in their transition neurons, embeddings and unembeddings.
    """

    tapes: int
    position_bits: int
    state_bits: int
    symbol_bits: int

    @classmethod
    def of(cls, machine: TuringMachine, position_bits: int) -> Shape:
        return cls(machine.tapes, position_bits, bits_for(len(machine.states)), bits_for(len(machine.alphabet)))
