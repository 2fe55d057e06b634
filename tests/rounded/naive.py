"""The evaluation of verify/rounded/README.md word for word, one token, head and neuron at a time, in `Fraction`s. The
fast evaluation is compared with it. No grouping, no common power of two, no hardmax; exp by its own series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from exactformer.constructions.transformer.network import CompiledHead, Network
from exactformer.constructions.transformer.vocabulary import Token, Vocabulary
from exactformer.verify.arithmetic.formats import Format, round_to
from exactformer.verify.arithmetic.models import Fused
from exactformer.verify.rounded.attention import Setting
from exactformer.verify.rounded.order import Order

Columns = list[list[Fraction]]
"""[n][d]"""

TERMS = 120


@lru_cache(maxsize=1 << 14)
def exp_minus(x: Fraction) -> tuple[Fraction, Fraction]:
    """exp(-x) enclosed: 1 / exp(x), exp(x) = exp(x / 2^k)^(2^k), the series of exp(y) with 0 <= y <= 1 cut after TERMS
    terms, where the rest is below twice the next term; cut to multiples of 2^-600."""
    halvings = 0
    while x > 2**halvings:
        halvings += 1
    y, term, total = x / 2**halvings, Fraction(1), Fraction(0)
    for order in range(TERMS):
        total += term
        term *= y / (order + 1)
    low, high = _cut(total), _cut(total + 2 * term) + Fraction(1, 2**600)
    for _ in range(halvings):
        low, high = _cut(low * low), _cut(high * high) + Fraction(1, 2**600)
    return 1 / high, 1 / low


def _cut(x: Fraction) -> Fraction:
    return Fraction(x.numerator * 2**600 // x.denominator, 2**600)


def both_ends(number_format: Format, low: Fraction, high: Fraction) -> Fraction:
    """The number to which both ends round."""
    one, two = round_to(number_format, low), round_to(number_format, high)
    assert one == two, "the series of this test is too short"
    return one


def naive_head(setting: Setting, head: CompiledHead, columns: Columns, i: int) -> list[Fraction]:
    """What the head computes at position i."""
    model, beta = setting.model, setting.split.beta
    scores = [
        round_to(
            model.scores,
            beta * sum((columns[i][q] * columns[j][k] for q, k in zip(head.query, head.key, strict=True)), Fraction(0)),
        )
        for j in range(i + 1)
    ]
    exps = [exp_minus(max(scores) - score) for score in scores]
    results, denominator = [], Fraction(1)
    if isinstance(model, Fused):
        weights = [both_ends(model.weights, *one) for one in exps]
        if setting.order is Order.LEFT_TO_RIGHT:
            denominator = left_to_right(model, weights)
        else:
            denominator = halved(model, [weight for weight in weights if weight])
    elif len(set(scores)) == 1:
        weights = [round_to(model.weights, Fraction(1, i + 1))] * (i + 1)
    else:
        low, high = (sum(one[end] for one in exps) for end in (0, 1))
        weights = [both_ends(model.weights, e / high, f / low) for e, f in exps]
    for coordinate in head.value:
        terms = [weight * columns[j][coordinate] for j, weight in enumerate(weights)]
        added = left_to_right(model, terms) if isinstance(model, Fused) else sum(terms, Fraction(0))
        results.append(round_to(model.activations, added / denominator))
    return results


def left_to_right(model: Fused, terms: Sequence[Fraction]) -> Fraction:
    total = Fraction(0)
    for term in terms:
        total = round_to(model.accumulator, total + term)
    return total


def halved(model: Fused, terms: Sequence[Fraction]) -> Fraction:
    if len(terms) == 1:
        return terms[0]
    middle = (len(terms) + 1) // 2
    return round_to(model.accumulator, halved(model, terms[:middle]) + halved(model, terms[middle:]))


def naive_stages(network: Network, tokens: Sequence[Token], setting: Setting) -> list[Columns]:
    """The activations after every sublayer."""
    model, columns, behind = setting.model, [_embedding(network, *one) for one in enumerate(tokens)], list[Columns]()
    for layer in network.layers:
        after = [list(column) for column in columns]
        for i, column in enumerate(after):
            for head in layer.heads:
                for coordinate, result in zip(head.out, naive_head(setting, head, columns, i), strict=True):
                    column[coordinate] += result
        columns = [[round_to(model.activations, x) for x in column] for column in after]
        behind.append(columns)
        after = [list(column) for column in columns]
        for unit in layer.mlp.neurons():
            for column, read in zip(after, columns, strict=True):
                active = max(Fraction(0), unit.bias + sum(weight * read[c] for c, weight in unit.inputs))
                for c, weight in unit.outputs:
                    column[c] += weight * active
        columns = [[round_to(model.activations, x) for x in column] for column in after]
        behind.append(columns)
    return behind


def _embedding(network: Network, position: int, token: Token) -> list[Fraction]:
    column = [Fraction(0)] * network.width
    family = network.vocabulary.family(token)
    vectors = [family.embedding]
    vectors += [field.embedding[value] for field, value in zip(family.fields, token.values, strict=True)]
    for vector in vectors:
        for coordinate, value in vector:
            column[coordinate] += value
    for bit in range(network.position_bits):
        column[bit] = Fraction(1 if position >> bit & 1 else -1)
    return column


@dataclass(frozen=True)
class Logit:
    token: Token
    value: Fraction


def naive_ranking(vocabulary: Vocabulary, column: Sequence[Fraction]) -> list[Logit]:
    """Every token of the vocabulary, best first."""
    ranking = []

    def score(vector: Iterable[tuple[int, int]]) -> Fraction:
        return sum((w * column[c] for c, w in vector), Fraction(0))

    for family in vocabulary.families:
        logits: list[tuple[tuple[int, ...], Fraction]] = [((), score(family.unembedding))]
        for field in family.fields:
            scores = [*enumerate(map(score, field.unembedding))]
            logits = [((*values, value), logit + more) for values, logit in logits for value, more in scores]
        ranking += [Logit(Token(family.name, values), logit) for values, logit in logits]
    return sorted(ranking, key=lambda one: -one.value)
