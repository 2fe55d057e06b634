"""KERNELS section 6, read a second time: by mpmath, from the text, from canonical JSON on."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath

from exactformer.certificates.checker.kernels.bound import Inputs
from tests.checker.sequences.simulation import Overflows, Rounding, rounding

Real = Any
"""A number of mpmath."""


class Nothing(Exception):
    """It is not shown that all is finite, or that it is close."""


def demand(holds: bool) -> None:
    if not holds:
        raise Nothing


def real(x: Fraction | int) -> Real:
    x = Fraction(x)
    return mpmath.mpf(x.numerator) / x.denominator


def roundings(k: int, u: Real) -> Real:
    demand(k * u < 0.5)
    return k * u / (1 - k * u)


def unit(form: Rounding) -> Real:
    return mpmath.mpf(2) ** form.lowest


def roundoff(form: Rounding) -> Real:
    return mpmath.mpf(0) if form.p is None else mpmath.mpf(2) ** -form.p


def normal(form: Rounding) -> Real:
    return unit(form) * 2 ** ((form.p or 1) - 1)


def has_all(form: Rounding, other: Rounding) -> bool:
    bits = other.largest.numerator.bit_length() if other.p is None else other.p
    return (form.p is None or bits <= form.p) and form.lowest <= other.lowest and form.largest >= other.largest


def is_power_of_two(c: Fraction) -> bool:
    return c.numerator.bit_count() == c.denominator.bit_count() == 1


def rules(recipe: dict[str, Any], inputs: Inputs) -> dict[str, Real]:
    with mpmath.workprec(3000):
        return _rules(recipe, inputs)


def _rules(recipe: dict[str, Any], inputs: Inputs) -> dict[str, Real]:
    exponential, maximum, mask = recipe["exponential"], recipe["maximum"], recipe["mask"]
    F, W, A = (rounding(recipe["formats"][role]) for role in ("computing", "weight", "output"))
    u, q, least_normal, largest = roundoff(F), unit(F), normal(F), real(F.largest)
    N, two, fused = inputs.keys, exponential["base"] == "2", exponential["argument"] == "fused"
    per, shift = (real(Fraction(6931471806, 10**10)) if two else mpmath.mpf(1)), mpmath.mpf(2) ** exponential["offset"]
    c = Fraction(recipe["scale"])
    R, M = real(inputs.values[1] - inputs.values[0]), real(max(map(abs, inputs.values)))
    split, means, divided = recipe["splits"], recipe["merge"] == "means", recipe["quotient"]

    # What is possible
    T = [c * end for end in inputs.scores]
    most_score = real(max(map(abs, T)))
    sigma = mpmath.mpf(0) if fused or c == 1 else q if is_power_of_two(c) else most_score * roundings(2, u) + q
    low, high = real(T[0]) - sigma, real(T[1]) + sigma
    parts = 1
    longest = N
    if split is not None:
        parts = min(split["count"], N) if "count" in split else math.ceil(Fraction(N, split["length"]))
        longest = math.ceil(Fraction(N, parts)) if "count" in split else min(split["length"], N)
    block_masked = inputs.masked != "none" and N > 1 and (parts > 1 or (recipe["block"] or N) < N)
    infinite, masked = False, list[Real]()
    factor = real(c) if fused else mpmath.mpf(1)
    if inputs.masked != "none" and mask["constant"] == "-inf":
        infinite = True
    elif inputs.masked != "none" and mask["how"] == "select":
        masked = [factor * real(Fraction(mask["constant"]))]
    elif inputs.masked != "none":
        for end in (low, high):
            t = end / factor
            try:
                sign, mantissa, exponent, _ = t._mpf_
                exact = Fraction(int(mantissa) * (-1) ** sign) * Fraction(2) ** int(exponent)
                masked.append(factor * real(F(exact + Fraction(mask["constant"]))))
            except Overflows:
                demand(Fraction(mask["constant"]) <= 0)
                infinite = True
                masked.append(-largest * factor)
    besides = list(masked)
    if maximum["start"] != "-inf":
        besides.append(factor * real(Fraction(maximum["start"])))
    elif infinite and (block_masked or inputs.masked == "any"):
        demand(maximum["guard"] is not None)
        if maximum["guard"] == "stored":
            besides.append(mpmath.mpf(0))
    h = max([mpmath.mpf(0), *(m - low for m in besides)])
    threshold = real(Fraction(maximum["threshold"])) * per
    off = mpmath.mpf(0)
    if threshold:
        of = most_score + h + 2 * threshold if fused else threshold
        off = of * roundings(8, u) + 4 * q
    tau = threshold + off
    all_masked = block_masked or inputs.masked == "any"
    epsilon = mpmath.mpf(0)
    if fused and all_masked and masked:
        epsilon = roundings(3, u) * max(abs(m) for m in besides) + q
    J = math.ceil(Fraction(longest, recipe["block"])) if recipe["block"] else 1
    if not besides and 0 < off < threshold / 2:
        J = min(J, 2 + int((high - low) / (threshold / 2)))
    J += split is not None

    # Relative errors
    extra = roundings(3, u) * (most_score + h + tau) + q if fused else q
    D = min(real(T[1] - T[0]), mpmath.mpf(512)) + h + 2 * tau + 2 * sigma
    average = min(D, 2 * math.ceil(math.log2(N)) * real(Fraction(6931471806, 10**10)) + h + 2 * tau + 2 * sigma)
    demand(roundings(3, u) <= 0.25)
    r, of_average = (d * roundings(2 if fused else 3 if two else 1, u) + J * extra + sigma for d in (D, average))
    demand(r <= 0.25)
    a, b = r + r**2, roundings(J, exponential["ulps"] * 2 * u)
    rho = (1 + a) * (1 + b) - 1
    everything = [low, high, *besides]
    D2 = max(everything) - min(everything) + 2 * tau + 4 * epsilon
    each = max(epsilon, extra)

    # Finite
    demand(max(abs(low), abs(high)) / factor <= largest)
    if fused:
        demand(2 * max(map(abs, everything)) <= largest)
    emin = F.lowest + (F.p or 1) - 1
    demand(largest >= 2 - 2 * emin or largest >= 2 * D2)
    P = mpmath.exp(max(tau, epsilon)) * (1 + rho) * shift
    P2 = P * mpmath.exp(J * epsilon) * (1 + rho)
    demand(P * max(1, 1 / shift) <= largest)
    casts = not has_all(W, F)
    if casts and divided != "weights" and recipe["overflow"] != "saturate":
        demand(real(W.largest) >= P)
    top = mpmath.exp(-h) * (1 - rho)
    demand(mpmath.exp(-h - tau) * (1 - rho) * min(1, shift) >= least_normal)
    demand(divided == "weights" or top * shift >= normal(W))
    row = None
    if inputs.masked == "any" or (block_masked and parts > 1 and means):
        demand(not infinite or recipe["empty"] == "zero")
        if masked:
            d = max(besides) - min(masked) + 2 * tau + 4 * epsilon
            row = mpmath.exp(-d - d * roundings(3, u) - J * each) * (1 - rho)
            demand(row * min(1, shift) >= max(least_normal, normal(W)))
    demand(4 * N * P2 * max(1, M) <= largest)
    if divided == "reciprocal":
        demand(4 / (min(top, row or top) * shift) <= largest)
        demand(least_normal <= 1 / (4 * N * P2))

    # Errors
    found = dict.fromkeys(
        ("product", "argument", "exponential", "underflow", "mask", "cast", "sums", "merge", "quotient", "output"),
        mpmath.mpf(0),
    )
    drift = real(c * inputs.drift)
    demand(drift <= 1 and drift + drift**2 < 1)
    found["product"] = (drift + drift**2) * R / (2 * (1 - drift - drift**2))
    e = mpmath.mpf(0)
    if casts:
        e = roundoff(W)
        if divided != "weights":
            e += max(mpmath.mpf(0), 1 - real(W.largest) / P)
    x = N * unit(W) / 2 / shift * (1 + 2 * rho)

    def lost_in_casts(weight: Real) -> Real:
        if not casts:
            return mpmath.mpf(0)
        return min(mpmath.mpf(1), N * unit(W) / 2) if divided == "weights" else x / (weight + x)

    before = recipe["sum"] == "before cast"
    shared = {"argument": a, "exponential": b} | ({} if before else {"cast": e})
    E = mpmath.mpf(1)
    for one in shared.values():
        E *= 1 + one
    demand(E < 2)
    for cause, one in shared.items():
        found[cause] += (of_average * (1 + r) if cause == "argument" else one) * E * R / (2 * (2 - E))
    f = least_normal * max(1, 1 / shift)
    lost = N * (2 * f * P2 / shift + 2 * mpmath.exp(-256)) / top + (0 if before else lost_in_casts(top))
    found["underflow"] += R if lost >= 1 else min(R, lost * R / (1 - lost))
    if masked:
        exponent = max(masked) - low + D2 * roundings(3, u) + J * each
        leak = N * mpmath.exp(exponent) * (1 + rho) / (1 - rho)
        found["mask"] += R if leak >= 1 else min(R, leak * R / (1 - leak))
    if before:
        found["cast"] += e * M
        found["underflow"] += lost_in_casts(top) * M
    cases = [(found, top), *([] if row is None else [(dict(found), row)])]
    for into, weight in cases:
        M2 = M * (1 + (e + lost_in_casts(weight) if before else 0))
        of_o, b_ = roundings(N, u), roundings(J - 1 + means, u)
        of_l = of_o if has_not(F, W) else roundings(N - 1, u)
        g = (1 + of_o) * (1 + b_) - 1
        demand(g < 0.5)
        small = (N + 2 * J + 2) * q * (1 + M2) / (min(1, weight * shift) * (1 - g))
        into["sums"] += (of_o + of_l) * M2 / (1 - g) + small
        into["merge"] += b_ * (2 + of_o + of_l) * M2 / (1 - g)
        now = M2 * (1 + g) / (1 - g) + small
        v = roundings(2 if divided == "reciprocal" else 1, u)
        into["quotient"] += (1 + means) * (v * (1 + v) * now + (N if divided == "weights" else 1) * q * (1 + now))
        now += into["quotient"]
        demand(now <= largest)
        demand(now <= real(A.largest))
        if not has_all(A, F):
            into["output"] += roundoff(A) * now + unit(A) / 2
    return found


def has_not(F: Rounding, W: Rounding) -> bool:
    """Whether W's largest number is not a number of F."""
    try:
        return F(W.largest) != W.largest
    except Overflows:
        return True
