"""The next token, against the logits of all tokens written out."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import pytest

from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.registers import Span
from exactformer.constructions.transformer.vocabulary import Family, Field, Token, Vector, Vocabulary
from exactformer.verify.hardmax.attention import Activations
from exactformer.verify.hardmax.batch import embed
from exactformer.verify.hardmax.forward import final_activations
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.hardmax.readout import read_out
from tests.hardmax.naive import network_and_run

WIDTH = 8


def all_logits(network: Network, column: list[int]) -> dict[Token, int]:
    """The logit of every token of the vocabulary."""

    def logit(vector: Vector) -> int:
        return sum(weight * column[coordinate] for coordinate, weight in vector)

    return {
        Token(family.name, values): logit(family.unembedding)
        + sum(logit(field.unembedding[value]) for field, value in zip(family.fields, values, strict=True))
        for family in network.vocabulary.families
        for values in product(*(range(len(field.values)) for field in family.fields))
    }


def check(network: Network, x: Activations) -> list[int]:
    """Compare at every position; returns the margins."""
    readout = read_out(network, x)
    margins = []
    for position, column in enumerate(x.T.tolist()):
        logits = all_logits(network, column)
        first, second, *_ = sorted(logits.values(), reverse=True)
        assert readout.margin[position] == first - second
        assert logits[readout.token(position)] == first
        margins.append(first - second)
    return margins


def random_network(rng: Random) -> Network:
    def vector() -> Vector:
        coordinates = rng.sample(range(WIDTH), rng.randint(0, 4))
        return tuple((c, rng.choice((-2, -1, 1, 1, 1, 3))) for c in coordinates)

    def field(number: int) -> Field:
        count = rng.randint(1, 4)
        return Field(
            f"field {number}", tuple(map(str, range(count))), ((),) * count, tuple(vector() for _ in range(count))
        )

    families = tuple(
        Family(f"F{number}", (), vector(), tuple(field(other) for other in range(rng.choice((0, 0, 1, 2, 3)))))
        for number in range(rng.randint(2, 5))
    )
    return Network((Span("pos", 0, WIDTH),), WIDTH, (), Vocabulary(families))


@pytest.mark.parametrize("seed", range(40))
def test_agrees_with_the_logits_of_all_tokens(seed: int) -> None:
    rng = Random(seed)
    network = random_network(rng)
    x = np.array([[rng.choice((-1, 0, 1)) for _ in range(25)] for _ in range(WIDTH)], dtype=np.int8)
    x[:, 0] = 0
    check(network, x)


def test_the_random_vocabularies_have_ties_and_clear_winners() -> None:
    margins = []
    for seed in range(40):
        rng = Random(seed)
        network = random_network(rng)
        x = np.array([[rng.choice((-1, 0, 1)) for _ in range(25)] for _ in range(WIDTH)], dtype=np.int8)
        margins += check(network, x)
    assert margins.count(0) > 100
    assert len([margin for margin in margins if margin > 1]) > 100


def two_families(first: tuple[int, ...], second: tuple[int, ...]) -> Network:
    """Two families with one field each, whose values have these logits at a column of ones."""

    def family(name: str, logits: tuple[int, ...]) -> Family:
        vectors = tuple(((0, logit),) if logit else () for logit in logits)
        return Family(name, (), (), (Field("f", tuple(map(str, range(len(logits)))), ((),) * len(logits), vectors),))

    return Network((Span("pos", 0, 1),), 1, (), Vocabulary((family("A", first), family("B", second))))


TIES: dict[str, tuple[tuple[int, ...], tuple[int, ...], int, Token | None]] = {
    "a clear winner": ((1, 5), (3, 2), 2, Token("A", (1,))),
    "the second best in its own family": ((4, 5), (3, 2), 1, Token("A", (1,))),
    "a tie between families": ((1, 5), (5, 2), 0, None),
    "a tie in a family": ((5, 5), (3, 2), 0, None),
    "a tie below the best": ((3, 3), (5, 2), 2, Token("B", (0,))),
    "a tie in a family of one value": ((5,), (5,), 0, None),
    "all negative": ((-4, -2), (-3, -5), 1, Token("A", (1,))),
}


@pytest.mark.parametrize("title", TIES)
def test_ties_have_margin_zero(title: str) -> None:
    first, second, margin, token = TIES[title]
    network, x = two_families(first, second), np.ones((1, 1), np.int8)
    readout = read_out(network, x)
    assert readout.margin.tolist() == [margin]
    if token is not None:
        assert readout.token(0) == token
    check(network, x)


@pytest.mark.parametrize(("name", "word"), [("increment", "1011"), ("rewrite", "111"), ("copy", "01")])
def test_agrees_on_a_constructed_network(name: str, word: str) -> None:
    network, sequence = network_and_run(name, word, 6)
    prepared = PreparedNetwork(network)
    x = final_activations(prepared, embed(prepared, [sequence]))
    margins = check(network, x)
    assert min(margins[sequence.prompt - 1 : -1]) >= 1
