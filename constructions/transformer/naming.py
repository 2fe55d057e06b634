"""Coordinate lists in the names of registers: how a head reads in reports and certificates (SPEC 6)."""

from __future__ import annotations

from collections.abc import Sequence

from exactformer.constructions.transformer.registers import Repeated, Span


def name_coordinates(registers: Sequence[Span], coordinates: Sequence[int]) -> str:
    """Parts from the left, each as long as possible: a coordinate repeated, else a run of one register.

    >>> pos, const = Span("pos", 0, 4), Span("const", 4, 1)
    >>> name_coordinates((pos, const), (0, 1, 2, 3, 4, 4, 4, 2, 3))
    'pos, 3*const, pos[2..3]'
    """
    owner = {c: register for register in registers for c in register.coordinates}
    parts: list[Span | Repeated] = []
    place = 0
    while place < len(coordinates):
        first = coordinates[place]
        register = owner[first]
        stop = place + 1
        while stop < len(coordinates) and coordinates[stop] == first:
            stop += 1
        if stop > place + 1:
            parts.append((stop - place) * _span(register, first, 1))
        else:
            while (
                stop < len(coordinates)
                and coordinates[stop] == first + stop - place
                and (coordinates[stop] in register.coordinates)
            ):
                stop += 1
            parts.append(_span(register, first, stop - place))
        place = stop
    return ", ".join(map(str, parts))


def _span(register: Span, first: int, width: int) -> Span:
    if width == register.width:
        return register
    start = first - register.offset
    return register.bits(start, start + width)
