"""From what runs show about every head to a verdict about the softmax network in one arithmetic.

A *case* is a pair (separation, ties): heads with the same pair hold or fail together, whatever else they do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.tokens import TokenSequence
from exactformer.verify.arithmetic.models import (
    ArithmeticModel,
    BetaSplit,
    Exact,
    gaps_are_kept,
    largest_beta_exponent,
    split_for,
)
from exactformer.verify.arithmetic.softmax import Decision, Fails, HeadBounds, HeadFacts, Holds, decide, smallest_beta
from exactformer.verify.hardmax.observe import HeadObservation, Observations
from exactformer.verify.hardmax.prepared import PreparedNetwork
from exactformer.verify.refutation import Refutation, search_refutation
from exactformer.verify.separation import LookupSeparation, SeparationNotProved, prove_pairing_separation
from exactformer.verify.verdict import Verdict


class BetaError(ValueError):
    """A beta at which scores or scaled activations would not be exact."""


def require_admitted(beta: int, model: ArithmeticModel, largest_exponent: int) -> None:
    """Raises BetaError for a power of two beyond 2**largest_exponent."""
    if beta > 1 << largest_exponent:
        raise BetaError(
            f"beta = 2^{beta.bit_length() - 1} is too large for {model.text}: scores and scaled activations are exact "
            f"only up to beta = 2^{largest_exponent}"
        )


@dataclass(frozen=True)
class Case:
    """One (separation, ties), decided at the chosen beta (None if no beta is chosen).

    ``least_beta`` is the smallest power of two at which it holds, None if it holds at no admitted power.
    """

    facts: HeadFacts
    decision: Decision | None
    least_beta: int | None


@dataclass(frozen=True)
class Assessment:
    """Everything that is said about the softmax network on the observed runs."""

    model: ArithmeticModel
    context: int
    largest_score: int
    largest_exponent: int
    beta: int | None
    cases: tuple[Case, ...]
    case_of_head: tuple[int, ...]
    verdict: Verdict
    refutation: Refutation | None

    @property
    def split(self) -> BetaSplit | None:
        return None if self.beta is None else split_for(self.model, self.beta)


def prove_lookups(prepared: PreparedNetwork) -> dict[tuple[tuple[int, int], ...], LookupSeparation]:
    """The separation of every look-up head, for all positions: each different pairing of bits proved once.

    Raises SeparationNotProved if a head that is declared a look-up is not one.
    """
    r = prepared.network.position_bits
    proofs: dict[tuple[tuple[int, int], ...], LookupSeparation] = {}
    for number, layer in enumerate(prepared.network.layers, start=1):
        for head in layer.heads:
            if head.kind is not HeadKind.LOOKUP:
                continue
            first = min(head.query)
            pairs = tuple((query - first, key) for query, key in zip(head.query, head.key, strict=True))
            if pairs not in proofs:
                verdict = prove_pairing_separation(r, pairs)
                if not isinstance(verdict, LookupSeparation):
                    raise SeparationNotProved(f"layer {number}, head {head.name}: {verdict}")
                proofs[pairs] = verdict
    return proofs


def facts_of(observed: HeadObservation, context: int, largest_score: int | None = None) -> HeadFacts:
    """Separation and ties of a head: the separation of a look-up is proved, any other is that of the runs."""
    lookup = observed.head.kind is HeadKind.LOOKUP
    separation = LookupSeparation.separation if lookup else observed.separation
    return HeadFacts(separation, tuple(sorted(observed.ties)), context, largest_score)


def assess(
    prepared: PreparedNetwork,
    sequences: Sequence[TokenSequence],
    observations: Observations,
    model: ArithmeticModel,
    context: int,
    beta: int | None = None,
    on_refutation: Callable[[], None] = lambda: None,
) -> Assessment:
    """Decide every case, at ``beta`` or at the smallest power of two that certifies all heads.

    ``prove_lookups`` must have succeeded.  If no beta certifies, or the given one does not, a query of the runs that
    shows this is searched for; ``on_refutation`` is called when the search begins.  Raises ModelError if the scores are
    not exact at any beta, and BetaError if they are not at the given one.
    """
    largest_score = max((len(head.query) for layer in prepared.network.layers for head in layer.heads), default=1)
    largest_exponent = largest_beta_exponent(model, largest_score)
    if beta is not None:
        require_admitted(beta, model, largest_exponent)
    rounded_from = largest_score if model.steps.once else None
    facts = [facts_of(observed, context, rounded_from) for observed in observations.heads]
    distinct = tuple(dict.fromkeys(facts))
    least = [smallest_beta(model, case, largest_exponent) for case in distinct]
    certain = [one for one in least if one is not None]
    refutation = None
    chosen = beta
    if chosen is None and len(certain) == len(least):
        chosen = max(certain, default=1)
    decisions = None if chosen is None else [decide(model, case, chosen) for case in distinct]
    if decisions is None or any(isinstance(decision, Fails) for decision in decisions):
        on_refutation()
        exponents = range(largest_exponent + 1) if chosen is None else [chosen.bit_length() - 1]
        # Gaps between scores as integers say nothing about scores that rounding changes.
        if not isinstance(model, Exact) and gaps_are_kept(model, largest_score):
            suspects = _suspects(model, observations, facts, exponents)
            refutation = search_refutation(prepared, sequences, model, suspects, exponents)
    if decisions is None and refutation is None:
        # Neither certified nor refuted: say what holds at a beta at which every case holds that holds at any.
        chosen = max(certain, default=least_beta_within_half(distinct, largest_exponent))
        decisions = [decide(model, case, chosen) for case in distinct]
    return Assessment(
        model,
        context,
        largest_score,
        largest_exponent,
        chosen,
        tuple(Case(case, decisions[place] if decisions else None, least[place]) for place, case in enumerate(distinct)),
        tuple(distinct.index(one) for one in facts),
        _verdict(decisions, refutation),
        refutation,
    )


def least_beta_within_half(cases: Sequence[HeadFacts], largest_exponent: int) -> int:
    """The smallest power of two at which real softmax errs by less than 1/2 in every case, on exact input.

    Then the hardmax value is the ternary value next to the head's result; the largest beta if there is none.
    """
    for exponent in range(largest_exponent + 1):
        decisions = [decide(Exact(), case, 1 << exponent) for case in cases]
        if all(_errs_by_less_than_half(decision.bounds) for decision in decisions):
            return 1 << exponent
    return 1 << largest_exponent


def _errs_by_less_than_half(bounds: HeadBounds) -> bool:
    """The error of real softmax.  It is largest for the smallest number of maximisers; the bounds are for that at
    least."""
    half = Fraction(1, 2)
    one = bounds.one is None or 1 - bounds.one.low < half
    return one and (bounds.zero is None or bounds.zero.magnitude < half)


def _verdict(decisions: list[Decision] | None, refutation: Refutation | None) -> Verdict:
    if refutation is not None:
        return Verdict.REFUTED
    if decisions is not None and all(isinstance(decision, Holds) for decision in decisions):
        return Verdict.CERTIFIED
    return Verdict.INCONCLUSIVE


def _suspects(
    model: ArithmeticModel, observations: Observations, facts: list[HeadFacts], exponents: Sequence[int]
) -> list[tuple[HeadObservation, int | None]]:
    """Heads whose case fails at the largest or the smallest exponent, with the number of maximisers it fails at."""
    suspects: dict[tuple[HeadFacts, int | None], HeadObservation] = {}
    for exponent in (max(exponents), min(exponents)):
        for observed, case in zip(observations.heads, facts, strict=True):
            decision = decide(model, case, 1 << exponent) if (case, None) not in suspects else None
            if isinstance(decision, Fails):
                ties = decision.reason.maximisers if decision.reason.maximisers in observed.ties else None
                suspects.setdefault((case, ties), observed)
    return [(observed, ties) for (_, ties), observed in suspects.items()]
