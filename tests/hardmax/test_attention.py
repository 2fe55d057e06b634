"""Every way to compute attention gives what a triple loop gives, on activations made to go wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from exactformer.constructions.transformer.network import CompiledHead
from exactformer.constructions.transformer.program import HeadKind
from exactformer.verify.hardmax import attention
from exactformer.verify.hardmax.attention import (
    NO_GAP,
    Attention,
    attend,
    by_position,
    named_positions,
    score_gaps,
    settle_separation,
)
from exactformer.verify.hardmax.batch import Batch, position_codes
from exactformer.verify.hardmax.layer import attend_layer
from exactformer.verify.hardmax.prepared import PreparedHeads
from tests.hardmax.naive import Scene, naive_attention, naive_scores, random_scene, random_start


def directly(scene: Scene) -> Attention:
    scores = attention._split(scene.head, scene.x, scene.start)
    return attention._directly(scores, np.arange(scores.length))


def by_scanning(scene: Scene) -> Attention:
    scores = attention._split(scene.head, scene.x, scene.start)
    _, first, which = np.unique(attention._codes(scores.query), return_index=True, return_inverse=True)
    return attention._by_scanning(scores, first, which)


def by_index(scene: Scene) -> Attention:
    return attention._by_index(attention._split(scene.head, scene.x, scene.start))


def batch_of(scene: Scene) -> Batch:
    return Batch(scene.x, scene.start, tuple(map(int, np.unique(scene.start))))


def in_one_product(scene: Scene) -> Attention:
    """As one of several heads of a layer."""
    other = replace(scene.head, query=scene.head.key, key=scene.head.query)
    prepared = PreparedHeads.of((other, scene.head, other), position_bits=0)
    return attend_layer(prepared, scene.x, batch_of(scene), 0)[1][1]


def whichever(scene: Scene) -> Attention:
    return attend(scene.head, scene.x, 0, scene.start)


WAYS: dict[str, Callable[[Scene], Attention]] = {
    "directly": directly,
    "by scanning": by_scanning,
    "by index": by_index,
    "in one product": in_one_product,
    "whichever is chosen": whichever,
}


def disagreement(expected: Attention, found: Attention) -> str:
    """Empty when both say the same; a gap that is not exact must be a lower bound."""
    for part in ("maximisers", "value_sum", "value_size"):
        if (getattr(expected, part) != getattr(found, part)).any():
            return part
    exact = found.gap_exact
    if (expected.runner_up_gap[exact] != found.runner_up_gap[exact]).any():
        return "runner_up_gap"
    if (expected.runner_up_gap[~exact] < found.runner_up_gap[~exact]).any():
        return "bound of runner_up_gap"
    return ""


def scenes(seed: int, wide: bool) -> list[Scene]:
    rng = Random(seed)
    return [random_scene(rng, rng.choice((1, 2, 17, 30)), wide) for _ in range(12 if wide else 40)]


@pytest.fixture
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Index whatever the number of groups, and cut rows into many blocks."""
    monkeypatch.setattr(attention, "MOST_GROUP_PAIRS", 1 << 40)
    monkeypatch.setattr(attention, "DIRECT_UP_TO", 0)
    monkeypatch.setattr(attention, "BLOCK", 40)


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize("wide", [False, True], ids=["", "more than 32 coordinates"])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("way", WAYS)
def test_every_way_agrees_with_a_triple_loop(way: str, seed: int, wide: bool) -> None:
    for scene in scenes(seed, wide):
        expected = naive_attention(scene.head, scene.x, scene.start)
        assert disagreement(expected, WAYS[way](scene)) == "", scene


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("way", WAYS)
def test_every_way_agrees_under_its_own_limits(way: str, seed: int) -> None:
    rng = Random(100 + seed)
    for _ in range(2):
        scene = random_scene(rng, rng.choice((97, 120)))
        assert disagreement(naive_attention(scene.head, scene.x, scene.start), WAYS[way](scene)) == ""


