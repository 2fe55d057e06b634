"""The arithmetic of a softmax head, in exact rationals: models, admitted beta, the inequalities (SPEC section 7).

Words:
    N          the context: no query sees more than N positions
    D          the separation; tau is an upper bound of exp(-beta D)
    ties       all the numbers m of maximisers that share a value which is not 0
    scaled     a numerator over 2^shift; so that numbers far below any format never meet a gcd
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache

from exactformer.certificates.checker.document import Json, Rejected, quote, rational_text
from exactformer.certificates.checker.formats import (
    LARGEST_PARAMETER,
    NAMED,
    Format,
    Interval,
    Overflow,
    Scaled,
    adds_values_of,
    parse_format,
)
from exactformer.certificates.checker.steps.conditions import Bounds, bounds
from exactformer.certificates.checker.steps.naming import PLAIN, Model, named_steps, parse_steps

LARGEST_EXPONENT = 4096
"""exp is bounded at min(x, 4096)."""
ABOVE_1_OVER_E = 125182886983370532117250726298150828302
BELOW_1_OVER_E = ABOVE_1_OVER_E - 1
"""Both over 2^128."""


def parse_model(field: str, text: str) -> Model:
    """The arithmetic model with this canonical text (SPEC 7.1 and 19)."""
    base, plus, names = text.partition("+")
    body, at, score = base.partition("@")
    kind, _, listed = body.partition(":")
    formats = [parse_format(field, name) for name in listed.split("/")] if listed else []
    wrong_number = len(formats) not in {"exact": (0,), "rounded": (2, 3), "fused": (3,)}.get(kind, ())
    if wrong_number or (at and score == "fp32") or (kind == "exact" and body != "exact"):
        raise Rejected(field, f"{quote(base)} is not the canonical text of an arithmetic model")
    if len(formats) == 3 and not adds_values_of(formats[1], formats[0]):
        raise Rejected(field, f"{formats[1].name} does not have all weights of {formats[0].name} in [0, 1] as values")
    fp32 = NAMED["fp32"]
    weight, *middle, activation = formats or [fp32, fp32]
    accumulator, of_score = middle[0] if middle else fp32, parse_format(field, score) if at else fp32
    base_kind = (
        {2: "rounded with two formats", 3: "rounded with three formats"}[len(formats)] if kind == "rounded" else kind
    )
    found = named_steps(field, base_kind, names.split("+") if plus else [])
    composed = base_kind == "rounded with three formats" or not found.keys() <= PLAIN
    if composed and accumulator.p is None:
        raise Rejected(field, f"the accumulator {accumulator.name} is not floating, as {quote(text)} needs")
    steps = parse_steps(field, found, accumulator)
    return Model(kind, weight, accumulator, activation, of_score, steps, composed)


def largest_admitted(model: Model, largest_score: int) -> int | None:
    """The largest e such that beta = 2^e is admitted (SPEC 7.2, 19.1), or None; all smaller e are admitted too."""
    reach = Fraction(largest_score)
    if model.steps.once:
        try:
            reach = model.score.of(reach)
        except Overflow:
            return None
    elif model.score.p is not None and largest_score > 2**model.score.p:
        return None
    last = None
    for e in range(2 * LARGEST_PARAMETER + 2):
        scale = e + model.steps.head  # beta sqrt(H) = 2^scale
        if reach * 2**scale > model.score.largest:
            break
        if model.kind != "exact" and 2 ** ((scale + 1) // 2) > model.activation.largest:
            break
        last = e
    return last


def separation_of_scores(model: Model, largest_score: int, D: int) -> int:
    """How far scores that differ by D or more are apart once they are rounded: D' of SPEC 19.1, or D without that."""
    if not model.steps.once or 2 * largest_score < D:
        return D
    return _separation_once(model.score, largest_score, D)


@lru_cache(maxsize=2**10)
def _separation_once(score: Format, largest_score: int, D: int) -> int:
    rounded = {s: int(score.round(s, 1)) for s in range(-largest_score, largest_score + 1)}
    return min(rounded[a] - rounded[a - D] for a in range(D - largest_score, largest_score + 1))


