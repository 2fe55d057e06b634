"""What drifts leave of a margin: on small random vocabularies, no token within the drift beats the right one."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from random import Random

from exactformer.constructions.transformer.vocabulary import Family, Field, Vector, Vocabulary
from exactformer.verify.drift.next_token import lost_margin

WIDTH = 4


def random_vector(random: Random) -> Vector:
    return tuple((c, random.choice((-1, 1))) for c in range(WIDTH) if random.random() < 0.6)


def random_family(name: str, random: Random) -> Family:
    fields = []
    for number in range(random.randint(0, 2)):
        values = tuple(f"v{i}" for i in range(random.randint(2, 3)))
        vectors = tuple(random_vector(random) for _ in values)
        fields.append(Field(f"f{number}", values, vectors, vectors))
    return Family(name, (), random_vector(random), tuple(fields))


def unembeddings(vocabulary: Vocabulary) -> Iterator[list[int]]:
    for family in vocabulary.families:
        for chosen in product(*(field.unembedding for field in family.fields)):
            total = [0] * WIDTH
            for vector in (family.unembedding, *chosen):
                for c, weight in vector:
                    total[c] += weight
            yield total


def test_the_right_token_stays_best_within_the_drift() -> None:
    random, checked = Random(0), 0
    while checked < 300:
        vocabulary = Vocabulary(tuple(random_family(f"F{i}", random) for i in range(random.randint(1, 3))))
        tokens = list(unembeddings(vocabulary))
        x = [Fraction(random.choice((-1, 0, 1))) for _ in range(WIDTH)]
        order = sorted(range(len(tokens)), key=lambda n: logit(tokens[n], x))
        drifts = {c: Fraction(random.randint(0, 16), 64) for c in range(WIDTH)}
        lost = lost_margin(vocabulary, drifts)
        if len(tokens) < 2 or (margin := logit(tokens[order[-1]], x) - logit(tokens[order[-2]], x)) <= lost:
            continue
        checked += 1
        for signs in product((-1, 1), repeat=WIDTH):
            moved = [v + sign * drifts[c] for c, (v, sign) in enumerate(zip(x, signs, strict=True))]
            best, *others = (logit(tokens[n], moved) for n in reversed(order))
            assert best - max(others) >= margin - lost


def logit(token: list[int], x: list[Fraction]) -> Fraction:
    return sum((u * v for u, v in zip(token, x, strict=True)), Fraction(0))
