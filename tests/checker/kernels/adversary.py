"""All that KERNELS 2 permits, apart from the checker: sums in any order and grouping, products fused or not,
exponentials off by up to U, subnormal numbers kept or made 0. Choices are random, or such that the output goes one
way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

from tests.checker.kernels.simulation import (
    Extended,
    Input,
    Kernel,
    added,
    divided,
    mean,
    multiplied,
    number,
    power,
    to,
    top,
)
from tests.checker.sequences.simulation import Rounding

ORDERS = 3
"""For each sum this many orders, of which one is taken."""
Term = tuple[Extended, bool]
"""A term of a sum, and whether it is a product that is not rounded yet."""
Sums = tuple[Extended, Extended, Extended]


def up_to(form: Rounding, x: Fraction) -> Fraction:
    """The largest number of a format that is not above, for one that is not negative."""
    return min(form.cut(min(x, form.largest)), form.largest)


def down_to(form: Rounding, x: Fraction) -> Fraction:
    """The least number that is not below."""
    return Fraction(0) if x <= 0 else form.away(min(x, form.largest))


class Adversary(Kernel):
    """A recipe that computes in one of the ways that it may; ``direction``: 1 for large outputs, -1 for small ones."""

    def __init__(self, recipe: dict[str, Any], random: Random, direction: int) -> None:
        super().__init__(recipe)
        self.random, self.direction = random, direction
        self.made = dict[Fraction, Fraction]()  # equal arguments give equal results
        self.middle = Fraction(0)
        self.flushes = random.random() < 0.5

    def output(self, keys: Sequence[Input]) -> Extended:
        if not all(masked for _, _, masked in keys):
            self.middle = mean(self.c, keys)
        splits = self.recipe["splits"]
        if splits is None:
            _, den, num = self.part(keys)
            return to(self.A, self.quotient(num, den))
        size = splits["length"] if "length" in splits else math.ceil(len(keys) / splits["count"])
        parts = [self.part(keys[at : at + size]) for at in range(0, len(keys), size)]
        m = top([own for own, _, _ in parts])
        dens, nums = list[Term](), list[Term]()
        for own, part_den, part_num in parts:
            factor = self.chosen(own, self.seen(m), self.sign(self.above(part_num, part_den)))
            weight = to(self.F, multiplied(part_den, factor))
            dens.append((weight, False))
            if self.recipe["merge"] == "sums":
                nums.append(self.product(to(self.F, multiplied(part_num, factor)), Fraction(1)))
            else:
                nums.append(self.product(self.quotient(part_num, part_den), weight, fused=False))
        return to(self.A, self.quotient(self.sum(nums, self.direction), self.sum(dens, self.sign(-self.middle))))

    def part(self, keys: Sequence[Input]) -> Sums:
        m: Extended = number(self.maximum["start"])
        den: Extended = Fraction(0)
        num: Extended = Fraction(0)
        size = self.recipe["block"] or len(keys)
        for at in range(0, len(keys), size):
            block = keys[at : at + size]
            ts = [self.t(score, masked) for score, _, masked in block]
            b, old = top(ts), m
            if b > m and (m == -math.inf or self.rises(b, m)):
                m = b
            if self.guard == "stored" and m == -math.inf:
                m = Fraction(0)
            if m != old and at > 0:
                factor = self.chosen(old, self.seen(m), self.sign(self.above(num, den)))
                den, num = (to(self.F, multiplied(x, factor)) for x in (den, num))
            ps = [
                self.weight(t, self.seen(m), self.sign(value - self.middle))
                for t, (_, value, _) in zip(ts, block, strict=True)
            ]
            less = self.sign(-self.middle)
            if self.divides == "weights":
                den = self.sum([(den, False), *((p, False) for p in ps)], less)
                ps = [to(self.F, divided(p, den)) for p in ps]
            ws = [self.cast(p) for p in ps]
            if self.divides != "weights":
                of_den = ps if self.recipe["sum"] == "before cast" else ws
                den = self.sum([(den, False), *((w, False) for w in of_den)], less)
            products = [self.product(w, value) for w, (_, value, _) in zip(ws, block, strict=True)]
            num = self.sum([(num, False), *products], self.direction)
        return m, den, num

    def above(self, num: Extended, den: Extended) -> Fraction:
        """How far the mean so far is above the exact one, times its weight."""
        if isinstance(num, Fraction) and isinstance(den, Fraction):
            return num - self.middle * den
        return Fraction(0)

    def sign(self, side: Fraction) -> int:
        """In which direction to go with a number, if the output grows with it where ``side`` is above 0."""
        return self.direction if side > 0 else -self.direction

    def chosen(self, t: Extended, m: Extended, sign: int) -> Extended:
        """E(t, m)."""
        x = self.x(t, m)
        if isinstance(x, float):
            return Fraction(0) if x == -math.inf else x
        if not x and self.exponential["one"]:
            return Fraction(1)
        if x in self.made:
            return self.made[x]
        y, unit = power(self.exponential["base"], x), Fraction(2) ** self.F.lowest
        if y > 2 * self.F.largest:
            return math.inf
        if y < unit / 2 or (y < self.least and self.flushes):
            return Fraction(0)
        near = Fraction(self.exponential["ulps"]) * max(unit, y * Fraction(2) ** (1 - (self.F.p or 0)))
        if self.random.random() < 0.1:
            sign = -sign
        if y + near > self.F.largest:
            return math.inf if sign > 0 else to(self.F, y)
        self.made[x] = up_to(self.F, y + near) if sign > 0 else down_to(self.F, y - near)
        return self.made[x]

    def weight(self, t: Extended, m: Extended, sign: int) -> Extended:
        """E(t, m) 2^k."""
        p = multiplied(self.chosen(t, m, sign), Fraction(2) ** self.exponential["offset"])
        return to(self.F, p) if p >= self.least or p != p else Fraction(0)

    def product(self, a: Extended, b: Extended, fused: bool = True) -> Term:
        exact = multiplied(a, b)
        return (exact, True) if fused and self.random.random() < 0.5 else (to(self.F, exact), False)

    def sum(self, terms: Sequence[Term], sign: int) -> Extended:
        """In one of some orders: the one that is largest, or smallest."""
        found = [self.in_one_order(list(terms)) for _ in range(ORDERS if len(terms) > 2 else 1)]
        return next((x for x in found if x != x), max(found) if sign > 0 else min(found))

    def in_one_order(self, terms: list[Term]) -> Extended:
        order = self.random.choice(("as they are", "one by one", "pairs"))
        if order != "as they are":
            self.random.shuffle(terms)
        while len(terms) > 1:
            at = self.random.randrange(len(terms) - 1) if order == "pairs" else 0
            (a, exact), (b, other) = terms[at], terms[at + 1]
            if exact and other:
                a = to(self.F, a)
            terms[at : at + 2] = [(to(self.F, added(a, b)), False)]
        return to(self.F, terms[0][0])


def wanted(scale: Fraction, keys: Sequence[Input], drift: Fraction, direction: int) -> Fraction:
    """The exact mean, for exact scores that are as far from the keys' as they may be, so that it is far on the other
    side."""
    middle = mean(scale, keys)
    return mean(
        scale,
        [(score - drift * direction * (1 if value > middle else -1), value, m) for score, value, m in keys],
    )


def distance(
    recipe: dict[str, Any], keys: Sequence[Input], random: Random, direction: int, drift: Fraction = Fraction(0)
) -> Extended:
    """How far one way to compute is from the exact result; infinite if its result is not a finite number."""
    output = Adversary(recipe, random, direction).output(keys)
    if isinstance(output, float):
        return math.inf
    if all(masked for _, _, masked in keys):
        return Fraction(0)
    return abs(output - wanted(Fraction(recipe["scale"]), keys, drift, direction))


def worst(recipe: dict[str, Any], keys: Sequence[Input], random: Random, drift: Fraction = Fraction(0)) -> Extended:
    """The larger one of both directions."""
    return max(distance(recipe, keys, random, direction, drift) for direction in (1, -1))
