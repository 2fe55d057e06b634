"""Attention on activations that drift (DRIFT 3): how far scores, weights and outputs move.

Words:
    eta    how far a score may be from its hardmax value; ``reach`` bounds its magnitude (T of SPEC)
    gap    how far below the selected tokens all others score at least, once scores have drifted and are rounded
    dv     how far a value coordinate drifts
    share  tokens that are selected share a value other than 0
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from exactformer.certificates.checker.drift.forms import Drifts, NotShown, largest_of, short
from exactformer.certificates.checker.softmax.cases import holds
from exactformer.certificates.checker.softmax.heads import received
from exactformer.certificates.checker.softmax.model import Model
from exactformer.certificates.checker.softmax.numbers import Arithmetic, Unbounded, Value
from exactformer.certificates.checker.softmax.queries import Group, Query
from exactformer.certificates.checker.weights import Head


@dataclass(frozen=True)
class Softmax:
    """The arithmetic ``rounded:W/A`` or ``fused:W/ACC/A``, the context N, and beta = 2^e."""

    model: Model
    N: int
    e: int


@dataclass(frozen=True)
class Case:
    """What a head does at some tokens of a class: how far below the selected tokens all others score, at least; whether
    the selected tokens share a value other than 0; how many there are at most (m of SPEC).
    """

    separation: int
    shares: bool
    most: int


@dataclass(frozen=True)
class HeadCases:
    """A head, and its different cases at tokens of each class; a class that is left out has none."""

    head: Head
    cases: Mapping[str, Iterable[Case]]


@dataclass(frozen=True)
class Before:
    """Before a layer: for each class the drifts and magnitudes of all coordinates, and the largest over classes."""

    drifts: Mapping[str, Drifts]
    magnitudes: Mapping[str, Sequence[int]]
    most_drift: Drifts
    most_magnitude: Sequence[int]


def before_layer(drifts: Mapping[str, Drifts], magnitudes: Mapping[str, Sequence[int]]) -> Before:
    """The same with the largest over classes, which bounds every token that may be seen."""
    most = [max(column) for column in zip(*magnitudes.values(), strict=True)]
    return Before(drifts, magnitudes, largest_of(drifts.values()), most)


def behind_attention(at: str, softmax: Softmax, heads: Sequence[HeadCases], before: Before) -> dict[str, Drifts]:
    """The drifts of the exact sums x + o, for each class; if several heads write one coordinate, their drifts add
    up."""
    behind = {cls: list(drifts) for cls, drifts in before.drifts.items()}
    for number, one in enumerate(heads):
        for cls, drifts in behind.items():
            try:
                for out, drift in _head(softmax, one, cls, before):
                    drifts[out] += drift
            except NotShown as error:
                reason = error.reason.partition(": ")[2]
                raise NotShown(f"{at}, head {number} ({one.head.name}), class {cls}: {reason}") from error
    return behind


def _head(softmax: Softmax, one: HeadCases, cls: str, before: Before) -> list[tuple[int, Fraction]]:
    """What a head adds to the drifts of the coordinates that it writes."""
    head, own, magnitude = one.head, before.drifts[cls], before.magnitudes[cls]
    links = [
        (own[q], magnitude[q], before.most_drift[k], before.most_magnitude[k])
        for q, k in zip(head.query, head.key, strict=True)
    ]
    eta, reach = score_drift(links)
    worst = [Fraction(0)] * len(head.value)
    for case in one.cases.get(cls, ()):
        moved = how_far_scores_move(softmax.model, eta, reach, softmax.e)
        gap = case.separation - moved
        if gap <= 0:
            raise NotShown(f"scores drift by up to {short(eta)}, and the separation is {case.separation}")
        for place, value in enumerate(head.value):
            dv = before.most_drift[value]
            drift = output_drift(softmax, gap, moved, dv, case.shares, case.most)
            worst[place] = max(worst[place], drift)
    return list(zip(head.out, worst, strict=True))


def score_drift(links: Sequence[tuple[Fraction, int, Fraction, int]]) -> tuple[Fraction, Fraction]:
    """eta and T, from drift and magnitude of each query coordinate and of the key coordinate it is multiplied with.

    |q' k' - q k| <= dq |k| + dk |q| + dq dk, and |q' k'| <= (dq + |q|)(dk + |k|).
    """
    eta, reach = Fraction(0), Fraction(0)
    for dq, q, dk, k in links:
        eta += dq * k + dk * q + dq * dk
        reach += (dq + q) * (dk + k)
    return eta, reach


def how_far_scores_move(model: Model, eta: Fraction, reach: Fraction, e: int) -> Fraction:
    """How far, over beta, two rounded scores move against each other.

    With eta = 0 scores are the integers of hardmax; beta times them are values of S (ARITHMETIC 3). Else beta s', of
    magnitude at most beta T, is rounded once: to a float by at most 2^-p beta T. (Where it is subnormal the error is
    at most 2^(emin - p) <= 2^-p <= 2^-p beta T, as T >= 1 if there are tokens that are not selected: scores that are
    an integer D >= 1 apart are not all 0, so some product of magnitudes is 1.) Each of two scores moves by eta + sigma.
    """
    if eta == 0:
        return eta
    score, beta = model.score, 2**e
    fixed = score.p is None
    sigma = score.unit / 2 / beta if fixed else score.roundoff * reach
    if beta * reach + (score.unit if fixed else beta * sigma) > score.largest:
        raise NotShown(f"scores may overflow {score.name}")
    return 2 * (eta + sigma)


@lru_cache(maxsize=2**14)
def output_drift(
    softmax: Softmax, gap: Fraction, scores_drift: Fraction, dv: Fraction, shares: bool, most: int
) -> Fraction:
    """How far a head's output is from its hardmax value, once it is rounded to A.

    Scores of selected tokens, up to ``most``, differ by at most ``scores_drift``, and are at least ``gap`` above all
    others.
    """
    arithmetic = Arithmetic.of(softmax.model, softmax.e, softmax.N)
    apart, together = (_on_grid(arithmetic, x * 2**softmax.e, up) for x, up in ((gap, False), (scores_drift, True)))
    if scores_drift == dv == 0 and gap.denominator == 1:
        ties = ((1, most),) if shares else ()
        if holds(softmax.model, softmax.N, gap.numerator, ties, softmax.e):
            return Fraction(0)
    values = (0, 1) if shares else (0,)  # -1 is the mirror image of 1
    return max(_from_hardmax(arithmetic, softmax.N, apart, together, dv, value, most) for value in values)


def _on_grid(arithmetic: Arithmetic, value: Fraction, up: bool) -> int:
    units = value * arithmetic.unit
    return units.__ceil__() if up else units.__floor__()


def _from_hardmax(
    arithmetic: Arithmetic, N: int, apart: int, together: int, dv: Fraction, value: int, most: int
) -> Fraction:
    """How far the output is from this value, if up to this many selected tokens share it."""
    drift, activation = _on_grid(arithmetic, dv, True), arithmetic.model.activation
    nominal = value << arithmetic.grid
    furthest = together if most > 1 else 0  # one alone has the largest score
    groups, values = [Group(1, most, 0, furthest, top=True)], [(nominal - drift, nominal + drift)]
    if N > 1:
        groups.append(Group(0, N - 1, apart, None))
        values.append((-arithmetic.unit - drift, arithmetic.unit + drift))
    column = [arithmetic.number(activation, ends) for ends in values]
    if dv == 0 and N > 1:
        column[1] = Value(*values[1], arithmetic.unit, 0)
    try:
        output = received(arithmetic, Query(groups, N), [column])[0]
    except Unbounded as error:
        raise NotShown(f"{error}, where values drift by up to {short(dv)}") from error
    return Fraction(max(output.high - nominal, nominal - output.low), arithmetic.unit)