def test_what_is_wrong_is_noticed() -> None:
    scene = random_scene(Random(3), 30)
    right = naive_attention(scene.head, scene.x, scene.start)
    for part in ("maximisers", "value_sum", "value_size", "runner_up_gap"):
        wrong = naive_attention(scene.head, scene.x, scene.start)
        getattr(wrong, part)[..., 7] += 1
        assert disagreement(right, wrong) == part
    high = naive_attention(scene.head, scene.x, scene.start)
    high.gap_exact[7] = False
    assert disagreement(right, high) == ""
    high.runner_up_gap[7] += 1
    assert disagreement(right, high) == "bound of runner_up_gap"


@pytest.mark.usefixtures("_small_limits")
def test_the_scenes_have_ties_disagreeing_values_bounds_and_lone_columns() -> None:
    met = dict.fromkeys(("ties", "disagree", "no competitor", "bound", "constant key", "zero column"), 0)
    for seed in range(6):
        for scene in scenes(seed, wide=False):
            seen = naive_attention(scene.head, scene.x, scene.start)
            met["ties"] += int((seen.maximisers > 1).sum())
            met["disagree"] += int((np.abs(seen.value_sum) < seen.value_size).sum())
            met["no competitor"] += int((seen.runner_up_gap == NO_GAP).sum())
            met["bound"] += int((~by_index(scene).gap_exact).sum())
            met["constant key"] += int((scene.x[list(scene.head.key)] == scene.x[list(scene.head.key)][:, :1]).all())
            met["zero column"] += int((~scene.x.any(axis=0)).sum())
    assert min(met.values()) > 0, met


def least(expected: Attention) -> tuple[int, int] | None:
    gap = int(expected.runner_up_gap.min())
    return None if gap == NO_GAP else (gap, int(np.argmin(expected.runner_up_gap)))


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize("rows_settled", [1, 3, 32])
@pytest.mark.parametrize("way", WAYS)
def test_the_separation_settled_is_exact_and_its_column_the_first(
    way: str, rows_settled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "ROWS_SETTLED", rows_settled)
    for seed in range(4):
        for scene in scenes(seed, wide=False):
            expected = naive_attention(scene.head, scene.x, scene.start)
            found = WAYS[way](scene)
            assert settle_separation(scene.head, scene.x, scene.start, found) == least(expected)


@pytest.mark.parametrize("seed", range(10))
def test_score_gaps_of_one_query(seed: int) -> None:
    rng = Random(seed)
    scene = random_scene(rng, 40, wide=seed % 2 == 0)
    for query in rng.sample(range(40), 10):
        first = int(scene.start[query])
        scores = naive_scores(scene.head, scene.x, query, first)
        gaps, values = score_gaps(scene.head, scene.x, scene.start, query)
        assert gaps.tolist() == [max(scores) - score for score in scores]
        assert (values == scene.x[list(scene.head.value), first : query + 1]).all()


def positions_scene(rng: Random, bits: int, length: int, query_of: Callable[[int], int]) -> Scene:
    """Registers ``pos`` and ``there``, which names query_of(p) at position p, and two rows of values."""
    start = random_start(rng, length)
    there = np.array([query_of(position) for position in np.arange(length) - start])
    named = np.where(there >> np.arange(bits)[:, None] & 1, 1, -1)
    values = [[rng.choice((-1, 0, 1)) for _ in range(length)] for _ in range(2)]
    x = np.concatenate([position_codes(bits, start), named, values]).astype(np.int8)
    head = CompiledHead(
        "look up", HeadKind.LOOKUP, tuple(range(bits, 2 * bits)), tuple(range(bits)), (2 * bits, 2 * bits + 1), (0, 1)
    )
    return Scene(head, x, start)


