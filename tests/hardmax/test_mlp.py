"""MLPs against a loop over neurons, and numbers wide enough that nothing can overflow."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from exactformer.constructions.transformer.gadgets import Neuron
from exactformer.constructions.transformer.network import Mlp
from exactformer.verify.hardmax import mlp as module
from exactformer.verify.hardmax.mlp import PreparedMlp, mlp_delta
from tests.hardmax.naive import naive_mlp

WIDTH = 9


def random_units(rng: Random, largest: int) -> list[Neuron]:
    def weights() -> tuple[tuple[int, int], ...]:
        # a coordinate may be listed twice
        return tuple(
            (rng.randrange(WIDTH), rng.choice((-1, 1)) * rng.randint(1, largest)) for _ in range(rng.randint(0, 5))
        )

    return [Neuron(weights(), rng.randint(-largest, largest), weights()) for _ in range(rng.randint(0, 12))]


def random_columns(rng: Random, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    return np.array([[rng.choice((-1, 0, 1)) for _ in range(count)] for _ in range(WIDTH)], dtype=np.int8)


def delta(units: list[Neuron], x: np.ndarray[tuple[int, ...], np.dtype[np.int8]]) -> list[list[int]]:
    """What the fast evaluation adds to each column, all coordinates."""
    prepared = PreparedMlp.of(Mlp.of(units), WIDTH)
    gained = np.zeros(x.shape, np.int64)
    gained[prepared.written] = mlp_delta(prepared, x)
    return [list(map(int, column)) for column in gained.T]


@pytest.mark.parametrize("largest", [1, 3, 200, 40_000, 2**26])
@pytest.mark.parametrize("at_a_time", [7, 2048], ids=["in parts", "at once"])
def test_agrees_with_a_loop_over_neurons(largest: int, at_a_time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOKENS_AT_A_TIME", at_a_time)
    rng = Random(largest)
    for _ in range(30):
        units, x = random_units(rng, largest), random_columns(rng, rng.choice((1, 7, 20)))
        assert delta(units, x) == [naive_mlp(units, column) for column in x.T.tolist()]


def dtype_of(*units: Neuron) -> np.dtype[np.signedinteger]:
    return PreparedMlp.of(Mlp.of(units), WIDTH).bias.dtype


@pytest.mark.parametrize(
    ("title", "units", "dtype"),
    [
        ("no neurons", (), np.int16),
        ("small", (Neuron(((0, 1),), -1, ((1, 1),)),), np.int16),
        ("a neuron reaches 2^15 - 1", (Neuron(((0, 2**15 - 2),), 1, ()),), np.int16),
        ("a neuron reaches 2^15", (Neuron(((0, -(2**15) + 1),), 1, ()),), np.int32),
        ("a bias reaches below -2^15", (Neuron(((0, 1),), -(2**15), ()),), np.int32),
        ("a coordinate gains 2^15 - 1", (Neuron((), 1, ((3, 2**14),)), Neuron((), 1, ((3, -(2**14) + 1),))), np.int16),
        ("a coordinate gains 2^15", (Neuron((), 1, ((3, 2**14),)), Neuron((), 1, ((3, 2**14),))), np.int32),
        ("an output multiplies", (Neuron(((0, 200),), 0, ((1, 200),)),), np.int32),
        ("a neuron reaches 2^31", (Neuron(((0, 2**31 - 1),), 1, ()),), np.int64),
        ("an output multiplies beyond 2^31", (Neuron(((0, 2**16),), 0, ((1, 2**15),)),), np.int64),
    ],
)
def test_the_narrowest_numbers_that_hold_every_sum_are_used(
    title: str, units: tuple[Neuron, ...], dtype: type[np.signedinteger]
) -> None:
    assert dtype_of(*units) == dtype, title


@pytest.mark.parametrize("size", [2**15 - 3, 2**15, 2**31 - 2])
def test_the_largest_sums_are_reached_and_right(size: int) -> None:
    units = [
        Neuron(((0, size), (1, -1)), 1, ((2, 1), (3, -1))),
        Neuron(((0, -size), (1, 1)), -1, ((2, 1),)),
        Neuron((), size, ((3, 1), (4, -1))),
    ]
    columns = [[a, b, *[0] * (WIDTH - 2)] for a in (-1, 0, 1) for b in (-1, 0, 1)]
    assert delta(units, np.array(columns, dtype=np.int8).T.copy()) == [naive_mlp(units, column) for column in columns]


def test_only_written_coordinates_are_listed() -> None:
    prepared = PreparedMlp.of(Mlp.of([Neuron(((0, 1),), 0, ((7, 1), (2, -1))), Neuron(((8, 1),), 0, ())]), WIDTH)
    assert prepared.written.tolist() == [2, 7]


def test_weights_too_large_for_64_bits_are_refused() -> None:
    w = 2**31 - 1
    with pytest.raises(OverflowError, match="may not fit 64 bits"):
        PreparedMlp.of(Mlp.of([Neuron(((0, w), (1, w), (2, w)), 0, ((3, w),))]), 4)
