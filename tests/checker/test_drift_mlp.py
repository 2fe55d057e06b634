"""DRIFT 4 and 5 on small cases, computed by hand; and random neurons never do more than the bounds say."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random

import numpy as np
import pytest

from exactformer.certificates.checker.drift import mlp as drift_mlp
from exactformer.certificates.checker.drift import neurons as drift_neurons
from exactformer.certificates.checker.drift.forms import VALUES
from exactformer.certificates.checker.drift.mlp import behind_mlp
from exactformer.certificates.checker.drift.neurons import Block, Bools, Neurons, by_cases, by_pairs
from exactformer.certificates.checker.drift.next_token import Vocabulary
from exactformer.certificates.checker.softmax.model import Model, parse_model
from exactformer.certificates.checker.weights import Family, Field, Mlp, Network, Sparse
from tests.checker.conftest import UNLIMITED

NONE = Fraction(0)


def model(text: str) -> Model:
    return parse_model("", text)


# DRIFT 4

D = Fraction(1, 16)


def drifts(**of: str) -> dict[str, list[Fraction]]:
    return {cls: list(map(Fraction, text.split())) for cls, text in of.items()}


def neurons(
    bias: Sequence[int], weights: Sequence[Sequence[int]], blocks: Sequence[Block], drift: Sequence[Fraction]
) -> Neurons:
    return Neurons(np.array(bias), np.array(weights), tuple(blocks), tuple(drift))


def together(found: Neurons, reach: Sequence[Fraction]) -> Bools:
    return drift_neurons.together(found, reach, UNLIMITED)


def signs(width: int, first: int = 0) -> Block:
    return tuple(range(first, first + width)), (bytes([2] * width),)


def one_hot(drift: Fraction, form: bytes = b"\2\2") -> Neurons:
    """Four neurons, one for each vector of two signs; 1 at that, -1 or -3 elsewhere."""
    return neurons([-1] * 4, [[1, 1], [1, -1], [-1, 1], [-1, -1]], [((0, 1), (form,))], [drift, drift])


def test_top_reach_and_parity() -> None:
    found = neurons([0, -2, 1], [[1, -2, 3], [0, 1, 1], [0, 0, -1]], [((0, 1), (b"\0\2", b"\1\1")), ((2,), (b"\1",))],
                    [D, NONE, 2 * D])  # fmt: skip
    assert found.top().tolist() == [5, 0, 0]  # the first register has 2 in its first form, -1 in the other
    assert found.reach() == [7 * D, 2 * D, 2 * D]
    assert found.least().tolist() == [0, 0, 0]
    assert one_hot(D).least().tolist() == [1] * 4
    assert one_hot(D, b"\1\2").least().tolist() == [1] * 4
    assert one_hot(D, b"\0\2").least().tolist() == [0] * 4
    assert neurons([0], [[1, 1]], [signs(2)], [D, D]).least().tolist() == [0]  # -2, 0 or 2


def test_exclusive_neurons() -> None:
    found = one_hot(D)
    pairs = together(found, found.reach())
    assert pairs.tolist() == np.eye(4, dtype=bool).tolist()
    assert by_pairs(pairs, [Fraction(1), Fraction(2), Fraction(3), Fraction(4)]) == 4
    assert by_pairs(None, [Fraction(1), Fraction(2), Fraction(3), Fraction(4)]) == 10


def test_neurons_that_are_on_together() -> None:
    far = one_hot(Fraction(1, 2))  # of reach 1
    assert together(far, far.reach()).all()
    some = together(far, [Fraction(1), *[Fraction(1, 2)] * 3])
    assert some[0].all()
    assert some[:, 0].all()
    assert not some[1, 2]
    even = one_hot(D, b"\0\2")  # -1 + 0 + 1 may be 0, at two neurons at once
    assert together(even, even.reach()).tolist() == [[True, False, True, False], [False, True, False, True]] * 2
    assert by_pairs(together(even, even.reach()), [Fraction(1), Fraction(2), Fraction(3), Fraction(5)]) == 7


def test_forms_are_of_one_register_at_a_time() -> None:
    either = (b"\1\0", b"\0\1")
    one = neurons([0, 0], [[2, -2], [-2, 2]], [((0, 1), either)], [D, D])
    assert together(one, one.reach()).all()  # 2 - 2 = 0
    apart = neurons([-1, -1], [[1, 0], [0, 1]], [((0, 1), either)], [D, D])
    assert not together(apart, apart.reach())[0, 1]  # 1 and 0, less 2
    first = neurons([0, 0], [[-1, 0], [0, -1]], [((0, 1), (b"\0\0", b"\1\1"))], [D, D])
    assert together(first, first.reach()).all()
    two = neurons([-1, -1], [[1, 0], [0, 1]], [((0,), (b"\0", b"\1")), ((1,), (b"\0", b"\1"))], [D, D])
    assert together(two, two.reach())[0, 1]


def cases(found: Neurons, out: Sequence[int], own: int | None, own_drift: Fraction = NONE) -> Fraction | None:
    rows = tuple(map(tuple, found.weights.tolist()))
    return by_cases(tuple(found.bias.tolist()), rows, tuple(out), found.drifts, found.blocks, own, own_drift)


ANY = ((0,), (b"\0", b"\2"))
"""A register of width 1 that may be 0."""


@pytest.mark.parametrize(
    ("title", "bias", "weights", "block", "drift", "out", "own", "bound"),
    [
        ("x - relu(x) + relu(-x)", [0, 0], [[1], [-1]], ANY, D, [-1, 1], 0, NONE),
        ("the same, of a drift of 1", [0, 0], [[1], [-1]], ANY, Fraction(1), [-1, 1], 0, NONE),
        ("far, at 1: neither is sure", [0, 0], [[1], [-1]], ANY, Fraction(3, 2), [-1, 1], 0, Fraction(9, 2)),
        ("x + relu(x) - relu(-x)", [0, 0], [[1], [-1]], ANY, D, [1, -1], 0, 2 * D),
        ("y - relu(x) + relu(-x)", [0, 0], [[1], [-1]], ANY, D, [-1, 1], None, Fraction(1, 4) + D),
        ("x - relu(x): at 1 nothing, else all", [0], [[1]], ANY, D, [-1], 0, D),
        ("x - relu(x), at 1 only", [0], [[1]], ((0,), (b"\1",)), D, [-1], 0, NONE),
        ("relu(x) + relu(x)", [0, 0], [[1], [1]], ANY, D, [1, 1], None, Fraction(1, 4) + 2 * D),
        ("relu(x) - relu(x)", [0, 0], [[1], [1]], ANY, D, [1, -1], None, Fraction(1, 4)),
        ("relu(2 x) - relu(x)", [0, 0], [[2], [1]], ((0,), (b"\0",)), D, [1, -1], None, Fraction(1, 4) + 2 * D),
        ("never on", [-2], [[1]], ANY, D, [3], None, Fraction(1, 4)),
    ],
)  # fmt: skip
def test_by_cases(
    title: str,
    bias: list[int],
    weights: list[list[int]],
    block: Block,
    drift: Fraction,
    out: list[int],
    own: int | None,
    bound: Fraction,
) -> None:
    found = neurons(bias, weights, [block], [drift])
    assert cases(found, out, own, Fraction(1, 4) if own is None else drift) == bound, title


def test_limits_of_by_cases() -> None:
    def all_signs(*widths: int) -> Fraction | None:
        blocks, first = list[Block](), 0
        for width in widths:
            blocks.append(signs(width, first))
            first += width
        return cases(neurons([0], [[1] * first], blocks, [D, *[NONE] * (first - 1)]), [1], None)

    assert all_signs(12) == D
    assert all_signs(13) is None
    assert all_signs(6, 6) == D
    assert all_signs(6, 7) is None
    ones = ((*range(13),), (bytes([1] * 13),))
    assert cases(neurons([0], [[1] * 13], [ones], [D] * 13), [1], None) == 13 * D
    assert cases(neurons([0], [[1] * 14], [((*range(14),), (bytes([1] * 14),))], [D] * 14), [1], None) is None
    twice = ((*range(12),), (bytes([2] * 12), bytes([1] * 12)))  # no further vectors
    assert cases(neurons([0], [[1] * 12], [twice], [D] * 12), [1], None) == 12 * D


@pytest.mark.parametrize("seed", range(40))
def test_bounds_hold(seed: int) -> None:
    """Random neurons at random values that drift at random."""
    random = Random(seed)
    number, width = random.randint(1, 5), 4
    more = () if seed < 20 else range(3, len(VALUES))
    forms = [
        tuple({bytes(random.choice((0, 1, 2, 2, *more)) for _ in range(2)) for _ in range(random.randint(1, 2))})
        for _ in "ab"
    ]
    blocks = [((0, 1), forms[0]), ((2, 3), forms[1])]
    drift = [random.choice((NONE, Fraction(1, 8), Fraction(1, 3), Fraction(1))) for _ in range(width)]
    weights = [[random.choice((-2, -1, 0, 1, 1)) for _ in range(width)] for _ in range(number)]
    found = neurons([random.randint(-3, 2) for _ in range(number)], weights, blocks, drift)
    out, own, reach = [random.choice((-2, -1, 1, 3)) for _ in range(number)], random.choice((0, 3)), found.reach()
    touched = [n for n, (far, top) in enumerate(zip(reach, found.top().tolist(), strict=True)) if far and top + far > 0]
    if not touched:
        return
    some = found.some(np.array(touched))
    far = [reach[n] for n in touched]
    bound = drift[own] + by_pairs(together(some, far), [abs(out[n]) * reach[n] for n in touched])
    narrow = cases(some, [out[n] for n in touched], own, drift[own])
    assert narrow is not None
    for _ in range(60):
        x = [random.choice(VALUES[code]) for block in forms for code in random.choice(block)]
        delta = [d * random.choice((-1, 1, 0, Fraction(1, 2))) for d in drift]

        def added(at: Sequence[Fraction | int]) -> Fraction:
            sums = [sum(w * v for w, v in zip(row, at, strict=True)) for row in weights]
            on = [max(Fraction(0), b + t) for b, t in zip(found.bias.tolist(), sums, strict=True)]
            return at[own] + sum((factor * value for factor, value in zip(out, on, strict=True)), Fraction(0))

        change = abs(added([v + d for v, d in zip(x, delta, strict=True)]) - added(x))
        assert change <= min(bound, narrow)


def sparse(rows: Sequence[dict[int, int] | list[tuple[int, int]]]) -> Sparse:
    pairs = [list(row.items()) if isinstance(row, dict) else row for row in rows]
    start = np.cumsum([0, *map(len, pairs)])
    flat = [pair for row in pairs for pair in row]
    return Sparse(start, np.array([i for i, _ in flat], int), np.array([w for _, w in flat], int))


NETWORK = Network(2, (("pos", 2), ("x", 1), ("y", 1)), 4, (), ())
HELD = {"pos": (b"\2\2",), "x": (b"\0", b"\2"), "y": (b"\2",)}
"""x may be 0, all else are signs."""


def layer(
    into: Sequence[list[tuple[int, int]]], bias: Sequence[int], out_of: Sequence[list[tuple[int, int]]], **of: str
) -> list[Fraction]:
    """After an MLP, for class A."""
    mlp = Mlp(sparse(into), np.array(bias), sparse(out_of), np.zeros(len(bias), np.int64))
    return behind_mlp(mlp, NETWORK, {"A": HELD}, drifts(**of), UNLIMITED)["A"]


def test_mlp() -> None:
    clear = layer([[(2, 1)], [(2, -1)]], [0, 0], [[], [], [(0, -1), (1, 1)], []], A="0 0 1/16 1/8")
    assert clear == [0, 0, 0, Fraction(1, 8)]
    copy = layer([[(2, 1)], [(3, 1)]], [0, -1], [[], [], [], [(0, 1), (1, 2)]], A="0 0 1/16 0")
    assert copy == [0, 0, D, D]  # the second neuron is not touched
    kept = layer([[(2, 1)]], [-2], [[], [], [], [(0, 5)]], A="0 0 1/16 1/8")
    assert kept == [0, 0, D, Fraction(1, 8)]
    twice = layer([[(2, 1), (2, 1)]], [0], [[], [], [], [(0, 1), (0, 1)]], A="0 0 1/16 0")
    assert twice == [0, 0, D, 4 * D]
    cancelled = layer([[(2, 1), (2, -1)]], [1], [[], [], [], [(0, 1)]], A="0 0 1/16 0")
    assert cancelled == [0, 0, D, 0]


def test_many_neurons_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    hot = [[(0, a), (1, b)] for a in (1, -1) for b in (1, -1)]
    out = [[], [], [], [(n, 1) for n in range(4)]]
    monkeypatch.setattr(drift_mlp, "MOST_BY_CASES", 3)
    assert layer(hot, [-1] * 4, out, A="1/16 1/16 0 0")[3] == 2 * D
    assert layer(hot, [-1] * 4, out, A="1/16 1/16 0 1/8")[3] == 4 * D
    assert layer(hot, [-1] * 4, [[], [], [], [(n, -3) for n in range(4)]], A="1/16 1/16 0 0")[3] == 6 * D
    assert layer(hot, [-3] * 4, out, A="1/16 1/16 0 0")[3] == 0
    monkeypatch.setattr(drift_mlp, "MOST_COMPARED", 3)
    assert layer(hot, [-1] * 4, out, A="1/16 1/16 0 0")[3] == 8 * D
    monkeypatch.setattr(drift_mlp, "MOST_COMPARED", 1)
    assert layer(hot[:1], [-1], [[], [], [], [(0, 1)]], A="1/16 1/16 0 0")[3] == 2 * D


# DRIFT 5


def family(name: str, vector: dict[int, int], *fields: list[dict[int, int]]) -> Family:
    nothing = sparse([{}])
    made = tuple(
        Field(str(number), tuple(map(str, range(len(rows)))), nothing, sparse(rows))
        for number, rows in enumerate(fields)
    )
    return Family(name, nothing, sparse([vector]), made)


def test_what_drifts_cost() -> None:
    one = family("ONE", {0: 5}, [{1: 1}, {1: -1}, {1: 1, 2: 3}], [{3: 1}, {3: -1}])
    words = Vocabulary([one], 4)
    assert words.lost([Fraction(7), NONE, NONE, NONE]) == 0  # what all tokens share
    assert words.lost([NONE, D, NONE, NONE]) == 2 * D
    assert words.lost([NONE, D, D, NONE]) == 5 * D  # 2 and 3, from the second value to the third
    assert words.lost([NONE, D, Fraction(1, 64), NONE]) == 2 * D + Fraction(3, 64)
    assert words.lost([NONE, D, NONE, D]) == 2 * D  # one field at a time
    assert words.lost_by("ONE", [NONE, D, NONE, D]) == 2 * D
    two = Vocabulary([one, family("TWO", {0: 2, 3: 3})], 4)
    assert two.lost([D, NONE, NONE, NONE]) == 3 * D
    assert two.lost([NONE, NONE, NONE, D]) == 4 * D  # 3 and -1
    assert two.lost([NONE, D, Fraction(1, 64), NONE]) == 2 * D + Fraction(3, 64)
    assert two.lost([D, D, NONE, NONE]) == 4 * D  # 5 - 2, and 1
    assert two.lost([NONE] * 4) == 0
    assert two.lost_by("TWO", [NONE, D, D, NONE]) == 4 * D  # fields of another family only as far as TWO is not ONE
    assert two.lost_by("ONE", [NONE, D, D, NONE]) == 5 * D
    assert Vocabulary([one, family("TWO", {0: 2, 3: -3})], 4).lost([NONE, NONE, NONE, D]) == 4 * D
    assert Vocabulary([family("ONE", {0: 1})], 4).lost([D] * 4) == 0
