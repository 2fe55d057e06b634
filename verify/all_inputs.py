"""From the hardmax proof for all inputs to the softmax network in one arithmetic (spec 5.1, point 6; SPEC 16)."""

from __future__ import annotations

from dataclasses import dataclass

from constructions.transformer.network import Network
from verify.annotation.proof import HardmaxProof
from verify.arithmetic.models import ArithmeticModel, BetaSplit, Exact, largest_beta_exponent, split_for
from verify.arithmetic.softmax import HeadFacts
from verify.arithmetic.ties import TieDecision, TieFacts, decide_ties, smallest_beta_for_ties
from verify.assessment import least_beta_within_half, require_admitted


@dataclass(frozen=True)
class TieCase:
    """Heads with one separation and one bound on ties, decided at the chosen beta.

    ``least_beta`` is the smallest power of two at which all numbers of maximisers hold, None if none admitted does.
    """

    facts: TieFacts
    decision: TieDecision
    least_beta: int | None

    @property
    def holds(self) -> bool:
        return self.decision.up_to == self.facts.most


@dataclass(frozen=True)
class Universal:
    """What is known of the softmax network, for all inputs that write no cell more than ``most_writes`` times."""

    model: ArithmeticModel
    most_writes: int
    largest_score: int
    largest_exponent: int
    beta: int
    cases: tuple[TieCase, ...]
    case_of_head: tuple[int, ...]

    @property
    def split(self) -> BetaSplit:
        return split_for(self.model, self.beta)

    @property
    def proved(self) -> bool:
        return all(case.holds for case in self.cases)

    @property
    def most_writes_proved(self) -> int:
        """Up to how many writes of one cell the softmax network is proved to be right; 0 if that is not the reason."""
        if any(not case.holds for case in self.cases if case.facts.most == 1):
            return 0
        return min((case.decision.up_to for case in self.cases if case.facts.most > 1), default=self.most_writes)


def assess_all(
    proof: HardmaxProof, network: Network, model: ArithmeticModel, context: int, most_writes: int, beta: int | None
) -> Universal:
    """Decide every case at ``beta``, or at the smallest power of two at which all those hold that can.

    Raises ModelError when the scores are not exact at any beta, and BetaError when they are not at the one given.
    """
    largest_score = max(len(head.query) for layer in network.layers for head in layer.heads)
    largest_exponent = largest_beta_exponent(model, largest_score)
    if beta is not None:
        require_admitted(beta, model, largest_exponent)
    rounded_from = largest_score if model.steps.once else None
    facts = [TieFacts(head.separation, most_writes if head.many else 1, context, rounded_from) for head in proof.heads]
    distinct = tuple(dict.fromkeys(facts))
    least = [smallest_beta_for_ties(model, one, largest_exponent) for one in distinct]
    chosen = beta or max((one for one in least if one is not None), default=None)
    if chosen is None and isinstance(model, Exact):
        chosen = least_beta_within_half(
            [HeadFacts(one.separation, (1,), context) for one in distinct], largest_exponent
        )
    chosen = chosen or 1 << largest_exponent
    cases = tuple(
        TieCase(one, decide_ties(model, one, chosen), beta) for one, beta in zip(distinct, least, strict=True)
    )
    return Universal(
        model, most_writes, largest_score, largest_exponent, chosen, cases, tuple(map(distinct.index, facts))
    )
