"""Attention, MLP, argmax and the reading of gaps, against the definitions written as plain loops."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest

from exactformer.certificates.checker import replay, weights
from exactformer.certificates.checker.document import Json, Rejected
from exactformer.certificates.checker.machine import Token
from exactformer.certificates.checker.replay import Stream
from exactformer.certificates.checker.weights import Head, Network
from tests.checker.conftest import UNLIMITED


def stream_of(rng: random.Random, width: int, tokens: int, choices: tuple[int, ...] = (-1, 0, 1)) -> Stream:
    return np.array([[rng.choice(choices) for _ in range(tokens)] for _ in range(width)], np.int8)


def scores(head: Head, stream: Stream, token: int) -> list[int]:
    pairs = list(zip(head.query, head.key, strict=True))
    return [sum(int(stream[q, token]) * int(stream[k, j]) for q, k in pairs) for j in range(token + 1)]


@pytest.mark.parametrize("block", [2**19, 7])
def test_attention_is_the_definition(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "BLOCK", block)
    rng, shared, unshared, several = random.Random(1), 0, 0, 0
    for _ in range(300):
        width, tokens = rng.randint(2, 6), rng.randint(1, 25)
        stream = stream_of(rng, width, tokens, rng.choice([(-1, 0, 1), (0, 0, 0, 0, 1), (-1, 1)]))
        length = rng.randint(1, 7)
        query, key = ([rng.randrange(width) for _ in range(length)] for _ in range(2))
        value = rng.choice([query[:1], key[:2], [rng.randrange(width)]])
        head = Head("h", "content", query, key, value, value)
        expected, agree = list[tuple[int, int, int]](), True
        for token in range(tokens):
            score = scores(head, stream, token)
            best = [j for j in range(token + 1) if score[j] == max(score)]
            others = [max(score) - s for s in score if s < max(score)]
            if len({tuple(stream[head.value, j]) for j in best}) > 1:
                agree = False
                break
            expected.append((best[0], len(best), min(others, default=0)))
        if not agree:
            unshared += 1
            with pytest.raises(Rejected, match="the maximisers have different values"):
                replay.attend("x", head, stream, UNLIMITED)
            continue
        shared += 1
        found = replay.attend("x", head, stream, UNLIMITED)
        assert found.separation is not None
        several += int(found.maximisers.max()) > 1
        assert list(zip(found.chosen, found.maximisers, found.separation, strict=True)) == expected
    assert min(shared, unshared, several) > 40


def test_a_long_query_list_does_not_overflow() -> None:
    length = weights.LONGEST_QUERY
    stream = np.array([[1, 1, 1], [1, -1, 1]], np.int8)
    head = Head("h", "content", [0] * length, [1] * length, [1], [1])
    found = replay.attend("x", head, stream, UNLIMITED)
    assert found.separation is not None
    assert (found.chosen.tolist(), found.separation.tolist()) == ([0, 0, 0], [0, 2 * length, 2 * length])


def positioned(rng: random.Random, r: int, tokens: int) -> Stream:
    """Positions, below them r coordinates that name a visible position, below them a value."""
    pos = replay.positions(r, tokens)
    named = np.array([rng.randint(0, i) for i in range(tokens)])
    return np.concatenate([pos, pos[:, named], stream_of(rng, 1, tokens)]).astype(np.int8)


def test_lookup_is_attention() -> None:
    rng, r = random.Random(2), 4
    for tokens in (1, 2, 11, 16):
        stream = positioned(rng, r, tokens)
        head = Head("h", "lookup", [4, 5, 6, 7], [0, 1, 2, 3], [8], [8])
        assert replay.is_lookup(head, r)
        found, all_scores = replay.lookup("x", head, stream, r), replay.attend("x", head, stream, UNLIMITED)
        assert found.chosen.tolist() == all_scores.chosen.tolist()
        assert set(found.maximisers) == set(all_scores.maximisers) == {1}
        assert all_scores.separation is not None
        assert set(all_scores.separation) <= {0, 2, 4, 6, 8}


@pytest.mark.parametrize(
    ("coordinate", "value", "message"),
    [
        pytest.param(0, 1, "no longer hold", id="pos was changed"),
        pytest.param(5, 0, "not a vector of", id="a query is not a vector of +1 and -1"),
        pytest.param(7, 1, "does not see", id="a query names a later position"),
    ],
)
def test_lookups_that_are_none(coordinate: int, value: int, message: str) -> None:
    stream = positioned(random.Random(3), 4, 9)
    stream[coordinate, 4] = value
    with pytest.raises(Rejected, match=message):
        replay.lookup("x", Head("h", "lookup", [4, 5, 6, 7], [0, 1, 2, 3], [8], [8]), stream, 4)


def test_the_form_of_a_lookup() -> None:
    assert not replay.is_lookup(Head("h", "lookup", [4, 5], [1, 0], [8], [8]), 2)
    assert not replay.is_lookup(Head("h", "lookup", [4, 4], [0, 1], [8], [8]), 2)
    assert not replay.is_lookup(Head("h", "lookup", [4], [0], [8], [8]), 2)


def test_gaps_count_values_by_score() -> None:
    rng = random.Random(4)
    for _ in range(30):
        stream = stream_of(rng, 4, 12)
        head = Head("h", "content", [0, 0, 1], [2, 3, 3], [1, 2], [1, 2])
        token, row = rng.randrange(12), rng.randrange(2)
        score = scores(head, stream, token)
        expected: dict[int, list[int]] = {}
        for j, s in enumerate(score):
            expected.setdefault(max(score) - s, [0, 0, 0])[int(stream[head.value[row], j]) + 1] += 1
        assert replay.gaps(head, stream, token, row) == [(gap, tuple(expected[gap])) for gap in sorted(expected)]


def vectors(rng: random.Random, number: int, width: int, size: int) -> list[Json]:
    chosen = [rng.sample(range(width), rng.randint(0, width)) for _ in range(number)]
    return [[[c, rng.choice([-size, -1, 1, size])] for c in row] for row in chosen]


def network_of(rng: random.Random, width: int, mlp: dict[str, Json] | None = None, size: int = 2) -> Network:
    """A vocabulary with 3 x 2 x 1 + 1 + 4 tokens, and one layer."""
    families: list[Json] = []
    for name, shape in (("A", (3, 2, 1)), ("B", ()), ("C", (4,))):
        fields: list[Json] = [
            {
                "name": f"f{place}",
                "values": [f"v{value}" for value in range(count)],
                "embedding": [[]] * count,
                "unembedding": vectors(rng, count, width, size),
            }
            for place, count in enumerate(shape)
        ]
        base = vectors(rng, 1, width, size)[0]
        families.append({"name": name, "embedding": [], "unembedding": base, "fields": fields})
    none: list[Json] = []
    empty: dict[str, Json] = {
        "in_start": [0], "in_coordinate": none, "in_weight": none, "bias": none,
        "out_start": [0], "out_coordinate": none, "out_weight": none,
    }  # fmt: skip
    return weights.read_network(
        {
            "format": "exactformer weights",
            "version": 1,
            "position_bits": 2,
            "registers": [["pos", 2], ["x", width - 2]],
            "vocabulary": families,
            "layers": [{"heads": [], "mlp": mlp or empty}],
        }
    )


def unembedding(network: Network, token: Token) -> dict[int, int]:
    family = next(family for family in network.vocabulary if family.name == token[0])
    vector: dict[int, int] = {}
    rows = [field.values.index(value) for field, value in zip(family.fields, token[1], strict=True)]
    matrices = [family.unembedding, *(field.unembedding for field in family.fields)]
    for matrix, row in zip(matrices, [0, *rows], strict=True):
        for entry in range(matrix.start[row], matrix.start[row + 1]):
            vector[int(matrix.index[entry])] = vector.get(int(matrix.index[entry]), 0) + int(matrix.weight[entry])
    return vector


@pytest.mark.parametrize("size", [2, 2**31])
def test_the_margin_is_the_least_over_the_whole_vocabulary(size: int) -> None:
    rng, unique, tied = random.Random(5), 0, 0
    for _ in range(80):
        network = network_of(rng, 5, size=size)
        every: list[Token] = [
            (family.name, choice)
            for family in network.vocabulary
            for choice in product(*(field.values for field in family.fields))
        ]
        assert len(every) == 11
        stream, margins, tokens = stream_of(rng, 5, 2), [], [every[0]]
        for column in range(2):
            logits = [sum(int(stream[c, column]) * v for c, v in unembedding(network, t).items()) for t in every]
            first, second = sorted(logits, reverse=True)[:2]
            tokens.append(every[logits.index(first)])
            margins.append(first - second)
        stream = np.concatenate([stream, stream[:, :1]], axis=1)
        if min(margins) == 0:
            tied += 1
            with pytest.raises(Rejected):
                replay.least_margin("x", network, stream, tokens, 1)
            continue
        unique += 1
        assert replay.least_margin("x", network, stream, tokens, 1) == min(margins)
        for place in (1, 2):
            for other in every:
                if other != tokens[place]:
                    wrong = [*tokens[:place], other, *tokens[place + 1 :]]
                    with pytest.raises(Rejected):
                        replay.least_margin("x", network, stream, wrong, 1)
    assert min(unique, tied) > 10


@pytest.mark.parametrize(("block", "size"), [(2**19, 2), (7, 2), (2**19, 2**27)])
def test_an_mlp_is_the_definition(block: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "BLOCK", block)
    monkeypatch.setattr(replay, "require_ternary", lambda _at, stream, _first=0: stream)
    rng = random.Random(6)
    for _ in range(60):
        width, neurons, tokens = rng.randint(3, 6), rng.randint(0, 7), rng.randint(1, 9)
        sides: dict[str, list[int]] = {"bias": [rng.randint(-size, size) for _ in range(neurons)]}
        for side in ("in", "out"):
            lengths = [rng.choice([0, 1, 2, 5]) for _ in range(neurons)]
            sides[f"{side}_start"] = [sum(lengths[:n]) for n in range(neurons + 1)]
            sides[f"{side}_coordinate"] = [rng.randrange(width) for _ in range(sum(lengths))]
            sides[f"{side}_weight"] = [rng.choice([-size, -1, 1, size]) for _ in range(sum(lengths))]
        network = network_of(rng, width, {key: list[Json](value) for key, value in sides.items()})
        stream = stream_of(rng, width, tokens)
        expected = stream.astype(object)
        for token, n in product(range(tokens), range(neurons)):
            total = sides["bias"][n]
            for e in range(sides["in_start"][n], sides["in_start"][n + 1]):
                total += sides["in_weight"][e] * int(stream[sides["in_coordinate"][e], token])
            for f in range(sides["out_start"][n], sides["out_start"][n + 1]):
                expected[sides["out_coordinate"][f], token] += max(total, 0) * sides["out_weight"][f]
        assert replay.run_mlp("x", network.layers[0].mlp, stream, UNLIMITED).tolist() == expected.tolist()


def test_sums_that_might_overflow_are_refused() -> None:
    assert replay.narrowest("x", 2**31 - 1) == np.int32
    assert replay.narrowest("x", 2**31) == np.int64
    with pytest.raises(Rejected, match="limit"):
        replay.narrowest("x", 2**62)


def test_activations_that_are_not_ternary_are_named() -> None:
    stream = np.array([[0, 1, -1], [1, 1, 2]])
    with pytest.raises(Rejected, match="coordinate 1 of token 7 is 2"):
        replay.require_ternary("x", stream, 5)
    with pytest.raises(Rejected, match="coordinate 0 of token 0 is -2"):
        replay.require_ternary("x", np.array([[-2, 5]]))
