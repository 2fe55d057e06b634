"""DRIFT as a walk: one layer whose head is shared by up to four tokens, so that what it writes drifts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import pytest

from exactformer.certificates.checker.drift.attention import Softmax, output_drift
from exactformer.certificates.checker.drift.forms import NotShown
from exactformer.certificates.checker.drift.walk import Drift
from exactformer.certificates.checker.softmax.model import parse_model
from exactformer.certificates.checker.theory.drift import OutputMargin, Recorded, drift_of
from exactformer.certificates.checker.theory.heads import Found
from exactformer.certificates.checker.weights import Head, Layer, Mlp, Network
from tests.checker.conftest import UNLIMITED
from tests.checker.test_drift_mlp import family, sparse

ARITHMETIC = "rounded:bf16/fp32"
D = output_drift(Softmax(parse_model("", ARITHMETIC), 16, 7), Fraction(2), Fraction(0), Fraction(0), True, 4)
"""What four tokens that share a value lead to."""


Neurons: TypeAlias = Sequence[list[tuple[int, int]]]


def walk(
    weight: int = 1,
    cls: str = "A",
    arithmetic: str = ARITHMETIC,
    e: int = 7,
    neurons: Neurons = (),
    margin: int = 1,
) -> Drift:
    """Tokens of class A receive y from x; a field of the next token, at tokens of ``cls``, is read off y with a weight.

    Each neuron is a list of coordinates and weights that it reads; it adds to y what it is.
    """
    families = (family("ONE", {}, [{3: weight}, {3: -weight}]), family("TWO", {0: 5}))
    mlp = Mlp(
        sparse(neurons), np.zeros(len(neurons), np.int64), sparse([[], [], [], [(n, 1) for n in range(len(neurons))]]),
        np.ones(len(neurons), np.int64),
    )  # fmt: skip
    head = Head("h", "content", [0], [1], [2], [3])
    network = Network(2, (("pos", 2), ("x", 1), ("y", 1)), 4, families, (Layer((head,), mlp),))
    before: dict[str, tuple[bytes, ...]] = {"pos": (b"\2\2",), "x": (b"\2",), "y": (b"\0",)}
    behind = before | {"y": (b"\2",)}
    recorded = Recorded(
        stages=[{"A": before, "B": before}, {"A": behind, "B": before}, {"A": behind, "B": before}],
        heads=[[{"A": [Found(2, 4, True)], "B": [Found(2, None, False)]}]],
        outputs=[OutputMargin(cls, "ONE", margin)],
    )
    return drift_of(network, recorded, Softmax(parse_model("", arithmetic), 16, e), UNLIMITED)


def test_a_layer() -> None:
    assert Fraction(1, 258) < D < Fraction(1, 256)  # 1/257, rounded
    assert walk() == Drift({"y": D}, 1 - 2 * D)
    assert walk(margin=3).margin == 3 - 2 * D
    assert walk().document == {"largest": {"y": str(D)}, "margin": str(1 - 2 * D)}
    assert walk().most == D
    assert walk(arithmetic="rounded:bf16/fp32", weight=0).margin == 1


def test_nothing_drifts() -> None:
    assert walk(arithmetic="fused:bf16/fp32/bf16") == Drift({}, Fraction(1))
    assert walk(arithmetic="fused:bf16/fp32/bf16").most == 0


def test_an_mlp_makes_it_drift_more() -> None:
    doubled = walk(neurons=[[(3, 1)]]).largest["y"]
    assert D < doubled <= 2 * D + Fraction(1, 2**20)


def test_the_margin_is_lost() -> None:
    assert walk(weight=100).margin == 1 - 200 * D
    with pytest.raises(NotShown, match=r"drifts cost up to .* of a margin of 1"):
        walk(weight=200)


def test_a_margin_of_0_is_lost() -> None:
    with pytest.raises(NotShown, match="of a margin of 0"):
        walk(weight=0, margin=0)


def test_only_outputs_lose() -> None:
    """What is read off does not drift at tokens of the other class."""
    assert walk(weight=200, cls="B").margin == 1
    with pytest.raises(NotShown, match="of a margin of 1"):
        walk(weight=200, cls="A")


def test_drifts_of_more_than_1() -> None:
    with pytest.raises(NotShown, match=r"layer 1, MLP, class A, y: drifts by up to .*, more than 1"):
        walk(neurons=[[(3, 300)]])


def test_scaled_queries() -> None:
    assert walk(arithmetic="rounded:bf16/fixed12.6", e=8).margin > 0
    with pytest.raises(NotShown, match=r"layer 1: scaled queries may overflow fixed12\.6"):
        walk(arithmetic="rounded:bf16/fixed12.6", e=9)
    with pytest.raises(NotShown, match=r"layer 1: scaled queries may overflow fixed12\.5"):
        walk(arithmetic="rounded:bf16/fixed12.5", e=8)
