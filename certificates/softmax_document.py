"""What a certificate about a theory says of softmax, with any number of ties up to a bound (SPEC 16)."""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.certificates.document import Rational, rational
from exactformer.verify.all_inputs import TieCase

TieRange = tuple[str, str]


@dataclass(frozen=True)
class TieCaseRecord:
    separation: int
    ties: list[TieRange]
    tau: Rational | None
    one: tuple[Rational, Rational] | None
    zero: Rational | None
    least_beta: str | None
    up_to: str
    holds: bool


@dataclass(frozen=True)
class TieSoftmax:
    largest_score: int
    one_cell: tuple[Rational, Rational]
    zero_cell: tuple[Rational, Rational]
    cases: list[TieCaseRecord]


def _ties(case: TieCase) -> list[TieRange]:
    return [("1", str(case.facts.most))]


def tie_case(case: TieCase) -> TieCaseRecord:
    """A case at the certificate's beta."""
    decision = case.decision
    one, zero = decision.one, decision.zero
    return TieCaseRecord(
        separation=case.facts.separation,
        ties=_ties(case),
        tau=None if decision.tau is None else rational(decision.tau),
        one=None if one is None else (rational(one[0]), rational(one[1])),
        zero=None if zero is None else rational(zero),
        least_beta=None if case.least_beta is None else str(case.least_beta),
        up_to=str(case.up_to),
        holds=case.holds,
    )
