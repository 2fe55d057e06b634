"""Functions to approximate: exact on rationals, each with a modulus of continuity that is stated with it.

A *target* maps a sequence of [0, 1]^(d x n) (n columns of d rationals) to a sequence of the same shape.  Its modulus w
says that |X - Y| <= h implies |f(X) - f(Y)| <= w(h), both the largest difference of an entry.  The moduli of the
library are proved in the docstrings; that of a function from a file is what its author says, and is tried at sampled
points.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any

from exactformer.constructions.contextual.grid import Column, Sequence

SAMPLES = 200
SAMPLE_PARTS = 64
"""Sampled points have coordinates k/64."""


class FunctionError(ValueError):
    """A function cannot be read, or does not do what is stated about it."""


@dataclass(frozen=True)
class Target:
    """A function, in words and as code; equivariant: f of permuted columns is f's columns, permuted.

    bound: |entries of f| <= bound on [0, 1]^(d x n), where known; from_library: whether modulus and bound are ours,
    with a proof, or the modulus is what the author of the function says; source: the SHA-256 of the author's file.
    """

    name: str
    sentence: str
    evaluate: Callable[[Sequence], Sequence]
    modulus: Callable[[Fraction], Fraction]
    modulus_text: str
    equivariant: bool
    bound: Fraction | None = Fraction(1)
    from_library: bool = True
    source: str = ""


def mean(sequence: Sequence) -> Column:
    """The mean column."""
    return tuple(sum(row, Fraction(0)) / len(sequence) for row in zip(*sequence, strict=True))


def sort(sequence: Sequence) -> Sequence:
    """Column k holds the k-th smallest of each coordinate.

    Modulus h: if at least k of the x_j are <= t, at least k of the y_j are <= t + h; so order statistics move by <= h.
    """
    return tuple(zip(*(sorted(row) for row in zip(*sequence, strict=True)), strict=True))


def running_maximum(sequence: Sequence) -> Sequence:
    """Column k holds the largest of each coordinate in columns 1..k.  Modulus h: a maximum moves by at most h."""
    return tuple(zip(*(accumulate(row, max) for row in zip(*sequence, strict=True)), strict=True))


def attention(sequence: Sequence) -> Sequence:
    """Attention without softmax: column k holds the mean over j of <x_k, x_j>/d x_j.

    Modulus 3h: each entry is a mean of products of three entries of [0, 1], and such a product moves by at most 3h.
    """
    n, d = len(sequence), len(sequence[0])
    found = []
    for query in sequence:
        scores = [sum((a * b for a, b in zip(query, key, strict=True)), Fraction(0)) / (n * d) for key in sequence]
        found.append(tuple(sum(s * key[i] for s, key in zip(scores, sequence, strict=True)) for i in range(d)))
    return tuple(tuple(Fraction(z) for z in column) for column in found)


def polynomial(sequence: Sequence) -> Sequence:
    """Column k holds x_k (x_k - mean), by coordinate: an equivariant polynomial of degree 2.

    Modulus 3h: |x'(x'-m') - x(x-m)| <= |x'-x| |x'-m'| + |x| |(x'-x) - (m'-m)| <= h + 2h on [0, 1].
    """
    middle = mean(sequence)
    return tuple(tuple(x * (x - m) for x, m in zip(column, middle, strict=True)) for column in sequence)


def times(factor: int) -> Callable[[Fraction], Fraction]:
    return lambda h: factor * h


LIBRARY = {
    target.name: target
    for target in (
        Target("sort", "each coordinate sorted along the tokens", sort, times(1), "w(h) = h", False),
        Target("running-maximum", "running maximum of each coordinate", running_maximum, times(1), "w(h) = h", False),
        Target("attention", "mean of <x_k, x_j>/d x_j over j", attention, times(3), "w(h) = 3h", True),
        Target("polynomial", "x_k (x_k - mean of all x_j)", polynomial, times(3), "w(h) = 3h", True),
    )
}


def load_target(text: str) -> Target:
    """A function of the library by its name, or of a Python file: FILE.py:NAME.

    The file defines NAME (a tuple of n columns, each a tuple of d Fractions, to the same) and NAME_modulus (a Fraction
    h to a Fraction); NAME_equivariant = True says that it needs no positional encoding.  Raises FunctionError.

    >>> load_target("sort").equivariant
    False
    """
    if text in LIBRARY:
        return LIBRARY[text]
    path, colon, name = text.rpartition(":")
    if not colon or not path.endswith(".py"):
        raise FunctionError(f"there is no function {text!r}: give {', '.join(LIBRARY)}, or FILE.py:NAME")
    module = _module(Path(path))
    function, modulus = getattr(module, name, None), getattr(module, f"{name}_modulus", None)
    if not callable(function) or not callable(modulus):
        raise FunctionError(f"{path} must define the functions {name} and {name}_modulus")
    equivariant = getattr(module, f"{name}_equivariant", False) is True
    return Target(
        name,
        f"{name} of {Path(path).name}",
        _checked(function, name),
        _checked_modulus(modulus, f"{name}_modulus"),
        f"{name}_modulus",
        equivariant,
        bound=None,
        from_library=False,
        source=hashlib.sha256(Path(path).read_bytes()).hexdigest(),
    )


def _module(path: Path) -> Any:
    if not os.path.isfile(path):  # Path.is_file would raise if the name is too long for a file
        raise FunctionError(f"there is no file {path}")
    module = ModuleType("target")
    module.__file__ = str(path)
    try:  # not imported: that would write compiled code beside the file
        exec(compile(path.read_bytes(), path, "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        raise FunctionError(f"{path} raises {type(error).__name__}: {error}") from error
    return module


def _checked(function: Callable[[Any], Any], name: str) -> Callable[[Sequence], Sequence]:
    """The function with its answers checked: n columns of d exact numbers."""

    def evaluate(sequence: Sequence) -> Sequence:
        try:
            answer = tuple(map(tuple, function(sequence)))
        except (Exception, SystemExit) as error:
            raise FunctionError(f"{name} raises {type(error).__name__}: {error}") from error
        if [len(column) for column in answer] != [len(column) for column in sequence]:
            raise FunctionError(f"{name} must give {len(sequence)} columns of {len(sequence[0])} numbers")
        if not all(isinstance(z, (int, Fraction)) for column in answer for z in column):
            raise FunctionError(f"{name} must give exact numbers, int or Fraction, not floats")
        return tuple(tuple(map(Fraction, column)) for column in answer)

    return evaluate


def _checked_modulus(modulus: Callable[[Any], Any], name: str) -> Callable[[Fraction], Fraction]:
    """The modulus with its answers checked: exact numbers, at least 0."""

    def allowed(h: Fraction) -> Fraction:
        try:
            answer = modulus(h)
        except (Exception, SystemExit) as error:
            raise FunctionError(f"{name} raises {type(error).__name__}: {error}") from error
        if not isinstance(answer, (int, Fraction)):
            raise FunctionError(f"the modulus {name} must give exact numbers, int or Fraction")
        if answer < 0:
            raise FunctionError(f"the modulus {name} is negative at {h}: {answer}")
        return Fraction(answer)

    return allowed


def distance(left: Sequence, right: Sequence) -> Fraction:
    """The largest difference of an entry."""
    return max(abs(a - b) for x, y in zip(left, right, strict=True) for a, b in zip(x, y, strict=True))


def sampled_points(n: int, d: int) -> Iterator[tuple[Sequence, Sequence]]:
    """Pairs of sequences of [0, 1]^(d x n), near and far; always the same pairs."""
    source = random.Random(0)
    for number in range(SAMPLES):
        reach = (1, 4, SAMPLE_PARTS)[number % 3]
        left = [[source.randint(0, SAMPLE_PARTS) for _ in range(d)] for _ in range(n)]
        right = [[min(SAMPLE_PARTS, max(0, z + source.randint(-reach, reach))) for z in column] for column in left]
        yield _sequence(left), _sequence(right)


def _sequence(parts: list[list[int]]) -> Sequence:
    return tuple(tuple(Fraction(z, SAMPLE_PARTS) for z in column) for column in parts)


def require_as_stated(target: Target, n: int, d: int) -> None:
    """Try the modulus, and equivariance if it is stated, at SAMPLES pairs of points.  Raises FunctionError.

    If they hold there, this proves nothing about other points.
    """
    for left, right in sampled_points(n, d):
        apart, moved = distance(left, right), distance(target.evaluate(left), target.evaluate(right))
        allowed = target.modulus(apart)
        if moved > allowed:
            raise FunctionError(
                f"{target.name} does not have the modulus {target.modulus_text}: points {_shown(left)} and"
                f" {_shown(right)} differ by {apart}, its values by {moved}, more than {allowed}"
            )
        if target.equivariant and target.evaluate(left[::-1]) != target.evaluate(left)[::-1]:
            raise FunctionError(f"{target.name} is not permutation-equivariant: see {_shown(left)} and its reverse")


def _shown(sequence: Sequence) -> str:
    return f"({'; '.join(' '.join(map(str, column)) for column in sequence)})"
