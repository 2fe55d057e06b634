"""The construction computed by hand, straight from the paper's formulas, sharing nothing with the sources."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

F = Fraction


def quantise(n: int, d: int, m: int, t: Fraction) -> Fraction:
    if not 0 <= t < 1:
        return -(F(m) ** (n * d))
    return next(F(k, m) for k in range(m) if F(k, m) <= t < F(k + 1, m))


def ids(n: int, d: int, m: int, columns: Sequence[Sequence[Fraction]]) -> list[Fraction]:
    """u^T of the columns after selective shifts at 0, delta, .., delta^(-d+1) - delta and the global shift."""
    label = [sum((z * m**i for i, z in enumerate(column)), F(0)) for column in columns]
    for k in range(m**d):
        b, half = F(k, m), F(1, 2 * m)
        shift = m**d * (max(label) - min(label))
        label = [one + shift if b - half < one < b + half else one for one in label]
    return [one + m ** ((n + 1) * d) * max(label) for one in label]


def columns(n: int, d: int, m: int, with_outside: bool = True) -> list[tuple[Fraction, ...]]:
    values = [F(k, m) for k in range(m)] + ([-(F(m) ** (n * d))] if with_outside else [])
    return list(product(values, repeat=d))
