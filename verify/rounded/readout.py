"""The next token of the softmax network, from activations of any size: every logit exact.

The logit of a token is the fixed part of its family plus one term per field (`constructions.transformer.vocabulary`),
so the two best tokens of a family differ in one field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.constructions.transformer.vocabulary import Family, Token, Vector, Vocabulary


@dataclass(frozen=True)
class NextToken:
    """The best token, the best other one (None in a vocabulary of one), and by how much the first beats the second.

    With margin 0 several tokens are best; this is the first of them.
    """

    token: Token
    runner_up: Token | None
    margin: Fraction


def next_token(vocabulary: Vocabulary, numerators: Sequence[int], places: int) -> NextToken:
    """The token of the largest logit <unembedding, x>, x = numerators / 2^places."""
    candidates = [one for family in vocabulary.families for one in _two_best(family, numerators)]
    ranked = sorted(candidates, key=lambda one: -one[1])  # stable: the first of equals stays first
    token, best = ranked[0]
    if len(ranked) == 1:
        return NextToken(token, None, Fraction(0))
    return NextToken(token, ranked[1][0], Fraction(best - ranked[1][1], 1 << places))


def logit(vocabulary: Vocabulary, token: Token, numerators: Sequence[int], places: int) -> Fraction:
    """<unembedding of the token, x>."""
    family = vocabulary.family(token)
    parts = (field.unembedding[value] for field, value in zip(family.fields, token.values, strict=True))
    return Fraction(sum(_inner(part, numerators) for part in (family.unembedding, *parts)), 1 << places)


def _two_best(family: Family, numerators: Sequence[int]) -> list[tuple[Token, int]]:
    """The best token of a family with its logit, and a second best one if there is one."""
    total = _inner(family.unembedding, numerators)
    chosen: list[int] = []
    changes: list[tuple[int, int, int]] = []  # what it costs to change a field to its second best value
    for number, field in enumerate(family.fields):
        logits = [_inner(vector, numerators) for vector in field.unembedding]
        ranked = sorted(range(len(logits)), key=lambda value: -logits[value])
        chosen.append(ranked[0])
        changes += [(logits[ranked[0]] - logits[value], number, value) for value in ranked[1:2]]
        total += logits[ranked[0]]
    best = (Token(family.name, tuple(chosen)), total)
    if not changes:
        return [best]
    loss, number, value = min(changes)
    changed = tuple(value if place == number else one for place, one in enumerate(chosen))
    return [best, (Token(family.name, changed), total - loss)]


def _inner(vector: Vector, numerators: Sequence[int]) -> int:
    return sum(value * numerators[coordinate] for coordinate, value in vector)
