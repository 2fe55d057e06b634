"""The arithmetic of a softmax head, in exact rationals: formats, rounding, the inequalities (SPEC section 7).

Words:
    format     a set of numbers with rounding to nearest, ties to even; p counts the leading bit
    N          the context: no query sees more than N positions
    D          the separation; tau is an upper bound of exp(-beta D)
    ties       all the numbers m of maximisers that share a value which is not 0
    scaled     a numerator over 2^shift; so that numbers far below any format never meet a gcd
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import TypeAlias

from certificates.checker.document import Json, Rejected, quote, rational_text

Interval: TypeAlias = tuple[Fraction, Fraction]
Scaled: TypeAlias = tuple[int, int]

LARGEST_PARAMETER = 4096
"""Limit of this checker on the parameters of a format."""
LARGEST_EXPONENT = 4096
"""exp is bounded at min(x, 4096)."""
ABOVE_1_OVER_E = 125182886983370532117250726298150828302
BELOW_1_OVER_E = ABOVE_1_OVER_E - 1
"""Both over 2^128."""


class Overflow(Exception):
    """A magnitude rounds to beyond the largest value of a format."""


@dataclass(frozen=True)
class Format:
    """Numbers k * 2^e with |k| < 2^p, e >= ``lowest`` and magnitude <= ``largest``; p is None for fixed point."""

    name: str
    p: int | None
    lowest: int
    largest: Fraction

    def counts(self, number: int) -> bool:
        """Whether 0, 1, .., number are all values, so that a sum of ones is exact up to there."""
        return number <= self.largest and (self.p is None or number <= 2**self.p)

    def round(self, numerator: int, denominator: int) -> Fraction:
        """numerator/denominator rounded (SPEC 7.1), for denominator > 0; no gcd of the two is taken."""
        magnitude, exponent = abs(numerator), self.lowest
        if self.p is not None and magnitude:
            log = magnitude.bit_length() - denominator.bit_length()  # 2^(log-1) < magnitude/denominator < 2^(log+1)
            if magnitude << max(-log, 0) < denominator << max(log, 0):
                log -= 1
            exponent = max(exponent, log - self.p + 1)
        whole, rest = divmod(magnitude << max(-exponent, 0), denominator << max(exponent, 0))
        twice = 2 * rest - (denominator << max(exponent, 0))
        whole += twice > 0 or (twice == 0 and whole % 2 == 1)
        rounded = whole * Fraction(2) ** exponent
        if rounded > self.largest:
            raise Overflow
        return rounded if numerator >= 0 else -rounded

    def round_scaled(self, number: Scaled, divisor: int = 1) -> Fraction:
        """A scaled number divided by ``divisor``, rounded."""
        return self.round(number[0], divisor << number[1])

    def cell(self, value: int) -> Interval:
        """The closed ends of what rounds to 0 or to 1: halfway to the neighbours (ties go to 0 and to 1)."""
        step = Fraction(2) ** self.lowest
        if value == 0 or self.p is None:
            return value - step / 2, value + step / 2
        above, below = Fraction(2) ** (1 - self.p), max(step, Fraction(2) ** -self.p)
        return 1 - below / 2, 1 + above / 2


@dataclass(frozen=True)
class Model:
    """How a softmax head is computed; formats that the ``kind`` (exact, rounded, fused) has not are unused."""

    kind: str
    weight: Format
    accumulator: Format
    activation: Format
    score: Format


def floating(name: str, p: int, emin: int, emax: int, largest: Fraction | None = None) -> Format:
    """A floating-point format (SPEC 7.1)."""
    return Format(name, p, emin - p + 1, largest or (2 - Fraction(2) ** (1 - p)) * Fraction(2) ** emax)


NAMED = {
    "fp32": floating("fp32", 24, -126, 127),
    "bf16": floating("bf16", 8, -126, 127),
    "fp16": floating("fp16", 11, -14, 15),
    "e5m2": floating("e5m2", 3, -14, 15),
    "e4m3fn": floating("e4m3fn", 4, -6, 8, Fraction(448)),
}


def parse_format(field: str, name: str) -> Format:
    """The format of this name; 1 must be a normal value of it with neighbours on both sides."""
    number = "(0|-?[1-9][0-9]{0,4})"
    if name in NAMED:
        return NAMED[name]
    if match := re.fullmatch(rf"float\({number},{number},{number}\)", name, re.ASCII):
        p, emin, emax = (int(digits) for digits in match.groups())
        if not (2 <= p <= LARGEST_PARAMETER and -LARGEST_PARAMETER <= emin <= 0 <= emax <= LARGEST_PARAMETER):
            raise Rejected(field, f"{name} is not in the limits 2 <= p, emin <= 0 <= emax, all <= {LARGEST_PARAMETER}")
        own = floating(name, p, emin, emax)
        for known in NAMED.values():
            if replace(own, name=known.name) == known:
                raise Rejected(field, f"the canonical text of {name} is {known.name}")
        return own
    if match := re.fullmatch(rf"fixed{number}(?:\.{number})?", name, re.ASCII):
        f, i = int(match[1]), int(match[2] or 8)
        if not (1 <= f <= LARGEST_PARAMETER and 1 <= i <= LARGEST_PARAMETER) or match[2] == "8":
            raise Rejected(field, f"{name} is not canonical, or not in the limits 1 <= F, I <= {LARGEST_PARAMETER}")
        return Format(name, None, -f, Fraction(2) ** i - Fraction(2) ** -f)
    raise Rejected(field, f"{quote(name)} is no format")


def parse_model(field: str, text: str) -> Model:
    """The arithmetic model with this canonical text (SPEC 7.1)."""
    body, at, score = text.partition("@")
    kind, _, names = body.partition(":")
    formats = [parse_format(field, name) for name in names.split("/")] if names else []
    wrong_number = len(formats) != {"exact": 0, "rounded": 2, "fused": 3}.get(kind, -1)
    if wrong_number or (at and score == "fp32") or (kind == "exact" and body != "exact"):
        raise Rejected(field, f"{quote(text)} is not the canonical text of an arithmetic model")
    if kind == "fused" and not adds_values_of(formats[1], formats[0]):
        raise Rejected(field, f"{formats[1].name} does not have all weights of {formats[0].name} in [0, 1] as values")
    fp32 = NAMED["fp32"]
    weight, *middle, activation = formats or [fp32, fp32]
    accumulator = middle[0] if middle else fp32
    return Model(kind, weight, accumulator, activation, parse_format(field, score) if at else fp32)


def largest_admitted(model: Model, largest_score: int) -> int | None:
    """The largest e such that beta = 2^e is admitted (SPEC 7.2), or None; all smaller e are admitted too."""
    if model.score.p is not None and largest_score > 2**model.score.p:
        return None
    last = None
    for e in range(2 * LARGEST_PARAMETER + 2):
        if largest_score << e > model.score.largest:
            break
        if model.kind != "exact" and 2 ** ((e + 1) // 2) > model.activation.largest:
            break
        last = e
    return last


@cache
def power(base: int, x: int, upwards: bool) -> Scaled:
    """(base / 2^128)^x with the numerator rounded to its leading 64 bits, down or up."""
    numerator = base**x
    cut = max(numerator.bit_length() - 64, 0)
    leading = numerator >> cut
    leading += upwards and leading << cut != numerator
    return leading << cut, 128 * x


def exp_above(x: int) -> Scaled:
    """Upper bound of exp(-x) (SPEC 7.3)."""
    return power(ABOVE_1_OVER_E, min(x, LARGEST_EXPONENT), True)


@dataclass(frozen=True)
class Condition:
    """What section 7.3 gives at one beta; ``one`` and ``zero`` are None where SPEC says null."""

    tau: Scaled
    one: Interval | None
    zero: Fraction | None
    holds: bool


def condition(model: Model, N: int, D: int | None, ties: Sequence[int], e: int) -> Condition:
    """The inequalities of a case at beta = 2^e (SPEC 7.3)."""
    tau = (0, 0) if D is None else exp_above(D << e)
    one, zero = {"exact": _exact, "rounded": _rounded, "fused": _fused}[model.kind](model, N, ties, tau)
    one_cell, zero_cell = cells(model)
    holds = zero is not None and zero <= zero_cell[1]
    holds = holds and (not ties or (one is not None and one_cell[0] <= one[0] and one[1] <= one_cell[1]))
    return Condition(tau, one, zero, holds)


def cells(model: Model) -> tuple[Interval, Interval]:
    """``one_cell`` and ``zero_cell``."""
    if model.kind == "exact":
        return (Fraction(1), Fraction(1)), (Fraction(0), Fraction(0))
    return model.activation.cell(1), model.activation.cell(0)


Bounds: TypeAlias = tuple[Interval | None, Fraction | None]


def _exact(_model: Model, N: int, ties: Sequence[int], tau: Scaled) -> Bounds:
    t = Fraction(tau[0], 1 << tau[1])
    one = None
    if ties:
        m, leak = ties[0], (N - ties[0]) * t
        one = (1 - 2 * leak / (m + leak), Fraction(1))
    leak = (N - 1) * t
    return one, leak / (1 + leak)


def _rounded(model: Model, N: int, ties: Sequence[int], tau: Scaled) -> Bounds:
    rnd, (t, shift) = model.weight, tau
    low, high = list[Fraction](), list[Fraction]()
    for m in ties:
        leak = (N - m) * rnd.round_scaled(tau, m)
        low.append(m * rnd.round(1 << shift, (m << shift) + (N - m) * t) - leak)
        high.append(m * rnd.round(1, m) + leak)
    return (min(low), max(high)) if ties else None, (N - 1) * rnd.round_scaled(tau)


def _fused(model: Model, N: int, ties: Sequence[int], tau: Scaled) -> Bounds:
    acc = model.accumulator
    u = Fraction(0) if acc.p is None else Fraction(2) ** -acc.p
    E = (N - 1) * u
    if not acc.counts(N) and (acc.p is None or acc.largest < N * (1 + E)):
        return None, None
    delta = model.weight.round_scaled(tau) if N > 1 else Fraction(0)
    if delta == 0:
        if not all(acc.counts(m) for m in ties):
            return None, None
        return (Fraction(1), Fraction(1)) if ties else None, Fraction(0)
    if E >= 1:
        return None, None
    one = None
    if ties:
        m, leak = ties[0], (N - ties[0]) * delta
        high, numerator = (1 + E) / (1 - E), m - leak - E * (m + leak)
        one = (numerator / ((m + leak) * (1 + E)) if numerator > 0 else -high, high)
    return one, (N - 1) * delta * (1 + E)


def adds_values_of(accumulator: Format, weight: Format) -> bool:
    """Whether all weights in [0, 1] are values of the accumulator's format.

    The bound (N-1) u for a sum in any order (Jeannerod and Rump, 2013) is about terms that are values of the
    format that adds them; and fixed-point additions are exact only then.
    """
    bits = -weight.lowest if weight.p is None else weight.p
    return accumulator.lowest <= weight.lowest and (accumulator.p is None or bits <= accumulator.p)


def least_beta(model: Model, N: int, D: int | None, ties: Sequence[int], admitted: int) -> int | None:
    """The least e, 0 <= e <= admitted, at which the conditions hold; at e >= 12 tau no longer depends on e."""
    candidates = range(min(admitted, LARGEST_EXPONENT.bit_length()) + 1)
    return next((e for e in candidates if condition(model, N, D, ties, e).holds), None)


def case_entry(
    model: Model, N: int, D: int | None, ranges: list[tuple[int, int]], e: int | None, admitted: int
) -> tuple[dict[str, Json], bool]:
    """An entry of ``softmax.cases`` but for its ``separation`` and ``ties``; and whether it holds."""
    ties = [m for low, high in ranges for m in range(low, high + 1)]
    least = least_beta(model, N, D, ties, admitted)
    entry: dict[str, Json] = {"least_beta": None if least is None else str(2**least)}
    if e is None:
        return entry | {"tau": None, "one": None, "zero": None, "holds": None}, False
    here = condition(model, N, D, ties, e)
    entry["tau"] = rational_text(Fraction(here.tau[0], 1 << here.tau[1]))
    entry["one"] = None if here.one is None else [rational_text(end) for end in here.one]
    entry["zero"] = None if here.zero is None else rational_text(here.zero)
    entry["holds"] = here.holds
    return entry, here.holds
