"""Networks and certificates of approximation made by hand, for n = 2, and n = 3 with positions; nothing of exactformer.

Quantise; gain multiples of the largest, the least and the mean label, which tell n <= 3 ascending columns apart; read
off, one layer for each column of each sequence. Rationals are `Fraction`, documents plain JSON values.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

Matrix = list[list[Fraction]]
"""n columns of d rationals."""
Layer = dict[str, Any]


def q(value: Fraction | int) -> str:
    return str(Fraction(value))


def qs(values: list[Fraction] | list[int]) -> list[str]:
    return [q(value) for value in values]


def token_wise(
    weights: list[int], bias: Fraction | int, breaks: list[Any], pieces: list[Any], output: list[Any]
) -> Layer:
    return {
        "weights": qs(weights),
        "bias": q(bias),
        "breaks": qs(breaks),
        "pieces": [qs(piece) for piece in pieces],
        "output": qs(output),
    }


def head(query: list[int], bias: int, key: list[int], value: list[int], output: list[int]) -> Layer:
    return {"query": qs(query), "bias": q(bias), "key": qs(key), "value": qs(value), "output": qs(output)}


def evaluate(layers: list[Layer], z: Matrix) -> Matrix:
    """Section 4, one column after the other, as it is written there; without positions."""

    def inner(texts: list[str], column: list[Fraction]) -> Fraction:
        return sum((Fraction(a) * b for a, b in zip(texts, column, strict=True)), Fraction(0))

    for layer in layers:
        if "heads" in layer:
            after = [list(column) for column in z]
            for each in layer["heads"]:
                for k, column in enumerate(z):
                    factor = inner(each["query"], column) + Fraction(each["bias"])
                    scores = [factor * inner(each["key"], other) for other in z]
                    best = [inner(each["value"], z[j]) for j in range(len(z)) if scores[j] == max(scores)]
                    for i, weight in enumerate(each["output"]):
                        after[k][i] += Fraction(weight) * sum(best) / len(best)
            z = after
        else:
            after = []
            for column in z:
                t = inner(layer["weights"], column) + Fraction(layer["bias"])
                place = sum(t >= Fraction(at) for at in layer["breaks"])
                slope, intercept = map(Fraction, layer["pieces"][place])
                gain = slope * t + intercept
                after.append([old + gain * Fraction(w) for old, w in zip(column, layer["output"], strict=True)])
            z = after
    return z


def attention(x: Matrix) -> Matrix:
    n, d = len(x), len(x[0])
    weights = [[sum((a * b for a, b in zip(c, e, strict=True)), Fraction(0)) / d for e in x] for c in x]
    return [[sum((weights[k][j] * x[j][i] for j in range(n)), Fraction(0)) / n for i in range(d)] for k in range(n)]


def polynomial(x: Matrix) -> Matrix:
    n = len(x)
    return [[v * (v - sum((other[i] for other in x), Fraction(0)) / n) for i, v in enumerate(column)] for column in x]


def sort(x: Matrix) -> Matrix:
    return [list(column) for column in zip(*(sorted(row) for row in zip(*x, strict=True)), strict=True)]


def running_maximum(x: Matrix) -> Matrix:
    return [[max(x[j][i] for j in range(k + 1)) for i in range(len(x[0]))] for k in range(len(x))]


FUNCTIONS: dict[str, tuple[Callable[[Matrix], Matrix], int]] = {
    "attention": (attention, 3),
    "polynomial": (polynomial, 3),
    "sort": (sort, 1),
    "running-maximum": (running_maximum, 1),
}


@dataclass
class Case:
    """A certificate and its network as JSON values that a test may change before they are written."""

    certificate: Any
    network: Any

    def write(self, folder: Path) -> Path:
        data = canonical(self.network)
        (folder / "f.network.json").write_bytes(data)
        self.certificate["network"] = {"file": "f.network.json", "sha256": hashlib.sha256(data).hexdigest()}
        path = folder / "f.certificate.json"
        path.write_bytes(canonical(self.certificate))
        return path


def canonical(document: Any) -> bytes:
    return (json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n").encode("ascii")


def make(name: str, n: int, d: int, cells: int, positional: bool, epsilon: str, p: int = 2, stated: str = "") -> Case:
    """A valid certificate for the function; under the name ``stated`` with a table if that is given."""
    function, lipschitz = FUNCTIONS[name]
    delta, D = Fraction(1, cells), cells**d
    chosen = (
        itertools.product(range(D), repeat=n) if positional else itertools.combinations_with_replacement(range(D), n)
    )
    sequences = list(chosen)
    first = quantising(d, cells * (n if positional else 1), delta)
    mapping = contextual(d, D * n)
    reading: list[Layer] = []
    table: list[Any] = []
    done = set[Fraction]()
    for sequence in sequences:
        corners = [[Fraction(c // cells**i % cells, cells) for i in range(d)] for c in sequence]
        asked = positional or len(set(sequence)) == n
        values = function([[x + delta / 2 for x in column] for column in corners])
        if not asked:
            values = [[Fraction(0)] * d for _ in range(n)]
        elif stated:
            table.append({"cells": list(sequence), "values": [qs(column) for column in values]})
        starts = [[x + (k if positional else 0) for x in column] for k, column in enumerate(corners)]
        for column, goal in zip(evaluate(mapping, starts), values, strict=True):
            if column[0] not in done:
                done.add(column[0])
                reading.append(read_off(column, goal))
    layers = [*first, *mapping, *reading]
    kept = Fraction(1)
    for j in range(n):
        kept *= 1 - Fraction(j, D)
    repeated = Fraction(0) if positional else 1 - kept
    error = lipschitz * delta / 2
    shown, off = stated or name, f" off a set of measure {q(repeated)}" if repeated else ""
    off += ", assumed the table of its values, its bound 1 and its modulus" if stated else ""
    off += " and that it commutes with permutations of columns" if stated and not positional else ""
    statement = {
        "claim": f"On [0, 1)^({d} x {n}), the modified transformer of {len(layers)} layers is within {epsilon} of "
        f"{shown} in L^{p}, and every entry is within {q(error)} of {shown}'s{off}.",
        "function": {
            "name": shown,
            "kind": "stated" if stated else "library",
            "modulus": f"w(delta/2) = {q(error)}" if stated else "w(h) = h" if lipschitz == 1 else "w(h) = 3h",
            "table": table if stated else None,
        },
        "n": n,
        "d": d,
        "delta": q(delta),
        "positional": positional,
        "epsilon": epsilon,
        "p": p,
        "cell_error": q(error),
        "repeated": q(repeated),
        "sup": "1",
        "integral_bound": q(n * d * ((1 - repeated) * error**p + repeated)),
    }
    evidence = {
        "quantisation_layers": len(first),
        "cells": cells,
        "sequences": len(sequences),
        "layers": len(layers),
    }
    form = {"version": 2, "provenance": {}, "verdict": "proved", "network": None}
    certificate = {**form, "format": "exactformer approximation certificate", "statement": statement}
    network = {"format": "exactformer approximation network", "version": 1, "n": n, "d": d, "layers": layers}
    return Case({**certificate, "evidence": evidence}, {**network, "positional": positional})


def unit(d: int, i: int) -> list[int]:
    return [int(j == i) for j in range(d)]


def quantising(d: int, cells: int, delta: Fraction) -> list[Layer]:
    """One layer for each cell of each coordinate: on [j delta, (j + 1) delta) z gains -(z - j delta)."""
    return [
        token_wise(unit(d, i), -j * delta, [0, delta], [[0, 0], [-1, 0], [0, 0]], unit(d, i))
        for i in range(d)
        for j in range(cells)
    ]


def contextual(d: int, span: int) -> list[Layer]:
    """Coordinate 1 becomes a number from 10 on that is another one for each column of each sequence."""
    label = [span**i for i in range(d)]
    zeros, first = [0] * d, unit(d, 0)
    heads = [
        head(zeros, bias, label, label, [scale * span ** (d + 3) * x for x in first])
        for bias, scale in ((1, 10 * span), (-1, 100 * span**2), (0, 1000 * span**4))
    ]
    return [
        token_wise([0, *label[1:]], 0, [span ** (d + 2)], [[1, 0], [0, 0]], first),
        {"heads": heads},
        token_wise(zeros, 0, [], [[0, 10]], first),
    ]


def read_off(column: list[Fraction], goal: list[Fraction]) -> Layer:
    """The columns with this first coordinate become the goal; others keep what they have."""
    at, width = column[0], Fraction(1, 10**9)
    output = [b - a for a, b in zip(column, goal, strict=True)]
    return token_wise(unit(len(column), 0), 0, [at, at + width], [[0, 0], [0, 1], [0, 0]], output)
