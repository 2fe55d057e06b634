"""KERNELS section 2, executed, apart from the checker: own rounding, exponentials by mpmath, and what is not a rational
number is a Python float (inf, -inf, nan), so that IEEE 754 comes from there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath

from tests.checker.sequences.simulation import Overflows, Rounding, rounding

Extended = Fraction | float
"""A float is an infinity or NaN."""
Input = tuple[Fraction, Fraction, bool]
PRECISION = 400
"""Bits of exponentials: results have at most 24, and no number is so near to a rounding boundary that these do not
decide."""


def signs(*numbers: Extended) -> list[float]:
    """Floats of the same sign: the same as given where they are infinities or NaN."""
    return [n if isinstance(n, float) else math.copysign(1.0, n) if n else 0.0 for n in numbers]


def exactly(operation: Callable[[Any, Any], Any], a: Extended, b: Extended) -> Extended:
    """A sum or a product."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return Fraction(operation(a, b))
    return float(operation(*signs(a, b)))


def added(a: Extended, b: Extended) -> Extended:
    return exactly(lambda x, y: x + y, a, b)


def multiplied(a: Extended, b: Extended) -> Extended:
    return exactly(lambda x, y: x * y, a, b)


def divided(a: Extended, b: Extended) -> Extended:
    """a times the reciprocal of b: a / inf is 0 for rationals, and NaN else."""
    if b == 0:
        return multiplied(a, math.inf)
    if isinstance(b, Fraction):
        return multiplied(a, 1 / b)
    return multiplied(a, Fraction(0) if math.isinf(b) else b)  # inf / inf = inf * 0


def to(form: Rounding, x: Extended) -> Extended:
    if isinstance(x, float):
        return x
    try:
        return form(x)
    except Overflows:
        return math.inf if x > 0 else -math.inf


def fraction_of(x: mpmath.mpf) -> Fraction:
    _, mantissa, exponent, _ = x._mpf_
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


@cache
def power(base: str, x: Fraction) -> Fraction:
    """base^x, closely; 0, or more than any number of a format, where it is that small or that large."""
    if abs(x) > 2000:
        return Fraction(0) if x < 0 else Fraction(2) ** 2000
    with mpmath.workprec(PRECISION):
        y = mpmath.mpf(x.numerator) / x.denominator
        return fraction_of(mpmath.exp(y) if base == "e" else mpmath.power(2, y))


@cache
def log2_e() -> Fraction:
    with mpmath.workprec(PRECISION):
        return fraction_of(1 / mpmath.log(2))


