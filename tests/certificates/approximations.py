"""Certificates of approximation for tests, and their networks run as APPROXIMATION.md, 4, says, without the sources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from exactformer.certificates.approximation import Bundle, bundle_of
from exactformer.constructions.contextual.functions import load_target
from exactformer.verify.contextual.approximation import plan
from exactformer.verify.contextual.theorem import Certified, certify

F = Fraction
Columns = tuple[tuple[Fraction, ...], ...]

FUNCTIONS = """
from fractions import Fraction

def square(columns):
    return tuple(tuple(z * z for z in column) for column in columns)

def square_modulus(h):
    return 2 * h

square_equivariant = True

def first(columns):
    return (columns[0],) * len(columns)

def first_modulus(h):
    return h

def spike(columns):
    return tuple(tuple(5 if z == Fraction(1, 12) else 0 for z in column) for column in columns)

def spike_modulus(h):
    return 3 * h

spike_equivariant = True

def sort(columns):
    return columns

sort_modulus = first_modulus

def _hidden(columns):
    return columns

_hidden_modulus = first_modulus

def long(columns):
    return tuple(tuple(Fraction(1, 10**1300) for z in column) for column in columns)

long_modulus = first_modulus

def longer(columns):
    return tuple(tuple(z + Fraction(1, 10**5000) for z in column) for column in columns)

longer_modulus = first_modulus

def high(columns):
    return tuple((10**9,) * len(column) for column in columns)

def high_modulus(h):
    return 0

def broken(columns):
    return columns

def broken_modulus(h):
    return 1 / 0

floating = worded = broken

def floating_modulus(h):
    return 0.5

def worded_modulus(h):
    return "h"

def falling(columns):
    return columns

def falling_modulus(h):
    return h - Fraction(1, 7) if h < Fraction(1, 7) and h.denominator == 8 else h
"""


@dataclass(frozen=True)
class Case:
    """What to ask for."""

    function: str
    n: int
    d: int
    epsilon: Fraction
    p: int = 1
    positional: bool = False

    def __str__(self) -> str:
        where = " with positions" if self.positional else ""
        return f"{self.function.rpartition(':')[2]}, n {self.n}, d {self.d}, epsilon {self.epsilon}, L{self.p}{where}"


@cache
def certified(case: Case) -> Certified:
    return certify(plan(load_target(case.function), case.n, case.d, case.epsilon, case.p, case.positional))


@cache
def made(case: Case) -> Bundle:
    return bundle_of(certified(case))


def documents(bundle: Bundle) -> tuple[Any, Any]:
    """Certificate and network as plain JSON values."""
    return json.loads(bundle.bytes), json.loads(bundle.weights)


def functions_file(folder: Path) -> Path:
    path = folder / "mine.py"
    path.write_text(FUNCTIONS, encoding="utf-8")
    return path


written = cache(Fraction)
"""A number as documents have it; networks are run at many points."""


def dot(weights: list[str], column: tuple[Fraction, ...]) -> Fraction:
    return sum((written(w) * z for w, z in zip(weights, column, strict=True)), F(0))


def run_document(network: Any, columns: Columns) -> Columns:
    """The layers, in order, on the columns of an input."""
    if network["positional"]:
        columns = tuple(tuple(z + k for z in column) for k, column in enumerate(columns))
    for layer in network["layers"]:
        gains = [[F(0)] * network["d"] for _ in columns]
        for gain, column in zip(gains, columns, strict=True):
            for amount, output in amounts(layer, column, columns):
                for i, entry in enumerate(output):
                    gain[i] += amount * written(entry)
        columns = tuple(
            tuple(z + g for z, g in zip(column, gain, strict=True)) for column, gain in zip(columns, gains, strict=True)
        )
    return columns


def amounts(layer: Any, column: tuple[Fraction, ...], columns: Columns) -> Iterator[tuple[Fraction, list[str]]]:
    """What a column gains, and along which output."""
    if "heads" in layer:
        for head in layer["heads"]:
            query = dot(head["query"], column) + written(head["bias"])
            scores = [query * dot(head["key"], other) for other in columns]
            most = max(scores)
            best = [dot(head["value"], columns[j]) for j, score in enumerate(scores) if score == most]
            yield sum(best, F(0)) / len(best), head["output"]
    else:
        t = dot(layer["weights"], column) + written(layer["bias"])
        slope, intercept = layer["pieces"][sum(written(place) <= t for place in layer["breaks"])]
        yield written(slope) * t + written(intercept), layer["output"]


def inputs(n: int, d: int, parts: int, within: Fraction) -> Iterator[tuple[Columns, Columns, bool]]:
    """In every cell the point at `within` of its sides; the cell's centre; whether two columns are in one cell."""
    for cells in product(product(range(parts), repeat=d), repeat=n):
        point, centre = (
            tuple(tuple((c + offset) / parts for c in cell) for cell in cells) for offset in (within, F(1, 2))
        )
        yield point, centre, len(set(cells)) < n
