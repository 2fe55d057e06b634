"""NETWORKS 3, computed number by number in Fractions: for every sum an order is drawn at random, and where a product
and an addition may be one operation, that is drawn, too.  Written from the document, not from the prover.

exp is taken as a rational whose distance from it no rounding here can notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from random import Random

from exactformer.constructions.transformer.exact import Transformer
from exactformer.constructions.transformer.exact_parts import Form
from exactformer.verify.arithmetic.formats import FloatFormat, Format, round_to
from exactformer.verify.arithmetic.models import ArithmeticModel, Exact, Fused

Column = list[Fraction]
Factor = tuple[Fraction, Fraction] | Fraction
"""A term: a product, or a number."""


@lru_cache(maxsize=1 << 14)
def exp(x: Fraction) -> Fraction:
    """Within 2^-200 relatively, for x <= 0: a Taylor series of x/2^k, squared k times."""
    size = abs(x.numerator) // x.denominator
    halvings = size.bit_length() + 8
    step, one = x / (1 << halvings), 1 << (300 + 2 * size)
    term = total = Fraction(1)
    for number in range(1, 60):
        term = Fraction(int(term * step * one) // number, one)
        total += term
    for _ in range(halvings):
        total = Fraction(int(total * total * one), one)
    return total


@dataclass
class Simulation:
    """One way to compute."""

    net: Transformer
    model: ArithmeticModel
    beta: int
    rng: Random

    def rounded(self, number_format: Format | None, number: Fraction) -> Fraction:
        return number if number_format is None else round_to(number_format, number)

    def sum(self, number_format: Format | None, terms: Sequence[Factor]) -> Fraction:
        """In any order and grouping: two partial results are added, or a product is added to one without rounding."""
        left: list[Factor] = list(terms)
        while len(left) > 1:
            first, second = (left.pop(self.rng.randrange(len(left))) for _ in range(2))
            if not isinstance(second, tuple):
                first, second = second, first
            fused = isinstance(second, tuple) and self.rng.random() < 0.5
            added = second[0] * second[1] if fused and isinstance(second, tuple) else self.done(number_format, second)
            left.append(self.rounded(number_format, self.done(number_format, first) + added))
        return self.done(number_format, left[0]) if left else Fraction(0)

    def done(self, number_format: Format | None, term: Factor) -> Fraction:
        return self.rounded(number_format, term[0] * term[1]) if isinstance(term, tuple) else term

    @property
    def activations(self) -> Format | None:
        return None if isinstance(self.model, Exact) else self.model.activations

    def terms(self, form: Form, x: Column) -> list[Factor]:
        return [*((weight, x[index]) for index, weight in form.vector), form.bias]

    def form(self, form: Form, x: Column) -> Fraction:
        return self.sum(self.model.linear, self.terms(form, x))

    def run(self, tokens: Sequence[str]) -> tuple[list[list[Column]], list[Column]]:
        """x after every sublayer, token by token; and the logits of every token."""
        embedded = []
        for place, token in enumerate(tokens):
            entry = dict(self.net.vocabulary[self.net.index[token]].embedding)
            position = {} if self.net.positions is None else dict(self.net.positions.vector(place))
            zero = Fraction(0)
            pairs = [(entry.get(c, zero), position.get(c, zero)) for c in range(self.net.width)]
            sums = [self.sum(self.model.linear, list(pair)) for pair in pairs]
            embedded.append([self.rounded(self.activations, one) for one in sums])
        x, done = embedded, []
        for layer in self.net.layers:
            received = [self.head(head, x) for head in layer.heads]
            after = []
            for i, column in enumerate(x):
                added: list[list[Factor]] = [[number] for number in column]
                for head, of_head in zip(layer.heads, received, strict=True):
                    for coordinate, form in head.out:
                        added[coordinate] += self.terms(form, of_head[i])
                after.append([self.rounded(self.activations, self.sum(self.model.linear, one)) for one in added])
            done.append(after)
            x = []
            for column in after:
                neurons = [max(Fraction(0), self.form(form, column)) for form in layer.neurons]
                added = [[number] for number in column]
                for coordinate, form in layer.out:
                    added[coordinate] += self.terms(form, neurons)
                x.append([self.rounded(self.activations, self.sum(self.model.linear, one)) for one in added])
            done.append(x)
        return done, [[self.form(token.unembedding, column) for token in self.net.vocabulary] for column in x]

    def head(self, head: object, x: list[Column]) -> list[Column]:
        query, key, value = (
            [[self.rounded(self.activations, self.form(form, column)) for form in forms] for column in x]
            for forms in (head.query, head.key, head.value)  # type: ignore[attr-defined]
        )
        scores_in = None if isinstance(self.model, Exact) else self.model.scores
        found = []
        for i, asking in enumerate(query):
            seen = range(i + 1) if self.net.causal else range(len(x))
            scores = [self.beta * self.sum(scores_in, list(zip(asking, key[j], strict=True))) for j in seen]
            exps = [exp(-self.held(max(scores) - score)) for score in scores]
            found.append([self.mean(exps, [value[j][row] for j in seen]) for row in range(len(value[i]))])
        return found

    def held(self, x: Fraction) -> Fraction:
        """How far a score is below the largest: with three formats, a floating accumulator rounds it."""
        accumulator = self.model.accumulator if isinstance(self.model, Fused) else None
        return self.rounded(accumulator if isinstance(accumulator, FloatFormat) else None, x)

    def mean(self, exps: Column, values: Column) -> Fraction:
        if isinstance(self.model, Exact):
            return sum((e * v for e, v in zip(exps, values, strict=True)), Fraction(0)) / sum(exps)
        weights_in, activations = self.model.weights, self.model.activations
        if isinstance(self.model, Fused):
            p = [round_to(weights_in, one) for one in exps]
            num = self.sum(self.model.accumulator, list(zip(p, values, strict=True)))
            return round_to(activations, num / self.sum(self.model.accumulator, p))
        shares = [round_to(weights_in, one / sum(exps)) for one in exps]
        return round_to(activations, sum((a * v for a, v in zip(shares, values, strict=True)), Fraction(0)))
