"""From the hardmax proof to the softmax network: cases, the beta that is chosen, and how many writes are proved."""

from __future__ import annotations

from functools import cache

import pytest

from exactformer.constructions.machines.library import load_machine
from exactformer.constructions.transformer.network import Network
from exactformer.constructions.transformer.program import HeadKind
from exactformer.constructions.turing.construct import construct
from exactformer.constructions.turing.paradigm import Paradigm
from exactformer.verify.all_inputs import Universal, assess_all
from exactformer.verify.annotation.evidence import Evidence
from exactformer.verify.annotation.proof import HardmaxProof, prove_hardmax
from exactformer.verify.arithmetic.models import ModelError, parse_arithmetic
from exactformer.verify.arithmetic.softmax import HeadFacts, Holds, decide
from exactformer.verify.arithmetic.ties import TieFacts, decide_ties
from exactformer.verify.assessment import BetaError


@cache
def proved() -> tuple[HardmaxProof, Network]:
    machine = load_machine("increment")
    network = construct(Paradigm.COT, machine, 4)
    proof = prove_hardmax(machine, network, Evidence())
    assert isinstance(proof, HardmaxProof)
    return proof, network


def assess(arithmetic: str, context: int, most_writes: int, beta: int | None = None) -> Universal:
    """What follows for one network; the context may be longer than the network's, as no inequality speaks of that."""
    return assess_all(*proved(), parse_arithmetic(arithmetic), context, most_writes, beta)


def test_every_head_has_the_case_of_its_separation_and_ties() -> None:
    proof, _ = proved()
    made = assess("fused:bf16", 1000, 70)
    assert len(made.cases) == len(set(made.cases)) == 3
    assert sorted(set(made.case_of_head)) == [0, 1, 2]
    for head, number in zip(proof.heads, made.case_of_head, strict=True):
        separation = 2 if head.head.kind is HeadKind.LOOKUP else 1
        most = 70 if head.head.name.startswith(("written_", "exists_high_")) else 1
        assert made.cases[number].facts == TieFacts(separation, most, 1000), head.head.name
    for case in made.cases:
        assert case.decision == decide_ties(made.model, case.facts, made.beta)


ARITHMETICS = (
    "fused:bf16",
    "fused:e4m3fn/fp32/bf16",
    "rounded:fp32/bf16",
    "rounded:bf16/e4m3fn",
    "rounded:fixed12/e4m3fn",
)


@pytest.mark.parametrize("context", [16, 256, 2**20, 2**64])
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_the_beta_that_is_chosen_is_the_smallest_that_is_enough(arithmetic: str, context: int) -> None:
    made = assess(arithmetic, context, 7)
    assert made.proved
    assert made.beta == max(case.least_beta or 0 for case in made.cases)
    assert made.beta == made.split.query * made.split.key > 1
    assert not assess(arithmetic, context, 7, made.beta // 2).proved
    for given in (made.beta, 2 * made.beta, 1 << made.largest_exponent):
        again = assess(arithmetic, context, 7, given)
        assert (again.proved, again.beta) == (True, given)
        assert [case.least_beta for case in again.cases] == [case.least_beta for case in made.cases]


@pytest.mark.parametrize(
    ("arithmetic", "most"),
    [("rounded:bf16/bf16", 60), ("rounded:fp16/fp16", 10), ("rounded:fixed12/bf16", 33), ("fused:bf16", 2**24)],
)
def test_how_many_writes_of_one_cell_are_proved(arithmetic: str, most: int) -> None:
    # The accumulator of fused:bf16 has to hold as many terms as there are tokens.
    context = 2**24 + 2**10
    for writes in (1, most - 1, most, most + 1, context):
        made = assess(arithmetic, context, writes)
        assert made.proved == (writes <= most)
        assert made.most_writes_proved == min(writes, most)
        assert made.beta == max(case.least_beta or 1 for case in made.cases)
        assert [case.least_beta is None for case in made.cases if case.facts.most > 1] == [writes > most] * (writes > 1)


def test_a_beta_that_is_too_small_proves_nothing_of_any_number_of_writes() -> None:
    least = {case.facts.separation: case.least_beta or 0 for case in assess("fused:bf16", 64, 64).cases}
    assert least[1] > least[2] > 1
    for beta in (1, least[2] // 2, least[2], least[1] // 2):
        made = assess("fused:bf16", 64, 64, beta)
        assert (made.beta, made.proved, made.most_writes_proved) == (beta, False, 0)
        assert [case.holds for case in made.cases] == [beta >= least[case.facts.separation] for case in made.cases]


def test_a_beta_at_which_scores_are_not_exact_is_refused() -> None:
    largest = assess("rounded:fp16/fp16", 64, 4).largest_exponent
    assert assess("rounded:fp16/fp16", 64, 4, 1 << largest).proved
    with pytest.raises(BetaError, match=rf"beta = 2\^{largest + 1} is too large .* up to beta = 2\^{largest}"):
        assess("rounded:fp16/fp16", 64, 4, 1 << (largest + 1))
    with pytest.raises(ModelError, match="not exact in float\\(2,0,1\\)"):
        assess("rounded:fp16/fp16@float(2,0,1)", 64, 4)


def test_where_nothing_holds_beta_is_the_largest() -> None:
    made = assess("fused:e4m3fn/fp16/bf16", 2**20, 1)
    assert [case.least_beta for case in made.cases] == [None, None]
    assert made.beta == 1 << made.largest_exponent
    assert (made.proved, made.most_writes_proved) == (False, 0)


def test_real_numbers_are_never_proved_and_beta_is_then_one_with_errors_below_a_half() -> None:
    made = assess("exact", 64, 64)
    assert (made.proved, made.most_writes_proved) == (False, 0)
    for beta, enough in ((made.beta, True), (made.beta // 2, False)):
        errors = [decide(made.model, HeadFacts(case.facts.separation, (1,), 64), beta) for case in made.cases]
        bounds = [one.bounds for one in errors if not isinstance(one, Holds) and one.bounds is not None]
        assert len(bounds) == len(made.cases)
        assert all(2 * one.zero_bound < 1 and 2 * (1 - (one.one_low or 0)) < 1 for one in bounds) == enough
