"""A softmax head, computed by ARITHMETIC 2 in exact fractions, with a choice wherever the text leaves one.

Written from the text, apart from the checker's bounds: own exponentials; only rounding is the checker's, which
`tests/checker/test_formats.py` compares with hardware.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import product
from random import Random
from typing import NamedTuple, TypeAlias

from exactformer.certificates.checker.formats import Format
from exactformer.certificates.checker.softmax.model import Model
from tests.checker.sequences import simulation

Interval: TypeAlias = tuple[Fraction, Fraction]
"""The least and the largest that a number may become, as choices are monotone; or the same number twice."""

ZERO = (Fraction(0), Fraction(0))


class Position(NamedTuple):
    """How far its score is below the largest of all, and its value."""

    x: Fraction
    v: Fraction


def positions(text: str) -> list[Position]:
    """``x:v`` of each."""
    return [Position(*map(Fraction, one.split(":"))) for one in text.split()]


@cache
def exponential(x: Fraction) -> Fraction:
    """exp(-x), so precisely that rounding does not tell the difference."""
    return simulation.exponential(-x) if x else Fraction(1)


@cache
def wrong_exponentials(model: Model, x: Fraction) -> list[Fraction]:
    """What +expU lets exp(-x) come out as: the least, the largest, and those next to exp(-x)."""
    steps, acc, exact = model.steps, model.accumulator, exponential(x)
    if not steps.exp_error or acc is None or (x == 0 and steps.exp_of_0_is_1):
        return [exact]
    if exact < acc.unit / 2:
        return [Fraction(0)]
    error = steps.exp_error * max(acc.unit, 2 * acc.roundoff * exact)
    found = {Fraction(0)} if exact < acc.least_normal else set[Fraction]()
    for near in (max(Fraction(0), exact - error), exact, exact + error):
        found |= {value for value in (acc.of(near, "down"), acc.of(near, "up")) if abs(value - exact) <= error}
    return sorted(found)


@dataclass
class Kernel:
    """One way to compute; with ``ends``, the ends of all that either neighbour may give, for one order of additions."""

    model: Model
    rng: Random
    ends: bool = False
    known: dict[Fraction, Fraction] = field(default_factory=dict)

    @property
    def acc(self) -> Format:
        assert self.model.accumulator is not None
        return self.model.accumulator

    def exp(self, x: Fraction) -> Fraction:
        """exp is a function; its values are drawn once."""
        if x not in self.known:
            self.known[x] = self.rng.choice(wrong_exponentials(self.model, x))
        return self.known[x]

    def op(self, x: Interval) -> Interval:
        """An addition, a product or a quotient in the accumulator."""
        acc, (low, high) = self.acc, x
        if not self.model.steps.faithful:
            rounded = acc.of(low)
            return rounded, rounded if high == low else acc.of(high)
        if self.ends:
            return acc.of(low, "down" if low >= 0 else "up"), acc.of(high, "up" if high >= 0 else "down")
        return (acc.of(low, self.rng.choice(("down", "up"))),) * 2

    def add(self, x: Interval, y: Interval) -> Interval:
        return self.op(plus(x, y))

    def folded(self, terms: Sequence[tuple[Interval, Fraction]]) -> Interval:
        """A sum of products, in any order; fused with an addition, or not."""
        terms = list(terms)
        self.rng.shuffle(terms)
        if not terms:
            return ZERO
        if len(terms) == 1:
            return self.op(times(*terms[0]))
        cut = self.rng.choice((1, 1, len(terms) // 2, self.rng.randrange(1, len(terms))))
        rest = self.folded(terms[cut:])
        if cut == 1 and self.rng.random() < 0.5:
            return self.op(plus(times(*terms[0]), rest))
        return self.add(self.folded(terms[:cut]), rest)

    def weight(self, x: Fraction, den: bool) -> Fraction:
        """What a position adds to num, per value, or to den."""
        e = self.exp(x)
        if self.model.kind != "fused" or (den and self.model.steps.wide):
            return self.acc.of(e)
        return self.model.weight.of(e, self.model.cut)

    def total(self, seen: Sequence[Position], den: bool) -> Interval:
        """num, or den."""
        block = self.model.steps.block
        if block is None:
            return self.folded([(point(self.weight(one.x, den)), Fraction(1) if den else one.v) for one in seen])
        partial, top = list[Interval](), None
        for start in range(0, len(seen), block):
            here = seen[start : start + block]
            nearest = min(one.x for one in here)
            if top is not None and nearest < top:
                factor = self.acc.of(self.exp(top - nearest))
                partial = [self.op(times(each, factor)) for each in partial]
            top = nearest if top is None else min(top, nearest)
            terms = [(point(self.weight(one.x - top, den)), Fraction(1) if den else one.v) for one in here]
            if self.rng.random() < 0.5:
                terms = [(self.folded(terms), Fraction(1))]
            for weight, value in terms:
                place, made = self.rng.randrange(block), times(weight, value)
                if place < len(partial):
                    partial[place] = self.add(partial[place], made)
                else:
                    partial.append(self.op(made))
        return self.folded([(each, Fraction(1)) for each in partial])

    def ends_of_sum(self, seen: Sequence[Position], den: bool, partial: int) -> Interval:
        """num or den, over all orders; in blocks, with so many partial sums that take turns."""
        top, sums = min(one.x for one in seen), [ZERO] * partial
        block = self.model.steps.block
        for start in range(0, len(seen), block or len(seen)):
            here = seen[start : start + (block or len(seen))]
            nearest = min(one.x for one in here) if block else top
            if start == 0:
                top = nearest
            if nearest < top:
                sums = [self.op(times(each, self.acc.of(self.exp(top - nearest)))) for each in sums]
                top = nearest
            terms = [(point(self.weight(one.x - top, den)), Fraction(1) if den else one.v) for one in here]
            sums = [
                every_order(self.model, [(each, Fraction(1)), *terms[place::partial]])
                for place, each in enumerate(sums)
            ]
        return every_order(self.model, [(each, Fraction(1)) for each in sums])

    def output(self, seen: Sequence[Position]) -> Interval:
        """Before it is rounded to A."""
        model = self.model
        if model.kind == "exact" or model.accumulator is None:
            real = [exponential(one.x) for one in seen]
            weights = [e / sum(real) for e in real]
            if model.kind != "exact":
                weights = [model.weight.of(a) for a in weights]
            return point(sum((w * one.v for w, one in zip(weights, seen, strict=True)), Fraction(0)))
        den = self.total(seen, den=True)
        if model.kind == "rounded":
            return self.folded([(self.quotient(one.x, den[0]), one.v) for one in seen])
        return self.divided(self.total(seen, den=False), den)

    def quotient(self, x: Fraction, den: Fraction) -> Interval:
        """A weight that is a quotient."""
        low, high = self.op(point(self.weight(x, den=True) / den))
        return self.model.weight.of(low, self.model.cut), self.model.weight.of(high, self.model.cut)

    def divided(self, num: Interval, den: Interval) -> Interval:
        """num / den, as it is computed."""
        if self.model.steps.reciprocal:
            inverse = self.op((1 / den[1], 1 / den[0]))
            return self.op((min(num[0] * end for end in inverse), max(num[1] * end for end in inverse)))
        y = min(num[0] / end for end in den), max(num[1] / end for end in den)
        return self.op(y) if self.model.steps.divide else y


def point(x: Fraction) -> Interval:
    return x, x


def times(x: Interval, factor: Fraction) -> Interval:
    return (x[0] * factor, x[1] * factor) if factor >= 0 else (x[1] * factor, x[0] * factor)


# ------------------------------------------------------------------------------------------ all orders of additions


def every_order(model: Model, terms: Sequence[tuple[Interval, Fraction]]) -> Interval:
    """The least and the largest that a sum of products may come to, in any order, fused or not.

    Rounding is monotone: so an end of a sum is made of ends of its parts.
    """
    kinds, kernel = sorted(set(terms)), Kernel(model, Random(0), ends=True)
    known: dict[tuple[int, ...], Interval] = {}

    def sums(counts: tuple[int, ...]) -> Interval:
        if counts in known:
            return known[counts]
        number, found = sum(counts), list[Interval]()
        if number == 1:
            found.append(kernel.op(times(*kinds[counts.index(1)])))
        for part in product(*(range(count + 1) for count in counts)):
            if 1 <= sum(part) <= number // 2:
                rest = sums(tuple(a - b for a, b in zip(counts, part, strict=True)))
                found.append(kernel.add(sums(part), rest))
                if sum(part) == 1:
                    found.append(kernel.op(plus(times(*kinds[part.index(1)]), rest)))
        known[counts] = min(low for low, _ in found), max(high for _, high in found)
        return known[counts]

    return sums(tuple(terms.count(kind) for kind in kinds))


def computed(model: Model, seen: Sequence[Position]) -> Interval:
    """The least and the largest output before it is rounded to A, whatever exponentials and roundings are.

    In any order; with +online, blocks come as the positions are listed, with one partial sum or several. Exponentials
    are tried at their ends, together; and den, where weights are quotients, at its ends.
    """
    if model.accumulator is None:
        return Kernel(model, Random(0)).output(seen)
    found, blocks = list[Interval](), model.steps.block is not None
    apart = {one.x - other.x for one in seen for other in seen if one.x >= other.x} if blocks else {s.x for s in seen}
    for known in drawn(model, sorted(apart)):
        kernel = Kernel(model, Random(0), ends=True, known=known)
        for partial in range(1, 1 + min(model.steps.block or 1, 2)):
            den = kernel.ends_of_sum(seen, True, partial)
            if model.kind == "fused":
                found.append(kernel.divided(kernel.ends_of_sum(seen, False, partial), den))
            for total in ends_of(den) if model.kind == "rounded" else ():
                found.append(every_order(model, [(kernel.quotient(one.x, total), one.v) for one in seen]))
    return min(low for low, _ in found), max(high for _, high in found)


def computed_sum(model: Model, seen: Sequence[Position], den: bool) -> Interval:
    """The same of num, or of den."""
    apart = sorted({one.x - other.x for one in seen for other in seen if one.x >= other.x})
    found = [
        Kernel(model, Random(0), ends=True, known=known).ends_of_sum(seen, den, partial)
        for known in drawn(model, apart)
        for partial in range(1, 1 + min(model.steps.block or 1, 2))
    ]
    return min(low for low, _ in found), max(high for _, high in found)


def drawn(model: Model, apart: Sequence[Fraction]) -> Iterator[dict[Fraction, Fraction]]:
    """All choices of ends for these exponentials; if they are many, all least and all largest ones."""
    ends = [sorted(ends_of(wrong_exponentials(model, x))) for x in apart]
    if sum(len(each) > 1 for each in ends) <= 2:
        yield from (dict(zip(apart, chosen, strict=True)) for chosen in product(*ends))
    else:
        yield from (dict(zip(apart, (each[place] for each in ends), strict=True)) for place in (0, -1))


def ends_of(numbers: Sequence[Fraction]) -> set[Fraction]:
    return {min(numbers), max(numbers)}


def plus(x: Interval, y: Interval) -> Interval:
    return x[0] + y[0], x[1] + y[1]
