"""Attention on activations that drift (SPEC 20.3): how far scores, weights and outputs move.

Words:
    eta    how far a score may be from its hardmax value; ``reach`` bounds its magnitude (T of SPEC)
    gap    how far below the selected tokens all others score at least, once scores have drifted and are rounded
    leak   what the tokens that are not selected add
    dv     how far a value coordinate drifts
    raw    how far num/den, or the weighted sum, is from its hardmax value, before it is rounded to A
    share  tokens that are selected share a value other than 0
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from exactformer.certificates.checker.arithmetic import exp_above
from exactformer.certificates.checker.drift.forms import Drifts, NotShown, largest_of, rounded_drift, short
from exactformer.certificates.checker.formats import Scaled
from exactformer.certificates.checker.steps.naming import Model
from exactformer.certificates.checker.ties import outcome
from exactformer.certificates.checker.weights import Head


@dataclass(frozen=True)
class Softmax:
    """The arithmetic ``rounded:W/A`` or ``fused:W/ACC/A``, the context N, and beta = 2^e."""

    model: Model
    N: int
    e: int


@dataclass(frozen=True)
class Case:
    """What a head does at some tokens of a class: how far below the selected tokens all others score at least; whether
    those selected share a value other than 0; how many they are at most (m of SPEC).
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
    """With the largest over classes, which bounds what any token that is seen may be."""
    most = [max(column) for column in zip(*magnitudes.values(), strict=True)]
    return Before(drifts, magnitudes, largest_of(drifts.values()), most)


def behind_attention(at: str, softmax: Softmax, heads: Sequence[HeadCases], before: Before) -> dict[str, Drifts]:
    """The drifts of the exact sums x + o, for each class; what several heads write to one coordinate adds up."""
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
        gap = gap_of_rounded(softmax.model, case.separation, eta, reach, softmax.e)
        for place, value in enumerate(head.value):
            dv = before.most_drift[value]
            drift = output_drift(softmax, case.separation, gap, eta > 0, dv, case.shares, case.most)
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


def gap_of_rounded(model: Model, separation: int, eta: Fraction, reach: Fraction, e: int) -> Fraction:
    """How far, over beta, a selected token's rounded score is above that of one that is not selected.

    With eta = 0 scores are the integers of hardmax; beta times them are values of S (SPEC 7.2). Else beta s', of
    magnitude at most beta T, is rounded once: to a float by at most 2^-p beta T. (Where it is subnormal the error is
    at most 2^(emin - p) <= 2^-p <= 2^-p beta T, as T >= 1 if there are tokens that are not selected: scores that are
    an integer D >= 1 apart are not all 0, so some product of magnitudes is 1.) Each of two scores moves by eta + sigma.
    """
    if eta == 0:
        return Fraction(separation)
    score, beta = model.score, 2**e
    fixed = score.p is None
    sigma = score.unit / 2 / beta if fixed else score.roundoff * reach
    if beta * reach + (score.unit if fixed else beta * sigma) > score.largest:
        raise NotShown(f"scores may overflow {score.name}")
    gap = separation - 2 * (eta + sigma)
    if gap <= 0:
        raise NotShown(f"scores drift by up to {short(eta)}, and the separation is {separation}")
    return gap


@lru_cache(maxsize=2**14)
def output_drift(
    softmax: Softmax, separation: int, gap: Fraction, scores_drift: bool, dv: Fraction, shares: bool, most: int
) -> Fraction:
    """How far a head's output is from its hardmax value, rounded to A.

    Section 16 shows that it is that value where nothing drifts. (Where a value 0 is shared by any number of tokens
    its bound for those that are not selected counts, which does not depend on that number.)
    """
    model, ties = softmax.model, most if shares else 1
    if not scores_drift and dv == 0 and outcome(model, softmax.N, separation, ties, softmax.e).up_to == ties:
        return Fraction(0)
    tau = exp_above((gap * 2**softmax.e).__floor__())
    raw = (rounded_raw if model.kind == "rounded" else fused_raw)(model, softmax.N, tau, dv, shares, most)
    return rounded_drift(model.activation, (0, 1) if shares else (0,), raw)


def rounded_raw(model: Model, N: int, tau: Scaled, dv: Fraction, shares: bool, most: int) -> Fraction:
    """|sum of rnd_W(a_j) v'_j - v|, for v the shared value (0 if ``shares`` is False).

    a_j <= tau where j is not selected: as rounding is monotone, these add at most n rnd_W(tau) (1 + dv), n = N - 1.
    Weights of selected tokens sum to at most 1 + x: |rnd_W(a) - a| <= u a + q/2 with u = 2^-p/(1 + 2^-p) (worst just
    above a power of two), for m of them, whose a sum to at most 1; and rnd_W(a) <= 1 for a single one. So their drift
    counts at most (1 + x) dv times. How far the sum is from 1: a single weight is in [1/(1 + n tau), 1], rounded;
    several a sum to at least 1/(1 + n tau) >= 1 - n tau, as each token that is not selected weighs at most tau times
    the least selected one, and they need not be equal.
    """
    n, weight = N - 1, model.weight
    leak = n * weight.round_scaled(tau) * (1 + dv)
    u = weight.roundoff / (1 + weight.roundoff)
    x = Fraction(0) if most == 1 else u + most * weight.unit / 2
    raw = (1 + x) * dv + leak
    if not shares:
        return raw
    numerator, shift = tau
    if most == 1:
        return raw + 1 - weight.round(1 << shift, (1 << shift) + n * numerator)
    return raw + n * Fraction(numerator, 1 << shift) + x


def fused_raw(model: Model, N: int, tau: Scaled, dv: Fraction, shares: bool, most: int) -> Fraction:
    """|num/den - v|, for v the shared value (0 if ``shares`` is False).

    Values have to be exact, so that terms p_j v_j are values of ACC: only then sums of k of them err by at most
    (k - 1) u times the sum P of magnitudes (Jeannerod and Rump 2013); terms that are 0 do not count. P >= 1, since a
    token that is selected has the largest score and p = 1. Others weigh s <= n rnd_W(tau) in all. den >= (1 - E) P.
    v = 0: |num| <= s (1 + E) over den. Else num - v den, with exact sums, is at most 2 s, and each of the two sums
    errs by at most E P. Without s and without a value, num has no terms; den >= p = 1, as sums are monotone.
    """
    acc, n = model.accumulator, N - 1
    u = acc.roundoff
    if not acc.counts(N) and N * (1 + n * u) > acc.largest:
        raise NotShown(f"{N} terms may overflow {acc.name}")
    if dv != 0:
        raise NotShown(f"values drift by up to {short(dv)}, so products need not be values of {acc.name}")
    s = n * model.weight.round_scaled(tau)
    if s == 0 and not shares:
        return Fraction(0)
    k = most if s == 0 else N
    E = (k - 1) * u
    if E >= 1:
        raise NotShown(f"sums of {k} terms in {acc.name} have no error bound")
    return (2 * s + 2 * E if shares else s * (1 + E)) / (1 - E)
