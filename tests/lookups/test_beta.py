"""The beta that is said to suffice does, one that is said not to does not, by heads that are computed one by one."""

from __future__ import annotations

import pytest

from exactformer.constructions.lookups.catalogue import SCHEMES
from exactformer.constructions.lookups.one_hot import ONE_HOT, TRACR
from exactformer.constructions.lookups.parabola import PARABOLA
from exactformer.verify.arithmetic.groups import ALL_MINUS_ONE, ALL_ONE, ONE, Group, Interval, Query
from exactformer.verify.arithmetic.heads import output
from exactformer.verify.arithmetic.models import parse_arithmetic
from exactformer.verify.lookups.arithmetics import ARITHMETICS
from exactformer.verify.lookups.beta import Look, betas, context_of
from exactformer.verify.lookups.decide import separation

BY_NAME = {arithmetic.name: arithmetic for arithmetic in ARITHMETICS}


@pytest.mark.parametrize(("name", "signs", "ternary"), [("fp32", 32, 128), ("bf16", 8, 128), ("fp16", 16, 32)])
def test_betas_of_the_parabola(name: str, signs: int, ternary: int) -> None:
    """At a query with neighbours on both sides, whose values are all -1: right at beta, and wrong at half of it."""
    arithmetic = BY_NAME[name]
    found = betas(arithmetic, separation(PARABOLA, arithmetic))
    assert [one.beta for one in found] == [signs, ternary]
    assert all(one.is_least for one in found)
    model = parse_arithmetic(arithmetic.softmax, of_networks=True)
    for beta, right in ((signs, True), (signs // 2, False)):
        groups = (Group(1, 1, 0, 0, ALL_ONE), Group(2, 2, beta, beta, ALL_MINUS_ONE))
        assert (output(model, Query(groups, 3)).after == Interval(ONE, ONE)) is right


def test_an_overflow_leaves_no_beta() -> None:
    counting = next(scheme for scheme in SCHEMES if scheme.causal)
    signs, ternary = betas(BY_NAME["fp16"], separation(counting, BY_NAME["fp16"]))
    assert (signs.beta, ternary.beta) == (None, None)
    assert signs.reason == "2^25 times the largest score overflows fp16"
    signs, _ = betas(BY_NAME["fp16, scores fp32"], separation(counting, BY_NAME["fp16, scores fp32"]))
    assert signs.beta == 1 << 25


def test_contexts_end_at_two_to_the_64() -> None:
    found = separation(ONE_HOT, BY_NAME["fp32"])
    assert found.proved is None
    assert context_of(found) == 1 << 64
    assert context_of(separation(PARABOLA, BY_NAME["fp32"])) == 4097


@pytest.mark.parametrize(
    ("name", "suffices"),
    [("fp16, scores fp32", True), ("bf16, scores fp32", True), ("fp32", False), ("fp64", False)],
)
def test_what_tracrs_constant_is_enough_for(name: str, suffices: bool) -> None:
    """In a context of 2^16, ternary values: 100 makes all other weights vanish in 16 bits, and not in fp32 or fp64."""
    arithmetic = BY_NAME[name]
    model = parse_arithmetic(arithmetic.softmax, of_networks=True)
    look = Look(model, separation(ONE_HOT, arithmetic), 1 << 16, ternary=True)
    assert look.holds(TRACR) is suffices
    assert Look(model, look.found, look.context, ternary=False).holds(TRACR)
