"""What follows from beta times the separation: against each number of maximisers for itself, and each beta."""

from __future__ import annotations

from itertools import product

import pytest

from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.arithmetic.scaled_separation import (
    least_scaled_separation,
    smallest_beta_for_ties,
    ties_that_hold,
)
from exactformer.verify.arithmetic.softmax import Fails, HeadFacts, decide
from exactformer.verify.arithmetic.ties import TieFacts, decide_ties

SMALL = (
    "rounded:float(5,-3,4)/float(3,-2,2)",
    "rounded:float(4,-3,1)/float(4,-3,1)",
    "rounded:e4m3fn/e5m2",
    "rounded:fixed5/fixed3",
    "fused:float(2,-1,1)/float(3,-2,3)/float(2,0,1)",
    "fused:fixed3/fixed4.5/bf16",
)


@pytest.mark.parametrize("text", SMALL)
def test_thresholds_are_those_of_each_number_for_itself(text: str) -> None:
    model = parse_arithmetic(text)
    for context, most in [(1, 1), (7, 7), (40, 1), (40, 5), (40, 40), (200, 200)]:
        found = least_scaled_separation(model, most, context)

        def holds(x: int, context: int = context, most: int = most) -> bool:
            facts = (HeadFacts(x, (m,), context) for m in range(1, most + 1))
            return not any(isinstance(decide(model, one, 1), Fails) for one in facts)

        if found is None:
            assert not holds(4096)
        else:
            assert holds(found)
            assert found == 1 or not holds(found - 1)


@pytest.mark.parametrize("text", [*SMALL, "fused:bf16@e4m3fn+once", "fused:bf16+head256+exp20-one"])
def test_heads_of_all_separations_share_what_is_found(text: str) -> None:
    model = parse_arithmetic(text)
    for separation, most, largest in product((1, 2), (1, 7), (None, 20)):
        facts = TieFacts(separation, most, 100, largest)
        held = {1 << e: decide_ties(model, facts, 1 << e).up_to for e in range(13)}
        assert {beta: ties_that_hold(model, facts, beta) for beta in held} == held
        least = next((beta for beta, up_to in held.items() if up_to == most), None)
        assert smallest_beta_for_ties(model, facts, 12) == least
