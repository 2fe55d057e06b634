"""Exact numbers for softmax of rational scores: quotients of sums sum_i c_i e^(s_i), c_i and s_i rational.

With a common denominator q of all s_i they are rational functions of t = e^(1/q).  t is transcendental (Hermite), so
two of them are the same number if and only if they are the same rational function, which the coefficients decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

Sum = Mapping[Fraction, Fraction]
"""From the exponent s to its coefficient c: the number sum c e^s."""


def rational(value: Fraction) -> Sum:
    """A rational number, as c e^0."""
    return {Fraction(0): value} if value else {}


def added(left: Sum, right: Sum) -> Sum:
    """left + right, without terms that vanish."""
    found = dict(left)
    for exponent, coefficient in right.items():
        found[exponent] = found.get(exponent, Fraction(0)) + coefficient
    return {exponent: coefficient for exponent, coefficient in found.items() if coefficient}


def product(left: Sum, right: Sum) -> Sum:
    """left * right."""
    found: dict[Fraction, Fraction] = {}
    for s, c in left.items():
        for r, b in right.items():
            found[s + r] = found.get(s + r, Fraction(0)) + c * b
    return {exponent: coefficient for exponent, coefficient in found.items() if coefficient}


@dataclass(frozen=True)
class Quotient:
    """above / below; all coefficients of `below` are positive, so it is not 0."""

    above: Sum
    below: Sum

    @classmethod
    def of(cls, value: Fraction) -> Quotient:
        """A rational number."""
        return cls(rational(value), rational(Fraction(1)))

    def __add__(self, other: Quotient) -> Quotient:
        crossed = added(product(self.above, other.below), product(other.above, self.below))
        return Quotient(crossed, product(self.below, other.below))

    def scaled(self, factor: Fraction) -> Quotient:
        """factor times the number."""
        return Quotient(product(self.above, rational(factor)), self.below)

    def same_as(self, other: Quotient) -> bool:
        """Whether both are the same real number.

        >>> one, e = Fraction(1), Fraction(1)
        >>> Quotient({e: one}, {e: one + 1}).same_as(Quotient.of(Fraction(1, 2)))
        True
        """
        return product(self.above, other.below) == product(other.above, self.below)

    def residue(self, t: int, denominator: int, prime: int) -> int:
        """The rational function at a residue t instead of e^(1/denominator): equal numbers have equal residues.

        Every exponent times `denominator` is an integer.  Raises ValueError if `below` vanishes there.
        """
        below = _residue(self.below, t, denominator, prime)
        if below == 0:
            raise ValueError(f"the residue is not defined at {t} modulo {prime}; take another t")
        return _residue(self.above, t, denominator, prime) * pow(below, -1, prime) % prime


def _residue(terms: Sum, t: int, denominator: int, prime: int) -> int:
    found = 0
    for exponent, coefficient in terms.items():
        power = pow(t, int(exponent * denominator), prime)
        found += coefficient.numerator * pow(coefficient.denominator, -1, prime) * power
    return found % prime
