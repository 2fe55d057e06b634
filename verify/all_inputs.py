"""From what is proved of heads for all inputs to the softmax network in one arithmetic (ARITHMETIC 6).

Besides the arithmetic, N and beta, only each head's separation and the number of tokens that may tie matter.
`decide_ties_of` alone decides this: for `certify --all-inputs`, which proves separations, and, through `decide_heads`,
for `audit`, `counterexample` and `compare`, which take them as given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from exactformer.verify.arithmetic.exp_bounds import LARGEST_EXPONENT
from exactformer.verify.arithmetic.models import (
    ArithmeticModel,
    BetaSplit,
    Exact,
    Fused,
    ModelError,
    Rounded,
    is_plain,
    largest_beta_exponent,
    largest_held_exponent,
    split_for,
)
from exactformer.verify.arithmetic.scaled_separation import smallest_beta_for_ties, ties_that_hold
from exactformer.verify.arithmetic.softmax import HeadFacts
from exactformer.verify.arithmetic.steps import NO_STEPS
from exactformer.verify.arithmetic.ties import TieFacts
from exactformer.verify.assessment import least_beta_within_half, require_admitted
from exactformer.verify.verdict import Verdict


class TyingHead(Protocol):
    """What matters about a head: how far below the selected tokens all others score; whether several selected tokens
    may share a value other than 0."""

    @property
    def separation(self) -> int: ...

    @property
    def many(self) -> bool: ...


@dataclass(frozen=True)
class TieCase:
    """Heads with one separation and one bound on ties, at the chosen beta.

    up_to: all numbers of maximisers from 1 to this one give the hardmax result.  least_beta: the smallest power of two
    at which all numbers that may occur do, None if no admitted power is enough.
    """

    model: ArithmeticModel
    facts: TieFacts
    up_to: int
    least_beta: int | None

    @property
    def holds(self) -> bool:
        return self.up_to == self.facts.most


@dataclass(frozen=True)
class Universal:
    """What is known about the softmax network, for all inputs that write no cell more than ``most_writes`` times."""

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
    def verdict(self) -> Verdict:
        """If the inequalities do not hold, nothing is refuted: they are sufficient for a proof, not necessary."""
        return Verdict.PROVED if self.proved else Verdict.INCONCLUSIVE

    @property
    def most_writes_proved(self) -> int:
        """Up to how many writes of one cell the softmax network is proved to be right; 0 if writes are not the
        reason."""
        if any(not case.holds for case in self.cases if case.facts.most == 1):
            return 0
        return min((case.up_to for case in self.cases if case.facts.most > 1), default=self.most_writes)


def decide_heads(
    heads: Sequence[TyingHead],
    largest_score: int,
    model: ArithmeticModel,
    context: int,
    most_writes: int,
    beta: int | None,
) -> Universal:
    """Decide every case at ``beta``, or at the smallest power of two at which all cases hold that hold at any; if none
    does, at the largest that W_Q and W_K may have.

    largest_score: the length of the longest query list.  Raises ModelError if the scores are not exact at any beta, and
    BetaError if they are not at the given one.
    """
    pairs = [(head.separation, most_writes if head.many else 1) for head in heads]
    return replace(decide_ties_of(pairs, largest_score, model, context, beta), most_writes=most_writes)


def decide_ties_of(
    heads: Sequence[tuple[int, int]], largest_score: int, model: ArithmeticModel, context: int, beta: int | None
) -> Universal:
    """The same, for heads with known separations and bounds on ties."""
    largest_exponent = largest_beta_exponent(model, largest_score)
    if beta is not None:
        require_admitted(beta, model, largest_exponent)
    rounded_from = largest_score if model.steps.once else None
    facts = [TieFacts(separation, most, context, rounded_from) for separation, most in heads]
    distinct = tuple(dict.fromkeys(facts))
    least = [smallest_beta_for_ties(model, one, largest_exponent) for one in distinct]
    chosen = beta or max((one for one in least if one is not None), default=None)
    if chosen is None and isinstance(model, Exact):
        chosen = least_beta_within_half(
            [HeadFacts(one.separation, (1,), context) for one in distinct], largest_exponent
        )
    at = chosen or 1 << largest_held_exponent(model, largest_exponent)
    cases = tuple(
        TieCase(model, one, ties_that_hold(model, one, at), needed) for one, needed in zip(distinct, least, strict=True)
    )
    return Universal(
        model,
        max(most for _, most in heads),
        largest_score,
        largest_exponent,
        at,
        cases,
        tuple(map(distinct.index, facts)),
    )


def covered_by_drifts(model: ArithmeticModel) -> Rounded | Fused:
    """The model, if drifts can be bounded in it (DRIFT).

    Raises ModelError for others.
    """
    if isinstance(model, Rounded | Fused) and model.steps == NO_STEPS and is_plain(model):
        return model
    raise ModelError(
        f"drifts of activations are bounded in rounded:W/A and fused:W/ACC/A without steps, not in {model.text}"
    )


def betas_for_drifts(universal: Universal, beta: int | None) -> list[int]:
    """At which betas drifts are bounded: the given one, or those from where on look-ups give hardmax values.

    Beyond beta = 4096 the bound on exponentials no longer changes.
    """
    if beta is not None:
        return [beta]
    least = min((case.least_beta for case in universal.cases if case.least_beta is not None), default=1)
    largest = min(1 << universal.largest_exponent, 2 * LARGEST_EXPONENT)
    return [1 << e for e in range(least.bit_length() - 1, largest.bit_length())]
