"""Integers that depend on the bits of formulas, given by cases.

Words:
    cases  an integer: each value it may have, with the formula that says when; just one of the formulas holds
    loss   how far an integer stays below its largest value
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import add, mul
from typing import TypeAlias

from exactformer.certificates.checker.diagrams import FALSE, Formula, choice, disjunction, equal
from exactformer.certificates.checker.document import TooLarge
from exactformer.certificates.checker.weighed import Weighed

Cases: TypeAlias = dict[int, Formula]

MOST_VALUES, MOST_PAIRS = 2**10, 2**14
"""The most values of one integer, and the most pairs of values of two that are added or multiplied."""


def sign(bit: Formula) -> Cases:
    """1 if the bit is 1, else -1."""
    return possible({-1: ~bit, 1: bit})


def _is_sign(cases: Cases) -> bool:
    return len(cases) == 2 and 1 in cases and -1 in cases


def possible(cases: Cases) -> Cases:
    """Without the values that the integer never has."""
    return {value: formula for value, formula in cases.items() if formula is not FALSE}


def either(condition: Formula, then: Cases, other: Cases) -> Cases:
    """The first integer if the condition holds, else the second."""
    values = sorted({*then, *other})
    return possible({value: choice(condition, then.get(value, FALSE), other.get(value, FALSE)) for value in values})


def product(left: Cases, right: Cases) -> Cases:
    """The product of two integers; of two signs it says whether they agree."""
    if _is_sign(left) and _is_sign(right):
        return sign(equal(left[1], right[1]))
    return combined(left, right, mul)


def summed(left: Cases, right: Cases) -> Cases:
    """The sum of two integers."""
    return combined(left, right, add)


def scaled(cases: Cases, factor: int) -> Cases:
    """``factor``, which is not 0, times the integer."""
    return {factor * value: formula for value, formula in cases.items()}


def combined(left: Cases, right: Cases, operation: Callable[[int, int], int]) -> Cases:
    """The result of a commutative operation on two integers."""
    if len(left) * len(right) > MOST_PAIRS:
        raise TooLarge(
            f"integers of {len(left)} and {len(right)} values; this checker combines up to {MOST_PAIRS} pairs"
        )
    if len(right) > len(left):
        left, right = right, left
    cases: Cases | None = None
    for two, second in right.items():
        moved: Cases = {}
        for one, first in left.items():
            value = operation(one, two)
            moved[value] = moved[value] | first if value in moved else first
        cases = moved if cases is None else either(second, moved, cases)
    cases = cases or {}
    if len(cases) > MOST_VALUES:
        raise TooLarge(f"an integer may have more than {MOST_VALUES} values")
    return cases


def lost(terms: Iterable[Cases], most: int, known: Weighed | None = None) -> Cases:
    """How far the sum of integers stays below the sum of their largest values; ``most`` stands for that much or more;
    ``known``: results kept from before.

    What one integer loses, no other can win back, so losses beyond ``most`` need not be told apart.
    """
    losses = ((max(cases) - value, formula) for cases in terms for value, formula in cases.items())
    return (known or Weighed()).up_to(most, losses)


def same(left: Cases, right: Cases) -> Formula:
    """The formula that two integers are equal."""
    if _is_sign(left) and _is_sign(right):
        return equal(left[1], right[1])
    return disjunction(left[value] & right[value] for value in left if value in right)
