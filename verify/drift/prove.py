"""Tokens of a softmax network whose activations drift: is there a beta at which all of them are proved right?"""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.constructions.transformer.network import Network
from exactformer.verify.all_inputs import Universal
from exactformer.verify.annotation.proof import HardmaxProof
from exactformer.verify.arithmetic.exponential import LARGEST_EXPONENT
from exactformer.verify.arithmetic.models import ArithmeticModel, Fused, ModelError, Rounded
from exactformer.verify.arithmetic.steps import NO_STEPS
from exactformer.verify.drift.bound import Asked, Breakdown, Drift, bound_drift


@dataclass(frozen=True)
class TokensProof:
    """At this beta every token is right, and activations drift by no more than this."""

    beta: int
    drift: Drift


def covered_by_drifts(model: ArithmeticModel) -> Rounded | Fused:
    """The model, if drifts can be bounded in it.

    Raises ModelError for others.
    """
    if isinstance(model, Rounded | Fused) and model.steps == NO_STEPS and not model.composed:
        return model
    raise ModelError(
        f"drifts of activations are bounded in rounded:W/A and fused:W/ACC/A without steps, not in {model.text}"
    )


def prove_tokens(
    proof: HardmaxProof, network: Network, universal: Universal, context: int, beta: int | None
) -> TokensProof | Breakdown:
    """At ``beta``, or at the smallest power of two that is tried: those from where look-ups give hardmax values on.

    Beyond beta = 4096 the bound on exponentials no longer changes.  If nothing is proved, what stopped the try that
    went furthest.
    Raises ModelError for a model in which drifts are not bounded.
    """
    model = covered_by_drifts(universal.model)
    if beta is not None:
        betas = [beta]
    else:
        least = min((case.least_beta for case in universal.cases if case.least_beta is not None), default=1)
        largest = min(1 << universal.largest_exponent, 2 * LARGEST_EXPONENT)
        betas = [1 << e for e in range(least.bit_length() - 1, largest.bit_length())]
    furthest = Breakdown("beta", f"beta = {1 << universal.largest_exponent} is the largest that is admitted", -1)
    for tried in betas:
        found = bound_drift(proof, network, Asked(model, context, universal.most_writes, tried))
        if isinstance(found, Drift):
            return TokensProof(tried, found)
        furthest = max(furthest, found, key=lambda breakdown: breakdown.layer)
    return furthest
