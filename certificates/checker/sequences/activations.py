"""NETWORKS sections 1.3 and 7: smooth activations z s(z), between ends on the grid.

Words:
    share  s, which increases from 0 to 1: for silu 1 / (1 + exp(-z)), for gelu the normal distribution function
    turn   where z s(z) is least: it falls before the turn, and increases after it
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from exactformer.certificates.checker.softmax.numbers import Ends, exponential


def smooth(name: str, grid: int, ends: Ends) -> Ends:
    """Ends of an activation's values on numbers between these ends."""
    share, turn = SMOOTH[name]
    (low, high), (least, most) = ends, ((end.numerator << grid) // end.denominator for end in turn)
    if low > most:
        return _at(share, grid, low)[0], _at(share, grid, high)[1]
    if high < least:
        return _at(share, grid, high)[0], _at(share, grid, low)[1]
    # Between the ends of the turn z is at least the lower one, and below 0; the share is at most that at the upper one.
    bottom = least * share(most + 1, grid)[1] >> grid
    return bottom, max(_at(share, grid, low)[1], _at(share, grid, high)[1])


def _at(share: Callable[[int, int], Ends], grid: int, z: int) -> Ends:
    """z s(z); far before the turn it is at least as large as near it."""
    low, high = share(z, grid)
    if z >= 0:
        return z * low >> grid, -(-z * high >> grid)
    near = max(z, -grid << grid)
    return near * share(near, grid)[1] >> grid, -(-z * low >> grid)


def logistic(z: int, grid: int) -> Ends:
    """1 / (1 + exp(-z)), which is exp(z) / (1 + exp(z)), too."""
    (low, high), one = exponential(abs(z), grid), 1 << grid
    if z >= 0:
        return (one << grid) // (one + high), -(-(one << grid) // (one + low))
    return (low << grid) // (one + low), -(-(high << grid) // (one + high))


def logistic_of_tanh(z: int, grid: int) -> Ends:
    """1 / (1 + exp(-2 t)), t = sqrt(2/pi) (z + 44715/10^6 z^3): that increases with z."""
    cubic = (z * 10**6 << 2 * grid) + 44_715 * z**3  # in units of 10^-6 2^(-3 grid)
    ends = sorted(2 * cubic * root for root in _root_of_two_over_pi(grid))
    unit = 10**6 << 3 * grid
    low, high = ends[0] // unit, -(-ends[1] // unit)
    return logistic(low, grid)[0], logistic(high, grid)[1]


@lru_cache(maxsize=2**14)
def normal(z: int, grid: int) -> Ends:
    """The distribution function of the standard normal distribution.

    For z >= 0 it is 1/2 + exp(-z^2 / 2) / sqrt(2 pi) times the sum of z^(2n + 1) / (1 * 3 * .. * (2n + 1)). From where
    z^2 <= n + 1 on each of these is at most half of the one before, so that all that follow are at most the last one.
    The sum is about exp(z^2 / 2), so the exponential has as many bits more. And it is at least 1 - exp(-z^2 / 2) / 2.
    """
    one = 1 << grid
    if z < 0:
        low, high = normal(-z, grid)
        return one - high, one - low
    square = z * z  # in units of 2^(-2 grid)
    if square * 5_000 > grid * 6_932 << 2 * grid:  # exp(-z^2 / 2) < 2^-grid, as ln 2 < 0.6932
        return one - 1, one
    fine = grid + 8 + (square >> 2 * grid)  # bits of the exponential
    x = square << fine >> 2 * grid + 1, -(-square << fine >> 2 * grid + 1)
    power = exponential(x[1], fine)[0], exponential(x[0], fine)[1]
    bits = grid + 64  # of the sum, of its last term, and of z^2
    squares = square >> 2 * grid - bits, -(-square >> 2 * grid - bits)
    low = high = below = above = z << 64
    n = 0
    while above > 1 + (low >> bits) or square > (n + 1) << 2 * grid:
        n += 1
        below, above = (below * squares[0] >> bits) // (2 * n + 1), -(-above * squares[1] >> bits) // (2 * n + 1) + 1
        low, high = low + below, high + above
    root = _root_of_two_over_pi(grid)  # 1 / sqrt(2 pi) is half of it
    unit = bits + fine + 1
    low, high = low * power[0] * root[0] >> unit, -(-(high + above) * power[1] * root[1] >> unit)
    return one // 2 + low, min(one // 2 + high, one)


@lru_cache(maxsize=8)
def _root_of_two_over_pi(grid: int) -> Ends:
    """sqrt(2/pi), with pi = 16 arctan(1/5) - 4 arctan(1/239)."""
    bits = 2 * grid + 64
    of_5, of_239 = _arctan_of_inverse(5, bits), _arctan_of_inverse(239, bits)
    pi = 16 * of_5[0] - 4 * of_239[1], 16 * of_5[1] - 4 * of_239[0]
    return math.isqrt((2 << bits + 2 * grid) // pi[1]), math.isqrt((2 << bits + 2 * grid) // pi[0]) + 1


def _arctan_of_inverse(n: int, bits: int) -> Ends:
    """arctan(1/n) in units of 2^-bits: the sum of (-1)^k / ((2k + 1) n^(2k + 1)), whose terms alternate and fall. Each
    is rounded down, so off by less than one; what is left out is at most one."""
    power, total, k = (1 << bits) // n, 0, 0
    while power:
        total += (-1) ** k * (power // (2 * k + 1))
        power, k = power // (n * n), k + 1
    return total - 2 * k - 2, total + 2 * k + 2


SMOOTH: dict[str, tuple[Callable[[int, int], Ends], tuple[Fraction, Fraction]]] = {
    "silu": (logistic, (Fraction(-1_278464542761073796, 10**18), Fraction(-1_278464542761073795, 10**18))),
    "gelu": (normal, (Fraction(-751791524693564458, 10**18), Fraction(-751791524693564457, 10**18))),
    "gelu_tanh": (logistic_of_tanh, (Fraction(-752461422071016259, 10**18), Fraction(-752461422071016258, 10**18))),
}
"""The shares, and two numbers between which the turn is."""
