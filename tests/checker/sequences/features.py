"""Norms, gates, other activations and rotary positions for the random networks of tests, from numbers of their own:
what is drawn without them stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import mpmath

from tests.checker.sequences.documents import number
from tests.checker.sequences.simulation import Rounding

NORMS = ("heads", "behind_heads", "mlp", "behind_mlp")
SMOOTH = ("silu", "gelu", "gelu_tanh")
EPSILONS = (Fraction(1, 4), Fraction(1, 4), Fraction(1, 1024), Fraction(1), Fraction(0))

Draw = Callable[[], Fraction]


def with_features(
    document: Any, rational: bool, positions: int, draw: Draw, linear: Rounding | None, random: Random
) -> dict[str, Any]:
    """Another network, for at most this many tokens, with some of these features; if ``rational``, one that has a
    hardmax transformer. Norms are left out in fixed point."""
    found: dict[str, Any] = copy.deepcopy(document)
    width = found["width"]

    def vector(length: int) -> list[list[Any]]:
        return [[at, number(weight)] for at in range(length) if (weight := draw())]

    def form(length: int) -> list[Any]:
        return [vector(length), number(draw())]

    def norm() -> dict[str, Any]:
        epsilon = random.choice(EPSILONS)
        rounded = epsilon if linear is None else linear(epsilon)
        return {
            "center": random.random() < 0.5,
            "epsilon": number(rounded),
            "weight": vector(width),
            "bias": vector(width) if random.random() < 0.5 else [],
        }

    has_norms = not rational and (linear is None or linear.p is not None) and random.random() < 0.6
    for layer in found["layers"]:
        if random.random() < 0.7:
            layer["mlp"] = new_mlp(width, rational, form, random)
        if has_norms:
            where = [name for name in NORMS if random.random() < 0.4]
            if where:
                layer["norms"] = {name: norm() for name in where}
    if has_norms and random.random() < 0.6:
        found["norm"] = norm()
    if random.random() < 0.6:
        rotate(found, positions, form, linear, random)
    return found


def new_mlp(width: int, rational: bool, form: Callable[[int], list[Any]], random: Random) -> dict[str, Any]:
    hidden = random.choice((1, 1, 2))
    mlp: dict[str, Any] = {
        "neurons": [form(width) for _ in range(hidden)],
        "out": [[at, form(hidden)] for at in range(width) if random.random() < 0.7],
    }
    activation = random.choice(("relu", "identity", *(() if rational else SMOOTH)))
    if activation != "relu":
        mlp["activation"] = activation
    if random.random() < 0.6:
        mlp["gates"] = [form(width) for _ in range(hidden)]
    return mlp


def rotate(
    document: Any, positions: int, form: Callable[[int], list[Any]], linear: Rounding | None, random: Random
) -> None:
    """Heads that have queries may rotate; this many planes turn by rounded angles of their own, or by any numbers."""
    planes = random.choice((1, 2))
    angles = [random.choice((Fraction(1), Fraction(1, 4), Fraction(11, 7))) for _ in range(planes)]

    def turn(place: int, angle: Fraction) -> list[Any]:
        if random.random() < 0.2:
            return [number(Fraction(random.randint(-2, 2))), number(Fraction(random.randint(-2, 2)))]
        with mpmath.workprec(80):
            at = mpmath.mpf(angle.numerator) * place / angle.denominator
            both = [Fraction(int(mpmath.floor(one * 2**30)), 2**30) for one in (mpmath.cos(at), mpmath.sin(at))]
        return [number(one if linear is None else linear(one)) for one in both]

    rotates = False
    for layer in document["layers"]:
        for head in layer["heads"]:
            if random.random() < 0.8:
                while len(head["query"]) < random.choice((2, 2, 3, 4)):
                    head["query"].append(form(document["width"]))
                    head["key"].append(form(document["width"]))
                entries = list(range(len(head["query"])))
                random.shuffle(entries)
                pairs = zip(entries[::2], entries[1::2], strict=False)
                head["rotary"] = [[a, b, random.randrange(planes)] for a, b in pairs]
                rotates = True
    if rotates:
        document["rotary"] = [[turn(place, angle) for angle in angles] for place in range(positions)]


def features_of(document: Any) -> set[str]:
    """Which of these features a network has, by the fields' names and values."""
    found = {name for name in ("norm", "rotary") if name in document}
    for layer in document["layers"]:
        found |= {f"norms.{name}" for name in layer.get("norms", {})}
        mlp = layer["mlp"]
        if "activation" in mlp:
            found.add(mlp["activation"])
        if "gates" in mlp:
            found.add(f"gates of {mlp.get('activation', 'relu')}")
    return found
