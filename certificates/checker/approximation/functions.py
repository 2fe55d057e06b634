"""APPROXIMATION section 3: the checker's own functions, exactly, at centres of cells.

At the centres every entry is c / M with c an odd integer, 0 < c < M and M = 2 / delta; so the functions are
polynomials, or orders, of integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


@dataclass(frozen=True)
class Library:
    """One function of the table; its sup is 1.

    ``lipschitz`` is K in the modulus w(h) = K h. ``at`` takes the numerators c, Python integers of shape (sequences, n,
    d), and M, and gives numerators of the same shape and their common denominator.
    """

    lipschitz: int
    equivariant: bool
    at: Callable[[Array, int], tuple[Array, int]]

    @property
    def modulus(self) -> str:
        return "w(h) = h" if self.lipschitz == 1 else f"w(h) = {self.lipschitz}h"


def _sort(c: Array, M: int) -> tuple[Array, int]:
    return np.sort(c, axis=1), M


def _running_maximum(c: Array, M: int) -> tuple[Array, int]:
    return np.maximum.accumulate(c, axis=1), M


def _attention(c: Array, M: int) -> tuple[Array, int]:
    """sum_j (sum_i x_ki x_ji) x_jl = sum_i x_ki (sum_j x_ji x_jl), divided by d and by n."""
    _, n, d = c.shape
    found = np.zeros_like(c)
    for i in range(d):
        products = (c[:, :, i : i + 1] * c).sum(axis=1, keepdims=True)  # sum over j, for each coordinate l
        found = found + c[:, :, i : i + 1] * products
    return found, M**3 * d * n


def _polynomial(c: Array, M: int) -> tuple[Array, int]:
    """x_k (n x_k - sum of all) / n."""
    n = c.shape[1]
    return c * (n * c - c.sum(axis=1, keepdims=True)), M**2 * n


LIBRARY = {
    "sort": Library(1, False, _sort),
    "running-maximum": Library(1, False, _running_maximum),
    "attention": Library(3, True, _attention),
    "polynomial": Library(3, True, _polynomial),
}
