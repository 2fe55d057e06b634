"""silu, gelu and gelu_tanh between ends, compared with mpmath at some hundred bits (NETWORKS 1.3, 7)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from random import Random

import mpmath
import pytest

from exactformer.certificates.checker.sequences import activations
from exactformer.certificates.checker.sequences.activations import smooth
from tests.checker.sequences.features import SMOOTH
from tests.checker.sequences.simulation import real

GRIDS = (256, 300, 1100)
BITS = 1300


def phi(z: mpmath.mpf) -> mpmath.mpf:
    return mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)


def of_tanh(z: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
    """2 t and its derivative."""
    twice = mpmath.sqrt(8 / mpmath.pi)
    return twice * (z + z**3 * 44715 / 10**6), twice * (1 + 3 * z**2 * 44715 / 10**6)


def logistic(z: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 + mpmath.exp(-z))


def normal(z: mpmath.mpf) -> mpmath.mpf:
    return mpmath.erfc(-max(-1000, min(z, 1000)) / mpmath.sqrt(2)) / 2


RIGHT: dict[str, Callable[[mpmath.mpf], mpmath.mpf]] = {
    "silu": lambda z: z * logistic(z),
    "gelu": lambda z: z * normal(z),
    "gelu_tanh": lambda z: z * logistic(of_tanh(z)[0]),
}
SLOPE: dict[str, Callable[[mpmath.mpf], mpmath.mpf]] = {
    "silu": lambda z: logistic(z) * (1 + z * logistic(-z)),
    "gelu": lambda z: normal(z) + z * phi(z),
    "gelu_tanh": lambda z: logistic(of_tanh(z)[0]) * (1 + z * of_tanh(z)[1] * logistic(-of_tanh(z)[0])),
}


def right(name: str, z: Fraction) -> Fraction:
    """To BITS bits, and 0 where it is less than 2^-3000."""
    with mpmath.workprec(BITS + 100):
        return real(RIGHT[name](mpmath.mpf(z.numerator) / z.denominator))


def turn(name: str) -> Fraction:
    """Where the activation is least."""
    with mpmath.workprec(BITS + 100):
        found = mpmath.findroot(SLOPE[name], (-1.5, -0.5), solver="illinois", maxsteps=99, tol=mpmath.mpf(2) ** -2000)
        return real(found)


def require_in(ends: tuple[int, int], grid: int, value: Fraction) -> None:
    """With 2^-BITS to spare for how ``value`` was computed."""
    near = Fraction(1, 2**BITS) * (1 + abs(value))
    assert Fraction(ends[0], 2**grid) <= value + near
    assert value - near <= Fraction(ends[1], 2**grid)


def points(grid: int, random: Random) -> list[int]:
    """Numbers on the grid: tiny and huge, around where functions change, and any."""
    tiny = [*range(-3, 4), *(sign << bits for sign in (1, -1) for bits in (5, grid // 3, grid // 2, grid - 20))]
    near = [Fraction(sign * n, 8) for sign in (1, -1) for n in (1, 4, 6, 8, 11, 16, 25, 40, 64, 100, 150)]
    far = [Fraction(sign * 2**bits) for sign in (1, -1) for bits in (5, 6, 7, 8, 9, 10, 13, 40, 128, 1023)]
    any_ = [Fraction(random.gauss(0, spread)) for spread in (0.01, 1, 1, 1, 3, 10, 30) for _ in range(4)]
    ends = [n + step for n in (13, 14, 15, 18, 19, 23) for step in (Fraction(random.randint(0, 999), 1000),)]
    on_grid = [
        value.numerator * 2**grid // value.denominator for value in (*near, *far, *any_, *ends, *(-end for end in ends))
    ]
    return [*tiny, *on_grid]


@pytest.mark.parametrize("name", SMOOTH)
def test_where_the_turn_is(name: str) -> None:
    """It falls before the turn, and rises after it."""
    least, most = activations.SMOOTH[name][1]
    assert least < turn(name) < most < least + Fraction(1, 10**16)
    with mpmath.workprec(BITS):
        at = [mpmath.mpf(end.numerator) / end.denominator for end in (least, most)]
        assert SLOPE[name](at[0]) < 0 < SLOPE[name](at[1])
        for z in (-40, -20, -8, -5, -3, -2, -1.5, *at):
            assert SLOPE[name](mpmath.mpf(z)) < 0 or z == at[1]
        for z in (-0.5, -0.25, 0, 0.5, 1, 2, 8, 40):
            assert SLOPE[name](mpmath.mpf(z)) > 0


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("grid", GRIDS)
def test_at_a_number(name: str, grid: int) -> None:
    """Neither end is far off: by some units, and far on the right by a part of 2^-grid."""
    least, most = (end.numerator * 2**grid // end.denominator for end in activations.SMOOTH[name][1])
    for z in points(grid, Random(grid)):
        low, high = smooth(name, grid, (z, z))
        require_in((low, high), grid, right(name, Fraction(z, 2**grid)))
        if not least <= z <= most + 1:
            assert high - low <= 8 + 4 * min(abs(z) >> grid, max(z >> grid, 2 * grid)), float(Fraction(z, 2**grid))


@pytest.mark.parametrize("name", SMOOTH)
def test_between_ends(name: str) -> None:
    """Each end is nearly what some number makes: at an end, or at the turn where that is between them. The turn is
    known to 10^-18, so what is made there to 10^-18 less."""
    grid, random = 256, Random(name)
    least = turn(name)
    units = least.numerator * 2**grid // least.denominator
    for _ in range(120):
        spread = random.choice((2 ** (grid - 200), 2 ** (grid - 30), 2 ** (grid - 2), 2 ** (grid + 1), 2 ** (grid + 6)))
        middle = units if random.random() < 0.5 else int(random.gauss(-1, 3) * 2**64) << grid - 64
        low = middle + random.randint(-spread, spread)
        high = low + random.randint(0, 2 * spread)
        ends = [right(name, Fraction(z, 2**grid)) for z in (low, high)]
        found = smooth(name, grid, (low, high))
        lowest = right(name, least) if low < units < high else min(ends)
        for value in (*ends, lowest, *(right(name, Fraction(random.randint(low, high), 2**grid)) for _ in range(3))):
            require_in(found, grid, value)
        unit = Fraction(8 + 4 * max(abs(low) >> grid, abs(high) >> grid), 2**grid)
        assert Fraction(found[1], 2**grid) <= max(ends) + unit
        before, behind = (end * 2**grid for end in activations.SMOOTH[name][1])
        near_the_turn = low - 1 <= behind and high + 1 >= before
        assert Fraction(found[0], 2**grid) >= lowest - (Fraction(1, 10**18) if near_the_turn else unit)


@pytest.mark.parametrize("name", SMOOTH)
def test_neighbours_of_the_turn(name: str) -> None:
    """What functions make of numbers near the turn, however near, is in the ends of any two around them."""
    grid, least = 256, turn(name)
    units = least.numerator * 2**grid // least.denominator
    at = sorted({units + step * 2**bits for step in (-1, 0, 1) for bits in range(0, grid, 8)})
    for low, high in [*pairwise(at), *zip(at, at[::-1], strict=True)]:
        if low <= high:
            found = smooth(name, grid, (low, high))
            for z in (low, (low + high) // 2, high, *([units] if low <= units <= high else [])):
                require_in(found, grid, right(name, Fraction(z, 2**grid)))