@cache
def power(base: int, x: int, upwards: bool) -> Scaled:
    """(base / 2^128)^x with the numerator rounded to its leading 64 bits, down or up; only these bits are kept."""
    numerator = base**x
    cut = max(numerator.bit_length() - 64, 0)
    leading = numerator >> cut
    leading += upwards and leading << cut != numerator
    return leading, 128 * x - cut


def exp_above(x: int) -> Scaled:
    """Upper bound of exp(-x) (SPEC 7.3)."""
    return power(ABOVE_1_OVER_E, min(x, LARGEST_EXPONENT), True)


@dataclass(frozen=True)
class Condition:
    """What section 7.3 or 19.2 gives at one beta; None where SPEC says null."""

    tau: Scaled | None
    one: Interval | None
    zero: Fraction | None
    holds: bool


def condition(model: Model, N: int, D: int | None, ties: Sequence[int], e: int) -> Condition:
    """The inequalities of a case at beta = 2^e (SPEC 7.3, 19.2); D = 0 if rounding does not keep scores apart."""
    if D == 0:
        return Condition(None, None, None, False)
    tau = (0, 0) if D is None else exp_above(D << e)
    if model.composed:
        one, zero = bounds(model, N, ties, tau)
    else:
        one, zero = {"exact": _exact, "rounded": _rounded, "fused": _fused}[model.kind](model, N, ties, tau)
    holds = rounds_to_0(model, zero) and (not ties or rounds_to_1(model, one))
    return Condition(tau, one, zero, holds)


def cells(model: Model) -> tuple[Interval, Interval]:
    """``one_cell`` and ``zero_cell``: their closed ends, also where the ends do not belong to them (SPEC 19.2)."""
    if model.kind == "exact":
        return (Fraction(1), Fraction(1)), (Fraction(0), Fraction(0))
    if model.steps.truncate:
        unit, p = model.activation.unit, model.activation.p
        return (Fraction(1), 1 + (unit if p is None else Fraction(2) ** (1 - p))), (-unit, unit)
    return model.activation.cell(1), model.activation.cell(0)


def rounds_to_1(model: Model, one: Interval | None) -> bool:
    """Whether all of an interval is in ``one_cell``; the upper end of what is truncated to 1 does not belong to it."""
    (low, high), _ = cells(model)
    return one is not None and low <= one[0] and (one[1] < high if model.steps.truncate else one[1] <= high)


def rounds_to_0(model: Model, zero: Fraction | None) -> bool:
    """Whether all of [-zero, zero] is in ``zero_cell``."""
    _, (_, high) = cells(model)
    return zero is not None and (zero < high if model.steps.truncate else zero <= high)


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


def least_beta(model: Model, N: int, D: int | None, ties: Sequence[int], admitted: int) -> int | None:
    """The least e, 0 <= e <= admitted, at which the conditions hold; at e >= 12 tau no longer depends on e."""
    candidates = range(min(admitted, LARGEST_EXPONENT.bit_length()) + 1)
    # Where all do not meet the conditions, the fewest or the most mostly do not, and that is soon seen.
    attempts = (ties[:1], ties[-1:], ties) if len(ties) > 2 else (ties,)
    return next((e for e in candidates if all(condition(model, N, D, some, e).holds for some in attempts)), None)


def case_entry(
    model: Model, N: int, D: int | None, ranges: list[tuple[int, int]], e: int | None, admitted: int
) -> tuple[dict[str, Json], bool]:
    """An entry of ``softmax.cases`` but for its ``separation`` and ``ties``; and whether it holds.

    D is that of `separation_of_scores`.
    """
    ties = [m for low, high in ranges for m in range(low, high + 1)]
    least = least_beta(model, N, D, ties, admitted)
    entry: dict[str, Json] = {"least_beta": None if least is None else str(2**least)}
    if e is None:
        return entry | {"tau": None, "one": None, "zero": None, "holds": None}, False
    here = condition(model, N, D, ties, e)
    return entry | numbers(here.tau, here.one, here.zero) | {"holds": here.holds}, here.holds


def numbers(tau: Scaled | None, one: Interval | None, zero: Fraction | None) -> dict[str, Json]:
    """The numbers of an entry as SPEC section 1 writes them."""
    return {
        "tau": None if tau is None else rational_text(Fraction(tau[0], 1 << tau[1])),
        "one": None if one is None else [rational_text(end) for end in one],
        "zero": None if zero is None else rational_text(zero),
    }
