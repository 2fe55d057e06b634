"""NETWORKS section 3, computed: one of the many orders in which sums may be done, in exact fractions.

Written from the text, apart from the checker: own rounding, own exponentials (mpmath, at a precision at which it is
certain how they round).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any, Literal

import mpmath

from tests.checker.sequences.documents import Numbers, position_of

NAMED = {
    "fp32": (24, -126, 127),
    "bf16": (8, -126, 127),
    "fp16": (11, -14, 15),
    "e5m2": (3, -14, 15),
    "e4m3fn": (4, -6, 8),
}
PRECISION = 500
"""Bits of exponentials."""


class Overflows(Exception):
    """A number is beyond its format."""


@dataclass(frozen=True)
class Rounding:
    """A format: p is None in fixed point; numbers are multiples of 2^lowest up to ``largest``."""

    p: int | None
    lowest: int
    largest: Fraction

    def __call__(self, value: Fraction) -> Fraction:
        """To nearest, ties to even."""
        if self.has_bits(value):
            return value
        step = Fraction(2) ** self.lowest
        if self.p is not None:
            log = value.numerator.bit_length() - value.denominator.bit_length()  # not more than one too small
            step = Fraction(2) ** max(self.lowest, log - self.p)
            while abs(value) >= step * 2**self.p:
                step *= 2
        rounded = round(value / step) * step  # Python rounds a half to even
        if abs(rounded) > self.largest:
            raise Overflows
        return rounded

    def has_bits(self, value: Fraction) -> bool:
        """Whether it is a number of the format, seen at once: a small integer."""
        few = 2**self.p if self.p is not None else int(self.largest)
        return value.denominator == 1 and abs(value.numerator) <= min(few, self.largest)


def rounding(name: str) -> Rounding:
    if match := re.fullmatch(r"fixed(\d+)(?:\.(\d+))?", name):
        f, i = int(match[1]), int(match[2] or 8)
        return Rounding(None, -f, Fraction(2) ** i - Fraction(2) ** -f)
    match = re.fullmatch(r"float\((\d+),(-?\d+),(\d+)\)", name)
    p, emin, emax = NAMED[name] if match is None else (int(match[1]), int(match[2]), int(match[3]))
    largest = Fraction(448) if name == "e4m3fn" else (2 - Fraction(2) ** (1 - p)) * Fraction(2) ** emax
    return Rounding(p, emin - p + 1, largest)


Term = Fraction | tuple[Fraction, Fraction]
"""A number of the format, or a product of two."""


def summed(form: Rounding | None, terms: Sequence[Term], random: Random) -> Fraction:
    """sum_F in some order and grouping, with fused multiply-adds here and there; exactly, without a format."""
    terms = list(terms)
    if form is None:
        return sum((value(term) for term in terms), Fraction(0))
    random.shuffle(terms)
    return _fold(form, terms, random, random.choice(("chain", "tree", "any")), random.choice((0, 1, 2)))


def value(term: Term) -> Fraction:
    return term[0] * term[1] if isinstance(term, tuple) else term


def _fold(form: Rounding, terms: list[Term], random: Random, shape: str, fused: int) -> Fraction:
    if not terms:
        return Fraction(0)
    if len(terms) == 1:
        return form(value(terms[0]))
    cut = {"chain": 1, "tree": len(terms) // 2, "any": random.randrange(1, len(terms))}[shape]
    rest = _fold(form, terms[cut:], random, shape, fused)
    if cut == 1 and (fused == 2 or (fused == 1 and random.random() < 0.5)):
        return form(value(terms[0]) + rest)
    return form(_fold(form, terms[:cut], random, shape, fused) + rest)


def exponential(x: Fraction) -> Fraction:
    """exp(x) for x <= 0, to PRECISION bits; 0 where it is far below all formats here."""
    if x < -600:
        return Fraction(0)
    with mpmath.workprec(PRECISION):
        found = mpmath.exp(mpmath.mpf(x.numerator) / x.denominator)
    sign, mantissa, exponent, _ = found._mpf_
    return (-1 if sign else 1) * Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def certainly(form: Rounding | None, value: Fraction, known: bool) -> Fraction:
    """``value``, known to some bits less than PRECISION, rounded; it is not that near to where rounding changes."""
    if form is None or known:
        return value if form is None else form(value)
    off = abs(value) / 2 ** (PRECISION - 40)
    rounded = form(value - off)
    assert rounded == form(value + off)
    return rounded


@dataclass(frozen=True)
class Arithmetic:
    """Formats by role; None for `exact`."""

    kind: Literal["exact", "rounded", "fused"]
    W: Rounding | None
    ACC: Rounding | None
    A: Rounding | None
    S: Rounding | None
    L: Rounding | None
    beta: int


def arithmetic_of(text: str, beta: int) -> Arithmetic:
    if text == "exact":
        return Arithmetic("exact", None, None, None, None, None, beta)
    text, _, linear = text.partition("+linear")
    text, _, score = text.partition("@")
    kind, _, formats = text.partition(":")
    weight, *middle, activation = (rounding(name) for name in formats.split("/"))
    accumulator = middle[0] if middle else None
    S, L = rounding(score or "fp32"), rounding(linear or "fp32")
    return Arithmetic("fused" if kind == "fused" else "rounded", weight, accumulator, activation, S, L, beta)


@dataclass(frozen=True)
class Simulation:
    """One way to compute; `Overflows` where a number does."""

    arithmetic: Arithmetic
    document: Any
    random: Random

    def rounded(self, form: Rounding | None, value: Fraction) -> Fraction:
        return value if form is None else form(value)

    def linear(self, form: Any, x: Numbers) -> Fraction:
        """sum_L of a form's products and bias."""
        return summed(self.arithmetic.L, self.terms(form, x), self.random)

    def terms(self, form: Any, x: Numbers) -> list[Term]:
        return [*((Fraction(weight), x[index]) for index, weight in form[0]), Fraction(form[1])]

    def activation(self, value: Fraction) -> Fraction:
        return self.rounded(self.arithmetic.A, value)

    def states(self, tokens: Sequence[str]) -> list[list[Numbers]]:
        """x of all tokens, first and behind every sublayer."""
        embedding = {entry["token"]: entry["embedding"] for entry in self.document["vocabulary"]}
        xs = []
        for place, token in enumerate(tokens):
            terms: list[list[Term]] = [[] for _ in range(self.document["width"])]
            for index, weight in [*embedding[token], *position_of(self.document, place)]:
                terms[index].append(Fraction(weight))
            xs.append([self.activation(summed(self.arithmetic.L, entries, self.random)) for entries in terms])
        states = [xs]
        for layer in self.document["layers"]:
            added: list[list[list[Term]]] = [[[entry] for entry in x] for x in xs]
            for head in layer["heads"]:
                for i, o in enumerate(self.head(head, xs)):
                    for coordinate, form in head["out"]:
                        added[i][coordinate] += self.terms(form, o)
            xs = [[self.activation(summed(self.arithmetic.L, terms, self.random)) for terms in x] for x in added]
            states.append(xs)
            added = [[[entry] for entry in x] for x in xs]
            for x, terms_of in zip(xs, added, strict=True):
                neurons = [max(self.linear(form, x), Fraction(0)) for form in layer["mlp"]["neurons"]]
                for coordinate, form in layer["mlp"]["out"]:
                    terms_of[coordinate] += self.terms(form, neurons)
            xs = [[self.activation(summed(self.arithmetic.L, terms, self.random)) for terms in x] for x in added]
            states.append(xs)
        return states

    def head(self, head: Any, xs: list[Numbers]) -> list[Numbers]:
        """o of every token."""
        queries, keys, values = (
            [[self.activation(self.linear(form, x)) for form in head[name]] for x in xs]
            for name in ("query", "key", "value")
        )
        outputs = []
        for i, query in enumerate(queries):
            seen = i + 1 if self.document["attention"] == "causal" else len(xs)
            scores = []
            for key in keys[:seen]:
                score = summed(self.arithmetic.S, list(zip(query, key, strict=True)), self.random)
                scores.append(self.rounded(self.arithmetic.S, self.arithmetic.beta * score))
            outputs.append([self.output(scores, [v[r] for v in values[:seen]]) for r in range(len(head["value"]))])
        return outputs

    def output(self, scores: Numbers, values: Numbers) -> Fraction:
        how, top = self.arithmetic, max(scores)
        below = [top - score for score in scores]
        if how.ACC is not None and how.ACC.p is not None:
            below = [how.ACC(x) for x in below]
        powers = [exponential(-x) for x in below]
        if how.kind == "fused":
            p = [certainly(how.W, power, power == 1) for power in powers]
            num = summed(how.ACC, list(zip(p, values, strict=True)), self.random)
            return self.activation(num / summed(how.ACC, list(p), self.random))
        weights = [certainly(how.W, power / sum(powers), set(powers) == {1}) for power in powers]
        found = sum((w * v for w, v in zip(weights, values, strict=True)), Fraction(0))
        return self.activation(found) if how.A else Fraction(round(found * 2**PRECISION), 2**PRECISION)
