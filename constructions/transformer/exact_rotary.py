"""Rotary positions of a transformer of any exact weights (NETWORKS 1): tables of cosines and sines, and what rotates.

plane     a column of the tables: at every position the cosine and the sine of an angle, each rounded on its own
rotation  (a, b, plane) of a head: entries a and b of its query become q_a cos - q_b sin and q_b cos + q_a sin, with
          cosine and sine of the plane at the token's position; those of its key likewise
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from exactformer.constructions.transformer.exact_numbers import (
    Change,
    Matrix,
    TransformerError,
    exact_tables,
    is_dyadic,
)

RotaryTables: TypeAlias = tuple[tuple[tuple[Fraction, Fraction], ...], ...]
"""For every position, (cosine, sine) of every plane."""
Rotations: TypeAlias = tuple[tuple[int, int, int], ...]


def require_tables(tables: RotaryTables) -> None:
    """Check that every position has the same number of planes, at least one, and dyadic numbers.

    Raises TransformerError."""
    for position, planes in enumerate(tables):
        if not planes or len(planes) != len(tables[0]):
            raise TransformerError(
                f"rotary, position {position} has {len(planes)} planes, and position 0 has {len(tables[0])}; all need "
                "the same number, at least one"
            )
    for where, number in numbers_of_tables(tables):
        if not is_dyadic(number):
            raise TransformerError(f"{where} is {number}, whose denominator is not a power of two")


def require_rotations(rotations: Rotations, entries: int, planes: int, where: str) -> None:
    """Check a head whose query has so many entries, in a network with so many planes.  Raises TransformerError."""
    if rotations and not planes:
        raise TransformerError(
            f"{where} rotates, but the network has no tables; give it rotary, for example from rotary_tables"
        )
    named = set[int]()
    for first, second, plane in rotations:
        for entry in (first, second):
            if not 0 <= entry < entries:
                raise TransformerError(f"{where}: it rotates entry {entry} of its query, which has {entries}")
            if entry in named:
                raise TransformerError(f"{where}: it rotates entry {entry} of its query twice; each is in one pair")
            named.add(entry)
        if not 0 <= plane < planes:
            raise TransformerError(f"{where}: it rotates by plane {plane}; the network's tables have {planes}")


def numbers_of_tables(tables: RotaryTables) -> Iterator[tuple[str, Fraction]]:
    """Every number that is not 0, with its place."""
    for position, planes in enumerate(tables):
        for plane, pair in enumerate(planes):
            for name, number in zip(("cosine", "sine"), pair, strict=True):
                if number:
                    yield f"rotary, position {position}, plane {plane}, {name}", number


def changed_tables(tables: RotaryTables, change: Change) -> RotaryTables:
    """The tables with other cosines and sines."""
    return tuple(tuple((change(cosine), change(sine)) for cosine, sine in planes) for planes in tables)


# ---------------------------------------------------------------------------- from arrays


def tables_of(given: Matrix) -> RotaryTables:
    """Tables [positions, planes, 2], the cosine before the sine; None if there are none.

    Raises TransformerError.
    """
    if given is None:
        return ()
    zero = Fraction(0)
    return tuple(
        tuple((entries.get(0, zero), entries.get(1, zero)) for entries in map(dict, planes))
        for planes in exact_tables(given, 2, "rotary")
    )


def rotations_of(given: Sequence[Sequence[int]], where: str) -> Rotations:
    """Triples (a, b, plane) of integers, of Python or numpy.  Raises TransformerError."""
    found = list[tuple[int, int, int]]()
    for triple in given:
        if len(triple) != 3 or not all(isinstance(one, (int, np.integer)) for one in triple):
            raise TransformerError(f"{where}, rotary has {triple!r:.60}; give triples (a, b, plane) of integers")
        first, second, plane = (int(one) for one in triple)
        found.append((first, second, plane))
    return tuple(found)


def rotary_tables(base: float, entries: int, positions: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """The usual tables [positions, entries/2, 2] for an even number of rotated entries of a query, computed thus:

    the frequency of plane p is base^(-2p/entries), in float64, rounded to float32; the angle at position i is i, in
    float32, times the frequency, in float32; cosine and sine of that are numpy's in float32.

    Cosines and sines of other libraries, and of numpy on other processors, may differ from these in the last bit.
    If you have a model's own tables, give those: ``np.stack([cos, sin], axis=-1)``, each [positions, planes].

    Raises TransformerError for an odd number of entries, and for a base that is not above 0.

    >>> rotary_tables(10000, 4, positions=3).shape, rotary_tables(10000, 4, positions=3)[0].tolist()
    ((3, 2, 2), [[1.0, 0.0], [1.0, 0.0]])
    """
    if entries < 2 or entries % 2:
        raise TransformerError(f"{entries} entries are rotated; the number has to be even, and at least 2")
    if not base > 0:
        raise TransformerError(f"the base of the frequencies is {base}; it has to be above 0")
    exponents = -2 * np.arange(entries // 2, dtype=np.float64) / entries
    frequencies = np.power(np.float64(base), exponents).astype(np.float32)
    angles = np.arange(positions, dtype=np.float32)[:, None] * frequencies
    tables = np.empty((positions, entries // 2, 2), np.float32)
    tables[:, :, 0], tables[:, :, 1] = np.cos(angles), np.sin(angles)
    return tables


def rotate_half(entries: int) -> Rotations:
    """Which of the first ``entries`` entries of a query most models rotate: a with a + entries/2, by plane a.

    (GPT-J's pairs are neighbours: ``[(2 * p, 2 * p + 1, p) for p in range(entries // 2)]``.)

    >>> rotate_half(4)
    ((0, 2, 0), (1, 3, 1))
    """
    if entries < 2 or entries % 2:
        raise TransformerError(f"{entries} entries are rotated; the number has to be even, and at least 2")
    return tuple((entry, entry + entries // 2, entry) for entry in range(entries // 2))
