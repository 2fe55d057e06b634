"""Signed binary codes of numbers, and where they stand.

Bit 1 is written +1 and bit 0 is written -1, least significant bit first.
"""

from __future__ import annotations

from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.transformer.vocabulary import Vector


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
