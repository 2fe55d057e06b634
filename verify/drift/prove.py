"""Tokens of a softmax network whose activations drift: is there a beta at which all of them are proved right?"""

from __future__ import annotations

from dataclasses import dataclass

from exactformer.constructions.transformer.network import Network
from exactformer.verify.all_inputs import Universal, betas_for_drifts, covered_by_drifts
from exactformer.verify.annotation.proof import HardmaxProof
from exactformer.verify.drift.bound import Asked, Breakdown, Drift, bound_drift


@dataclass(frozen=True)
class TokensProof:
    """At this beta every token is right, and activations drift by no more than this."""

    beta: int
    drift: Drift


def prove_tokens(
    proof: HardmaxProof, network: Network, universal: Universal, context: int, beta: int | None
) -> TokensProof | Breakdown:
    """At ``beta``, or at the smallest power of two that is tried. If nothing is proved, what stopped the try that went
    furthest.

    Raises ModelError for a model in which drifts are not bounded.
    """
    model = covered_by_drifts(universal.model)
    furthest = Breakdown("beta", f"beta = {1 << universal.largest_exponent} is the largest that is admitted", -1)
    for tried in betas_for_drifts(universal, beta):
        found = bound_drift(proof, network, Asked(model, context, universal.most_writes, tried))
        if isinstance(found, Drift):
            return TokensProof(tried, found)
        furthest = max(furthest, found, key=lambda breakdown: breakdown.layer)
    return furthest
