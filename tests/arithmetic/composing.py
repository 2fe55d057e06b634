"""Heads simulated step by step, from the table of certificates/ARITHMETIC.md 2: proved bounds are compared with them.

Whatever a model leaves open is drawn at random, or always low, or always high: the order of additions, neighbours, the
error of exp, which partial sum of a block a term goes to, whether products are rounded or fused with an addition.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from exactformer.verify.arithmetic.exponentials import exp_minus
from exactformer.verify.arithmetic.formats import (
    FloatFormat,
    Format,
    Rounding,
    is_representable,
    power_of_two,
    round_to,
)
from exactformer.verify.arithmetic.models import Fused, Rounded
from exactformer.verify.arithmetic.steps import Quotient

STYLES = ("random", "low", "high")


@dataclass(frozen=True)
class Position:
    """A visible position: how far its score lies below 0, and its value."""

    score: int
    value: Fraction | int


@dataclass
class Simulation:
    """One way in which a model may compute one query.  ``last`` is what was rounded to the activation format; both are
    None before it is run, or if something overflows."""

    model: Rounded | Fused
    beta: int
    rng: random.Random
    style: str
    exps: dict[int, Fraction] = field(default_factory=dict)
    last: Fraction | None = None
    result: Fraction | None = None

    def __post_init__(self) -> None:
        self.rounds_products = self.rng.random() < 0.5

    @property
    def acc(self) -> Format:
        assert self.model.accumulator is not None
        return self.model.accumulator

    def run(self, positions: Sequence[Position]) -> Fraction:
        """The result for these positions, in this order."""
        self.last = self._rounded(positions) if isinstance(self.model, Rounded) else self._fused(positions)
        return self.cut(self.model.activations, self.last)

    def cut(self, number_format: Format, x: Fraction) -> Fraction:
        return round_to(number_format, x, Rounding.TOWARD_ZERO if self.model.steps.truncate else Rounding.NEAREST_EVEN)

    def op(self, x: Fraction) -> Fraction:
        """The exact result x, rounded as the accumulator's format does."""
        if self.model.accumulator is None:
            return x
        if not self.model.steps.faithful:
            return round_to(self.acc, x)
        ends = sorted(round_to(self.acc, x, mode) for mode in (Rounding.TOWARD_ZERO, Rounding.AWAY_FROM_ZERO))
        return self.pick(ends)

    def pick(self, ascending: Sequence[Fraction]) -> Fraction:
        if self.style == "random":
            return self.rng.choice(ascending)
        return ascending[0] if self.style == "low" else ascending[-1]

    def exp(self, gap: int) -> Fraction:
        """exp(-beta gap) before it is rounded: as good as exact, or a value of the accumulator's format."""
        step = self.model.steps.exponential
        exact = exp_minus(self.beta * gap).high
        if step is None:
            return exact
        if gap == 0 and step.one:
            return exact
        if gap not in self.exps:
            self.exps[gap] = self._inexact(exact, step.ulps)
        return self.exps[gap]

    def _inexact(self, exact: Fraction, ulps: int) -> Fraction:
        assert isinstance(self.acc, FloatFormat)
        q = power_of_two(self.acc.quantum_exponent)
        if exact < q / 2:
            return Fraction(0)
        slack = ulps * max(q, exact * power_of_two(1 - self.acc.precision))
        low = round_to(self.acc, max(Fraction(0), exact - slack), Rounding.AWAY_FROM_ZERO)
        high = round_to(self.acc, exact + slack, Rounding.TOWARD_ZERO)
        some = round_to(self.acc, exact - slack + 2 * slack * Fraction(self.rng.randrange(1001), 1000))
        choices = [low, min(max(some, low), high), high]
        if exact < power_of_two(self.acc.emin):
            choices = [Fraction(0), *choices]
        return self.pick(choices)

    def exp_in_acc(self, gap: int) -> Fraction:
        return self.exp(gap) if self.model.accumulator is None else round_to(self.acc, self.exp(gap))

    def weigh(self, weights: Sequence[Fraction], positions: Sequence[Position]) -> list[Fraction]:
        """Terms of a weighted sum; the addition that a product is fused with rounds it, if nothing else does."""
        products = [w * p.value for w, p in zip(weights, positions, strict=True)]
        return [self.op(x) for x in products] if self.rounds_products else products

    def add_up(self, terms: Sequence[Fraction]) -> Fraction:
        """A sum in some order: a random tree, or one after the other in some order."""
        terms = list(terms) or [Fraction(0)]
        style = self.rng.randrange(5)
        if style < 2:
            terms.sort(key=abs, reverse=style == 1)
        else:
            self.rng.shuffle(terms)
        if style == 4 and self.model.accumulator and all(is_representable(self.acc, term) for term in terms):
            while len(terms) > 1:
                one, other = terms.pop(self.rng.randrange(len(terms))), terms.pop(self.rng.randrange(len(terms)))
                terms.append(self.op(one + other))
            return terms[0]
        # One after the other, each product fused with its addition if it was not rounded.
        total = Fraction(0)
        for term in terms:
            total = self.op(total + term)
        return total

    def _rounded(self, positions: Sequence[Position]) -> Fraction:
        top = max(p.score for p in positions)
        exps = [self.exp_in_acc(top - p.score) for p in positions]
        den = self.add_up(exps)
        # Equal operands need not give equal neighbours.
        quotients = [self.op(e / den) for e in exps]
        weights = [self.cut(self.model.weights, a) for a in quotients]
        return self.add_up(self.weigh(weights, positions))

    def _fused(self, positions: Sequence[Position]) -> Fraction:
        block = self.model.steps.block or len(positions)
        nums, dens, top = list[Fraction](), list[Fraction](), None
        for start in range(0, len(positions), block):
            here = positions[start : start + block]
            seen = max(p.score for p in here)
            if self.model.steps.block is None:
                seen = max(p.score for p in positions)
            if top is not None and seen > top:
                factor = self.exp_in_acc(seen - top)
                nums, dens = [self.op(x * factor) for x in nums], [self.op(x * factor) for x in dens]
            top = seen if top is None else max(top, seen)
            in_num = self.weigh([self.cut(self.model.weights, self.exp(top - p.score)) for p in here], here)
            in_den = [self._row(top - p.score) for p in here]
            nums, dens = self._into(nums, in_num, block), self._into(dens, in_den, block)
        return self._divide(self.add_up(nums), self.add_up(dens))

    def _row(self, gap: int) -> Fraction:
        return self.exp_in_acc(gap) if self.model.steps.wide else self.cut(self.model.weights, self.exp(gap))

    def _into(self, partial: list[Fraction], terms: list[Fraction], block: int) -> list[Fraction]:
        """A block's terms, each added to one of at most ``block`` partial sums; or to each other first."""
        style = self.rng.randrange(3)
        if style == 0:
            return [self.add_up([*partial, *terms])]
        if style == 1:
            return [self.add_up([*partial, self.add_up(terms)])]
        sums: list[list[Fraction]] = [[x] for x in partial] or [[]]
        while len(sums) < min(block, 3):
            sums.append([])
        for term in terms:
            self.rng.choice(sums).append(term)
        return [self.add_up(each) for each in sums if each]

    def _divide(self, num: Fraction, den: Fraction) -> Fraction:
        match self.model.steps.quotient:
            case Quotient.EXACT:
                return num / den
            case Quotient.DIVIDE:
                return self.op(num / den)
            case Quotient.RECIPROCAL:
                return self.op(num * self.op(1 / den))