class Kernel:
    """A recipe, as canonical JSON, that computes."""

    def __init__(self, recipe: dict[str, Any]) -> None:
        self.recipe = recipe
        self.F, self.W, self.A = (rounding(recipe["formats"][role]) for role in ("computing", "weight", "output"))
        self.exponential, self.maximum = recipe["exponential"], recipe["maximum"]
        self.c = Fraction(recipe["scale"])
        self.two = self.exponential["base"] == "2"
        self.least = Fraction(2) ** (self.F.lowest + (self.F.p or 0) - 1)

        self.guard, self.divides = self.maximum["guard"], recipe["quotient"]

    def output(self, keys: Sequence[Input]) -> Extended:
        splits = self.recipe["splits"]
        if splits is None:
            _, *sums = self.part(keys)
            return to(self.A, self.quotient(sums[1], sums[0]))
        size = splits["length"] if "length" in splits else math.ceil(len(keys) / splits["count"])
        parts = [self.part(keys[at : at + size]) for at in range(0, len(keys), size)]
        m = top([own for own, _, _ in parts])
        den: Extended = Fraction(0)
        num: Extended = Fraction(0)
        for own, part_den, part_num in parts:
            factor = self.power(own, self.seen(m))
            weight = to(self.F, multiplied(part_den, factor))
            if self.recipe["merge"] == "sums":
                term = multiplied(part_num, factor)
            else:
                term = multiplied(self.quotient(part_num, part_den), weight)
            den, num = to(self.F, added(den, weight)), to(self.F, added(num, to(self.F, term)))
        return to(self.A, self.quotient(num, den))

    def seen(self, m: Extended) -> Extended:
        return Fraction(0) if self.guard and m == -math.inf else m

    def part(self, keys: Sequence[Input]) -> tuple[Extended, Extended, Extended]:
        """m, l, o."""
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
                factor = self.power(old, self.seen(m))
                den, num = (to(self.F, multiplied(x, factor)) for x in (den, num))
            ps = [self.p(t, m) for t in ts]
            if self.divides == "weights":
                for p in ps:
                    den = to(self.F, added(den, p))
                ps = [to(self.F, divided(p, den)) for p in ps]
            for p, (_, value, _) in zip(ps, block, strict=True):
                w = self.cast(p)
                if self.divides != "weights":
                    den = to(self.F, added(den, p if self.recipe["sum"] == "before cast" else w))
                num = to(self.F, added(num, to(self.F, multiplied(w, value))))
        return m, den, num

    def t(self, score: Fraction, masked: bool) -> Extended:
        t: Extended = score
        if self.exponential["argument"] == "difference" and self.c != 1:
            t = to(self.F, multiplied(to(self.F, self.c), score))
        if not masked:
            return t
        constant = number(self.recipe["mask"]["constant"])
        return constant if self.recipe["mask"]["how"] == "select" else to(self.F, added(t, constant))

    def rises(self, b: Extended, m: Extended) -> bool:
        threshold = Fraction(self.maximum["threshold"])
        return threshold == 0 or self.x(b, m) > threshold

    def x(self, t: Extended, m: Extended) -> Extended:
        if self.exponential["argument"] == "difference":
            x = to(self.F, added(t, multiplied(Fraction(-1), m)))
            return to(self.F, multiplied(x, to(self.F, log2_e()))) if self.two else x
        g = to(self.F, self.c * log2_e() if self.two else self.c)
        return to(self.F, added(multiplied(t, g), multiplied(Fraction(-1), to(self.F, multiplied(m, g)))))

    def power(self, t: Extended, m: Extended) -> Extended:
        x = self.x(t, m)
        if isinstance(x, float):
            return Fraction(0) if x == -math.inf else x
        y = power(self.exponential["base"], x)
        return to(self.F, y) if y >= self.least else Fraction(0)

    def p(self, t: Extended, m: Extended) -> Extended:
        p = multiplied(self.power(t, self.seen(m)), Fraction(2) ** self.exponential["offset"])
        return to(self.F, p) if p >= self.least or p != p else Fraction(0)

    def cast(self, p: Extended) -> Extended:
        w = to(self.W, p)
        if w != math.inf:
            return w
        if self.recipe["overflow"] == "saturate":
            return self.W.largest
        return math.inf if self.recipe["overflow"] == "inf" else math.nan

    def quotient(self, num: Extended, den: Extended) -> Extended:
        if self.recipe["empty"] == "zero" and den == 0:
            return Fraction(0)
        if self.divides == "weights":
            return num
        if self.divides == "divide":
            return to(self.F, divided(num, den))
        return to(self.F, multiplied(num, to(self.F, divided(Fraction(1), den))))


def number(text: str) -> Extended:
    return -math.inf if text == "-inf" else Fraction(text)


def top(numbers: Sequence[Extended]) -> Extended:
    return max((n for n in numbers if n == n), default=math.nan)


def mean(scale: Fraction, keys: Sequence[Input]) -> Fraction:
    """The exact result, to some 400 bits."""
    seen = [(score, value) for score, value, masked in keys if not masked]
    highest = max(score for score, _ in seen)
    weights = [power("e", scale * (score - highest)) for score, _ in seen]
    return sum((w * v for w, (_, v) in zip(weights, seen, strict=True)), Fraction(0)) / sum(weights)
