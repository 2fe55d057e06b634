"""Accumulation simulated step by step, in orders drawn at random: the bounds are compared with it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction

from exactformer.verify.arithmetic.exponentials import exp_minus
from exactformer.verify.arithmetic.formats import Format, round_to
from exactformer.verify.arithmetic.models import Fused


def accumulate(accumulator: Format, terms: list[Fraction], rng: random.Random) -> Fraction:
    """One computed sum: one by one, ascending, descending or shuffled, or by a random tree of additions."""
    terms = list(terms) or [Fraction(0)]
    style = rng.randrange(4)
    if style == 0:
        terms.sort(key=abs)
    elif style == 1:
        terms.sort(key=abs, reverse=True)
    else:
        rng.shuffle(terms)
    if style == 3:
        while len(terms) > 1:
            right = terms.pop(rng.randrange(len(terms)))
            left = terms.pop(rng.randrange(len(terms)))
            terms.append(round_to(accumulator, left + right))
        return terms[0]
    total = terms[0]
    for term in terms[1:]:
        total = round_to(accumulator, total + term)
    return total


def simulate_fused(model: Fused, beta: int, gaps: Mapping[int, tuple[int, int, int]], rng: random.Random) -> Fraction:
    """The result at one query in one order of accumulation: weights, numerator and denominator, each rounded."""
    weights: list[Fraction] = []
    terms: list[Fraction] = []
    for gap, (positions, positive, negative) in gaps.items():
        low, high = (round_to(model.weights, end) for end in exp_minus(beta * gap))
        if low != high:
            raise ValueError(f"exp(-{beta * gap}) is too close to a rounding boundary for this simulation")
        weights += [low] * positions
        terms += [low] * positive + [-low] * negative + [Fraction(0)] * (positions - positive - negative)
    numerator = accumulate(model.accumulator, terms, rng)
    return round_to(model.activations, numerator / accumulate(model.accumulator, weights, rng))