@pytest.mark.parametrize("length", [1, 2, 31, 64, 110])
@pytest.mark.parametrize(
    "query_of",
    [lambda p: p, lambda p: 0 * p, lambda p: max(p - 1, 0), lambda p: p * 7 % (p + 1), lambda p: p // 2],
    ids=["itself", "the first", "the one before", "any", "half"],
)
def test_positions_are_looked_up(length: int, query_of: Callable[[int], int]) -> None:
    rng = Random(length)
    for bits in (7, 8, 66):
        scene = positions_scene(rng, bits, length, query_of)
        expected = naive_attention(scene.head, scene.x, scene.start)
        named = named_positions(scene.x[list(scene.head.query)], scene.start)
        assert named is not None
        assert (named == scene.start + [query_of(p) for p in np.arange(length) - scene.start]).all()
        found = by_position(named, scene.start)(scene.x[list(scene.head.value)])
        assert disagreement(expected, found) == ""
        assert disagreement(expected, attend(scene.head, scene.x, bits, scene.start)) == ""
        layer = PreparedHeads.of((scene.head, scene.head), bits)
        for _, together in attend_layer(layer, scene.x, batch_of(scene), bits):
            assert disagreement(expected, together) == ""


def spoilt(scene: Scene, row: int, column: int, value: int) -> Scene:
    x = scene.x.copy()
    x[row, column] = value
    return replace(scene, x=x)


def renamed(scene: Scene, bits: int, column: int, position: int) -> Scene:
    """With the query at a column naming another position."""
    x = scene.x.copy()
    x[bits : 2 * bits, column] = [1 if position >> bit & 1 else -1 for bit in range(bits)]
    return replace(scene, x=x)


@pytest.mark.parametrize("bits", [6, 66])
def test_queries_that_name_no_visible_position_are_not_looked_up(bits: int) -> None:
    scene = positions_scene(Random(1), bits, 40, lambda p: p // 2)
    scene = replace(scene, start=np.zeros(40, np.int64), x=scene.x.copy())
    scene.x[:bits] = position_codes(bits, scene.start)
    scene.x[bits : 2 * bits] = np.where(np.arange(40) // 2 >> np.arange(bits)[:, None] & 1, 1, -1)
    assert named_positions(scene.x[list(scene.head.query)], scene.start) is not None
    for title, other in {
        "a bit of the query is zero": spoilt(scene, bits + 3, 20, 0),
        "the query names the next position": renamed(scene, bits, 20, 21),
        "the query names a position after the sequence": renamed(scene, bits, 20, 42),
        "the query names a position beyond the context": spoilt(scene, 2 * bits - 1, 39, 1),
    }.items():
        assert named_positions(other.x[list(other.head.query)], other.start) is None, title
        expected = naive_attention(other.head, other.x, other.start)
        assert disagreement(expected, attend(other.head, other.x, bits, other.start)) == "", title
        layer = PreparedHeads.of((other.head,), bits)
        ((_, found),) = attend_layer(layer, other.x, batch_of(other), bits)
        assert disagreement(expected, found) == "", title


@pytest.mark.parametrize("seed", range(5))
def test_heads_of_a_layer_come_in_order_whatever_they_share(seed: int) -> None:
    rng = Random(seed)
    scene = positions_scene(rng, 6, 50, lambda p: p // 3)
    rows = scene.x.shape[0]
    heads = []
    for number in range(7):
        width = rng.choice((3, 6))
        query, key = (tuple(rng.randrange(rows) for _ in range(width)) for _ in range(2))
        head = CompiledHead(f"head {number}", HeadKind.CONTENT, query, key, (rng.randrange(rows),), (0,))
        if number % 3 == 0:
            head = replace(scene.head, name=f"head {number}", value=(12 + number % 2,), out=(1,))
        heads.append(head)
    found = attend_layer(PreparedHeads.of(tuple(heads), 6), scene.x, batch_of(scene), 6)
    assert [head for head, _ in found] == heads
    for head, seen in found:
        assert disagreement(naive_attention(head, scene.x, scene.start), seen) == "", head.name


def test_long_layers_are_computed_head_by_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exactformer.verify.hardmax.layer.SCORES_AT_ONCE", 0)
    for scene in scenes(2, wide=False):
        expected = naive_attention(scene.head, scene.x, scene.start)
        assert disagreement(expected, in_one_product(scene)) == ""


def test_codes_are_equal_exactly_where_columns_are() -> None:
    rng = Random(5)
    for rows in (0, 1, 31, 32, 33, 64, 65, 100):
        columns = np.array([[rng.choice((-1, 0, 1)) for _ in range(60)] for _ in range(rows)], dtype=np.int8)
        columns = columns.reshape(rows, 60)
        columns[:, 30:] = columns[:, [rng.randrange(30) for _ in range(30)]]
        for column in range(30, 60, 2):
            if rows:
                columns[rng.randrange(rows), column] = rng.choice((-1, 0, 1))
        codes = attention._codes(columns)
        same = (columns[:, :, None] == columns[:, None, :]).all(axis=0)
        assert ((codes[:, None] == codes[None, :]) == same).all(), rows
