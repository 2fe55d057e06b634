"""The separation of look-up heads: proved for every pair of positions, refuted for every broken pairing."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from exactformer.verify.separation import (
    LookupSeparation,
    PairingError,
    SeparationNotProved,
    prove_lookup_separation,
    prove_pairing_separation,
)
from exactformer.verify.solver import Model, Refuted, Unknown

Pairs = list[tuple[int, int]]


def signed_bits(width: int, position: int) -> list[int]:
    return [1 if position >> b & 1 else -1 for b in range(width)]


def plain_score(width: int, pairs: Pairs, i: int, j: int) -> int:
    query, key = signed_bits(width, i), signed_bits(width, j)
    return sum(query[a] * key[b] for a, b in pairs)


def positions(width: int, model: Model) -> tuple[int, int]:
    i, j = (sum(2**b for b in range(width) if model[f"{kind}_{b}"]) for kind in ("query", "key"))
    return i, j


def breaks(width: int, pairs: Pairs, i: int, j: int) -> bool:
    score = plain_score(width, pairs, i, j)
    return score != width if i == j else score > width - 2


def straight(width: int) -> Pairs:
    return [(b, b) for b in range(width)]


@pytest.mark.parametrize("width", [1, 2, 16, 32, 64])
def test_the_straight_pairing_separates_by_two(width: int) -> None:
    separation = prove_lookup_separation(width)
    assert separation.separation == 2
    i, j = positions(width, separation.attained.model)
    assert i != j
    assert plain_score(width, straight(width), i, j) == width - 2


@pytest.mark.parametrize("width", [1, 2, 3])
def test_agrees_with_brute_force_on_every_pairing_of_small_registers(width: int) -> None:
    bits = [(a, b) for a in range(width) for b in range(width)]
    for count in range(width + 1):
        for chosen in itertools.combinations_with_replacement(bits, count):
            pairs = list(chosen)
            wrong = any(breaks(width, pairs, i, j) for i in range(2**width) for j in range(2**width))
            verdict = prove_pairing_separation(width, pairs)
            assert isinstance(verdict, Refuted if wrong else LookupSeparation)


BROKEN: dict[str, Callable[[int], Pairs]] = {
    "truncated": lambda r: straight(r)[:-1],
    "only the first bit": lambda r: straight(r)[:1],
    "rotated": lambda r: [(b, (b + 1) % r) for b in range(r)],
    "two key bits swapped": lambda r: [(0, 1), (1, 0), *straight(r)[2:]],
    "one bit in place of another": lambda r: [(0, 0), *straight(r)[:-1]],
    "one bit twice": lambda r: [*straight(r), (0, 0)],
    "two queries on one key bit": lambda r: [*straight(r)[:-1], (r - 1, 0)],
}


@pytest.mark.parametrize("width", [2, 16, 32, 64])
@pytest.mark.parametrize("title", BROKEN)
def test_refutes_a_broken_pairing_with_two_positions_that_break_it(title: str, width: int) -> None:
    pairs = BROKEN[title](width)
    verdict = prove_pairing_separation(width, pairs)
    assert isinstance(verdict, Refuted)
    assert breaks(width, pairs, *positions(width, verdict.model))


def test_the_order_of_the_coordinates_does_not_matter() -> None:
    assert isinstance(prove_pairing_separation(16, straight(16)[::-1]), LookupSeparation)


@pytest.mark.parametrize(
    ("width", "pairs"), [(0, []), (-1, []), (2, [(0, 2)]), (2, [(2, 0)]), (2, [(-1, 0)]), (2, [(0, -1)])]
)
def test_rejects_a_malformed_pairing(width: int, pairs: Pairs) -> None:
    with pytest.raises(PairingError):
        prove_pairing_separation(width, pairs)


def test_what_the_solver_leaves_open_is_never_a_separation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exactformer.verify.separation.prove", lambda *_, **__: Unknown("out of time"))
    assert prove_pairing_separation(4, straight(4)) == Unknown("out of time")
    with pytest.raises(SeparationNotProved, match="out of time"):
        prove_lookup_separation(4)
