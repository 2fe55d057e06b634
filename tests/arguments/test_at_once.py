"""SPEC 16: all numbers of maximisers at once, where weights are rounded (verify/ARGUMENTS.md, 12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import pytest
from exactformer.certificates.checker.arithmetic import cells, condition, exp_above, parse_model, rounds_to_1
from exactformer.certificates.checker.steps.naming import Model

from exactformer.certificates.checker.formats import Interval

MODELS = [
    parse_model("at", f"rounded:{weight}/{activation}")
    for weight in ("float(3,-4,1)", "float(5,-3,0)", "float(6,-9,2)", "fixed4", "fixed7.1", "fp16")
    for activation in ("float(2,-1,1)", "float(3,-2,2)", "fixed3", "fixed1.1")
]


@dataclass(frozen=True)
class AtOnce:
    """M1, and I."""

    most: int
    interval: Interval


def at_once(model: Model, N: int, x: int, share: Fraction, least: Fraction) -> AtOnce:
    """By the text, where ``share`` of the slack may be lost to the smallest weight, and u times ``least`` is needed."""
    tau, u, q = Fraction(exp_above(x)[0], 1 << exp_above(x)[1]), model.weight.roundoff, model.weight.unit
    leak = (N - 1) * model.weight.of(tau)
    low, high, cell = 1 / (1 + (N - 1) * tau) - leak, 1 + leak, cells(model)[0]
    slack = min(low - cell[0], cell[1] - high)
    most = min(N, (2 * share * slack / q).__floor__()) if slack >= least * u else 0
    h = max(u, most * q / 2)
    return AtOnce(max(most, 0), (low - h, high + h))


def wrong(share: Fraction, least: Fraction) -> Iterator[str]:
    """Where a number up to M1 does not meet the condition, or its interval is not in I, or I not in the cell."""
    for model, N, x in product(MODELS, (1, 2, 5, 12, 40), (1, 2, 9)):
        found = at_once(model, N, x, share, least)
        if found.most and not rounds_to_1(model, found.interval):
            yield "cell"
        for m in range(1, found.most + 1):
            here = condition(model, N, x, (m,), 0).one
            assert here is not None
            if not rounds_to_1(model, here):
                yield "condition"
            if not (found.interval[0] <= here[0] and here[1] <= found.interval[1]):
                yield "interval"


def test_all_up_to_the_bound_meet_the_condition() -> None:
    assert next(wrong(Fraction(1), Fraction(1)), None) is None
    reached = [at_once(model, 40, 9, Fraction(1), Fraction(1)).most for model in MODELS]
    assert sum(0 < most < 40 for most in reached) > 3
    assert 40 in reached


@pytest.mark.parametrize(("share", "least"), [(2, 1), (1, 0)])
def test_with_more_of_the_slack_or_without_u_some_do_not(share: int, least: int) -> None:
    assert "condition" in set(wrong(Fraction(share), Fraction(least)))
